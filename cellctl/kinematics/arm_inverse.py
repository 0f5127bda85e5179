"""Which inverse an arm has, by its geometry, and one way to ask any of them. It knows no limits and chooses no answer.

Six axes: the closed form of the file's own figures, one of the compiled forms that fits the axes, EAIK where it is
installed and knows one, a search along one joint where two axes of the wrist meet, else a search from many starts.
Seven: the last axis, or the first, is held where the caller says, and the other six are solved. Fewer:
`cellctl.kinematics.solvers.freed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellctl.errors import Finding
from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.solvers.freed import Freedom, freed_chain
from cellctl.kinematics.solvers.newton import verify_bulk
from cellctl.kinematics.solvers.opw import BRANCHES, OpwArrays, opw_branches_bulk, solve_opw_bulk
from cellctl.kinematics.solvers.opw_arms import UnsupportedArm, opw_arrays
from cellctl.kinematics.solvers.values import (
    CAPACITY,
    DecomposedArm,
    OffsetArrays,
    ParallelArrays,
    SearchArrays,
    SphericalArrays,
)
from cellctl.model.pose import FloatArray, Pose, rotation_about
from cellctl.model.robot import Robot

Solver = OpwArrays | ParallelArrays | SphericalArrays | DecomposedArm | OffsetArrays | SearchArrays
Form = Literal["own figures", "parallel axes", "three axes meeting", "decomposed", "two axes meeting", "search"]
FEWEST: Final = 3
MOST: Final = 7


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Joint values (n, b, dof), each revolute one in one turn; what the freed axes come out at, `let` (n, b, m), rad;
    which of them are `valid` (n, b).
    """

    joints: FloatArray
    let: FloatArray
    valid: NDArray[np.bool_]


class WristPlace(NamedTuple):
    """Joint `axis` at `centre` or a whole `period` (rad) from there leaves two axes parallel."""

    axis: int
    centre: float
    period: float


