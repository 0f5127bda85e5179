"""The grid of a seam that a positioner carries: what the arm can do at the places that hold the seam's face up. The
cheapest way through it at stages along the seam, then joint values at every station.

A place costs more the further the face leans. Spins count from a direction that stands in the world, so that a turning
table turns no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cellctl.kinematics.groups import carried_motions
from cellctl.model.cell import Mechanism
from cellctl.model.pose import FloatArray
from cellctl.planning.seams.carrier_places import GRID, SPINS, BoolArray, Lattice, Places
from cellctl.planning.seams.lattice import ByteArray, IntArray, advance, traced
from cellctl.planning.seams.reach import SeamProblem, in_spin_window
from cellctl.planning.seams.refinement import Torches
from cellctl.scene.screen import states_free

CARRIER_SHARE = 0.01
"""What a turn of the positioner costs, as a share of what the same use of its speed costs in the arm."""
LEANING = 1.0
"""What a stage costs, times the squared sine of how far its face leans."""
NEAR = 0.05
GATE = np.radians(60.0)
FIXED = np.array([1.0, 0.0, 0.0])
"""The world direction that spins of the grid count from."""
ROUNDS = 12


@dataclass(frozen=True, slots=True, eq=False)
class GridWay:
    """A way through the lattice in one branch: per stage the place, the spin on the grid; its cost."""

    branch: int
    place: list[int]
    spin: list[int]
    cost: float


def grid_ways(problem: SeamProblem, carrier: Mechanism, lattice: Lattice, near: FloatArray) -> list[GridWay]:
    """The cheapest way of every branch that has one, cheapest first; `near` (dof,) are joints not to start far from."""
    weights = 1.0 / problem.robot.limit_array("velocity") ** 2
    spin_cost = float((2.0 * np.pi / SPINS) ** 2 * weights[-1])
    origins: list[ByteArray] = []
    neighbours: list[IntArray] = []
    before: tuple[FloatArray, FloatArray] | None = None
    for stage in range(len(lattice.stages)):
        joints, costs = _nodes(problem, lattice, stage)
        sums, came = np.empty(costs.shape), np.full(costs.shape, 255, dtype=np.uint8)
        if before is None:
            sums[...] = costs + _away(problem, carrier, lattice.places[0], joints, near)
            neighbours.append(np.empty((0, 0), dtype=np.intp))
        else:
            beside, moves = _neighbours(carrier, lattice.places[stage - 1], lattice.places[stage])
            advance(before[0], before[1], joints, costs, beside, moves, weights, spin_cost, GATE, sums, came)
            neighbours.append(beside)
        origins.append(came)
        before = joints, sums
    assert before is not None
    ways = []
    for branch in range(before[1].shape[2]):
        ends = before[1][:, :, branch]
        place, spin = np.unravel_index(int(np.argmin(ends)), ends.shape)
        if np.isfinite(ends[place, spin]):
            led = traced(origins, neighbours, (int(place), int(spin), branch))
            ways.append(GridWay(branch, *led, float(ends[place, spin])))
    return sorted(ways, key=lambda way: (way.cost, way.branch))


def furthest_stage(problem: SeamProblem, carrier: Mechanism, lattice: Lattice) -> int:
    """The last station that a way through the lattice reaches, obstacles left out."""
    weights = 1.0 / problem.robot.limit_array("velocity") ** 2
    before: tuple[FloatArray, FloatArray] | None = None
    for stage in range(len(lattice.stages)):
        joints, costs = _nodes(problem, lattice, stage)
        sums, came = costs.copy(), np.empty(costs.shape, dtype=np.uint8)
        if before is not None:
            beside, moves = _neighbours(carrier, lattice.places[stage - 1], lattice.places[stage])
            advance(before[0], before[1], joints, costs, beside, moves, weights, 0.0, GATE, sums, came)
        if not np.isfinite(sums).any():
            return int(lattice.stages[max(stage - 1, 0)])
        before = joints, sums
    return int(lattice.stages[-1])


def _nodes(problem: SeamProblem, lattice: Lattice, stage: int) -> tuple[FloatArray, FloatArray]:
    """Joints (places, spins, branches, dof) and costs of the nodes of a stage, infinite where there is none."""
    station, places = int(lattice.stages[stage]), lattice.places[stage]
    spins, poses = _poses(problem, lattice, station, places.motions)
    answers = problem.inverse.answers(poses.reshape(-1, 4, 4), verified=False)
    shape = (len(places.joints), SPINS, answers.valid.shape[1])
    joints = answers.joints.reshape(*shape, -1)
    lean = places.motions[:, :2, :3] @ problem.stations.frames.normals[station]
    costs = np.where(_inside(problem, answers.joints) & answers.valid, 0.0, np.inf).reshape(shape)
    costs += LEANING * np.sum(lean**2, axis=1)[:, None, None] + _at_wrist(problem, joints)
    costs[~in_spin_window(problem.settings.spin, spins + problem.stations.offsets[station])] = np.inf
    costs[lattice.blocked[stage]] = np.inf
    return np.ascontiguousarray(joints), costs


def _at_wrist(problem: SeamProblem, joints: FloatArray) -> FloatArray:
    """What nodes (..., dof) cost near the place where two axes of the wrist are parallel."""
    place = problem.inverse.wrist
    if place is None:
        return np.zeros(joints.shape[:-1])
    away = joints[..., place.axis] - place.centre
    away -= place.period * np.round(away / place.period)
    return np.asarray(np.maximum(0.0, np.radians(15.0) - np.abs(away)) ** 2)


def _inside(problem: SeamProblem, joints: FloatArray) -> BoolArray:
    """Whether every joint of `joints` (n, b, dof) is inside its limits in some turn."""
    bound = problem.upper - problem.lower < 2.0 * np.pi
    values, lower, upper = joints[..., bound], problem.lower[bound], problem.upper[bound]
    turns = np.ceil((lower - values) / (2.0 * np.pi))
    return np.asarray(np.all(values + 2.0 * np.pi * turns <= upper, axis=2))


def _poses(problem: SeamProblem, lattice: Lattice, station: int, motions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Spins from the reference (places, spins), and the flange poses (places, spins, 4, 4) for them in the arm's
    base.
    """
    tip = lattice.tips[station]
    spins = world_spin_zero(tip, motions)[:, None] + np.arange(SPINS) * (2.0 * np.pi / SPINS)
    turned = np.zeros((*spins.shape, 4, 4))
    turned[..., 0, 0] = turned[..., 1, 1] = np.cos(spins)
    turned[..., 1, 0] = np.sin(spins)
    turned[..., 0, 1] = -turned[..., 1, 0]
    turned[..., 2, 2] = turned[..., 3, 3] = 1.0
    before = problem.stations.pose_base_world @ motions @ tip
    return spins, before[:, None] @ (turned @ problem.stations.pose_tcp_flange)


