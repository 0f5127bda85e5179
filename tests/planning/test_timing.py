"""Time laws: limits on the output, rest at the ends, constant speed, and how far from time-optimal they are."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.model.spline import BSpline, interpolated
from cellctl.planning.timing import GRID, MotionLimits, constant_speed_law, time_optimal_law

LIMITS = MotionLimits(
    np.array([2.7, 2.7, 2.7, 5.7, 5.7, 10.7]),
    np.array([6.8, 6.8, 6.8, 23.0, 23.0, 43.0]),
    np.array([68.0, 68.0, 68.0, 230.0, 230.0, 430.0]),
)


def random_path(seed: int) -> BSpline:
    rng = np.random.default_rng(seed)
    q = rng.uniform(-1.5, 1.5, (6, 6))
    u = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(q, axis=0), axis=1))])
    return interpolated(u, q)


@pytest.mark.parametrize("seed", range(8))
def test_limits_hold_on_the_output_sampled_at_1_khz(seed: int) -> None:
    path = random_path(seed)
    law = time_optimal_law(path, LIMITS)
    t = np.arange(0.0, law.end + 0.003, 1e-3)
    q = path(law(t)[:, 0])
    for limit in (LIMITS.velocity, LIMITS.acceleration, LIMITS.jerk):
        q = np.diff(q, axis=0) / 1e-3
        assert np.max(np.abs(q) / limit) <= 1.001


@pytest.mark.parametrize("seed", range(4))
def test_a_law_runs_its_path_once_from_rest_to_rest(seed: int) -> None:
    path = random_path(seed)
    law = time_optimal_law(path, LIMITS)
    ends = np.array([0.0, law.end])
    np.testing.assert_allclose(law(ends)[:, 0], [path.start, path.end])
    np.testing.assert_allclose(law(ends, 1), 0.0, atol=1e-12)
    np.testing.assert_allclose(law(ends, 2), 0.0, atol=1e-9)
    assert np.all(np.diff(law(np.linspace(0.0, law.end, 2000))[:, 0]) >= -1e-12)


def test_a_straight_single_joint_move_takes_about_the_trapezoid_time() -> None:
    q = np.zeros((8, 6))
    q[:, 0] = np.linspace(0.0, 2.7, 8)
    path = interpolated(np.linspace(0.0, 2.7, 8), q)
    law = time_optimal_law(path, MotionLimits(LIMITS.velocity, LIMITS.acceleration, 1e6 * LIMITS.jerk))
    trapezoid = 2.7 / 2.7 + 2.7 / 6.8
    assert trapezoid <= law.end <= 1.10 * trapezoid


def test_a_speed_cap_holds() -> None:
    path = random_path(3)
    law = time_optimal_law(path, LIMITS, speed_cap=np.full(GRID, 0.2))
    assert law(np.linspace(0.0, law.end, 3000), 1).max() <= 0.2 * 1.001


def test_constant_speed_is_constant_between_short_ramps() -> None:
    law = constant_speed_law(0.3, 0.010)
    t = np.linspace(0.0, law.end, 20001)
    s, v = law(t)[:, 0], law(t, 1)[:, 0]
    middle = (s > 0.005) & (s < 0.295)
    np.testing.assert_allclose(v[middle], 0.010, rtol=1e-9)
    assert v.max() <= 0.010 * (1.0 + 1e-9)
    np.testing.assert_allclose([s[0], s[-1], v[0], v[-1]], [0.0, 0.3, 0.0, 0.0], atol=1e-12)


def test_a_short_seam_still_gets_a_law() -> None:
    law = constant_speed_law(0.004, 0.010)
    assert law(law.end)[0, 0] == pytest.approx(0.004)