@dataclass(frozen=True, slots=True, eq=False)
class ArmInverse:
    """The inverse of one arm: six joints to solve, with one `held` beside them or some `freed` among them."""

    robot: Robot
    chain: Chain
    solver: Solver
    held: int | None = None
    freed: tuple[Freedom, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether a branch keeps its number along a path; where not, answers come in any order."""
        return not isinstance(self.solver, DecomposedArm | OffsetArrays | SearchArrays)

    @property
    def form(self) -> Form:
        """What solves the six joints."""
        match self.solver:
            case OpwArrays():
                return "own figures"
            case ParallelArrays():
                return "parallel axes"
            case SphericalArrays():
                return "three axes meeting"
            case DecomposedArm():
                return "decomposed"
            case OffsetArrays():
                return "two axes meeting"
            case SearchArrays():
                return "search"

    @property
    def wrist(self) -> WristPlace | None:
        """Where a joint of the wrist makes its neighbours parallel; None where that is not known, or never so."""
        match self.solver:
            case OpwArrays():
                return WristPlace(4, float(self.solver.signs[4] * self.solver.offsets[4]), 2.0 * np.pi)
            case ParallelArrays() if not self.freed:
                return _wrist_place(self.solver.axes, (1, 4, 5), 4)
            case SphericalArrays() if not self.freed:
                return _wrist_place(self.solver.axes, (3, 4, 5), 1 if self.solver.backwards else 4)
            case _:
                return None

    def answers(self, poses_base_flange: ArrayLike, held: ArrayLike | None = None, *, verified: bool = True) -> Answers:
        """Every branch for flange poses (n, 4, 4), with the held joint, where there is one, at `held` (n,).

        Limits are not looked at. Without `verified` the compiled forms skip the check by forward kinematics, which is
        three times as quick: for an optimiser's steps.
        """
        targets = np.ascontiguousarray(poses_base_flange, dtype=np.float64)
        if self.held is None:
            joints, valid = _solved(self.solver, targets, verified)
            dof = self.robot.dof
            return Answers(np.ascontiguousarray(joints[..., :dof]), joints[..., dof:], valid)
        if held is None:
            raise ValueError(f"'{self.robot.name}' has a redundant joint, whose value must be given")
        values = np.asarray(held, dtype=np.float64)
        joints, valid = _solved(self.solver, _without_held(self.chain, self.held, targets, values), verified)
        whole = np.insert(joints, self.held, values[:, None], axis=2)
        return Answers(whole, whole[..., :0], valid)

    def spread(self, count: int) -> FloatArray:
        """Values (count,) of the held joint, evenly spread inside its limits; a single 0 where none is held."""
        if self.held is None:
            return np.zeros(1)
        limits = self.robot.axis_limits[self.held]
        step = (limits.upper - limits.lower) / count
        return np.linspace(limits.lower + 0.5 * step, limits.upper - 0.5 * step, count, dtype=np.float64)

    def exact(self, answers: Answers, free: tuple[Freedom, ...], tolerance: float) -> NDArray[np.bool_]:
        """Which answers (n, b) turn no freed axis by more than `tolerance` (rad) but those named in `free`."""
        fixed = [k for k, name in enumerate(self.freed) if name not in free]
        result: NDArray[np.bool_] = np.all(np.abs(answers.let[..., fixed]) <= tolerance, axis=2)
        return result

    def configuration(self, q: FloatArray) -> int:
        """The branch that joint values `q` (dof,) are on; 0 where branches have no order."""
        if not self.ordered:
            return 0
        held = None if self.held is None else q[[self.held]]
        answers = self.answers(flange_matrices(self.chain, q), held)
        away = np.abs(np.angle(np.exp(1j * (answers.joints[0] - q)))).max(axis=1)
        return int(np.argmin(np.where(answers.valid[0], away, np.inf)))


def arm_inverse(robot: Robot, pose_flange_tcp: Pose | None = None) -> ArmInverse:
    """The inverse of `robot`, by its geometry; `pose_flange_tcp` is where an arm of fewer than six axes has its tip.

    Raises UnsupportedArm where the file's own figures do not fit (P291) or the arm has none at all (P222).
    """
    chain = chain_of(robot)
    dof = len(chain.axes)
    lower, upper = np.array(robot.limit_array("lower")), np.array(robot.limit_array("upper"))
    if dof == 6:
        return ArmInverse(robot, chain, opw_arrays(robot) if robot.opw is not None else _solver(chain, lower, upper))
    if dof == MOST:
        return _held_inverse(robot, chain, lower, upper)
    if FEWEST <= dof < 6:
        freed = freed_chain(chain, pose_flange_tcp or Pose.identity(), lower, upper)
        if freed is not None:
            whole = np.full(6 - dof, np.pi)
            solver = _solver(freed.chain, np.append(lower, -whole), np.append(upper, whole))
            return ArmInverse(robot, chain, solver, freed=freed.freed)
    text = f"robot '{robot.name}' has {dof} axes that cannot put the tip of a tool anywhere it shall be"
    raise UnsupportedArm(Finding("P222", text, suggestion="take an arm of four to seven axes"))


def _wrist_place(axes: FloatArray, three: tuple[int, int, int], joint: int) -> WristPlace | None:
    """Where the middle of three axes (rows of `axes`) lays the third along the first; None where it cannot."""
    from cellctl.kinematics.solvers.subproblems import angle_to

    first, middle, third = axes[list(three)]
    if abs(abs(middle @ first) - abs(middle @ third)) > 1e-3:
        return None
    square = abs(middle @ first) < 1e-3
    return WristPlace(joint, angle_to(middle, third, first), np.pi if square else 2.0 * np.pi)


def _solver(chain: Chain, lower: FloatArray, upper: FloatArray) -> Solver:
    """What solves six joints: a compiled closed form, EAIK, the search along one joint, or that between `lower` and
    `upper` (6,).
    """
    from cellctl.kinematics.solvers.decomposed import decomposed_arm
    from cellctl.kinematics.solvers.offset_wrist import offset_arrays
    from cellctl.kinematics.solvers.parallel_axes import parallel_arrays
    from cellctl.kinematics.solvers.search import search_arrays
    from cellctl.kinematics.solvers.spherical import spherical_arrays

    return (
        parallel_arrays(chain)
        or spherical_arrays(chain)
        or decomposed_arm(chain)
        or offset_arrays(chain)
        or search_arrays(chain, lower, upper)
    )


def _held_inverse(robot: Robot, chain: Chain, lower: FloatArray, upper: FloatArray) -> ArmInverse:
    """The last joint is held, or the first where only that leaves a closed form."""
    choices = []
    for held in (len(chain.axes) - 1, 0):
        kept = np.arange(len(chain.axes)) != held
        solver = _solver(_six_of(chain, held), lower[kept], upper[kept])
        choices.append(ArmInverse(robot, chain, solver, held))
    return next((choice for choice in choices if choice.form != "search"), choices[0])


def _six_of(chain: Chain, held: int) -> Chain:
    """The chain without its first or last joint, between the frames next to that joint."""
    kept = slice(1, None) if held == 0 else slice(0, -1)
    after = chain.after if held == 0 else np.eye(4)
    return Chain(chain.before[kept].copy(), chain.axes[kept].copy(), chain.prismatic[kept].copy(), after)


def _without_held(chain: Chain, held: int, targets: FloatArray, values: FloatArray) -> FloatArray:
    """Targets (n, 4, 4) of the six joints of `_six_of`, for the held joint at `values` (n,)."""
    different, which = np.unique(values, return_inverse=True)
    motion = np.array([_joint_motion(chain, held, value) for value in different])
    if held == 0:
        return np.ascontiguousarray(np.linalg.inv(chain.before[0] @ motion)[which] @ targets)
    return np.ascontiguousarray(targets @ np.linalg.inv(chain.before[held] @ motion @ chain.after)[which])


def _joint_motion(chain: Chain, joint: int, value: float) -> FloatArray:
    """What a joint does at `value` (rad or m), (4, 4)."""
    motion = np.eye(4)
    if chain.prismatic[joint]:
        motion[:3, 3] = value * chain.axes[joint]
    else:
        motion[:3, :3] = rotation_about(chain.axes[joint], value)
    return motion


def _solved(solver: Solver, targets: FloatArray, verified: bool) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Joint values (n, b, 6) and which are valid (n, b)."""
    if isinstance(solver, DecomposedArm):
        from cellctl.kinematics.solvers.decomposed import decomposed_answers

        return decomposed_answers(solver, targets)
    count = CAPACITY if isinstance(solver, OffsetArrays | SearchArrays) else BRANCHES
    joints, valid = np.zeros((len(targets), count, 6)), np.zeros((len(targets), count), dtype=np.bool_)
    match solver:
        case OpwArrays() if verified:
            solve_opw_bulk(*solver, targets, joints, valid)
        case OpwArrays():
            opw_branches_bulk(*solver[:4], targets, joints, valid)
        case ParallelArrays():
            from cellctl.kinematics.solvers.parallel_axes import parallel_branches_bulk

            parallel_branches_bulk(*solver[:-4], targets, joints, valid)
        case SphericalArrays():
            from cellctl.kinematics.solvers.spherical import spherical_branches_bulk

            spherical_branches_bulk(*solver[:-4], targets, joints, valid)
        case OffsetArrays():
            from cellctl.kinematics.solvers.offset_wrist import solve_offset_bulk

            solve_offset_bulk(*solver, targets, joints, valid)
        case SearchArrays():
            from cellctl.kinematics.solvers.search import search_bulk

            search_bulk(*solver, targets, joints, valid)
    if verified and isinstance(solver, ParallelArrays | SphericalArrays):
        verify_bulk(*solver[-4:], targets, joints, valid)
    return joints, valid
