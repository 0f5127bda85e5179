"""How a cell file is written. What it becomes is built elsewhere."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from cellctl.files.configurations import JointValues
from cellctl.files.fields import (
    AngleWindow,
    At,
    Gap,
    Name,
    Position,
    PositiveLength,
    PositiveShortTime,
    PositiveTorque,
    Quantity,
    Reference,
    TorqueWindow,
    TurningSpeed,
)
from cellctl.files.quantities import FieldError
from cellctl.files.shape_fields import SHAPE_KEYS, OneBodyField, check_exactly_one
from cellctl.files.strict_model import FileModel
from cellctl.model.arm_wire import ANALOG_CHANNELS
from cellctl.model.cell import Margins


class MechanismField(FileModel):
    """An arm: its robot file, where its base stands, its tool, and its named configurations."""

    model: Reference
    """The robot's file or folder: lib:robots/NAME, or a path in the project."""
    at: At = At()
    """Where its base stands."""
    tool: Name | None = None
    """The tool on its flange, one of the cell's `tools`."""
    configurations: dict[Name, JointValues] = Field(default_factory=dict)
    """Named joint values, for tasks to start from and to move to."""


class FixtureField(OneBodyField):
    """Something that stands still: one shape, several solids, or a part file."""

    file: Reference | None = None
    """A part file whose bodies stand here as one fixture."""
    at: At = At()
    """Where it stands."""
    carries: Name | None = None
    """The mechanism whose base stands on it; that pair is not asked about."""

    @model_validator(mode="after")
    def _one_form(self) -> FixtureField:
        check_exactly_one(self, (*SHAPE_KEYS, "solids", "file"))
        return self


class PlacementField(FileModel):
    """A part: its file, and where its frame stands."""

    file: Reference
    """The part's file."""
    at: At = At()
    """Where the part's frame stands."""


AnalogChannel = Annotated[int, Field(ge=0, le=ANALOG_CHANNELS - 1)]


class SignalField(FileModel):
    """A line of the controller by its number: digital, or analogue where it holds a number in SI."""

    output: Annotated[int, Field(ge=0, le=31)] | None = None
    """The number of the line, where the cell switches it."""
    input: Annotated[int, Field(ge=0, le=31)] | None = None
    """The number of the line, where the cell reads it."""
    analog_output: AnalogChannel | None = None
    """The number of the channel, where the cell sets a value."""
    analog_input: AnalogChannel | None = None
    """The number of the channel, where the cell reads a value."""

    @model_validator(mode="after")
    def _one_line(self) -> SignalField:
        numbers = (self.output, self.input, self.analog_output, self.analog_input)
        if sum(number is not None for number in numbers) != 1:
            raise FieldError("F115", "exactly one of output, input, analog_output, analog_input must be given")
        return self


class TighteningField(FileModel):
    """How one kind of screw is driven in: its thread, its speed, and the windows that it is judged by."""

    pitch: PositiveLength
    """The pitch of its thread."""
    length: PositiveLength
    """How far it goes in, from where its thread begins to bite to where its head sits."""
    head: Gap = 0.0
    """How far the tip of the bit is from the face of the hole when the head sits."""
    speed: TurningSpeed
    """How fast it is run down."""
    snug: PositiveTorque
    """The torque from which on the angle counts."""
    torque: TorqueWindow
    """The final torque; the driver shuts off at its nominal value."""
    angle: AngleWindow
    """The angle from snug to the end."""
    timeout: PositiveShortTime
    """How long it is waited for at the end of the run-down until it is tight."""


class PairGapsField(FileModel):
    """The gap of one pair by the kind of motion; a gap alone is that of them all."""

    always: Gap | None = None
    """The gap in every motion that is not named here."""
    transit: Gap | None = None
    """The gap in free moves."""
    approach: Gap | None = None
    """The gap on the straight way to a seam."""
    process: Gap | None = None
    """The gap with the process on."""
    retract: Gap | None = None
    """The gap on the straight way from a seam."""

    @model_validator(mode="after")
    def _some_gap(self) -> PairGapsField:
        if not self.model_fields_set:
            raise FieldError("F111", "a pair needs a gap", "write '4 mm', or '{process: 2 mm}'")
        return self


def _gap_alone(value: object) -> object:
    """`r1.torch clamp_3: 4 mm` is short for `{always: 4 mm}`."""
    return value if isinstance(value, dict) else {"always": value}


def _pair(value: object) -> object:
    if isinstance(value, str) and not _PAIR.fullmatch(value):
        hint = "write both with a blank between, as findings name them: 'r1.torch.nozzle clamp_3.arm'"
        raise FieldError("F114", f"'{value}' is not a pair of names", hint)
    return value


_NAMES = r"[A-Za-z]\w*(?:\.[A-Za-z0-9_]+)*"
_PAIR = re.compile(f"{_NAMES} {_NAMES}", re.ASCII)
PairName = Annotated[str, BeforeValidator(_pair)]
PairGaps = Annotated[
    PairGapsField,
    BeforeValidator(_gap_alone),
    WithJsonSchema({"anyOf": [{"type": "string"}, PairGapsField.model_json_schema()]}),
]


class MarginsField(FileModel):
    """Smallest gaps that plans must keep."""

    clearance: Gap = Margins().clearance
    """The gap that everything keeps that is not named otherwise."""
    nozzle_to_plates: Gap = Margins().nozzle_to_plates
    """The gap between the nozzle and the plates of the seam that it welds."""
    pairs: dict[PairName, PairGaps] = Field(default_factory=dict)
    """Gaps of single pairs, which outdo the others: two names with a blank between, of solids or of what owns them."""


class CameraField(FileModel):
    """Where a picture is taken from, in the world."""

    eye: Position
    """Where the camera stands."""
    target: Position
    """What it looks at."""
    field_of_view: Annotated[float, Quantity("angle", above=0.0)] = 0.7
    """The vertical angle of view."""


class CellFile(FileModel):
    """What stands in a cell: mechanisms, tools, fixtures, parts, frames, signals, procedures."""

    name: Name | None = None
    """What the cell is called; its folder or file unless given."""
    mechanisms: dict[Name, MechanismField]
    """The arms of the cell by name."""
    groups: dict[Name, list[Name]] = Field(default_factory=dict)
    """Joints that move together, as lists of mechanisms; each mechanism is a group of its own unless given."""
    tools: dict[Name, Reference] = Field(default_factory=dict)
    """Tools by name: lib:robots/tools/NAME, or a path in the project."""
    frames: dict[Name, At] = Field(default_factory=dict)
    """Named frames for other things to stand in."""
    fixtures: dict[Name, FixtureField] = Field(default_factory=dict)
    """What stands still: tables, clamps, pedestals."""
    parts: dict[Name, PlacementField] = Field(default_factory=dict)
    """The work pieces by name; seams are called PART.SEAM."""
    signals: dict[Name, SignalField] = Field(default_factory=dict)
    """Lines by name; a weld needs the output arc_on and the input arc_ok, a bead dispenser_open and dispenser_ready."""
    procedures: dict[Name, Reference] = Field(default_factory=dict)
    """Procedures of welds (WPS), beads and pens by the name that tasks call them."""
    tightening: dict[Name, TighteningField] = Field(default_factory=dict)
    """Tightening programs by the name that tasks call them; the driver knows them by their number in this order."""
    margins: MarginsField = MarginsField()
    """Smallest gaps that a plan keeps."""
    camera: CameraField | None = None
    """Where pictures of the cell are taken from."""
