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
    """The joint's name in the robot file."""
    id: ServoId
    """Its number on the bus."""
    model: str
    """Its type; firmware and units depend on it."""
    zero: RawPosition = 2048
    """The raw position at joint value 0, of 4096 a turn."""
    sign: Literal[-1, 1] = 1
    """1 where the joint turns as the servo counts, else -1."""
    shadows: list[ServoId] = Field(default_factory=list)
    """Servos on the same joint that follow this one."""


class ServoOutputField(FileModel):
    """A digital output that is a servo, such as a gripper; `at_stop` says what it does when the arm is stopped."""

    line: Annotated[int, Field(ge=0, le=31)]
    """The output line of the cell that it is."""
    id: ServoId
    """Its number on the bus."""
    model: str
    """Its type."""
    off: RawPosition
    """The raw position for off."""
    on: RawPosition
    """The raw position for on."""
    at_stop: Literal["keep", "off"] = "keep"
    """Whether it keeps its place or goes to off when the arm is stopped."""
    reached_on: Annotated[int, Field(ge=0, le=31)] | None = None
    """The input line that says that it was told to go on and has come to rest away from off."""
    reached_off: Annotated[int, Field(ge=0, le=31)] | None = None
    """The input line that says that it has come to rest at off."""


class WiringFile(FileModel):
    """The servos of an arm in the order of its joints, its gripper, and how the bus is run."""

    protocol: Literal["dynamixel", "feetech"]
    """What is spoken on the bus."""
    baud: Annotated[int, Field(ge=9_600, le=4_000_000)]
    """Bits a second on the line."""
    period: PositiveTime
    """Time between two set points."""
    lag: Time
    """How far the servos are behind their set point at constant speed."""
    watchdog: Time
    """Silence on the bus after which the servos stop by themselves."""
    on_power_removal: Literal["falls", "holds", "braked"]
    """What the arm does without power: falls, holds by friction, or is braked."""
    firmware: Annotated[int, Field(ge=0, le=255)] = 0
    """The oldest firmware that is accepted."""
    fast_read: bool = False
    """Whether the servos know the fast read of many at once."""
    servos: Annotated[list[ServoField], Field(min_length=1)]
    """One servo for each joint, in the order of the joints."""
    outputs: dict[Name, ServoOutputField] = Field(default_factory=dict)
    """Outputs of the cell that are servos, such as a gripper."""
    sources: dict[str, SourceField] = Field(default_factory=dict)
    """Where the figures come from."""


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
            ServoOutput(
                name,
                field.line,
                field.id,
                field.model,
                field.off,
                field.on,
                field.at_stop == "keep",
                field.reached_on,
                field.reached_off,
            )
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
