"""The suite `narrow`: free motions into places with narrow ways in: a cage, a box, a thin shelf, below a table.

Arms of the library as sketches of spheres, scenes and goals drawn at random. A goal drawn at random may have no way to
it: of the problems that no seed solves with four times the iterations, those are dropped that are proved to have none.
The others are a figure of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.no_way import no_way
from cellctl.bench.screen import arm_among_boxes, sphere_sketch
from cellctl.bench.suites import Progress
from cellctl.errors import LimitReached
from cellctl.files import load_robot
from cellctl.kinematics.forward import flange_matrices, frames
from cellctl.model.pose import FloatArray, Pose, rotation_about
from cellctl.model.shapes import Box, Cylinder, Shape
from cellctl.planning.free.sphere_motion import ITERATIONS, FreeMotion, free_motion
from cellctl.scene.spheres.edges import all_items, spheres_free_each
from cellctl.scene.spheres.model import SphereArm
from cellctl.scene.spheres.obstacles import Obstacles, obstacles_from
from cellctl.scene.spheres.tables import ArmTables, arm_tables

HOMES: Final = {
    "lib:robots/ur5e": (1.57, -1.57, 0.0, -1.57, -1.57, 0.0),
    "lib:robots/fanuc_lrmate200id": (0.0, 0.0, 0.0, 0.0, -0.5, 0.0),
    "lib:robots/yaskawa_gp7": (0.0, 0.0, 0.0, 0.0, -0.5, 0.0),
}
REACH: Final = 1.5
PROBLEMS: Final = 20
SEEDS: Final = 3
POSTURES: Final = 40_000
_ALONG: Final = 0.85
"""Least cosine between the flange's axis at a goal and the direction in which the place is entered."""

Solids = list[tuple[Shape, Pose]]


class Place(NamedTuple):
    """Solids about their own origin, the half sizes (m) of the region in which the flange has to end, the direction in
    which it looks there, and between which distances from the arm and heights above its shoulder the place is put.
    """

    solids: Solids
    inside: tuple[float, float, float]
    towards: tuple[float, float, float]
    away: tuple[float, float]
    height: tuple[float, float]


def narrow(repeats: int, say: Progress) -> SuiteResult:
    """How many problems are solved, how fast, by processor time, and how long the ways are."""
    figures: list[Figure] = []
    every: list[tuple[float, FreeMotion | None]] = []
    without = unknown = 0
    for name, home in HOMES.items():
        robot = load_robot(name)
        arm = sphere_sketch(arm_among_boxes(robot, 0), robot)
        tables = arm_tables(arm, mixed=True)
        for kind, make in PLACES.items():
            say(f"{robot.name}, {kind}", None)
            problems = [_problem(arm, tables, np.array(home), make, seed) for seed in range(PROBLEMS)]
            known = [one for one in problems if one is not None]
            kept = [one for one in known if _has_a_way(arm, tables, np.array(home), *one)]
            lost = [one for one in known if not any(one is other for other in kept)]
            proved = sum(no_way(arm, obstacles, np.array(home), goal) for obstacles, goal in lost)
            without, unknown = without + proved, unknown + len(lost) - proved
            runs = [run for one in kept for run in _runs(arm, tables, np.array(home), *one, repeats)]
            every += runs
            if runs:
                label = f"{robot.name}: plan + simplify, {kind}"
                figures.append(Figure(label, "s", tuple(taken for taken, _ in runs)))
    taken = tuple(one for one, _ in every)
    ways = [motion for _, motion in every if motion is not None]
    figures += [
        Figure(
            "all: solved, of those with a known way",
            "%",
            (100.0 * len(ways) / len(every),),
            better="higher",
            goal=Goal(99.9, sense="at least"),
        ),
        Figure("all: problems neither solved nor proved to have no way", "", (float(unknown),), goal=Goal(0.0)),
        Figure("all: plan + simplify", "s", taken, goal=Goal(1e-3, "median")),
        Figure("all: plan + simplify, p95", "s", (float(np.percentile(taken, 95.0)),), goal=Goal(8e-3)),
        Figure("all: length", "rad", tuple(motion.length for motion in ways)),
        Figure("all: iterations", "", tuple(float(motion.iterations) for motion in ways)),
    ]
    note = f"{SEEDS} seeds, fastest of {repeats} repeats by processor time, at most {ITERATIONS} iterations"
    return SuiteResult("narrow", tuple(figures), (f"{note}; {without} problems proved to have no way dropped",))


def _bar(at: tuple[float, float, float], size: tuple[float, float, float]) -> tuple[Shape, Pose]:
    return Box(size), Pose.of(at)


def cage(draw: np.random.Generator) -> Place:
    """A cube of bars on a plate, two gaps to a side."""
    half, bar = draw.uniform(0.24, 0.3), 0.025
    solids = [_bar((0.0, 0.0, -half - 0.01), (2.0 * half, 2.0 * half, 0.02))]
    for side in (-half, half):
        for at in (-half, 0.0, half):
            solids += [_bar((side, at, 0.0), (bar, bar, 2.0 * half)), _bar((at, side, 0.0), (bar, bar, 2.0 * half))]
        solids += [_bar((side, 0.0, z), (bar, 2.0 * half, bar)) for z in (-half, half)]
        solids += [_bar((0.0, side, z), (2.0 * half, bar, bar)) for z in (-half, half)]
    solids.append(_bar((0.0, 0.0, half), (bar, 2.0 * half, bar)))
    return Place(solids, (half - 0.08, half - 0.08, half - 0.1), (1.0, 0.0, 0.0), (0.6, 0.75), (-0.05, 0.25))


