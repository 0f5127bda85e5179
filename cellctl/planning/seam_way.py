"""One seam: from stations to joint values along it. Ladder first, obstacles asked lazily, then refinement.

A configuration (IK branch) is never left while the arc is on, so every configuration has a ladder of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.inverse import branches, unverified_branches
from cellctl.kinematics.opw import OpwArrays
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Robot
from cellctl.model.wps import Range
from cellctl.planning.ladder import Rungs, cheapest_way, fill_rungs
from cellctl.planning.refinement import NOWHERE, Box, KeepOut, Torches, refined
from cellctl.planning.torch_poses import Stations
from cellctl.processes.procedure import WeldSettings
from cellctl.scene.packed import ScreenArrays
from cellctl.scene.screen import states_free

IntArray = NDArray[np.intp] | NDArray[np.int32]

SPINS = 36
TURNS = 8
GATE = np.radians(14.0)
ROUNDS = 40
PULL = 0.05
INSET = np.radians(0.5)
WRIST_WIDTH = np.radians(20.0)
SPIN_SPEED = np.radians(45.0)
PULL_ROUNDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class SeamProblem:
    """What one seam asks: stations, settings, the arm and its inverse, and the margins (n_pairs,) that hold on it,
    `reserve` (m) of them kept over the cell's own.
    """

    robot: Robot
    inverse: OpwArrays
    stations: Stations
    settings: WeldSettings
    screen: ScreenArrays
    margins: FloatArray
    reserve: float


@dataclass(frozen=True, slots=True, eq=False)
class SeamWay:
    """A way along the seam in one configuration: torches at the stations and its ladder cost."""

    torches: Torches
    configuration: int
    cost: float


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """IK answers at every station and variant (spin-major, tilts inside): `joints` (n, v, branches, dof), `valid`;
    `z` (v, 3) the spin, work and travel angle of each variant (spin from the reference).
    """

    joints: FloatArray
    valid: NDArray[np.bool_]
    z: FloatArray
    tilts: int


def seam_ways(problem: SeamProblem, near: FloatArray) -> Iterator[SeamWay]:
    """Ways along the seam, best first (smooth, and not far from joints `near`); nominal tilt first, then tilts of the
    window.
    """
    for tilts in (nominal_tilt(problem.settings), window_tilts(problem.settings)):
        found = False
        reach = reach_of(problem, tilts)
        for start, configuration, cost in _ladder_ways(problem, reach, near):
            way = _smoothed(problem, start)
            if way is not None:
                found = True
                yield SeamWay(way, configuration, cost)
        if found:
            return


def nominal_tilt(settings: WeldSettings) -> FloatArray:
    """The commanded work and travel angle alone, (1, 2)."""
    return np.array([[settings.work.nominal, settings.travel.nominal]])


def window_tilts(settings: WeldSettings) -> FloatArray:
    """Up to nine tilts over the windows of work and travel angle, (n, 2), a little inside them."""
    works, travels = (_inside(window) for window in (settings.work, settings.travel))
    return np.array([[w, p] for w in works for p in travels])


def _inside(window: Range) -> list[float]:
    inset = _inset(window)
    return sorted({window.minimum + inset, window.nominal, window.maximum - inset})


def _inset(window: Range) -> float:
    return float(min(INSET, 0.25 * (window.maximum - window.minimum)))


def grid_spins(problem: SeamProblem) -> FloatArray:
    """The SPINS spins from the reference that are tried; where the step has a window, one of them is its nominal spin
    at the start of the seam.
    """
    window = problem.settings.spin
    first = 0.0 if window is None else window.nominal - float(problem.stations.offsets[0])
    return np.asarray(first + np.arange(SPINS) * (2.0 * np.pi / SPINS), dtype=np.float64)


def reach_of(problem: SeamProblem, tilts: FloatArray) -> Reach:
    """All inverse kinematics of the seam for SPINS spins and the given tilts (k, 2)."""
    stations = problem.stations
    n = len(stations)
    z = np.array([[spin, *tilt] for spin in grid_spins(problem) for tilt in tilts])
    poses = np.stack([stations.flange_poses(*(np.full(n, value) for value in variant)) for variant in z], axis=1)
    joints, valid = branches(problem.inverse, poses.reshape(-1, 4, 4))
    joints = joints.reshape(n, len(z), *joints.shape[1:])
    valid = valid.reshape(n, len(z), -1)
    window = problem.settings.spin
    if window is not None:
        public = z[None, :, 0] + stations.offsets[:, None]
        away = np.angle(np.exp(1j * (public - window.nominal)))
        inside = (away >= window.minimum - window.nominal) & (away <= window.maximum - window.nominal)
        valid = valid & inside[:, :, None]
    return Reach(joints, valid, z, len(tilts))


def rungs_of(problem: SeamProblem, reach: Reach, configuration: int) -> Rungs:
    """The ladder of one configuration, without obstacles."""
    lower, upper = problem.robot.limit_array("lower"), problem.robot.limit_array("upper")
    slots = TURNS * reach.tilts
    return Rungs(*fill_rungs(reach.joints, reach.valid, lower, upper, configuration, reach.tilts, slots))


def furthest_station(problem: SeamProblem, reach: Reach) -> int:
    """The last station that any configuration gets to from the first one over nodes that are free."""
    speeds, gate = problem.robot.limit_array("velocity"), np.full(problem.robot.dof, GATE)
    furthest = 0
    for configuration in range(reach.valid.shape[2]):
        rungs = rungs_of(problem, reach, configuration)
        asked = np.arange(rungs.costs.shape[2])[None, None] >= rungs.counts[:, :, None]
        _ask(problem, rungs, asked, *np.nonzero(~asked))
        if np.isfinite(rungs.costs[0]).any():
            *_, reached = cheapest_way(rungs.joints, rungs.costs, rungs.counts, 1.0 / speeds**2, gate)
            furthest = max(furthest, reached)
    return furthest


def is_whole(problem: SeamProblem, reach: Reach) -> bool:
    """True where the ladder holds every turn of every joint inside its limits, so that no way on the grid is left
    out.
    """
    width = problem.robot.limit_array("upper") - problem.robot.limit_array("lower")
    ways = np.prod(np.minimum(np.floor(width / (2.0 * np.pi)) + 1.0, 3.0))
    return bool(ways <= TURNS and width.max() < 6.0 * np.pi)


def grid_ways(problem: SeamProblem, reach: Reach) -> bool:
    """True where the grid has a way along the seam that is free of obstacles, smooth or not."""
    near = np.zeros(problem.robot.dof)
    return bool(_ladder_ways(problem, reach, near))


def _ladder_ways(problem: SeamProblem, reach: Reach, near: FloatArray) -> list[tuple[Torches, int, float]]:
    """The cheapest obstacle-free grid way of every configuration that has one, cheapest first."""
    speeds = problem.robot.limit_array("velocity")
    ways = []
    for configuration in range(reach.valid.shape[2]):
        if not reach.valid[:, :, configuration].any(axis=1).all():
            continue
        rungs = rungs_of(problem, reach, configuration)
        chosen = _free_way(problem, rungs, speeds)
        if chosen is None:
            continue
        spin, slot, cost = chosen
        rows = np.arange(len(spin))
        tilt = rungs.tilts[rows, spin, slot]
        z = reach.z[spin * reach.tilts + tilt].copy()
        z[:, 0] = np.unwrap(z[:, 0])
        q = rungs.joints[rows, spin, slot]
        away = float(np.max(np.abs(q[0] - near) / speeds))
        ways.append((Torches(z, q), configuration, cost + 0.2 * away))
    return sorted(ways, key=lambda way: (way[2], way[1]))


def _free_way(problem: SeamProblem, rungs: Rungs, speeds: FloatArray) -> tuple[IntArray, IntArray, float] | None:
    """Dynamic programming without obstacles, then again without the nodes found in collision, until a way is free.

    A few stations are asked whole at first: a seam that is blocked at one of them is blocked. Where ROUNDS do not
    settle it, all nodes are asked: None means that the grid has no way.
    """
    n = len(rungs.joints)
    asked = np.arange(rungs.costs.shape[2])[None, None] >= rungs.counts[:, :, None]
    for whole in (0, n // 4, n // 2, 3 * n // 4, n - 1):
        spins, slots = np.nonzero(~asked[whole])
        _ask(problem, rungs, asked, np.full(len(spins), whole), spins, slots)
        if not np.isfinite(rungs.costs[whole]).any():
            return None
    gate = np.full(problem.robot.dof, GATE)
    rows = np.arange(n)
    for attempt in range(ROUNDS):
        spin, slot, cost, _ = cheapest_way(rungs.joints, rungs.costs, rungs.counts, 1.0 / speeds**2, gate)
        if not np.isfinite(cost):
            return None
        if asked[rows, spin, slot].all():
            return spin, slot, cost
        for shift in range(-2, 3) if attempt < ROUNDS // 4 else range(-8, 9):
            around = (spin + shift) % SPINS
            station, near = np.nonzero(~asked[rows, around])
            _ask(problem, rungs, asked, station, around[station], near)
        if np.isfinite(rungs.costs[rows, spin, slot]).all():
            return spin, slot, cost
    station, spin_of, slot_of = np.nonzero(~asked)
    _ask(problem, rungs, asked, station, spin_of, slot_of)
    spin, slot, cost, _ = cheapest_way(rungs.joints, rungs.costs, rungs.counts, 1.0 / speeds**2, gate)
    return (spin, slot, cost) if np.isfinite(cost) else None


def _ask(
    problem: SeamProblem,
    rungs: Rungs,
    asked: NDArray[np.bool_],
    station: IntArray,
    spin: IntArray,
    slot: IntArray,
) -> None:
    """Put the cost of every given node that is not free to infinity. Turns share the answer of their pose."""
    if not len(station):
        return
    q = rungs.joints[station, spin, slot]
    pose = np.angle(np.exp(1j * q)).round(9)
    _, first, same = np.unique(pose, axis=0, return_index=True, return_inverse=True)
    free = np.empty(len(first), dtype=np.bool_)
    states_free(problem.screen, np.ascontiguousarray(q[first]), problem.margins, free)
    blocked = ~free[same.ravel()]
    rungs.costs[station[blocked], spin[blocked], slot[blocked]] = np.inf
    asked[station, spin, slot] = True


def _smoothed(problem: SeamProblem, start: Torches) -> Torches | None:
    """Refine `start`; where that runs into something, pull it back towards the ladder's way, harder every round.

    The spin counts as one more axis, so that the torch does not turn needlessly about its wire.
    """
    box = _box(problem, start)
    weights = np.append(1.0 / problem.robot.limit_array("velocity") ** 2, 1.0 / SPIN_SPEED**2)
    dof = problem.robot.dof
    keep_out = wrist_keep_out(problem.robot)
    s = problem.stations.s

    def inverse(z: FloatArray, near: FloatArray) -> FloatArray:
        poses = problem.stations.flange_poses(z[:, 0], z[:, 1], z[:, 2])
        return np.column_stack([nearest_joints(problem.robot, problem.inverse, poses, near[:, :dof]), z[:, 0]])

    now = refined(
        Torches(start.z, np.column_stack([start.q, start.z[:, 0]])), s, box, weights, inverse, keep_out=keep_out
    )
    free = np.empty(len(now.q), dtype=np.bool_)
    for _ in range(PULL_ROUNDS):
        states_free(problem.screen, np.ascontiguousarray(now.q[:, :dof]), problem.margins, free)
        if free.all():
            return Torches(now.z, np.ascontiguousarray(now.q[:, :dof]))
        hit = np.convolve(~free, np.ones(9), mode="same") > 0.0
        pull = np.where(hit[:, None], np.maximum(box.pull * 8.0, 0.05), box.pull)
        box = Box(box.lower, box.upper, np.where(hit[:, None], start.z, box.wanted), pull)
        now = refined(now, s, box, weights, inverse, keep_out=keep_out)
    return None


def wrist_keep_out(robot: Robot) -> KeepOut:
    """Where axis 5 of an arm with a spherical wrist makes axes 4 and 6 parallel; nowhere for other arms."""
    if robot.opw is None:
        return NOWHERE
    centre = robot.opw.offsets[4] * robot.opw.signs[4]
    return KeepOut(axis=4, centre=centre, width=WRIST_WIDTH, weight=1.0)


def _box(problem: SeamProblem, start: Torches) -> Box:
    """Bounds and wishes for the refinement: windows a little inside, angles lightly pulled to nominal, spin free."""
    settings = problem.settings
    n = len(start.z)
    lower, upper = np.full((n, 3), -np.inf), np.full((n, 3), np.inf)
    for column, window in ((1, settings.work), (2, settings.travel)):
        inset = _inset(window)
        lower[:, column], upper[:, column] = window.minimum + inset, window.maximum - inset
    if settings.spin is not None:
        public = start.z[:, 0] + problem.stations.offsets
        turns = 2.0 * np.pi * np.round((public - settings.spin.nominal) / (2.0 * np.pi))
        lower[:, 0] = settings.spin.minimum - problem.stations.offsets + turns
        upper[:, 0] = settings.spin.maximum - problem.stations.offsets + turns
    wanted = np.stack([start.z[:, 0], np.full(n, settings.work.nominal), np.full(n, settings.travel.nominal)], axis=1)
    pull = np.tile([0.0, PULL, PULL], (n, 1))
    return Box(lower, upper, wanted, pull)


def nearest_joints(robot: Robot, inverse: OpwArrays, poses: FloatArray, near: FloatArray) -> FloatArray:
    """Joint values (n, dof) of flange poses (n, 4, 4) nearest to `near` (n, dof) over branches and turns; NaN rows
    where none.
    """
    joints, valid = unverified_branches(inverse, poses)
    turns = np.round((near[:, None] - joints) / (2.0 * np.pi))
    joints = joints + 2.0 * np.pi * turns
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    inside = valid & np.all((joints >= lower) & (joints <= upper), axis=2)
    distance = np.where(inside, np.abs(joints - near[:, None]).max(axis=2), np.inf)
    best = np.argmin(distance, axis=1)
    rows = np.arange(len(poses))
    result: FloatArray = np.where(np.isfinite(distance[rows, best])[:, None], joints[rows, best], np.nan)
    return result
