"""Sixteen states of an arm at once: where its spheres are, and which states touch something. It knows no motion.

A block is tested against listed items, a group of spheres and an obstacle or two groups. Every lane has its own growth,
by which all spheres are made larger before it counts as *near*; without growth it is *hit*.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from cellctl.kinematics.compiled import COUNT, NOTHING, compiled, reads, record, several, writes
from cellctl.scene.spheres.lanes import (
    LANES,
    SINGLE,
    Lanes,
    Single,
    SingleArray,
    below,
    larger,
    load,
    root,
    size,
    splat,
    store,
)
from cellctl.scene.spheres.obstacles import BALL, BOX, CYLINDER, UPRIGHT_BOX, UPRIGHT_CYLINDER, Obstacles
from cellctl.scene.spheres.tables import ARM, ArmTables, IntArray

OBSTACLES: Final[Any] = record(Obstacles, writes(1, COUNT), writes(2, SINGLE), writes(2, SINGLE))

EVERY_LANE: Final = 0xFFFF
_FRAME: Final = 12 * 16
_CENTRE: Final = 3 * 16
_TURN: Final = 0.15915494309189535
_TURN_HIGH: Final = 6.28125
_TURN_LOW: Final = 1.9353071795864769e-3
_ROUNDS: Final = 12582912.0
"""Adding and taking it off again rounds a float32 to a whole number."""


class Items(NamedTuple):
    """What is tested: `env` (n, 2) group and obstacle with `margins` (n,) m; `own` (m, 1) group pair with `own_margins`
    (m,). Kernels may bring `env` into another order, so that what was hit is asked first; no verdict depends on it.
    """

    env: IntArray
    margins: SingleArray
    own: IntArray
    own_margins: SingleArray


class Block(NamedTuple):
    """Room for one block: joint values `q` (16 d,), `frames` (192 (d + 1),), group `centres` (48 g,), the `half` width
    (16,) of every lane's interval, and the motion of each group (g,) and group pair (p,) in the whole edge, m;
    `moves` (d,) is the edge's own.
    """

    q: SingleArray
    frames: SingleArray
    centres: SingleArray
    half: SingleArray
    growth: SingleArray
    pair_growth: SingleArray
    moves: SingleArray


ITEMS: Final[Any] = record(Items, writes(2, COUNT), writes(1, SINGLE), writes(1, COUNT), writes(1, SINGLE))
BLOCK: Final[Any] = record(Block, *(writes(1, SINGLE) for _ in range(7)))


@compiled(BLOCK, ARM)
def new_block(arm: ArmTables) -> Block:
    """Room for the blocks of an arm; nothing moves."""
    dof, groups = arm.joints.shape[0], arm.groups.shape[0]
    frames = np.zeros((dof + 1) * _FRAME, np.float32)
    for i in range(3):
        store(frames, 64 * i, splat(1.0))
    return Block(
        np.zeros(16 * dof, np.float32),
        frames,
        np.zeros(_CENTRE * groups, np.float32),
        np.zeros(16, np.float32),
        np.zeros(groups, np.float32),
        np.zeros(arm.pair_spans.shape[0], np.float32),
        np.zeros(dof, np.float32),
    )


@compiled(several(2, LANES), LANES, inlined=True, bare=True)
def sine_cosine(angle: Lanes) -> tuple[Lanes, Lanes]:
    """Sine and cosine to 1e-6 for angles (rad) of a few turns: power series at half the angle, then doubled."""
    turns = (angle * _TURN + _ROUNDS) - _ROUNDS
    h = (angle - turns * _TURN_HIGH - turns * _TURN_LOW) * 0.5
    x = h * h
    s = x * -2.505210838544172e-08 + 2.7557319223985893e-06
    s = s * x + -1.984126984126984e-04
    s = s * x + 8.333333333333333e-03
    s = s * x + -1.6666666666666666e-01
    s = s * x * h + h
    c = x * 2.08767569878681e-09 + -2.755731922398589e-07
    c = c * x + 2.48015873015873e-05
    c = c * x + -1.388888888888889e-03
    c = c * x + 4.1666666666666664e-02
    c = c * x + -0.5
    c = c * x + 1.0
    return s * c * 2.0, splat(1.0) - s * s * 2.0


@compiled(several(3, LANES), reads(1, SINGLE), COUNT, SINGLE, SINGLE, SINGLE, inlined=True, bare=True)
def _placed(frames: SingleArray, frame: int, x: Single, y: Single, z: Single) -> tuple[Lanes, Lanes, Lanes]:
    """A point of a frame in the base frame."""
    at = frame * _FRAME
    return (
        load(frames, at) * x + load(frames, at + 16) * y + load(frames, at + 32) * z + load(frames, at + 144),
        load(frames, at + 48) * x + load(frames, at + 64) * y + load(frames, at + 80) * z + load(frames, at + 160),
        load(frames, at + 96) * x + load(frames, at + 112) * y + load(frames, at + 128) * z + load(frames, at + 176),
    )


@compiled(NOTHING, ARM, BLOCK, bare=True)
def place_block(arm: ArmTables, block: Block) -> None:
    """Fill `frames` and `centres` of a block for its `q`."""
    joints, frames = arm.joints, block.frames
    for k in range(joints.shape[0]):
        angle = load(block.q, 16 * k)
        slide = angle * joints[k, 12]
        s, c = sine_cosine(angle - slide)
        for i in range(3):
            a, b = k * _FRAME + 48 * i, (k + 1) * _FRAME + 48 * i
            u, v, w = load(frames, a), load(frames, a + 16), load(frames, a + 32)
            x = u * joints[k, 0] + v * joints[k, 3] + w * joints[k, 6]
            y = u * joints[k, 1] + v * joints[k, 4] + w * joints[k, 7]
            z = u * joints[k, 2] + v * joints[k, 5] + w * joints[k, 8]
            p = load(frames, k * _FRAME + 144 + 16 * i)
            p = u * joints[k, 9] + v * joints[k, 10] + w * joints[k, 11] + p + z * slide
            store(frames, b, x * c + y * s)
            store(frames, b + 16, y * c - x * s)
            store(frames, b + 32, z)
            store(frames, (k + 1) * _FRAME + 144 + 16 * i, p)
    groups = arm.groups
    for g in range(groups.shape[0]):
        x, y, z = _placed(frames, arm.spans[g, 0], groups[g, 0], groups[g, 1], groups[g, 2])
        store(block.centres, _CENTRE * g, x)
        store(block.centres, _CENTRE * g + 16, y)
        store(block.centres, _CENTRE * g + 32, z)


@compiled(LANES, OBSTACLES, COUNT, LANES, LANES, LANES, inlined=True, bare=True)
def square_gap(obstacles: Obstacles, k: int, x: Lanes, y: Lanes, z: Lanes) -> Lanes:
    """Squared distance of points in the base frame from obstacle `k` without its roundness; 0 inside."""
    row = obstacles.rows[k]
    kind = obstacles.kinds[k]
    nothing = splat(0.0)
    x, y, z = x - row[0], y - row[1], z - row[2]
    if kind == UPRIGHT_BOX:
        u = larger(size(x * row[3] + y * row[6]) - row[12], nothing)
        v = larger(size(x * row[4] + y * row[7]) - row[13], nothing)
        w = larger(size(z) - row[14], nothing)
        return u * u + v * v + w * w
    if kind == UPRIGHT_CYLINDER:
        u = larger(root(x * x + y * y) - row[12], nothing)
        w = larger(size(z) - row[13], nothing)
        return u * u + w * w
    if kind == BALL:
        return x * x + y * y + z * z
    if kind == BOX:
        u = larger(size(x * row[3] + y * row[6] + z * row[9]) - row[12], nothing)
        v = larger(size(x * row[4] + y * row[7] + z * row[10]) - row[13], nothing)
        w = larger(size(x * row[5] + y * row[8] + z * row[11]) - row[14], nothing)
        return u * u + v * v + w * w
    if kind == CYLINDER:
        u = x * row[3] + y * row[6] + z * row[9]
        v = x * row[4] + y * row[7] + z * row[10]
        u = larger(root(u * u + v * v) - row[12], nothing)
        w = larger(size(x * row[5] + y * row[8] + z * row[11]) - row[13], nothing)
        return u * u + w * w
    first = int(row[12])
    u = nothing
    for i in range(first, first + int(row[13])):
        plane = obstacles.planes[i]
        u = larger(x * plane[0] + y * plane[1] + z * plane[2] - plane[3], u)
    return u * u


@compiled(several(2, COUNT), ARM, OBSTACLES, BLOCK, COUNT, COUNT, SINGLE, inlined=True, bare=True)
def _against_obstacle(
    arm: ArmTables, obstacles: Obstacles, block: Block, group: int, obstacle: int, margin: Single
) -> tuple[int, int]:
    """Lanes that are hit and lanes that are near, of the spheres of a group and one obstacle."""
    half = load(block.half, 0)
    hit, near = 0, 0
    for s in range(arm.spans[group, 2], arm.spans[group, 3]):
        sphere = arm.spheres[s]
        moved = np.float32(0.0)
        for j in range(arm.spans[group, 0]):
            moved += block.moves[j] * arm.reach[j, s]
        x, y, z = _placed(block.frames, arm.spans[group, 0], sphere[0], sphere[1], sphere[2])
        square = square_gap(obstacles, obstacle, x, y, z)
        limit = sphere[3] + obstacles.rows[obstacle, 15] + margin
        grown = half * moved + limit
        near |= below(square, grown * grown)
        hit |= below(square, limit * limit)
    return hit, near


@compiled(several(2, COUNT), ARM, BLOCK, COUNT, SINGLE, inlined=True, bare=True)
def _against_itself(arm: ArmTables, block: Block, pair: int, margin: Single) -> tuple[int, int]:
    """Lanes that are hit and lanes that are near, of the listed spheres of two groups."""
    half = load(block.half, 0)
    hit, near = 0, 0
    first, second = arm.spans[arm.pair_spans[pair, 0], 0], arm.spans[arm.pair_spans[pair, 1], 0]
    for k in range(arm.pair_spans[pair, 2], arm.pair_spans[pair, 3]):
        a, b = arm.pairs[k, 0], arm.pairs[k, 1]
        one, other = arm.spheres[a], arm.spheres[b]
        moved = np.float32(0.0)
        for j in range(first, second):
            moved += block.moves[j] * arm.sphere_pair_reach[j, k]
        x, y, z = _placed(block.frames, first, one[0], one[1], one[2])
        u, v, w = _placed(block.frames, second, other[0], other[1], other[2])
        x, y, z = x - u, y - v, z - w
        square = x * x + y * y + z * z
        limit = one[3] + other[3] + margin
        grown = half * moved + limit
        near |= below(square, grown * grown)
        hit |= below(square, limit * limit)
    return hit, near


@compiled(COUNT, ARM, OBSTACLES, BLOCK, COUNT, COUNT, SINGLE, inlined=True, bare=True)
def _group_near(arm: ArmTables, obstacles: Obstacles, block: Block, group: int, obstacle: int, margin: Single) -> int:
    """Lanes in which the ball around a group is near an obstacle."""
    at = _CENTRE * group
    x, y, z = load(block.centres, at), load(block.centres, at + 16), load(block.centres, at + 32)
    still = arm.groups[group, 3] + obstacles.rows[obstacle, 15] + margin
    grown = load(block.half, 0) * np.float32(block.growth[group]) + still
    return below(square_gap(obstacles, obstacle, x, y, z), grown * grown)


@compiled(COUNT, ARM, BLOCK, COUNT, SINGLE, inlined=True, bare=True)
def _groups_near(arm: ArmTables, block: Block, pair: int, margin: Single) -> int:
    """Lanes in which the balls around two groups are near each other."""
    one, other = arm.pair_spans[pair, 0], arm.pair_spans[pair, 1]
    a, b = _CENTRE * one, _CENTRE * other
    x = load(block.centres, a) - load(block.centres, b)
    y = load(block.centres, a + 16) - load(block.centres, b + 16)
    z = load(block.centres, a + 32) - load(block.centres, b + 32)
    still = arm.groups[one, 3] + arm.groups[other, 3] + margin
    grown = load(block.half, 0) * np.float32(block.pair_growth[pair]) + still
    return below(x * x + y * y + z * z, grown * grown)


@compiled(NOTHING, ITEMS, COUNT, inlined=True, bare=True)
def _ask_sooner(items: Items, i: int) -> None:
    """Bring an `env` item half way to the front: what is hit once is often hit again."""
    k = i >> 1
    group, obstacle, margin = items.env[k, 0], items.env[k, 1], items.margins[k]
    items.env[k, 0], items.env[k, 1], items.margins[k] = items.env[i, 0], items.env[i, 1], items.margins[i]
    items.env[i, 0], items.env[i, 1], items.margins[i] = group, obstacle, margin


@compiled(several(4, COUNT), ARM, OBSTACLES, ITEMS, COUNT, COUNT, BLOCK, ITEMS, bare=True)
def probe_block(
    arm: ArmTables, obstacles: Obstacles, items: Items, env: int, own: int, block: Block, rest: Items
) -> tuple[int, int, int, int]:
    """Lanes that are hit, lanes that are near, and how many of the first `env` and `own` items are near in some lane.

    Those fill `rest`, which may be `items` itself. Ends as soon as a lane is hit.
    """
    near, env_rest, own_rest = 0, 0, 0
    for i in range(env):
        group, obstacle, margin = items.env[i, 0], items.env[i, 1], items.margins[i]
        if _group_near(arm, obstacles, block, group, obstacle, margin) == 0:
            continue
        hit_here, near_here = _against_obstacle(arm, obstacles, block, group, obstacle, margin)
        if hit_here != 0:
            _ask_sooner(items, i)
            return hit_here, near_here, 0, 0
        if near_here != 0:
            near |= near_here
            rest.env[env_rest, 0], rest.env[env_rest, 1], rest.margins[env_rest] = group, obstacle, margin
            env_rest += 1
    for i in range(own):
        pair, margin = items.own[i], items.own_margins[i]
        if _groups_near(arm, block, pair, margin) == 0:
            continue
        hit_here, near_here = _against_itself(arm, block, pair, margin)
        if hit_here != 0:
            return hit_here, near_here, 0, 0
        if near_here != 0:
            near |= near_here
            rest.own[own_rest], rest.own_margins[own_rest] = pair, margin
            own_rest += 1
    return 0, near, env_rest, own_rest


@compiled(COUNT, ARM, OBSTACLES, ITEMS, BLOCK, bare=True)
def lanes_hit(arm: ArmTables, obstacles: Obstacles, items: Items, block: Block) -> int:
    """Lanes that are hit by any of the items. Ends as soon as all are."""
    hit = 0
    for i in range(items.env.shape[0]):
        group, obstacle, margin = items.env[i, 0], items.env[i, 1], items.margins[i]
        if _group_near(arm, obstacles, block, group, obstacle, margin) & ~hit != 0:
            hit |= _against_obstacle(arm, obstacles, block, group, obstacle, margin)[0]
            if hit == EVERY_LANE:
                return hit
    for i in range(items.own.shape[0]):
        pair, margin = items.own[i], items.own_margins[i]
        if _groups_near(arm, block, pair, margin) & ~hit != 0:
            hit |= _against_itself(arm, block, pair, margin)[0]
    return hit
