"""Steps that a tree may take next, drawn and looked at sixteen at a time. No motion is proved here.

A step whose end touches something becomes half a step; one that touches something half way is dropped.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from numba import types

from cellctl.kinematics.compiled import COUNT, NOTHING, compiled, reads, record, writes
from cellctl.planning.free.chance import Draws, draw
from cellctl.planning.free.trees import TREES, Trees, close, nearest, read
from cellctl.scene.spheres.blocks import EVERY_LANE, ITEMS, OBSTACLES, Items
from cellctl.scene.spheres.edges import ROOM, Room, states_hit
from cellctl.scene.spheres.lanes import SINGLE, Single, SingleArray
from cellctl.scene.spheres.obstacles import Obstacles
from cellctl.scene.spheres.tables import ARM, ArmTables, IntArray

ANYWAY: Final = 16
"""Every so many samples one is taken that lies outside of the domain of its node: trees whose nodes are all closed must
not starve.
"""
NEARBY: Final = 256
"""Of so many first samples every other one is drawn from the box around start and goals, later from that around what
the tree has reached: where it is caught, nearly all of the joints' ranges is of no use to it.
"""
AROUND: Final = np.float32(1.0)
"""How much larger (rad or m) these boxes are than what they are around."""
SHORTEST: Final = 0.25
"""Every other later step is shorter than `reach`, down to this share of it."""


class Steps(NamedTuple):
    """Sixteen steps for each of two trees: from which nodes, `nears` (2, 16), and lane by lane to which `ends`
    (2, 16 dof); `halves` (16 dof,) are half way. A bit of `waiting` (2,) is set while a step is still to be taken.
    """

    nears: IntArray
    ends: SingleArray
    halves: SingleArray
    waiting: IntArray


STEPS: Final[Any] = record(Steps, writes(2, COUNT), writes(2, SINGLE), writes(1, SINGLE), writes(1, COUNT))


@compiled(STEPS, COUNT)
def new_steps(dof: int) -> Steps:
    """Room for the steps of two trees; none waits."""
    return Steps(
        np.zeros((2, 16), np.intp),
        np.zeros((2, 16 * dof), np.float32),
        np.zeros(16 * dof, np.float32),
        np.zeros(2, np.intp),
    )


@compiled(NOTHING, TREES, COUNT, reads(2, SINGLE), COUNT, writes(1, types.uint64), writes(1, SINGLE), bare=True)
def _sample(trees: Trees, side: int, limits: SingleArray, iteration: int, draws: Draws, sample: SingleArray) -> None:
    """Fill `sample` (dof,) with joint values between `limits` (4, dof), of the whole or of a smaller box."""
    for j in range(sample.shape[0]):
        low, high = limits[0, j], limits[1, j]
        if iteration % 4 < 2 and iteration < NEARBY:
            low, high = limits[2, j], limits[3, j]
        elif iteration % 4 < 2:
            low = max(low, trees.boxes[2 * side, j] - AROUND)
            high = min(high, trees.boxes[2 * side + 1, j] + AROUND)
        sample[j] = low + (high - low) * np.float32(draw(draws))


@compiled(NOTHING, TREES, COUNT, STEPS, COUNT, COUNT, reads(1, SINGLE), SINGLE, writes(1, SINGLE), bare=True)
def _set_step(
    trees: Trees, side: int, steps: Steps, lane: int, near: int, sample: SingleArray, share: Single, here: SingleArray
) -> None:
    """Let a step lead from node `near` to a `share` of the way to `sample`."""
    read(trees, side, near, here)
    steps.nears[side, lane] = near
    for j in range(here.shape[0]):
        steps.ends[side, 16 * j + lane] = here[j] + share * (sample[j] - here[j])
        steps.halves[16 * j + lane] = here[j] + share * np.float32(0.5) * (sample[j] - here[j])


@compiled(COUNT, ARM, OBSTACLES, ITEMS, ROOM, TREES, COUNT, STEPS, bare=True)
def _sift(arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, side: int, steps: Steps) -> int:
    """Lanes whose steps end free and are free half way; where only half of a step is, that becomes the step."""
    ends_hit = states_hit(arm, obstacles, items, room, steps.ends[side])
    for lane in range(16):
        if (ends_hit >> lane) & 1:
            close(trees, side, steps.nears[side, lane])
            for k in range(lane, steps.halves.shape[0], 16):
                steps.ends[side, k] = steps.halves[k]
    return EVERY_LANE & ~states_hit(arm, obstacles, items, room, steps.halves)


@compiled(
    COUNT, ARM, OBSTACLES, ITEMS, ROOM, TREES, COUNT, STEPS, reads(2, SINGLE), writes(1, types.uint64), COUNT, COUNT,
    writes(2, SINGLE), SINGLE, bare=True,
)  # fmt: skip
def draw_steps(
    arm: ArmTables, obstacles: Obstacles, items: Items, room: Room, trees: Trees, side: int, steps: Steps,
    limits: SingleArray, draws: Draws, iteration: int, iterations: int, rows: SingleArray, reach: Single,
) -> int:  # fmt: skip
    """Draw the next steps of a tree, each of at most `reach` towards a sample, and let those wait that may be free; the
    number of samples so far. `rows` (5, dof) is room.
    """
    here, sample = rows[2], rows[4]
    lane = 0
    while lane < 16 and iteration < iterations:
        _sample(trees, side, limits, iteration, draws, sample)
        iteration += 1
        near, square = nearest(trees, side, sample)
        if square <= trees.domains[side, near] or iteration % ANYWAY == 0:
            longest = reach
            if iteration > NEARBY and iteration % 2 == 0:
                longest = reach * np.float32(SHORTEST + (1.0 - SHORTEST) * draw(draws))
            share = np.float32(min(1.0, longest / max(sqrt(square), 1e-9)))
            _set_step(trees, side, steps, lane, near, sample, share, here)
            lane += 1
    drawn = (1 << lane) - 1
    steps.waiting[side] = drawn & _sift(arm, obstacles, items, room, trees, side, steps) if lane > 0 else 0
    return iteration
