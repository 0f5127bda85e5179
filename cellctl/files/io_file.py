"""Process wiring files: which entries of devices on a Modbus line are the signals of a cell, and the `ProcessWiring`
that it becomes.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from cellctl.files.fields import Name, PositiveShortTime
from cellctl.files.reading import File, Reading
from cellctl.files.strict_model import FileModel, Path
from cellctl.model.process_channels import ModbusLine, ProcessChannel, ProcessDevice, Table
from cellctl.model.process_wiring import Preset, ProcessInput, ProcessOutput, ProcessWiring

Address = Annotated[int, Field(ge=0, le=65_535)]
Entry = Annotated[int, Field(ge=0, le=65_535)]
_TABLES: tuple[Table, ...] = ("coil", "discrete", "holding", "input")
_PARITY: Mapping[str, Literal["N", "E", "O"]] = {"none": "N", "even": "E", "odd": "O"}


class PresetField(FileModel):
    """An entry that is written when the line is opened."""

    coil: Address | None = None
    """The address of a coil."""
    holding: Address | None = None
    """The address of a holding register."""
    value: Entry
    """What is written."""


class DeviceField(FileModel):
    """One device on the line, and what it is given first."""

    unit: Annotated[int, Field(ge=1, le=247)]
    """Its number on the line."""
    presets: list[PresetField] = Field(default_factory=list)
    """What is written, in this order, when the line is opened and when a fault is cleared."""
    watchdog: PresetField | None = None
    """What makes the device switch its outputs off by itself when nobody speaks to it; written last."""


class LineSignalField(FileModel):
    """Where a signal is on a device: exactly one table with its address, and which bits of a register."""

    device: Name
    """The device, one of `devices`."""
    shift: Annotated[int, Field(ge=0, le=15)] = 0
    """The lowest of its bits in the register."""
    bits: Annotated[int, Field(ge=1, le=16)] | None = None
    """How many bits of the register it has; all of it unless given."""


class OutputField(LineSignalField):
    """An output signal: the entry that is written."""

    coil: Address | None = None
    """The address of a coil."""
    holding: Address | None = None
    """The address of a holding register."""
    off: Entry = 0
    """The value for off."""
    on: Entry = 1
    """The value for on."""
    at_stop: Literal["off", "keep"] = "off"
    """Whether a stop switches it off or leaves it as it is."""


class InputField(LineSignalField):
    """An input signal: the entry that is read."""

    discrete: Address | None = None
    """The address of a discrete input."""
    input: Address | None = None
    """The address of an input register."""
    on: Entry | Annotated[list[Entry], Field(min_length=2, max_length=2)] = 1
    """The value for on, or the smallest and the largest."""


class IoFile(FileModel):
    """Signals of a cell that are on devices of a Modbus line instead of the controller of its arm."""

    baud: Annotated[int, Field(ge=1_200, le=921_600)] = 115_200
    """Bits a second on the line."""
    parity: Literal["none", "even", "odd"] = "none"
    """The parity bit of the line."""
    stop_bits: Literal[1, 2] = 1
    """Stop bits of the line."""
    answer_time: PositiveShortTime = 0.05
    """How long a device may take to answer."""
    deadline: PositiveShortTime = 0.25
    """How long the line may go unserved, or an output differ from what it was told, before the run is ended."""
    devices: Annotated[dict[Name, DeviceField], Field(min_length=1)]
    """The devices on the line."""
    outputs: dict[Name, OutputField] = Field(default_factory=dict)
    """Outputs by the names that signals have in the cell; names that a cell has not are passed over."""
    inputs: dict[Name, InputField] = Field(default_factory=dict)
    """Inputs in the same way."""


def read_io(reading: Reading, reference: str) -> ProcessWiring | None:
    """The wiring described at `reference`; None when what is wrong leaves nothing to work with."""
    file = reading.open(IoFile, "io", reference)
    if file is None:
        return None
    before = len(reading.findings)
    outputs = [_output(file, signal) for signal in file.model.outputs]
    inputs = [_input(file, signal) for signal in file.model.inputs]
    presets = [preset for name in file.model.devices for preset in _presets(file, name)]
    _check_units(file)
    if len(reading.findings) > before:
        return None
    model = file.model
    channels = [(output.device, output.channel) for output in outputs]
    channels += [(one.device, one.channel) for one in inputs] + [(one.device, one.channel) for one in presets]
    return ProcessWiring(
        name=posixpath.basename(reference),
        line=ModbusLine(model.baud, _PARITY[model.parity], model.stop_bits, model.answer_time),
        deadline=model.deadline,
        devices=tuple(
            ProcessDevice(name, device.unit, tuple(channel for owner, channel in channels if owner == name))
            for name, device in model.devices.items()
        ),
        outputs=tuple(outputs),
        inputs=tuple(inputs),
        presets=tuple(presets),
    )


def _output(file: File[IoFile], signal: str) -> ProcessOutput:
    field, path = file.model.outputs[signal], ("outputs", signal)
    channel = _channel(file, signal, field, path)
    for key, value in (("off", field.off), ("on", field.on)):
        _check_room(file, channel, value, (*path, key))
    if field.off == field.on:
        file.report("F123", "'off' and 'on' must differ", path)
    channel = replace(channel, at_stop=field.off if field.at_stop == "off" else None)
    return ProcessOutput(signal, field.device, channel, field.off, field.on)


def _input(file: File[IoFile], signal: str) -> ProcessInput:
    field, path = file.model.inputs[signal], ("inputs", signal)
    channel = _channel(file, signal, field, path)
    low, high = field.on if isinstance(field.on, list) else (field.on, field.on)
    _check_room(file, channel, high, (*path, "on"))
    if low > high:
        file.report("F123", "the smallest value for on must not be above the largest", (*path, "on"))
    return ProcessInput(signal, field.device, channel, low, high)


def _presets(file: File[IoFile], name: str) -> list[Preset]:
    """What a device is given first, its watchdog last."""
    device = file.model.devices[name]
    paths: list[Path] = [("devices", name, "presets", index) for index in range(len(device.presets))]
    fields = list(device.presets)
    if device.watchdog is not None:
        fields, paths = [*fields, device.watchdog], [*paths, ("devices", name, "watchdog")]
    found = []
    for field, path in zip(fields, paths, strict=True):
        table, address = _entry(file, field, path)
        channel = ProcessChannel(f"{table} {address}", table, address, bits=_width(table))
        _check_room(file, channel, field.value, (*path, "value"))
        found.append(Preset(name, channel, field.value))
    return found


def _channel(file: File[IoFile], signal: str, field: LineSignalField, path: Path) -> ProcessChannel:
    if field.device not in file.model.devices:
        file.unknown("device", field.device, file.model.devices, (*path, "device"))
    table, address = _entry(file, field, path)
    bits = field.bits or _width(table) - field.shift
    if field.shift + bits > _width(table) or bits < 1:
        file.report("F123", f"an entry of table '{table}' has {_bits(_width(table))}", path)
    return ProcessChannel(signal, table, address, shift=field.shift, bits=max(bits, 1))


def _entry(file: File[IoFile], field: FileModel, path: Path) -> tuple[Table, int]:
    """The one table and address that an entry names."""
    known: list[Table] = [table for table in _TABLES if table in type(field).model_fields]
    named: list[tuple[Table, int]] = [
        (table, getattr(field, table)) for table in known if getattr(field, table) is not None
    ]
    if len(named) != 1:
        file.report("F111", f"exactly one of {' and '.join(known)} is needed", path, f"write '{known[0]}: 0'")
        return known[0], 0
    return named[0]


def _check_room(file: File[IoFile], channel: ProcessChannel, value: int, path: Path) -> None:
    if value >= 1 << channel.bits:
        file.report(
            "F123", f"{value} has no room in the {_bits(channel.bits)} of {channel.table} {channel.address}", path
        )


def _check_units(file: File[IoFile]) -> None:
    count = Counter(device.unit for device in file.model.devices.values())
    for name, device in file.model.devices.items():
        if count[device.unit] > 1:
            file.report("F193", f"unit {device.unit} is named {count[device.unit]} times", ("devices", name, "unit"))


def _bits(count: int) -> str:
    return f"{count} bit{'s' if count > 1 else ''}"


def _width(table: Table) -> int:
    return 1 if table in ("coil", "discrete") else 16
