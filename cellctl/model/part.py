"""Parts and the seams on them, in the part's frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cellctl.model.curve import Arc, Polyline, SplineCurve
from cellctl.model.pose import FloatArray, Pose, frozen_array
from cellctl.model.shapes import Colour, Solid, Visual

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class TurningFace:
    """The outward normals of a face that turns along its seam: `normals` (n, 3) in the part's frame, at the vertices of
    the seam's `SplineCurve`.
    """

    normals: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "normals", frozen_array(self.normals))


Face = Vector | Literal["axis", "radial", "-axis", "-radial"] | TurningFace
"""The outward normal of a face: a unit vector in the part's frame, relative to the axis of the seam's circle or arc, or
one that turns.
"""

JointType = Literal["butt", "t", "lap", "corner", "edge"]


@dataclass(frozen=True, slots=True)
class Seam:
    """A joint line: a curve, the outward normals of the two faces that meet there, and the two bodies that are welded.

    The seam frame is t (travel tangent), n (unit bisector of the faces, to the free side), b = n x t.
    """

    name: str
    curve: Polyline | Arc | SplineCurve
    faces: tuple[Face, Face]
    bodies: tuple[str, str]
    joint_type: JointType = "t"


def face_normals(curve: Polyline | Arc | SplineCurve, face: Face, along: FloatArray) -> FloatArray:
    """Outward normals (n, 3) of a seam's face at arc lengths `along` (n,), in the part's frame.

    Raises ValueError where the curve is not of the kind that the face needs.
    """
    if isinstance(face, TurningFace):
        if not isinstance(curve, SplineCurve):
            raise ValueError("a face that turns needs a seam that is a smooth curve")
        return curve.interpolated(face.normals, along)
    if not isinstance(face, str):
        return np.broadcast_to(np.asarray(face, dtype=np.float64), (len(along), 3))
    if not isinstance(curve, Arc):
        raise ValueError(f"face '{face}' needs a seam that is an arc or a circle")
    sign = -1.0 if face.startswith("-") else 1.0
    if face.endswith("axis"):
        return np.broadcast_to(sign * np.asarray(curve.axis), (len(along), 3))
    return sign * curve.radials(along)


@dataclass(frozen=True, slots=True)
class Hole:
    """A hole for a screw, in the part's frame: the `point` where its axis leaves the face that the head sits on, and
    the unit `axis` out of it.
    """

    name: str
    point: Vector
    axis: Vector


@dataclass(frozen=True, slots=True)
class Body:
    """A named rigid thing that stands still in its owner's frame: convex solids to check, pictures to show."""

    name: str
    solids: tuple[Solid, ...]
    visuals: tuple[Visual, ...] = ()
    pose: Pose = field(default_factory=Pose.identity)
    colour: Colour = (0.7, 0.7, 0.7)


@dataclass(frozen=True, slots=True)
class Part:
    """A work piece: bodies, seams and holes in the part's frame, with its material and thickness (m) for the WPS check,
    and its mass (kg, 0 where it is not known) for what carries it.
    """

    name: str
    bodies: tuple[Body, ...]
    seams: tuple[Seam, ...]
    material_group: str = ""
    thickness: float = 0.0
    mass: float = 0.0
    holes: tuple[Hole, ...] = ()

    def hole(self, name: str) -> Hole:
        """The hole called `name`; raises KeyError."""
        for hole in self.holes:
            if hole.name == name:
                return hole
        raise KeyError(name)

    def seam(self, name: str) -> Seam:
        """The seam called `name`; raises KeyError."""
        for seam in self.seams:
            if seam.name == name:
                return seam
        raise KeyError(name)
