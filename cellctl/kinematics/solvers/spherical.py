"""Closed-form inverse of arms with three axes that meet in one point, at the wrist or at the shoulder, compiled.

Of the other three either the outer two meet (a seven-axis arm whose last joint is held) or the inner two are parallel
(the usual industrial arm). A shoulder that meets is a wrist seen from the other end: the arm is turned round. The
decompositions are those of Elias and Wen (2022). No limits, no turns.

A configuration is a number 0..7 of three bits that changes only where the arm passes a singularity. Answers are
verified by forward kinematics of the chain itself.
"""

from __future__ import annotations

import numpy as np

from cellctl.kinematics.chain import BoolArray, Chain
from cellctl.kinematics.compiled import FLAG, NOTHING, REAL, compiled, reads, writes
from cellctl.kinematics.solvers.newton import wrapped
from cellctl.kinematics.solvers.screws import (
    MEETING,
    Screws,
    distance_to,
    inverse_of,
    meeting_point,
    parallel,
    screws_of,
)
from cellctl.kinematics.solvers.subproblems import REACH_SLACK, angle_to, angles_to_plane, dot, turn
from cellctl.kinematics.solvers.three_axes import (
    arm_of_meeting,
    arm_of_parallel,
    carried,
    from_the_flange,
    pair_sign,
    points_to,
)
from cellctl.kinematics.solvers.values import SphericalArrays
from cellctl.model.pose import FloatArray

_FORM = (reads(2), reads(2), REAL, REAL, reads(2))


@compiled(REAL, reads(2), REAL, REAL, reads(1), reads(1))
def _last(axes: FloatArray, fourth: float, fifth: float, image: FloatArray, across: FloatArray) -> float:
    """The angle of axis 6 with which `across` (3,) becomes `image` (3,), after the angles of axes 4 and 5."""
    first, second = np.empty(3), np.empty(3)
    turn(axes[3], -fourth, image, first)
    turn(axes[4], -fifth, first, second)
    return angle_to(axes[5], across, second)


@compiled(NOTHING, *_FORM, reads(2), writes(2), writes(1, FLAG))
def spherical_branches(
    axes: FloatArray,
    points: FloatArray,
    sign: float,
    backwards: float,
    zero_inverse: FloatArray,
    target: FloatArray,
    out: FloatArray,
    valid: BoolArray,
) -> None:
    """Fill `out` (8, 6) and `valid` (8,) with branches for the flange `target` (4, 4), base frame, not yet verified."""
    motion, turned, arm = np.empty((4, 3)), np.empty((3, 3)), np.empty((4, 3))
    wrist, wanted, passing, across, bends = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(2)
    carried(zero_inverse, backwards, target, motion)
    for i in range(3):
        wrist[i] = motion[3, i]
        for j in range(3):
            wrist[i] += motion[j, i] * points[5, j]
    if sign == 0.0:
        arm_of_meeting(axes, points, wrist, REACH_SLACK, arm)
    else:
        arm_of_parallel(axes, points, sign, wrist, REACH_SLACK, arm)
    least = 0
    for i in range(3):
        if abs(axes[5, i]) < abs(axes[5, least]):
            least = i
    for i in range(3):
        across[i] = (1.0 if i == least else 0.0) - axes[5, least] * axes[5, i]
    for row in range(4):
        valid[2 * row] = valid[2 * row + 1] = False
        if np.isnan(arm[row, 0]):
            continue
        for j in range(3):
            turn(axes[0], -arm[row, 0], motion[j], passing)
            turn(axes[1], -arm[row, 1], passing, wanted)
            turn(axes[2], -arm[row, 2], wanted, turned[j])
        for i in range(3):
            wanted[i] = turned[0, i] * axes[5, 0] + turned[1, i] * axes[5, 1] + turned[2, i] * axes[5, 2]
        if not angles_to_plane(axes[3], axes[4], axes[5], dot(axes[3], wanted), REACH_SLACK, bends):
            continue
        for bend in range(2):
            k = 2 * row + bend
            fifth = bends[bend]
            turn(axes[4], fifth, axes[5], passing)
            fourth = angle_to(axes[3], passing, wanted)
            for i in range(3):
                passing[i] = turned[0, i] * across[0] + turned[1, i] * across[1] + turned[2, i] * across[2]
            sixth = _last(axes, fourth, fifth, passing, across)
            out[k, 0], out[k, 1], out[k, 2] = arm[row, 0], arm[row, 1], arm[row, 2]
            out[k, 3], out[k, 4], out[k, 5] = fourth, fifth, sixth
            if backwards:
                for j in range(3):
                    out[k, j], out[k, 5 - j] = out[k, 5 - j], out[k, j]
            for j in range(6):
                out[k, j] = wrapped(out[k, j])
            valid[k] = True


@compiled(NOTHING, *_FORM, reads(3), writes(3), writes(2, FLAG))
def spherical_branches_bulk(
    axes: FloatArray,
    points: FloatArray,
    sign: float,
    backwards: float,
    zero_inverse: FloatArray,
    targets: FloatArray,
    out: FloatArray,
    valid: BoolArray,
) -> None:
    """`spherical_branches` for every one of `targets` (n, 4, 4): fills `out` (n, 8, 6) and `valid` (n, 8)."""
    for n in range(targets.shape[0]):
        spherical_branches(axes, points, sign, backwards, zero_inverse, targets[n], out[n], valid[n])


def spherical_arrays(chain: Chain) -> SphericalArrays | None:
    """The closed form of `chain`, or None where its geometry is another one."""
    if len(chain.axes) != 6 or chain.prismatic.any():
        return None
    screws = screws_of(chain)
    for seen, backwards in ((screws, 0.0), (from_the_flange(screws), 1.0)):
        points = _wrist_and_pair(seen)
        if points is not None:
            return SphericalArrays(seen.axes, points, pair_sign(seen), backwards, inverse_of(seen.zero), *chain)
    return None


def _wrist_and_pair(screws: Screws) -> FloatArray | None:
    """Points (6, 3) as the kernels want them, or None where axes 4 to 6 or the pair are not as they must be."""
    wrist = meeting_point(screws, 4, 5)
    if wrist is None or distance_to(screws, 3, wrist) > MEETING or parallel(screws, 3, 4):
        return None
    return points_to(screws, wrist)
