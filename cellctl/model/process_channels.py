"""What a process device shows and takes, by name: a gripper's width, a weld current. Nothing is spoken here."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Table = Literal["coil", "discrete", "holding", "input"]
"""The four tables of Modbus: bits that are written, bits that are read, registers that are written, registers that are
read.
"""

WATCHDOG: Final = "watchdog"
"""The channel that takes how long nobody may speak to a device before its outputs go to `at_stop`, 0 for ever; once
they have, they stay so until it is written again.
"""


@dataclass(frozen=True, slots=True)
class ProcessChannel:
    """One value of a device: `bits` bits from bit `shift` of the entry at `address`, times `scale` plus `offset` in
    `unit` (SI, or empty for a number without one).

    `at_stop` is what an output is set to when the process is stopped, None where it stays.
    """

    name: str
    table: Table
    address: int
    shift: int = 0
    bits: int = 16
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    signed: bool = False
    at_stop: float | None = None

    @property
    def writable(self) -> bool:
        """True for an output."""
        return self.table in ("coil", "holding")

    def value(self, entry: int) -> float:
        """The value in the entry of its table."""
        raw = entry >> self.shift & (1 << self.bits) - 1
        if self.signed and raw >> self.bits - 1:
            raw -= 1 << self.bits
        return raw * self.scale + self.offset

    def entry(self, value: float, before: int = 0) -> int:
        """The entry of its table with `value` in it, the other bits as `before`; raises OverflowError where the value
        has no room.
        """
        raw = round((value - self.offset) / self.scale)
        low, high = (-(1 << self.bits - 1), 1 << self.bits - 1) if self.signed else (0, 1 << self.bits)
        if not low <= raw < high:
            raise OverflowError(f"{value:g} has no room in {self.name}")
        mask = (1 << self.bits) - 1
        return before & ~(mask << self.shift) | (raw & mask) << self.shift


@dataclass(frozen=True, slots=True)
class ProcessDevice:
    """A device on a Modbus line: its unit number and its channels."""

    name: str
    unit: int
    channels: tuple[ProcessChannel, ...]

    def channel(self, name: str) -> ProcessChannel:
        """The channel called `name`; raises KeyError."""
        for channel in self.channels:
            if channel.name == name:
                return channel
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class ModbusLine:
    """How a line is run: baud rate, parity and stop bits, how long a device may take to answer (s)."""

    baud: int = 115_200
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    answer_time: float = 0.05


DEVICES: Final = MappingProxyType(
    {
        # the register layout of Robotiq's two-finger grippers, as their manual has it
        "gripper": ProcessDevice(
            "gripper",
            9,
            (
                ProcessChannel("activate", "holding", 1000, shift=8, bits=1),
                ProcessChannel("go", "holding", 1000, shift=11, bits=1),
                ProcessChannel("position", "holding", 1001, bits=8, scale=1.0 / 255.0),
                ProcessChannel("speed", "holding", 1002, shift=8, bits=8, scale=1.0 / 255.0),
                ProcessChannel("force", "holding", 1002, bits=8, scale=1.0 / 255.0),
                ProcessChannel("ready", "input", 2000, shift=12, bits=2),
                ProcessChannel("object", "input", 2000, shift=14, bits=2),
                ProcessChannel("fault", "input", 2001, shift=8, bits=8),
                ProcessChannel("measured_position", "input", 2002, shift=8, bits=8, scale=1.0 / 255.0),
                ProcessChannel("motor_current", "input", 2002, bits=8, scale=0.01, unit="A"),
            ),
        ),
        # a layout of our own: there is no common one
        "weld_source": ProcessDevice(
            "weld_source",
            20,
            (
                ProcessChannel("arc_on", "coil", 0, bits=1, at_stop=0.0),
                ProcessChannel("gas_on", "coil", 1, bits=1, at_stop=0.0),
                ProcessChannel("gas_with_arc", "coil", 2, bits=1),
                ProcessChannel("wire_feed", "holding", 0, scale=0.1 / 60.0, unit="m/s"),
                ProcessChannel("voltage", "holding", 1, scale=0.1, unit="V"),
                ProcessChannel(WATCHDOG, "holding", 2, scale=0.01, unit="s"),
                ProcessChannel("arc_ok", "discrete", 0, bits=1),
                ProcessChannel("fault", "discrete", 1, bits=1),
                ProcessChannel("measured_current", "input", 0, scale=0.1, unit="A"),
                ProcessChannel("measured_voltage", "input", 1, scale=0.1, unit="V"),
            ),
        ),
        # a layout of our own: there is no common one
        "screwdriver": ProcessDevice(
            "screwdriver",
            30,
            (
                ProcessChannel("run", "coil", 0, bits=1, at_stop=0.0),
                ProcessChannel("torque_limit", "holding", 0, scale=0.01, unit="Nm"),
                ProcessChannel("angle_limit", "holding", 1, scale=0.0174532925199433, unit="rad"),
                ProcessChannel(WATCHDOG, "holding", 2, scale=0.01, unit="s"),
                ProcessChannel("tight", "discrete", 0, bits=1),
                ProcessChannel("failed", "discrete", 1, bits=1),
                ProcessChannel("torque", "input", 0, scale=0.01, unit="Nm", signed=True),
                ProcessChannel("angle", "input", 1, scale=0.0174532925199433, unit="rad", signed=True),
            ),
        ),
    }
)
"""Devices that are emulated; those of a cell may have other registers."""
