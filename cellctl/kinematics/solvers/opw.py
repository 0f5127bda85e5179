"""Closed-form inverse of an ortho-parallel arm with a spherical wrist, compiled: eight branches. No limits, no turns.

After M. Brandstoetter, A. Angerer, M. Hofbaur, "An analytical solution of the inverse kinematics problem of industrial
serial manipulators with an ortho-parallel basis and a spherical wrist", 2014; the wrist is taken from the relative
rotation instead, which stays accurate where the paper's sine vanishes.

A configuration is a number 0..7 of three bits that changes only where the arm passes a singularity:
    4  shoulder: the wrist centre lies behind axis 1
    2  elbow: sin(theta_3 + psi) < 0, psi the bend of the upper arm's offset
    1  wrist: sin(theta_5) < 0
Every answer is verified by forward kinematics of the chain itself, so parameters that do not fit it give no answers.
"""

from __future__ import annotations

from math import acos, atan2, cos, hypot, pi, sin, sqrt
from typing import Final, NamedTuple

import numpy as np

from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, REAL, compiled, reads, writes
from cellctl.kinematics.solvers.newton import CHAIN, verify_branches, verify_bulk, wrapped
from cellctl.model.pose import FloatArray

BRANCHES: Final = 8
REACH_SLACK: Final = 1e-9
"""How far past +-1 a cosine may lie and still count as an arm that is just stretched."""


class OpwArrays(NamedTuple):
    """An arm's closed form as arrays for kernels, which take them unpacked: `solve_opw(*arrays, target, ...)`.

    `lengths` (7,): a1, a2, b, c1, c2, c3, c4; `offsets`, `signs` (6,); `flange_tip` (4, 4) the OPW tip in the flange
    frame; then the chain, for the verification.
    """

    lengths: FloatArray
    offsets: FloatArray
    signs: FloatArray
    flange_tip: FloatArray
    before: FloatArray
    axes: FloatArray
    prismatic: BoolArray
    after: FloatArray


_ARRAYS: Final = (reads(1), reads(1), reads(1), reads(2), *CHAIN)


@compiled(REAL, REAL)
def _arc_cosine(value: float) -> float:
    """Acos with REACH_SLACK at the ends; NaN outside."""
    if abs(value) > 1.0 + REACH_SLACK:
        return np.nan
    return acos(min(1.0, max(-1.0, value)))


@compiled(NOTHING, reads(1), REAL, REAL, REAL, writes(2))
def _arm_angles(lengths: FloatArray, x: float, y: float, z: float, out: FloatArray) -> None:
    """Fill `out` (4, 3) with theta 1..3 for the wrist centre (x, y, z); row = 2 * shoulder + elbow, NaN if none."""
    a1, a2, b, c1, c2, c3 = lengths[0], lengths[1], lengths[2], lengths[3], lengths[4], lengths[5]
    forearm = hypot(a2, c3)
    bend = atan2(a2, c3)
    radial_squared = x * x + y * y - b * b
    reach = sqrt(radial_squared) if radial_squared >= 0.0 else np.nan
    height, around = z - c1, atan2(y, x)
    for shoulder in range(2):
        radial = reach if shoulder == 0 else -reach
        theta1 = around - atan2(b, radial)
        forward = radial - a1
        squared = forward * forward + height * height
        elbow_turn = _arc_cosine((squared - c2 * c2 - forearm * forearm) / (2.0 * c2 * forearm))
        lean = atan2(forward, height)
        ahead = atan2(forearm * sin(elbow_turn), c2 + forearm * cos(elbow_turn))
        for elbow in range(2):
            out[2 * shoulder + elbow, 0] = theta1
            out[2 * shoulder + elbow, 1] = lean - ahead if elbow == 0 else lean + ahead
            out[2 * shoulder + elbow, 2] = (elbow_turn if elbow == 0 else -elbow_turn) - bend


@compiled(NOTHING, reads(2), REAL, REAL, REAL, writes(1))
def _wrist_angles(tip: FloatArray, s1: float, c1: float, theta23: float, out: FloatArray) -> None:
    """Fill `out` (3,) with theta 4..6, theta 5 >= 0, that turn the arm's frame into the rotation of `tip` (4, 4); `s1`
    and `c1` are sine and cosine of theta 1.
    """
    s, c = sin(theta23), cos(theta23)
    zx = c * (c1 * tip[0, 2] + s1 * tip[1, 2]) - s * tip[2, 2]
    zy = c1 * tip[1, 2] - s1 * tip[0, 2]
    zz = s * (c1 * tip[0, 2] + s1 * tip[1, 2]) + c * tip[2, 2]
    sine = hypot(zx, zy)
    out[1] = atan2(sine, zz)
    if sine > 1e-12:
        out[0] = atan2(zy, zx)
    else:
        out[0] = 0.0
    s4, c4 = sin(out[0]), cos(out[0])
    out[2] = atan2(
        c4 * (c1 * tip[1, 0] - s1 * tip[0, 0]) - s4 * (c * (c1 * tip[0, 0] + s1 * tip[1, 0]) - s * tip[2, 0]),
        c4 * (c1 * tip[1, 1] - s1 * tip[0, 1]) - s4 * (c * (c1 * tip[0, 1] + s1 * tip[1, 1]) - s * tip[2, 1]),
    )


