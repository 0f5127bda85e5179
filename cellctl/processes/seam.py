"""A seam as it is to be gone along: trimmed, reversed, overlapped, with its frame at every millimetre, in the world.

Knows the cell's parts and a step along a seam; knows no robot and no angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cellctl.model.cell import Cell
from cellctl.model.curve import Arc
from cellctl.model.part import Seam, face_normals
from cellctl.model.pose import FloatArray, Pose, unit
from cellctl.model.task import SeamStep


@dataclass(frozen=True, slots=True, eq=False)
class SeamFrames:
    """Seam frames in the world: `points`, `tangents` t, `normals` n, all (n, 3); b = n x t."""

    points: FloatArray
    tangents: FloatArray
    normals: FloatArray


@dataclass(frozen=True, slots=True)
class SeamPath:
    """The part of a seam that a step covers: arc length 0..`length` in the direction of travel."""

    seam: Seam
    pose_world_part: Pose
    start: float
    length: float
    reverse: bool

    def frames(self, s: ArrayLike) -> SeamFrames:
        """Frames at arc lengths `s` (n,) from the trimmed start, m."""
        along, sign = self._along(s)
        curve = self.seam.curve
        tangents = curve.tangents(along) * sign
        first, second = (face_normals(curve, face, along) for face in self.seam.faces)
        bisector = first + second
        across = bisector - np.einsum("ij,ij->i", bisector, tangents)[:, None] * tangents
        pose = self.pose_world_part
        return SeamFrames(pose.apply(curve.points(along)), pose.rotate(tangents), pose.rotate(unit(across)))

    def line(self, s: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Points and tangents (n, 3) alone at arc lengths `s` (n,), as `frames` has them."""
        along, sign = self._along(s)
        curve, pose = self.seam.curve, self.pose_world_part
        return pose.apply(curve.points(along)), pose.rotate(curve.tangents(along) * sign)

    def _along(self, s: ArrayLike) -> tuple[FloatArray, float]:
        """Arc lengths (n,) on the whole curve, and the sign of the direction of travel there."""
        sign = -1.0 if self.reverse else 1.0
        return self.start + sign * np.atleast_1d(np.asarray(s, dtype=np.float64)), sign

    def corners(self) -> FloatArray:
        """Arc lengths (k,) from the trimmed start where the tangent jumps, increasing."""
        along = (self.seam.curve.corners() - self.start) * (-1.0 if self.reverse else 1.0)
        result: FloatArray = np.sort(along[(along > 0.0) & (along < self.length)])
        return result


def seam_path(cell: Cell, step: SeamStep) -> SeamPath:
    """The stretch of `step.seam` that the step covers; raises ValueError when nothing is left of it.

    An open seam runs from `from_` to `to`; where negative, these count from its end (`to` of 0 is the end). A closed
    one runs once round from the angle `start`, off a circle a share of the whole length, and on by `overlap`.
    """
    placement, seam = cell.seam(step.seam)
    curve = seam.curve
    total = curve.length
    if curve.closed:
        start = curve.radius * step.start if isinstance(curve, Arc) else total * step.start / (2.0 * np.pi)
        return SeamPath(seam, placement.pose_world_part, start, total + step.overlap, step.reverse)
    begin = step.from_ if step.from_ >= 0.0 else total + step.from_
    end = step.to if step.to > 0.0 else total + step.to
    if not 0.0 <= begin < end <= total + 1e-12:
        raise ValueError(f"nothing is left of seam '{step.seam}': it is {total * 1e3:.1f} mm long")
    if step.reverse:
        return SeamPath(seam, placement.pose_world_part, total - begin, end - begin, reverse=True)
    return SeamPath(seam, placement.pose_world_part, begin, end - begin, reverse=False)
