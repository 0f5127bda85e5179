"""The simulated arm's controller: setpoint check, interpolation, lag, watchdog, stop, faults; one `tick` a period. No
socket here.

What it does when the stream of setpoints pauses is what a real controller does: it goes on at the last velocity for a
while, then decelerates to standstill, switches the process off and latches a fault that only CLEAR takes away.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Protocol

import numpy as np

from cellctl.emulators.simulated_arm.dispenser import Dispenser, DispenserSettings, Tip
from cellctl.emulators.simulated_arm.gripper import Gripper, GripperSettings
from cellctl.emulators.simulated_arm.screwdriver import Screwdriver, ScrewdriverSettings
from cellctl.emulators.simulated_arm.setpoint_log import Arrival
from cellctl.emulators.simulated_arm.weld_source import Log, WeldSource, WeldSourceSettings
from cellctl.model.arm_wire import Condition, Fault, Report
from cellctl.model.pose import FloatArray, frozen_array

_SPEED_SLACK = 1.05
_STILL = 5e-3
_LONGEST_SETTLE = 1.0


class Plant(Protocol):
    """The mechanics: joints that follow a position and velocity target, stepped in fixed time steps."""

    def set_joints(self, q: FloatArray) -> None:
        """Put the joints (dof,) somewhere, at rest."""
        ...

    def step(self, q_set: FloatArray, qd_set: FloatArray) -> None:
        """One time step towards the targets (dof,), rad and rad/s."""
        ...

    def read(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Joints, velocities, torques (dof,)."""
        ...

    def close_brakes(self) -> None:
        """Hold every joint where it is."""
        ...

    def open_brakes(self) -> None:
        """Give the joints back to their motors."""
        ...

    def obstruct(self) -> None:
        """Put something in the way of the moving arm, which it then pushes against."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ArmFigures:
    """What the controller knows of its arm: limits (dof,) rad, /s, /s^2, and where it stands when it is switched on."""

    robot: str
    joints: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    start: FloatArray

    def __post_init__(self) -> None:
        for name in ("lower", "upper", "velocity", "acceleration", "start"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), (len(self.joints),)))


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """Times, s: control `period`, `time_step` of the mechanics, time constant `lag` of the setpoint filter, and the
    `patience` of the watchdog; `power_lost_at` is when it loses its power, once. `slip` (rad/s) is what it states of
    itself: how fast a sound joint may come away from where its setpoints and the lag put it.
    """

    period: float = 0.004
    time_step: float = 0.001
    lag: float = 0.008
    patience: float = 0.020
    slip: float = 0.15
    power_lost_at: float = inf


class Controller:
    """One arm, its weld source, gripper, screwdriver and dispenser. `fault` is latched; `time` counts ticks; `arrival`
    is told of every setpoint; `tip` says where a bead is laid; `stalled` is how long whoever ticks it has let its clock
    stand, s.
    """

    def __init__(
        self,
        figures: ArmFigures,
        plant: Plant,
        *,
        settings: ControllerSettings,
        source: WeldSourceSettings,
        log: Log,
        gripper: GripperSettings | None = None,
        screwdriver: ScrewdriverSettings | None = None,
        dispenser: DispenserSettings | None = None,
        tip: Tip | None = None,
        arrival: Arrival | None = None,
    ) -> None:
        self.figures, self.settings, self.fault = figures, settings, Fault.NONE
        self.stalled = 0.0
        gripper = gripper or GripperSettings()
        self._plant, self._source, self._gripper = plant, WeldSource(source, log), Gripper(gripper, log)
        self._screwdriver = Screwdriver(screwdriver or ScrewdriverSettings(), log)
        self._dispenser = Dispenser(dispenser or DispenserSettings(), log, tip)
        self._keeps = gripper.keeps
        self._log, self._arrival = log, arrival
        self._ticks = 0
        self._power_lost_at = settings.power_lost_at
        self._silent = 0
        self._tells_where = False
        self._substeps = round(settings.period / settings.time_step)
        self._blend = 1.0 - float(np.exp(-settings.time_step / settings.lag)) if settings.lag else 1.0
        self._condition = Condition.STANDING
        self._setpoint: FloatArray = figures.start
        self._velocity: FloatArray = np.zeros(len(figures.joints))
        self._filtered: FloatArray = figures.start
        self._given: FloatArray = figures.start
        self._outputs = self._inputs = 0
        self._analog: tuple[float, ...] = ()
        self._fresh: FloatArray | None = None
        self._braking: FloatArray = np.zeros(len(figures.joints))
        plant.set_joints(figures.start)
        self._measured = plant.read()

    @property
    def time(self) -> float:
        """Time of the controller, s."""
        return self._ticks * self.settings.period

    @property
    def stands(self) -> bool:
        """True when nothing is commanded to move and nothing moves."""
        return self._commanded_to_stand and bool(np.abs(self._measured[1]).max() < _STILL)

    @property
    def _commanded_to_stand(self) -> bool:
        return self._condition in (Condition.STANDING, Condition.BRAKED, Condition.OFF)

    @property
    def streams(self) -> bool:
        """True while setpoints are expected."""
        return self._condition == Condition.STREAMING

    def accept(self, joints: FloatArray, outputs: int, analog: tuple[float, ...] = ()) -> None:
        """Take a setpoint for the next tick, or refuse it: stop, process off, latch a fault. Ignored while a fault is
        latched.
        """
        if self.fault != Fault.NONE or self._condition == Condition.STOPPING:
            return
        fault = Fault.NO_POWER if self._condition == Condition.OFF else self._objection(joints)
        fault = fault if np.isfinite(analog).all() else Fault.NOT_FINITE
        if fault != Fault.NONE:
            self.abort(fault)
            return
        if self._condition != Condition.STREAMING:
            self._given = self._setpoint
        self._condition = Condition.STREAMING
        self._fresh = joints
        self._outputs, self._analog = outputs, analog

    def abort(self, fault: Fault) -> None:
        """Stop, and latch `fault`."""
        if self.fault == Fault.NONE:
            self.fault = fault
            self._log(self.time, f"fault_{fault.name.lower()}", self._measured[0].tolist())
            self._tells_where = True
        self.stop()

    def abort_if_streaming(self, fault: Fault) -> None:
        """Stop and latch `fault` where a stream of setpoints is cut off; nothing where there is none."""
        if self._condition == Condition.STREAMING:
            self.abort(fault)

    def stop(self) -> None:
        """Begin to decelerate to standstill; the process is off from now, but the gripper as it is. After a fault the
        brakes close then.
        """
        self._outputs &= self._keeps
        if self._condition == Condition.STANDING:
            self._stand()
        if self._condition == Condition.STREAMING:
            self._condition = Condition.STOPPING
            longest = float((np.abs(self._velocity) / self.figures.acceleration).max())
            self._braking = self._velocity / max(longest, self.settings.period)

    def power_off(self) -> None:
        """Close the brakes wherever the arm is, the process off, the gripper as it is."""
        self._outputs, self._fresh = self._outputs & self._keeps, None
        self._velocity = np.zeros(len(self.figures.joints))
        self._plant.close_brakes()
        if self._condition != Condition.OFF:
            self._log(self.time, "power_off", self._measured[0].tolist())
            self._tells_where = True
        self._condition = Condition.OFF

    def power_on(self) -> None:
        """Open the brakes with the motors holding where the arm stands; a latched fault stays."""
        if self._condition == Condition.OFF:
            self._hold_here()
            self._condition = Condition.STANDING

    def clear(self) -> None:
        """Take a latched fault away, once the arm stands; with power, open the brakes."""
        if not self._commanded_to_stand:
            return
        if self._condition == Condition.BRAKED:
            self._hold_here()
            self._condition = Condition.STANDING
        self.fault = Fault.NONE

    def _hold_here(self) -> None:
        self._setpoint = self._filtered = self._measured[0]
        self._plant.open_brakes()

    def tick(self) -> None:
        """One period: power, watchdog, setpoint, mechanics, devices."""
        if self.time >= self._power_lost_at:
            self._power_lost_at, streams = inf, self.streams
            self.power_off()
            if streams:
                self.abort(Fault.NO_POWER)
        target, velocity = self._target()
        start = self._setpoint
        for k in range(1, self._substeps + 1):
            aim = start + (target - start) * (k / self._substeps)
            before = self._filtered
            self._filtered = before + self._blend * (aim - before)
            self._plant.step(self._filtered, (self._filtered - before) / self.settings.time_step)
        self._setpoint = target
        self._velocity = velocity
        self._measured = self._plant.read()
        self._ticks += 1
        joints: list[float] = self._measured[0].tolist()
        time, outputs = self.time, self._outputs
        self._inputs = self._gripper.tick(time, outputs, joints)
        self._inputs |= self._source.tick(time, outputs, joints, self._analog)
        self._inputs |= self._screwdriver.tick(time, outputs, joints, self._analog)
        self._inputs |= self._dispenser.tick(time, outputs, joints, self._analog)
        if self._tells_where and self.stands:
            self._tells_where = False
            self._log(self.time, "stands", self._measured[0].tolist())

    def settle(self) -> None:
        """Tick until the arm stands, at least once, at most a second longer than its setpoint moves."""
        self.tick()
        spare = round(_LONGEST_SETTLE / self.settings.period)
        while not self.stands and spare > 0:
            self.tick()
            spare -= self._commanded_to_stand

    def report(self) -> Report:
        """What the arm measures now."""
        joints, velocities, torques = self._measured
        values = self._source.values | self._screwdriver.values | self._dispenser.values
        analog = tuple(values.get(channel, 0.0) for channel in range(max(values, default=-1) + 1))
        return Report(
            self.time,
            joints,
            velocities,
            torques,
            self._inputs,
            self.fault,
            self._condition,
            stalled=self.stalled,
            analog=analog,
        )

    def _target(self) -> tuple[FloatArray, FloatArray]:
        """Where the setpoint shall be at the end of this period, and the velocity to go on with: that of the stream,
        even where the arm comes back from where it went on by itself.
        """
        period = self.settings.period
        if self._condition == Condition.STREAMING and self._fresh is not None:
            if self._arrival is not None:
                self._arrival(self.time, self._silent)
            target, velocity = self._fresh, (self._fresh - self._given) / (period * (1 + self._silent))
            self._given, self._fresh, self._silent = target, None, 0
            return target, velocity
        if self._condition == Condition.STREAMING:
            self._silent += 1
            if self._silent * period <= self.settings.patience:
                ahead = self._setpoint + self._velocity * period
                return np.clip(ahead, self.figures.lower, self.figures.upper), self._velocity
            self.abort(Fault.WATCHDOG)
        if self._condition == Condition.STOPPING:
            slower = self._slower()
            return slower, (slower - self._setpoint) / period
        return self._setpoint, np.zeros(len(self.figures.joints))

    def _slower(self) -> FloatArray:
        """The setpoint one period on while stopping: all joints slow down in proportion and stand together."""
        period = self.settings.period
        left = self._velocity - self._braking * period
        if np.dot(left, self._velocity) <= 0.0:
            self._stand()
            return self._setpoint
        return self._setpoint + left * period

    def _stand(self) -> None:
        """The setpoint stands; after a fault the brakes close."""
        self._fresh, self._silent = None, 0
        self._velocity = np.zeros(len(self.figures.joints))
        self._condition = Condition.STANDING
        if self.fault != Fault.NONE:
            self._condition = Condition.BRAKED
            self._plant.close_brakes()

    def _objection(self, joints: FloatArray) -> Fault:
        """What is wrong with a setpoint, NONE for nothing. Ticks that were missed give it more room, up to one period
        more.
        """
        figures = self.figures
        if joints.shape != figures.start.shape:
            return Fault.WRONG_JOINTS
        if not np.isfinite(joints).all():
            return Fault.NOT_FINITE
        if (joints < figures.lower - 1e-9).any() or (joints > figures.upper + 1e-9).any():
            return Fault.OUT_OF_LIMITS
        reach = figures.velocity * self.settings.period * _SPEED_SLACK * min(1 + self._silent, 2)
        return Fault.TOO_FAST if (np.abs(joints - self._setpoint) > reach).any() else Fault.NONE
