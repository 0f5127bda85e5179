"""G-code wiring files: which axis of a controller turns which joint, and the `GcodeWiring` that it becomes."""

from __future__ import annotations

from collections import Counter
from math import degrees
from typing import Annotated, Literal

from pydantic import Field

from cellctl.errors import Place
from cellctl.files.fields import Angle, Name, SourceField, Time
from cellctl.files.reading import Reading
from cellctl.files.strict_model import FileModel
from cellctl.model.gcode_wiring import GcodeAxis, GcodeWiring


class GcodeAxisField(FileModel):
    """One axis of the controller: the joint that it turns, where that is at zero, and which way round."""

    joint: Name
    """The joint's name in the robot file."""
    zero: Angle
    """The controller's position of this axis where the joint value is 0."""
    sign: Literal[-1, 1] = 1
    """1 where the joint turns as the controller counts, else -1."""


class GcodeFile(FileModel):
    """The axes of a G-code controller in the order X Y Z A B C, and how it is spoken to."""

    axes: Annotated[list[GcodeAxisField], Field(min_length=1, max_length=6)]
    """One axis for each joint, in the order of the joints."""
    baud: Annotated[int, Field(ge=9_600, le=4_000_000)] = 115_200
    """Bits a second on the line."""
    status_period: Annotated[Time, Field(ge=0.05)] = 0.1
    """How often the controller is asked where it is."""
    sources: dict[str, SourceField] = Field(default_factory=dict)
    """Where the figures come from."""


def read_gcode_wiring(reading: Reading, reference: str, asked: Place | None = None) -> GcodeWiring | None:
    """The wiring described at `reference`; None when what is wrong leaves nothing to work with."""
    file = reading.open(GcodeFile, "gcode", reference, asked)
    if file is None:
        return None
    axes = file.model.axes
    count = Counter(axis.joint for axis in axes)
    for index, axis in enumerate(axes):
        if count[axis.joint] > 1:
            file.report("F193", f"joint '{axis.joint}' is named {count[axis.joint]} times", ("axes", index))
    return GcodeWiring(
        tuple(GcodeAxis(axis.joint, degrees(axis.zero), axis.sign) for axis in axes),
        baud=file.model.baud,
        status_period=file.model.status_period,
    )
