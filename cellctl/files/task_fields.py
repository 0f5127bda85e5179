"""How a task file is written. What it becomes is built elsewhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from cellctl.files.fields import (
    Angle,
    AngleWindow,
    Frequency,
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
from cellctl.model.weave import Weave


class MoveJField(FileModel):
    """A free move to a named configuration."""

    to: Name
    """The configuration to go to, as the cell names it."""
    group: Name | None = None
    """The group that moves, where the cell has several."""


def _spin(value: object) -> object:
    """`free` is no window."""
    return None if value == "free" else value


class StitchField(FileModel):
    """An intermittent weld: so many stitches of a length with a gap between, as a drawing says 5 x 30 (20)."""

    count: Annotated[int, Field(ge=2, le=200)]
    """How many stitches."""
    length: PositiveLength
    """How long each is."""
    gap: PositiveLength
    """How much is left out between one and the next, not from start to start."""


class WeaveField(FileModel):
    """A swing across the seam: how far, as an amplitude or a width, and how often, as a frequency or a wavelength."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {"oneOf": [{"required": ["amplitude"]}, {"required": ["width"]}]},
                {"oneOf": [{"required": ["frequency"]}, {"required": ["wavelength"]}]},
            ]
        }
    )

    shape: Literal["sine"] = "sine"
    """How it goes from side to side."""
    amplitude: PositiveLength | None = None
    """How far to either side of the seam."""
    width: PositiveLength | None = None
    """From one side to the other: twice the amplitude."""
    frequency: Frequency | None = None
    """How often from one side to the other and back, at the travel speed."""
    wavelength: PositiveLength | None = None
    """How far along the seam from one swing to the next."""

    @model_validator(mode="after")
    def _one_of_each(self) -> WeaveField:
        for first, second in (("amplitude", "width"), ("frequency", "wavelength")):
            if (getattr(self, first) is None) == (getattr(self, second) is None):
                raise FieldError("F115", f"exactly one of {first}, {second} must be given")
        return self

    @property
    def weave(self) -> Weave:
        """The weave that is meant."""
        amplitude = self.amplitude or 0.5 * (self.width or 0.0)
        return Weave(amplitude, self.frequency or 0.0, self.wavelength or 0.0, self.shape)


class AlongSeamField(FileModel):
    """Go along a seam after a procedure; what is not given is the procedure's."""

    seam: str
    """The seam, as PART.SEAM."""
    from_: Annotated[Length, Field(alias="from")] = 0.0
    """Where to begin on an open seam: from its start, or from its end where it is negative."""
    to: Length = 0.0
    """Where to end on an open seam: from its start, or from its end where it is negative or 0."""
    start: Angle = 0.0
    """Where to begin on a closed seam, as an angle from its own start."""
    overlap: Gap = 0.0
    """How far to go beyond the start of a closed seam."""
    reverse: bool = False
    """Go from its end to its start."""
    travel_speed: Speed | None = None
    """Travel speed; the procedure's nominal value unless given."""
    work_angle: AngleWindow | None = None
    """Window of the tool's tilt across the seam; the procedure's unless given."""
    travel_angle: AngleWindow | None = None
    """Window of the tool's tilt along the seam, push is positive; the procedure's unless given."""
    spin: Annotated[AngleWindow | None, BeforeValidator(_spin)] = None
    """Window of the tool's turn about its wire or nozzle, or free."""
    approach: PositiveLength = 0.050
    """How far off the seam the straight way to it begins."""
    retract: PositiveLength = 0.080
    """How far off the seam the straight way from it ends."""
    backing: list[Name] = Field(default_factory=list)
    """Fixtures that the plate lies on here, which the nozzle may come as near to as to the plate."""
    group: Name | None = None
    """The group that goes, where the cell has several."""


