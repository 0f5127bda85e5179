"""What the tests of files share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def _plain(value: Any) -> Any:
    """`value` with its type names, arrays as lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return (
            type(value).__name__,
            {field.name: _plain(getattr(value, field.name)) for field in fields(value) if field.compare},
        )
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


@pytest.fixture(scope="session")
def plain() -> Callable[[Any], Any]:
    """Turns frozen values into plain ones, so that two of them can be compared whatever arrays they hold."""
    return _plain


@pytest.fixture(scope="session")
def step_box() -> Callable[..., bytes]:
    """Writes a box as a STEP file: `step_box(size, unit)`."""
    spec = spec_from_file_location("step_box", Path(__file__).with_name("step_box.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    written: Callable[..., bytes] = module.step_box
    return written
