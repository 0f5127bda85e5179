"""The mechanics behind the servos of an arm: what their motors do to it, and where it really is. It sees no packet.

Without a body every servo moves by itself, as if nothing hung on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from cellctl.emulators.servos.servo import TIME_STEP, EmulatedServo
from cellctl.model.pose import FloatArray
from cellctl.model.wiring import STEP, ServoAxis, Wiring

_SUBSTEPS = 2


class Mechanics(Protocol):
    """Joints that follow a position and velocity target where they have power, in steps of 1 ms."""

    def set_joints(self, q: FloatArray) -> None:
        """Put the joints (dof,) somewhere, at rest."""
        ...

    def power(self, on: Sequence[bool]) -> None:
        """Which joints (dof,) have a motor that holds or moves; the others hang free."""
        ...

    def step(self, q_set: FloatArray, qd_set: FloatArray) -> None:
        """One time step towards the targets (dof,), rad and rad/s."""
        ...

    def read(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Joints, velocities, torques (dof,)."""
        ...


class Body:
    """The joints of `wiring` with the servos on them; servos that are outputs move by themselves.

    A joint whose servo has not had torque yet rests where it is, as if somebody held it.
    """

    def __init__(self, mechanics: Mechanics, wiring: Wiring, joints: Sequence[float]) -> None:
        self._mechanics, self._axes = mechanics, wiring.axes
        self._drives = {id: k for k, axis in enumerate(wiring.axes) for id in (axis.id, *axis.shadows)}
        self._aim: FloatArray = np.array(joints, dtype=np.float64)
        self._held = [True] * len(wiring.axes)
        mechanics.set_joints(self._aim)

    def advance(self, servos: Mapping[int, EmulatedServo], now: float) -> None:
        """Move everything on to `now`, s."""
        while all(servo.now + TIME_STEP <= now for servo in servos.values()):
            for servo in servos.values():
                servo.drive(TIME_STEP)
            self._step([servos[axis.id] for axis in self._axes])
            joints, rates, _ = self._mechanics.read()
            for id, servo in servos.items():
                if id in self._drives:
                    axis, k = self._axes[self._drives[id]], self._drives[id]
                    servo.arrive(_raw(axis, joints[k]), axis.sign * rates[k] / STEP, TIME_STEP)
                else:
                    servo.arrive(servo.position + servo.velocity * TIME_STEP, servo.velocity, TIME_STEP)

    def _step(self, leading: Sequence[EmulatedServo]) -> None:
        """Let the motors work for one time step of the servos."""
        pairs = list(zip(self._axes, leading, strict=True))
        rates = np.array([axis.sign * servo.velocity * STEP for axis, servo in pairs])
        here = np.array([axis.joint_value(servo.position) for axis, servo in pairs])
        self._held = [held and not servo.torque for held, servo in zip(self._held, leading, strict=True)]
        powered = [servo.torque or held for held, servo in zip(self._held, leading, strict=True)]
        aim = np.where(rates == 0.0, self._aim, here)
        self._mechanics.power(powered)
        for k in range(1, _SUBSTEPS + 1):
            self._mechanics.step(aim + rates * (TIME_STEP * k / _SUBSTEPS), rates)
        self._aim = np.where(powered, aim + rates * TIME_STEP, here)


def _raw(axis: ServoAxis, value: float) -> float:
    """The position, steps and parts of one, of a joint value."""
    return axis.zero + axis.sign * value / STEP
