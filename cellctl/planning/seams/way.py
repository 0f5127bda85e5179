"""One seam: from stations to joint values along it. Ladder first, obstacles asked lazily, then refinement.

A configuration (IK branch) is never left while the arc is on, so every configuration has a ladder of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.arm_inverse import ArmInverse
from cellctl.kinematics.groups import carried_motions
from cellctl.model.cell import Mechanism
from cellctl.model.pose import FloatArray
from cellctl.planning.seams.carrier_places import lattice_of
from cellctl.planning.seams.columns import SPIN_SPEED, carried_columns, column_weights, columns, world_spins
from cellctl.planning.seams.ladder import Rungs, cheapest_way
from cellctl.planning.seams.positioned import free_grid_ways
from cellctl.planning.seams.reach import (
    INSET,
    Reach,
    SeamProblem,
    allowed_angles,
    angles_of,
    grid_shifts,
    inset_of,
    nominal_tilt,
    reach_of,
    rungs_of,
    window_tilts,
)
from cellctl.planning.seams.refinement import NOWHERE, Box, KeepOut, Torches, refined
from cellctl.scene.screen import states_free

IntArray = NDArray[np.intp] | NDArray[np.int32]

GATE = np.radians(14.0)
ROUNDS = 40
PULL = 0.05
WRIST_WIDTH = np.radians(20.0)
SPIN_SHARE = 0.95
"""Share of SPIN_SPEED that a way may use: the path between the stations turns a little faster."""
PULL_ROUNDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class SeamWay:
    """A way along the seam in one configuration: torches at the stations and its ladder cost."""

    torches: Torches
    configuration: int
    cost: float


def seam_ways(problem: SeamProblem, near: FloatArray) -> Iterator[SeamWay]:
    """Ways along the seam, best first (smooth, and not far from joints `near`); those of the nominal tilt first, then,
    if none of these will do, those of the tilts in the window. With a positioner a way starts with one tilt all along,
    which is then refined.
    """
    if problem.carrier is not None:
        yield from _carried_ways(problem, problem.carrier, near)
        return
    for tilts in (nominal_tilt(problem.settings), window_tilts(problem.settings)):
        reach = reach_of(problem, tilts)
        for start, configuration, cost in _ladder_ways(problem, reach, near):
            way = _smoothed(problem, start)
            if way is not None:
                yield SeamWay(way, configuration, cost)


def _carried_ways(problem: SeamProblem, carrier: Mechanism, near: FloatArray) -> Iterator[SeamWay]:
    tilts = np.concatenate([nominal_tilt(problem.settings), window_tilts(problem.settings)])
    for tilt in dict.fromkeys(map(tuple, tilts.tolist())):
        lattice = lattice_of(problem, carrier, np.array(tilt))
        if lattice is None:
            return
        for way, start in free_grid_ways(problem, carrier, lattice, near):
            torches = _smoothed(problem, start)
            if torches is not None:
                yield SeamWay(torches, way.branch, way.cost)


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


def grid_ways(problem: SeamProblem, reach: Reach) -> bool:
    """True where the grid has a way along the seam that is free of obstacles, smooth or not."""
    return bool(_ladder_ways(problem, reach, np.zeros(problem.robot.dof)))


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
        z[:, 0] = np.unwrap(z[:, 0] + grid_shifts(problem))
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
            around = (spin + shift) % rungs.costs.shape[1]
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
    q, tilt = rungs.joints[station, spin, slot], rungs.tilts[station, spin, slot]
    pose = (station * rungs.costs.shape[1] + spin) * (int(rungs.tilts.max()) + 1) + tilt
    _, first, same = np.unique(pose, return_index=True, return_inverse=True)
    free = np.empty(len(first), dtype=np.bool_)
    states_free(problem.screen, np.ascontiguousarray(q[first]), problem.margins, free)
    blocked = ~free[same]
    rungs.costs[station[blocked], spin[blocked], slot[blocked]] = np.inf
    asked[station, spin, slot] = True


def _smoothed(problem: SeamProblem, start: Torches) -> Torches | None:
    """Refine `start`; where that runs into something, pull it back towards the ladder's way, harder every round.

    The spin counts as one more axis, so that the torch does not turn needlessly about its wire; where it still turns
    too fast, it counts more.
    """
    box = _box(problem, start)
    weights, levels = column_weights(problem)
    dof = start.q.shape[1]
    keep_out = wrist_keep_out(problem.inverse)
    s = problem.stations.s
    inverse = partial(columns if problem.carrier is None else carried_columns, problem)
    first = inverse(start.z, np.column_stack([start.q, start.z[:, 0]]))
    first[:, dof] = np.unwrap(first[:, dof])
    now = refined(
        Torches(start.z, np.column_stack([start.q, first[:, dof:]])),
        s,
        box,
        weights,
        inverse,
        keep_out=keep_out,
        levels=levels,
    )
    slowest: Torches | None = None
    for _ in range(PULL_ROUNDS):
        q = np.ascontiguousarray(now.q[:, :dof])
        good = _good(problem, q)
        if good.all():
            way = Torches(_come_out(problem, now.z, q), q)
            slowest = way if slowest is None else min(slowest, way, key=lambda one: spin_rate(problem, one))
            if problem.inverse.freed or spin_rate(problem, way) <= SPIN_SHARE * SPIN_SPEED:
                return way
            weights = np.where(np.arange(len(weights)) == dof, 4.0 * weights, weights)
        hit = np.convolve(~good, np.ones(9), mode="same") > 0.0
        pull = np.where(hit[:, None], np.maximum(box.pull * 8.0, 0.05), box.pull)
        box = Box(box.lower, box.upper, np.where(hit[:, None], start.z, box.wanted), pull)
        now = refined(now, s, box, weights, inverse, keep_out=keep_out, levels=levels)
    return slowest


def spin_rate(problem: SeamProblem, way: Torches) -> float:
    """How fast the torch turns about its wire at most (rad/s), in the world, at the travel speed of the weld."""
    spins = way.z[:, 0]
    if problem.carrier is not None:
        motions = carried_motions(problem.carrier, way.q[:, problem.robot.dof :])
        spins = np.unwrap(world_spins(problem, way.z, motions))
    slopes = np.gradient(spins, problem.stations.s)
    return float(np.abs(slopes).max()) * problem.settings.travel_speed


def _good(problem: SeamProblem, q: FloatArray) -> NDArray[np.bool_]:
    """Where joints `q` (n, dof) are free, and hold the torch as it is allowed where the arm cannot choose."""
    good = np.empty(len(q), dtype=np.bool_)
    states_free(problem.screen, q, problem.margins, good)
    if problem.inverse.freed:
        station = np.arange(len(q))
        good &= allowed_angles(problem, angles_of(problem, q, station), station)
    return good


def _come_out(problem: SeamProblem, z: FloatArray, q: FloatArray) -> FloatArray:
    """The angles (n, 3) that the torch is held at: as commanded, or as they come out where the arm cannot choose."""
    if not problem.inverse.freed:
        return z[:, :3]
    angles = angles_of(problem, q, np.arange(len(q)))
    angles[:, 0] = np.unwrap(angles[:, 0])
    return angles


def wrist_keep_out(inverse: ArmInverse) -> KeepOut:
    """Where an axis of the wrist makes its neighbours parallel; nowhere for arms where that is not known."""
    place = inverse.wrist
    if place is None:
        return NOWHERE
    return KeepOut(axis=place.axis, centre=place.centre, period=place.period, width=WRIST_WIDTH, weight=1.0)


def _box(problem: SeamProblem, start: Torches) -> Box:
    """Bounds and wishes for the refinement: windows a little inside, angles lightly pulled to nominal, spin free."""
    settings = problem.settings
    lower, upper = np.full(start.z.shape, -np.inf), np.full(start.z.shape, np.inf)
    for column, window in ((1, settings.work), (2, settings.travel)):
        inset = inset_of(window)
        lower[:, column], upper[:, column] = window.minimum + inset, window.maximum - inset
    if "spin" in problem.inverse.freed:
        lower[:, 0] = upper[:, 0] = start.z[:, 0]
    elif settings.spin is not None:
        public = start.z[:, 0] + problem.stations.offsets
        turns = 2.0 * np.pi * np.round((public - settings.spin.nominal) / (2.0 * np.pi))
        lower[:, 0] = settings.spin.minimum - problem.stations.offsets + turns
        upper[:, 0] = settings.spin.maximum - problem.stations.offsets + turns
    wanted, pull = start.z.copy(), np.zeros(start.z.shape)
    wanted[:, 1:3], pull[:, 1:3] = (settings.work.nominal, settings.travel.nominal), PULL
    held = problem.inverse.held
    if held is not None:
        lower[:, 3], upper[:, 3] = problem.lower[held], problem.upper[held]
    if problem.carrier is not None:
        lower[:, 3:] = problem.carrier.robot.limit_array("lower") + INSET
        upper[:, 3:] = problem.carrier.robot.limit_array("upper") - INSET
    return Box(lower, upper, wanted, pull)
