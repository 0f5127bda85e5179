"""Parts and the seams on them, in the part's frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cellctl.model.curve import Arc, Polyline, SplineCurve
from cellctl.model.pose import Pose
from cellctl.model.shapes import Colour, Solid, Visual

Vector = tuple[float, float, float]
Face = Vector | Literal["axis", "radial", "-axis", "-radial"]
"""The outward normal of a face: a unit vector in the part's frame, or relative to the axis of the seam's circle or
arc.
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
    """A work piece: bodies and seams in the part's frame, with its material and thickness (m) for the WPS check, and
    its mass (kg, 0 where it is not known) for what carries it.
    """

    name: str
    bodies: tuple[Body, ...]
    seams: tuple[Seam, ...]
    material_group: str = ""
    thickness: float = 0.0
    mass: float = 0.0

    def seam(self, name: str) -> Seam:
        """The seam called `name`; raises KeyError."""
        for seam in self.seams:
            if seam.name == name:
                return seam
        raise KeyError(name)
