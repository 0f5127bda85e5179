"""Inverse of arms whose axes 4 and 5 meet while axis 6 passes beside that point, compiled: many collaborative arms.

There is no closed form: the last angle is the one unknown. It fixes where axes 4 and 5 meet and how axis 5 lies there;
the first three axes have a closed form to that point, and axis 5 then lies at its angle to axis 4 or it does not. That
difference is sampled over a whole turn, and what lies between its zeros, its least values and the ends of its branches
is left to damped steps along the chain (the search over one subproblem of Elias and Wen, 2022). No limits, no turns.

Answers have no order, and the same call gives the same bytes. Two that all but fall together, beside a singularity, may
both be missed.
"""

from __future__ import annotations

from math import pi
from typing import Final

import numpy as np

from cellctl.kinematics.chain import BoolArray, Chain
from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, REAL, compiled, reads, writes
from cellctl.kinematics.solvers.newton import CHAIN, wrapped
from cellctl.kinematics.solvers.screws import inverse_of, meeting_point, parallel, screws_of
from cellctl.kinematics.solvers.search import approach, kept
from cellctl.kinematics.solvers.subproblems import angle_to, dot, turn
from cellctl.kinematics.solvers.three_axes import (
    arm_of_meeting,
    arm_of_parallel,
    carried,
    from_the_flange,
    pair_sign,
    points_to,
)
from cellctl.kinematics.solvers.values import OffsetArrays
from cellctl.model.pose import FloatArray

SAMPLES: Final = 180
"""Angles of axis 6 that are looked at."""
HALVINGS: Final = 10
"""How often a step with a zero is halved before the damped steps begin."""
SAMPLE: Final = 2.0 * pi / SAMPLES
FINER: Final = 16
"""How many steps two samples are divided in where there may be two zeros between them, or a branch ends."""
ROWS: Final = 4
STRETCHED: Final = 0.02
"""How far past +-1 a cosine may lie: an arm that all but reaches is begun from, as it may reach between two samples."""

_FORM = (reads(2), reads(2), reads(1), REAL)


@compiled(NOTHING, *_FORM, reads(2), REAL, writes(2), writes(2), writes(1))
def _tried(
    axes: FloatArray,
    points: FloatArray,
    last: FloatArray,
    sign: float,
    motion: FloatArray,
    sixth: float,
    rows: FloatArray,
    leans: FloatArray,
    misses: FloatArray,
) -> None:
    """For axis 6 at `sixth`, fill `rows` (4, 3) with the angles of axes 1 to 3, `leans` (4, 3) with how axis 5 lies
    before axis 4 turns, and `misses` (4,) with by how much it cannot; NaN where there is no such row.
    """
    arm, turned = np.empty(3), np.empty(3)
    wrist, lean, passing = motion[3].copy(), np.zeros(3), np.empty(3)
    turn(axes[5], -sixth, points[3] - last, arm)
    turn(axes[5], -sixth, axes[4], turned)
    for i in range(3):
        for j in range(3):
            wrist[i] += motion[j, i] * (arm[j] + last[j])
            lean[i] += motion[j, i] * turned[j]
    if sign == 0.0:
        arm_of_meeting(axes, points, wrist, STRETCHED, rows)
    else:
        arm_of_parallel(axes, points, sign, wrist, STRETCHED, rows)
    for row in range(ROWS):
        turn(axes[0], -rows[row, 0], lean, turned)
        turn(axes[1], -rows[row, 1], turned, passing)
        turn(axes[2], -rows[row, 2], passing, leans[row])
        misses[row] = dot(axes[3], leans[row]) - dot(axes[3], axes[4])


@compiled(NOTHING, *_FORM, reads(2), REAL, COUNT, REAL, writes(1))
def _begin(
    axes: FloatArray,
    points: FloatArray,
    last: FloatArray,
    sign: float,
    motion: FloatArray,
    sixth: float,
    row: int,
    backwards: float,
    q: FloatArray,
) -> None:
    """Fill `q` (6,) with the angles of `row` for axis 6 at `sixth`, in the arm's own order; NaN where there is none."""
    rows, leans, misses = np.empty((ROWS, 3)), np.empty((ROWS, 3)), np.empty(ROWS)
    across, image, turned = np.empty(3), np.zeros(3), np.empty(3)
    _tried(axes, points, last, sign, motion, sixth, rows, leans, misses)
    q[0], q[1], q[2], q[5] = rows[row, 0], rows[row, 1], rows[row, 2], sixth
    q[3] = angle_to(axes[3], axes[4], leans[row])
    least = 0
    for i in range(3):
        if abs(axes[4, i]) < abs(axes[4, least]):
            least = i
    for i in range(3):
        across[i] = (1.0 if i == least else 0.0) - axes[4, least] * axes[4, i]
    turn(axes[5], -sixth, across, turned)
    for i in range(3):
        for j in range(3):
            image[i] += motion[j, i] * turned[j]
    for k in range(4):
        turn(axes[k], -q[k], image, turned)
        image[:] = turned
    q[4] = angle_to(axes[4], across, image)
    if backwards:
        for j in range(3):
            q[j], q[5 - j] = q[5 - j], q[j]
    for j in range(6):
        q[j] = wrapped(q[j])


