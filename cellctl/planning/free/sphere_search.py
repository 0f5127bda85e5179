"""A way for an arm of spheres through what stands around it: two trees that grow towards each other.

J. J. Kuffner, S. M. LaValle, "RRT-Connect", 2000, with the dynamic domain of A. Yershova, L. Jaillet, T. Simeon,
S. M. LaValle, "Dynamic-Domain RRTs", 2005. Every edge is proved free. Limited by iterations, never by time; equal for
equal seeds.
"""

from __future__ import annotations

from math import ceil, inf, sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from numba import types

from cellctl.kinematics.compiled import COUNT, NOTHING, REAL, compiled, reads, record, several, writes
from cellctl.model.pose import FloatArray
from cellctl.planning.free.chance import Draws, draw, draws_of
from cellctl.planning.free.shortening import copy, length_of, shortened
from cellctl.scene.spheres.blocks import ITEMS, OBSTACLES, Items
from cellctl.scene.spheres.edges import ROOM, Room, motion_free, new_room, spheres_free
from cellctl.scene.spheres.lanes import SINGLE, Single, SingleArray, below, load, splat, store
from cellctl.scene.spheres.obstacles import Obstacles
from cellctl.scene.spheres.tables import ARM, ArmTables, IntArray

LEAST: Final = 2e-4
"""Growth (m) below which an interval counts as not free while planning; a path is proved again with a quarter of it."""
DOMAIN: Final = 4.0
"""Radius (rad) of the domain of a node that could not be extended: samples further away are dropped."""
NEARBY: Final = 256
"""Of so many first samples every other one is drawn from the box around start and goals, AROUND (rad or m) larger."""
AROUND: Final = 1.0
_FAR: Final = 1e18

START_HIT: Final = -1
GOALS_HIT: Final = -2
NOT_FOUND: Final = -3


class Trees(NamedTuple):
    """Two trees, of the start and of the goals: `nodes` (2, dof, n) float32, `domains` (2, n) their squared radii,
    `parents` (2, n), -1 - k for root k, `counts` (2,), and room for sixteen `squares`.
    """

    nodes: SingleArray
    domains: SingleArray
    parents: IntArray
    counts: IntArray
    squares: SingleArray


class Found(NamedTuple):
    """What a search came to: the `way` (k, dof), which goal it leads to (or START_HIT, GOALS_HIT, NOT_FOUND), how many
    iterations it took, and how long the way was before it was shortened (rad).
    """

    way: FloatArray
    goal: int
    iterations: int
    first_length: float


TREES: Final[Any] = record(
    Trees, writes(3, SINGLE), writes(2, SINGLE), writes(2, COUNT), writes(1, COUNT), writes(1, SINGLE)
)
FOUND: Final[Any] = record(Found, writes(2), COUNT, COUNT, REAL)


@compiled(types.Tuple((COUNT, SINGLE)), TREES, COUNT, reads(1, SINGLE), bare=True)
def _nearest(trees: Trees, side: int, q: SingleArray) -> tuple[int, Single]:
    """The node of a tree nearest to `q` and its squared distance; sixteen at once."""
    nodes, squares = trees.nodes[side], trees.squares
    best, least = 0, np.float32(inf)
    for first in range(0, trees.counts[side], 16):
        total = splat(np.float32(0.0))
        for j in range(q.shape[0]):
            apart = load(nodes[j], first) - q[j]
            total = total + apart * apart
        if below(total, least) != 0:
            store(squares, 0, total)
            for lane in range(16):
                if squares[lane] < least:
                    best, least = first + lane, squares[lane]
    return best, least


@compiled(COUNT, TREES, COUNT, COUNT, reads(1, SINGLE), bare=True)
def _add(trees: Trees, side: int, parent: int, q: SingleArray) -> int:
    """A new node of a tree; its index."""
    k = int(trees.counts[side])
    for j in range(q.shape[0]):
        trees.nodes[side, j, k] = q[j]
    trees.domains[side, k] = np.float32(inf)
    trees.parents[side, k] = parent
    trees.counts[side] = k + 1
    return k


@compiled(NOTHING, TREES, COUNT, COUNT, writes(1, SINGLE), bare=True)
def _read(trees: Trees, side: int, k: int, q: SingleArray) -> None:
    """Fill `q` (dof,) with a node."""
    for j in range(q.shape[0]):
        q[j] = trees.nodes[side, j, k]


@compiled(COUNT, ARM, OBSTACLES, ITEMS, ROOM, TREES, COUNT, COUNT, reads(1, SINGLE), reads(1, SINGLE), bare=True)
def _extend(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, side: int, near: int,
    here: SingleArray, there: SingleArray,
) -> int:  # fmt: skip
    """Add `there` to a tree where the motion to it from its node `near`, `here`, is free; the new node, or -1."""
    if trees.counts[side] == trees.domains.shape[1] or not motion_free(arm, obstacles, items, room, here, there, LEAST):
        return -1
    return _add(trees, side, near, there)


