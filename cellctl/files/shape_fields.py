"""How shapes and bodies are written in files, and the values they become. Mesh hulls come from the reading."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cellctl.files.fields import ColourText, LocalAt, Mass, Name, Position, PositiveLength, Quantity, Reference, Sizes
from cellctl.files.quantities import UNITS, FieldError
from cellctl.files.strict_model import FileModel


class CylinderField(FileModel):
    """A cylinder centred on its frame, axis along z."""

    radius: PositiveLength
    """Radius."""
    length: PositiveLength
    """Length along z, half of it on either side of the origin."""


class SphereField(FileModel):
    """A sphere centred on its frame."""

    radius: PositiveLength
    """Radius."""


class FrustumField(FileModel):
    """A cone frustum along z from z = 0 to `length`."""

    radius_bottom: PositiveLength
    """Radius at z = 0."""
    radius_top: PositiveLength
    """Radius at the other end."""
    length: PositiveLength
    """Length along z."""


class TubeField(FileModel):
    """A hollow tube centred on its frame, axis along z; `cover` says what stands in for it in collision checks."""

    radius: PositiveLength
    """Outer radius."""
    wall: PositiveLength
    """Thickness of the wall."""
    length: PositiveLength
    """Length along z, half of it on either side of the origin."""
    cover: Literal["solid", "segments"] = "segments"
    """What is checked: the wall as 24 convex pieces, or the tube filled up."""

    @model_validator(mode="after")
    def _hollow(self) -> TubeField:
        if self.wall >= self.radius:
            raise FieldError("F123", "the wall of a tube must be thinner than its radius")
        return self


class MeshField(FileModel):
    """A mesh file and the unit that its numbers are in."""

    file: Reference
    """An STL, OBJ, Collada or STEP file in the project, or pkg:PACKAGE/path in an installed package."""
    unit: Literal["m", "mm", "cm", "in"]
    """What the numbers of the file are; a Collada or STEP file states it, too, and must agree."""

    @property
    def scale(self) -> float:
        """Metres per unit of the file."""
        return UNITS["length"][self.unit]


class PartsField(MeshField):
    """A closed mesh that is checked as convex parts, which together cover it."""

    most: Annotated[int, Field(ge=1, le=64)] = 16
    """Parts at most; more of them fit better and take longer to check."""


SHAPE_KEYS = ("box", "cylinder", "sphere", "frustum", "tube", "hull", "hull_of", "parts_of")


class ShapeKeys(FileModel):
    """The keys that a shape can be written under, of which exactly one is given, and its colour."""

    box: Sizes | None = None
    """A box about its origin: edge lengths along x, y, z."""
    cylinder: CylinderField | None = None
    """A cylinder about its origin, along z."""
    sphere: SphereField | None = None
    """A sphere about its origin."""
    frustum: FrustumField | None = None
    """A cone without its tip, from z = 0 along z."""
    tube: TubeField | None = None
    """A hollow tube about its origin, along z."""
    hull: list[Position] | None = None
    """The convex hull of these points."""
    hull_of: MeshField | None = None
    """The convex hull of a mesh, which covers it whatever it is."""
    parts_of: PartsField | None = None
    """A closed mesh as convex parts that cover it and fit better than its hull."""
    colour: ColourText | None = None
    """The colour in pictures."""

    @property
    def shape_key(self) -> str:
        """Which of the shape keys is written; empty when none is."""
        return next((key for key in SHAPE_KEYS if getattr(self, key) is not None), "")


class ShapeField(ShapeKeys):
    """One shape at a place in its owner's frame."""

    at: LocalAt = LocalAt()
    """Where the shape is in its owner's frame."""

    @model_validator(mode="after")
    def _one_shape(self) -> ShapeField:
        check_exactly_one(self, SHAPE_KEYS)
        return self


class VisualField(ShapeKeys):
    """What a picture shows: a shape as above or a mesh file, at a place in its owner's frame."""

    mesh: MeshField | None = None
    """A mesh that is shown as it is: STL or Collada in an installed package."""
    at: LocalAt = LocalAt()
    """Where it is in its owner's frame."""

    @model_validator(mode="after")
    def _one_shape(self) -> VisualField:
        check_exactly_one(self, (*SHAPE_KEYS, "mesh"))
        return self


class BodyField(FileModel):
    """A rigid thing: named convex solids that are checked, and what a picture shows where that is not the solids."""

    solids: dict[Name, ShapeField] = Field(default_factory=dict)
    """The convex solids that are checked, by name."""
    visuals: list[VisualField] = Field(default_factory=list)
    """What a picture shows in place of the solids."""
    colour: ColourText | None = None
    """The colour in pictures of what has none of its own."""


class OneBodyField(ShapeKeys):
    """A rigid thing that is one shape or several `solids`."""

    solids: dict[Name, ShapeField] | None = None
    """Several convex solids by name, in place of one shape."""
    visuals: list[VisualField] = Field(default_factory=list)
    """What a picture shows in place of the solids."""

    @model_validator(mode="after")
    def _one_form(self) -> OneBodyField:
        check_exactly_one(self, (*SHAPE_KEYS, "solids"))
        return self


def check_exactly_one(model: FileModel, keys: tuple[str, ...]) -> None:
    """Raise FieldError F115 unless exactly one of the fields `keys` is given."""
    written = [key for key in keys if getattr(model, key) is not None]
    if len(written) != 1:
        got = f"got {' and '.join(written)}" if written else "got none"
        raise FieldError("F115", f"exactly one of {', '.join(keys)} must be given, {got}")


class InertiaField(FileModel):
    """Mass, centre of mass in the owner's frame, and ixx ixy ixz iyy iyz izz about it."""

    mass: Mass
    """Mass."""
    com: Position
    """Centre of mass in the owner's frame."""
    inertia: Annotated[tuple[float, float, float, float, float, float], Quantity("inertia", size=6)]
    """ixx ixy ixz iyy iyz izz about the centre of mass, along the owner's axes."""
    basis: Literal["source", "estimate"] = "estimate"
    """Whether a source gives it or it is an estimate; findings on an estimate are warnings."""
