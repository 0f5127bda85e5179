"""The part of suite `seam` with a positioner: the wavy curve on a table that tilts and turns under the arm."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from cellctl.bench.clock import times
from cellctl.bench.figures import Figure, Goal
from cellctl.bench.memory import peak_of
from cellctl.files import load_cell
from cellctl.kinematics.groups import carried_motions
from cellctl.model.cell import Cell, Group, Mechanism
from cellctl.model.pose import FloatArray, Pose
from cellctl.planning.seams.reach import SeamProblem
from cellctl.planning.seams.way import SeamWay, seam_ways
from cellctl.scene.bodies import collision_model
from cellctl.scene.packed import pack

CELL = "lib:sim/positioner_cell/cell.yaml"
BELOW = 0.10
"""How far the table lies below the curve (m)."""


def on_positioner(arm: Mechanism, alone: SeamProblem, centre: FloatArray) -> tuple[SeamProblem, FloatArray]:
    """The problem `alone` of one arm with the curve round `centre` (3,) on a positioner's table, and joints to start
    near.
    """
    table = load_cell(CELL).mechanism("table")
    top = table.robot.pose_base_flange.position
    table = replace(table, pose_world_base=Pose.of(centre - top - (0.0, 0.0, BELOW)))
    model = collision_model(Cell("bench", (arm, table), (Group("both", (arm.name, table.name)),), (), ()), "both")
    near = np.concatenate([np.array(one.configurations["home"]) for one in (arm, table)])
    return replace(alone, screen=pack(model), margins=np.array(model.margins), carrier=table), near


def figures_on_positioner(problem: SeamProblem, near: FloatArray, repeats: int) -> list[Figure]:
    """Time and memory of the whole way, and how far the face leans from up along it."""
    goals = Goal(1.0), Goal(64e6, "max"), Goal(12.0, "max")
    memory = peak_of(partial(_first_way, problem, near))
    taken = times(partial(_first_way, problem, near), repeats)
    what = "ladder and refinement on a positioner of two axes"
    figures = [Figure(what, "s", taken.elapsed, goal=goals[0], processor=taken.processor)]
    if memory is not None:
        figures.append(Figure("memory with a positioner", "B", (memory,), goal=goals[1]))
    lean = _leans(problem, _first_way(problem, near))
    rms, largest = float(np.sqrt(np.mean(lean**2))), float(lean.max())
    figures.append(Figure("lean of the face on a positioner, rms", "deg", (rms,), goal=goals[2]))
    figures.append(Figure("lean of the face on a positioner, largest", "deg", (largest,)))
    return figures


def _first_way(problem: SeamProblem, near: FloatArray) -> SeamWay:
    return next(seam_ways(problem, near))


def _leans(problem: SeamProblem, way: SeamWay) -> FloatArray:
    """How far (deg) the face of the seam leans from up at every station, (n,)."""
    assert problem.carrier is not None
    motions = carried_motions(problem.carrier, way.torches.q[:, problem.robot.dof :])
    ups = np.einsum("nij,nj->ni", motions[:, :3, :3], problem.stations.frames.normals)[:, 2]
    return np.asarray(np.degrees(np.arccos(np.clip(ups, -1.0, 1.0))))