@compiled(COUNT, ARM, OBSTACLES, ITEMS, ROOM, TREES, COUNT, COUNT, reads(1, SINGLE), writes(1, SINGLE), bare=True)
def _extend_half(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, side: int, near: int,
    here: SingleArray, there: SingleArray,
) -> int:  # fmt: skip
    """`_extend` half as far, which `there` becomes: in narrow places half an edge is worth having."""
    for j in range(here.shape[0]):
        there[j] = here[j] + (there[j] - here[j]) * np.float32(0.5)
    return _extend(arm, obstacles, items, room, trees, side, near, here, there)


@compiled(
    COUNT, ARM, OBSTACLES, ITEMS, ROOM, TREES, COUNT, COUNT, reads(1, SINGLE), SINGLE, writes(2, SINGLE), SINGLE,
    bare=True,
)  # fmt: skip
def _connect(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, side: int, near: int,
    target: SingleArray, distance: Single, rows: SingleArray, reach: Single,
) -> int:  # fmt: skip
    """Grow a tree from node `near` to `target` in equal steps of at most `reach`; the node there, or -1."""
    here, there = rows[0], rows[1]
    _read(trees, side, near, here)
    steps = max(1, ceil(distance / reach))
    for step in range(1, steps + 1):
        for j in range(target.shape[0]):
            there[j] = here[j] + (target[j] - here[j]) / np.float32(steps + 1 - step)
        if step == steps:
            copy(there, target)
        new = _extend(arm, obstacles, items, room, trees, side, near, here, there)
        if new < 0:
            _extend_half(arm, obstacles, items, room, trees, side, near, here, there)
            return -1
        near = new
        copy(here, there)
    return near


@compiled(
    several(2, COUNT), ARM, OBSTACLES, ITEMS, ROOM, TREES, COUNT, reads(1, SINGLE), writes(2, SINGLE), SINGLE, bare=True
)
def _step(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, side: int,
    sample: SingleArray, rows: SingleArray, reach: Single,
) -> tuple[int, int]:  # fmt: skip
    """Grow one tree towards a sample and the other one to where it got; the two nodes that meet, or -1."""
    near, square = _nearest(trees, side, sample)
    if square > trees.domains[side, near]:
        return -1, -1
    distance = sqrt(square)
    here, there = rows[2], rows[3]
    _read(trees, side, near, here)
    share = np.float32(min(1.0, reach / max(distance, 1e-9)))
    for j in range(sample.shape[0]):
        there[j] = here[j] + share * (sample[j] - here[j])
    new = _extend(arm, obstacles, items, room, trees, side, near, here, there)
    if new < 0:
        trees.domains[side, near] = DOMAIN * DOMAIN
        new = _extend_half(arm, obstacles, items, room, trees, side, near, here, there)
    if new < 0:
        return -1, -1
    other, apart = _nearest(trees, 1 - side, there)
    return new, _connect(
        arm, obstacles, items, room, trees, 1 - side, other, there, np.float32(sqrt(apart)), rows, reach
    )


