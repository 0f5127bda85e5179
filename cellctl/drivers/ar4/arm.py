"""A `RestingArm` for Annin AR4 arms with the firmware of ar4_ros_driver: from stop to stop, a few degrees apart. It
tells first what it will do.

The firmware ramps every joint by itself, at its own top speed and acceleration, so that a move bends: joints with a
short way are there first. Whatever goes wrong on a line without checksum does so within one stop, from rest.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import partial
from math import ceil

import numpy as np

from cellctl.drivers.ar4 import findings
from cellctl.drivers.ar4.link import Ar4Link
from cellctl.drivers.driver import ArmSetup, ArmState
from cellctl.drivers.port import OpenPort, Port
from cellctl.drivers.resting_arm import RestingArm
from cellctl.drivers.resting_findings import not_possible
from cellctl.drivers.resting_link import LinkCounters
from cellctl.drivers.waypoint_arm import FollowedMotion
from cellctl.errors import EnvironmentMissing, Faulted, UsageError
from cellctl.model.gcode_wiring import GcodeAxis, GcodeWiring
from cellctl.model.polyline_motion import PolylineMotion
from cellctl.model.pose import FloatArray
from cellctl.model.wires import ar4
from cellctl.model.wires.ar4 import Complaint, MoveTaken, Positions, Started

STOPS = float(np.radians(2.5))
"""rad between two stops at most. Between them a joint is off the straight line by up to a fifth of that."""
_LEAST = float(np.radians(0.05))
_ACCELERATION = float(np.radians(ar4.ACCELERATION))
_ROUNDING = 1e-6
_STILL, _TURNS = float(np.radians(0.5)), float(np.radians(0.5))
"""rad/s below which a joint rests, and above which it has to be told to stop."""
_CREEP = float(np.radians(0.05))
_BETWEEN_LOOKS = 0.02


def calibrated_wiring(joints: Sequence[str]) -> GcodeWiring:
    """The wiring of an mk3 after its calibration, without offsets of its own."""
    axes = tuple(GcodeAxis(joint, zero) for joint, zero in zip(joints, ar4.ZEROS, strict=False))
    return GcodeWiring(axes, status_period=0.05)


class Ar4Arm(RestingArm):
    """An arm on an AR4's controller, whose joints lie as `wiring` says.

    Its encoders count from where it was switched on, so somebody has to vouch for them. Raises EnvironmentMissing when
    the port (E550, E551) or the arm (E573, E574) is not there.
    """

    protocol = "ar4"
    line_room, there_room = float(np.radians(1.5)), float(np.radians(0.1))

    def __init__(self, open_port: OpenPort, wiring: GcodeWiring, setup: ArmSetup) -> None:
        self._wiring, self.period = wiring, wiring.status_period
        self._vouched_for = False
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
        """Joint values (..., dof), rad, to the six decimals of a line."""
        machine = np.round(self._wiring.machine_values(np.asarray(joints, dtype=np.float64)), 6)
        return self._wiring.joint_values(machine)

    def follow(self, waypoints: FloatArray, durations: FloatArray) -> FollowedMotion:
        """What the arm will do with `waypoints` (n + 1, dof), rad, whose lines are to be no faster than in their time
        `durations` (n,), s.

        Each line is cut by stops so near to each other that the firmware's own ramps get no faster than that, and its
        joints not far from the line. Raises UsageError X488.
        """
        points = self.sayable(waypoints)
        self._demand_sayable(points, np.asarray(durations))
        counts = [self._stops(step, float(time)) for step, time in zip(np.diff(points, axis=0), durations, strict=True)]
        lines = zip(points[:-1], points[1:], counts, strict=True)
        commands = tuple("\n".join(self._moves(start, end, count)) for start, end, count in lines)
        return FollowedMotion(_from_stop_to_stop(points, counts), commands)

    @property
    def referenced(self) -> bool:
        """Whether somebody has vouched for its position since the port was opened."""
        return self._vouched_for

    def homing(self) -> Generator[None, None, None]:
        """Raises UsageError X488: its calibration goes to the switches blindly, and no line ends it."""
        text = "the calibration of an AR4 cannot be stopped over its line"
        hint = "let its own program do it, a hand at the emergency stop; look at small moves, then --reference assume"
        raise UsageError(not_possible(f"{text}: {hint}"))

    def assume_position(self) -> None:
        """Vouch for the position that the controller counts; moves nothing."""
        self._vouched_for = True

    def hold(self) -> None:
        """Go on no further than to the next stop, and stand there."""
        self._held = True

    def resume(self) -> None:
        """Go on from there."""
        self._held = False

    # Link ---------------------------------------------------------------------------------------------------------

    def _attach(self, port: Port) -> None:
        self._link = Ar4Link(port)
        self._vouched_for = False
        if len(self._setup.joints) != ar4.JOINTS:
            raise EnvironmentMissing(findings.no_answer(port.name, len(self._setup.joints)))
        self._greet()

    def _greet(self) -> None:
        """What has to be said first, for a controller that is asked for anything else before is of no use until it is
        reset. It forgets where it was going, too: said again, it ends what it makes of a line that somebody left half.
        """
        reply = self._link.ask(ar4.ask_who(), Started)
        if isinstance(reply, Complaint):
            reply = self._link.ask(ar4.ask_who(), Started)
        match reply:
            case Started(agrees=True):
                return
            case Started(firmware, model):
                raise EnvironmentMissing(findings.other_firmware(firmware, model))
            case _:
                raise EnvironmentMissing(findings.no_answer(self.port.name, ar4.JOINTS))

    def _answers(self) -> bool:
        """A controller that is only silent is asked on."""
        self._link.ask(ar4.ASK_POSITION, Positions)
        return True

    def _lost(self, why: str) -> Faulted:
        self._vouched_for = False
        return super()._lost(why)

    def _angles(self) -> FloatArray | None:
        match self._link.ask(ar4.ASK_POSITION, Positions):
            case Positions(joints):
                return self._wiring.joint_values(np.array(joints))
            case Complaint(text):
                self._vouched_for = False
                raise Faulted(findings.started_anew(text))
            case _:
                return None

    # What must hold ------------------------------------------------------------------------------------------------

    def _stops(self, step: FloatArray, duration: float) -> int:
        """Into how many moves a line with the way `step` (dof,), rad, is cut, so that no joint gets faster than it is
        on average in its time.
        """
        longest = float(np.abs(step).max())
        slow = ceil(_ACCELERATION * duration * duration / longest - _ROUNDING)
        count = max(ceil(longest / STOPS - _ROUNDING), 1)
        if slow > count and longest < slow * _LEAST:
            joint = self._setup.joints[int(np.argmax(np.abs(step)))]
            raise UsageError(findings.too_slow(joint, float(np.degrees(longest / slow))))
        return max(slow, count)

    def _moves(self, start: FloatArray, end: FloatArray, count: int) -> Iterator[str]:
        """The lines that go from one waypoint to the next with `count` stops, the last one there."""
        for share in np.arange(1, count + 1) / count:
            yield self._move(start + share * (end - start))

    def _move(self, joints: FloatArray) -> str:
        bounds = self._wiring.machine_values(np.stack([self._lower, self._upper]))
        goal = np.clip(self._wiring.machine_values(joints), bounds.min(axis=0), bounds.max(axis=0))
        return ar4.move(goal.tolist(), lower=bounds.min(axis=0).tolist(), upper=bounds.max(axis=0).tolist())

    def _begin(self) -> None:
        """The arm is known to stand where it says, and its emergency stop is not pressed."""
        self.demand_reference()
        self._look_closer()

    def _order(self, line: str) -> None:
        """Say a move once. One that is told to where a joint is leaves that joint alone."""
        match self._link.tell(line, MoveTaken):
            case MoveTaken(stopped=True):
                raise Faulted(findings.emergency_stop())
            case Complaint(text):
                raise Faulted(findings.refused(line, text))

    # Deeds ---------------------------------------------------------------------------------------------------------

    def _along(self, line: FloatArray, commands: str, duration: float) -> Iterator[ArmState]:
        moves = commands.split("\n")
        for number, move in enumerate(moves, 1):
            while self._held:
                yield self.look()
            goal = line[0] + number / len(moves) * (line[1] - line[0])
            yield from self._go(line, goal, partial(self._order, move), duration / len(moves))

    def _look_after(self) -> None:
        """There is nothing else to look at."""

    def _look_closer(self) -> None:
        """Whether the emergency stop is pressed: only a move is answered so, and one to where the arm is moves none."""
        self._order(self._move(self._read().joints))

    def _rests(self) -> bool:
        return self._last is not None and bool(np.abs(self._last.velocities).max() < _STILL)

    def _brake(self) -> None:
        """Put the goal of every joint that turns to where its ramp brings it to rest, and let it come there."""
        self._read()
        self.port.wait_until(self.port.now() + _BETWEEN_LOOKS)
        state = self._read()
        speeds = np.abs(state.velocities)
        if (turns := speeds > _TURNS).any():
            ways = speeds * _BETWEEN_LOOKS + speeds * speeds / (2.0 * _ACCELERATION) + _CREEP
            goal = state.joints + np.where(turns, np.sign(state.velocities) * ways, 0.0)
            self._link.tell(self._move(goal), MoveTaken)
            self.port.wait_until(self.port.now() + float(speeds.max()) / _ACCELERATION)

    def _cut(self) -> None:
        """There is no line that takes the drive away. This one makes it forget where it was going, without a ramp."""
        if self._link.ask(ar4.ask_who(), Started) is None:
            raise self._lost("it does not answer")

    def _clear(self) -> None:
        """What cleared the emergency stop is a person; the controller is told so."""
        self._last = None
        self._greet()
        match self._link.ask(ar4.CLEAR_STOP, MoveTaken):
            case MoveTaken(stopped=True):
                raise Faulted(findings.emergency_stop())
            case Complaint(text):
                raise Faulted(findings.started_anew(text))
            case None:
                raise self._lost("it does not answer")
        self._read()


def _from_stop_to_stop(points: FloatArray, counts: Sequence[int]) -> PolylineMotion:
    """Lines between `points` (n + 1, dof), rad, each cut into so many moves: faster, slower, and at rest."""
    phases = [phase for k, count in enumerate(counts) for phase in _phases(k, points[k + 1] - points[k], count)]
    table = np.array(phases)
    ends = np.concatenate([[0.0], np.cumsum(table[:, 1])])
    return PolylineMotion(points, table[:, 0], ends, *table[:, 2:].T)


def _phases(line: int, step: FloatArray, count: int) -> Iterator[tuple[float, float, float, float, float]]:
    """Line, duration, distance along it, speed and acceleration of every phase."""
    longest, length = float(np.abs(step).max()) / count, float(np.linalg.norm(step)) / count
    half = float(np.sqrt(longest / _ACCELERATION))
    rate = _ACCELERATION * length / longest
    for number in range(count):
        yield float(line), half, number * length, 0.0, rate
        yield float(line), half, (number + 0.5) * length, rate * half, -rate
