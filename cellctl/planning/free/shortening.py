"""Polylines of joint values made shorter: needless corners left out, and cut short between any two points of them.

Every new leg is proved free; nothing else is asked of it.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np
from numba import types

from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, REAL, compiled, reads, writes
from cellctl.planning.free.chance import Draws, draw
from cellctl.scene.spheres.blocks import ITEMS, OBSTACLES, Items
from cellctl.scene.spheres.edges import ROOM, Room, motion_free
from cellctl.scene.spheres.lanes import SINGLE, SingleArray
from cellctl.scene.spheres.obstacles import Obstacles
from cellctl.scene.spheres.tables import ARM, ArmTables

_LEAST: Final = 2e-4
_WORTH: Final = 0.999


@compiled(REAL, reads(1, SINGLE), reads(1, SINGLE), bare=True)
def _apart(a: SingleArray, b: SingleArray) -> float:
    square = 0.0
    for j in range(a.shape[0]):
        square += (float(b[j]) - float(a[j])) ** 2
    return sqrt(square)


@compiled(NOTHING, writes(1, SINGLE), reads(1, SINGLE), bare=True)
def copy(into: SingleArray, given: SingleArray) -> None:
    """Fill `into` (dof,) with `given`."""
    for j in range(given.shape[0]):
        into[j] = given[j]


@compiled(REAL, reads(2, SINGLE))
def length_of(way: SingleArray) -> float:
    """Length of a polyline (k, dof), rad."""
    total = 0.0
    for k in range(1, way.shape[0]):
        total += _apart(way[k - 1], way[k])
    return total


@compiled(COUNT, ARM, OBSTACLES, ITEMS, ROOM, writes(2, SINGLE), COUNT, bare=True)
def _without_corners(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, way: SingleArray, count: int
) -> int:
    """Leave out every corner of the first `count` points that its neighbours can do without; how many stay."""
    k = 1
    while k < count - 1:
        if motion_free(arm, obstacles, items, room, way[k - 1], way[k + 1], _LEAST):
            for i in range(k, count - 1):
                copy(way[i], way[i + 1])
            count -= 1
            k = max(1, k - 1)
        else:
            k += 1
    return count


@compiled(COUNT, writes(2, SINGLE), COUNT, COUNT, COUNT, reads(2, SINGLE), bare=True)
def _cut(way: SingleArray, count: int, i: int, k: int, ends: SingleArray) -> int:
    """Put the leg `ends` (2, dof) in place of what lies between points of legs `i` and `k`; the new count."""
    shift = i + 2 - k
    if shift > 0:
        for row in range(count - 1, k, -1):
            copy(way[row + shift], way[row])
    elif shift < 0:
        for row in range(k + 1, count):
            copy(way[row + shift], way[row])
    copy(way[i + 1], ends[0])
    copy(way[i + 2], ends[1])
    return count + shift


@compiled(FLAG, ARM, OBSTACLES, ITEMS, ROOM, reads(2, SINGLE), COUNT, COUNT, writes(2, SINGLE), REAL, REAL, bare=True)
def _shorter(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, way: SingleArray, i: int, k: int,
    ends: SingleArray, u: float, v: float,
) -> bool:  # fmt: skip
    """Fill `ends` with points of legs `i` and `k`, at shares `u` and `v`; whether the leg between them is worth it."""
    for j in range(ends.shape[1]):
        ends[0, j] = way[i, j] + np.float32(u) * (way[i + 1, j] - way[i, j])
        ends[1, j] = way[k, j] + np.float32(v) * (way[k + 1, j] - way[k, j])
    along = _apart(ends[0], way[i + 1]) + _apart(way[k], ends[1])
    for row in range(i + 1, k):
        along += _apart(way[row], way[row + 1])
    return _apart(ends[0], ends[1]) < _WORTH * along and motion_free(
        arm, obstacles, items, room, ends[0], ends[1], _LEAST
    )


@compiled(writes(2, SINGLE), ARM, OBSTACLES, ITEMS, ROOM, reads(2, SINGLE), writes(1, types.uint64), COUNT)
def shortened(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, given: SingleArray, draws: Draws, tries: int
) -> SingleArray:
    """`given` (k, dof) made shorter: corners left out, `tries` cuts at random, every other one around one corner, and
    corners again.
    """
    count, dof = given.shape
    way = np.empty((count + tries + 2, dof), np.float32)
    way[:count] = given
    ends = np.empty((2, dof), np.float32)
    count = _without_corners(arm, obstacles, items, room, way, count)
    for attempt in range(tries):
        if count < 3:
            break
        if attempt % 2 == 1:
            i = int(draw(draws) * (count - 2))
            k = i + 1
        else:
            i, k = int(draw(draws) * (count - 1)), int(draw(draws) * (count - 1))
            i, k = min(i, k), max(i, k)
        u, v = draw(draws), draw(draws)
        if i < k and _shorter(arm, obstacles, items, room, way, i, k, ends, u, v):
            count = _cut(way, count, i, k, ends)
    count = _without_corners(arm, obstacles, items, room, way, count)
    return way[:count].copy()
