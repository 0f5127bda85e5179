"""Joint values to frames: the compiled product of a chain. It knows no limits and no tool.

Frame 0 is the base link, frame k moves with axis k, and the last one, dof + 1, is the flange: all in the base frame.
"""

from __future__ import annotations

from math import cos, sin

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellctl.kinematics.chain import BoolArray, Chain
from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, REAL, compiled, reads, writes
from cellctl.model.pose import FloatArray, Pose, orthonormalised

IntArray = NDArray[np.intp]


@compiled(NOTHING, reads(3), reads(2), reads(1, FLAG), COUNT, COUNT, REAL, writes(3), inlined=True, late=True)
def _next_frame(
    before: FloatArray, axes: FloatArray, prismatic: BoolArray, k: int, parent: int, value: float, out: FloatArray
) -> None:
    """Fill `out[k + 1]`, the frame that joint `k` moves at `value` (rad or m), from that of its parent.

    The products are written out and work on indices: views and `@` would cost four times as much.
    """
    x, y, z = axes[k, 0], axes[k, 1], axes[k, 2]
    slide = value if prismatic[k] else 0.0
    angle = 0.0 if prismatic[k] else value
    s, c = sin(angle), cos(angle)
    v = 1.0 - c
    for i in range(3):
        u0, u1, u2 = out[parent, i, 0], out[parent, i, 1], out[parent, i, 2]
        a = u0 * before[k, 0, 0] + u1 * before[k, 1, 0] + u2 * before[k, 2, 0]
        b = u0 * before[k, 0, 1] + u1 * before[k, 1, 1] + u2 * before[k, 2, 1]
        d = u0 * before[k, 0, 2] + u1 * before[k, 1, 2] + u2 * before[k, 2, 2]
        offset = u0 * before[k, 0, 3] + u1 * before[k, 1, 3] + u2 * before[k, 2, 3]
        out[k + 1, i, 0] = a * (x * x * v + c) + b * (y * x * v + z * s) + d * (z * x * v - y * s)
        out[k + 1, i, 1] = a * (x * y * v - z * s) + b * (y * y * v + c) + d * (z * y * v + x * s)
        out[k + 1, i, 2] = a * (x * z * v + y * s) + b * (y * z * v - x * s) + d * (z * z * v + c)
        out[k + 1, i, 3] = out[parent, i, 3] + offset + slide * (a * x + b * y + d * z)
        out[k + 1, 3, i] = 0.0
    out[k + 1, 3, 3] = 1.0


@compiled(NOTHING, reads(3), reads(2), reads(1, FLAG), reads(1, COUNT), reads(1), writes(3))
def branched_frames(
    before: FloatArray, axes: FloatArray, prismatic: BoolArray, parents: IntArray, q: FloatArray, out: FloatArray
) -> None:
    """Fill `out` (dof + 1 or more, 4, 4) with the base frame and the frame of every joint at `q` (dof,), in the base
    frame; joint k moves in frame `parents[k]` (dof,), which is at most k.
    """
    for i in range(4):
        for j in range(4):
            out[0, i, j] = 1.0 if i == j else 0.0
    for k in range(axes.shape[0]):
        _next_frame(before, axes, prismatic, k, parents[k], q[k], out)


@compiled(NOTHING, reads(3), reads(2), reads(1, FLAG), reads(2), reads(1), writes(3))
def link_frames(
    before: FloatArray, axes: FloatArray, prismatic: BoolArray, after: FloatArray, q: FloatArray, out: FloatArray
) -> None:
    """Fill `out` (dof + 2, 4, 4) with every frame of the chain at `q` (dof,), in the base frame."""
    dof = axes.shape[0]
    for i in range(4):
        for j in range(4):
            out[0, i, j] = 1.0 if i == j else 0.0
    for k in range(dof):
        _next_frame(before, axes, prismatic, k, k, q[k], out)
    for i in range(3):
        u0, u1, u2 = out[dof, i, 0], out[dof, i, 1], out[dof, i, 2]
        for j in range(4):
            out[dof + 1, i, j] = u0 * after[0, j] + u1 * after[1, j] + u2 * after[2, j]
        out[dof + 1, i, 3] += out[dof, i, 3]
        out[dof + 1, 3, i] = 0.0
    out[dof + 1, 3, 3] = 1.0


@compiled(NOTHING, reads(3), reads(2), reads(1, FLAG), reads(2), reads(2), writes(3))
def fill_flanges(
    before: FloatArray, axes: FloatArray, prismatic: BoolArray, after: FloatArray, joints: FloatArray, out: FloatArray
) -> None:
    """Fill `out` (n, 4, 4) with the flange in the base frame for every row of `joints` (n, dof)."""
    dof = axes.shape[0]
    scratch = np.empty((dof + 2, 4, 4))
    for n in range(joints.shape[0]):
        link_frames(before, axes, prismatic, after, joints[n], scratch)
        for i in range(4):
            for j in range(4):
                out[n, i, j] = scratch[dof + 1, i, j]


def frames(chain: Chain, q: ArrayLike) -> FloatArray:
    """Every frame (dof + 2, 4, 4) of `chain` at `q` (dof,), in the base frame."""
    out = np.empty((len(chain.axes) + 2, 4, 4))
    link_frames(*chain, joint_rows(chain, q)[0], out)
    return out


def tree_frames(chain: Chain, parents: IntArray, q: ArrayLike) -> FloatArray:
    """The base frame and the frame of every joint (dof + 1, 4, 4), where joint k moves in frame `parents[k]` (dof,)."""
    out = np.empty((len(chain.axes) + 1, 4, 4))
    branched_frames(chain.before, chain.axes, chain.prismatic, parents, joint_rows(chain, q)[0], out)
    return out


def flange_matrices(chain: Chain, joints: ArrayLike) -> FloatArray:
    """Flange in the base frame (n, 4, 4) for joint values (n, dof)."""
    rows = joint_rows(chain, joints)
    out = np.empty((len(rows), 4, 4))
    fill_flanges(*chain, rows, out)
    return out


def flange_pose(chain: Chain, q: ArrayLike) -> Pose:
    """Pose of the flange in the base frame at `q` (dof,)."""
    return Pose(orthonormalised(flange_matrices(chain, q)[0]))


def joint_rows(chain: Chain, joints: ArrayLike) -> FloatArray:
    """Joint values (dof,) or (n, dof) as contiguous rows (n, dof); raises ValueError when they do not fit the chain."""
    rows = np.atleast_2d(np.ascontiguousarray(joints, dtype=np.float64))
    if rows.ndim != 2 or rows.shape[1] != len(chain.axes):
        raise ValueError(f"expected {len(chain.axes)} joint values a row, got shape {rows.shape}")
    return rows