@compiled(REAL, *_FORM, reads(2), REAL, REAL, COUNT, REAL)
def _narrowed(
    axes: FloatArray,
    points: FloatArray,
    last: FloatArray,
    sign: float,
    motion: FloatArray,
    low: float,
    high: float,
    row: int,
    below: float,
) -> float:
    """An angle of axis 6 near a zero of what `row` misses, between `low`, where that is `below`, and `high`."""
    rows, leans, misses = np.empty((ROWS, 3)), np.empty((ROWS, 3)), np.empty(ROWS)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        _tried(axes, points, last, sign, motion, middle, rows, leans, misses)
        if misses[row] * below > 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@compiled(COUNT, *_FORM, reads(2), REAL, COUNT, writes(1))
def _finely(
    axes: FloatArray,
    points: FloatArray,
    last: FloatArray,
    sign: float,
    motion: FloatArray,
    middle: float,
    row: int,
    begins: FloatArray,
) -> int:
    """Fill `begins` (FINER + 1,) with angles of axis 6 near zeros and least values of what `row` misses, and its ends.

    It looks a sample around `middle`. Gives their number.
    """
    rows, leans = np.empty((ROWS, 3)), np.empty((ROWS, 3))
    misses, count = np.empty((FINER + 1, ROWS)), 0
    step = 2.0 * SAMPLE / FINER
    for k in range(FINER + 1):
        _tried(axes, points, last, sign, motion, middle - SAMPLE + k * step, rows, leans, misses[k])
    for k in range(FINER + 1):
        here = misses[k, row]
        if np.isnan(here):
            continue
        ahead = misses[k + 1, row] if k < FINER else np.inf
        behind = misses[k - 1, row] if k > 0 else np.inf
        sixth = middle - SAMPLE + k * step
        if here * ahead <= 0.0:
            begins[count] = _narrowed(axes, points, last, sign, motion, sixth, sixth + step, row, here)
            count += 1
        elif not (abs(here) > abs(ahead) or abs(here) > abs(behind)):
            begins[count] = sixth
            count += 1
    return count


@compiled(NOTHING, *_FORM, REAL, reads(2), *CHAIN, reads(3), writes(3), writes(2, FLAG))
def solve_offset_bulk(
    axes: FloatArray,
    points: FloatArray,
    last: FloatArray,
    sign: float,
    backwards: float,
    zero_inverse: FloatArray,
    before: FloatArray,
    prime: FloatArray,
    prismatic: BoolArray,
    after: FloatArray,
    targets: FloatArray,
    out: FloatArray,
    valid: BoolArray,
) -> None:
    """Fill `out` (n, CAPACITY, 6) and `valid` (n, CAPACITY) for every one of `targets` (n, 4, 4)."""
    motion, q, begins = np.empty((4, 3)), np.empty(6), np.empty(FINER + 1)
    rows, leans, misses = np.empty((ROWS, 3)), np.empty((ROWS, 3)), np.empty((SAMPLES, ROWS))
    for n in range(targets.shape[0]):
        count = 0
        carried(zero_inverse, backwards, targets[n], motion)
        for k in range(SAMPLES):
            _tried(axes, points, last, sign, motion, k * SAMPLE, rows, leans, misses[k])
        for row in range(ROWS):
            for k in range(SAMPLES):
                here, ahead, behind = misses[k, row], misses[(k + 1) % SAMPLES, row], misses[k - 1, row]
                if np.isnan(here) or (here * ahead > 0.0 and (abs(here) > abs(ahead) or abs(here) > abs(behind))):
                    continue
                for t in range(_finely(axes, points, last, sign, motion, k * SAMPLE, row, begins)):
                    _begin(axes, points, last, sign, motion, begins[t], row, backwards, q)
                    if not np.isnan(q[0]) and approach(before, prime, prismatic, after, targets[n], q):
                        count = kept(q, prismatic, count, out[n])
        for k in range(out.shape[1]):
            valid[n, k] = k < count


def offset_arrays(chain: Chain) -> OffsetArrays | None:
    """What `chain` is to the kernels, or None where its geometry is another one."""
    if len(chain.axes) != 6 or chain.prismatic.any():
        return None
    screws = screws_of(chain)
    for seen, backwards in ((screws, 0.0), (from_the_flange(screws), 1.0)):
        wrist = meeting_point(seen, 3, 4)
        points = None if wrist is None or parallel(seen, 4, 5) else points_to(seen, wrist)
        if points is not None:
            last, sign = seen.points[5].copy(), pair_sign(seen)
            return OffsetArrays(seen.axes, points, last, sign, backwards, inverse_of(seen.zero), *chain)
    return None
