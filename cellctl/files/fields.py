"""The building blocks of file models: names, quantities with their windows, directions, colours, poses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import hypot
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from cellctl.files.quantities import LARGEST, UNITS, FieldError, Kind, read_range, read_vector, shown_quantity
from cellctl.files.strict_model import FileModel
from cellctl.model.pose import Pose
from cellctl.model.wps import Range

Triple = tuple[float, float, float]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*")
_NUMBER = r"[-+]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][-+]?[0-9]+)?"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Marks a field that is written with its unit and read to SI: one number, or `size` numbers that share the unit."""

    kind: Kind
    size: int = 1
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    def read(self, value: object) -> float | tuple[float, ...]:
        """The SI value of what the file says; raises FieldError."""
        numbers = read_vector(value, self.kind, size=self.size)
        for number in numbers:
            if self.above is not None and not number > self.above:
                raise FieldError("F123", f"'{value}' must be more than {self.above:g} {self._unit}")
            if self.at_least is not None and not number >= self.at_least:
                raise FieldError("F123", f"'{value}' must be at least {self.at_least:g} {self._unit}")
            if self.at_most is not None and number > self.at_most:
                raise FieldError("F123", f"'{value}' must be at most {shown_quantity(self.at_most, self.kind)}")
        return numbers[0] if self.size == 1 else numbers

    @property
    def _unit(self) -> str:
        return next(iter(UNITS[self.kind]))

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> dict[str, Any]:
        units = "|".join(re.escape(unit) for unit in UNITS[self.kind])
        more = rf"(\s+{_NUMBER}){{{self.size - 1}}}" if self.size > 1 else ""
        return {
            "type": "string",
            "pattern": rf"^\s*{_NUMBER}{more}\s*({units})\s*$",
            "description": f"{self.kind} with its unit",
            "examples": [f"{' '.join(['10'] * self.size)} {self._unit}"],
        }


@dataclass(frozen=True, slots=True)
class Window:
    """Marks a field that is written as a window of one kind of quantity and read to a `Range` in SI."""

    kind: Kind

    def read(self, value: object) -> Range:
        """The window that the file says; raises FieldError."""
        return read_range(value, self.kind)

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> dict[str, Any]:
        unit = next(iter(UNITS[self.kind]))
        bounds = {key: {"type": "string", "examples": [f"10 {unit}"]} for key in ("min", "nominal", "max")}
        return {
            "description": f"a window of {self.kind} with its unit",
            "anyOf": [
                {"type": "string", "examples": [f"10 +-5 {unit}", f"8 .. 12 {unit}", f"8 .. 10 .. 12 {unit}"]},
                {"type": "object", "properties": bounds, "required": ["min", "max"], "additionalProperties": False},
            ],
        }


def plain_numbers(value: object, size: int) -> tuple[float, ...]:
    """`size` finite numbers without a unit, as text (`0 0 1`) or as a list; raises FieldError."""
    items = value.split() if isinstance(value, str) else value
    numbers: tuple[float, ...] = ()
    if isinstance(items, list) and all(type(item) in (str, int, float) for item in items):
        try:
            numbers = tuple(float(item) for item in items)
        except (ValueError, OverflowError):
            numbers = ()
    if len(numbers) != size or not all(abs(number) <= LARGEST for number in numbers):
        raise FieldError("F122", f"expected {size} plain numbers", "write '0 0 1'")
    return numbers


def _name(value: object) -> object:
    if isinstance(value, str) and not _NAME.fullmatch(value):
        raise FieldError("F114", f"'{value}' is not a name", "a letter, then letters, digits and _")
    return value


def _direction(value: object) -> Triple:
    x, y, z = plain_numbers(value, 3)
    length = hypot(x, y, z)
    if length < 1e-9:
        raise FieldError("F154", "a direction must not be zero", "write '0 0 1'")
    return (x / length, y / length, z / length)


