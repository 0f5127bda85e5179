"""One emulated servo of the Feetech STS series: its table, its rules, its motion. It sees no packet.

It has no watchdog: when nobody speaks to it any more, it goes on to its last goal and holds it.
"""

from __future__ import annotations

from cellctl.emulators.servos.servo import EmulatedServo
from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.servo import Register

FIRMWARE = (3, 10)
_UNLOADING = 0b0010_1100
"""Error bits at which torque is given up: overheating, over-current, overload."""

_PERMANENT = {
    reg.FIRMWARE_MAJOR: FIRMWARE[0],
    reg.FIRMWARE_MINOR: FIRMWARE[1],
    reg.BAUD: 0,
    reg.RETURN_DELAY: 0,
    reg.STATUS_LEVEL: 1,
    reg.MAX_POSITION: 4095,
    reg.MAX_TEMPERATURE: 70,
    reg.MAX_VOLTAGE: 80,
    reg.MIN_VOLTAGE: 40,
    reg.MAX_TORQUE: 1000,
    reg.UNLOAD_CONDITION: _UNLOADING,
    reg.P_GAIN: 32,
    reg.D_GAIN: 32,
    reg.PROTECTION_CURRENT: 500,
    reg.PROTECTIVE_TORQUE: 20,
    reg.PROTECTION_TIME: 200,
    reg.OVERLOAD_TORQUE: 80,
}
_VOLATILE = {reg.TORQUE_LIMIT: 1000, reg.LOCK: 1, reg.PRESENT_VOLTAGE: 74, reg.PRESENT_TEMPERATURE: 32}


class Servo(EmulatedServo):
    """A servo whose type has the number `model`."""

    id_register: Register = reg.ID
    torque_register: Register = reg.TORQUE_ENABLE
    reboot_time = 0.2
    speed_filter = 0.04
    top_speed = 4.7 / reg.STEP
    top_acceleration = 60.0 / reg.STEP

    def __init__(self, id: int, model: int, position: float, *, sinks: int = 0) -> None:
        super().__init__(position, table_size=reg.TABLE_SIZE, sinks=sinks)
        self.put(reg.ID, id)
        self.put(reg.MODEL, model)
        for register, value in _PERMANENT.items():
            self.put(register, value)
        self._kept = bytes(self.table)
        self.begin()

    @property
    def errors(self) -> int:
        """The error bits that go into every answer."""
        return self.get(reg.STATUS)

    # The wire ------------------------------------------------------------------------------------------------------

    def read(self, address: int, length: int) -> bytes:
        """The bytes of the table; what lies behind it reads 0."""
        self._measure()
        return bytes(self.table[address : address + length]).ljust(length, b"\0")

    def write(self, address: int, data: bytes) -> None:
        """Take a write, register by register; what may not be written stays as it is, and nobody is told."""
        end = address + len(data)
        for item in reg.REGISTERS:
            if item.writable and address <= item.address and item.address + item.size <= end:
                self._take(item, item.unpack(data, address))
        if not self.get(reg.LOCK):
            self._kept = bytes(self.table[: reg.TORQUE_ENABLE.address])

    def fail(self, bit: int) -> None:
        """An error that stays until the torque is switched; torque goes off where `unload_condition` says so."""
        self.put(reg.STATUS, self.get(reg.STATUS) | 1 << bit)
        if self.get(reg.UNLOAD_CONDITION) >> bit & 1:
            self.put(reg.TORQUE_ENABLE, 0)

    # Motion --------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The EEPROM as it was kept, the rest as after switching on, the goal where it stands."""
        self.table[: len(self._kept)] = self._kept
        self.table[reg.TORQUE_ENABLE.address :] = bytes(reg.TABLE_SIZE - reg.TORQUE_ENABLE.address)
        for item, value in _VOLATILE.items():
            self.put(item, value)
        self.put(reg.GOAL_POSITION, self._shown())

    def watch(self) -> None:
        """There is no watchdog."""

    def target(self) -> tuple[float, float]:
        """Goal, as the encoder sees it, and goal velocity."""
        return self.get(reg.GOAL_POSITION) + self.get(reg.HOMING_OFFSET), self.get(reg.GOAL_VELOCITY)

    def _shown(self) -> int:
        """The position that it reports, steps."""
        return round(self.position) - self.get(reg.HOMING_OFFSET) + self.turns * reg.STEPS

    def _measure(self) -> None:
        """Put what is measured into the table."""
        self.put(reg.PRESENT_POSITION, self._shown())
        self.put(reg.PRESENT_VELOCITY, round(self.speed))
        self.put(reg.MOVING, int(abs(self.velocity) > 1.0))
        effort = self.get(reg.GOAL_POSITION) - self._shown() if self.torque else 0
        self.put(reg.PRESENT_LOAD, max(-1000, min(1000, 4 * effort)))
        self.put(reg.PRESENT_CURRENT, max(-500, min(500, effort)))

    # Rules ---------------------------------------------------------------------------------------------------------

    def _take(self, item: Register, value: int) -> None:
        if item == reg.TORQUE_ENABLE:
            self._switch(value)
            return
        if item == reg.GOAL_POSITION and self.get(reg.MAX_POSITION):
            value = max(self.get(reg.MIN_POSITION), min(self.get(reg.MAX_POSITION), value))
        self.put(item, value)

    def _switch(self, value: int) -> None:
        """Torque off (0) or on; 128 calls the pose of the moment the middle of the turn."""
        if value == reg.REZERO:
            self.put(reg.HOMING_OFFSET, max(-2047, min(2047, round(self.position) - reg.STEPS // 2)))
            self.put(reg.GOAL_POSITION, self._shown())
            return
        if not (value and self.get(reg.TORQUE_ENABLE)):
            self.put(reg.STATUS, 0)
        self.put(reg.TORQUE_ENABLE, int(bool(value)))
