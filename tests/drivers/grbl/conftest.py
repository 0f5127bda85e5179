"""The generic arm on an emulated GRBL controller: driver and controller in one process and in simulated time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cellctl.bench.serial.waypoint_benches import GrblBench, grbl_bench


@pytest.fixture
def bench() -> Callable[..., GrblBench]:
    """Makes a homed arm on a line with the given faults."""
    return grbl_bench
