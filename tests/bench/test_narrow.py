"""The places of the narrow suite: closed where they say so, open where a way leads in."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.bench.narrow import PLACES
from cellctl.scene.spheres.contacts import obstacle_gaps
from cellctl.scene.spheres.obstacles import obstacles_from


@pytest.mark.parametrize("name", PLACES)
def test_a_place_leaves_room_where_motions_end_and_can_be_entered(name: str) -> None:
    place = PLACES[name](np.random.default_rng(3))
    obstacles = obstacles_from(place.solids)
    points = np.random.default_rng(4).uniform(-1.0, 1.0, (4000, 3)) * place.inside
    gaps = np.min([obstacle_gaps(obstacles, k, points) for k in range(len(obstacles.kinds))], axis=0)
    assert (gaps > 0.03).mean() > 0.3
    entry = points - np.array(place.towards)
    ways = np.linspace(points, entry, 60)
    clear = np.min([obstacle_gaps(obstacles, k, ways.reshape(-1, 3)) for k in range(len(obstacles.kinds))], axis=0)
    open_ways = (clear.reshape(60, -1) > 0.03).all(axis=0).mean()
    assert open_ways > 0.05


def test_the_same_seed_gives_the_same_place() -> None:
    for make in PLACES.values():
        first, again, other = (obstacles_from(make(np.random.default_rng(seed)).solids) for seed in (1, 1, 2))
        assert np.array_equal(first.rows, again.rows)
        assert not np.array_equal(first.rows, other.rows)
