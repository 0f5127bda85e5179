"""The clock of a controller in real time: it keeps its period, and stands while its process was not let run."""

from __future__ import annotations

import pytest

from cellctl.emulators.simulated_arm.pacing import Pacing

PERIOD = 0.002


class Host:
    """A clock, and a sleep that may take longer than it was asked to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, pacing, *, late=0.0):
        self.now += max(pacing.left, 0.0) + late


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def pacing(host):
    return Pacing(PERIOD, host)


def test_small_delays_do_not_add_up(host, pacing):
    for _ in range(1000):
        assert not pacing.due()
        host.sleep(pacing, late=0.0001)
        assert pacing.due()
    assert pacing.stalled == 0.0
    assert host.now == pytest.approx(100.0 + 1000 * PERIOD + 0.0001)


def test_after_time_that_was_lost_a_whole_period_is_left_and_nothing_is_caught_up_with(host, pacing):
    host.sleep(pacing, late=0.030)
    assert not pacing.due()
    assert pacing.left == pytest.approx(PERIOD)
    ticks = 0
    while host.now < 100.2:
        host.sleep(pacing)
        ticks += pacing.due()
    assert pacing.stalled == pytest.approx(0.030 + PERIOD)
    assert ticks == pytest.approx((100.2 - 100.0 - pacing.stalled) / PERIOD, abs=2)


def test_the_clock_and_what_slipped_are_the_time_that_went_by(host, pacing):
    lates = [0.0, 0.0003, 0.0007, 0.0, 0.045, 0.0, 0.0, 0.0021, 0.0001]
    ticks = 0
    for late in lates * 20:
        host.sleep(pacing, late=late)
        ticks += pacing.due()
    assert host.now - 100.0 == pytest.approx(ticks * PERIOD + pacing.stalled + PERIOD - pacing.left, abs=1e-9)


def test_a_host_that_is_always_late_slows_the_clock_and_does_not_stop_it(host, pacing):
    ticks = 0
    for _ in range(100):
        host.sleep(pacing, late=0.010)
        ticks += pacing.due()
    assert ticks == 50


def test_work_that_takes_longer_than_a_period_slows_the_clock_too(host, pacing):
    ticks = 0
    for _ in range(100):
        host.sleep(pacing)
        if pacing.due():
            ticks += 1
            host.now += 3 * PERIOD
    assert ticks == pytest.approx(50, abs=1)
    assert pacing.stalled > 40 * 2 * PERIOD
