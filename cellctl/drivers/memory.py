"""An arm that obeys at once and remembers everything, for tests and dry runs. It knows no time but its own cycles.

Its weld source answers `arc_on` with `arc_ok` after some cycles, its gripper `gripper` with `gripped` and
`gripper_open`; both fail on demand. Its screwdriver is done after some cycles, its dispenser always
ready; neither measures anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from cellctl.drivers.driver import ArmIdentity, ArmSetup, ArmState, Setpoint
from cellctl.drivers.stopped_at_exit import StoppedAtExit
from cellctl.model.pose import FloatArray

_CYCLES_TO_TIGHTEN = 10
"""Cycles that a screwdriver turns on where the arm stands before its screw is tight."""


@dataclass(frozen=True, slots=True)
class ArcBehaviour:
    """How the weld source of a `MemoryArm` behaves: cycles until the arc stands, and what goes wrong with it.

    With `ignites` False the arc never stands; `lost_after` cycles of a standing arc it is gone until switched off.
    """

    cycles_to_ignite: int = 10
    ignites: bool = True
    lost_after: int | None = None


@dataclass(frozen=True, slots=True)
class GripperBehaviour:
    """How the gripper of a `MemoryArm` behaves: `cycles` of a stroke, and what goes wrong with it.

    With `closes` False it never holds a part; `lost_after` cycles of holding one it is gone until the gripper opens.
    """

    cycles: int = 10
    closes: bool = True
    lost_after: int | None = None


class Device(Protocol):
    """A process device beside a `MemoryArm`, with analogue values."""

    def tick(self, time: float, outputs: int, joints: Sequence[float], analog: Sequence[float], /) -> int:
        """The inputs at `time` s for the arm's outputs, both as bits."""
        ...

    @property
    def values(self) -> dict[int, float]:
        """The analogue inputs by channel."""
        ...


class MemoryArm(StoppedAtExit):
    """A `Driver` whose measured joints are the last setpoint. `setpoints`, `outputs`, `analog` and `calls` remember
    what it was told. A `device` answers beside the weld source and the gripper, in place of screwdriver and
    dispenser.
    """

    def __init__(
        self,
        setup: ArmSetup,
        *,
        period: float = 0.004,
        arc: ArcBehaviour | None = None,
        gripper: GripperBehaviour | None = None,
        device: Device | None = None,
    ) -> None:
        self.analog: list[tuple[float, ...]] = []
        self.setpoints: list[FloatArray] = []
        self.outputs: list[int] = []
        self.calls: list[str] = []
        self._setup = setup
        self._period = period
        self._arc = arc or ArcBehaviour()
        self._joints: FloatArray = setup.start
        self._velocities: FloatArray = np.zeros(len(setup.joints))
        self._cycles = 0
        self._cycles_on = 0
        self._gripper = gripper or GripperBehaviour()
        self._closing, self._cycles_of_stroke = False, self._gripper.cycles
        self._device, self._answer, self._cycles_driven = device, 0, 0

    def identify(self) -> ArmIdentity:
        """The identity that the setup gave it."""
        return ArmIdentity("memory", self._setup.robot, self._setup.joints, self._period, "lock_step", analog=True)

    def read(self) -> ArmState:
        """The last setpoint, as if measured."""
        torques = np.zeros(len(self._setup.joints))
        values = {} if self._device is None else self._device.values
        analog = tuple(values.get(channel, 0.0) for channel in range(max(values, default=-1) + 1))
        time = self._cycles * self._period
        return ArmState(time, self._joints, self._velocities, torques, self._inputs(), analog=analog)

    def exchange(self, setpoint: Setpoint) -> ArmState:
        """Obey, remember, count one cycle."""
        self.setpoints.append(np.array(setpoint.joints))
        self.outputs.append(setpoint.outputs)
        self.analog.append(setpoint.analog)
        self._velocities = (setpoint.joints - self._joints) / self._period
        self._joints = self.setpoints[-1]
        self._cycles += 1
        self._count_arc(setpoint.outputs)
        self._count_stroke(setpoint.outputs)
        self._drive(setpoint)
        return self.read()

    def stop(self) -> ArmState:
        """Stand where it is, outputs off but for the gripper's."""
        self.calls.append("stop")
        self._velocities = np.zeros(len(self._setup.joints))
        self._count_arc(0)
        self._drive(Setpoint(self._joints))
        return self.read()

    def power(self, state: Literal["off", "on"]) -> None:
        """Outputs off with the power; it stands where it is."""
        self.calls.append(f"power {state}")
        self._velocities = np.zeros(len(self._setup.joints))
        self._count_arc(0)

    def clear(self) -> None:
        """Nothing latches here."""
        self.calls.append("clear")

    def close(self) -> None:
        """Forget nothing: a test may still look."""
        self.calls.append("close")

    def place(self, joints: FloatArray) -> None:
        """Put the arm somewhere else, as a person who pushes it would."""
        self._joints = np.array(joints, dtype=np.float64)

    def _count_arc(self, outputs: int) -> None:
        on = self._setup.arc_on is not None and bool(outputs >> self._setup.arc_on & 1)
        self._cycles_on = self._cycles_on + 1 if on else 0

    def _count_stroke(self, outputs: int) -> None:
        closing = self._setup.gripper is not None and bool(outputs >> self._setup.gripper & 1)
        self._cycles_of_stroke = self._cycles_of_stroke + 1 if closing == self._closing else 0
        self._closing = closing

    def _drive(self, setpoint: Setpoint) -> None:
        """Let the device answer, or the screwdriver be done after so many cycles."""
        if self._device is not None:
            joints, time = setpoint.joints.tolist(), self._cycles * self._period
            self._answer = self._device.tick(time, setpoint.outputs, joints, setpoint.analog)
            return
        run, tight = self._setup.driver_run, self._setup.driver_tight
        runs = run is not None and bool(setpoint.outputs >> run & 1)
        self._cycles_driven = self._cycles_driven + 1 if runs and not self._velocities.any() else 0
        self._answer = 1 << tight if tight is not None and self._cycles_driven > _CYCLES_TO_TIGHTEN else 0

    def _inputs(self) -> int:
        ready = self._setup.dispenser_ready
        dispenser = 1 << ready if ready is not None and self._device is None else 0
        return self._arc_inputs() | self._gripper_inputs() | dispenser | self._answer

    def _gripper_inputs(self) -> int:
        setup, behaviour = self._setup, self._gripper
        held = self._cycles_of_stroke - behaviour.cycles
        if held < 0 or (self._closing and not behaviour.closes):
            return 0
        if self._closing and behaviour.lost_after is not None and held >= behaviour.lost_after:
            return 0
        line = setup.gripped if self._closing else setup.gripper_open
        return 0 if line is None else 1 << line

    def _arc_inputs(self) -> int:
        standing = self._cycles_on - self._arc.cycles_to_ignite
        lost = self._arc.lost_after is not None and standing >= self._arc.lost_after
        if self._setup.arc_ok is None or not self._arc.ignites or standing < 0 or self._cycles_on == 0 or lost:
            return 0
        return 1 << self._setup.arc_ok


def open_memory_arm(port: str, setup: ArmSetup) -> MemoryArm:
    """The arm in memory; it has no port."""
    del port
    return MemoryArm(setup)
