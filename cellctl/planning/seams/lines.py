"""Straight moves of the torch along its own wire, before and after a seam. Knows no obstacles."""

from __future__ import annotations

import numpy as np

from cellctl.kinematics.arm_inverse import ArmInverse
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline, interpolated
from cellctl.planning.seams.columns import nearest_joints

STEP = 4e-3


def wire_line(
    inverse: ArmInverse, pose_base_flange: FloatArray, wire_base: FloatArray, q: FloatArray, length: float
) -> BSpline | None:
    """The path from joints `q` (dof,) at `pose_base_flange` (4, 4) back along the wire by `length` (m).

    `wire_base` (3,) is the wire direction in the robot's base. The parameter is distance in metres, from 0 at the seam.
    None where an inverse is missing or would jump.
    """
    count = max(6, int(np.ceil(length / STEP)) + 1)
    u = np.linspace(0.0, length, count)
    joints = np.empty((count, len(q)))
    joints[0] = q
    for i in range(1, count):
        pose = pose_base_flange.copy()
        pose[:3, 3] -= u[i] * wire_base
        joints[i] = nearest_joints(inverse, pose[None], joints[i - 1 : i])[0]
        if not np.all(np.isfinite(joints[i])) or np.abs(joints[i] - joints[i - 1]).max() > 0.2:
            return None
    return interpolated(u, joints)


def reversed_path(path: BSpline) -> BSpline:
    """The same geometry the other way round, parameter again from 0."""
    return BSpline(path.degree, path.end - path.knots[::-1] + 0.0, path.control[::-1])