@compiled(TREES, COUNT, COUNT)
def _empty_trees(dof: int, capacity: int) -> Trees:
    """Two trees without nodes; what is not a node yet is far away."""
    room = 16 * ((capacity + 15) // 16)
    return Trees(
        np.full((2, dof, room), np.float32(_FAR)),
        np.empty((2, capacity), np.float32),
        np.empty((2, capacity), np.intp),
        np.zeros(2, np.intp),
        np.empty(16, np.float32),
    )


@compiled(types.Tuple((writes(2, SINGLE), COUNT)), TREES, COUNT, COUNT)
def _joined(trees: Trees, of_start: int, of_goal: int) -> tuple[SingleArray, int]:
    """The way (k, dof) through two nodes that meet, and the goal that it leads to."""
    dof = trees.nodes.shape[1]
    count, k = 0, of_start
    while k >= 0:
        count, k = count + 1, trees.parents[0, k]
    ahead, k = 0, trees.parents[1, of_goal]
    while k >= 0:
        ahead, k = ahead + 1, trees.parents[1, k]
    way = np.empty((count + ahead, dof), np.float32)
    k = of_start
    for row in range(count - 1, -1, -1):
        _read(trees, 0, k, way[row])
        k = trees.parents[0, k]
    k = trees.parents[1, of_goal]
    for row in range(count, count + ahead):
        _read(trees, 1, k, way[row])
        k = trees.parents[1, k]
    return way, -1 - k


@compiled(NOTHING, ARM, OBSTACLES, ITEMS, ROOM, TREES, reads(2, SINGLE), bare=True)
def _plant(arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, goals: SingleArray) -> None:
    """Make every goal that is free a root of the second tree."""
    for k in range(goals.shape[0]):
        if spheres_free(arm, obstacles, items, room, goals[k]):
            _add(trees, 1, -1 - k, goals[k])


@compiled(COUNT, ARM, OBSTACLES, ITEMS, ROOM, TREES, reads(1, SINGLE), writes(2, SINGLE), bare=True)
def _straight(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, start: SingleArray, rows: SingleArray
) -> int:
    """The first root of the second tree that can be reached in a straight line, or -1."""
    for k in range(trees.counts[1]):
        _read(trees, 1, k, rows[0])
        if motion_free(arm, obstacles, items, room, start, rows[0], LEAST):
            return k
    return -1


@compiled(
    several(3, COUNT), ARM, OBSTACLES, ITEMS, ROOM, TREES, reads(2, SINGLE), writes(1, types.uint64), COUNT,
    writes(2, SINGLE), SINGLE, bare=True,
)  # fmt: skip
def _grow(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, limits: SingleArray, draws: Draws,
    iterations: int, rows: SingleArray, reach: Single,
) -> tuple[int, int, int]:  # fmt: skip
    """Grow both trees until they meet: their nodes that do, or -1, and how many iterations it took."""
    sample = rows[4]
    side = 0
    for iteration in range(iterations):
        box = 2 * (iteration < NEARBY and iteration % 4 < 2)
        for j in range(sample.shape[0]):
            low, high = limits[box, j], limits[box + 1, j]
            sample[j] = low + (high - low) * np.float32(draw(draws))
        new, met = _step(arm, obstacles, items, room, trees, side, sample, rows, reach)
        if met >= 0:
            return (new, met, iteration + 1) if side == 0 else (met, new, iteration + 1)
        if trees.counts[1 - side] < 2 * trees.counts[side]:
            side = 1 - side
    return -1, -1, iterations


@compiled(writes(2, SINGLE), reads(2), reads(1), reads(2))
def _bounds(limits: FloatArray, start: FloatArray, goals: FloatArray) -> SingleArray:
    """Lower and upper limits, and those of the box around start and goals (4, dof)."""
    bounds = np.empty((4, start.shape[0]), np.float32)
    for j in range(start.shape[0]):
        low, high = min(start[j], goals[:, j].min()), max(start[j], goals[:, j].max())
        bounds[0, j], bounds[1, j] = limits[0, j], limits[1, j]
        bounds[2, j], bounds[3, j] = max(limits[0, j], low - AROUND), min(limits[1, j], high + AROUND)
    return bounds


@compiled(FOUND, ARM, OBSTACLES, ITEMS, reads(1), reads(2), reads(2), REAL, COUNT, COUNT, COUNT, COUNT)
def search(
    arm: ArmTables, obstacles: Obstacles, items: Items, start: FloatArray, goals: FloatArray, limits: FloatArray,
    reach: float, seed: int, iterations: int, capacity: int, tries: int,
) -> Found:  # fmt: skip
    """A shortened way from `start` (dof,) to one of `goals` (g, dof), proved free; `limits` (2, dof), edges of at most
    `reach` (rad), trees of at most `capacity` nodes, `tries` of shortening.
    """
    dof = start.shape[0]
    nothing = np.empty((0, dof))
    room, rows = new_room(arm, items), np.empty((5, dof), np.float32)
    first, lasts = start.astype(np.float32), goals.astype(np.float32)
    if not spheres_free(arm, obstacles, items, room, first):
        return Found(nothing, START_HIT, 0, 0.0)
    trees = _empty_trees(dof, capacity)
    _add(trees, 0, -1, first)
    _plant(arm, obstacles, items, room, trees, lasts)
    if trees.counts[1] == 0:
        return Found(nothing, GOALS_HIT, 0, 0.0)
    of_start, iteration = 0, 0
    of_goal = _straight(arm, obstacles, items, room, trees, first, rows)
    if of_goal < 0:
        bounds = _bounds(limits, start, goals)
        of_start, of_goal, iteration = _grow(
            arm, obstacles, items, room, trees, bounds, draws_of(seed, 1), iterations, rows, np.float32(reach)
        )
        if of_start < 0:
            return Found(nothing, NOT_FOUND, iteration, 0.0)
        way, goal = _joined(trees, of_start, of_goal)
        first_length = length_of(way)
        way = shortened(arm, obstacles, items, room, way, draws_of(seed, 2), tries)
    else:
        goal = -1 - trees.parents[1, of_goal]
        way = np.empty((2, dof), np.float32)
        way[0], way[1] = first, lasts[goal]
        first_length = length_of(way)
    result = way.astype(np.float64)
    result[0], result[-1] = start, goals[goal]
    return Found(result, goal, iteration, first_length)