def box(draw: np.random.Generator) -> Place:
    """An open box, entered from above."""
    half, wall, depth = draw.uniform(0.15, 0.25), 0.02, 0.13
    solids = [_bar((0.0, 0.0, -depth), (2.0 * half, 2.0 * half, wall))]
    for side in (-half, half):
        solids.append(_bar((side, 0.0, 0.0), (wall, 2.0 * half, 2.0 * depth)))
        solids.append(_bar((0.0, side, 0.0), (2.0 * half, wall, 2.0 * depth)))
    return Place(solids, (half - 0.06, half - 0.06, depth), (0.0, 0.0, -1.0), (0.45, 0.65), (-0.2, 0.1))


def thin_shelf(draw: np.random.Generator) -> Place:
    """Five thin boards between two sides, with cans on them."""
    solids = [_bar((0.15, 0.0, z), (0.5, 1.0, 0.01)) for z in (-0.6, -0.3, 0.0, 0.3, 0.6)]
    solids += [_bar((0.15, y, 0.0), (0.5, 0.01, 1.2)) for y in (-0.5, 0.5)]
    for z in (-0.225, 0.075, 0.375):
        for _ in range(3):
            x, y = draw.uniform(-0.05, 0.3), draw.uniform(-0.4, 0.4)
            solids.append((Cylinder(0.03, 0.14), Pose.of((x, y, z - 0.3))))
    return Place(solids, (0.08, 0.38, 0.38), (1.0, 0.0, 0.0), (0.6, 0.75), (-0.1, 0.2))


def below_a_table(draw: np.random.Generator) -> Place:
    """A table above a floor, with cans below it."""
    solids = [_bar((0.2, 0.0, 0.25), (1.2, 1.6, 0.04)), _bar((0.2, 0.0, -0.47), (1.4, 1.8, 0.04))]
    solids += [_bar((x, y, -0.1), (0.05, 0.05, 0.7)) for x in (-0.35, 0.75) for y in (-0.75, 0.75)]
    for _ in range(4):
        x, y = draw.uniform(0.0, 0.5), draw.uniform(-0.4, 0.4)
        solids.append((Cylinder(0.04, 0.16), Pose.of((x, y, -0.37))))
    return Place(solids, (0.25, 0.35, 0.2), (1.0, 0.0, 0.0), (0.5, 0.65), (-0.1, 0.25))


PLACES: Final[dict[str, Callable[[np.random.Generator], Place]]] = {
    "cage": cage,
    "box": box,
    "thin shelf": thin_shelf,
    "below a table": below_a_table,
}


def _problem(
    arm: SphereArm, tables: ArmTables, home: FloatArray, make: Callable[[np.random.Generator], Place], seed: int
) -> tuple[Obstacles, FloatArray] | None:
    """A place around the arm and a free goal in it; None where home is not free, or no goal was drawn."""
    draw = np.random.default_rng(seed)
    place = make(draw)
    yaw, away, height = draw.uniform(-np.pi, np.pi), draw.uniform(*place.away), draw.uniform(*place.height)
    shoulder = float(frames(arm.chain, home)[1][2, 3])
    turn = rotation_about((0.0, 0.0, 1.0), yaw + draw.uniform(-0.3, 0.3))
    at = Pose.from_rotation(turn, (away * np.cos(yaw), away * np.sin(yaw), shoulder + height))
    obstacles = obstacles_from((shape, at @ pose) for shape, pose in place.solids)
    q = draw.uniform(np.maximum(arm.lower, -np.pi), np.minimum(arm.upper, 1.2 * np.pi), (POSTURES, arm.dof))
    flanges = flange_matrices(arm.chain, q)
    tips, axes = at.inverse().apply(flanges[:, :3, 3]), flanges[:, :3, 2] @ at.rotation
    goals = q[(np.abs(tips) < place.inside).all(axis=1) & (axes @ np.array(place.towards) > _ALONG)]
    asked = np.vstack([home, goals])
    free = np.zeros(len(asked), np.bool_)
    items = all_items(tables, obstacles, np.float32(0.0))
    spheres_free_each(tables, obstacles, items, asked.astype(np.float32), free)
    if not free[0] or not free[1:].any():
        return None
    return obstacles, goals[free[1:]][0]


def _planned(
    arm: SphereArm, tables: ArmTables, home: FloatArray, obstacles: Obstacles, goal: FloatArray, seed: int, most: int
) -> FreeMotion | None:
    """A motion, or None where none was found."""
    try:
        return free_motion(arm, tables, obstacles, home, goal, seed=seed, reach=REACH, iterations=most)
    except LimitReached:
        return None


def _has_a_way(arm: SphereArm, tables: ArmTables, home: FloatArray, obstacles: Obstacles, goal: FloatArray) -> bool:
    """Whether some seed finds a way with four times the iterations."""
    tries = (_planned(arm, tables, home, obstacles, goal, seed, 4 * ITERATIONS) for seed in range(SEEDS))
    return any(motion is not None for motion in tries)


def _runs(
    arm: SphereArm, tables: ArmTables, home: FloatArray, obstacles: Obstacles, goal: FloatArray, repeats: int
) -> Iterator[tuple[float, FreeMotion | None]]:
    """Least processor time (s) of a problem, and its motion, with every seed."""
    for seed in range(SEEDS):
        taken, motion = np.inf, None
        for _ in range(repeats):
            began = time.process_time()
            motion = _planned(arm, tables, home, obstacles, goal, seed, ITERATIONS)
            taken = min(taken, time.process_time() - began)
        yield float(taken), motion
