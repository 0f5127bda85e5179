"""One emulated servo of the Feetech STS series: its table, its rules, its motion. It sees no packet.

It has no watchdog: when nobody speaks to it any more, it goes on to its last goal and holds it.
"""

from __future__ import annotations

from math import copysign, sqrt

from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.feetech_registers import Register

FIRMWARE = (3, 10)
_REBOOT_TIME = 0.2
_TIME_STEP = 0.002
_RESPONSE = 0.015
"""s: how far behind a moving goal the servo stays."""
_SPEED_FILTER = 0.04
"""s: time constant of the measured velocity."""
_TOP_SPEED = 4.7 / reg.STEP
_TOP_ACCELERATION = 60.0 / reg.STEP
_SINKING, _DROP = 600.0, 200.0
"""steps/s and steps: how fast and how far a joint sinks that has lost its torque."""
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


class Servo:
    """One servo at a raw `position` (steps, as its encoder sees it). `silent`, `stuck`, `powered` and `turns` are what
    faults do to it.

    `sinks` is the direction, -1, 0 or 1, in which its joint sinks when it loses its torque. At first it rests.
    """

    def __init__(self, id: int, model: int, position: float, *, sinks: int = 0) -> None:
        self.position, self.velocity = float(position), 0.0
        self.silent = self.stuck = False
        self.powered = True
        self.turns = 0
        self._sinks, self._rest, self._speed = sinks, self.position, 0.0
        self._table = bytearray(reg.TABLE_SIZE)
        self._ready_at = self._now = 0.0
        self.put(reg.ID, id)
        self.put(reg.MODEL, model)
        for register, value in _PERMANENT.items():
            self.put(register, value)
        self._kept = bytes(self._table)
        self._begin()

    @property
    def id(self) -> int:
        """Its id on the bus."""
        return self.get(reg.ID)

    @property
    def answers(self) -> bool:
        """True when it hears and answers."""
        return self.powered and not self.silent and self._now >= self._ready_at

    @property
    def torque(self) -> bool:
        """True while its motor holds or moves."""
        return bool(self.get(reg.TORQUE_ENABLE)) and self.powered and self._now >= self._ready_at

    @property
    def errors(self) -> int:
        """The error bits that go into every answer."""
        return self.get(reg.STATUS)

    def get(self, register: Register) -> int:
        """The value of a register."""
        return register.unpack(self._table)

    def put(self, register: Register, value: int) -> None:
        """Set a register, whatever the rules for the wire are."""
        self._table[register.address : register.address + register.size] = register.pack(value)

    # The wire ------------------------------------------------------------------------------------------------------

    def read(self, address: int, length: int) -> bytes:
        """The bytes of the table; what lies behind it reads 0."""
        self._measure()
        return bytes(self._table[address : address + length]).ljust(length, b"\0")

    def write(self, address: int, data: bytes) -> None:
        """Take a write, register by register; what may not be written stays as it is, and nobody is told."""
        end = address + len(data)
        for item in reg.REGISTERS:
            if item.writable and address <= item.address and item.address + item.size <= end:
                self._take(item, item.unpack(data, address))
        if not self.get(reg.LOCK):
            self._kept = bytes(self._table[: reg.TORQUE_ENABLE.address])

    def reboot(self) -> None:
        """Start anew: torque off, the EEPROM as it was kept, goal where it stands."""
        self._ready_at = self._now + _REBOOT_TIME
        self._begin()

    def fail(self, bit: int) -> None:
        """An error that stays until the torque is switched; torque goes off where `unload_condition` says so."""
        self.put(reg.STATUS, self.get(reg.STATUS) | 1 << bit)
        if self.get(reg.UNLOAD_CONDITION) >> bit & 1:
            self.put(reg.TORQUE_ENABLE, 0)

    # Motion --------------------------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Move on to `now`, s."""
        while self._now + _TIME_STEP <= now:
            self._now += _TIME_STEP
            self._move(_TIME_STEP)

    def _begin(self) -> None:
        self._table[: len(self._kept)] = self._kept
        self._table[reg.TORQUE_ENABLE.address :] = bytes(reg.TABLE_SIZE - reg.TORQUE_ENABLE.address)
        for item, value in _VOLATILE.items():
            self.put(item, value)
        self.put(reg.GOAL_POSITION, self._shown())

    def _move(self, dt: float) -> None:
        if self.stuck:
            self.velocity = 0.0
        elif self.torque:
            self._follow(dt)
            self._rest = self.position + self._sinks * _DROP
        else:
            self.velocity = self._sinks * _SINKING if (self._rest - self.position) * self._sinks > 0.0 else 0.0
        self.position += self.velocity * dt
        self._speed += (self.velocity - self._speed) * min(1.0, dt / _SPEED_FILTER)

    def _follow(self, dt: float) -> None:
        """Towards the goal, no faster than it can be stopped there."""
        error = self.get(reg.GOAL_POSITION) + self.get(reg.HOMING_OFFSET) - self.position
        cap = self.get(reg.GOAL_VELOCITY)
        top = min(cap, _TOP_SPEED) if cap else _TOP_SPEED
        speed = min(abs(error) / _RESPONSE, sqrt(2.0 * _TOP_ACCELERATION * abs(error)), top)
        limit = _TOP_ACCELERATION * dt * 2.0
        self.velocity += max(-limit, min(limit, copysign(speed, error) - self.velocity))

    def _shown(self) -> int:
        """The position that it reports, steps."""
        return round(self.position) - self.get(reg.HOMING_OFFSET) + self.turns * reg.STEPS

    def _measure(self) -> None:
        """Put what is measured into the table."""
        self.put(reg.PRESENT_POSITION, self._shown())
        self.put(reg.PRESENT_VELOCITY, round(self._speed))
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
