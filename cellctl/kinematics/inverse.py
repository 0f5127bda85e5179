"""All joint values that put the flange where it shall be: branches and turns inside the limits. It chooses none."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellctl.errors import Finding, UsageError
from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.compiled import COUNT, compiled, reads, writes
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.opw import BRANCHES, OpwArrays, opw_branches_bulk, opw_configuration, solve_opw, solve_opw_bulk
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import OpwParameters, Robot

IntArray = NDArray[np.intp]

_SAME = 1e-9
"""Two answers are one where no joint differs by more (rad)."""


class UnsupportedArm(UsageError):
    """The arm has no closed form, or the figures given for one do not fit its chain."""


@dataclass(frozen=True, slots=True, eq=False)
class Solutions:
    """Every answer inside the limits: `joints` (n, dof), `configurations` (n,), by configuration, then joints."""

    joints: FloatArray
    configurations: IntArray

    def __len__(self) -> int:
        return len(self.joints)

    def nearest(self, q: ArrayLike) -> FloatArray:
        """The answer (dof,) with the least Euclidean joint distance to `q` (dof,); raises ValueError without any."""
        if not len(self):
            raise ValueError("there is no answer to choose from")
        result: FloatArray = self.joints[np.argmin(((self.joints - np.asarray(q)) ** 2).sum(axis=1))]
        return result


def solve(robot: Robot, pose_base_flange: Pose) -> Solutions:
    """All branches and all turns of `robot` inside its limits; none when out of reach.

    Raises UnsupportedArm where the robot has no closed form; `cellctl.kinematics.numeric` answers for those.
    """
    arrays = opw_arrays(robot)
    branches = np.empty((BRANCHES, 6))
    valid = np.empty(BRANCHES, dtype=np.bool_)
    solve_opw(*arrays, np.array(pose_base_flange.matrix), branches, valid)
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    joints: list[FloatArray] = []
    configurations: list[int] = []
    for code in np.flatnonzero(valid):
        for q in turns(branches[code], lower, upper):
            if not any(np.abs(q - other).max() <= _SAME for other in joints):
                joints.append(q)
                configurations.append(int(code))
    return Solutions(np.array(joints).reshape(-1, 6), np.array(configurations, dtype=np.intp))


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


@compiled(COUNT, reads(1), reads(1), reads(1), writes(2))
def fill_turns(q: FloatArray, lower: FloatArray, upper: FloatArray, out: FloatArray) -> int:
    """Fill rows of `out` (capacity, dof) with `q` (dof,) plus every set of whole turns inside the limits; how many.

    Rows come in ascending order, the last joint fastest; those past the capacity are counted but not written.
    """
    dof = q.shape[0]
    first = np.empty(dof, dtype=np.int64)
    counts = np.empty(dof, dtype=np.int64)
    total = 1
    for j in range(dof):
        first[j] = ceil((lower[j] - q[j]) / (2.0 * pi))
        counts[j] = max(0, floor((upper[j] - q[j]) / (2.0 * pi)) - first[j] + 1)
        total *= counts[j]
    for row in range(min(total, out.shape[0])):
        rest = row
        for j in range(dof - 1, -1, -1):
            out[row, j] = q[j] + 2.0 * pi * (first[j] + rest % counts[j])
            rest //= counts[j]
    return total


def turns(q: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> FloatArray:
    """`q` (dof,) plus every set of whole turns inside the limits (dof,): (n, dof), ascending, n = 0 when none fits."""
    values, low, high = (np.ascontiguousarray(a, dtype=np.float64) for a in (q, lower, upper))
    out = np.empty((fill_turns(values, low, high, np.empty((0, len(values)))), len(values)))
    fill_turns(values, low, high, out)
    return out


def configuration_of(robot: Robot, q: ArrayLike) -> int:
    """The configuration 0..7 of `robot` at `q` (6,), as `solve` numbers them; raises UnsupportedArm."""
    lengths, offsets, signs, *_ = opw_arrays(robot)
    return int(opw_configuration(lengths, offsets, signs, np.ascontiguousarray(q, dtype=np.float64)))


def opw_arrays(robot: Robot) -> OpwArrays:
    """The closed form of `robot` for the kernels of `cellctl.kinematics.opw`.

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
