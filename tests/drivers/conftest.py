"""A port of an emulated line, in simulated time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cellctl.bench.serial.simulated import SimulatedPort
from cellctl.emulators.link.line import Line


@pytest.fixture
def port_on() -> Callable[[Line], SimulatedPort]:
    """A port whose far end is a line."""
    return SimulatedPort
