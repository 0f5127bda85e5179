"""Everything that an arm can do at the stations of a seam: all spins, tilts and branches, inside the windows.

No obstacles, no order along the seam. What an arm of fewer than six axes cannot choose is looked at as it comes out,
and left out where the task does not allow it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.arm_inverse import Answers, ArmInverse
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.cell import Mechanism
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Robot
from cellctl.model.wps import Range
from cellctl.planning.seams.ladder import Rungs, fill_rungs
from cellctl.planning.seams.stations import Stations
from cellctl.processes.procedure import SeamSettings
from cellctl.scene.packed import ScreenArrays

BoolArray = NDArray[np.bool_]

SPINS = 36
TURNS = 8
HELD = (24, 12)
"""Values of a redundant joint: with one tilt, and with those of the window."""
INSET = np.radians(0.5)
AS_COMMANDED = 1e-7
"""How far past a window an angle may come out that an arm cannot choose (rad): rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class SeamProblem:
    """What one seam asks: stations, settings, the arm and its inverse, the joint values `lower`, `upper` (dof,) that
    the ladder looks between, and the margins (n_pairs,) that hold on it, `reserve` (m) of them over the cell's own;
    and the positioner that carries the part, where one does: its joints follow those of the arm.
    """

    robot: Robot
    inverse: ArmInverse
    stations: Stations
    settings: SeamSettings
    screen: ScreenArrays
    margins: FloatArray
    reserve: float
    lower: FloatArray
    upper: FloatArray
    carrier: Mechanism | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """IK answers at every station and variant (spin-major, tilts inside): `joints` (n, v, branches, dof), `valid`;
    `z` (v, 3 or 4) the spin, work and travel angle of each variant (spin from the reference, `grid_shifts` before it),
    and the held joint where there is one.

    `tilts` variants share a spin. Branches without order are one branch, and their answers so many tilts more.
    """

    joints: FloatArray
    valid: BoolArray
    z: FloatArray
    tilts: int

    @property
    def spins(self) -> int:
        """How many spins there are, in a ring."""
        return len(self.z) // self.tilts


def nominal_tilt(settings: SeamSettings) -> FloatArray:
    """The commanded work and travel angle alone, (1, 2)."""
    return np.array([[settings.work.nominal, settings.travel.nominal]])


def window_tilts(settings: SeamSettings) -> FloatArray:
    """Nine tilts over the windows of work and travel angle, (9, 2); fewer where a window is a single value."""
    works, travels = (_three_of(window) for window in (settings.work, settings.travel))
    return np.array([[w, p] for w in works for p in travels])


def inset_of(window: Range) -> float:
    """How far from the ends of a window the planner keeps (rad)."""
    return min(float(INSET), 0.25 * (window.maximum - window.minimum))


def _three_of(window: Range) -> list[float]:
    """The ends of a window, a little inside, and its nominal value; each value once."""
    inset = inset_of(window)
    return list(dict.fromkeys((window.minimum + inset, window.nominal, window.maximum - inset)))


