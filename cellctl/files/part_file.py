"""Part files: bodies and the seams on them, and the `Part` that they become. Without seams it serves as a fixture."""

from __future__ import annotations

from pydantic import Field

from cellctl.errors import Place
from cellctl.files.body_values import check_distance, one_body
from cellctl.files.fields import Direction, LocalAt, Mass, Name, Position, PositiveLength
from cellctl.files.reading import File, Reading
from cellctl.files.seam_checks import check_seam
from cellctl.files.seam_fields import SeamField, seam_of
from cellctl.files.shape_fields import OneBodyField
from cellctl.files.strict_model import FileModel
from cellctl.model.part import Body, Hole, Part, Seam


class PartBodyField(OneBodyField):
    """One body of a part, at a place in the part's frame."""

    at: LocalAt = LocalAt()
    """Where the body is in the part's frame."""


class HoleField(FileModel):
    """A hole for a screw."""

    xyz: Position
    """Where its axis leaves the face that the head of the screw sits on, in the part's frame."""
    axis: Direction = (0.0, 0.0, 1.0)
    """The direction out of the hole, in the part's frame."""


class PartFile(FileModel):
    """A work piece in its own frame: bodies, seams and holes by name, and the material for the procedure check."""

    title: str = ""
    """What the part is, in words."""
    material_group: str = ""
    """The material group after ISO/TR 15608, which procedures are checked against."""
    thickness: PositiveLength | None = None
    """The plate thickness, which procedures are checked against."""
    mass: Mass | None = None
    """What it weighs, for the payload and the motors of the arm that carries it."""
    bodies: dict[Name, PartBodyField]
    """The rigid pieces of the part by name."""
    seams: dict[Name, SeamField] = Field(default_factory=dict)
    """The seams on it by name."""
    holes: dict[Name, HoleField] = Field(default_factory=dict)
    """The holes for screws in it by name."""


def open_part(reading: Reading, reference: str, asked: Place | None = None) -> File[PartFile] | None:
    """The part file at `reference`, its names known, nothing built yet."""
    return reading.open(PartFile, "part", reference, asked)


def part_of(file: File[PartFile], name: str) -> Part:
    """The part that a file describes, called `name` in its cell; what is wrong in it is left out."""
    part = file.model
    if not part.bodies and not file.names("bodies"):
        file.report("F112", "a part needs at least one body", ("bodies",))
    bodies: dict[str, Body] = {}
    for body_name, field in part.bodies.items():
        path = ("bodies", body_name)
        check_distance(file, field.at.pose, (*path, "at"))
        bodies[body_name] = one_body(file, body_name, field, field.at.pose, path)
    seams = _seams(file, bodies)
    holes = tuple(Hole(hole, field.xyz, field.axis) for hole, field in part.holes.items())
    material = part.material_group, part.thickness or 0.0, part.mass or 0.0
    return Part(name, tuple(bodies.values()), seams, *material, holes)


def _seams(file: File[PartFile], bodies: dict[str, Body]) -> tuple[Seam, ...]:
    built: list[Seam] = []
    broken = file.names("bodies") - set(bodies)
    for name, field in file.model.seams.items():
        path = ("seams", name)
        if broken & set(field.bodies or field.intersection or ()):
            continue
        seam = seam_of(file, name, field, bodies, path)
        if seam is not None:
            check_seam(file, seam, bodies, path)
            built.append(seam)
    return tuple(built)
