"""A `WaypointDriver` for an arm on a GRBL 1.1 or grblHAL controller. It tells first what the firmware will do with
waypoints.

A feed hold leaves outputs as they are, so wherever one is on, a hold is the `safety door` that switches it off; and
since resuming would switch it on again, a motion that was interrupted so is not resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from cellctl.drivers.driver import ArmIdentity, ArmSetup, ArmState
from cellctl.drivers.grbl import findings
from cellctl.drivers.grbl.link import GrblLink, LinkCounters
from cellctl.drivers.grbl.stream import Stream
from cellctl.drivers.port import OpenPort, PortLost
from cellctl.drivers.waypoints import FollowedMotion
from cellctl.errors import CellctlError, EnvironmentMissing, Faulted, UsageError
from cellctl.kinematics.lookahead import FirmwareLimits, followed
from cellctl.model.gcode_wiring import GcodeWiring
from cellctl.model.pose import FloatArray, frozen_array
from cellctl.model.wires import gcode
from cellctl.model.wires.gcode import Alarm, Banner, Ok, Refused, Status

Result = TypeVar("Result")

_AT_REST = ("Idle", "Alarm", "Check", "Sleep")
_HELD = (("Hold", 0), ("Door", 0), ("Door", 1))
"""States in which a motion was interrupted and the machine stands; Door:1 is a door that is still open."""
_LONGEST_STOP = 5.0
_LONGEST_HOMING = 60.0
_AT = np.radians(0.02)
"""rad within which the arm stands where it was told to."""


class GrblArm:
    """The controller behind the port that `open_port` opens, and opens again when a fault is cleared.

    Opening a port may restart the board, so the arm has to be homed first, or its position vouched for. Raises
    EnvironmentMissing when the port (E550, E551) or the controller (E560, E561) is not there.
    """

    def __init__(self, open_port: OpenPort, wiring: GcodeWiring, setup: ArmSetup) -> None:
        self._open_port, self._wiring, self._setup = open_port, wiring, setup
        self._fault: Faulted | None = None
        self._homed = self._moves = False
        self._outputs = 0
        self._last: ArmState | None = None
        self._connect()

    @property
    def counters(self) -> LinkCounters:
        """What happened on the link since it was opened."""
        return self._link.counters

    def identify(self) -> ArmIdentity:
        """What the cell says; that the controller fits was checked when the port was opened."""
        return ArmIdentity("grbl", self._setup.robot, self._setup.joints, self._wiring.status_period, "arm")

    def read(self) -> ArmState:
        """Where the controller counts itself to be; raises Faulted X471."""
        return self._guarded(lambda: self._state(self._status()))

    def home(self) -> ArmState:
        """Let the controller find its reference; the arm moves. Raises Faulted X473 when it does not."""
        self._demand_no_fault()
        return self._guarded(self._home)

    def assume_position(self) -> None:
        """Vouch for the position that the controller counts, and unlock it; moves nothing."""
        self._guarded(self._unlock)
        self._homed = True

    def follow(self, waypoints: FloatArray, durations: FloatArray) -> FollowedMotion:
        """What the firmware will do with `waypoints` (n + 1, dof), rad, whose lines shall take `durations` (n,), s.

        Coordinates are rounded as the lines say them, and limits are those of the controller. Raises UsageError X478
        for waypoints that it cannot be given.
        """
        machine = np.round(self._wiring.machine_values(np.asarray(waypoints, dtype=np.float64)), 3)
        self._demand_possible(machine, durations)
        commands = tuple(
            gcode.straight_move(target, duration=float(duration))
            for target, duration in zip(machine[1:], durations, strict=True)
        )
        motion = followed(self._wiring.joint_values(machine), np.asarray(durations), self._limits)
        return FollowedMotion(motion, commands)

    def run(self, followed: FollowedMotion) -> Iterator[ArmState]:
        """Do it, giving the measured state as it comes. Closing the iterator stops the arm.

        Raises Faulted X471 to X478 for what goes wrong; the arm holds then, and the process is off.
        """
        self._demand_no_fault()
        self._demand_ready(followed)
        stream = Stream(self._link, self._wiring, followed, self._lost)
        self._moves = True
        try:
            for status in stream.statuses():
                yield self._state(status)
            self._moves = False
        except (Faulted, PortLost) as error:
            self._fault = error if isinstance(error, Faulted) else self._lost(str(error))
            self._homed = self._homed and bool(self._fault.findings[0].data.get("position_kept", True))
            with suppress(PortLost):
                self._halt()
            raise self._fault from None
        finally:
            if self._moves and self._fault is None:
                self.stop()

    def hold(self) -> None:
        """Decelerate on the path and stand; outputs go off."""
        self._guarded(self._halt)

    def resume(self) -> None:
        """Go on from a hold; raises Faulted X476 where an output was on."""
        if self._outputs:
            what = "an output was on when the motion was held; it is not switched on again"
            raise Faulted(findings.may_not_go_on(what))
        self._guarded(lambda: self._link.act(gcode.RESUME))

    def switch(self, outputs: int) -> None:
        """Set the digital outputs, as bits, while the arm stands; raises Faulted X472 when the controller refuses."""
        self._demand_no_fault()
        self._guarded(lambda: self._switch(outputs))

    def stop(self) -> ArmState:
        """Decelerate to standstill on the path, outputs off, forget what is left; returns when the arm stands."""
        return self._guarded(self._stop)

    def clear(self) -> None:
        """Open the port again where it was lost, or reset a controller that has locked itself; moves nothing.

        Where the position was lost, the arm has to be homed afterwards.
        """
        if self._port_is_gone():
            self._link.port.close()
            self._connect()
        self._guarded(self._reset)
        self._fault = None

    def close(self) -> None:
        """Close the port; the controller keeps its motors as it is set."""
        self._link.port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except CellctlError:
            pass
        finally:
            self.close()

    # Link ----------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        port = self._open_port()
        self._link = GrblLink(port)
        self._homed = False
        try:
            self._look()
        except PortLost as lost:
            port.close()
            raise self._lost(str(lost)) from None
        except CellctlError:
            port.close()
            raise

    def _look(self) -> None:
        """Who is there, and how is it set?"""
        name, axes = self._link.port.name, len(self._wiring.axes)
        status = self._link.status()
        if status is None:
            raise EnvironmentMissing(findings.no_answer(name, self._wiring.baud))
        if len(status.position) != axes:
            raise EnvironmentMissing(findings.unfit(name, f"it has {len(status.position)} axes, the arm {axes}"))
        if status.state not in _AT_REST:
            raise EnvironmentMissing(findings.unfit(name, f"it is in the state {status.state}; let it come to rest"))
        self._link.room = (self._link.buffer_size() or gcode.LONGEST_LINE + 1) - 1
        table = self._link.settings()
        wanted = [base + k for base in (110, 120, 130) for k in range(axes)]
        missing = [number for number in (11, *wanted) if number not in table]
        if missing:
            raise EnvironmentMissing(findings.unfit(name, f"it does not tell its setting ${missing[0]}"))
        rate, acceleration, travel = (np.array([table[b + k] for k in range(axes)]) for b in (110, 120, 130))
        self._limits = FirmwareLimits(np.radians(rate) / 60.0, np.radians(acceleration), float(np.radians(table[11])))
        self._travel = travel if table.get(20) else None

    def _port_is_gone(self) -> bool:
        """True when the port no longer takes or gives anything."""
        try:
            return self._link.status() is None
        except PortLost:
            return True

    def _status(self) -> Status:
        status = self._link.status()
        if status is None:
            raise self._lost("it does not answer")
        return status

    def _lost(self, why: str) -> Faulted:
        self._homed = False
        return Faulted(findings.lost(self._link.port.name, why, self._setup.joints, self._last))

    def _guarded(self, deed: Callable[[], Result]) -> Result:
        """Do something on the link; a lost port becomes a fault with the last pose."""
        try:
            return deed()
        except PortLost as lost:
            self._fault = self._lost(str(lost))
            raise self._fault from None

    def _state(self, status: Status) -> ArmState:
        now = self._link.port.now()
        joints = self._wiring.joint_values(np.array(status.position))
        last, still = self._last, np.zeros(len(joints))
        elapsed = now - last.time if last is not None else 0.0
        velocities = (joints - last.joints) / elapsed if last is not None and elapsed > 0.0 else still
        self._last = ArmState(now, frozen_array(joints), frozen_array(velocities), frozen_array(still), inputs=0)
        return self._last

    # What must hold ------------------------------------------------------------------------------------------------

    def _demand_no_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _demand_possible(self, machine: FloatArray, durations: FloatArray) -> None:
        if machine.ndim != 2 or len(machine) != len(durations) + 1 or len(machine) < 2:
            raise UsageError(findings.not_possible("a motion needs a start and at least one more waypoint"))
        if not np.isfinite(machine).all() or not (np.asarray(durations) > 0.0).all():
            raise UsageError(findings.not_possible("waypoints must be finite and times above 0"))
        if not np.abs(np.diff(machine, axis=0)).max(axis=1).all():
            raise UsageError(findings.not_possible("two waypoints in a row are the same"))
        if self._travel is None:
            return
        outside = ((machine > 0.0) | (machine < -self._travel)).any(axis=0)
        if outside.any():
            joint = self._setup.joints[int(np.argmax(outside))]
            what = f"a waypoint is outside the travel that the controller has for {joint}"
            raise UsageError(findings.not_possible(what))

    def _demand_ready(self, followed: FollowedMotion) -> None:
        """The arm is homed, at rest, and stands where the motion begins."""
        if not self._homed:
            raise Faulted(findings.not_homed())
        status = self._guarded(self._status)
        if status.state != "Idle":
            raise Faulted(findings.may_not_go_on(f"the controller is in the state {status.state}"))
        off = np.abs(self._state(status).joints - followed.motion.waypoints[0])
        if off.max() > _AT:
            joint = self._setup.joints[int(np.argmax(off))]
            raise Faulted(findings.off_path(joint, float(off.max())))

    # Deeds ---------------------------------------------------------------------------------------------------------

    def _home(self) -> ArmState:
        answer, _ = self._link.ask("$H", patience=_LONGEST_HOMING)
        if not isinstance(answer, Ok):
            raise self._worded(answer, "$H")
        self._homed = True
        return self._state(self._status())

    def _unlock(self) -> None:
        if self._status().state == "Alarm":
            self._demand_ok("$X")

    def _switch(self, outputs: int) -> None:
        for output in self._wiring.outputs:
            self._demand_ok(f"M{output.on if outputs >> output.line & 1 else output.off}")
        self._outputs = outputs

    def _demand_ok(self, line: str) -> None:
        answer, _ = self._link.ask(line)
        if not isinstance(answer, Ok):
            raise self._worded(answer, line)

    def _worded(self, answer: object, line: str) -> Faulted:
        """The fault that an answer other than ok is."""
        match answer:
            case Refused(number):
                return Faulted(findings.refused(line, number))
            case Alarm(number):
                self._homed = self._homed and number in gcode.POSITION_KEPT
                return Faulted(findings.alarmed(number))
            case Banner():
                self._homed = False
                return Faulted(findings.restarted())
            case _:
                return Faulted(findings.out_of_step(f"no answer to '{line}'"))

    def _halt(self) -> None:
        """Stand, with every output off."""
        self._link.act(gcode.SAFETY_DOOR if self._outputs else gcode.FEED_HOLD)

    def _stop(self) -> ArmState:
        """Hold, wait for standstill, then empty the controller's buffers by a reset, which keeps the position now."""
        status = self._status()
        if status.state not in _AT_REST or self._link.unanswered:
            self._halt()
            end = self._link.port.now() + _LONGEST_STOP
            while not _stands(status):
                if self._link.port.now() > end:
                    raise self._lost("it does not come to rest")
                self._link.port.wait_until(self._link.port.now() + 0.02)
                status = self._status()
            self._reset()
        elif self._outputs:
            self._switch(0)
        self._moves, self._outputs = False, 0
        return self._state(self._status())

    def _reset(self) -> None:
        """Start the controller's program anew, at rest: buffers empty, outputs off."""
        status = self._status()
        if not _stands(status):
            raise Faulted(findings.may_not_go_on(f"the controller is in the state {status.state}"))
        self._link.act(gcode.SOFT_RESET)
        end = self._link.port.now() + 2.0
        while self._link.port.now() < end:
            if any(isinstance(reply, Banner) for reply, _ in self._link.hear(end)):
                break
        self._link.forget()
        self._outputs = 0


def _stands(status: Status) -> bool:
    """True when the machine stands and what it was doing can be forgotten without losing the position."""
    return status.state in _AT_REST or (status.state, status.substate or 0) in _HELD
