"""Arms of servos on emulated buses: each test that asks for `bench` runs for every protocol."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from cellctl.bench.serial.simulated import ARMS, ServoBench, servo_bench
from cellctl.files import load_wiring
from cellctl.model.wiring import Wiring


@pytest.fixture(params=sorted(ARMS))
def protocol(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def wiring(protocol: str) -> Wiring:
    """That of the arm on the bench."""
    return load_wiring(ARMS[protocol])


@pytest.fixture
def bench(protocol: str) -> Callable[..., ServoBench]:
    """Makes an arm on a line with the given faults."""
    return partial(servo_bench, protocol)


@pytest.fixture
def dynamixel() -> Callable[..., ServoBench]:
    return partial(servo_bench, "dynamixel")


@pytest.fixture
def feetech() -> Callable[..., ServoBench]:
    return partial(servo_bench, "feetech")
