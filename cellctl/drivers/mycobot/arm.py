"""A `WaypointArm` for myCobot arms: from waypoint to waypoint, at rest at each. It tells first what it will do.

Frames have no checksum, so an angle counts only when the joint may be there and can have got there; the vendor's own
library returned 326 deg for -40 deg after one wrong byte. An order to move is sent once and never again: the next thing
that is looked at is where the arm goes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress

import numpy as np

from cellctl.drivers.driver import ArmSetup, ArmState
from cellctl.drivers.mycobot import findings
from cellctl.drivers.mycobot.link import LinkCounters, MycobotLink
from cellctl.drivers.port import OpenPort, Port
from cellctl.drivers.waypoint_arm import FollowedMotion, WaypointArm, demand_awake
from cellctl.errors import CellctlError, EnvironmentMissing, Faulted, Finding, UsageError
from cellctl.kinematics.lookahead import FirmwareLimits, followed
from cellctl.model.polyline_motion import PolylineMotion
from cellctl.model.pose import FloatArray
from cellctl.model.wires import mycobot as wire
from cellctl.model.wires.mycobot import Command, Frame

PERIOD = 0.1
_LOOKS = 3
_FRESH = 0.5
"""s after which a measured place no longer says where the arm can be."""
_SPEED_ROOM, _ROOM = 1.3, np.radians(1.0)
_AT = np.radians(0.5)
_OFF_LINE = np.radians(5.0)
_OVERTIME = 2.0
_STILL = np.radians(0.3)
_LONGEST_STOP = 3.0
_ROUNDING = 1e-6
_MOVED, _STUCK = np.radians(0.2), 1.0
"""rad that a joint has to move within so many s, while it is not there."""


class MycobotWaypointArm(WaypointArm):
    """Joint values are what the arm calls its angles. Raises EnvironmentMissing when the port (E550, E551) or the arm
    (E572) is not there.
    """

    protocol = "mycobot"
    period = PERIOD

    def __init__(self, open_port: OpenPort, setup: ArmSetup) -> None:
        limits = setup.limits
        self._lower = np.array([limit.lower for limit in limits])
        self._upper = np.array([limit.upper for limit in limits])
        self._top = np.array([limit.velocity for limit in limits])
        self._acceleration = np.array([limit.acceleration for limit in limits])
        self._held = False
        super().__init__(open_port, setup)

    @property
    def port(self) -> Port:
        """The port that is open."""
        return self._link.port

    @property
    def counters(self) -> LinkCounters:
        """What happened on the link since it was opened."""
        return self._link.counters

    def sayable(self, joints: FloatArray) -> FloatArray:
        """Joint values (..., dof), rad, to the hundredth of a degree."""
        result: FloatArray = np.radians(np.round(np.degrees(np.asarray(joints, dtype=np.float64)), 2))
        return result

    def follow(self, waypoints: FloatArray, durations: FloatArray) -> FollowedMotion:
        """What the arm will do with `waypoints` (n + 1, dof), rad, whose lines shall take at least `durations` (n,), s.

        Each line begins and ends at rest. The shape of the speed in between is an assumption, since the firmware's is
        not published; that the joints stay near the line is watched while they move. Raises UsageError X488.
        """
        points = self.sayable(waypoints)
        outside = (points < self._lower - 1e-4) | (points > self._upper + 1e-4)
        self._demand_possible(points, np.asarray(durations), outside, "the limits of")
        steps = np.abs(np.diff(points, axis=0))
        shares = [self._share(step, float(time)) for step, time in zip(steps, durations, strict=True)]
        motions = [self._line(points[k : k + 2], share) for k, share in enumerate(shares)]
        commands = tuple(
            wire.encode(wire.send_angles(np.degrees(point), share)).hex(" ")
            for point, share in zip(points[1:], shares, strict=True)
        )
        return FollowedMotion(_joined(points, motions), commands)

    def run(self, followed: FollowedMotion) -> Generator[ArmState, None, None]:
        """Do it, giving the measured state as it comes. Closing the generator stops the arm.

        Raises Faulted X484 to X487 for what goes wrong; the arm was told to stop then.
        """
        self._demand_no_fault()
        ended = False
        try:
            self._guarded(lambda: self._begin(followed))
            yield self.read()
            times = followed.motion.times_of_waypoints()
            for k, command in enumerate(followed.commands):
                while self._held:
                    yield self.look()
                yield from self._go(followed.motion.waypoints[k : k + 2], command, float(times[k + 1] - times[k]))
            ended = True
        except Faulted as fault:
            self._fault = fault
            raise
        finally:
            if not ended:
                with suppress(CellctlError):
                    self.stop()

    @property
    def referenced(self) -> bool:
        """Its encoders are absolute."""
        return True

    def homing(self) -> Generator[None, None, None]:
        """There is nothing to find: raises UsageError X488."""
        raise UsageError(findings.not_possible("this arm knows where it is and has no reference to find"))

    def assume_position(self) -> None:
        """It knows by itself where it is."""

    def hold(self) -> None:
        """Slow down on the line and stand."""
        self._guarded(lambda: self._link.tell(Frame(Command.PAUSE)))
        self._held = True

    def resume(self) -> None:
        """Go on along the line."""
        self._guarded(lambda: self._link.tell(Frame(Command.RESUME)))
        self._held = False

    def switch(self, outputs: int) -> None:
        """There are no outputs: raises UsageError X488 for any that shall be on."""
        if outputs:
            raise UsageError(findings.not_possible("this arm has no digital outputs"))

    # Link ---------------------------------------------------------------------------------------------------------

    def _attach(self, port: Port) -> None:
        self._link = MycobotLink(port)
        if self._link.angles() is None or len(self._setup.joints) != wire.JOINTS:
            raise EnvironmentMissing(findings.no_answer(port.name, len(self._setup.joints)))

    def _answers(self) -> bool:
        """A controller that is only silent is asked on."""
        self._link.number(Command.IS_POWERED)
        return True

    def _lost(self, why: str) -> Faulted:
        return Faulted(findings.lost(self._link.port.name, why, self._setup.joints, self._last))

    def _impossible(self, what: str) -> Finding:
        return findings.not_possible(what)

    # Measuring -----------------------------------------------------------------------------------------------------

    def _read(self) -> ArmState:
        """A place that the joints may be in and can have got to; where nothing fresh is known, two looks must agree."""
        candidate: tuple[float, FloatArray] | None = None
        known = self._last is not None and self._link.port.now() - self._last.time < _FRESH
        if self._last is not None and known:
            candidate = (self._last.time, self._last.joints)
        worst = 0
        for _ in range(_LOOKS + (not known)):
            angles = self._link.angles()
            if angles is None:
                raise self._lost("it does not answer")
            now, joints = self._link.port.now(), np.radians(angles)
            before, candidate = candidate, candidate or (now, joints)
            if before is None:
                continue
            off = self._excess(before, now, joints)
            if off.max() <= 0.0:
                return self._measured(now, joints, before)
            self._link.counters.strange += 1
            worst = int(np.argmax(off))
            candidate = before if known else (now, joints)
        raise Faulted(findings.implausible(self._setup.joints[worst]))

    def _excess(self, before: tuple[float, FloatArray], now: float, joints: FloatArray) -> FloatArray:
        """By how much each joint is further than it can be, rad; not above 0 where all is well."""
        moved = np.abs(joints - before[1]) - _SPEED_ROOM * self._top * max(now - before[0], 0.0) - _ROOM
        outside = np.maximum(self._lower - joints, joints - self._upper) - _ROOM
        result: FloatArray = np.maximum(moved, outside)
        return result

    # What must hold ------------------------------------------------------------------------------------------------

    def _share(self, step: FloatArray, duration: float) -> int:
        """The speed, percent, at which a line takes no less than its time."""
        return int(np.clip(100.0 * (step / (self._top * duration)).max() + _ROUNDING, 1, 100))

    def _line(self, points: FloatArray, share: int) -> PolylineMotion:
        limits = FirmwareLimits(self._top * share / 100.0, self._acceleration, junction_deviation=0.0)
        return followed(points, np.array([1e-9]), limits)

    def _begin(self, followed: FollowedMotion) -> None:
        """The arm stands at the start without an error; then torque on where it stands."""
        self._demand_no_error()
        off = np.abs(self._read().joints - followed.motion.waypoints[0])
        if off.max() > _AT:
            raise Faulted(findings.off_line(self._setup.joints[int(np.argmax(off))], float(off.max())))
        if self._link.number(Command.IS_POWERED) != 1:
            self._link.tell(Frame(Command.POWER_ON))
            if self._link.number(Command.IS_POWERED) != 1:
                raise Faulted(findings.not_powered())
        self._link.tell(Frame(Command.FRESH_MODE, b"\x01"))

    def _demand_powered(self) -> None:
        """Raise Faulted X486 where the motors have lost their power; what has no checksum has to be told twice."""
        if all(self._link.number(Command.IS_POWERED) == 0 for _ in range(2)):
            raise Faulted(findings.not_powered())

    def _demand_no_error(self) -> None:
        number = self._link.number(Command.ERROR)
        if number is None:
            raise self._lost("it does not answer")
        if number:
            raise Faulted(findings.reported(number))

    # Deeds ---------------------------------------------------------------------------------------------------------

    def _go(self, line: FloatArray, command: str, duration: float) -> Iterator[ArmState]:
        """One line: told once, then watched until the arm stands at its end."""
        port = self._link.port
        (frame,) = wire.Decoder().feed(bytes.fromhex(command))
        self._guarded(lambda: self._link.tell(frame))
        deadline = port.now() + 1.5 * duration + _OVERTIME
        look = before = moved = port.now()
        there, checks = line[0], deque((self._demand_no_error, self._demand_powered))
        while True:
            state = self._guarded(self._read)
            self._watch(line, state.joints)
            yield state
            demand_awake(port.now() - state.time)
            checks.rotate()
            self._guarded(checks[0])
            if self._held or np.abs(state.joints - there).max() > _MOVED:
                moved, there = port.now(), state.joints
            arrived = bool(np.abs(state.joints - line[1]).max() <= _AT)
            if arrived and self._guarded(lambda: self._link.number(Command.IS_MOVING)) == 0:
                return
            deadline += (port.now() - before) * self._held
            before = port.now()
            if before > deadline or before - moved > _STUCK:
                off = np.abs(state.joints - line[1])
                raise Faulted(findings.not_there(self._setup.joints[int(np.argmax(off))], float(off.max())))
            look = max(look + PERIOD, port.now())
            port.wait_until(look)

    def _watch(self, line: FloatArray, joints: FloatArray) -> None:
        """Raise when the arm is not near the line that it was to go."""
        step = line[1] - line[0]
        along = np.clip((joints - line[0]) @ step / (step @ step), 0.0, 1.0)
        off = np.abs(joints - line[0] - along * step)
        if off.max() > _OFF_LINE:
            raise Faulted(findings.off_line(self._setup.joints[int(np.argmax(off))], float(off.max())))

    def _cut(self) -> None:
        self._link.tell(Frame(Command.POWER_OFF))

    def _stop(self) -> ArmState:
        self._held = False
        self._link.tell(Frame(Command.STOP))
        deadline = self._link.port.now() + _LONGEST_STOP
        before = self._read()
        while True:
            self._link.port.wait_until(self._link.port.now() + 0.05)
            state = self._read()
            if np.abs(state.joints - before.joints).max() < _STILL * (state.time - before.time):
                return state
            if self._link.port.now() > deadline:
                raise Faulted(findings.not_still())
            self._link.tell(Frame(Command.STOP))
            before = state

    def _clear(self) -> None:
        self._last = None
        self._link.tell(Frame(Command.CLEAR_ERROR))
        self._demand_no_error()
        self._read()


def _joined(points: FloatArray, motions: list[PolylineMotion]) -> PolylineMotion:
    """Motions one after the other, each from rest to rest."""
    starts = np.cumsum([0.0, *(motion.duration for motion in motions)])
    return PolylineMotion(
        points,
        np.concatenate([np.full(len(motion.lines), float(k)) for k, motion in enumerate(motions)]),
        np.concatenate([*(m.times[:-1] + start for m, start in zip(motions, starts, strict=False)), starts[-1:]]),
        np.concatenate([motion.distances for motion in motions]),
        np.concatenate([motion.speeds for motion in motions]),
        np.concatenate([motion.accelerations for motion in motions]),
    )
