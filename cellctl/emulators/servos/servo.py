"""One emulated servo: its table, its motion, what faults do to it. Rules and units of its table are its protocol's; it
sees no packet.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import copysign, sqrt

from cellctl.model.wires.servo import Register

TIME_STEP = 0.002
"""s."""
_RESPONSE = 0.015
"""s: how far behind a moving goal a servo stays."""
_SINKING, _DROP = 600.0, 200.0
"""steps/s and steps: how fast and how far a joint sinks that has lost its torque."""


class EmulatedServo(ABC):
    """One servo at a raw `position` (steps, as its encoder sees it). `silent`, `stuck`, `powered` and `turns` are what
    faults do to it.

    `sinks` is the direction, -1, 0 or 1, in which its joint sinks when it loses its torque. At first it rests.
    """

    id_register: Register
    torque_register: Register
    reboot_time: float
    speed_filter: float
    """s: time constant of the measured velocity."""
    top_speed: float
    top_acceleration: float
    """steps/s and steps/s^2."""

    def __init__(self, position: float, *, table_size: int, sinks: int) -> None:
        self.position, self.velocity = float(position), 0.0
        self.silent = self.stuck = False
        self.powered = True
        self.turns = 0
        self.table = bytearray(table_size)
        self.now = self.speed = 0.0
        self._sinks, self._rest, self._ready_at = sinks, self.position, 0.0

    @property
    def id(self) -> int:
        """Its id on the bus."""
        return self.get(self.id_register)

    @property
    def answers(self) -> bool:
        """True when it hears and answers."""
        return self.powered and not self.silent and self.now >= self._ready_at

    @property
    def torque(self) -> bool:
        """True while its motor holds or moves."""
        return bool(self.get(self.torque_register)) and self.powered and self.now >= self._ready_at

    def get(self, register: Register) -> int:
        """The value of a register."""
        return register.unpack(self.table)

    def put(self, register: Register, value: int) -> None:
        """Set a register, whatever the rules for the wire are."""
        self.table[register.address : register.address + register.size] = register.pack(value)

    def reboot(self) -> None:
        """Start anew: torque off, goal where it stands, volatile registers as after switching on."""
        self._ready_at = self.now + self.reboot_time
        self.begin()

    @abstractmethod
    def begin(self) -> None:
        """Fill the table as after switching on."""

    @abstractmethod
    def fail(self, bit: int) -> None:
        """Have an error; torque goes off where the table says so."""

    @abstractmethod
    def target(self) -> tuple[float, float]:
        """Where its goal is, steps, and how fast it may go there, steps/s; 0 for as fast as it can."""

    @abstractmethod
    def watch(self) -> None:
        """Look whether it must stop by itself."""

    def advance(self, now: float) -> None:
        """Move on to `now`, s."""
        while self.now + TIME_STEP <= now:
            self.drive(TIME_STEP)
            self.arrive(self.position + self.velocity * TIME_STEP, self.velocity, TIME_STEP)

    def drive(self, dt: float) -> None:
        """Let `dt` s pass: what its motor, or nothing, makes of its velocity."""
        self.now += dt
        self.watch()
        if self.stuck:
            self.velocity = 0.0
        elif self.torque:
            self._follow(dt)
            self._rest = self.position + self._sinks * _DROP
        else:
            self.velocity = self._sinks * _SINKING if (self._rest - self.position) * self._sinks > 0.0 else 0.0

    def arrive(self, position: float, velocity: float, dt: float) -> None:
        """Be at `position`, steps, with `velocity`, steps/s, after the `dt` s that have passed."""
        self.position = position
        self.speed += (velocity - self.speed) * min(1.0, dt / self.speed_filter)

    def _follow(self, dt: float) -> None:
        """Towards the goal, no faster than it can be stopped there."""
        goal, cap = self.target()
        error = goal - self.position
        top = min(cap, self.top_speed) if cap else self.top_speed
        speed = min(abs(error) / _RESPONSE, sqrt(2.0 * self.top_acceleration * abs(error)), top)
        limit = self.top_acceleration * dt * 2.0
        self.velocity += max(-limit, min(limit, copysign(speed, error) - self.velocity))
