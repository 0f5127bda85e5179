"""How the joints of an arm are wired to its controller: which servo, which way round, from where. Nothing is spoken
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Literal

import numpy as np

from cellctl.model.pose import FloatArray

Protocol = Literal["dynamixel", "feetech"]
PowerRemoval = Literal["falls", "holds", "braked"]
"""What an arm does when its motors get no power: it falls, its gears hold it, or it has brakes."""

LEAST_STROKE, LARGEST_ERROR = 0.10, 0.05
"""Shares of the way from `off` to `on`: what an output must at least have gone to be on, and may be away from off."""
STEPS = 4096
"""Steps a turn of the servos that are known here."""
STEP = 2.0 * pi / STEPS
"""rad."""


@dataclass(frozen=True, slots=True)
class ServoAxis:
    """One joint: its servo and its type, the raw position `zero` (steps) at joint value 0, and the `sign` of the joint
    along it. `shadows` are servos on the same joint that follow the first by themselves.
    """

    joint: str
    id: int
    model: str
    zero: int = STEPS // 2
    sign: Literal[-1, 1] = 1
    shadows: tuple[int, ...] = ()

    def joint_value(self, raw: float) -> float:
        """Joint value, rad, of a raw position."""
        return self.sign * (raw - self.zero) * STEP

    def raw(self, value: float) -> int:
        """Raw position nearest to a joint value, rad."""
        return self.zero + round(self.sign * value / STEP)


@dataclass(frozen=True, slots=True)
class ServoOutput:
    """A digital output that is a servo: a gripper that goes to the raw position `on` or `off`. `keeps` says that it
    stays as it is when the arm is stopped.

    `reached_on` and `reached_off` are input lines that tell where it has come to rest: away from `off` when it was told
    to go `on`, so a part between the fingers may have stopped it; and at `off`.
    """

    name: str
    line: int
    id: int
    model: str
    off: int
    on: int
    keeps: bool = True
    reached_on: int | None = None
    reached_off: int | None = None

    def inputs(self, *, goal: int, position: int, moves: bool) -> int:
        """The input lines, as bits, of a servo that holds `goal` and is at a raw `position`."""
        away = abs(position - self.off) / max(abs(self.on - self.off), 1)
        lines = {
            self.reached_on: goal == self.on and away > LEAST_STROKE,
            self.reached_off: goal == self.off and away < LARGEST_ERROR,
        }
        return sum(1 << line for line, reached in lines.items() if line is not None and reached and not moves)


@dataclass(frozen=True, slots=True)
class Wiring:
    """The servos of an arm in the order of its joints, and how its bus is run.

    `period` (s) is the control period, `lag` (s) by how much the arm is known to trail its setpoints, `watchdog` (s)
    how long the servos go without a packet before they stop by themselves, where they can. `firmware` is the oldest
    that is accepted. `fast_read` asks all servos for one packet together, where the protocol knows that.
    """

    name: str
    protocol: Protocol
    baud: int
    period: float
    lag: float
    watchdog: float
    on_power_removal: PowerRemoval
    axes: tuple[ServoAxis, ...]
    outputs: tuple[ServoOutput, ...] = ()
    firmware: int = 0
    fast_read: bool = False

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the joints, in order."""
        return tuple(axis.joint for axis in self.axes)

    @property
    def models(self) -> dict[int, str]:
        """The type of every servo on the bus by its id."""
        joints = {id: axis.model for axis in self.axes for id in (axis.id, *axis.shadows)}
        return joints | {output.id: output.model for output in self.outputs}

    @property
    def leaders(self) -> tuple[int, ...]:
        """Ids of the servos that are given goals: one for each joint, and the outputs."""
        return (*(axis.id for axis in self.axes), *(output.id for output in self.outputs))

    @property
    def input_lines(self) -> tuple[int, ...]:
        """The input lines that tell how its outputs stand."""
        lines = (line for output in self.outputs for line in (output.reached_on, output.reached_off))
        return tuple(line for line in lines if line is not None)

    def called(self, id: int) -> str:
        """What a servo is called in a sentence: its joint or output, and its id."""
        for axis in self.axes:
            if id == axis.id or id in axis.shadows:
                return f"{axis.joint} (servo {id})"
        return next((f"{output.name} (servo {id})" for output in self.outputs if output.id == id), f"servo {id}")

    def joint_values(self, raw: dict[int, int]) -> FloatArray:
        """Joint values (dof,), rad, of raw positions by id."""
        return np.array([axis.joint_value(raw[axis.id]) for axis in self.axes])
