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
    length: PositiveLength


class SphereField(FileModel):
    """A sphere centred on its frame."""

    radius: PositiveLength


class FrustumField(FileModel):
    """A cone frustum along z from z = 0 to `length`."""

    radius_bottom: PositiveLength
    radius_top: PositiveLength
    length: PositiveLength


class TubeField(FileModel):
    """A hollow tube centred on its frame, axis along z; `cover` says what stands in for it in collision checks."""

    radius: PositiveLength
    wall: PositiveLength
    length: PositiveLength
    cover: Literal["solid", "segments"] = "segments"

    @model_validator(mode="after")
    def _hollow(self) -> TubeField:
        if self.wall >= self.radius:
            raise FieldError("F123", "the wall of a tube must be thinner than its radius")
        return self


class MeshField(FileModel):
    """A mesh file and the unit that its numbers are in."""

    file: Reference
    unit: Literal["m", "mm", "cm", "in"]

    @property
    def scale(self) -> float:
        """Metres per unit of the file."""
        return UNITS["length"][self.unit]


class PartsField(MeshField):
    """A closed mesh that is checked as convex parts, which together cover it."""

    most: Annotated[int, Field(ge=1, le=64)] = 16


SHAPE_KEYS = ("box", "cylinder", "sphere", "frustum", "tube", "hull", "hull_of", "parts_of")


class ShapeKeys(FileModel):
    """The keys that a shape can be written under, of which exactly one is given, and its colour."""

    box: Sizes | None = None
    cylinder: CylinderField | None = None
    sphere: SphereField | None = None
    frustum: FrustumField | None = None
    tube: TubeField | None = None
    hull: list[Position] | None = None
    hull_of: MeshField | None = None
    parts_of: PartsField | None = None
    colour: ColourText | None = None

    @property
    def shape_key(self) -> str:
        """Which of the shape keys is written; empty when none is."""
        return next((key for key in SHAPE_KEYS if getattr(self, key) is not None), "")


class ShapeField(ShapeKeys):
    """One shape at a place in its owner's frame."""

    at: LocalAt = LocalAt()

    @model_validator(mode="after")
    def _one_shape(self) -> ShapeField:
        check_exactly_one(self, SHAPE_KEYS)
        return self


class VisualField(ShapeKeys):
    """What a picture shows: a shape as above or a mesh file, at a place in its owner's frame."""

    mesh: MeshField | None = None
    at: LocalAt = LocalAt()

    @model_validator(mode="after")
    def _one_shape(self) -> VisualField:
        check_exactly_one(self, (*SHAPE_KEYS, "mesh"))
        return self


class BodyField(FileModel):
    """A rigid thing: named convex solids that are checked, and what a picture shows where that is not the solids."""

    solids: dict[Name, ShapeField] = Field(default_factory=dict)
    visuals: list[VisualField] = Field(default_factory=list)
    colour: ColourText | None = None


class OneBodyField(ShapeKeys):
    """A rigid thing that is one shape or several `solids`."""

    solids: dict[Name, ShapeField] | None = None
    visuals: list[VisualField] = Field(default_factory=list)

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
    com: Position
    inertia: Annotated[tuple[float, float, float, float, float, float], Quantity("inertia", size=6)]
    basis: Literal["source", "estimate"] = "estimate"