def world_spin_zero(tips: FloatArray, motions: FloatArray) -> FloatArray:
    """The turns (n,) about the wire that lead from the x axis of `tips` (n, 4, 4) or (4, 4), of a part as it lies, to
    FIXED, when the part has moved by `motions` (n, 4, 4).
    """
    seen = FIXED @ motions[..., :3, :3]
    along, across = (np.einsum("...i,...i", tips[..., :3, axis], seen) for axis in (0, 1))
    result: FloatArray = np.arctan2(across, along)
    return result


def _neighbours(carrier: Mechanism, before: Places, after: Places) -> tuple[IntArray, FloatArray]:
    """For every place the places of the stage before (n, m) that are no further than one step of an axis away, -1 for
    none, standing still first; and what these moves cost.
    """
    count = after.index.shape[1]
    steps = np.stack(np.meshgrid(*[[0, -1, 1]] * count, indexing="ij"), axis=-1).reshape(-1, count)
    steps = steps[np.argsort(np.abs(steps).sum(axis=1), kind="stable")]
    low = np.minimum(before.index.min(axis=0), after.index.min(axis=0)) - 1
    known = np.full(np.maximum(before.index.max(axis=0), after.index.max(axis=0)) - low + 2, -1, dtype=np.intp)
    known[tuple((before.index - low).T)] = np.arange(len(before.index))
    found = known[tuple(np.moveaxis(after.index[:, None] + steps - low, -1, 0))]
    shares = (GRID / carrier.robot.limit_array("velocity")) ** 2
    cost = CARRIER_SHARE * np.abs(steps) @ shares
    return np.ascontiguousarray(found), np.tile(cost, (len(found), 1))


