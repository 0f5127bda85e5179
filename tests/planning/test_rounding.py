"""Rounded way points: ends, smoothness, and nearness to the polyline."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cellctl.planning.free.rounding import LARGEST_ROUNDING, rounded


def distance_to_polyline(points: np.ndarray, way: np.ndarray) -> np.ndarray:
    best = np.full(len(points), np.inf)
    for a, b in pairwise(way):
        share = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
        best = np.minimum(best, np.linalg.norm(points - (a + share[:, None] * (b - a)), axis=1))
    return best


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("roundness", [1.0, 0.1])
def test_a_rounded_way_keeps_its_ends_and_stays_near(seed: int, roundness: float) -> None:
    way = np.random.default_rng(seed).uniform(-1.0, 1.0, (5, 6))
    path = rounded(way, roundness)
    np.testing.assert_allclose(path([path.start, path.end]), way[[0, -1]])
    away = distance_to_polyline(path(np.linspace(path.start, path.end, 2000)), way)
    legs = np.linalg.norm(np.diff(way, axis=0), axis=1)
    assert away.max() <= min(LARGEST_ROUNDING, 0.45 * roundness * legs.max())


def test_a_straight_way_stays_straight() -> None:
    way = np.array([[0.0, 0.0], [1.0, 2.0]])
    path = rounded(way)
    points = path(np.linspace(path.start, path.end, 100))
    np.testing.assert_allclose(points[:, 1], 2.0 * points[:, 0], atol=1e-12)


def test_inner_knots_are_simple_so_the_path_is_c2() -> None:
    path = rounded(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]))
    inner = path.knots[4:-4]
    assert np.all(np.diff(inner) > 1e-6)
