"""The sample cell of the scene's tests, and a small plan in it."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "scene" / "sample_cell.py"
    spec = spec_from_file_location("sample_cell", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["sample_cell"] = module
    spec.loader.exec_module(module)
    return module
