"""States and straight joint motions of an arm of spheres, proved free or not: the verdicts that planners ask for.

A motion is cut into intervals. In each, every sphere is made larger by the most it can move in half the interval, and
tested at the middle: the sum over the joints of the joint's change times the largest distance of the sphere from that
axis, in any posture. What is then free is free all along. What is not is cut again.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from numba import types

from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, compiled, reads, record, writes
from cellctl.scene.spheres.blocks import (
    BLOCK,
    ITEMS,
    OBSTACLES,
    Block,
    Items,
    lanes_hit,
    new_block,
    place_block,
    probe_block,
)
from cellctl.scene.spheres.lanes import SINGLE, Single, SingleArray, load, splat, store
from cellctl.scene.spheres.obstacles import HULL, Obstacles
from cellctl.scene.spheres.tables import ARM, ArmTables

_STACK: Final = 512
"""More intervals than can ever wait: each of some thirty halvings adds at most fifteen."""


class Room(NamedTuple):
    """Room for the proof of one motion after another: a block, the items left over from its first intervals, others
    to write over, and the intervals that wait, middle and half width (1024,).
    """

    block: Block
    rest: Items
    spare: Items
    waiting: SingleArray
    middles: SingleArray


ROOM: Final[Any] = record(Room, BLOCK, ITEMS, ITEMS, writes(1, SINGLE), writes(1, SINGLE))


@compiled(ITEMS, COUNT, COUNT)
def empty_items(env: int, own: int) -> Items:
    """Room for so many items."""
    return Items(
        np.zeros((env, 2), np.intp), np.zeros(env, np.float32), np.zeros(own, np.intp), np.zeros(own, np.float32)
    )


@compiled(ROOM, ARM, ITEMS)
def new_room(arm: ArmTables, items: Items) -> Room:
    """Room for motions of an arm tested against `items`."""
    env, own = items.env.shape[0], items.own.shape[0]
    waiting, middles = np.empty(2 * _STACK, np.float32), np.empty(16, np.float32)
    return Room(new_block(arm), empty_items(env, own), empty_items(env, own), waiting, middles)


@compiled(FLAG, ARM, COUNT, OBSTACLES, COUNT, SINGLE, bare=True)
def within_reach(arm: ArmTables, group: int, obstacles: Obstacles, k: int, margin: Single) -> bool:
    """Whether obstacle `k` may come within `margin` of a group, seen from axis 1 alone."""
    if arm.joints[0, 12] != 0.0:
        return True
    row = obstacles.rows[k]
    x, y, z = row[0] - arm.joints[0, 9], row[1] - arm.joints[0, 10], row[2] - arm.joints[0, 11]
    along = x * arm.joints[0, 2] + y * arm.joints[0, 5] + z * arm.joints[0, 8]
    u, v, w = x - along * arm.joints[0, 2], y - along * arm.joints[0, 5], z - along * arm.joints[0, 8]
    around = row[14] + row[15]
    if obstacles.kinds[k] != HULL:
        around = sqrt(row[12] * row[12] + row[13] * row[13] + row[14] * row[14]) + row[15]
    reach = arm.group_reach[0, group] + arm.groups[group, 3]
    return bool(sqrt(u * u + v * v + w * w) <= 1.0001 * (around + margin + reach))


@compiled(ITEMS, ARM, OBSTACLES, SINGLE)
def all_items(arm: ArmTables, obstacles: Obstacles, margin: Single) -> Items:
    """Every group that moves with every obstacle that it can reach, and every group pair, all with one margin (m)."""
    groups, bodies = arm.groups.shape[0], obstacles.rows.shape[0]
    items = empty_items(groups * bodies, arm.pair_spans.shape[0])
    count = 0
    for g in range(groups):
        for k in range(bodies):
            if arm.spans[g, 0] > 0 and within_reach(arm, g, obstacles, k, margin):
                items.env[count, 0], items.env[count, 1], items.margins[count] = g, k, margin
                count += 1
    for p in range(arm.pair_spans.shape[0]):
        items.own[p], items.own_margins[p] = p, margin
    return Items(items.env[:count], items.margins[:count], items.own, items.own_margins)


@compiled(NOTHING, ARM, BLOCK, bare=True)
def _stand(arm: ArmTables, block: Block) -> None:
    """Let nothing move, so that near means hit."""
    block.moves[:] = 0.0
    block.growth[:] = 0.0
    block.pair_growth[:] = 0.0
    store(block.half, 0, splat(0.0))


@compiled(FLAG, ARM, OBSTACLES, ITEMS, ROOM, reads(1, SINGLE), bare=True)
def spheres_free(arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, q: SingleArray) -> bool:
    """Whether every item is proved to keep its margin at `q` (dof,)."""
    block = room.block
    _stand(arm, block)
    for j in range(q.shape[0]):
        store(block.q, 16 * j, splat(q[j]))
    place_block(arm, block)
    hit, _, _, _ = probe_block(arm, obstacles, items, items.env.shape[0], items.own.shape[0], block, room.spare)
    return hit == 0


@compiled(COUNT, ARM, OBSTACLES, ITEMS, ROOM, reads(1, SINGLE), bare=True)
def states_hit(arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, states: SingleArray) -> int:
    """Bit k is set where state k of sixteen (16 dof,), lane by lane, is not proved to keep every margin."""
    block = room.block
    _stand(arm, block)
    for k in range(0, states.shape[0], 16):
        store(block.q, k, load(states, k))
    place_block(arm, block)
    return lanes_hit(arm, obstacles, items, block)


@compiled(NOTHING, ARM, OBSTACLES, ITEMS, reads(2, SINGLE), writes(1, FLAG))
def spheres_free_each(arm: ArmTables, obstacles: Obstacles, items: Items, joints: SingleArray, out: BoolArray) -> None:
    """`spheres_free` of every row of `joints` (n, dof), into `out` (n,)."""
    room = new_room(arm, items)
    for i in range(joints.shape[0]):
        out[i] = spheres_free(arm, obstacles, items, room, joints[i])


@compiled(SINGLE, ARM, BLOCK, reads(1, SINGLE), reads(1, SINGLE), bare=True)
def _move(arm: ArmTables, block: Block, qa: SingleArray, qb: SingleArray) -> Single:
    """Fill `moves`, `growth` and `pair_growth` of a block for a motion; the largest growth (m)."""
    block.growth[:] = 0.0
    block.pair_growth[:] = 0.0
    largest = np.float32(0.0)
    for j in range(qa.shape[0]):
        block.moves[j] = abs(qb[j] - qa[j])
        for g in range(block.growth.shape[0]):
            block.growth[g] += block.moves[j] * arm.group_reach[j, g]
        for p in range(block.pair_growth.shape[0]):
            block.pair_growth[p] += block.moves[j] * arm.pair_reach[j, p]
    for g in range(block.growth.shape[0]):
        largest = max(largest, block.growth[g])
    return largest


@compiled(NOTHING, BLOCK, reads(1, SINGLE), reads(1, SINGLE), reads(1, SINGLE), bare=True)
def _spread_block(block: Block, qa: SingleArray, qb: SingleArray, middles: SingleArray) -> None:
    """Fill `q` of a block for sixteen places (16,) along a motion, 0 to 1."""
    for j in range(qa.shape[0]):
        for lane in range(16):
            block.q[16 * j + lane] = qa[j] + (qb[j] - qa[j]) * middles[lane]


@compiled(COUNT, BLOCK, writes(1, SINGLE), COUNT, writes(1, SINGLE), bare=True)
def _take(block: Block, waiting: SingleArray, count: int, middles: SingleArray) -> int:
    """Cut up to eight waiting intervals so that they fill the lanes; how many lanes are used.

    Fills `middles` (16,) and the block's `half`. Lanes that are left over repeat the first one.
    """
    taken = min(count, 8)
    parts = 16 // taken
    for lane in range(16):
        which = lane // parts
        part = lane - which * parts
        if which >= taken:
            which, part = 0, 0
        middle, half = waiting[2 * (count - 1 - which)], waiting[2 * (count - 1 - which) + 1]
        width = half / np.float32(parts)
        middles[lane] = middle + width * np.float32(2 * part + 1 - parts)
        block.half[lane] = width * np.float32(1.000001)
    return taken * parts


@compiled(FLAG, ARM, OBSTACLES, ITEMS, ROOM, reads(1, SINGLE), reads(1, SINGLE), SINGLE, bare=True)
def motion_free(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, qa: SingleArray, qb: SingleArray, least: Single
) -> bool:
    """Whether every item is proved to keep its margin all along the straight joint motion from `qa` to `qb` (dof,).

    A touch at a middle ends the search; so does an interval that is too short to be cut again: its spheres would grow
    by less than `least` (m), which counts as not proved. Items that are clear in all of the first sixteen intervals
    are not asked again.
    """
    block, waiting, middles = room.block, room.waiting, room.middles
    largest = _move(arm, block, qa, qb)
    for lane in range(16):
        middles[lane] = (np.float32(lane) + np.float32(0.5)) / np.float32(16.0)
        block.half[lane] = np.float32(0.5 / 16.0) * np.float32(1.000001)
    _spread_block(block, qa, qb, middles)
    place_block(arm, block)
    hit, near, env, own = probe_block(arm, obstacles, items, items.env.shape[0], items.own.shape[0], block, room.rest)
    count, used = 0, 16
    while hit == 0:
        for lane in range(used):
            if (near >> lane) & 1:
                if block.half[lane] * largest < least or count == _STACK:
                    return False
                waiting[2 * count], waiting[2 * count + 1] = middles[lane], block.half[lane]
                count += 1
        if count == 0:
            return True
        taken = min(count, 8)
        used = _take(block, waiting, count, middles)
        count -= taken
        _spread_block(block, qa, qb, middles)
        place_block(arm, block)
        hit, near, _, _ = probe_block(arm, obstacles, room.rest, env, own, block, room.spare)
    return False


@compiled(NOTHING, ARM, OBSTACLES, ITEMS, reads(3, SINGLE), SINGLE, writes(1, FLAG))
def motion_free_each(
    arm: ArmTables, obstacles: Obstacles, items: Items, motions: SingleArray, least: Single, out: BoolArray
) -> None:
    """`motion_free` of every motion (n, 2, dof), into `out` (n,)."""
    room = new_room(arm, items)
    for i in range(motions.shape[0]):
        out[i] = motion_free(arm, obstacles, items, room, motions[i, 0], motions[i, 1], least)


@compiled(COUNT, ARM, OBSTACLES, ITEMS, reads(3, SINGLE), types.float64)
def dense_states_free(
    arm: ArmTables, obstacles: Obstacles, items: Items, motions: SingleArray, states_per_rad: float
) -> int:
    """Check motions (n, 2, dof) at evenly spread states, sixteen at once, as planners without a proof do; how many
    states were asked up to the first touch of each.
    """
    room = new_room(arm, items)
    block = room.block
    middles = np.empty(16, np.float32)
    asked = 0
    for i in range(motions.shape[0]):
        qa, qb = motions[i, 0], motions[i, 1]
        _stand(arm, block)
        square = 0.0
        for j in range(qa.shape[0]):
            square += (qb[j] - qa[j]) ** 2
        blocks = max(1, int(np.ceil(sqrt(square) * states_per_rad / 16.0)))
        for k in range(blocks):
            for lane in range(16):
                middles[lane] = np.float32((lane * blocks + k + 1) / (16.0 * blocks))
            _spread_block(block, qa, qb, middles)
            place_block(arm, block)
            hit, _, _, _ = probe_block(arm, obstacles, items, items.env.shape[0], items.own.shape[0], block, room.spare)
            asked += 16
            if hit != 0:
                break
    return asked
