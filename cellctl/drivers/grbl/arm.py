"""A `WaypointArm` for an arm on a GRBL 1.1 or grblHAL controller. It tells first what the firmware will do with
waypoints.

A feed hold leaves outputs as they are, so wherever one is on, a hold is the `safety door` that switches it off; and
since resuming would switch it on again, a motion that was interrupted so is not resumed.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress

import numpy as np

from cellctl.drivers.driver import ArmSetup, ArmState
from cellctl.drivers.grbl import findings
from cellctl.drivers.grbl.link import GrblLink, LinkCounters
from cellctl.drivers.grbl.settings import AT_REST, settings_of
from cellctl.drivers.grbl.stream import Stream
from cellctl.drivers.port import OpenPort, Port, PortLost
from cellctl.drivers.waypoint_arm import FollowedMotion, WaypointArm
from cellctl.errors import Faulted, Finding, UsageError
from cellctl.kinematics.lookahead import followed
from cellctl.model.gcode_wiring import GcodeWiring
from cellctl.model.pose import FloatArray
from cellctl.model.wires import gcode
from cellctl.model.wires.gcode import Alarm, Banner, Ok, Refused, Status

_HELD = (("Hold", 0), ("Door", 0), ("Door", 1))
"""States in which a motion was interrupted and the machine stands; Door:1 is a door that is still open."""
_LONGEST_STOP = 5.0
_LONGEST_HOMING = 60.0
_LISTENING = 0.1
_AT = np.radians(0.02)
"""rad within which the arm stands where it was told to."""


class GrblArm(WaypointArm):
    """An arm on a G-code controller, whose axes lie as `wiring` says.

    Opening a port may restart the board, so the arm has to be homed first, or its position vouched for. Raises
    EnvironmentMissing when the port (E550, E551) or the controller (E560, E561) is not there.
    """

    protocol = "grbl"

    def __init__(self, open_port: OpenPort, wiring: GcodeWiring, setup: ArmSetup) -> None:
        self._wiring, self.period = wiring, wiring.status_period
        self._homed = self._moves = False
        self._outputs = 0
        self._stream: Stream | None = None
        super().__init__(open_port, setup)

    @property
    def port(self) -> Port:
        """The port that is open."""
        return self._link.port

    @property
    def counters(self) -> LinkCounters:
        """What happened on the link since it was opened."""
        return self._link.counters

    @property
    def referenced(self) -> bool:
        """Whether the controller was homed, or its position vouched for, since the port was opened."""
        return self._homed

    def home(self) -> ArmState:
        """Let the controller find its reference; the arm moves. Raises Faulted X473 when it does not."""
        for _ in self.homing():
            pass
        return self.read()

    def homing(self) -> Generator[None, None, None]:
        """The same, a tenth of a second at a time. Closing the generator resets the controller at once."""
        self._demand_no_fault()
        self._homed, ended = False, False
        try:
            self._guarded(lambda: self._link.send("$H"))
            end = self._link.port.now() + _LONGEST_HOMING
            while self._link.port.now() < end:
                heard = self._guarded(lambda: self._link.hear(self._link.port.now() + _LISTENING))
                answers = [reply for reply, _ in heard if isinstance(reply, Ok | Refused | Alarm | Banner)]
                ended = bool(answers)
                if answers and not isinstance(answers[0], Ok):
                    raise self._worded(answers[0], "$H")
                if ended:
                    self._homed = True
                    return
                yield
            raise self._worded(None, "$H")
        finally:
            if not ended:
                with suppress(PortLost):
                    self._link.act(gcode.SOFT_RESET)
            self._link.forget()

    def assume_position(self) -> None:
        """Vouch for the position that the controller counts, and unlock it; moves nothing."""
        self._guarded(self._unlock)
        self._homed = True

    def sayable(self, joints: FloatArray) -> FloatArray:
        """Joint values (..., dof), rad, to the three decimals of a line."""
        return self._wiring.joint_values(self._coordinates(joints))

    def _spoken(self, durations: FloatArray) -> FloatArray:
        """Times (n,), s, as their lines say them."""
        try:
            return np.array([gcode.spoken_duration(float(duration)) for duration in durations])
        except ValueError as error:
            raise UsageError(self._impossible(str(error))) from None

    def _coordinates(self, joints: FloatArray) -> FloatArray:
        result: FloatArray = np.round(self._wiring.machine_values(np.asarray(joints, dtype=np.float64)), 3)
        return result

    def follow(self, waypoints: FloatArray, durations: FloatArray) -> FollowedMotion:
        """What the firmware will do with `waypoints` (n + 1, dof), rad, whose lines shall take `durations` (n,), s.

        Coordinates are rounded as the lines say them, and limits are those of the controller. Raises UsageError X478
        for waypoints that it cannot be given.
        """
        machine = self._coordinates(waypoints)
        outside = np.zeros(machine.shape, dtype=np.bool_)
        if (travel := self._settings.travel) is not None:
            outside = (machine > 0.0) | (machine < -travel)
        self._demand_possible(machine, np.asarray(durations), outside, "the travel that the controller has for")
        durations = self._spoken(durations)
        commands = tuple(
            gcode.straight_move(target, duration=float(duration))
            for target, duration in zip(machine[1:], durations, strict=True)
        )
        motion = followed(self._wiring.joint_values(machine), durations, self._settings.limits)
        return FollowedMotion(motion, commands)

    def run(self, followed: FollowedMotion) -> Generator[ArmState, None, None]:
        """Do it, giving the measured state as it comes. Closing the generator stops the arm.

        Raises Faulted X471 to X478 for what goes wrong; the arm holds then, and the process is off.
        """
        self._demand_no_fault()
        self._demand_ready(followed)
        self._stream = Stream(self._link, self._wiring, followed, self._lost)
        self._moves = True
        try:
            for status in self._stream.statuses():
                yield self._state(status)
            self._moves = False
        except (Faulted, PortLost) as error:
            self._fault = error if isinstance(error, Faulted) else self._lost(str(error))
            self._homed = self._homed and bool(self._fault.findings[0].data.get("position_kept", True))
            with suppress(PortLost):
                self._link.insist(self._halting, until=(*AT_REST, "Hold", "Door"))
            raise self._fault from None
        finally:
            if self._moves and self._fault is None:
                self.stop()

    def hold(self) -> None:
        """Decelerate on the path and stand; outputs go off."""
        self._guarded(self._halt)
        if self._stream is not None:
            self._stream.held = True

    def resume(self) -> None:
        """Go on from a hold; raises Faulted X476 where an output was on."""
        if self._outputs:
            what = "an output was on when the motion was held; it is not switched on again"
            raise Faulted(findings.may_not_go_on(what))
        self._guarded(lambda: self._link.act(gcode.RESUME))
        if self._stream is not None:
            self._stream.held = False

    def switch(self, outputs: int) -> None:
        """Set the digital outputs, as bits, while the arm stands; raises Faulted X472 when the controller refuses."""
        self._demand_no_fault()
        self._guarded(lambda: self._switch(outputs))

    # Link ---------------------------------------------------------------------------------------------------------

    def _attach(self, port: Port) -> None:
        self._link = GrblLink(port)
        self._homed = False
        self._settings = settings_of(self._link, self._wiring)
        self._link.room = self._settings.room

    def _answers(self) -> bool:
        return self._link.status() is not None

    def _status(self) -> Status:
        status = self._link.status(len(self._setup.joints))
        if status is None:
            raise self._lost("it does not answer")
        return status

    def _lost(self, why: str) -> Faulted:
        self._homed = False
        return Faulted(findings.lost(self._link.port.name, why, self._setup.joints, self._last))

    def _impossible(self, what: str) -> Finding:
        return findings.not_possible(what)

    def _read(self) -> ArmState:
        return self._state(self._status())

    def _state(self, status: Status) -> ArmState:
        joints = self._wiring.joint_values(np.array(status.position))
        before = None if self._last is None else (self._last.time, self._last.joints)
        return self._measured(self._link.port.now(), joints, before)

    # Deeds --------------------------------------------------------------------------------------------------------

    def _demand_ready(self, followed: FollowedMotion) -> None:
        """The arm is homed, at rest, and stands where the motion begins."""
        self.demand_reference()
        status = self._guarded(self._status)
        if status.state != "Idle":
            raise Faulted(findings.may_not_go_on(f"the controller is in the state {status.state}"))
        off = np.abs(self._state(status).joints - followed.motion.waypoints[0])
        if off.max() > _AT:
            joint = self._setup.joints[int(np.argmax(off))]
            raise Faulted(findings.off_path(joint, float(off.max())))

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

    @property
    def _halting(self) -> bytes:
        """What makes it stand with every output off."""
        return gcode.SAFETY_DOOR if self._outputs else gcode.FEED_HOLD

    def _halt(self) -> None:
        self._link.act(self._halting)

    def _stop(self) -> ArmState:
        """Hold, wait for standstill, then empty the controller's buffers by a reset, which keeps the position now."""
        status = self._status()
        if status.state not in AT_REST or self._link.unanswered:
            self._halt()
            end = self._link.port.now() + _LONGEST_STOP
            while not _stands(status):
                if self._link.port.now() > end:
                    raise self._lost("it does not come to rest")
                self._link.port.wait_until(self._link.port.now() + 0.02)
                status = self._status()
                if status.state not in ("Hold", "Door"):
                    self._halt()
            self._reset()
        elif self._outputs:
            self._switch(0)
        self._moves, self._outputs = False, 0
        return self._state(self._status())

    def _cut(self) -> None:
        """A reset, which stands still at once; an arm that moved no longer knows where it is."""
        self._link.act(gcode.SOFT_RESET)
        self._await_banner()
        self._moves = False
        self._homed = self._homed and self._status().state != "Alarm"

    def _clear(self) -> None:
        self._reset()

    def _reset(self) -> None:
        """Start the controller's program anew, at rest: buffers empty, outputs off."""
        status = self._status()
        if not _stands(status):
            raise Faulted(findings.may_not_go_on(f"the controller is in the state {status.state}"))
        self._link.act(gcode.SOFT_RESET)
        self._await_banner()

    def _await_banner(self) -> None:
        end = self._link.port.now() + 2.0
        while self._link.port.now() < end:
            if any(isinstance(reply, Banner) for reply, _ in self._link.hear(end)):
                break
        self._link.forget()
        self._outputs = 0


def _stands(status: Status) -> bool:
    """True when the machine stands and what it was doing can be forgotten without losing the position."""
    return status.state in AT_REST or (status.state, status.substate or 0) in _HELD
