"""Wiring files: which servo drives which joint of an arm, and the `Wiring` that it becomes."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import Annotated, Literal

from pydantic import Field

from cellctl.errors import Place
from cellctl.files.fields import Name, PositiveTime, SourceField, Time
from cellctl.files.reading import File, Reading
from cellctl.files.strict_model import FileModel, Path
from cellctl.model.wires.dynamixel_registers import MODELS
from cellctl.model.wiring import ServoAxis, ServoOutput, Wiring

ServoId = Annotated[int, Field(ge=0, le=252)]
RawPosition = Annotated[int, Field(ge=0, le=4095)]
_MODELS = {"dynamixel": tuple(MODELS), "feetech": ("STS3215", "STS3250")}


class ServoField(FileModel):
    """One joint: its servo, the raw position at joint value 0, the sign of the joint along it, servos that follow."""

    joint: Name
    id: ServoId
    model: str
    zero: RawPosition = 2048
    sign: Literal[-1, 1] = 1
    shadows: list[ServoId] = Field(default_factory=list)


class ServoOutputField(FileModel):
    """A digital output that is a servo, such as a gripper; `at_stop` says what it does when the arm is stopped."""

    line: Annotated[int, Field(ge=0, le=31)]
    id: ServoId
    model: str
    off: RawPosition
    on: RawPosition
    at_stop: Literal["keep", "off"] = "keep"


class WiringFile(FileModel):
    """The servos of an arm in the order of its joints, its gripper, and how the bus is run."""

    protocol: Literal["dynamixel", "feetech"]
    baud: Annotated[int, Field(ge=9_600, le=4_000_000)]
    period: PositiveTime
    lag: Time
    watchdog: Time
    on_power_removal: Literal["falls", "holds", "braked"]
    firmware: Annotated[int, Field(ge=0, le=255)] = 0
    fast_read: bool = False
    servos: Annotated[list[ServoField], Field(min_length=1)]
    outputs: dict[Name, ServoOutputField] = Field(default_factory=dict)
    sources: dict[str, SourceField] = Field(default_factory=dict)


def read_wiring(reading: Reading, reference: str, asked: Place | None = None) -> Wiring | None:
    """The wiring described at `reference`; None when what is wrong leaves nothing to work with."""
    file = reading.open(WiringFile, "wiring", reference, asked)
    if file is None:
        return None
    before = len(reading.findings)
    _check(file)
    if len(reading.findings) > before:
        return None
    wiring = file.model
    name = posixpath.basename(posixpath.dirname(reference.partition(":")[2])) or "arm"
    return Wiring(
        name=name,
        protocol=wiring.protocol,
        baud=wiring.baud,
        period=wiring.period,
        lag=wiring.lag,
        watchdog=wiring.watchdog,
        on_power_removal=wiring.on_power_removal,
        axes=tuple(
            ServoAxis(field.joint, field.id, field.model, field.zero, field.sign, tuple(field.shadows))
            for field in wiring.servos
        ),
        outputs=tuple(
            ServoOutput(name, field.line, field.id, field.model, field.off, field.on, field.at_stop == "keep")
            for name, field in wiring.outputs.items()
        ),
        firmware=wiring.firmware,
        fast_read=wiring.fast_read,
    )


def _check(file: File[WiringFile]) -> None:
    """Findings for what one field alone does not show: servo types, ids and lines that are taken, the watchdog."""
    wiring = file.model
    places: list[tuple[int, Path]] = []
    joints = Counter(servo.joint for servo in wiring.servos)
    for index, servo in enumerate(wiring.servos):
        places.append((servo.id, ("servos", index, "id")))
        places += [(id, ("servos", index, "shadows")) for id in servo.shadows]
        _check_model(file, servo.model, ("servos", index, "model"))
        if joints[servo.joint] > 1:
            file.report("F193", f"joint '{servo.joint}' is named {joints[servo.joint]} times", ("servos", index))
    for name, output in wiring.outputs.items():
        places.append((output.id, ("outputs", name, "id")))
        _check_model(file, output.model, ("outputs", name, "model"))
    count = Counter(id for id, _ in places)
    for id, path in places:
        if count[id] > 1:
            file.report("F193", f"servo {id} is named {count[id]} times", path, "every servo has an id of its own")
    lines = Counter(output.line for output in wiring.outputs.values())
    for name, output in wiring.outputs.items():
        if lines[output.line] > 1:
            file.report("F193", f"line {output.line} is named {lines[output.line]} times", ("outputs", name, "line"))
    if wiring.protocol == "dynamixel" and not 3.0 * wiring.period <= wiring.watchdog <= 127 * 0.020:
        message = f"'watchdog' must be at least 3 periods ({3e3 * wiring.period:g} ms) and at most 2.54 s"
        file.report("F123", message, ("watchdog",))


def _check_model(file: File[WiringFile], model: str, path: Path) -> None:
    known = _MODELS[file.model.protocol]
    if model not in known:
        file.unknown(f"{file.model.protocol} servo", model, known, path)
