"""WPS files: a welding procedure as ranges, and the `Wps` that it becomes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from cellctl.errors import Place
from cellctl.files.fields import (
    AngleWindow,
    CurrentWindow,
    FrequencyWindow,
    Gap,
    HeatInputWindow,
    LengthWindow,
    PositiveLength,
    PositiveShortTime,
    SpeedWindow,
    Time,
    VoltageWindow,
)
from cellctl.files.reading import Reading
from cellctl.files.strict_model import FileModel
from cellctl.model.wps import PEN, ArcEnd, ArcStart, Range, WeaveWindow, Wps

ProcessNumber = Annotated[
    Literal["111", "121", "131", "135", "136", "138", "141", "15"],
    BeforeValidator(lambda value: str(value) if type(value) is int else value),
    WithJsonSchema({"enum": [111, 121, 131, 135, 136, 138, 141, 15], "description": "process number of ISO 4063"}),
]


class ArcStartField(FileModel):
    """Gas preflow, ignition time-out, dwell before the torch travels, and retries."""

    preflow: Time
    """How long gas flows before the arc."""
    ignition_timeout: PositiveShortTime
    """How long to wait for the arc."""
    dwell: Time
    """How long to stand after ignition."""
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    """How often to try again."""
    scratch: Annotated[Gap, Field(le=0.010)] = 0.0
    """How far along the seam a retry scratches to find the arc before it comes back; it stands unless given."""


class ArcEndField(FileModel):
    """Crater fill, burn-back and gas postflow with the torch standing at the seam's end."""

    crater_fill: Time
    """How long to fill the crater."""
    burnback: Time
    """How long the arc burns on after the wire has stopped."""
    postflow: Time
    """How long gas flows after the arc."""


class WeaveWindowField(FileModel):
    """How a torch may weave."""

    amplitude: LengthWindow
    """How far to either side of the seam: half the width of the weave."""
    frequency: FrequencyWindow
    """How often from one side to the other and back."""


class WpsFile(FileModel):
    """A welding procedure (field set after ISO 15609-1, simplified): what is welded with what, and the windows."""

    process: ProcessNumber
    """The process number of ISO 4063."""
    material_group: str
    """The material groups after ISO/TR 15608 that it is for, as text."""
    thickness: LengthWindow
    """The plate thicknesses that it is for."""
    joint_types: Annotated[list[Literal["butt", "t", "lap", "corner", "edge"]], Field(min_length=1)]
    """The types of joint that it is for."""
    positions: list[Literal["PA", "PB", "PC", "PD", "PE", "PF", "PG"]]
    """The welding positions after ISO 6947 that it is for; none leaves them unchecked."""
    filler: str
    """The filler metal."""
    wire_diameter: PositiveLength
    """The diameter of the wire."""
    shielding_gas: str
    """The shielding gas."""
    current: CurrentWindow
    """Welding current."""
    voltage: VoltageWindow
    """Arc voltage."""
    wire_feed_speed: SpeedWindow
    """Wire feed speed."""
    travel_speed: SpeedWindow
    """Travel speed."""
    ctwd: LengthWindow
    """Contact-tip-to-work distance."""
    work_angle: AngleWindow
    """Tilt of the torch across the seam, from the bisector of its faces."""
    travel_angle: AngleWindow
    """Tilt of the torch along the seam; push is positive."""
    arc_start: ArcStartField
    """What happens at the start of the arc."""
    arc_end: ArcEndField
    """What happens at its end."""
    heat_factor: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    """Share of the arc's energy that goes into the plate."""
    heat_input: HeatInputWindow | None = None
    """Heat input per length of weld, Q = k U I / v; not judged unless given."""
    override: Literal["blocked", "scaled"] = "blocked"
    """Whether an override waits while the arc stands, or slows the weld down and its power with it."""
    weave: WeaveWindowField | None = None
    """How a torch may weave; without it no weave is allowed."""


class PenFile(FileModel):
    """How a pen goes along a seam: no arc, no gas, no signals."""

    process: Literal["pen"]
    """It draws."""
    line_width: PositiveLength
    """The width of its line, which the pen is checked against."""
    travel_speed: SpeedWindow
    """Travel speed."""
    ctwd: LengthWindow
    """How far the tip of the pen reaches out of its holder."""
    work_angle: AngleWindow
    """Tilt of the pen across the seam, from the bisector of its faces."""
    travel_angle: AngleWindow
    """Tilt of the pen along the seam; push is positive."""


def read_wps(reading: Reading, reference: str, name: str, asked: Place | None = None) -> Wps | None:
    """The procedure described at `reference`, called `name` in its cell."""
    file = reading.open(WpsFile, "wps", reference, asked)
    if file is None:
        return None
    w = file.model
    start = ArcStart(
        w.arc_start.preflow,
        w.arc_start.ignition_timeout,
        w.arc_start.dwell,
        w.arc_start.retries,
        w.arc_start.scratch,
    )
    end = ArcEnd(w.arc_end.crater_fill, w.arc_end.burnback, w.arc_end.postflow)
    for key in ("current", "voltage", "wire_feed_speed", "travel_speed", "ctwd", "thickness"):
        if getattr(w, key).minimum <= 0.0:
            file.report("F123", f"'{key}' must be more than 0", (key,))
    if w.override == "scaled" and w.heat_input is None:
        hint = "write 'heat_input: 0.10 .. 0.14 kJ/mm', or 'override: blocked'"
        file.report("F112", "an override that scales the process needs a window of heat input", ("override",), hint)
    if not w.positions:
        hint = "list those that the procedure is qualified for"
        file.warn("F169", "the welding position is not checked: 'positions' is empty", ("positions",), hint)
    return Wps(
        name=name,
        process=w.process,
        material_group=w.material_group,
        thickness=w.thickness,
        joint_types=tuple(w.joint_types),
        positions=tuple(w.positions),
        filler=w.filler,
        wire_diameter=w.wire_diameter,
        shielding_gas=w.shielding_gas,
        current=w.current,
        voltage=w.voltage,
        wire_feed_speed=w.wire_feed_speed,
        travel_speed=w.travel_speed,
        ctwd=w.ctwd,
        work_angle=w.work_angle,
        travel_angle=w.travel_angle,
        arc_start=start,
        arc_end=end,
        heat_factor=w.heat_factor,
        heat_input=w.heat_input,
        override=w.override,
        weave=None if w.weave is None else WeaveWindow(w.weave.amplitude, w.weave.frequency),
    )


def read_pen(reading: Reading, reference: str, name: str, asked: Place | None = None) -> Wps | None:
    """How the pen described at `reference` goes along a seam, called `name` in its cell."""
    file = reading.open(PenFile, "wps", reference, asked)
    if file is None:
        return None
    pen, nothing = file.model, Range(0.0, 0.0, 0.0)
    for key in ("travel_speed", "ctwd"):
        if getattr(pen, key).minimum <= 0.0:
            file.report("F123", f"'{key}' must be more than 0", (key,))
    return Wps(
        name=name,
        process=PEN,
        material_group="",
        thickness=nothing,
        joint_types=(),
        positions=(),
        filler="",
        wire_diameter=pen.line_width,
        shielding_gas="",
        current=nothing,
        voltage=nothing,
        wire_feed_speed=nothing,
        travel_speed=pen.travel_speed,
        ctwd=pen.ctwd,
        work_angle=pen.work_angle,
        travel_angle=pen.travel_angle,
        arc_start=ArcStart(0.0, 0.0, 0.0),
        arc_end=ArcEnd(0.0, 0.0, 0.0),
    )
