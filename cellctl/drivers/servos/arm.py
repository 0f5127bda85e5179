"""A `Driver` for an arm of serial servos. It is switched on by its first setpoint, and never by anything else.

Servos without a watchdog finish the way to their last goal and hold it when nobody speaks to them any more. So no goal
is ever further away than one period at the joint's own speed limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal, TypeVar

import numpy as np

from cellctl.drivers.driver import ArmIdentity, ArmSetup, ArmState, Setpoint
from cellctl.drivers.port import OpenPort, Port, PortLost
from cellctl.drivers.servos import findings
from cellctl.drivers.servos.bus import LinkCounters
from cellctl.drivers.servos.servos import Servos
from cellctl.drivers.stopped_at_exit import StoppedAtExit
from cellctl.errors import CellctlError, EnvironmentMissing, Faulted, Finding
from cellctl.model.pose import FloatArray, frozen_array
from cellctl.model.robot import JointLimits
from cellctl.model.wiring import STEP, STEPS, Wiring

ServosOn = Callable[[Port, Wiring, Sequence[JointLimits]], Servos]
"""The servos of an arm behind a port that is open."""

Result = TypeVar("Result")

_SPEED_SLACK = 1.05
_LONGEST_STOP = 1.0
_STILL = 0.03
_OUTPUT_STILL = 0.05
"""rad/s up to which the servo of an output stands."""


class ServoArm(StoppedAtExit):
    """The servos of `wiring` behind the port that `open_port` opens, and opens again when a fault is cleared.

    Raises EnvironmentMissing when the port (E550, E551), the arm (E553, E554) or the time (E552) is not there. A fault
    stays until `clear`; until then only `read`, `stop` and `close` do something.
    """

    def __init__(self, open_port: OpenPort, servos_on: ServosOn, wiring: Wiring, setup: ArmSetup) -> None:
        self._open_port, self._servos_on, self._wiring, self._setup = open_port, servos_on, wiring, setup
        self._limits = setup.limits
        self._fault: Faulted | None = None
        self._enabled = self._without_power = False
        self._goals: dict[int, int] = {}
        self._velocity: FloatArray = np.zeros(len(wiring.axes))
        self._command: FloatArray = setup.start
        self._sent = 0.0
        self._last: ArmState | None = None
        self._connect()

    @property
    def counters(self) -> LinkCounters:
        """What happened on the link since it was opened."""
        return self._servos.bus.counters

    def identify(self) -> ArmIdentity:
        """What the cell says; that this arm is the one was checked when the port was opened."""
        wiring = self._wiring
        falls = wiring.on_power_removal == "falls"
        return ArmIdentity(
            wiring.protocol,
            self._setup.robot,
            self._setup.joints,
            wiring.period,
            "executor",
            lag=wiring.lag,
            falls=falls,
            outputs=sum(1 << output.line for output in wiring.outputs),
            inputs=sum(1 << line for line in wiring.input_lines),
        )

    def read(self) -> ArmState:
        """The measured state now; raises Faulted X460, X461 or X466."""
        return self._guarded(self._read)

    def exchange(self, setpoint: Setpoint) -> ArmState:
        """One cycle. The first one switches the arm on where it stands.

        Raises Faulted X408 for a setpoint that may not be sent, X460 to X470 for what is wrong with the arm.
        """
        if self._fault is not None:
            raise self._fault
        return self._guarded(lambda: self._exchange(setpoint), latch=True)

    def stop(self) -> ArmState:
        """Slow down to standstill, hold; returns when the arm stands. Outputs that do not keep go off."""
        return self._guarded(self._stop)

    def clear(self) -> None:
        """Open the port again where it was lost, look who is there, let servos forget errors whose cause is gone.

        Nothing is switched on. Raises EnvironmentMissing or Faulted when the cause is still there.
        """
        if self._port_is_gone():
            self._port.close()
            self._connect()
        self._guarded(self._clear)
        self._fault, self._enabled = None, False

    def power(self, state: Literal["off", "on"]) -> None:
        """`off`: torque away at once, wherever the arm is; one without brakes may fall. `on`: hold where it stands, as
        long as it takes until there are setpoints.
        """
        self._without_power = state == "off"
        try:
            if state == "on":
                self._guarded(self._enable)
                self._guarded(self._servos.stand_alone)
            else:
                self._guarded(self._servos.disable)
        finally:
            self._enabled = False

    def close(self) -> None:
        """Close the port. An arm that would fall keeps its torque, any other one loses it."""
        if self._wiring.on_power_removal != "falls":
            with suppress(CellctlError):
                self.power("off")
        self._port.close()

    # Link ----------------------------------------------------------------------------------------------------------

    @property
    def _port(self) -> Port:
        return self._servos.bus.port

    def _connect(self) -> None:
        """Open the port and look who is there."""
        port = self._open_port()
        self._servos = self._servos_on(port, self._wiring, self._limits)
        try:
            self._refuse_too_slow()
            self._servos.check()
        except PortLost as lost:
            port.close()
            raise Faulted(findings.lost(port.name, str(lost), self._wiring, self._last)) from None
        except CellctlError:
            port.close()
            raise

    def _refuse_too_slow(self) -> None:
        ceiling = 1.0 / self._servos.bus.wire_time(self._servos.cycle_bytes)
        if 1.0 / self._wiring.period > 0.5 * ceiling:
            raise EnvironmentMissing(findings.too_slow(self._port.name, self._wiring, ceiling))

    def _port_is_gone(self) -> bool:
        """True when the port no longer takes or gives anything."""
        try:
            self._servos.bus.answers(self._wiring.leaders[0])
        except PortLost:
            return True
        return False

    def _guarded(self, deed: Callable[[], Result], *, latch: bool = False) -> Result:
        """Do something on the bus; a lost port becomes a fault with the last pose."""
        try:
            return deed()
        except PortLost as lost:
            self._fault = Faulted(findings.lost(self._port.name, str(lost), self._wiring, self._last))
            raise self._fault from None
        except Faulted as fault:
            if latch:
                self._fault = fault
            raise

    # Cycle ---------------------------------------------------------------------------------------------------------

    def _read(self) -> ArmState:
        began = self._port.now()
        self._servos.settled()
        return self._state(began)

    def _exchange(self, setpoint: Setpoint) -> ArmState:
        if not self._enabled:
            self._take_up()
        now = self._port.now()
        gap = now - self._sent
        if gap > self._wiring.watchdog:
            raise Faulted(self._servos.paused(gap))
        goals = self._goals_of(setpoint, gap)
        elapsed = max(gap, self._wiring.period)
        self._velocity, self._command = (setpoint.joints - self._command) / elapsed, setpoint.joints
        self._goals, self._sent = goals, now
        return self._state(now, self._servos.cycle(goals))

    def _take_up(self) -> None:
        """Begin a stream of setpoints; raises Faulted X468 for an arm that was told to be without power."""
        if self._without_power:
            raise Faulted(findings.without_power())
        self._enable()

    def _enable(self) -> None:
        self._goals = self._servos.enable()
        self._servos.settled()
        self._command = self._wiring.joint_values(self._goals)
        self._velocity = np.zeros(len(self._wiring.axes))
        self._sent = self._port.now()
        self._enabled = True

    def _goals_of(self, setpoint: Setpoint, gap: float) -> dict[int, int]:
        """Raw goals by id; raises Faulted X408 for what no servo must be given."""
        goals = dict(self._goals)
        reach = min(max(gap, self._wiring.period), 2.0 * self._wiring.period) * _SPEED_SLACK
        for axis, limit, value in zip(self._wiring.axes, self._limits, setpoint.joints, strict=True):
            if not np.isfinite(value) or not limit.lower - STEP <= value <= limit.upper + STEP:
                raise Faulted(findings.too_far(self._wiring, axis.id, "leaves its limits"))
            goals[axis.id] = min(max(axis.raw(float(value)), 0), STEPS - 1)
            if abs(goals[axis.id] - self._goals[axis.id]) > reach * limit.velocity / STEP + 2.0:
                raise Faulted(findings.too_far(self._wiring, axis.id, "is too far from the one before"))
        for output in self._wiring.outputs:
            goals[output.id] = output.on if setpoint.outputs >> output.line & 1 else output.off
        return goals

    def _state(self, began: float, trouble: Finding | None = None) -> ArmState:
        """The last samples as a state; those that were taken since `began` are fresh."""
        axes, samples = self._wiring.axes, self._servos.samples
        oldest = min(samples[axis.id].time for axis in axes)
        self._last = ArmState(
            time=max(began, oldest),
            joints=frozen_array([axis.joint_value(samples[axis.id].position) for axis in axes]),
            velocities=frozen_array([axis.sign * samples[axis.id].speed for axis in axes]),
            torques=frozen_array([axis.sign * samples[axis.id].torque for axis in axes]),
            inputs=self._inputs(),
            age=max(began - oldest, 0.0),
            trouble=trouble,
        )
        return self._last

    def _inputs(self) -> int:
        """What the outputs that are servos say of themselves, once each has been asked."""
        known = self._servos.outputs
        return sum(
            output.inputs(goal=sample.goal, position=sample.position, moves=abs(sample.speed) > _OUTPUT_STILL)
            for output in self._wiring.outputs
            if (sample := known.get(output.id)) is not None and sample.goal == self._goals.get(output.id)
        )

    # Stop ----------------------------------------------------------------------------------------------------------

    def _stop(self) -> ArmState:
        """Where a servo does not answer, the last state and the trouble, once all have been told to stand."""
        moved, self._enabled = self._enabled, False
        if moved:
            self._slow_down()
        deadline = self._port.now() + _LONGEST_STOP
        try:
            if moved:
                self._servos.hold(self._goals)
                self._servos.stand_alone()
            while np.abs((state := self._read()).velocities).max() > _STILL and self._port.now() < deadline:
                self._port.wait_until(self._port.now() + self._wiring.period)
        except Faulted as fault:
            if not self._servos.samples:
                raise
            return self._state(self._port.now(), fault.findings[0])
        return state

    def _slow_down(self) -> None:
        """Goals that come to rest together, from the speed of the last setpoint; outputs as they are to be left."""
        period = self._wiring.period
        slowest = max(abs(v) / limit.acceleration for v, limit in zip(self._velocity, self._limits, strict=True))
        velocity, lower, upper = self._velocity, *self._ends()
        cycles = int(np.ceil(slowest / period))
        for left in range(cycles, 0, -1):
            self._port.wait_until(self._sent + period)
            self._command = np.clip(self._command + velocity * period * (left - 0.5) / cycles, lower, upper)
            self._tell_goals()
        self._velocity = np.zeros(len(self._wiring.axes))
        self._tell_goals()

    def _ends(self) -> tuple[FloatArray, FloatArray]:
        return np.array([x.lower for x in self._limits]), np.array([x.upper for x in self._limits])

    def _tell_goals(self) -> None:
        """Send goals without asking for anything."""
        for axis, value in zip(self._wiring.axes, self._command, strict=True):
            self._goals[axis.id] = min(max(axis.raw(float(value)), 0), STEPS - 1)
        for output in self._wiring.outputs:
            if not output.keeps:
                self._goals[output.id] = output.off
        self._sent = self._port.now()
        self._servos.tell(self._goals)

    def _clear(self) -> None:
        self._servos.forgive()
        self._servos.check()
        self._read()
