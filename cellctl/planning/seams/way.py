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
from cellctl.planning.seams.ladder import Rungs, cheapest_way
from cellctl.planning.seams.positioned import CARRIER_SHARE, free_grid_ways, lattice_of, world_spin_zero
from cellctl.planning.seams.reach import (
    INSET,
    Reach,
    SeamProblem,
    allowed_angles,
    angles_of,
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
SPIN_SPEED = np.radians(45.0)
SPIN_SHARE = 0.95
"""Share of SPIN_SPEED that a way may use: the path between the stations turns a little faster."""
PULL_ROUNDS = 10
UPRIGHT = 200.0
"""What a metre of seam costs whose face looks level, on a positioner that could hold it up."""


@dataclass(frozen=True, slots=True, eq=False)
class SeamWay:
    """A way along the seam in one configuration: torches at the stations and its ladder cost."""

    torches: Torches
    configuration: int
    cost: float


def seam_ways(problem: SeamProblem, near: FloatArray) -> Iterator[SeamWay]:
    """Ways along the seam, best first (smooth, and not far from joints `near`); those of the nominal tilt first, then,
    if none of these will do, those of the tilts in the window. With a positioner those of the nominal tilt alone, which
    is then refined.
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
    lattice = lattice_of(problem, carrier)
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

    The spin counts as one more axis, so that the torch does not turn needlessly about its wire; where it still turns
    too fast, it counts more.
    """
    box = _box(problem, start)
    weights, levels = _weights(problem)
    dof = start.q.shape[1]
    keep_out = wrist_keep_out(problem.inverse)
    s = problem.stations.s
    inverse = partial(_columns if problem.carrier is None else _carried_columns, problem)
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


def _weights(problem: SeamProblem) -> tuple[FloatArray, FloatArray]:
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


def _columns(problem: SeamProblem, z: FloatArray, near: FloatArray) -> FloatArray:
    """Joints and spin (n, dof + 1) for z (n, 3 or 4), nearest to such columns."""
    poses = problem.stations.flange_poses(z[:, 0], z[:, 1], z[:, 2])
    held = None if problem.inverse.held is None else z[:, 3]
    return np.column_stack([nearest_joints(problem.inverse, poses, near[:, : problem.robot.dof], held), z[:, 0]])


def _carried_columns(problem: SeamProblem, z: FloatArray, near: FloatArray) -> FloatArray:
    """Joints of arm and positioner, spin in the world, and the two sines of the lean of the face (n, dof + 3)."""
    assert problem.carrier is not None
    arm, carried = problem.robot.dof, z[:, 3:]
    motions = carried_motions(problem.carrier, carried)
    poses = problem.stations.flange_poses(z[:, 0], z[:, 1], z[:, 2], motions)
    joints = nearest_joints(problem.inverse, poses, near[:, :arm])
    before = near[:, arm + carried.shape[1]]
    turned = _world_spins(problem, z, motions) - before
    spin = before + turned - 2.0 * np.pi * np.round(turned / (2.0 * np.pi))
    lean = np.einsum("nij,nj->ni", motions[:, :2, :3], problem.stations.frames.normals)
    return np.column_stack([joints, carried, spin, lean])


def _world_spins(problem: SeamProblem, z: FloatArray, motions: FloatArray) -> FloatArray:
    """Spins (n,) from a direction that stands in the world, whole turns aside."""
    zero = world_spin_zero(problem.stations.tip_poses(np.zeros(len(z)), z[:, 1], z[:, 2]), motions)
    result: FloatArray = z[:, 0] - zero
    return result


def spin_rate(problem: SeamProblem, way: Torches) -> float:
    """How fast the torch turns about its wire at most (rad/s), in the world, at the travel speed of the weld."""
    spins = way.z[:, 0]
    if problem.carrier is not None:
        motions = carried_motions(problem.carrier, way.q[:, problem.robot.dof :])
        spins = np.unwrap(_world_spins(problem, way.z, motions))
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
    joints = answers.joints
    turns = np.where(inverse.chain.prismatic, 0.0, np.round((near[:, None] - joints) / (2.0 * np.pi)))
    joints = joints + 2.0 * np.pi * turns
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    inside = answers.valid & np.all((joints >= lower) & (joints <= upper), axis=2)
    distance = np.where(inside, np.abs(joints - near[:, None]).max(axis=2), np.inf)
    best = np.argmin(distance, axis=1)
    rows = np.arange(len(poses))
    result: FloatArray = np.where(np.isfinite(distance[rows, best])[:, None], joints[rows, best], np.nan)
    return result