class WeldField(AlongSeamField):
    """Weld a seam after a procedure; what is not given is the procedure's."""

    wps: Name
    """The procedure, as the cell names it."""
    stitch: StitchField | None = None
    """Weld an open seam in stitches from where it begins; each is a step of its own, with its approach and retract."""
    weave: WeaveField | None = None
    """How the torch swings across the seam, inside what the procedure allows; it does not unless given."""
    ctwd: PositiveLength | None = None
    """Contact-tip-to-work distance; the procedure's nominal value unless given."""


class DispenseField(AlongSeamField):
    """Lay a bead along a seam after a procedure; what is not given is the procedure's."""

    bead: Name
    """The procedure, as the cell names it."""
    stand_off: PositiveLength | None = None
    """How far the tip of the nozzle is from the seam; the procedure's nominal value unless given."""


class GripField(FileModel):
    """Close the gripper about a part, where the arm stands."""

    part: Name
    """The part, as the cell names it; from then on it moves with the flange."""
    group: Name | None = None
    """The group whose gripper it is, where the cell has several."""


class ReleaseField(FileModel):
    """Open the gripper and leave the part where it is."""

    part: Name
    """The part, as the cell names it."""
    onto: Name | None = None
    """The fixture or part that it then stands on; the one that it was taken from unless given."""
    group: Name | None = None
    """The group whose gripper it is, where the cell has several."""


class ScrewField(FileModel):
    """Drive a screw that is at the bit into a hole."""

    hole: str
    """The hole, as PART.HOLE."""
    program: Name
    """The tightening program, as the cell names it."""
    into: list[Name] = Field(default_factory=list)
    """Fixtures and parts beside the hole's own part that the bit comes near."""
    approach: PositiveLength = 0.030
    """How far the straight way along the axis begins before the thread bites."""
    retract: PositiveLength = 0.050
    """How far the straight way along the axis leads away from the screw."""
    group: Name | None = None
    """The group that drives, where the cell has several."""


def _named_part(value: object) -> object:
    """`grip: bracket` is short for `grip: {part: bracket}`."""
    return {"part": value} if isinstance(value, str) else value


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
    """A free move to a configuration; a name alone will do."""
    weld: WeldField | None = None
    """Weld a seam."""
    dispense: DispenseField | None = None
    """Lay a bead along a seam."""
    grip: Annotated[
        GripField | None,
        BeforeValidator(_named_part),
        WithJsonSchema({"anyOf": [{"type": "string"}, GripField.model_json_schema()]}),
    ] = None
    """Close the gripper about a part; its name alone will do."""
    release: Annotated[
        ReleaseField | None,
        BeforeValidator(_named_part),
        WithJsonSchema({"anyOf": [{"type": "string"}, ReleaseField.model_json_schema()]}),
    ] = None
    """Open the gripper and leave the part; its name alone will do."""

    screw: ScrewField | None = None
    """Drive a screw into a hole."""

    @property
    def field(self) -> MoveJField | WeldField | DispenseField | GripField | ReleaseField | ScrewField | None:
        """The one that is given."""
        return self.move_j or self.weld or self.dispense or self.grip or self.release or self.screw

    @model_validator(mode="after")
    def _one_step(self) -> StepField:
        kinds = list(type(self).model_fields)
        if sum(getattr(self, kind) is not None for kind in kinds) != 1:
            raise FieldError("F115", f"exactly one of {', '.join(kinds)} must be given")
        return self


class BudgetField(FileModel):
    """What a plan must not exceed or undercut."""

    cycle_time: PositiveTime | None = None
    """The longest that the plan may take."""
    clearance: Gap | None = None
    """The smallest gap that the plan may have, where that is more than the cell's."""
    tcp_speed: Speed | None = None
    """How fast the tool's working point may be (250 mm/s as in manual mode); free motion is slowed down to it."""


class TaskFile(FileModel):
    """What to do in a cell: steps in order from a named start configuration."""

    name: Name | None = None
    """What the task is called; its file unless given."""
    cell: Reference
    """The cell's file."""
    start: Name = "home"
    """The configuration that the arm stands in at first."""
    steps: Annotated[list[StepField], Field(min_length=1)]
    """What to do, in order."""
    budget: BudgetField = BudgetField()
    """What a plan must keep."""
