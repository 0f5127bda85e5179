"""Time-optimal profiles: against toppra on the same grid, limits at the grid points, and grids of short spans."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cellctl.bench.timing import random_path, sample_limits, toppra_duration
from cellctl.model.spline import interpolated
from cellctl.planning.laws.profile import LARGEST_GRID, PER_SPAN, path_grid, time_optimal_profile

VELOCITY, ACCELERATION = sample_limits().velocity, sample_limits().acceleration


@pytest.mark.peers
def test_200_random_paths_take_as_long_as_with_toppra() -> None:
    pytest.importorskip("toppra")
    ratios = []
    for seed in range(200):
        path = random_path(seed)
        grid = np.linspace(path.start, path.end, 100)
        ours = time_optimal_profile(path, VELOCITY, ACCELERATION, u=grid)
        ratios.append(ours.t[-1] / toppra_duration(path, sample_limits(), grid))
    np.testing.assert_allclose(ratios, 1.0, atol=1e-3)


@pytest.mark.parametrize("seed", range(10))
def test_limits_hold_at_both_ends_of_every_interval(seed: int) -> None:
    path = random_path(seed)
    profile = time_optimal_profile(path, VELOCITY, ACCELERATION)
    first, second = path(profile.u, 1), path(profile.u, 2)
    rise = (np.diff(profile.x) / (2.0 * np.diff(profile.u)))[:, None]
    assert (np.abs(first) * np.sqrt(profile.x)[:, None] <= VELOCITY * (1.0 + 1e-9)).all()
    for part in (slice(None, -1), slice(1, None)):
        asked = first[part] * rise + second[part] * profile.x[part, None]
        assert (np.abs(asked) <= ACCELERATION * (1.0 + 1e-6)).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_limit_binds_all_along_but_where_it_changes(seed: int) -> None:
    """Time-optimal: but for the intervals of a switch, a velocity or an acceleration is at its limit."""
    path = random_path(seed)
    profile = time_optimal_profile(path, VELOCITY, ACCELERATION)
    first, second = path(profile.u, 1), path(profile.u, 2)
    rise = (np.diff(profile.x) / (2.0 * np.diff(profile.u)))[:, None]
    speed = (np.abs(first) * np.sqrt(profile.x)[:, None] / VELOCITY).max(axis=1)
    before, after = (
        (np.abs(first[k] * rise + second[k] * profile.x[k, None]) / ACCELERATION).max(axis=1)
        for k in (slice(None, -1), slice(1, None))
    )
    assert np.mean(np.maximum.reduce([speed[:-1], speed[1:], before, after]) >= 0.999) >= 0.97


def test_a_speed_cap_holds_and_is_reached() -> None:
    profile = time_optimal_profile(random_path(1), VELOCITY, ACCELERATION, 0.5)
    assert np.sqrt(profile.x.max()) == pytest.approx(0.5)


def test_short_spans_have_points_of_their_own() -> None:
    knots = np.array([0.0, 0.5, 1.0, 1.0002, 1.0004, 2.0, 3.0])
    path = interpolated(knots, np.random.default_rng(2).uniform(-1.0, 1.0, (7, 6)))
    grid = path_grid(path)
    assert np.all(np.diff(grid) > 0.0)
    assert set(np.unique(path.knots)) <= set(grid)
    inside = [np.sum((grid >= a) & (grid < b)) for a, b in pairwise(np.unique(path.knots))]
    assert min(inside) >= PER_SPAN
    assert len(grid) <= LARGEST_GRID


def test_nothing_moving_takes_no_time_and_divides_by_nothing() -> None:
    path = interpolated(np.linspace(0.0, 1.0, 6), np.zeros((6, 6)))
    profile = time_optimal_profile(path, VELOCITY, ACCELERATION, 2.0)
    assert np.isfinite(profile.x).all()
    assert profile.t[-1] >= 0.0
