"""The course of a torch along its seam: a way through the stations, with a weave on it or not. Knows no obstacles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cellctl.model.cell import Cell
from cellctl.model.pose import FloatArray
from cellctl.model.spline import interpolated
from cellctl.model.task import SeamStep
from cellctl.model.weave import Weave
from cellctl.planning.seams.columns import carried_columns, columns
from cellctl.planning.seams.reach import SeamProblem
from cellctl.planning.seams.stations import Stations, stations_at
from cellctl.planning.seams.way import GATE, SeamWay
from cellctl.processes.seam import SeamFrames, seam_path
from cellctl.processes.weave import swing, woven_points

PER_PERIOD = 24
"""Places of one period of a weave that a course goes through."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Joints `q` (n, dof) at arc lengths `s` (n,) of the seam, as near together as a path through them needs."""

    s: FloatArray
    q: FloatArray


def seam_course(cell: Cell, step: SeamStep, problem: SeamProblem, way: SeamWay) -> Course | None:
    """The course that follows a way, with the weave of the step on it where there is one.

    None where the torch can be on the seam and not beside it.
    """
    weave = problem.settings.weave
    if weave is None:
        return Course(problem.stations.s, way.torches.q)
    beside = _woven_stations(cell, step, problem, weave)
    woven = replace(problem, stations=beside)
    dof = problem.robot.dof
    near = interpolated(problem.stations.s, way.torches.q)(beside.s)
    z = _torches_between(problem, way, beside, near)
    if problem.carrier is None:
        q = columns(woven, z, near)[:, :dof]
    else:
        spin_and_lean = np.zeros((len(near), 3))
        q = carried_columns(woven, z, np.column_stack([near, spin_and_lean]))[:, : near.shape[1]]
    if not np.all(np.isfinite(q)) or np.abs(q - near).max() > GATE:
        return None
    return Course(beside.s, np.ascontiguousarray(q))


def _woven_stations(cell: Cell, step: SeamStep, problem: SeamProblem, weave: Weave) -> Stations:
    """Stations on the weave: the frames of the seam, their points beside it."""
    path = seam_path(cell, step)
    count = max(len(problem.stations), int(np.ceil(PER_PERIOD * path.length / weave.wavelength)) + 1)
    s = np.linspace(0.0, path.length, count)
    frames = path.frames(s)
    beside = SeamFrames(woven_points(frames, swing(weave, s)), frames.tangents, frames.normals)
    there, settings = problem.stations, problem.settings
    return stations_at(
        s, beside, there.pose_base_world, there.pose_tcp_flange, settings.work.nominal, settings.travel.nominal
    )


def _torches_between(problem: SeamProblem, way: SeamWay, beside: Stations, near: FloatArray) -> FloatArray:
    """Spin, work, travel angle and what else a way chooses (n, 3 or more) at the stations of the weave.

    The spin is carried over as it is from the travel tangent: references of other stations are other ones.
    """
    public = way.torches.z[:, :3].copy()
    public[:, 0] += problem.stations.offsets
    z = interpolated(problem.stations.s, public)(beside.s)
    z[:, 0] -= beside.offsets
    held, dof = problem.inverse.held, problem.robot.dof
    if held is not None:
        return np.column_stack([z, near[:, held]])
    return np.column_stack([z, near[:, dof:]])