def reach_of(problem: SeamProblem, tilts: FloatArray, *, judged: bool = True) -> Reach:
    """All inverse kinematics of the seam for the given tilts (k, 2); without `judged`, what comes out is not held
    against the windows.
    """
    inverse, stations = problem.inverse, problem.stations
    n = len(stations)
    z = _variants(problem, tilts)
    spins = z[:: len(z) // spin_count(inverse), 0]
    first = grid_shifts(problem)
    poses = np.stack([stations.spun_flange_poses(spins, first, *tilt) for tilt in tilts], axis=2)
    poses = np.repeat(poses, len(z) // (len(spins) * len(tilts)), axis=2).reshape(-1, 4, 4)
    held = None if inverse.held is None else np.tile(z[:, 3], n)
    answers = inverse.answers(poses, held, verified=inverse.form != "own figures")
    shape = (n, len(z), answers.valid.shape[1])
    joints, valid = answers.joints.reshape(*shape, -1), answers.valid.reshape(shape)
    if judged and inverse.freed:
        valid = valid & _as_allowed(problem, answers).reshape(shape)
    elif judged:
        valid = valid & _spins_allowed(problem, z)[:, :, None]
    within = len(z) // spin_count(inverse)
    if inverse.ordered:
        return Reach(joints, valid, z, within)
    count = shape[2]
    return Reach(
        joints.reshape(n, len(z) * count, 1, -1),
        valid.reshape(n, len(z) * count, 1),
        np.repeat(z, count, axis=0),
        within * count,
    )


def spin_count(inverse: ArmInverse) -> int:
    """How many spins are tried: one where the arm cannot choose it."""
    return 1 if "spin" in inverse.freed else SPINS


def grid_spins(problem: SeamProblem) -> FloatArray:
    """The spins from the reference that are tried; where the step has a window that the arm can choose in, one of them
    is its nominal spin at the start of the seam.
    """
    count, window = spin_count(problem.inverse), problem.settings.spin
    chosen = window is not None and "spin" not in problem.inverse.freed
    first = window.nominal - float(problem.stations.offsets[0]) if window is not None and chosen else 0.0
    return np.asarray(first + np.arange(count) * (2.0 * np.pi / count), dtype=np.float64)


def grid_shifts(problem: SeamProblem) -> FloatArray:
    """What is added to the spins of the grid at every station (n,): in a window so narrow that none of them might lie
    in it further along, the nominal spin is one of them everywhere.
    """
    window, offsets = problem.settings.spin, problem.stations.offsets
    narrow = window is not None and window.maximum - window.minimum < 2.0 * np.pi / SPINS
    if not narrow or "spin" in problem.inverse.freed:
        return np.zeros(len(offsets))
    return np.asarray(offsets[0] - offsets, dtype=np.float64)


def is_whole(problem: SeamProblem) -> bool:
    """True where the ladder holds every turn of every joint inside its limits: no node is left out."""
    limits = problem.robot.limit_array("lower"), problem.robot.limit_array("upper")
    whole = np.array_equal(problem.lower, limits[0]) and np.array_equal(problem.upper, limits[1])
    return bool(whole and turn_sets(*limits) <= TURNS)


def _variants(problem: SeamProblem, tilts: FloatArray) -> FloatArray:
    """Spin, tilt and held joint of every variant (v, 3 or 4)."""
    inverse, spins = problem.inverse, grid_spins(problem)
    if inverse.held is None:
        return np.array([[spin, *tilt] for spin in spins for tilt in tilts])
    held = inverse.spread(HELD[0] if len(tilts) == 1 else HELD[1])
    return np.array([[spin, *tilt, value] for spin in spins for tilt in tilts for value in held])


def _spins_allowed(problem: SeamProblem, z: FloatArray) -> BoolArray:
    """Which commanded spins lie in their window, (n, v)."""
    public = z[None, :, 0] + (problem.stations.offsets + grid_shifts(problem))[:, None]
    return in_spin_window(problem.settings.spin, public)


def in_spin_window(window: Range | None, public: FloatArray, slack: float = 0.0) -> BoolArray:
    """Which spins from the travel tangent (rad) lie in a window, whole turns aside; None holds all."""
    if window is None:
        return np.ones(public.shape, dtype=np.bool_)
    away = np.angle(np.exp(1j * (public - window.nominal)))
    low, high = window.minimum - window.nominal - slack, window.maximum - window.nominal + slack
    return np.asarray((away >= low) & (away <= high))


def _as_allowed(problem: SeamProblem, answers: Answers) -> BoolArray:
    """Which answers (n * v, b) hold the torch inside all windows as it comes out."""
    rows, branches, dof = answers.joints.shape
    station = np.repeat(np.arange(len(problem.stations)), rows // len(problem.stations) * branches)
    angles = angles_of(problem, answers.joints.reshape(-1, dof), station)
    return allowed_angles(problem, angles, station).reshape(rows, branches)


def angles_of(problem: SeamProblem, q: FloatArray, station: NDArray[np.intp]) -> FloatArray:
    """Spin from the reference, work and travel angle (n, 3), rad, at joints `q` (n, dof) and stations (n,)."""
    return problem.stations.angles(flange_matrices(problem.inverse.chain, q), station)


def allowed_angles(problem: SeamProblem, angles: FloatArray, station: NDArray[np.intp]) -> BoolArray:
    """Which of `angles` (n, 3) lie in the windows of the seam."""
    settings = problem.settings
    inside = in_spin_window(settings.spin, angles[:, 0] + problem.stations.offsets[station], AS_COMMANDED)
    for column, window in ((1, settings.work), (2, settings.travel)):
        value = angles[:, column]
        inside &= (value >= window.minimum - AS_COMMANDED) & (value <= window.maximum + AS_COMMANDED)
    return inside


def rungs_of(problem: SeamProblem, reach: Reach, configuration: int) -> Rungs:
    """The ladder of one configuration, without obstacles."""
    slots = min(TURNS, turn_sets(problem.lower, problem.upper)) * reach.tilts
    return Rungs(
        *fill_rungs(reach.joints, reach.valid, problem.lower, problem.upper, configuration, reach.tilts, slots)
    )


def turn_sets(lower: FloatArray, upper: FloatArray) -> int:
    """How many sets of turns one answer can have at most between these joint values (dof,)."""
    return int(np.prod(np.maximum(1.0, np.ceil((upper - lower) / (2.0 * np.pi) - 1e-9))))


def ladder_limits(robot: Robot, near: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Joint values (dof,) that a ladder looks between: the limits, but for joints with too many turns half a turn about
    `near` (dof,), the first joints first.
    """
    lower, upper = np.array(robot.limit_array("lower")), np.array(robot.limit_array("upper"))
    for j in range(robot.dof):
        if turn_sets(lower, upper) <= TURNS:
            break
        if upper[j] - lower[j] > 2.0 * np.pi:
            lower[j] = np.clip(near[j] - np.pi, lower[j], upper[j] - 2.0 * np.pi)
            upper[j] = lower[j] + 2.0 * np.pi
    return lower, upper