@compiled(NOTHING, *_ARRAYS[:4], reads(2), writes(2), writes(1, FLAG))
def opw_branches(
    lengths: FloatArray,
    offsets: FloatArray,
    signs: FloatArray,
    flange_tip: FloatArray,
    target: FloatArray,
    out: FloatArray,
    valid: BoolArray,
) -> None:
    """Fill `out` (8, 6) and `valid` (8,) with branches for the flange `target` (4, 4), base frame, not yet verified.

    Row = configuration, joint values within (-pi, pi]; rows that are not valid hold nothing of use.
    """
    tip = np.empty((3, 4))
    for i in range(3):
        for j in range(4):
            tip[i, j] = (
                target[i, 0] * flange_tip[0, j] + target[i, 1] * flange_tip[1, j] + target[i, 2] * flange_tip[2, j]
            )
        tip[i, 3] += target[i, 3]
    arm = np.empty((4, 3))
    wrist = np.empty(3)
    c4 = lengths[6]
    _arm_angles(lengths, tip[0, 3] - c4 * tip[0, 2], tip[1, 3] - c4 * tip[1, 2], tip[2, 3] - c4 * tip[2, 2], arm)
    s1 = c1 = 0.0
    for row in range(4):
        theta1, theta2, theta3 = arm[row, 0], arm[row, 1], arm[row, 2]
        if row % 2 == 0:
            s1, c1 = sin(theta1), cos(theta1)
        found = not (np.isnan(theta1) or np.isnan(theta2))
        valid[2 * row] = valid[2 * row + 1] = found
        if not found:
            continue
        _wrist_angles(tip, s1, c1, theta2 + theta3, wrist)
        for flip in range(2):
            k = 2 * row + flip
            out[k, 0], out[k, 1], out[k, 2] = theta1, theta2, theta3
            out[k, 3], out[k, 4], out[k, 5] = wrist[0] + flip * pi, (1 - 2 * flip) * wrist[1], wrist[2] + flip * pi
            for j in range(6):
                out[k, j] = wrapped(signs[j] * (out[k, j] + offsets[j]))


@compiled(NOTHING, *_ARRAYS, reads(2), writes(2), writes(1, FLAG))
def solve_opw(
    lengths: FloatArray,
    offsets: FloatArray,
    signs: FloatArray,
    flange_tip: FloatArray,
    before: FloatArray,
    axes: FloatArray,
    prismatic: BoolArray,
    after: FloatArray,
    target: FloatArray,
    out: FloatArray,
    valid: BoolArray,
) -> None:
    """As `opw_branches`, every answer corrected where needed and verified by the forward kinematics."""
    opw_branches(lengths, offsets, signs, flange_tip, target, out, valid)
    verify_branches(before, axes, prismatic, after, target, out, valid)


@compiled(NOTHING, *_ARRAYS[:4], reads(3), writes(3), writes(2, FLAG))
def opw_branches_bulk(
    lengths: FloatArray,
    offsets: FloatArray,
    signs: FloatArray,
    flange_tip: FloatArray,
    targets: FloatArray,
    out: FloatArray,
    valid: BoolArray,
) -> None:
    """`opw_branches` for every one of `targets` (n, 4, 4): fills `out` (n, 8, 6) and `valid` (n, 8), nothing
    verified.
    """
    for n in range(targets.shape[0]):
        opw_branches(lengths, offsets, signs, flange_tip, targets[n], out[n], valid[n])


@compiled(NOTHING, *_ARRAYS, reads(3), writes(3), writes(2, FLAG))
def solve_opw_bulk(
    lengths: FloatArray,
    offsets: FloatArray,
    signs: FloatArray,
    flange_tip: FloatArray,
    before: FloatArray,
    axes: FloatArray,
    prismatic: BoolArray,
    after: FloatArray,
    targets: FloatArray,
    out: FloatArray,
    valid: BoolArray,
) -> None:
    """`solve_opw` for every one of `targets` (n, 4, 4): fills `out` (n, 8, 6) and `valid` (n, 8)."""
    opw_branches_bulk(lengths, offsets, signs, flange_tip, targets, out, valid)
    verify_bulk(before, axes, prismatic, after, targets, out, valid)


@compiled(COUNT, *_ARRAYS[:3], reads(1))
def opw_configuration(lengths: FloatArray, offsets: FloatArray, signs: FloatArray, q: FloatArray) -> int:
    """The configuration 0..7 of joint values `q` (6,)."""
    theta2 = signs[1] * q[1] - offsets[1]
    turn = signs[2] * q[2] - offsets[2] + atan2(lengths[1], lengths[5])
    radial = lengths[0] + lengths[4] * sin(theta2) + hypot(lengths[1], lengths[5]) * sin(theta2 + turn)
    code = 0
    if radial < 0.0:
        code += 4
    if sin(turn) < 0.0:
        code += 2
    if sin(signs[4] * q[4] - offsets[4]) < 0.0:
        code += 1
    return code
