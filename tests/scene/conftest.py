"""The sample cell, loaded once: an arm, a torch, a table with clamps and a tray corner."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    spec = spec_from_file_location("sample_cell", Path(__file__).with_name("sample_cell.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["sample_cell"] = module
    spec.loader.exec_module(module)
    return module
