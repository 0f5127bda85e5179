"""How a cell file is written. What it becomes is built elsewhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from cellctl.files.configurations import JointValues
from cellctl.files.fields import At, Gap, Name, Position, Quantity, Reference
from cellctl.files.quantities import FieldError
from cellctl.files.shape_fields import SHAPE_KEYS, OneBodyField, check_exactly_one
from cellctl.files.strict_model import FileModel
from cellctl.model.cell import Margins


class MechanismField(FileModel):
    """An arm: its robot file, where its base stands, its tool, and its named configurations."""

    model: Reference
    at: At = At()
    tool: Name | None = None
    configurations: dict[Name, JointValues] = Field(default_factory=dict)


class FixtureField(OneBodyField):
    """Something that stands still: one shape, several solids, or a part file."""

    file: Reference | None = None
    at: At = At()
    carries: Name | None = None

    @model_validator(mode="after")
    def _one_form(self) -> FixtureField:
        check_exactly_one(self, (*SHAPE_KEYS, "solids", "file"))
        return self


class PlacementField(FileModel):
    """A part: its file, and where its frame stands."""

    file: Reference
    at: At = At()


class SignalField(FileModel):
    """A digital line: an output or an input by its number."""

    output: Annotated[int, Field(ge=0, le=31)] | None = None
    input: Annotated[int, Field(ge=0, le=31)] | None = None

    @model_validator(mode="after")
    def _one_line(self) -> SignalField:
        if (self.output is None) == (self.input is None):
            raise FieldError("F115", "exactly one of output, input must be given")
        return self


class MarginsField(FileModel):
    """Smallest gaps that plans must keep."""

    clearance: Gap = Margins().clearance
    nozzle_to_plates: Gap = Margins().nozzle_to_plates


class CameraField(FileModel):
    """Where a picture is taken from, in the world."""

    eye: Position
    target: Position
    field_of_view: Annotated[float, Quantity("angle", above=0.0)] = 0.7


class CellFile(FileModel):
    """What stands in a cell: mechanisms, tools, fixtures, parts, frames, signals, procedures."""

    name: Name | None = None
    mechanisms: dict[Name, MechanismField]
    groups: dict[Name, list[Name]] = Field(default_factory=dict)
    tools: dict[Name, Reference] = Field(default_factory=dict)
    frames: dict[Name, At] = Field(default_factory=dict)
    fixtures: dict[Name, FixtureField] = Field(default_factory=dict)
    parts: dict[Name, PlacementField] = Field(default_factory=dict)
    signals: dict[Name, SignalField] = Field(default_factory=dict)
    procedures: dict[Name, Reference] = Field(default_factory=dict)
    margins: MarginsField = MarginsField()
    camera: CameraField | None = None
