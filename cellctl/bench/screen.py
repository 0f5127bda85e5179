"""The suite `screen`: states and motions of a UR5e among sixteen boxes, asked of spheres and of the convex screen.

The spheres are drawn along the solids of the library's arm, about as many as the published sphere models of it have:
like those, no cover. How well covers of a real cell do is told of the `tray_cell`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cellctl.bench.clock import times
from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.suites import Progress
from cellctl.files import load_robot, load_task
from cellctl.kinematics.chain import chain_of, link_places
from cellctl.model.pose import FloatArray, Pose, rotation_about
from cellctl.model.robot import Robot
from cellctl.model.shapes import Box, Cylinder, Shape, Sphere
from cellctl.scene.bodies import WORLD, CollisionModel, PlacedSolid, collision_model
from cellctl.scene.engine import open_engine
from cellctl.scene.packed import pack
from cellctl.scene.screen import states_free
from cellctl.scene.spheres.blocks import Items
from cellctl.scene.spheres.cells import sphere_cell
from cellctl.scene.spheres.edges import all_items, dense_states_free, motion_free_each, spheres_free_each
from cellctl.scene.spheres.lanes import SingleArray
from cellctl.scene.spheres.model import SphereArm
from cellctl.scene.spheres.obstacles import Obstacles, obstacles_from
from cellctl.scene.spheres.tables import ArmTables, arm_tables

ROBOT: Final = "lib:robots/ur5e"
TASK: Final = "lib:tasks/weld/tray_corner.yaml"
BOXES: Final = 16
STATES: Final = 20_000
ASKED: Final = 2_000
"""Of them asked of the exact engine, where no screen proves them."""
EDGES: Final = 5_000
EDGE: Final = 1.5
DENSITY: Final = 32.0
LEAST: Final = np.float32(2e-4)


def screen(repeats: int, say: Progress) -> SuiteResult:
    """Rates of single states, of dense and of proved motions; how much of what is free the covers cannot prove."""
    robot = load_robot(ROBOT)
    model = arm_among_boxes(robot, 0)
    arm = sphere_sketch(model, robot)
    tables = arm_tables(arm, mixed=True)
    obstacles = obstacles_from((solid.shape, solid.pose) for solid in model.solids if solid.frame == WORLD)
    items = all_items(tables, obstacles, np.float32(0.0))
    say("states", None)
    q = np.random.default_rng(1).uniform(arm.lower, arm.upper, (STATES, arm.dof))
    single, free = q.astype(np.float32), np.zeros(STATES, np.bool_)
    states = times(lambda: spheres_free_each(tables, obstacles, items, single, free), repeats)
    packed, margins, clear = pack(model), np.array(model.margins), np.zeros(STATES, np.bool_)
    convex = times(lambda: states_free(packed, q, margins, clear), repeats)
    say("motions", None)
    motions = _free_motions(tables, obstacles, items, single[free])
    proved = np.zeros(len(motions), np.bool_)
    asked = dense_states_free(tables, obstacles, items, motions, DENSITY)
    dense = times(lambda: dense_states_free(tables, obstacles, items, motions, DENSITY), repeats)
    certified = times(lambda: motion_free_each(tables, obstacles, items, motions, LEAST, proved), repeats)
    figures = [
        _rate("spheres: single random states", STATES, states.processor, Goal(0.35e6, "best", "at least")),
        _rate("convex screen: single random states", STATES, convex.processor, None),
        _rate("spheres: dense free motions, sixteen at once", asked, dense.processor, Goal(4e6, "best", "at least")),
        Figure(f"spheres: free motion of {EDGE} rad, dense", "s", _each(dense.processor, len(motions))),
        Figure(f"spheres: free motion of {EDGE} rad, proved", "s", _each(certified.processor, len(motions))),
    ]
    say("covers of the tray_cell", None)
    figures += _covers()
    note = f"{len(arm.radii)} spheres in {len(tables.groups)} groups, {len(tables.pairs)} sphere pairs, {BOXES} boxes"
    note += f", {100.0 * float(free.mean()):.0f} % of the states free; one thread, by its processor time"
    return SuiteResult("screen", tuple(figures), (note,))


def _covers() -> list[Figure]:
    """How the covers of a real cell do: spheres, how far they stand out, and what they leave to be asked again."""
    task = load_task(TASK)
    model = collision_model(task.cell, task.cell.groups[0].name)
    cell = sphere_cell(model, task.cell.mechanisms[0].robot)
    margins = np.array(model.margins)
    q = np.random.default_rng(3).uniform(cell.arm.lower, cell.arm.upper, (STATES, cell.arm.dof))
    free, clear = np.zeros(STATES, np.bool_), np.zeros(STATES, np.bool_)
    spheres_free_each(cell.tables, cell.obstacles, cell.items(model, margins), q.astype(np.float32), free)
    states_free(pack(model), q, margins, clear)
    left = 100.0 * float((clear & ~free).sum() / max(1, clear.sum()))
    some = (clear | free)[:ASKED]
    with open_engine(None, model) as exact:
        missed = sum(not exact.all_within(row, margins) for row in q[:ASKED][~some])
    sent = 100.0 * missed / max(1, missed + int(some.sum()))
    return [
        Figure("tray_cell: spheres in the covers", "", (float(len(cell.arm.radii)),)),
        Figure("tray_cell: largest waste of a cover", "m", (cell.waste,)),
        Figure("tray_cell: free states that the covers cannot prove", "%", (left,)),
        Figure("tray_cell: free states left to the exact engine", "%", (sent,), goal=Goal(10.0)),
        Figure("tray_cell: states free by covers only", "", (float((free & ~clear).sum()),), goal=Goal(0.0)),
    ]


def sphere_sketch(model: CollisionModel, robot: Robot) -> SphereArm:
    """Spheres along the longest side of every moving solid, as wide as its middle side: a sketch, not a cover."""
    solids = [solid for solid in model.solids if solid.frame != WORLD]
    rows = [(k, solid, centre, radius) for k, solid in enumerate(solids) for centre, radius in _along(solid.shape)]
    pairs = [(int(a), int(b)) for a, b in model.pairs if max(a, b) < len(solids)]
    return SphereArm(
        model.chain,
        np.array([solid.frame for _, solid, _, _ in rows], dtype=np.intp),
        np.array([solid.pose.apply(centre) for _, solid, centre, _ in rows]),
        np.array([radius for *_, radius in rows]),
        np.array([k for k, *_ in rows], dtype=np.intp),
        tuple(solid.name for solid in solids),
        np.array(pairs, dtype=np.intp).reshape(-1, 2),
        tuple(joint.name for joint in robot.axes),
        np.array(robot.limit_array("lower")),
        np.array(robot.limit_array("upper")),
    )


def _along(shape: Shape) -> list[tuple[FloatArray, float]]:
    """Centres (3,) and radii (m) of spheres in a row along a solid."""
    if isinstance(shape, Sphere):
        return [(np.zeros(3), shape.radius)]
    if isinstance(shape, Box):
        low, size = -0.5 * np.array(shape.size), np.array(shape.size)
    elif isinstance(shape, Cylinder):
        size = np.array([2.0 * shape.radius, 2.0 * shape.radius, shape.length])
        low = -0.5 * size
    else:
        low, size = shape.vertices.min(axis=0), np.ptp(shape.vertices, axis=0)
    longest, radius = int(np.argmax(size)), 0.5 * float(np.sort(size)[1])
    count = max(1, round(float(size[longest]) / (2.0 * radius)))
    centres = np.tile(low + 0.5 * size, (count, 1))
    centres[:, longest] = low[longest] + size[longest] * (np.arange(count) + 0.5) / count
    return [(centre, radius) for centre in centres]


def _each(elapsed: tuple[float, ...], count: int) -> tuple[float, ...]:
    return tuple(seconds / count for seconds in elapsed)


def _rate(name: str, count: int, elapsed: tuple[float, ...], goal: Goal | None) -> Figure:
    return Figure(name, "states/s", tuple(count / seconds for seconds in elapsed), better="higher", goal=goal)


def _free_motions(tables: ArmTables, obstacles: Obstacles, items: Items, starts: SingleArray) -> SingleArray:
    """Straight motions (n, 2, dof) of length EDGE in random directions from free states, those that are free."""
    draw = np.random.default_rng(2)
    first = starts[draw.integers(0, len(starts), EDGES)]
    away = draw.normal(size=first.shape)
    last = first + EDGE * away / np.linalg.norm(away, axis=1, keepdims=True)
    motions = np.stack([first, last], axis=1).astype(np.float32)
    free: NDArray[np.bool_] = np.zeros(EDGES, np.bool_)
    motion_free_each(tables, obstacles, items, motions, LEAST, free)
    return np.ascontiguousarray(motions[free])


def arm_among_boxes(robot: Robot, seed: int) -> CollisionModel:
    """An arm without a tool at the origin, and BOXES boxes around it that leave its base free."""
    draw = np.random.default_rng(seed)
    places = link_places(robot)
    moving, link_of = [], []
    for link in robot.links:
        frame, pose = places[link.name]
        for solid in link.solids:
            moving.append(PlacedSolid(f"{link.name}.{solid.name}", solid.shape, frame, pose @ solid.pose))
            link_of.append(link.name)
    touching = {frozenset(pair) for pair in robot.touching}
    pairs = [
        (i, k)
        for i in range(len(moving))
        for k in range(i + 1, len(moving))
        if abs(moving[i].frame - moving[k].frame) > 1 and frozenset((link_of[i], link_of[k])) not in touching
    ]
    boxes = [PlacedSolid(f"box_{k}", _box(draw), WORLD, _pose(draw)) for k in range(BOXES)]
    pairs += [(i, len(moving) + k) for i, solid in enumerate(moving) if solid.frame > 0 for k in range(BOXES)]
    table = np.array(pairs, dtype=np.intp)
    solids = (*moving, *boxes)
    return CollisionModel("arm", "arm", chain_of(robot), Pose.identity(), solids, table, np.zeros(len(table)))


def _box(draw: np.random.Generator) -> Box:
    x, y, z = draw.uniform(0.05, 0.35, 3)
    return Box((x, y, z))


def _pose(draw: np.random.Generator) -> Pose:
    turn, away = draw.uniform(-3.0, 3.0), draw.uniform(-3.0, 3.0)
    reach, height = draw.uniform(0.5, 1.0), draw.uniform(-0.3, 1.0)
    rotation = rotation_about((0.0, 0.0, 1.0), turn)
    return Pose.from_rotation(rotation, (reach * np.cos(away), reach * np.sin(away), height))
