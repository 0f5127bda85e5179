"""The memory table of the Feetech STS and SMS series: where what stands, in which unit. No packet is made here.

Numbers with a sign are kept as magnitude and sign bit, not as two's complement.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from types import MappingProxyType
from typing import Final

STEPS: Final = 4096
"""Steps a turn."""
STEP: Final = 2.0 * pi / STEPS
"""rad; speeds are in steps/s."""
DELAY_STEP: Final = 2e-6
"""s, of `return_delay`."""
CURRENT_STEP: Final = 6.5e-3
"""A, as recalled; not measured."""
VOLTAGE_STEP: Final = 0.1
"""V."""


@dataclass(frozen=True, slots=True)
class Register:
    """One entry of the table: its name, first address, size in bytes, and the bit of its sign, if it has one."""

    name: str
    address: int
    size: int = 1
    sign_bit: int | None = None
    writable: bool = True

    def pack(self, value: int) -> bytes:
        """The bytes of `value`; raises OverflowError when it has no room."""
        if self.sign_bit is not None:
            if abs(value) >> self.sign_bit:
                raise OverflowError(f"{value} has no room in {self.name}")
            value = -value | 1 << self.sign_bit if value < 0 else value
        return value.to_bytes(self.size, "little")

    def unpack(self, data: bytes | bytearray, start: int = 0) -> int:
        """The value in `data`, which was read from address `start`."""
        at = self.address - start
        value = int.from_bytes(data[at : at + self.size], "little")
        if self.sign_bit is not None and value >> self.sign_bit & 1:
            return -(value & ~(1 << self.sign_bit))
        return value

    @property
    def permanent(self) -> bool:
        """True in the EEPROM, which keeps what is written only while `lock` is 0."""
        return self.address < TORQUE_ENABLE.address


FIRMWARE_MAJOR = Register("firmware_major", 0, writable=False)
FIRMWARE_MINOR = Register("firmware_minor", 1, writable=False)
MODEL = Register("model", 3, 2, writable=False)
ID = Register("id", 5)
BAUD = Register("baud", 6)
RETURN_DELAY = Register("return_delay", 7)
STATUS_LEVEL = Register("status_level", 8)
MIN_POSITION = Register("min_position", 9, 2)
MAX_POSITION = Register("max_position", 11, 2)
MAX_TEMPERATURE = Register("max_temperature", 13)
MAX_VOLTAGE = Register("max_voltage", 14)
MIN_VOLTAGE = Register("min_voltage", 15)
MAX_TORQUE = Register("max_torque", 16, 2)
PHASE = Register("phase", 18)
UNLOAD_CONDITION = Register("unload_condition", 19)
P_GAIN = Register("p_gain", 21)
D_GAIN = Register("d_gain", 22)
I_GAIN = Register("i_gain", 23)
PROTECTION_CURRENT = Register("protection_current", 28, 2)
HOMING_OFFSET = Register("homing_offset", 31, 2, sign_bit=11)
MODE = Register("mode", 33)
PROTECTIVE_TORQUE = Register("protective_torque", 34)
PROTECTION_TIME = Register("protection_time", 35)
OVERLOAD_TORQUE = Register("overload_torque", 36)
TORQUE_ENABLE = Register("torque_enable", 40)
ACCELERATION = Register("acceleration", 41)
GOAL_POSITION = Register("goal_position", 42, 2, sign_bit=15)
GOAL_TIME = Register("goal_time", 44, 2)
GOAL_VELOCITY = Register("goal_velocity", 46, 2, sign_bit=15)
TORQUE_LIMIT = Register("torque_limit", 48, 2)
LOCK = Register("lock", 55)
PRESENT_POSITION = Register("present_position", 56, 2, sign_bit=15, writable=False)
PRESENT_VELOCITY = Register("present_velocity", 58, 2, sign_bit=15, writable=False)
PRESENT_LOAD = Register("present_load", 60, 2, sign_bit=10, writable=False)
PRESENT_VOLTAGE = Register("present_voltage", 62, writable=False)
PRESENT_TEMPERATURE = Register("present_temperature", 63, writable=False)
STATUS = Register("status", 65, writable=False)
MOVING = Register("moving", 66, writable=False)
PRESENT_CURRENT = Register("present_current", 69, 2, sign_bit=15, writable=False)
TABLE_SIZE: Final = 71

REGISTERS: Final = (
    FIRMWARE_MAJOR,
    FIRMWARE_MINOR,
    MODEL,
    ID,
    BAUD,
    RETURN_DELAY,
    STATUS_LEVEL,
    MIN_POSITION,
    MAX_POSITION,
    MAX_TEMPERATURE,
    MAX_VOLTAGE,
    MIN_VOLTAGE,
    MAX_TORQUE,
    PHASE,
    UNLOAD_CONDITION,
    P_GAIN,
    D_GAIN,
    I_GAIN,
    PROTECTION_CURRENT,
    HOMING_OFFSET,
    MODE,
    PROTECTIVE_TORQUE,
    PROTECTION_TIME,
    OVERLOAD_TORQUE,
    TORQUE_ENABLE,
    ACCELERATION,
    GOAL_POSITION,
    GOAL_TIME,
    GOAL_VELOCITY,
    TORQUE_LIMIT,
    LOCK,
    PRESENT_POSITION,
    PRESENT_VELOCITY,
    PRESENT_LOAD,
    PRESENT_VOLTAGE,
    PRESENT_TEMPERATURE,
    STATUS,
    MOVING,
    PRESENT_CURRENT,
)
"""Every entry above, by address."""

POSITION_MODE: Final = 0
MULTI_TURN_PHASE: Final = 1 << 4
"""The bit of `phase` that must be 0 for positions from 0 to 4095."""
REZERO: Final = 128
"""What makes `torque_enable` call the pose of the moment the middle; cellctl never writes it."""

MODELS: Final = MappingProxyType({"STS3215": 777, "STS3250": 2825})
"""Servo types by their number on the wire; both are little-endian and know the sync read."""
BIG_ENDIAN_MODELS: Final = (1284,)
"""Servos of the SCS series, whose numbers are big-endian: not spoken to."""
BAUD_RATES: Final = (1_000_000, 500_000, 250_000, 128_000, 115_200)
"""By the value of the register `baud`."""

ERRORS: Final = MappingProxyType(
    {0: "input voltage", 1: "angle sensor", 2: "overheating", 3: "over-current", 5: "overload"}
)
"""What the error bits of an answer, and those of `status`, mean."""


def error_words(bits: int) -> str:
    """The causes in error bits, in words."""
    return ", ".join(words for bit, words in ERRORS.items() if bits >> bit & 1) or f"code {bits}"
