"""The suite `soak`: random states and motions of arms of the library with a torch, in random scenes. What a compiled
screen calls free is asked of the exact engines; not one may be in collision there.

PyBullet reads distances of hulls from cylinders up to some tenth of a millimetre too small, so where it has a collision
coal is asked as well, if it is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

import numpy as np

from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.suites import Progress
from cellctl.errors import EnvironmentMissing
from cellctl.files import load_cell, load_robot
from cellctl.kinematics.chain import BoolArray
from cellctl.model.cell import Cell, Fixture, Group, Margins, Mechanism
from cellctl.model.part import Body
from cellctl.model.pose import FloatArray, Pose, rotation_about, unit
from cellctl.model.robot import with_adapter
from cellctl.model.shapes import Box, Cylinder, Shape, Solid, Sphere
from cellctl.scene.bodies import WORLD, CollisionModel, collision_model
from cellctl.scene.engine import EngineName, engine_used, open_engine
from cellctl.scene.packed import ScreenArrays, pack
from cellctl.scene.placed_scene import PlacedScene
from cellctl.scene.screen import edge_free, states_free
from cellctl.scene.spheres.cells import SphereCell, sphere_cell
from cellctl.scene.spheres.edges import motion_free_each, spheres_free_each
from cellctl.scene.spheres.obstacles import obstacles_from

CELL = "lib:sim/tray_cell/cell.yaml"
ARMS = ("kuka_kr16_2", "abb_irb2400_12_155", "fanuc_m10ia", "ur10e", "yaskawa_ma2010")
SCENES = 4
BODIES = 12
BATCH = 10_000
"""States that are asked together, to keep memory small."""
LONGEST = 0.2
"""Largest change of a joint in a motion (rad)."""
STEP = 2e-3
"""Between the states at which a proved motion is asked again (rad of the joint that moves most)."""
TOUCH = 2e-5
"""Overlap (m) from which on an engine's answer counts; it gives distances 10 um too small on purpose."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One arm in one random scene, with both screens of it."""

    arm: str
    model: CollisionModel
    screen: ScreenArrays
    spheres: SphereCell
    lower: FloatArray
    upper: FloatArray


@dataclass(slots=True)
class Counts:
    """What was asked, what a screen called free or proved, what of that the first engine doubts and all refute."""

    states: int = 0
    free: int = 0
    doubted: int = 0
    refuted: int = 0
    edges: int = 0
    proved: int = 0
    refuted_edges: int = 0


def soak(states: int, edges: int, say: Progress, *, arms: tuple[str, ...] = ARMS, scenes: int = SCENES) -> SuiteResult:
    """So many random states and motions, shared out evenly over `scenes` scenes for each of `arms`."""
    counts, total, installed = Counts(), len(arms) * scenes, _installed()
    for index, scene in enumerate(random_scenes(arms, scenes)):
        say(f"soak: {scene.arm}, scene {index % scenes + 1} of {scenes}", index / total)
        draw = np.random.default_rng(1000 + index)
        with ExitStack() as opened:
            engines = [opened.enter_context(open_engine(name, scene.model)) for name in installed]
            _ask_states(scene, engines, draw, share_of(states, index, total), counts)
            _ask_edges(scene, engines, draw, share_of(edges, index, total), counts)
    named = {
        "states asked": counts.states,
        "states called free by a screen": counts.free,
        "motions asked": counts.edges,
        "motions proved by a screen": counts.proved,
    }
    figures = [Figure(name, "", (float(count),)) for name, count in named.items()]
    figures.append(Figure("free states that the first engine doubts", "", (float(counts.doubted),)))
    wrong = {"free states that collide": counts.refuted, "proved motions that collide": counts.refuted_edges}
    figures += [Figure(name, "", (float(count),), goal=Goal(0.0, "max")) for name, count in wrong.items()]
    note = (
        f"{len(arms)} arms with a torch, {scenes} scenes of {BODIES} bodies each; proved motions again every {STEP} rad"
    )
    return SuiteResult("soak", tuple(figures), (f"{note}; asked of {' and '.join(installed)}",))


def _installed() -> list[EngineName]:
    """The exact engines that are here, PyBullet first; raises EnvironmentMissing where none is."""
    first = engine_used(None)
    engines: list[EngineName] = [first]
    with suppress(EnvironmentMissing):
        if first != "coal":
            engines.append(engine_used("coal"))
    return engines


def share_of(count: int, index: int, total: int) -> int:
    """How many of `count` the one at `index` of `total` gets."""
    return count * (index + 1) // total - count * index // total


