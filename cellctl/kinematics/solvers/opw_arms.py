"""The closed form that a robot's own file gives it, as arrays for the kernels, and all branches of many poses at once.

Figures that do not fit the chain are refused. Limits are not looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellctl.errors import Finding, UsageError
from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.solvers.opw import BRANCHES, OpwArrays, opw_branches_bulk, solve_opw, solve_opw_bulk
from cellctl.model.pose import FloatArray
from cellctl.model.robot import OpwParameters, Robot


class UnsupportedArm(UsageError):
    """The arm has no inverse of the kind asked for, or the figures given for one do not fit its chain."""


def branches(arm: OpwArrays, poses_base_flange: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Joint values (n, b, dof) of every branch, each joint in one turn, for flange poses (n, 4, 4); `valid` (n, b).

    A branch keeps its number along a path. Limits are not looked at. `arm` comes from `opw_arrays`.
    """
    targets = np.ascontiguousarray(poses_base_flange, dtype=np.float64)
    joints = np.zeros((len(targets), BRANCHES, len(arm.axes)))
    valid = np.zeros((len(targets), BRANCHES), dtype=np.bool_)
    solve_opw_bulk(*arm, targets, joints, valid)
    return joints, valid


def unverified_branches(arm: OpwArrays, poses_base_flange: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
    """`branches` without the check by forward kinematics, three times as quick: for an optimiser's steps."""
    targets = np.ascontiguousarray(poses_base_flange, dtype=np.float64)
    joints = np.zeros((len(targets), BRANCHES, len(arm.axes)))
    valid = np.zeros((len(targets), BRANCHES), dtype=np.bool_)
    opw_branches_bulk(*arm[:4], targets, joints, valid)
    return joints, valid


def opw_arrays(robot: Robot) -> OpwArrays:
    """The closed form of `robot` for the kernels of `cellctl.kinematics.solvers.opw`.

    Raises UnsupportedArm where there is none (P290) or where it misses the chain's own poses (P291).
    """
    if robot.opw is None or robot.dof != 6:
        raise UnsupportedArm(
            Finding(
                "P290",
                f"robot '{robot.name}' has no closed-form inverse kinematics",
                suggestion="give its 'opw' figures, or ask for a numeric answer from a start",
            )
        )
    arrays = _packed(robot, robot.opw)
    if not _fits(arrays, robot):
        raise UnsupportedArm(
            Finding(
                "P291",
                f"the 'opw' figures of robot '{robot.name}' do not reproduce its joint chain",
                suggestion="correct the figures, or leave 'opw' out to have numeric answers",
            )
        )
    return arrays


def _packed(robot: Robot, opw: OpwParameters) -> OpwArrays:
    return OpwArrays(
        np.array([opw.a1, opw.a2, opw.b, opw.c1, opw.c2, opw.c3, opw.c4]),
        np.array(opw.offsets, dtype=np.float64),
        np.array(opw.signs, dtype=np.float64),
        np.array(opw.tip_fix.inverse().matrix),
        *chain_of(robot),
    )


def _fits(arrays: OpwArrays, robot: Robot) -> bool:
    """Whether the closed form finds the poses of a few plain joint values again."""
    chain = Chain(*arrays[4:])
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    branches, valid = np.empty((BRANCHES, 6)), np.empty(BRANCHES, dtype=np.bool_)
    for fraction in (0.35, 0.45, 0.6):
        target = flange_matrices(chain, lower + fraction * (upper - lower))[0]
        solve_opw(*arrays, target, branches, valid)
        if not valid.any():
            return False
    return True
