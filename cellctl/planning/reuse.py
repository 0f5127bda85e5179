"""What an earlier plan of the same steps still gives in a changed cell: segments, torch angles, shapes of free paths.

Whether it is free now is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cellctl.model.plan import FixedSegment, SeamSection
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline
from cellctl.planning.seams.columns import nearest_joints
from cellctl.planning.seams.reach import SeamProblem
from cellctl.planning.seams.refinement import Torches
from cellctl.planning.seams.way import SeamWay

FURTHEST = 0.15
"""How far (rad) a joint may be from where it was at the same place of the seam, or at the ends of a free path."""
SAME = 1e-12
Reuse = Literal["kept", "adapted", "planned"]
"""How a step came about: its earlier segments as they were, the earlier torch angles where the seam is now, or anew."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """Segments of an earlier plan by the index of their step."""

    steps: Mapping[int, tuple[FixedSegment, ...]] = field(default_factory=dict)

    @staticmethod
    def of(segments: Iterable[FixedSegment]) -> Earlier:
        """The segments of a plan by their steps."""
        steps: dict[int, tuple[FixedSegment, ...]] = {}
        for segment in segments:
            steps[segment.step] = (*steps.get(segment.step, ()), segment)
        return Earlier(steps)

    def section(self, index: int) -> SeamSection | None:
        """The process of a step, None where it had none."""
        return next((s.process for s in self.steps.get(index, ()) if s.process is not None), None)

    def process(self, index: int) -> FixedSegment | None:
        """The segment that welds in a step, None where none does."""
        return next((s for s in self.steps.get(index, ()) if s.process is not None), None)

    def transit(self, index: int) -> BSpline | None:
        """The free path of a step, None where it had none."""
        return next((s.path for s in self.steps.get(index, ()) if s.kind == "transit"), None)


def same_seam(problem: SeamProblem, section: SeamSection) -> bool:
    """True where the seam stands where it stood, and is to be welded as it was."""
    frames, settings = problem.stations.frames, problem.settings
    then = (section.travel_speed, section.ctwd, section.work_window, section.travel_window, section.weave)
    if then != (settings.travel_speed, settings.ctwd, settings.work, settings.travel, settings.weave):
        return False
    pairs = (
        (section.stations, problem.stations.s),
        (section.points, frames.points),
        (section.tangents, frames.tangents),
        (section.normals, frames.normals),
    )
    return all(then.shape == now.shape and bool(np.all(np.abs(then - now) <= SAME)) for then, now in pairs)


def earlier_way(problem: SeamProblem, segment: FixedSegment) -> SeamWay | None:
    """The torch angles of an earlier weld along the seam where it is now; None where they lie outside the windows, or
    the joints for them would be elsewhere.
    """
    section, stations = segment.process, problem.stations
    if section is None or len(section.stations) != len(stations):
        return None
    z = np.column_stack([section.spins - stations.offsets, section.work_angles, section.travel_angles])
    if not _inside(problem, section):
        return None
    before = segment.path(section.stations)
    if problem.inverse.held is not None or problem.inverse.freed or problem.carrier is not None:
        return None
    q = nearest_joints(problem.inverse, stations.flange_poses(z[:, 0], z[:, 1], z[:, 2]), before, None)
    if not np.all(np.isfinite(q)) or np.abs(q - before).max() > FURTHEST:
        return None
    return SeamWay(Torches(z, q), -1, 0.0)


def _inside(problem: SeamProblem, section: SeamSection) -> bool:
    settings = problem.settings
    pairs = [(section.work_angles, settings.work), (section.travel_angles, settings.travel)]
    if settings.spin is not None:
        away = np.angle(np.exp(1j * (section.spins - settings.spin.nominal)))
        pairs.append((away + settings.spin.nominal, settings.spin))
    return all(window.minimum <= values.min() and values.max() <= window.maximum for values, window in pairs)


def earlier_path(path: BSpline, q: FloatArray, goal: FloatArray) -> BSpline | None:
    """An earlier free path bent so that it leads from `q` to `goal` (dof,); None where its ends were elsewhere."""
    first, last = q - path.control[0], goal - path.control[-1]
    if max(np.abs(first).max(), np.abs(last).max()) > FURTHEST:
        return None
    share = np.linspace(0.0, 1.0, len(path.control))[:, None]
    return BSpline(path.degree, path.knots, path.control + (1.0 - share) * first + share * last)
