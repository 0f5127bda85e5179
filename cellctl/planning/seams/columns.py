"""What the refinement of a seam looks at: joints, spin, and where a positioner carries the part the lean of its face.

Every column is a function of z at one station; which of them cost how much is said here, nothing is minimised.
"""

from __future__ import annotations

import numpy as np

from cellctl.kinematics.arm_inverse import ArmInverse
from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import FLAG, NOTHING, compiled, reads, writes
from cellctl.kinematics.groups import carried_motions
from cellctl.model.pose import FloatArray
from cellctl.planning.seams.positioned import CARRIER_SHARE, world_spin_zero
from cellctl.planning.seams.reach import SeamProblem

SPIN_SPEED = np.radians(45.0)
UPRIGHT = 200.0
"""What a metre of seam costs whose face looks level, on a positioner that could hold it up."""


def column_weights(problem: SeamProblem) -> tuple[FloatArray, FloatArray]:
    """What the columns of the refinement weigh, and what they are drawn to zero with: joints, the spin, and where a
    positioner carries the part the lean of the face.
    """
    arm, spin = 1.0 / problem.robot.limit_array("velocity") ** 2, 1.0 / SPIN_SPEED**2
    if problem.carrier is None:
        weights = np.append(arm, spin)
        return weights, np.zeros(len(weights))
    carried = CARRIER_SHARE / problem.carrier.robot.limit_array("velocity") ** 2
    weights = np.concatenate([arm, carried, [spin, 0.0, 0.0]])
    spacing = float(problem.stations.s[-1]) / (len(problem.stations) - 1)
    levels = np.zeros(len(weights))
    levels[-2:] = UPRIGHT * spacing
    return weights, levels


def columns(problem: SeamProblem, z: FloatArray, near: FloatArray) -> FloatArray:
    """Joints and spin (n, dof + 1) for z (n, 3 or 4), nearest to such columns."""
    poses = problem.stations.flange_poses(z[:, 0], z[:, 1], z[:, 2])
    held = None if problem.inverse.held is None else z[:, 3]
    return np.column_stack([nearest_joints(problem.inverse, poses, near[:, : problem.robot.dof], held), z[:, 0]])


def carried_columns(problem: SeamProblem, z: FloatArray, near: FloatArray) -> FloatArray:
    """Joints of arm and positioner, spin in the world, and the two sines of the lean of the face (n, dof + 3)."""
    assert problem.carrier is not None
    arm, carried = problem.robot.dof, z[:, 3:]
    motions = carried_motions(problem.carrier, carried)
    poses = problem.stations.flange_poses(z[:, 0], z[:, 1], z[:, 2], motions)
    joints = nearest_joints(problem.inverse, poses, near[:, :arm])
    before = near[:, arm + carried.shape[1]]
    turned = world_spins(problem, z, motions) - before
    spin = before + turned - 2.0 * np.pi * np.round(turned / (2.0 * np.pi))
    lean = np.einsum("nij,nj->ni", motions[:, :2, :3], problem.stations.frames.normals)
    return np.column_stack([joints, carried, spin, lean])


def world_spins(problem: SeamProblem, z: FloatArray, motions: FloatArray) -> FloatArray:
    """Spins (n,) from a direction that stands in the world, whole turns aside."""
    zero = world_spin_zero(problem.stations.tip_poses(np.zeros(len(z)), z[:, 1], z[:, 2]), motions)
    result: FloatArray = z[:, 0] - zero
    return result


@compiled(NOTHING, reads(3), reads(2, FLAG), reads(1, FLAG), reads(2), reads(1), reads(1), writes(2))
def _fill_nearest(
    answers: FloatArray,
    valid: BoolArray,
    prismatic: BoolArray,
    near: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    out: FloatArray,
) -> None:
    """Fill `out` (n, dof) with the answer of (n, b, dof) that moves no joint further from `near` than any other would,
    turned whole turns to it and inside the limits; NaN where none is.
    """
    turned = np.empty(len(lower))
    for i in range(answers.shape[0]):
        out[i] = np.nan
        least = np.inf
        for b in range(answers.shape[1]):
            furthest = 0.0 if valid[i, b] else np.inf
            for j in range(len(lower)):
                value = answers[i, b, j]
                if not prismatic[j]:
                    value += 2.0 * np.pi * np.round((near[i, j] - value) / (2.0 * np.pi))
                turned[j] = value
                furthest = max(furthest, abs(value - near[i, j])) if lower[j] <= value <= upper[j] else np.inf
                if not furthest < least:
                    break
            if furthest < least:
                least = furthest
                out[i] = turned


def nearest_joints(
    inverse: ArmInverse, poses: FloatArray, near: FloatArray, held: FloatArray | None = None
) -> FloatArray:
    """Joint values (n, dof) of flange poses (n, 4, 4) nearest to `near` (n, dof) over branches and turns; NaN rows
    where none. A joint that is held is at `held` (n,), or where it is in `near`.
    """
    robot = inverse.robot
    if inverse.held is not None and held is None:
        held = near[:, inverse.held]
    answers = inverse.answers(poses, held, verified=False)
    result = np.empty((len(poses), robot.dof))
    limits = robot.limit_array("lower"), robot.limit_array("upper")
    near = np.ascontiguousarray(near)
    _fill_nearest(answers.joints, answers.valid, inverse.chain.prismatic, near, *limits, result)
    return result
