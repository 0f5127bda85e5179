"""How a task file is written. What it becomes is built elsewhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from cellctl.files.fields import (
    Angle,
    AngleWindow,
    Gap,
    Length,
    Name,
    PositiveLength,
    PositiveTime,
    Reference,
    Speed,
)
from cellctl.files.quantities import FieldError
from cellctl.files.strict_model import FileModel


class MoveJField(FileModel):
    """A free move to a named configuration."""

    to: Name
    group: Name | None = None


def _spin(value: object) -> object:
    """`free` is no window."""
    return None if value == "free" else value


class WeldField(FileModel):
    """Weld a seam after a procedure; what is not given is the procedure's."""

    seam: str
    wps: Name
    from_: Annotated[Length, Field(alias="from")] = 0.0
    to: Length = 0.0
    start: Angle = 0.0
    overlap: Gap = 0.0
    reverse: bool = False
    ctwd: PositiveLength | None = None
    travel_speed: Speed | None = None
    work_angle: AngleWindow | None = None
    travel_angle: AngleWindow | None = None
    spin: Annotated[AngleWindow | None, BeforeValidator(_spin)] = None
    approach: PositiveLength = 0.050
    retract: PositiveLength = 0.080
    backing: list[Name] = Field(default_factory=list)
    group: Name | None = None


def _named_target(value: object) -> object:
    """`move_j: home` is short for `move_j: {to: home}`."""
    return {"to": value} if isinstance(value, str) else value


class StepField(FileModel):
    """One step: exactly one of its keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    move_j: Annotated[
        MoveJField | None,
        BeforeValidator(_named_target),
        WithJsonSchema({"anyOf": [{"type": "string"}, MoveJField.model_json_schema()]}),
    ] = None
    weld: WeldField | None = None

    @model_validator(mode="after")
    def _one_step(self) -> StepField:
        if (self.move_j is None) == (self.weld is None):
            raise FieldError("F115", "exactly one of move_j, weld must be given")
        return self


class BudgetField(FileModel):
    """What a plan must not exceed or undercut."""

    cycle_time: PositiveTime | None = None
    clearance: Gap | None = None


class TaskFile(FileModel):
    """What to do in a cell: steps in order from a named start configuration."""

    name: Name | None = None
    cell: Reference
    start: Name = "home"
    steps: Annotated[list[StepField], Field(min_length=1)]
    budget: BudgetField = BudgetField()
