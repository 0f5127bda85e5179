"""Trees of joint values: the nearest node is the one that numpy finds, and a way leads from root to root."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.planning.free.trees import add, empty_trees, joined, nearest


@pytest.mark.parametrize("count", [1, 15, 16, 17, 200])
@pytest.mark.parametrize("dof", [1, 6, 7])
def test_the_nearest_node_is_found(count: int, dof: int) -> None:
    draw = np.random.default_rng(count)
    nodes = draw.uniform(-3.0, 3.0, (count, dof)).astype(np.float32)
    trees = empty_trees(dof, 256)
    for row in nodes:
        add(trees, 1, -1, row)
    for q in draw.uniform(-3.0, 3.0, (50, dof)).astype(np.float32):
        k, square = nearest(trees, 1, q)
        squares = ((nodes.astype(np.float64) - q) ** 2).sum(axis=1)
        assert squares[k] <= squares.min() * (1.0 + 1e-5)
        assert square == pytest.approx(squares[k], rel=1e-5)


def test_the_box_of_a_tree_is_around_its_nodes() -> None:
    trees = empty_trees(3, 32)
    nodes = np.random.default_rng(2).uniform(-3.0, 3.0, (2, 20, 3)).astype(np.float32)
    for side in (0, 1):
        for row in nodes[side]:
            add(trees, side, -1, row)
    assert np.array_equal(trees.boxes[0::2], nodes.min(axis=1))
    assert np.array_equal(trees.boxes[1::2], nodes.max(axis=1))


def test_a_way_leads_from_the_start_through_both_trees_to_a_goal() -> None:
    trees = empty_trees(2, 64)
    start, met = np.array([0.0, 0.0], np.float32), np.array([1.0, 1.0], np.float32)
    goals = np.array([[5.0, 5.0], [2.0, 2.0]], np.float32)
    of_start = add(trees, 0, add(trees, 0, -1, start), met)
    for k, goal in enumerate(goals):
        root = add(trees, 1, -1 - k, goal)
    way, goal = joined(trees, 2, of_start, add(trees, 1, root, met))
    assert goal == 1
    assert way.tolist() == [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]
