"""A `Driver` for an arm of DYNAMIXEL servos. It is switched on by its first setpoint, and never by anything else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self, TypeVar

import numpy as np

from cellctl.drivers import servo_findings as findings
from cellctl.drivers.driver import ArmIdentity, ArmSetup, ArmState, Setpoint
from cellctl.drivers.dynamixel import enabling
from cellctl.drivers.dynamixel.bus import DynamixelBus, LinkCounters
from cellctl.drivers.dynamixel.sensing import Sensing, cycle_bytes
from cellctl.drivers.port import OpenPort, PortLost
from cellctl.errors import CellctlError, EnvironmentMissing, Faulted, Finding, UsageError
from cellctl.model.pose import FloatArray, frozen_array
from cellctl.model.wires import dynamixel as wire
from cellctl.model.wires import dynamixel_registers as reg
from cellctl.model.wiring import Wiring

Result = TypeVar("Result")

_SPEED_SLACK = 1.05
_LONGEST_STOP = 1.0
_STILL = 0.03
_RESTART_TIME = 0.5
_OUTPUT_STILL = 2
"""Steps of the measured velocity (0.229 rpm) up to which an output stands."""


class DynamixelArm:
    """The servos of `wiring` behind the port that `open_port` opens, and opens again when a fault is cleared.

    Raises EnvironmentMissing when the port (E550, E551), the arm (E553, E554) or the time (E552) is not there. A fault
    stays until `clear`; until then only `read`, `stop` and `close` do something.
    """

    def __init__(self, open_port: OpenPort, wiring: Wiring, setup: ArmSetup) -> None:
        self._open_port, self._wiring, self._setup = open_port, wiring, setup
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
        return self._bus.counters

    def identify(self) -> ArmIdentity:
        """What the cell says; that this arm is the one was checked when the port was opened."""
        wiring = self._wiring
        falls = wiring.on_power_removal == "falls"
        return ArmIdentity(
            "dynamixel", self._setup.robot, self._setup.joints, wiring.period, "executor", lag=wiring.lag, falls=falls
        )

    def read(self) -> ArmState:
        """The measured state now; raises Faulted X460 or X461."""
        return self._guarded(self._read)

    def exchange(self, setpoint: Setpoint) -> ArmState:
        """One cycle. The first one switches the arm on where it stands.

        Raises Faulted X408 for a setpoint that may not be sent, X460 to X468 for what is wrong with the arm.
        """
        if self._fault is not None:
            raise self._fault
        return self._guarded(lambda: self._exchange(setpoint), latch=True)

    def stop(self) -> ArmState:
        """Slow down to standstill, hold, watchdogs off; returns when the arm stands. Outputs that do not keep
        go off.
        """
        return self._guarded(self._stop)

    def clear(self) -> None:
        """Open the port again where it was lost, look who is there, start servos anew that have latched an error.

        Nothing is switched on. Raises EnvironmentMissing or Faulted when the cause is still there.
        """
        if self._bus_is_gone():
            self._bus.port.close()
            self._connect()
        self._guarded(self._clear)
        self._fault, self._enabled = None, False

    def power(self, state: Literal["off", "on"]) -> None:
        """`off`: torque away at once, wherever the arm is; one without brakes may fall. `on`: hold where it stands."""
        self._without_power = state == "off"
        if state == "on":
            self._guarded(self._enable)
            self._guarded(lambda: enabling.disarm(self._bus, self._wiring))
            return
        self._enabled = False
        self._guarded(lambda: self._bus.tell(enabling.everything_off()))
        self._guarded(lambda: enabling.disable(self._bus, self._wiring))

    def close(self) -> None:
        """Close the port. An arm that would fall keeps its torque, any other one loses it."""
        if self._wiring.on_power_removal != "falls":
            with suppress(CellctlError):
                self.power("off")
        self._bus.port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except Faulted:
            pass
        finally:
            self.close()

    # Link ----------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Open the port and look who is there."""
        port = self._open_port()
        self._bus = DynamixelBus(port, baud=self._wiring.baud)
        try:
            self._refuse_too_slow()
            enabling.check_arm(self._bus, self._wiring, self._limits)
        except PortLost as lost:
            port.close()
            raise Faulted(findings.lost(port.name, str(lost), self._wiring, self._last)) from None
        except CellctlError:
            port.close()
            raise
        self._sensing = Sensing(self._bus, self._wiring, self._limits)

    def _refuse_too_slow(self) -> None:
        ceiling = 1.0 / self._bus.wire_time(cycle_bytes(self._wiring))
        if 1.0 / self._wiring.period > 0.5 * ceiling:
            raise EnvironmentMissing(findings.too_slow(self._bus.port.name, self._wiring, ceiling))

    def _bus_is_gone(self) -> bool:
        """True when the port no longer takes or gives anything."""
        try:
            self._bus.ping(self._wiring.leaders[0])
        except PortLost:
            return True
        return False

    def _guarded(self, deed: Callable[[], Result], *, latch: bool = False) -> Result:
        """Do something on the bus; a lost port becomes a fault with the last pose."""
        try:
            return deed()
        except PortLost as lost:
            port = self._bus.port.name
            self._fault = Faulted(findings.lost(port, str(lost), self._wiring, self._last))
            raise self._fault from None
        except Faulted as fault:
            if latch:
                self._fault = fault
            raise

    # Cycle ---------------------------------------------------------------------------------------------------------

    def _read(self) -> ArmState:
        self._sensing.settled()
        return self._state(self._sensing.complete)

    def _exchange(self, setpoint: Setpoint) -> ArmState:
        if not self._enabled:
            self._take_up()
        now = self._bus.port.now()
        gap = now - self._sent
        if gap > self._wiring.watchdog:
            raise Faulted(findings.paused(gap))
        goals = self._goals_of(setpoint, gap)
        elapsed = max(gap, self._wiring.period)
        self._velocity, self._command = (setpoint.joints - self._command) / elapsed, setpoint.joints
        trouble = self._cycle(goals)
        if self._sensing.complete >= now:
            self._sensing.check_health()
        return self._state(now, trouble)

    def _take_up(self) -> None:
        """Begin a stream of setpoints; raises Faulted X468 for an arm that was told to be without power."""
        if self._without_power:
            raise Faulted(findings.without_power())
        self._enable()

    def _enable(self) -> None:
        self._goals = enabling.enable(self._bus, self._wiring, self._limits)
        self._sensing.settled()
        self._command = self._wiring.joint_values(self._goals)
        self._sent = self._bus.port.now()
        self._enabled = True

    def _goals_of(self, setpoint: Setpoint, gap: float) -> dict[int, int]:
        """Raw goals by id; raises Faulted X408 for what no servo must be given."""
        goals = dict(self._goals)
        reach = min(max(gap, self._wiring.period), 2.0 * self._wiring.period) * _SPEED_SLACK
        for axis, limit, value in zip(self._wiring.axes, self._limits, setpoint.joints, strict=True):
            if not np.isfinite(value) or not limit.lower - reg.STEP <= value <= limit.upper + reg.STEP:
                raise Faulted(findings.too_far(self._wiring, axis.id, "leaves its limits"))
            goals[axis.id] = min(max(axis.raw(float(value)), 0), reg.STEPS - 1)
            if abs(goals[axis.id] - self._goals[axis.id]) > reach * limit.velocity / reg.STEP + 2.0:
                raise Faulted(findings.too_far(self._wiring, axis.id, "is too far from the one before"))
        for output in self._wiring.outputs:
            goals[output.id] = output.on if setpoint.outputs >> output.line & 1 else output.off
        return goals

    def _cycle(self, goals: dict[int, int]) -> Finding | None:
        """Send goals once, read back what they have come to."""
        self._goals = goals
        self._sent = self._bus.port.now()
        packet = wire.sync_write(
            reg.GOAL_POSITION.address, {id: reg.GOAL_POSITION.pack(goal) for id, goal in goals.items()}
        )
        return self._sensing.cycle(packet, goals)

    def _state(self, now: float, trouble: Finding | None = None) -> ArmState:
        """The last samples as a state at `now`."""
        samples, axes = self._sensing.samples, self._wiring.axes
        models = [reg.MODELS[axis.model] for axis in axes]
        speeds = [axis.sign * samples[axis.id].velocity * reg.SPEED_STEP for axis in axes]
        torques = [
            axis.sign * samples[axis.id].current * model.current_step * model.torque_per_ampere
            for axis, model in zip(axes, models, strict=True)
        ]
        oldest = min(samples[axis.id].time for axis in axes)
        self._last = ArmState(
            time=max(now, oldest),
            joints=frozen_array(self._wiring.joint_values({id: s.position for id, s in samples.items()})),
            velocities=frozen_array(speeds),
            torques=frozen_array(torques),
            inputs=self._inputs(),
            age=max(now - oldest, 0.0),
            trouble=trouble,
        )
        return self._last

    def _inputs(self) -> int:
        """What the outputs that are servos say of themselves, once each has been asked."""
        known = self._sensing.outputs
        return sum(
            output.inputs(goal=sample.goal, position=sample.position, moves=abs(sample.velocity) > _OUTPUT_STILL)
            for output in self._wiring.outputs
            if (sample := known.get(output.id)) is not None and sample.goal == self._goals.get(output.id)
        )

    # Stop ----------------------------------------------------------------------------------------------------------

    def _stop(self) -> ArmState:
        """Where a servo does not answer, the last state and the trouble, once all have been told to stand."""
        if self._enabled:
            self._enabled = False
            self._slow_down()
            enabling.disarm(self._bus, self._wiring)
        deadline = self._bus.port.now() + _LONGEST_STOP
        try:
            while np.abs((state := self._read()).velocities).max() > _STILL and self._bus.port.now() < deadline:
                self._bus.port.wait_until(self._bus.port.now() + self._wiring.period)
        except Faulted as fault:
            if not self._sensing.samples:
                raise
            return self._state(self._bus.port.now(), fault.findings[0])
        return state

    def _slow_down(self) -> None:
        """Goals that come to rest together, from the speed of the last setpoint; outputs as they are to be left."""
        period = self._wiring.period
        slowest = max(abs(v) / limit.acceleration for v, limit in zip(self._velocity, self._limits, strict=True))
        velocity, lower, upper = self._velocity, *self._ends()
        cycles = int(np.ceil(slowest / period))
        for left in range(cycles, 0, -1):
            self._bus.port.wait_until(self._sent + period)
            self._command = np.clip(self._command + velocity * period * (left - 0.5) / cycles, lower, upper)
            self._tell_goals()
        self._velocity = np.zeros(len(self._wiring.axes))
        self._tell_goals()

    def _ends(self) -> tuple[FloatArray, FloatArray]:
        return np.array([x.lower for x in self._limits]), np.array([x.upper for x in self._limits])

    def _tell_goals(self) -> None:
        """Send goals without asking for anything."""
        for axis, value in zip(self._wiring.axes, self._command, strict=True):
            self._goals[axis.id] = min(max(axis.raw(float(value)), 0), reg.STEPS - 1)
        for output in self._wiring.outputs:
            if not output.keeps:
                self._goals[output.id] = output.off
        self._sent = self._bus.port.now()
        self._bus.write_all(reg.GOAL_POSITION, self._goals)

    def _clear(self) -> None:
        """Servos with a latched error are started anew; a watchdog that has stopped its servo is taken back."""
        bus, wiring = self._bus, self._wiring
        if enabling.restart_failed(bus, wiring):
            bus.port.wait_until(bus.port.now() + _RESTART_TIME)
        enabling.disarm(bus, wiring)
        enabling.check_arm(bus, wiring, self._limits)
        for id in sorted(wiring.models):
            reply = bus.read(id, reg.HARDWARE_ERROR.address, reg.HARDWARE_ERROR.size)
            enabling.check_alert(bus, wiring, id, alert=reply is not None and reply.alert)
        self._read()


def open_dynamixel_arm(port: str, setup: ArmSetup) -> DynamixelArm:
    """The arm at the serial port `port`, wired as its wiring file says; raises FileError, UsageError or
    EnvironmentMissing.
    """
    from cellctl.drivers.serial_port import SerialPort
    from cellctl.files import load_wiring

    wiring = load_wiring(setup.wiring or setup.robot)
    if wiring.protocol != "dynamixel" or wiring.joints != setup.joints:
        message = f"the wiring '{wiring.name}' is one of {wiring.protocol} servos for {', '.join(wiring.joints)}"
        hint = f"this arm needs dynamixel servos for {', '.join(setup.joints)}"
        raise UsageError(Finding("U646", message, suggestion=hint))
    return DynamixelArm(lambda: SerialPort(port, baud=wiring.baud), wiring, setup)
