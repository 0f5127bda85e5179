"""Motion to joint torques: the compiled recursion of Newton and Euler over a chain with masses. It knows no limits.

Friction, springs and the inertia of motors are not in the figures of an arm and are not in here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cellctl.kinematics.chain import BoolArray, Chain, chain_of
from cellctl.kinematics.compiled import FLAG, NOTHING, compiled, reads, writes
from cellctl.kinematics.forward import joint_rows, link_frames
from cellctl.kinematics.masses import STANDARD_GRAVITY, Lump, lumped
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Robot, Tool


@compiled(NOTHING, reads(1), reads(1), writes(1), late=True)
def _add_cross(a: FloatArray, b: FloatArray, out: FloatArray) -> None:
    """`out` (3,) plus a x b."""
    x = out[0] + a[1] * b[2] - a[2] * b[1]
    y = out[1] + a[2] * b[0] - a[0] * b[2]
    z = out[2] + a[0] * b[1] - a[1] * b[0]
    out[0], out[1], out[2] = x, y, z


@compiled(NOTHING, reads(2), reads(1), writes(1), late=True)
def _turned(frame: FloatArray, vector: FloatArray, out: FloatArray) -> None:
    """`out` (3,) is `vector` turned from `frame` (4, 4) into the base frame."""
    for i in range(3):
        out[i] = frame[i, 0] * vector[0] + frame[i, 1] * vector[1] + frame[i, 2] * vector[2]


@compiled(NOTHING, reads(1), reads(1), reads(1), writes(1), writes(1), late=True)
def _add_carried(turning: FloatArray, rate: FloatArray, arm: FloatArray, swing: FloatArray, out: FloatArray) -> None:
    """`out` (3,) plus the acceleration of a point at `arm` on a body: turning x arm + rate x (rate x arm)."""
    _add_cross(turning, arm, out)
    swing[:] = 0.0
    _add_cross(rate, arm, swing)
    _add_cross(rate, swing, out)


@compiled(
    NOTHING,
    reads(3),
    reads(2),
    reads(1, FLAG),
    reads(2),
    reads(1),
    reads(2),
    reads(3),
    reads(1),
    reads(2),
    reads(2),
    reads(2),
    writes(2),
)
def _fill_torques(
    before: FloatArray,
    axes: FloatArray,
    prismatic: BoolArray,
    after: FloatArray,
    masses: FloatArray,
    coms: FloatArray,
    inertias: FloatArray,
    gravity: FloatArray,
    joints: FloatArray,
    rates: FloatArray,
    accelerations: FloatArray,
    out: FloatArray,
) -> None:
    """Fill `out` (n, dof); all vectors are in the base frame, the base accelerates against `gravity` (3,)."""
    dof = axes.shape[0]
    frames = np.empty((dof + 2, 4, 4))
    z, arm, forces, moments = np.empty((dof, 3)), np.empty((dof, 3)), np.empty((dof, 3)), np.empty((dof, 3))
    rate, turning, linear = np.empty(3), np.empty(3), np.empty(3)
    step, swing, momentum, spun = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    local = np.empty(3)
    for row in range(joints.shape[0]):
        link_frames(before, axes, prismatic, after, joints[row], frames)
        rate[:] = 0.0
        turning[:] = 0.0
        linear[:] = -gravity
        for k in range(dof):
            frame = frames[k + 1]
            _turned(frame, axes[k], z[k])
            for i in range(3):
                step[i] = frame[i, 3] - frames[k, i, 3]
            _add_carried(turning, rate, step, swing, linear)
            qd, qdd = rates[row, k], accelerations[row, k]
            if prismatic[k]:
                swing[:] = 0.0
                _add_cross(rate, z[k], swing)
                linear += z[k] * qdd + 2.0 * qd * swing
            else:
                swing[:] = 0.0
                _add_cross(rate, z[k], swing)
                turning += z[k] * qdd + qd * swing
                rate += z[k] * qd
            _turned(frame, coms[k + 1], arm[k])
            forces[k] = linear
            _add_carried(turning, rate, arm[k], swing, forces[k])
            forces[k] *= masses[k + 1]
            for vector, bent in ((turning, spun), (rate, momentum)):
                for i in range(3):
                    local[i] = frame[0, i] * vector[0] + frame[1, i] * vector[1] + frame[2, i] * vector[2]
                for i in range(3):
                    step[i] = 0.0
                    for j in range(3):
                        step[i] += inertias[k + 1, i, j] * local[j]
                _turned(frame, step, bent)
            moments[k] = spun
            _add_cross(rate, momentum, moments[k])
        force, moment = np.zeros(3), np.zeros(3)
        for k in range(dof - 1, -1, -1):
            if k + 1 < dof:
                for i in range(3):
                    step[i] = frames[k + 2, i, 3] - frames[k + 1, i, 3]
                _add_cross(step, force, moment)
            force += forces[k]
            moment += moments[k]
            _add_cross(arm[k], forces[k], moment)
            along = force if prismatic[k] else moment
            out[row, k] = z[k, 0] * along[0] + z[k, 1] * along[1] + z[k, 2] * along[2]


def joint_efforts(
    chain: Chain,
    lumps: list[Lump],
    gravity: ArrayLike,
    joints: ArrayLike,
    rates: ArrayLike,
    accelerations: ArrayLike,
) -> FloatArray:
    """Torque (Nm) or force (N) (n, dof) that every joint needs for a motion: q, q' and q'' (n, dof), rad or m, s.

    `lumps` are those of the frames 0..dof, `gravity` (3,) is in the base frame, m/s^2. Source: Luh, Walker and Paul,
    On-line computational scheme for mechanical manipulators (1980). Raises ValueError where shapes do not fit.
    """
    q, qd, qdd = (joint_rows(chain, values) for values in (joints, rates, accelerations))
    if not len(q) == len(qd) == len(qdd) or len(lumps) != len(chain.axes) + 1:
        raise ValueError("joints, rates and accelerations need one row an instant, and lumps one a frame")
    masses = np.array([lump.mass for lump in lumps])
    coms = np.array([lump.com for lump in lumps])
    inertias = np.array([lump.inertia for lump in lumps])
    out = np.empty_like(q)
    _fill_torques(*chain, masses, coms, inertias, np.array(gravity, dtype=np.float64), q, qd, qdd, out)
    return out


def arm_efforts(
    robot: Robot,
    tool: Tool | None,
    pose_world_base: Pose,
    joints: ArrayLike,
    rates: ArrayLike,
    accelerations: ArrayLike,
) -> FloatArray:
    """`joint_efforts` (n, dof) of an arm with its tool that stands at `pose_world_base`, under standard gravity."""
    gravity = pose_world_base.rotation.T @ (0.0, 0.0, -STANDARD_GRAVITY)
    return joint_efforts(chain_of(robot), lumped(robot, tool), gravity, joints, rates, accelerations)