def random_scenes(arms: tuple[str, ...], scenes: int) -> Iterator[Scene]:
    """Arms of the library with the torch of the first job, each in so many scenes; the same ones every time."""
    torch = load_cell(CELL).mechanisms[0].tool
    for number, name in enumerate(arms):
        robot = with_adapter(load_robot(name))
        mechanism = Mechanism("arm", robot, Pose.identity(), torch, {})
        spheres: SphereCell | None = None
        for scene in range(scenes):
            bodies = _bodies(np.random.default_rng(100 * number + scene))
            cell = Cell("soak", (mechanism,), (Group("arm", ("arm",)),), bodies, (), margins=Margins(clearance=0.0))
            model = collision_model(cell, "arm")
            still = [(solid.shape, solid.pose) for solid in model.solids if solid.frame == WORLD]
            spheres = (
                sphere_cell(model, robot) if spheres is None else replace(spheres, obstacles=obstacles_from(still))
            )
            lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
            yield Scene(name, model, pack(model), spheres, lower, upper)


def _bodies(draw: np.random.Generator) -> tuple[Fixture, ...]:
    """Boxes, cylinders and balls around an arm at the origin, somewhere off its base."""
    fixtures = []
    for k in range(BODIES):
        size = draw.uniform(0.05, 0.5, 3)
        shapes: tuple[Shape, ...] = (
            Box((float(size[0]), float(size[1]), float(size[2]))),
            Cylinder(0.4 * float(size[0]), float(size[1])),
            Sphere(0.4 * float(size[0])),
        )
        angle, away = draw.uniform(-np.pi, np.pi), draw.uniform(0.7, 1.6)
        turn = rotation_about(unit(draw.normal(size=3)), draw.uniform(0.0, np.pi))
        pose = Pose.from_rotation(turn, (away * np.cos(angle), away * np.sin(angle), draw.uniform(0.0, 1.6)))
        fixtures.append(Fixture(f"body_{k}", Body(f"body_{k}", (Solid("body", shapes[k % 3]),)), "world", pose))
    return tuple(fixtures)


def _ask_states(
    scene: Scene, engines: list[PlacedScene], draw: np.random.Generator, count: int, counts: Counts
) -> None:
    margins = np.zeros(len(scene.model.pairs))
    items = scene.spheres.items(scene.model, margins)
    for first in range(0, count, BATCH):
        q = draw.uniform(scene.lower, scene.upper, (min(BATCH, count - first), len(scene.lower)))
        clear, free = np.zeros(len(q), np.bool_), np.zeros(len(q), np.bool_)
        states_free(scene.screen, q, margins, clear)
        spheres_free_each(scene.spheres.tables, scene.spheres.obstacles, items, q.astype(np.float32), free)
        counts.states += len(q)
        counts.free += int((clear | free).sum())
        doubted, refuted = _asked(engines, q[clear | free])
        counts.doubted += int(doubted.sum())
        counts.refuted += int(refuted.sum())


def _ask_edges(scene: Scene, engines: list[PlacedScene], draw: np.random.Generator, count: int, counts: Counts) -> None:
    for first in range(0, count, BATCH // 100):
        start = draw.uniform(scene.lower, scene.upper, (min(BATCH // 100, count - first), len(scene.lower)))
        ends = np.clip(start + draw.uniform(-LONGEST, LONGEST, start.shape), scene.lower, scene.upper)
        proved = _proved(scene, start, ends)
        along = [_between(start[k], ends[k]) for k in np.flatnonzero(proved)]
        counts.edges += len(start)
        counts.proved += len(along)
        if along:
            _, refuted = _asked(engines, np.concatenate(along))
            whose = np.repeat(np.arange(len(along)), [len(states) for states in along])
            counts.refuted_edges += len(np.unique(whose[refuted]))


def _proved(scene: Scene, start: FloatArray, ends: FloatArray) -> BoolArray:
    """Which of the straight motions between rows (n, dof) a screen proves."""
    margins = np.zeros(len(scene.model.pairs))
    items = scene.spheres.items(scene.model, margins)
    proved = np.zeros(len(start), np.bool_)
    motions = np.ascontiguousarray(np.stack([start, ends], axis=1), dtype=np.float32)
    motion_free_each(scene.spheres.tables, scene.spheres.obstacles, items, motions, np.float32(2e-4), proved)
    for k in np.flatnonzero(~proved):
        proved[k] = edge_free(scene.screen, start[k], ends[k], margins, STEP)
    return proved


def _between(start: FloatArray, end: FloatArray) -> FloatArray:
    """States (n, dof) of a straight motion, no joint moving more than STEP from one to the next."""
    shares = np.linspace(0.0, 1.0, 2 + int(np.abs(end - start).max() / STEP))[:, None]
    return start + shares * (end - start)


def _asked(engines: list[PlacedScene], q: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Which of the states (n, dof) the first engine has in collision, and which of them all engines have."""
    doubted = engines[0].any_within(q, -TOUCH)
    refuted = doubted.copy()
    for engine in engines[1:]:
        refuted[refuted] = engine.any_within(q[refuted], -TOUCH)
    return doubted, refuted