def _colour(value: object) -> Triple:
    if isinstance(value, str) and (match := re.fullmatch(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", value)):
        red, green, blue = (int(part, 16) / 255.0 for part in match.groups())
        return (red, green, blue)
    raise FieldError("F122", "this is not a colour", "write '#ff6600' in quotes")


Name = Annotated[str, BeforeValidator(_name)]
Reference = Annotated[str, Field(min_length=1, max_length=500)]
Length = Annotated[float, Quantity("length")]
PositiveLength = Annotated[float, Quantity("length", above=0.0)]
Gap = Annotated[float, Quantity("length", at_least=0.0)]
Angle = Annotated[float, Quantity("angle")]
Time = Annotated[float, Quantity("time", at_least=0.0, at_most=60.0)]
PositiveTime = Annotated[float, Quantity("time", above=0.0)]
PositiveShortTime = Annotated[float, Quantity("time", above=0.0, at_most=60.0)]
Mass = Annotated[float, Quantity("mass", above=0.0)]
Speed = Annotated[float, Quantity("speed", above=0.0)]
TurningSpeed = Annotated[float, Quantity("angular speed", above=0.0)]
PositiveTorque = Annotated[float, Quantity("torque", above=0.0)]
Frequency = Annotated[float, Quantity("frequency", above=0.0)]
Position = Annotated[Triple, Quantity("length", size=3)]
Sizes = Annotated[Triple, Quantity("length", size=3, above=0.0)]
Rotation = Annotated[Triple, Quantity("angle", size=3)]
AngleWindow = Annotated[Range, Window("angle")]
LengthWindow = Annotated[Range, Window("length")]
AreaWindow = Annotated[Range, Window("area")]
SpeedWindow = Annotated[Range, Window("speed")]
CurrentWindow = Annotated[Range, Window("current")]
VoltageWindow = Annotated[Range, Window("voltage")]
HeatInputWindow = Annotated[Range, Window("heat input")]
TorqueWindow = Annotated[Range, Window("torque")]
FrequencyWindow = Annotated[Range, Window("frequency")]
Direction = Annotated[
    Triple,
    BeforeValidator(_direction),
    WithJsonSchema({"type": "string", "examples": ["0 0 1"], "description": "a direction"}),
]
ColourText = Annotated[
    Triple,
    BeforeValidator(_colour),
    WithJsonSchema({"type": "string", "pattern": "^#[0-9a-fA-F]{6}$", "examples": ["#ff6600"]}),
]


class At(FileModel):
    """Where something is: a translation and fixed-axis roll, pitch, yaw, in the owner's frame or in `frame`."""

    xyz: Position = (0.0, 0.0, 0.0)
    """The origin in the frame that it stands in."""
    rpy: Rotation = (0.0, 0.0, 0.0)
    """Roll, pitch and yaw about the fixed axes x, y, z of that frame, as a URDF has them."""
    frame: str = "world"
    """The frame it stands in: world, a frame of the cell, a fixture or a part, or the top of a box as NAME.top."""

    @property
    def pose(self) -> Pose:
        """The pose in `frame`."""
        return Pose.of(self.xyz, self.rpy)


class LocalAt(FileModel):
    """Where something is in its owner's frame."""

    xyz: Position = (0.0, 0.0, 0.0)
    """The origin in the owner's frame."""
    rpy: Rotation = (0.0, 0.0, 0.0)
    """Roll, pitch and yaw about the fixed axes x, y, z of the owner's frame."""

    @property
    def pose(self) -> Pose:
        """The pose in the owner's frame."""
        return Pose.of(self.xyz, self.rpy)


class SourceField(FileModel):
    """Where figures come from; `basis` says how far to trust them."""

    basis: Literal["source", "datasheet", "estimate", "heuristic", "own"]
    """How far to trust it: read in a source or a data sheet, estimated, a rule of thumb, or our own."""
    origin: str
    """Where it comes from, so that someone else finds it."""
    licence: str = ""
    """What the source may be used for."""

    def __str__(self) -> str:
        return f"{self.basis}: {self.origin}{f' ({self.licence})' if self.licence else ''}"
