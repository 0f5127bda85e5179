"""All joint values that put the flange where it shall be: branches and turns inside the limits. It chooses none."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellctl.kinematics.arm_inverse import ArmInverse, arm_inverse
from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import COUNT, FLAG, compiled, reads, writes
from cellctl.kinematics.solvers.freed import Freedom
from cellctl.kinematics.solvers.opw import opw_configuration
from cellctl.kinematics.solvers.opw_arms import UnsupportedArm as UnsupportedArm
from cellctl.kinematics.solvers.opw_arms import branches as branches
from cellctl.kinematics.solvers.opw_arms import opw_arrays as opw_arrays
from cellctl.kinematics.solvers.opw_arms import unverified_branches as unverified_branches
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Robot

IntArray = NDArray[np.intp]

SPREAD = 24
"""How many values of a redundant joint are tried where none are given."""
_SAME = 1e-9
"""Two answers are one where no joint differs by more (rad)."""
_EXACT = 1e-9
"""How much an axis in the mind that was not freed may turn (rad)."""


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


def solve(
    robot: Robot,
    pose_base_flange: Pose,
    *,
    held: ArrayLike | None = None,
    pose_flange_tcp: Pose | None = None,
    free: tuple[Freedom, ...] = (),
) -> Solutions:
    """All branches and all turns of `robot` inside its limits; none when out of reach.

    An arm of seven axes is asked once for every value of its redundant joint in `held`, by default for evenly spread
    ones. An arm of fewer than six is asked for the whole pose but for what `free` names: `spin` about the z of
    `pose_flange_tcp`, `lean` across it. Configurations of arms whose answers have no order are all 0. Raises
    UnsupportedArm (P222, P291).
    """
    inverse = arm_inverse(robot, pose_flange_tcp)
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    joints: list[FloatArray] = []
    configurations: list[int] = []
    different: list[FloatArray] = []
    for code, branch in sorted(_branches_inside(inverse, pose_base_flange, held, free), key=lambda found: found[0]):
        if any(_apart(branch, other, inverse.chain.prismatic) <= _SAME for other in different):
            continue
        different.append(branch)
        inside = turns(branch, lower, upper, prismatic=inverse.chain.prismatic)
        joints.extend(inside)
        configurations.extend([code] * len(inside))
    return Solutions(np.array(joints).reshape(-1, robot.dof), np.array(configurations, dtype=np.intp))


def _apart(first: FloatArray, second: FloatArray, prismatic: BoolArray) -> float:
    """Largest joint difference of two answers (dof,), whole turns of revolute joints not counted."""
    away = first - second
    turned = away - 2.0 * pi * np.round(away / (2.0 * pi))
    return float(np.abs(np.where(prismatic, away, turned)).max())


def _branches_inside(
    inverse: ArmInverse, pose: Pose, held: ArrayLike | None, free: tuple[Freedom, ...]
) -> list[tuple[int, FloatArray]]:
    """Configuration and joint values (dof,) of every branch that reaches the pose but for what is `free`."""
    values = inverse.spread(SPREAD) if held is None else np.atleast_1d(np.asarray(held, dtype=np.float64))
    targets = np.repeat(pose.matrix[None], len(values), axis=0)
    answers = inverse.answers(targets, values)
    kept = answers.valid & inverse.exact(answers, free, _EXACT)
    return [(int(code) if inverse.ordered else 0, answers.joints[n, code]) for n, code in np.argwhere(kept)]


@compiled(COUNT, reads(1), reads(1), reads(1), reads(1, FLAG), writes(2))
def fill_turns(q: FloatArray, lower: FloatArray, upper: FloatArray, prismatic: BoolArray, out: FloatArray) -> int:
    """Fill rows of `out` (capacity, dof) with `q` (dof,) plus every set of whole turns inside the limits; how many.

    A prismatic joint has no turns.

    Rows come in ascending order, the last joint fastest; those past the capacity are counted but not written.
    """
    dof = q.shape[0]
    first = np.empty(dof, dtype=np.int64)
    counts = np.empty(dof, dtype=np.int64)
    total = 1
    for j in range(dof):
        first[j] = ceil((lower[j] - q[j]) / (2.0 * pi))
        counts[j] = max(0, floor((upper[j] - q[j]) / (2.0 * pi)) - first[j] + 1)
        if prismatic[j]:
            first[j] = 0
            counts[j] = 1 if lower[j] <= q[j] <= upper[j] else 0
        total *= counts[j]
    for row in range(min(total, out.shape[0])):
        rest = row
        for j in range(dof - 1, -1, -1):
            out[row, j] = q[j] + 2.0 * pi * (first[j] + rest % counts[j])
            rest //= counts[j]
    return total


def turns(
    q: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, prismatic: NDArray[np.bool_] | None = None
) -> FloatArray:
    """`q` (dof,) plus every set of whole turns inside the limits (dof,): (n, dof), ascending, n = 0 when none fits."""
    values, low, high = (np.ascontiguousarray(a, dtype=np.float64) for a in (q, lower, upper))
    sliding = np.zeros(len(values), dtype=np.bool_) if prismatic is None else np.ascontiguousarray(prismatic)
    out = np.empty((fill_turns(values, low, high, sliding, np.empty((0, len(values)))), len(values)))
    fill_turns(values, low, high, sliding, out)
    return out


def configuration_of(robot: Robot, q: ArrayLike) -> int:
    """The configuration of `robot` at `q` (dof,), as `solve` numbers them; raises UnsupportedArm."""
    values = np.ascontiguousarray(q, dtype=np.float64)
    if robot.opw is not None:
        lengths, offsets, signs, *_ = opw_arrays(robot)
        return int(opw_configuration(lengths, offsets, signs, values))
    return arm_inverse(robot).configuration(values)
