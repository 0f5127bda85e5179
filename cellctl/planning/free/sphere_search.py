"""A way for an arm of spheres through what stands around it: two trees that grow towards each other.

J. J. Kuffner, S. M. LaValle, "RRT-Connect", 2000, with the dynamic domain of A. Yershova, L. Jaillet, T. Simeon,
S. M. LaValle, "Dynamic-Domain RRTs", 2005. Steps are drawn sixteen at a time, so that most of those that touch
something cost no more than their share of a block. Every edge is proved free. Limited by iterations, never by time;
equal for equal seeds.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from numba import types

from cellctl.kinematics.compiled import COUNT, NOTHING, REAL, compiled, reads, record, several, writes
from cellctl.model.pose import FloatArray
from cellctl.planning.free.chance import Draws, draws_of
from cellctl.planning.free.shortening import copy, length_of, shortened
from cellctl.planning.free.steps import AROUND, STEPS, Steps, draw_steps, new_steps
from cellctl.planning.free.trees import TREES, Trees, add, close, empty_trees, joined, nearest, read
from cellctl.scene.spheres.blocks import ITEMS, OBSTACLES, Items
from cellctl.scene.spheres.edges import ROOM, Room, motion_free, new_room, spheres_free
from cellctl.scene.spheres.lanes import SINGLE, Single, SingleArray
from cellctl.scene.spheres.obstacles import Obstacles
from cellctl.scene.spheres.tables import ARM, ArmTables

LEAST: Final = 2e-4
"""Growth (m) below which an interval counts as not free while planning; a path is proved again with a quarter of it."""

START_HIT: Final = -1
GOALS_HIT: Final = -2
NOT_FOUND: Final = -3


class Found(NamedTuple):
    """What a search came to: the `way` (k, dof), which goal it leads to (or START_HIT, GOALS_HIT, NOT_FOUND), how many
    iterations it took, and how long the way was before it was shortened (rad).
    """

    way: FloatArray
    goal: int
    iterations: int
    first_length: float


FOUND: Final[Any] = record(Found, writes(2), COUNT, COUNT, REAL)


@compiled(COUNT, ARM, OBSTACLES, ITEMS, ROOM, TREES, COUNT, COUNT, reads(1, SINGLE), reads(1, SINGLE), bare=True)
def _extend(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, side: int, near: int,
    here: SingleArray, there: SingleArray,
) -> int:  # fmt: skip
    """Add `there` to a tree where the motion to it from its node `near`, `here`, is free; the new node, or -1."""
    if trees.counts[side] == trees.domains.shape[1] or not motion_free(arm, obstacles, items, room, here, there, LEAST):
        return -1
    return add(trees, side, near, there)


@compiled(
    COUNT, ARM, OBSTACLES, ITEMS, ROOM, TREES, COUNT, reads(1, SINGLE), writes(2, SINGLE), SINGLE, bare=True
)  # fmt: skip
def _connect(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, side: int,
    target: SingleArray, rows: SingleArray, reach: Single,
) -> int:  # fmt: skip
    """Grow a tree from its node nearest to `target` to it in equal steps of at most `reach`; the node there, or -1."""
    near, square = nearest(trees, side, target)
    here, there = rows[0], rows[1]
    read(trees, side, near, here)
    steps = max(1, ceil(sqrt(square) / reach))
    for step in range(1, steps + 1):
        for j in range(target.shape[0]):
            there[j] = here[j] + (target[j] - here[j]) / np.float32(steps + 1 - step)
        if step == steps:
            copy(there, target)
        near = _extend(arm, obstacles, items, room, trees, side, near, here, there)
        if near < 0:
            return -1
        copy(here, there)
    return near


@compiled(
    several(2, COUNT), ARM, OBSTACLES, ITEMS, ROOM, TREES, COUNT, STEPS, COUNT, writes(2, SINGLE), SINGLE, bare=True
)
def _take(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, side: int, steps: Steps, lane: int,
    rows: SingleArray, reach: Single,
) -> tuple[int, int]:  # fmt: skip
    """Take a step of one tree and grow the other one to where it leads; the two nodes that meet, or -1."""
    here, there = rows[2], rows[3]
    near = steps.nears[side, lane]
    read(trees, side, near, here)
    for j in range(here.shape[0]):
        there[j] = steps.ends[side, 16 * j + lane]
    new = _extend(arm, obstacles, items, room, trees, side, near, here, there)
    if new < 0:
        close(trees, side, near)
        return -1, -1
    return new, _connect(arm, obstacles, items, room, trees, 1 - side, there, rows, reach)


@compiled(NOTHING, ARM, OBSTACLES, ITEMS, ROOM, TREES, reads(2, SINGLE), bare=True)
def _plant(arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, goals: SingleArray) -> None:
    """Make every goal that is free a root of the second tree."""
    for k in range(goals.shape[0]):
        if spheres_free(arm, obstacles, items, room, goals[k]):
            add(trees, 1, -1 - k, goals[k])


@compiled(COUNT, ARM, OBSTACLES, ITEMS, ROOM, TREES, reads(1, SINGLE), writes(2, SINGLE), bare=True)
def _straight(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, start: SingleArray, rows: SingleArray
) -> int:
    """The first root of the second tree that can be reached in a straight line, or -1."""
    for k in range(trees.counts[1]):
        read(trees, 1, k, rows[0])
        if motion_free(arm, obstacles, items, room, start, rows[0], LEAST):
            return k
    return -1


@compiled(
    several(3, COUNT), ARM, OBSTACLES, ITEMS, ROOM, TREES, STEPS, reads(2, SINGLE), writes(1, types.uint64), COUNT,
    writes(2, SINGLE), SINGLE, bare=True,
)  # fmt: skip
def _grow(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, steps: Steps, limits: SingleArray,
    draws: Draws, iterations: int, rows: SingleArray, reach: Single,
) -> tuple[int, int, int]:  # fmt: skip
    """Grow both trees until they meet, the smaller one first: their nodes that do, or -1, and how many iterations it
    took.
    """
    side, iteration = 0, 0
    while iteration < iterations or steps.waiting[side] != 0:
        if steps.waiting[side] == 0:
            iteration = draw_steps(
                arm, obstacles, items, room, trees, side, steps, limits, draws, iteration, iterations, rows, reach
            )
        lane = 0
        while lane < 16 and (steps.waiting[side] >> lane) & 1 == 0:
            lane += 1
        if lane < 16:
            steps.waiting[side] ^= 1 << lane
            new, met = _take(arm, obstacles, items, room, trees, side, steps, lane, rows, reach)
            if met >= 0:
                return (new, met, iteration) if side == 0 else (met, new, iteration)
        if trees.counts[1 - side] <= trees.counts[side]:
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
    reach: float, seed: int, iterations: int, capacity: int, rounds: int,
) -> Found:  # fmt: skip
    """A shortened way from `start` (dof,) to one of `goals` (g, dof), proved free; `limits` (2, dof), edges of at most
    `reach` (rad), trees of at most `capacity` nodes, `rounds` of shortening.
    """
    dof = start.shape[0]
    nothing = np.empty((0, dof))
    room, rows = new_room(arm, items), np.empty((5, dof), np.float32)
    first, lasts = start.astype(np.float32), goals.astype(np.float32)
    if not spheres_free(arm, obstacles, items, room, first):
        return Found(nothing, START_HIT, 0, 0.0)
    trees = empty_trees(dof, capacity)
    add(trees, 0, -1, first)
    _plant(arm, obstacles, items, room, trees, lasts)
    if trees.counts[1] == 0:
        return Found(nothing, GOALS_HIT, 0, 0.0)
    of_start, iteration = 0, 0
    of_goal = _straight(arm, obstacles, items, room, trees, first, rows)
    if of_goal < 0:
        bounds, steps, draws = _bounds(limits, start, goals), new_steps(dof), draws_of(seed, 1)
        of_start, of_goal, iteration = _grow(
            arm, obstacles, items, room, trees, steps, bounds, draws, iterations, rows, np.float32(reach)
        )
        if of_start < 0:
            return Found(nothing, NOT_FOUND, iteration, 0.0)
        way, goal = joined(trees, dof, of_start, of_goal)
        first_length = length_of(way)
        way = shortened(arm, obstacles, items, room, way, draws_of(seed, 2), rounds)
    else:
        goal = -1 - trees.parents[1, of_goal]
        way = np.empty((2, dof), np.float32)
        way[0], way[1] = first, lasts[goal]
        first_length = length_of(way)
    result = way.astype(np.float64)
    result[0], result[-1] = start, goals[goal]
    return Found(result, goal, iteration, first_length)
