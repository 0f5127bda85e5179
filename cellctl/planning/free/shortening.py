"""Polylines of joint values made shorter: needless corners left out, and cut short between any two of their points.

Every new leg is proved free; nothing else is asked of it.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from numba import types

from cellctl.kinematics.compiled import COUNT, NOTHING, REAL, compiled, reads, record, writes
from cellctl.planning.free.chance import Draws, draw
from cellctl.scene.spheres.blocks import ITEMS, OBSTACLES, Items
from cellctl.scene.spheres.edges import ROOM, Room, motion_free, states_hit
from cellctl.scene.spheres.lanes import SINGLE, SingleArray
from cellctl.scene.spheres.obstacles import Obstacles
from cellctl.scene.spheres.tables import ARM, ArmTables, IntArray

_LEAST: Final = 2e-4
_WORTH: Final = 0.999
PROOFS: Final = 3
"""How many cuts of a round are tried, the best first, before others are drawn."""


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


class Cuts(NamedTuple):
    """Sixteen cuts of a way, lane by lane: from which leg to which, `legs` (16, 2), at which `shares` (16, 2) of these,
    how much shorter the way becomes, `gains` (16,), rad, and the `middles` (16 dof,) of the new legs.
    """

    legs: IntArray
    shares: SingleArray
    gains: SingleArray
    middles: SingleArray


CUTS: Final[Any] = record(Cuts, writes(2, COUNT), writes(2, SINGLE), writes(1, SINGLE), writes(1, SINGLE))


@compiled(NOTHING, reads(2, SINGLE), CUTS, COUNT, writes(2, SINGLE), bare=True)
def _set_ends(way: SingleArray, cuts: Cuts, lane: int, ends: SingleArray) -> None:
    """Fill `ends` (2, dof) with those of the new leg of a cut."""
    for end in range(2):
        leg, share = cuts.legs[lane, end], cuts.shares[lane, end]
        for j in range(ends.shape[1]):
            ends[end, j] = way[leg, j] + share * (way[leg + 1, j] - way[leg, j])


@compiled(NOTHING, reads(2, SINGLE), COUNT, CUTS, writes(1, types.uint64), writes(2, SINGLE), bare=True)
def _draw_cuts(way: SingleArray, count: int, cuts: Cuts, draws: Draws, ends: SingleArray) -> None:
    """Draw sixteen cuts of the first `count` points of a way, every other one around one corner."""
    for lane in range(16):
        i, k = int(draw(draws) * (count - 1)), int(draw(draws) * (count - 1))
        i, k = min(i, k), max(i, k)
        if lane % 2 == 1 or i == k:
            i = min(i, count - 3)
            k = i + 1
        cuts.legs[lane, 0], cuts.legs[lane, 1] = i, k
        cuts.shares[lane, 0], cuts.shares[lane, 1] = np.float32(draw(draws)), np.float32(draw(draws))
        _set_ends(way, cuts, lane, ends)
        along = _apart(ends[0], way[i + 1]) + _apart(way[k], ends[1])
        for row in range(i + 1, k):
            along += _apart(way[row], way[row + 1])
        cuts.gains[lane] = np.float32(_WORTH * along - _apart(ends[0], ends[1]))
        for j in range(ends.shape[1]):
            cuts.middles[16 * j + lane] = np.float32(0.5) * (ends[0, j] + ends[1, j])


@compiled(COUNT, ARM, OBSTACLES, ITEMS, ROOM, writes(2, SINGLE), COUNT, CUTS, writes(2, SINGLE), bare=True)
def _cut_best(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, way: SingleArray, count: int, cuts: Cuts,
    ends: SingleArray,
) -> int:  # fmt: skip
    """Make the cut that gains most of those that are free; the new count. Gives up after PROOFS that are not."""
    hit = states_hit(arm, obstacles, items, room, cuts.middles)
    for _ in range(PROOFS):
        best, most = -1, np.float32(0.0)
        for lane in range(16):
            if (hit >> lane) & 1 == 0 and cuts.gains[lane] > most:
                best, most = lane, cuts.gains[lane]
        if best < 0:
            return count
        _set_ends(way, cuts, best, ends)
        if motion_free(arm, obstacles, items, room, ends[0], ends[1], _LEAST):
            return _cut(way, count, cuts.legs[best, 0], cuts.legs[best, 1], ends)
        hit |= 1 << best
    return count


@compiled(writes(2, SINGLE), ARM, OBSTACLES, ITEMS, ROOM, reads(2, SINGLE), writes(1, types.uint64), COUNT)
def shortened(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, given: SingleArray, draws: Draws, rounds: int
) -> SingleArray:
    """`given` (k, dof) made shorter: corners left out, the best of sixteen cuts at random made in each of the `rounds`,
    and corners again.
    """
    count, dof = given.shape
    way = np.empty((count + rounds + 2, dof), np.float32)
    way[:count] = given
    ends = np.empty((2, dof), np.float32)
    cuts = Cuts(
        np.empty((16, 2), np.intp),
        np.empty((16, 2), np.float32),
        np.empty(16, np.float32),
        np.empty(16 * dof, np.float32),
    )
    count = _without_corners(arm, obstacles, items, room, way, count)
    for _ in range(rounds):
        if count < 3:
            break
        _draw_cuts(way, count, cuts, draws, ends)
        count = _cut_best(arm, obstacles, items, room, way, count, cuts, ends)
    count = _without_corners(arm, obstacles, items, room, way, count)
    return way[:count].copy()
