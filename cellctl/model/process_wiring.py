"""Which entry of which process device answers for which signal of a cell. Nothing is spoken here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cellctl.model.process_channels import ModbusLine, ProcessChannel, ProcessDevice


@dataclass(frozen=True, slots=True)
class ProcessOutput:
    """An output signal: the channel of a device, and its values for `off` and `on`."""

    signal: str
    device: str
    channel: ProcessChannel
    off: float = 0.0
    on: float = 1.0

    @property
    def keeps(self) -> bool:
        """Whether a stop leaves it as it is."""
        return self.channel.at_stop is None


@dataclass(frozen=True, slots=True)
class ProcessInput:
    """An input signal: it is on while the channel of a device lies within `low` and `high`."""

    signal: str
    device: str
    channel: ProcessChannel
    low: float = 1.0
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class Preset:
    """A value that a channel of a device is given when the line is opened."""

    device: str
    channel: ProcessChannel
    value: float


@dataclass(frozen=True, slots=True)
class ProcessWiring:
    """The signals that are on one process line, its devices, and what each is given first.

    `deadline` (s) is how long the line may go without being served, or an output without being as it was told. The last
    preset of a device with a watchdog arms that.
    """

    name: str
    line: ModbusLine
    deadline: float
    devices: tuple[ProcessDevice, ...]
    outputs: tuple[ProcessOutput, ...] = ()
    inputs: tuple[ProcessInput, ...] = ()
    presets: tuple[Preset, ...] = ()

    @property
    def signals(self) -> tuple[ProcessOutput | ProcessInput, ...]:
        """Outputs and inputs."""
        return (*self.outputs, *self.inputs)

    def used_by(self, signals: Iterable[str]) -> ProcessWiring:
        """What is left of it for a cell with these signals: other devices are not asked for."""
        names = set(signals)
        outputs = tuple(output for output in self.outputs if output.signal in names)
        inputs = tuple(one for one in self.inputs if one.signal in names)
        left = replace(self, outputs=outputs, inputs=inputs)
        used = {one.device for one in left.signals}
        devices = tuple(device for device in self.devices if device.name in used)
        return replace(left, devices=devices, presets=tuple(one for one in self.presets if one.device in used))
