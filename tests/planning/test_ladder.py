"""The ladder against brute force on small cases."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from cellctl.planning.seams.ladder import cheapest_way, fill_rungs


def brute_force(
    joints: np.ndarray, costs: np.ndarray, counts: np.ndarray, weights: np.ndarray, gate: np.ndarray
) -> float:
    """The least cost over every way there is."""
    n, spins, _, _ = joints.shape
    choices = [[(k, a) for k in range(spins) for a in range(counts[i, k])] for i in range(n)]
    least = np.inf
    for way in product(*choices):
        total = sum(costs[i, k, a] for i, (k, a) in enumerate(way))
        for i in range(1, n):
            (k0, a0), (k1, a1) = way[i - 1], way[i]
            step = joints[i, k1, a1] - joints[i - 1, k0, a0]
            if (k1 - k0) % spins not in (0, 1, spins - 1) or np.any(np.abs(step) > gate):
                total = np.inf
                break
            total += float(np.sum(weights * step**2))
        least = min(least, total)
    return least


@pytest.mark.parametrize("seed", range(12))
def test_the_cheapest_way_is_the_cheapest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, spins, slots, dof = 4, 4, 2, 2
    joints = rng.uniform(-0.5, 0.5, (n, spins, slots, dof))
    costs = rng.uniform(0.0, 0.1, (n, spins, slots))
    counts = rng.integers(0, slots + 1, (n, spins)).astype(np.int32)
    weights, gate = np.array([1.0, 0.3]), np.array([0.6, 0.7])
    spin, slot, cost, reached = cheapest_way(joints, costs, counts, weights, gate)
    expected = brute_force(joints, costs, counts, weights, gate)
    assert cost == pytest.approx(expected)
    if np.isfinite(expected):
        assert reached == n - 1
        rows = np.arange(n)
        own = costs[rows, spin, slot].sum() + np.sum(weights * np.diff(joints[rows, spin, slot], axis=0) ** 2)
        assert own == pytest.approx(expected)


def test_a_node_of_infinite_cost_is_never_used() -> None:
    joints = np.zeros((3, 1, 2, 1))
    joints[:, 0, 1] = 0.1
    costs = np.zeros((3, 1, 2))
    costs[1, 0, 0] = np.inf
    counts = np.full((3, 1), 2, np.int32)
    _, slot, cost, _ = cheapest_way(joints, costs, counts, np.ones(1), np.ones(1))
    assert slot[1] == 1
    assert np.isfinite(cost)


def test_every_turn_inside_the_limits_is_a_node() -> None:
    joints = np.array([0.5, 3.0]).reshape(1, 1, 1, 2)
    valid = np.ones((1, 1, 1), dtype=np.bool_)
    lower, upper = np.array([-6.1, -3.2]), np.array([6.1, 6.2])
    nodes, costs, tilts, counts = fill_rungs(joints, valid, lower, upper, 0, 1, 8)
    found = {tuple(np.round(q, 6)) for q in nodes[0, 0, : counts[0, 0]]}
    expected = {
        (round(a, 6), round(b, 6))
        for a in (0.5 - 2 * np.pi, 0.5, 0.5 + 2 * np.pi)
        for b in (3.0 - 2 * np.pi, 3.0, 3.0 + 2 * np.pi)
        if lower[0] <= a <= upper[0] and lower[1] <= b <= upper[1]
    }
    assert found == expected
    assert np.isfinite(costs[0, 0, : counts[0, 0]]).all()
    assert (tilts == 0).all()
