"""A `RestingArm` for myCobot arms: from waypoint to waypoint, at rest at each. It tells first what it will do.

Frames have no checksum, so an angle counts only when the joint may be there and can have got there; the vendor's own
library returned 326 deg for -40 deg after one wrong byte.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator

import numpy as np

from cellctl.drivers.driver import ArmSetup, ArmState
from cellctl.drivers.mycobot import findings
from cellctl.drivers.mycobot.link import MycobotLink
from cellctl.drivers.port import OpenPort, Port
from cellctl.drivers.resting_arm import RestingArm
from cellctl.drivers.resting_findings import not_possible
from cellctl.drivers.resting_link import LinkCounters
from cellctl.drivers.waypoint_arm import FollowedMotion
from cellctl.errors import EnvironmentMissing, Faulted, UsageError
from cellctl.kinematics.lookahead import FirmwareLimits, followed
from cellctl.model.polyline_motion import PolylineMotion
from cellctl.model.pose import FloatArray
from cellctl.model.wires import mycobot as wire
from cellctl.model.wires.mycobot import Command, Frame

_ROUNDING = 1e-6


class MycobotWaypointArm(RestingArm):
    """Joint values are what the arm calls its angles. Raises EnvironmentMissing when the port (E550, E551) or the arm
    (E572) is not there.
    """

    protocol = "mycobot"
    period = 0.1
    line_room, there_room = float(np.radians(5.0)), float(np.radians(0.5))

    def __init__(self, open_port: OpenPort, setup: ArmSetup) -> None:
        self._acceleration = np.array([limit.acceleration for limit in setup.limits])
        self._checks = deque((self._demand_powered, self._demand_no_error))
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
        self._demand_sayable(points, np.asarray(durations))
        steps = np.abs(np.diff(points, axis=0))
        shares = [self._share(step, float(time)) for step, time in zip(steps, durations, strict=True)]
        motions = [self._line(points[k : k + 2], share) for k, share in enumerate(shares)]
        commands = tuple(
            wire.encode(wire.send_angles(np.degrees(point), share)).hex(" ")
            for point, share in zip(points[1:], shares, strict=True)
        )
        return FollowedMotion(_joined(points, motions), commands)

    @property
    def referenced(self) -> bool:
        """Its encoders are absolute."""
        return True

    def homing(self) -> Generator[None, None, None]:
        """There is nothing to find: raises UsageError X488."""
        raise UsageError(not_possible("this arm knows where it is and has no reference to find"))

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

    # Link ---------------------------------------------------------------------------------------------------------

    def _attach(self, port: Port) -> None:
        self._link = MycobotLink(port)
        if self._link.angles() is None or len(self._setup.joints) != wire.JOINTS:
            raise EnvironmentMissing(findings.no_answer(port.name, len(self._setup.joints)))

    def _answers(self) -> bool:
        """A controller that is only silent is asked on."""
        self._link.number(Command.IS_POWERED)
        return True

    def _angles(self) -> FloatArray | None:
        angles = self._link.angles()
        return None if angles is None else np.radians(angles)

    # What must hold ------------------------------------------------------------------------------------------------

    def _share(self, step: FloatArray, duration: float) -> int:
        """The speed, percent, at which a line takes no less than its time."""
        return int(np.clip(100.0 * (step / (self._top * duration)).max() + _ROUNDING, 1, 100))

    def _line(self, points: FloatArray, share: int) -> PolylineMotion:
        limits = FirmwareLimits(self._top * share / 100.0, self._acceleration, junction_deviation=0.0)
        return followed(points, np.array([1e-9]), limits)

    def _begin(self) -> None:
        """The arm is without an error; then torque on where it stands."""
        self._demand_no_error()
        if self._link.number(Command.IS_POWERED) != 1:
            self._link.tell(Frame(Command.POWER_ON))
            if self._link.number(Command.IS_POWERED) != 1:
                raise Faulted(findings.not_powered())
        self._link.tell(Frame(Command.FRESH_MODE, b"\x01"))

    def _look_after(self) -> None:
        """Its power and its errors, in turn."""
        self._checks.rotate()
        self._checks[0]()

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

    def _along(self, line: FloatArray, commands: str, duration: float) -> Iterator[ArmState]:
        while self._held:
            yield self.look()
        (frame,) = wire.Decoder().feed(bytes.fromhex(commands))
        yield from self._go(line, line[1], lambda: self._link.tell(frame), duration)

    def _rests(self) -> bool:
        return self._link.number(Command.IS_MOVING) == 0

    def _brake(self) -> None:
        self._link.tell(Frame(Command.STOP))

    def _cut(self) -> None:
        self._link.tell(Frame(Command.POWER_OFF))

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