def _away(problem: SeamProblem, carrier: Mechanism, places: Places, joints: FloatArray, near: FloatArray) -> FloatArray:
    """What starting far from `near` costs the nodes of the first stage."""
    dof = problem.robot.dof
    apart = np.abs(np.angle(np.exp(1j * (joints - near[:dof])))) / problem.robot.limit_array("velocity")
    carried = np.abs(places.joints - near[dof:]) / carrier.robot.limit_array("velocity")
    result: FloatArray = NEAR * np.maximum(apart.max(axis=3), carried.max(axis=1)[:, None, None])
    return result


def torches_along(problem: SeamProblem, carrier: Mechanism, lattice: Lattice, way: GridWay) -> Torches | None:
    """A way at every station: z (n, 3 + k) with the joints of the carrier last, and joints q (n, dof); None where an
    inverse ends between the stages, or no turn of a joint keeps all of it inside its limits.
    """
    stations = problem.stations
    at, s = stations.s[lattice.stages], stations.s
    carried = np.array([places.joints[k] for places, k in zip(lattice.places, way.place, strict=True)])
    held = np.stack([np.interp(s, at, values) for values in carried.T], axis=1)
    motions = carried_motions(carrier, held)
    spins = np.unwrap(np.array(way.spin) * (2.0 * np.pi / SPINS))
    work, travel = (np.full(len(s), angle) for angle in lattice.tilt)
    zero = world_spin_zero(lattice.tips, motions)
    spin = np.unwrap(zero + np.interp(s, at, spins))
    answers = problem.inverse.answers(stations.flange_poses(spin, work, travel, motions), verified=False)
    if not answers.valid[:, way.branch].all():
        return None
    arm = _turned_inside(problem, np.unwrap(answers.joints[:, way.branch], axis=0))
    if arm is None:
        return None
    return Torches(np.column_stack([spin, work, travel, held]), np.column_stack([arm, held]))


def _turned_inside(problem: SeamProblem, joints: FloatArray) -> FloatArray | None:
    """`joints` (n, dof) with every joint turned as a whole so that it stays inside its limits, as near to their middle
    as can be; None where one cannot.
    """
    low, high = joints.min(axis=0), joints.max(axis=0)
    middle = 0.5 * (problem.lower + problem.upper)
    turns = 2.0 * np.pi * np.round((middle - 0.5 * (low + high)) / (2.0 * np.pi))
    inside = np.all(low + turns >= problem.lower) and np.all(high + turns <= problem.upper)
    return joints + turns if inside else None


def _block(problem: SeamProblem, lattice: Lattice, way: GridWay, bad: BoolArray) -> None:
    """Block what is not free of the nodes at the stages of a way next to the `bad` (n,) stations: those that it takes,
    and with all other spins there.
    """
    after = np.searchsorted(lattice.stages, np.flatnonzero(bad))
    for stage in np.unique(np.concatenate([after, np.maximum(after - 1, 0)])).tolist():
        place = way.place[stage]
        at, station = lattice.places[stage], int(lattice.stages[stage])
        _, poses = _poses(problem, lattice, station, at.motions[place : place + 1])
        arm = problem.inverse.answers(poses[0], verified=False).joints[:, way.branch]
        q = np.column_stack([arm, np.tile(at.joints[place], (SPINS, 1))])
        free = np.empty(SPINS, dtype=np.bool_)
        states_free(problem.screen, q, problem.margins, free)
        lattice.blocked[stage][place, ~free, way.branch] = True
        lattice.blocked[stage][place, way.spin[stage], way.branch] = True


def free_grid_ways(
    problem: SeamProblem, carrier: Mechanism, lattice: Lattice, near: FloatArray
) -> Iterator[tuple[GridWay, Torches]]:
    """Ways through the lattice, one of every branch, cheapest first; where one meets an obstacle, its nodes there are
    blocked and the lattice is gone through again.
    """
    for _ in range(ROUNDS):
        for way in grid_ways(problem, carrier, lattice, near):
            torches = torches_along(problem, carrier, lattice, way)
            free = np.zeros(len(problem.stations), dtype=np.bool_)
            if torches is not None:
                states_free(problem.screen, torches.q, problem.margins, free)
            if torches is not None and free.all():
                yield way, torches
                for blocked in lattice.blocked:
                    blocked[:, :, way.branch] = True
            else:
                _block(problem, lattice, way, ~free)
