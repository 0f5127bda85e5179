"""The suite `seam`: a closed wavy curve welded by the KR 16-2, its ladder and its refinement, alone and in a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from cellctl.bench.clock import times
from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.memory import peak_of
from cellctl.bench.positioner import figures_on_positioner, on_positioner
from cellctl.bench.suites import Progress
from cellctl.files import load_cell
from cellctl.kinematics.arm_inverse import arm_inverse
from cellctl.model.cell import Cell, Fixture, Group, Mechanism
from cellctl.model.part import Body
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.shapes import Box, Solid
from cellctl.model.wps import Range
from cellctl.planning.seams.ladder import Rungs, cheapest_way
from cellctl.planning.seams.reach import SeamProblem, ladder_limits, nominal_tilt, reach_of, rungs_of, window_tilts
from cellctl.planning.seams.stations import Stations
from cellctl.planning.seams.way import GATE, SeamWay, seam_ways
from cellctl.processes.procedure import SeamSettings
from cellctl.processes.seam import SeamFrames
from cellctl.processes.torch import spin_offsets, transported_references, wire_directions
from cellctl.scene.bodies import collision_model
from cellctl.scene.packed import pack
from cellctl.units import deg, mm

CELL = "lib:sim/tray_cell/cell.yaml"
CENTRE = np.array([1.15, 0.0, 0.85])
RADIUS, WAVE, WAVES = 150 * mm, 25 * mm, 5
TILT = 15 * deg
POSES = 437
BODIES = 20
LENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0)
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """The wavy curve at even arc lengths `s` (n,): its frames, and the length of one lap."""

    s: FloatArray
    frames: SeamFrames
    lap: float


def seam(repeats: int, say: Progress) -> SuiteResult:
    """Ladder, ladder with tilts, refinement, refinement among bodies; quality against the grid's own path; memory and
    cost over length; and the curve on a positioner.
    """
    mechanism = load_cell(CELL).mechanisms[0]
    home = np.array(mechanism.configurations["home"])
    wave = wavy_curve(POSES)
    alone, among = (seam_problem(mechanism, wave, home, bodies) for bodies in (0, BODIES))
    say("seam: memory", None)
    memory = peak_of(partial(_first_way, alone, home))
    say("seam: ladder and refinement", None)
    tilts = nominal_tilt(alone.settings), window_tilts(alone.settings)
    figures = [
        _timed("ladder, one tilt", lambda: ladder(alone, tilts[0]), repeats, 60e-3),
        _timed("ladder, nine tilts", lambda: ladder(alone, tilts[1]), repeats, 1.5),
        _timed("ladder and refinement", lambda: _first_way(alone, home), repeats, 300e-3),
        _timed(f"ladder and refinement among {BODIES} bodies", lambda: _first_way(among, home), repeats, 600e-3),
        *_qualities(alone, home),
    ]
    if memory is not None:
        figures.append(Figure("memory of ladder and refinement", "B", (memory,), goal=Goal(64 * MEGABYTE, "max")))
    say("seam: on a positioner", None)
    figures += figures_on_positioner(*on_positioner(mechanism, alone, CENTRE), repeats)
    for length in LENGTHS:
        say(f"seam of {length:g} m", None)
        problem = seam_problem(mechanism, wavy_curve(max(8, round(length / wave.lap * POSES)), length), home, 0)
        name = f"ladder and refinement of {length:g} m, a metre"
        once = times(partial(_first_way, problem, home), min(repeats, 3))
        elapsed, processor = (tuple(value / length for value in values) for values in once)
        figures.append(Figure(name, "s", elapsed, processor=processor))
    curve = f"the curve: {wave.lap * 1e3:.0f} mm a lap, {POSES} poses, normals tilted outwards by 15 deg, spin free"
    return SuiteResult("seam", tuple(figures), notes=(curve,))


def _timed(name: str, call: Callable[[], object], repeats: int, goal: float) -> Figure:
    taken = times(call, repeats)
    return Figure(name, "s", taken.elapsed, goal=Goal(goal), processor=taken.processor)


def wavy_curve(poses: int, length: float | None = None) -> Wave:
    """A closed curve of radius RADIUS plus WAVE times cos 5 u round CENTRE, its normals TILT away from up; `length` of
    it, or one lap.
    """
    u = np.linspace(0.0, 2.0 * np.pi, 20_001)
    radius = RADIUS + WAVE * np.cos(WAVES * u)
    points = np.stack([radius * np.cos(u), radius * np.sin(u), np.zeros(len(u))], axis=1)
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    lap = float(arc[-1])
    s = np.linspace(0.0, lap if length is None else length, poses)
    at = np.interp(s % lap, arc, u) if length is not None else np.interp(s, arc, u)
    return Wave(s, _frames_at(at), lap)


def _frames_at(u: FloatArray) -> SeamFrames:
    """Points, tangents and normals of the curve at angles `u` (n,)."""
    radius, slope = RADIUS + WAVE * np.cos(WAVES * u), -WAVE * WAVES * np.sin(WAVES * u)
    radial = np.stack([np.cos(u), np.sin(u), np.zeros(len(u))], axis=1)
    round_ = np.stack([-np.sin(u), np.cos(u), np.zeros(len(u))], axis=1)
    tangents = slope[:, None] * radial + radius[:, None] * round_
    tangents /= np.linalg.norm(tangents, axis=1)[:, None]
    outwards = np.cross(tangents, [0.0, 0.0, 1.0])
    normals = np.cos(TILT) * np.array([0.0, 0.0, 1.0]) + np.sin(TILT) * outwards
    return SeamFrames(CENTRE + radius[:, None] * radial, tangents, normals)


def seam_problem(mechanism: Mechanism, wave: Wave, near: FloatArray, bodies: int) -> SeamProblem:
    """What the curve asks of `mechanism`, with so many boxes standing round it."""
    torch = mechanism.tool.torch if mechanism.tool is not None else None
    assert torch is not None
    settings = SeamSettings(16 * mm, 8 * mm, Range(-5 * deg, 0.0, 5 * deg), Range(5 * deg, 10 * deg, 15 * deg), None)
    pose_flange_tcp = torch.tcp(settings.ctwd)
    frames, n = wave.frames, len(wave.s)
    wires = wire_directions(
        frames.tangents, frames.normals, np.full(n, settings.work.nominal), np.full(n, settings.travel.nominal)
    )
    references = transported_references(wires)
    stations = Stations(
        wave.s,
        frames,
        references,
        np.unwrap(spin_offsets(frames.tangents, wires, references)),
        mechanism.pose_world_base.inverse().matrix,
        pose_flange_tcp.inverse().matrix,
    )
    group = Group(mechanism.name, (mechanism.name,))
    model = collision_model(Cell("bench", (mechanism,), (group,), boxes_around(bodies), ()), group.name)
    return SeamProblem(
        mechanism.robot,
        arm_inverse(mechanism.robot, pose_flange_tcp),
        stations,
        settings,
        pack(model),
        np.array(model.margins),
        0.0,
        *ladder_limits(mechanism.robot, near),
    )


def boxes_around(count: int) -> tuple[Fixture, ...]:
    """So many posts in a ring round the curve, of two heights, at a distance that the torch can just use."""
    fixtures = []
    for k in range(count):
        angle = 2.0 * np.pi * k / count
        at = CENTRE + 0.36 * np.array([np.cos(angle), np.sin(angle), 0.0])
        height = 0.16 if k % 2 else 0.08
        pose = Pose.of((float(at[0]), float(at[1]), float(CENTRE[2]) - 0.1 + 0.5 * height))
        body = Body(f"post_{k}", (Solid("post", Box((0.05, 0.05, height))),))
        fixtures.append(Fixture(body.name, body, "world", pose))
    return tuple(fixtures)


def ladder(problem: SeamProblem, tilts: FloatArray) -> tuple[Rungs, FloatArray, float]:
    """The cheapest grid way of the best configuration, without obstacles: its rungs, its joints (n, dof), its cost."""
    reach = reach_of(problem, tilts)
    weights = 1.0 / problem.robot.limit_array("velocity") ** 2
    gate = np.full(problem.robot.dof, GATE)
    best: tuple[Rungs, FloatArray, float] | None = None
    for configuration in range(reach.valid.shape[2]):
        if reach.valid[:, :, configuration].any(axis=1).all():
            rungs = rungs_of(problem, reach, configuration)
            spin, slot, cost, _ = cheapest_way(rungs.joints, rungs.costs, rungs.counts, weights, gate)
            if np.isfinite(cost) and (best is None or cost < best[2]):
                best = rungs, rungs.joints[np.arange(len(spin)), spin, slot], cost
    assert best is not None
    return best


def _first_way(problem: SeamProblem, near: FloatArray) -> SeamWay:
    return next(seam_ways(problem, near))


def _qualities(problem: SeamProblem, near: FloatArray) -> list[Figure]:
    """How much of the joint acceleration of the grid's path the refined one has, at any constant travel speed."""
    grid = ladder(problem, nominal_tilt(problem.settings))[1]
    refined = _first_way(problem, near).torches.q
    bends = [np.diff(q, 2, axis=0) for q in (refined, grid)]
    rms, largest = (
        float(measure(bends[0]) / measure(bends[1])) for measure in (lambda b: np.sqrt(np.mean(b**2)), _largest)
    )
    travel = float(np.abs(np.diff(refined, axis=0)).sum() / np.abs(np.diff(grid, axis=0)).sum())
    return [
        Figure("refined over grid, acceleration rms", "", (rms,), goal=Goal(0.35, "max")),
        Figure("refined over grid, largest acceleration", "", (largest,), goal=Goal(0.2, "max")),
        Figure("refined over grid, joint travel", "", (travel,)),
    ]


def _largest(bends: FloatArray) -> float:
    return float(np.abs(bends).max())
