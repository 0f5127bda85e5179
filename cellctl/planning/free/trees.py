"""Two trees of joint values that grow towards each other: their nodes, the nearest of them, and the way through both.

Nothing is proved here.
"""

from __future__ import annotations

from math import inf
from typing import Any, Final, NamedTuple

import numpy as np
from numba import types

from cellctl.kinematics.compiled import COUNT, NOTHING, compiled, reads, record, writes
from cellctl.scene.spheres.lanes import SINGLE, Single, SingleArray, below, load, splat, store
from cellctl.scene.spheres.tables import IntArray

DOMAIN: Final = 4.0
"""Radius (rad) of the domain of a node that could not be extended: samples further away are dropped."""
_FAR: Final = 1e18


class Trees(NamedTuple):
    """Two trees, of the start and of the goals: `nodes` (2, dof n) float32, sixteen at a time, joint by joint,
    `domains` (2, n) their squared radii, `parents` (2, n), -1 - k for root k, `counts` (2,), `boxes` (4, dof)
    around them, lower and upper ends of each, and room for sixteen `squares`.
    """

    nodes: SingleArray
    domains: SingleArray
    parents: IntArray
    counts: IntArray
    boxes: SingleArray
    squares: SingleArray


TREES: Final[Any] = record(
    Trees,
    writes(2, SINGLE),
    writes(2, SINGLE),
    writes(2, COUNT),
    writes(1, COUNT),
    writes(2, SINGLE),
    writes(1, SINGLE),
)


@compiled(TREES, COUNT, COUNT)
def empty_trees(dof: int, capacity: int) -> Trees:
    """Two trees without nodes, with room for `capacity` each; `add` writes what is read."""
    boxes = np.empty((4, dof), np.float32)
    boxes[0::2], boxes[1::2] = np.float32(inf), np.float32(-inf)
    return Trees(
        np.empty((2, dof * 16 * ((capacity + 15) // 16)), np.float32),
        np.empty((2, capacity), np.float32),
        np.empty((2, capacity), np.intp),
        np.zeros(2, np.intp),
        boxes,
        np.empty(16, np.float32),
    )


@compiled(types.Tuple((COUNT, SINGLE)), TREES, COUNT, reads(1, SINGLE), bare=True)
def nearest(trees: Trees, side: int, q: SingleArray) -> tuple[int, Single]:
    """The node of a tree nearest to `q` and its squared distance; sixteen at once."""
    nodes, squares, dof = trees.nodes[side], trees.squares, q.shape[0]
    best, least = 0, np.float32(inf)
    for first in range(0, trees.counts[side], 16):
        total = splat(np.float32(0.0))
        for j in range(dof):
            apart = load(nodes, first * dof + 16 * j) - q[j]
            total = total + apart * apart
        if below(total, least) != 0:
            store(squares, 0, total)
            for lane in range(16):
                if squares[lane] < least:
                    best, least = first + lane, squares[lane]
    return best, least


@compiled(COUNT, TREES, COUNT, COUNT, reads(1, SINGLE), bare=True)
def add(trees: Trees, side: int, parent: int, q: SingleArray) -> int:
    """A new node of a tree; its index. Those that share its sixteen and are no nodes yet are far away."""
    k, dof = int(trees.counts[side]), q.shape[0]
    at = (k & ~15) * dof + (k & 15)
    if k & 15 == 0:
        trees.nodes[side, at : at + 16 * dof] = np.float32(_FAR)
    for j in range(dof):
        trees.nodes[side, at + 16 * j] = q[j]
        trees.boxes[2 * side, j] = min(trees.boxes[2 * side, j], q[j])
        trees.boxes[2 * side + 1, j] = max(trees.boxes[2 * side + 1, j], q[j])
    trees.domains[side, k] = np.float32(inf)
    trees.parents[side, k] = parent
    trees.counts[side] = k + 1
    return k


@compiled(NOTHING, TREES, COUNT, COUNT, writes(1, SINGLE), bare=True)
def read(trees: Trees, side: int, k: int, q: SingleArray) -> None:
    """Fill `q` (dof,) with a node."""
    at = (k & ~15) * q.shape[0] + (k & 15)
    for j in range(q.shape[0]):
        q[j] = trees.nodes[side, at + 16 * j]


@compiled(NOTHING, TREES, COUNT, COUNT, bare=True)
def close(trees: Trees, side: int, k: int) -> None:
    """Let a node, from which a step touched something, take no samples that are further away than DOMAIN."""
    trees.domains[side, k] = DOMAIN * DOMAIN


@compiled(types.Tuple((writes(2, SINGLE), COUNT)), TREES, COUNT, COUNT, COUNT)
def joined(trees: Trees, dof: int, of_start: int, of_goal: int) -> tuple[SingleArray, int]:
    """The way (k, dof) through two nodes that meet, and the goal that it leads to."""
    count, k = 0, of_start
    while k >= 0:
        count, k = count + 1, trees.parents[0, k]
    ahead, k = 0, trees.parents[1, of_goal]
    while k >= 0:
        ahead, k = ahead + 1, trees.parents[1, k]
    way = np.empty((count + ahead, dof), np.float32)
    k = of_start
    for row in range(count - 1, -1, -1):
        read(trees, 0, k, way[row])
        k = trees.parents[0, k]
    k = trees.parents[1, of_goal]
    for row in range(count, count + ahead):
        read(trees, 1, k, way[row])
        k = trees.parents[1, k]
    return way, -1 - k
