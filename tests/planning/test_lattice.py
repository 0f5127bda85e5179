"""The lattice of a seam on a positioner against brute force on small cases."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from cellctl.planning.seams.lattice import advance, traced

SPIN_COST, GATE = 0.02, 0.8
WEIGHTS = np.array([1.0, 0.3])


def step_cost(before: np.ndarray, after: np.ndarray) -> float:
    """What the joints cost from one node to the next, the short way round; infinite beyond the gate."""
    way = np.angle(np.exp(1j * (after - before)))
    return np.inf if np.any(np.abs(way) > GATE) else float(np.sum(WEIGHTS * way**2))


def spin_step(first: int, second: int, spins: int) -> float:
    return {0: 0.0, 1: SPIN_COST, spins - 1: SPIN_COST}.get((second - first) % spins, np.inf)


@pytest.mark.parametrize("seed", range(8))
def test_the_way_is_the_cheapest_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stages, places, spins, branches = 3, 3, 4, 2
    joints = rng.uniform(-0.6, 0.6, (stages, places, spins, branches, 2)) + 2.0 * np.pi * rng.integers(
        -1, 2, (stages, places, spins, branches, 2)
    )
    costs = rng.uniform(0.0, 0.1, (stages, places, spins, branches))
    costs[rng.random(costs.shape) < 0.3] = np.inf
    neighbours = np.array([[0, 1], [1, 0], [2, -1]])
    moves = np.array([[0.0, 0.01], [0.0, 0.02], [0.0, 0.0]])
    sums, origins = costs[0].copy(), [np.zeros(costs[0].shape, np.uint8)]
    for stage in range(1, stages):
        after, came = np.empty(costs[stage].shape), np.empty(costs[stage].shape, np.uint8)
        advance(
            joints[stage - 1], sums, joints[stage], costs[stage], neighbours, moves, WEIGHTS, SPIN_COST, GATE,
            after, came,
        )  # fmt: skip
        sums = after
        origins.append(came)

    def total(branch: int, way: tuple[tuple[int, int], ...]) -> float:
        cost = sum(costs[stage, e, k, branch] for stage, (e, k) in enumerate(way))
        for stage in range(1, stages):
            (e0, k0), (e1, k1) = way[stage - 1], way[stage]
            beside = np.flatnonzero(neighbours[e1] == e0)
            if not len(beside):
                return np.inf
            cost += moves[e1, beside[0]] + spin_step(k0, k1, spins)
            cost += step_cost(joints[stage - 1, e0, k0, branch], joints[stage, e1, k1, branch])
        return float(cost)

    for branch in range(branches):
        ways = product(product(range(places), range(spins)), repeat=stages)
        least = min(total(branch, way) for way in ways)
        place, spin = np.unravel_index(int(np.argmin(sums[:, :, branch])), (places, spins))
        assert sums[place, spin, branch] == pytest.approx(least)
        if np.isfinite(least):
            led = traced(origins, [neighbours] * stages, (int(place), int(spin), branch))
            assert total(branch, tuple(zip(*led, strict=True))) == pytest.approx(least)
