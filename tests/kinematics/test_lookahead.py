"""What a GRBL controller makes of waypoints: the laws that every motion keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.kinematics.lookahead import FirmwareLimits, Line, entry_speeds, followed, line_of

LIMITS = FirmwareLimits(np.array([50.0, 40.0, 30.0]), np.array([200.0, 150.0, 100.0]), 0.05, slowest=1.0 / 60.0)


programs = st.integers(0, 10**6).map(lambda seed: program(np.random.default_rng(seed)))


def program(chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Waypoints on whole steps (1/250), at most 15 lines, and their times."""
    count = int(chance.integers(2, 15))
    steps = chance.normal(size=(count, 3)) * chance.choice([0.3, 2.0, 20.0])
    if chance.random() < 0.3:
        steps = np.array([2.0, 1.0, 0.5]) + np.cumsum(chance.normal(size=(count, 3)) * 0.1, axis=0)
    steps = np.round(steps * 250.0) / 250.0 + np.eye(3)[0] * (np.abs(steps).max(axis=1, keepdims=True) < 0.004)
    return np.vstack([np.zeros(3), np.cumsum(steps, axis=0)]), chance.uniform(0.02, 0.5, count)


def lines_of(waypoints: np.ndarray, durations: np.ndarray) -> list[Line]:
    lines: list[Line] = []
    steps = np.diff(waypoints, axis=0)
    for k, step in enumerate(steps):
        lines.append(line_of(step, durations[k], LIMITS, steps[k - 1] if k else None, lines[-1].speed if k else 0.0))
    return lines


@given(programs)
def test_a_motion_keeps_the_limits_and_passes_every_waypoint(given_program) -> None:
    waypoints, durations = given_program
    motion = followed(waypoints, durations, LIMITS)
    times = np.linspace(0.0, motion.duration, 2000)
    assert (np.abs(motion.velocities_at(times)).max(axis=0) <= LIMITS.velocity + 1e-9).all()
    assert np.abs(motion.joints_at(motion.times_of_waypoints()) - waypoints).max() < 1e-6
    assert np.abs(motion.velocities_at(np.array([0.0, motion.duration]))).max() < 1e-6
    assert (np.diff(motion.times_of_waypoints()) >= durations.clip(max=0.5) * 0.999 - 1e-9).all()
    moved = np.abs(np.diff(motion.joints_at(times), axis=0)).sum(axis=0)
    assert (moved <= np.abs(np.diff(waypoints, axis=0)).sum(axis=0) + 1e-9).all()


@given(programs)
def test_no_line_speeds_up_or_slows_down_faster_than_it_may(given_program) -> None:
    lines = lines_of(*given_program)
    speeds = entry_speeds(lines)
    assert (speeds[0], speeds[-1]) == (0.0, 0.0)
    for line, one, other in zip(lines, speeds, speeds[1:], strict=False):
        assert abs(other * other - one * one) <= 2.0 * line.acceleration * line.length * (1.0 + 1e-9)
        assert one <= line.entry + 1e-12


def test_a_single_line_is_a_trapezoid() -> None:
    motion = followed(np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]]), np.array([0.5]), LIMITS)
    assert motion.duration == pytest.approx(0.5 + 20.0 / 200.0)
    assert motion.velocities_at(0.3)[0] == pytest.approx([20.0, 0.0, 0.0])
    assert motion.joints_at(0.05)[0, 0] == pytest.approx(0.5 * 200.0 * 0.05**2)


def test_a_reversal_is_a_stop_and_a_straight_line_is_none() -> None:
    lines = lines_of(np.array([[0.0, 0, 0], [5, 0, 0], [10, 0, 0], [5, 0, 0]]), np.full(3, 0.2))
    assert entry_speeds(lines)[1:3] == [25.0, 0.0]


def test_two_waypoints_that_are_the_same_are_refused() -> None:
    with pytest.raises(ValueError, match="the same"):
        followed(np.zeros((2, 3)), np.array([1.0]), LIMITS)
