"""The control table of the DYNAMIXEL X series: where what stands, in which unit (ROBOTIS e-Manual). No packet is made
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from types import MappingProxyType
from typing import Final

STEPS: Final = 4096
"""Steps a turn."""
STEP: Final = 2.0 * pi / STEPS
"""rad."""
SPEED_STEP: Final = 0.229 * 2.0 * pi / 60.0
"""rad/s; 0.229 rev/min."""
WATCHDOG_STEP: Final = 0.020
"""s."""
DELAY_STEP: Final = 2e-6
"""s, of `return_delay`."""


@dataclass(frozen=True, slots=True)
class Register:
    """One entry of the control table: its name, first address, size in bytes, and how it is read."""

    name: str
    address: int
    size: int
    signed: bool = False
    writable: bool = True

    def pack(self, value: int) -> bytes:
        """The bytes of `value`; raises OverflowError when it has no room."""
        return value.to_bytes(self.size, "little", signed=self.signed)

    def unpack(self, data: bytes | bytearray, start: int = 0) -> int:
        """The value in `data`, which was read from address `start`."""
        at = self.address - start
        return int.from_bytes(data[at : at + self.size], "little", signed=self.signed)

    @property
    def permanent(self) -> bool:
        """True in the EEPROM, which may be written only with torque off."""
        return self.address < 64


MODEL = Register("model", 0, 2, writable=False)
FIRMWARE = Register("firmware", 6, 1, writable=False)
ID = Register("id", 7, 1)
BAUD = Register("baud", 8, 1)
RETURN_DELAY = Register("return_delay", 9, 1)
DRIVE_MODE = Register("drive_mode", 10, 1)
OPERATING_MODE = Register("operating_mode", 11, 1)
SECONDARY_ID = Register("secondary_id", 12, 1)
HOMING_OFFSET = Register("homing_offset", 20, 4, signed=True)
TEMPERATURE_LIMIT = Register("temperature_limit", 31, 1)
MAX_VOLTAGE = Register("max_voltage", 32, 2)
MIN_VOLTAGE = Register("min_voltage", 34, 2)
CURRENT_LIMIT = Register("current_limit", 38, 2)
VELOCITY_LIMIT = Register("velocity_limit", 44, 4)
MAX_POSITION = Register("max_position", 48, 4)
MIN_POSITION = Register("min_position", 52, 4)
SHUTDOWN = Register("shutdown", 63, 1)
TORQUE_ENABLE = Register("torque_enable", 64, 1)
LED = Register("led", 65, 1)
STATUS_RETURN = Register("status_return", 68, 1)
HARDWARE_ERROR = Register("hardware_error", 70, 1, writable=False)
POSITION_D_GAIN = Register("position_d_gain", 80, 2)
POSITION_I_GAIN = Register("position_i_gain", 82, 2)
POSITION_P_GAIN = Register("position_p_gain", 84, 2)
BUS_WATCHDOG = Register("bus_watchdog", 98, 1, signed=True)
GOAL_CURRENT = Register("goal_current", 102, 2, signed=True)
GOAL_VELOCITY = Register("goal_velocity", 104, 4, signed=True)
PROFILE_ACCELERATION = Register("profile_acceleration", 108, 4)
PROFILE_VELOCITY = Register("profile_velocity", 112, 4)
GOAL_POSITION = Register("goal_position", 116, 4, signed=True)
REALTIME_TICK = Register("realtime_tick", 120, 2, writable=False)
MOVING = Register("moving", 122, 1, writable=False)
PRESENT_CURRENT = Register("present_current", 126, 2, signed=True, writable=False)
PRESENT_VELOCITY = Register("present_velocity", 128, 4, signed=True, writable=False)
PRESENT_POSITION = Register("present_position", 132, 4, signed=True, writable=False)
PRESENT_VOLTAGE = Register("present_voltage", 144, 2, writable=False)
PRESENT_TEMPERATURE = Register("present_temperature", 146, 1, writable=False)
TABLE_SIZE: Final = 147

REGISTERS: Final = (
    MODEL,
    FIRMWARE,
    ID,
    BAUD,
    RETURN_DELAY,
    DRIVE_MODE,
    OPERATING_MODE,
    SECONDARY_ID,
    HOMING_OFFSET,
    TEMPERATURE_LIMIT,
    MAX_VOLTAGE,
    MIN_VOLTAGE,
    CURRENT_LIMIT,
    VELOCITY_LIMIT,
    MAX_POSITION,
    MIN_POSITION,
    SHUTDOWN,
    TORQUE_ENABLE,
    LED,
    STATUS_RETURN,
    HARDWARE_ERROR,
    POSITION_D_GAIN,
    POSITION_I_GAIN,
    POSITION_P_GAIN,
    BUS_WATCHDOG,
    GOAL_CURRENT,
    GOAL_VELOCITY,
    PROFILE_ACCELERATION,
    PROFILE_VELOCITY,
    GOAL_POSITION,
    REALTIME_TICK,
    MOVING,
    PRESENT_CURRENT,
    PRESENT_VELOCITY,
    PRESENT_POSITION,
    PRESENT_VOLTAGE,
    PRESENT_TEMPERATURE,
)
"""Every entry above, by address."""

POSITION_MODE: Final = 3
CURRENT_POSITION_MODE: Final = 5
EXPIRED: Final = -1
"""What `bus_watchdog` reads once it has stopped the servo; only writing 0 ends that."""

BAUD_RATES: Final = (9_600, 57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000)
"""By the value of the register `baud`."""

HARDWARE_ERRORS: Final = MappingProxyType(
    {0: "input voltage", 1: "motor hall sensor", 2: "overheating", 3: "encoder", 4: "electrical shock", 5: "overload"}
)
"""What the bits of `hardware_error` mean."""


@dataclass(frozen=True, slots=True)
class ServoModel:
    """One servo type: its number on the wire, the unit of its current (A), and about how much torque an ampere gives
    (Nm, stall torque by stall current of the data sheet).
    """

    number: int
    current_step: float
    torque_per_ampere: float


MODELS: Final = MappingProxyType(
    {
        "XM430-W350": ServoModel(1020, 2.69e-3, 1.78),
        "XM540-W270": ServoModel(1120, 2.69e-3, 2.41),
        "XL430-W250": ServoModel(1060, 1e-3, 1.07),
        "XL330-M288": ServoModel(1200, 1e-3, 0.35),
        "XL330-M077": ServoModel(1190, 1e-3, 0.15),
    }
)


def error_words(bits: int) -> str:
    """The causes in a `hardware_error`, in words."""
    return ", ".join(words for bit, words in HARDWARE_ERRORS.items() if bits >> bit & 1) or f"code {bits}"
