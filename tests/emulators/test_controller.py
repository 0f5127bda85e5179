"""The simulated arm's controller, ticked by hand: setpoint check, lag, watchdog, stop, weld source."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.emulators.simulated_arm.weld_source import WeldSource, WeldSourceSettings
from cellctl.model.arm_wire import Condition, Fault

ARC = 1 << 1


def follow(controller, wave, cycles, outputs=0):
    for k in range(1, cycles + 1):
        controller.accept(wave(k), outputs)
        controller.tick()


def test_it_follows_setpoints_with_its_lag(controller, wave):
    """A first-order lag trails a ramp by its time constant: 8 ms of filter and the stand-in's 2 ms."""
    follow(controller, wave, 120)
    report = controller.report()
    speed = (wave(120) - wave(119)) / 0.004
    np.testing.assert_allclose(wave(120) - report.joints, speed * 0.010, rtol=0.15)
    assert report.condition == Condition.STREAMING
    assert report.fault == Fault.NONE
    assert report.time == pytest.approx(0.480)


def test_a_stream_with_gaps_is_gone_on_with_at_its_own_velocity(controller):
    """A host that is late and advances two steps where four periods passed: the arm stays near, and it is no fault."""
    given = np.array(controller.figures.start)
    for _ in range(60):
        given = given + 2 * 0.001
        controller.accept(given, 0)
        for _ in range(4):
            controller.tick()
            assert np.abs(controller._setpoint - given).max() <= 0.007
    assert controller.fault == Fault.NONE


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda q: q + 0.05, Fault.TOO_FAST),
        (lambda q: np.where(np.arange(6) == 2, np.nan, q), Fault.NOT_FINITE),
        (lambda q: np.where(np.arange(6) == 2, 3.1, q), Fault.OUT_OF_LIMITS),
        (lambda q: q[:5], Fault.WRONG_JOINTS),
    ],
)
def test_a_bad_setpoint_is_refused_and_stops_the_arm(controller, wave, change, fault):
    follow(controller, wave, 80, outputs=ARC)
    controller.accept(change(wave(81)), ARC)
    controller.settle()
    report = controller.report()
    assert report.fault == fault
    assert report.condition == Condition.BRAKED
    assert np.abs(report.velocities).max() < 5e-3
    assert report.inputs == 0
    assert [event for _, event in controller.events[-2:]] == ["arc_off", "stands"]
    controller.accept(report.joints, ARC)
    controller.tick()
    assert controller.report().fault == fault, "a latched fault does not go by itself"


def test_the_watchdog_extrapolates_then_stops_in_order(controller, wave):
    follow(controller, wave, 80, outputs=ARC)
    speed = (wave(80) - wave(79)) / 0.004
    seen = [wave(80)]
    for _ in range(5):
        controller.tick()
        seen.append(controller._setpoint)
    np.testing.assert_allclose(np.diff(seen, axis=0), np.tile(speed * 0.004, (5, 1)), atol=1e-12)
    assert controller.fault == Fault.NONE
    controller.tick()
    assert controller.fault == Fault.WATCHDOG
    positions = [seen[-1]]
    while not controller.stands:
        positions.append(controller._setpoint)
        controller.tick()
        assert len(positions) < 400
    slowing = np.abs(np.diff(positions, n=2, axis=0)).max(axis=0) / 0.004**2
    assert (slowing <= controller.figures.acceleration * 1.02).all()
    assert [event for _, event in controller.events] == [
        "arc_on",
        "arc_established",
        "fault_watchdog",
        "arc_off",
        "stands",
    ]


def test_clear_takes_a_fault_away_when_the_arm_stands(controller, wave):
    follow(controller, wave, 60)
    controller.abort(Fault.WATCHDOG)
    controller.clear()
    assert controller.fault == Fault.WATCHDOG, "not while it moves"
    controller.settle()
    controller.clear()
    assert controller.fault == Fault.NONE
    here = controller._setpoint
    controller.accept(here, 0)
    controller.tick()
    assert controller.report().condition == Condition.STREAMING


def test_stop_ends_the_stream_without_a_fault(controller, wave):
    follow(controller, wave, 60)
    controller.stop()
    controller.settle()
    report = controller.report()
    assert (report.fault, report.condition) == (Fault.NONE, Condition.STANDING)
    for _ in range(50):
        controller.tick()
    assert controller.fault == Fault.NONE, "no watchdog while nothing streams"


def run_source(settings, outputs):
    log = []
    source = WeldSource(settings, lambda at, event, joints: log.append((round(at, 3), event)))
    inputs = [source.tick(0.01 * k, o, (0.0,)) for k, o in enumerate(outputs)]
    return inputs, log


def test_the_arc_stands_after_the_ignition_delay():
    inputs, log = run_source(WeldSourceSettings(arc_on=1, arc_ok=3), [0] * 5 + [ARC] * 30 + [0] * 2)
    assert log == [(0.05, "arc_on"), (0.2, "arc_established"), (0.35, "arc_off")]
    assert inputs == [0] * 20 + [8] * 15 + [0] * 2


def test_an_arc_that_never_stands():
    inputs, log = run_source(WeldSourceSettings(1, 3, ignites=False), [ARC] * 100)
    assert set(inputs) == {0}
    assert log == [(0.0, "arc_on")]


def test_a_lost_arc_comes_back_only_after_off_and_on():
    settings = WeldSourceSettings(1, 3, lost_after=0.1)
    inputs, log = run_source(settings, [ARC] * 60 + [0] + [ARC] * 20)
    assert [event for _, event in log] == [
        "arc_on",
        "arc_established",
        "arc_lost",
        "arc_off",
        "arc_on",
        "arc_established",
    ]
    assert inputs[15:25] == [8] * 10
    assert set(inputs[25:61]) == {0}


def test_the_brakes_hold_until_the_fault_is_cleared_and_the_arm_goes_on_from_where_it_stands(controller, wave):
    follow(controller, wave, 60)
    controller.abort(Fault.WATCHDOG)
    controller.settle()
    held = controller.report().joints
    for _ in range(20):
        controller.tick()
    np.testing.assert_array_equal(controller.report().joints, held)
    controller.clear()
    for _ in range(20):
        controller.tick()
    np.testing.assert_allclose(controller.report().joints, held, atol=1e-12)
