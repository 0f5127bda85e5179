"""Time laws: limits on the output, rest at the ends, constant speed, and how far from time-optimal they are."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.model.spline import BSpline, interpolated
from cellctl.planning.free.rounding import rounded
from cellctl.planning.laws.limits import MotionLimits
from cellctl.planning.laws.profile import time_optimal_profile
from cellctl.planning.laws.timing import constant_speed_law, stop_and_go_time, time_optimal_law

LIMITS = MotionLimits(
    np.array([2.7, 2.7, 2.7, 5.7, 5.7, 10.7]),
    np.array([6.8, 6.8, 6.8, 23.0, 23.0, 43.0]),
    np.array([68.0, 68.0, 68.0, 230.0, 230.0, 430.0]),
)
SHORT_LEGS = ((1.83, 1.58, 0.59, 0.00117, 0.0266, 0.00084), (0.999, 0.995, 0.898, 0.998, 0.999))
"""Legs (rad) with the cosines between them that once made a law of hours."""


def random_path(seed: int) -> BSpline:
    rng = np.random.default_rng(seed)
    q = rng.uniform(-1.5, 1.5, (6, 6))
    u = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(q, axis=0), axis=1))])
    return interpolated(u, q)


def random_way(seed: int, legs: tuple[float, ...], cosines: tuple[float, ...]) -> np.ndarray:
    """Way points with these legs and cosines between them, in random directions."""
    rng = np.random.default_rng(seed)
    direction = _unit(rng.normal(size=6))
    points = [np.zeros(6), legs[0] * direction]
    for leg, cosine in zip(legs[1:], cosines, strict=True):
        aside = rng.normal(size=6)
        aside = _unit(aside - (aside @ direction) * direction)
        direction = cosine * direction + np.sqrt(1.0 - cosine**2) * aside
        points.append(points[-1] + leg * direction)
    return np.array(points)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def use_at_1_khz(path: BSpline, law: BSpline, limits: MotionLimits) -> float:
    """The largest share of a limit in differences of the output sampled at 1 kHz."""
    t = np.arange(-3e-3, law.end + 4e-3, 1e-3)
    q = path(law(t)[:, 0])
    shares = []
    for limit in (limits.velocity, limits.acceleration, limits.jerk):
        q = np.diff(q, axis=0) / 1e-3
        shares.append(float(np.max(np.abs(q) / limit)))
    return max(shares)


@pytest.mark.parametrize("seed", range(8))
def test_limits_hold_on_the_output_sampled_at_1_khz(seed: int) -> None:
    path = random_path(seed)
    assert use_at_1_khz(path, time_optimal_law(path, LIMITS), LIMITS) <= 1.001


@pytest.mark.parametrize("seed", range(6))
def test_acceleration_holds_where_jerk_is_let_be_large(seed: int) -> None:
    """Its peaks are at the knots of law and path, and last a fraction of a millisecond."""
    sharp = MotionLimits(LIMITS.velocity, LIMITS.acceleration, 500.0 * LIMITS.acceleration)
    path = rounded(np.random.default_rng(seed).uniform(-1.0, 1.0, (4, 6)), 1.0)
    law = time_optimal_law(path, sharp)
    t = np.unique(np.concatenate([law.knots, np.linspace(0.0, law.end, 40_000)]))
    s, rate = law(t)[:, 0], law(t, 1)
    asked = np.abs(path(s, 2) * rate**2 + path(s, 1) * law(t, 2)) / sharp.acceleration
    assert asked.max() <= 1.0005
    assert use_at_1_khz(path, law, sharp) <= 1.001


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("roundness", [1.0, 0.25, 0.03])
def test_a_rounded_way_keeps_the_limits_and_is_not_slower_than_with_stops(seed: int, roundness: float) -> None:
    way = np.random.default_rng(seed).uniform(-1.0, 1.0, (5, 6))
    path = rounded(way, roundness)
    law = time_optimal_law(path, LIMITS)
    assert use_at_1_khz(path, law, LIMITS) <= 1.001
    assert law.end <= 1.25 * stop_and_go_time(way, LIMITS)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("roundness", [1.0, 0.1, 0.03])
def test_short_legs_do_not_make_a_law_slow(seed: int, roundness: float) -> None:
    way = random_way(seed, *SHORT_LEGS)
    path = rounded(way, roundness)
    law = time_optimal_law(path, LIMITS)
    assert use_at_1_khz(path, law, LIMITS) <= 1.001
    assert law.end <= 1.25 * stop_and_go_time(way, LIMITS)


@pytest.mark.parametrize("seed", range(4))
def test_a_law_runs_its_path_once_from_rest_to_rest(seed: int) -> None:
    path = random_path(seed)
    law = time_optimal_law(path, LIMITS)
    ends = np.array([0.0, law.end])
    np.testing.assert_allclose(law(ends)[:, 0], [path.start, path.end])
    np.testing.assert_allclose(law(ends, 1), 0.0, atol=1e-12)
    np.testing.assert_allclose(law(ends, 2), 0.0, atol=1e-9)
    assert np.all(np.diff(law.control[:, 0]) >= 0.0)


def test_jerk_limits_cost_little_time() -> None:
    lost = []
    for seed in range(12):
        path = random_path(seed)
        profile = time_optimal_profile(path, LIMITS.velocity, LIMITS.acceleration)
        lost.append(time_optimal_law(path, LIMITS).end / profile.t[-1] - 1.0)
    assert min(lost) > 0.0
    assert np.median(lost) <= 0.05
    assert max(lost) <= 0.08


def test_a_straight_single_joint_move_takes_about_the_trapezoid_time() -> None:
    q = np.zeros((8, 6))
    q[:, 0] = np.linspace(0.0, 2.7, 8)
    path = interpolated(np.linspace(0.0, 2.7, 8), q)
    law = time_optimal_law(path, MotionLimits(LIMITS.velocity, LIMITS.acceleration, 1e6 * LIMITS.jerk))
    trapezoid = 2.7 / 2.7 + 2.7 / 6.8
    assert trapezoid <= law.end <= 1.05 * trapezoid


def test_a_speed_cap_holds() -> None:
    path = random_path(3)
    law = time_optimal_law(path, LIMITS, speed_cap=0.2)
    speeds = law(np.linspace(0.0, law.end, 3000), 1)
    assert 0.195 <= speeds.max() <= 0.2


def test_the_same_path_gets_the_same_law() -> None:
    first, again = (time_optimal_law(random_path(5), LIMITS) for _ in range(2))
    assert first == again


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
