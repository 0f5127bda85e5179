"""Arms that rest at every waypoint and whose angles come without a checksum: what is measured has to be plausible, and
where the arm goes is watched. It speaks no protocol.

An order to move is sent once and never again: the next thing that is looked at is where the arm goes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress

import numpy as np

from cellctl.drivers import resting_findings as findings
from cellctl.drivers.driver import ArmSetup, ArmState
from cellctl.drivers.port import OpenPort
from cellctl.drivers.resting_link import LinkCounters
from cellctl.drivers.waypoint_arm import FollowedMotion, WaypointArm, demand_awake
from cellctl.errors import CellctlError, Faulted, Finding, UsageError
from cellctl.model.pose import FloatArray

_LOOKS = 3
_FRESH = 0.5
"""s after which a measured place no longer says where the arm can be."""
_SPEED_ROOM, _ROOM = 1.3, np.radians(1.0)
_LIMIT_ROOM = 1e-4
_OVERTIME = 2.0
_STILL = np.radians(0.3)
"""rad/s."""
_LONGEST_STOP, _STOP_LOOK = 3.0, 0.05
_MOVED, _STUCK = np.radians(0.2), 1.0
"""rad that a joint has to move within so many s, while it is not there."""


class RestingArm(WaypointArm):
    """A `WaypointArm` that goes along straight lines of joint space, no further off them than `line_room`, and is at a
    waypoint within `there_room`, rad.
    """

    line_room: float
    there_room: float

    def __init__(self, open_port: OpenPort, setup: ArmSetup) -> None:
        limits = setup.limits
        self._lower = np.array([limit.lower for limit in limits])
        self._upper = np.array([limit.upper for limit in limits])
        self._top = np.array([limit.velocity for limit in limits])
        self._held = False
        super().__init__(open_port, setup)

    # What each protocol does in its own way --------------------------------------------------------------------------

    @property
    @abstractmethod
    def counters(self) -> LinkCounters:
        """What happened on the link since it was opened."""

    @abstractmethod
    def _angles(self) -> FloatArray | None:
        """The joint values that the arm reports (dof,), rad; None when it says nothing."""

    @abstractmethod
    def _begin(self) -> None:
        """See that the arm may move, and switch its motors on where it stands."""

    @abstractmethod
    def _along(self, line: FloatArray, commands: str, duration: float) -> Iterator[ArmState]:
        """Go along one line (2, dof), which takes `duration` s, by the commands for it."""

    @abstractmethod
    def _look_after(self) -> None:
        """What is looked at beside the angles, a bit at a time; raises Faulted."""

    def _look_closer(self) -> None:
        """Why an arm does not arrive, where it can be asked; raises Faulted."""

    @abstractmethod
    def _rests(self) -> bool:
        """Whether an arm that is at its waypoint has come to rest."""

    @abstractmethod
    def _brake(self) -> None:
        """Tell the arm to slow down and stand."""

    # What all have in common -----------------------------------------------------------------------------------------

    def run(self, followed: FollowedMotion) -> Generator[ArmState, None, None]:
        """Do it, giving the measured state as it comes. Closing the generator stops the arm.

        Raises Faulted, X484 to X487 among others, for what goes wrong; the arm was told to stop then.
        """
        self._demand_no_fault()
        ended = False
        try:
            self._guarded(lambda: self._demand_at(followed.motion.waypoints[0]))
            self._guarded(self._begin)
            yield self.read()
            times = followed.motion.times_of_waypoints()
            for k, commands in enumerate(followed.commands):
                yield from self._along(followed.motion.waypoints[k : k + 2], commands, float(times[k + 1] - times[k]))
            ended = True
        except Faulted as fault:
            self._fault = fault
            raise
        finally:
            if not ended:
                with suppress(CellctlError):
                    self.stop()

    def switch(self, outputs: int) -> None:
        """There are no outputs: raises UsageError X488 for any that shall be on."""
        if outputs:
            raise UsageError(findings.not_possible("this arm has no digital outputs"))

    def _lost(self, why: str) -> Faulted:
        return Faulted(findings.lost(self.port.name, why, self._setup.joints, self._last))

    def _impossible(self, what: str) -> Finding:
        return findings.not_possible(what)

    def _demand_sayable(self, points: FloatArray, durations: FloatArray) -> None:
        """Raise UsageError X488 for waypoints (n + 1, dof), rad, that are none or leave the limits."""
        outside = (points < self._lower - _LIMIT_ROOM) | (points > self._upper + _LIMIT_ROOM)
        self._demand_possible(points, durations, outside, "the limits of")

    # Measuring -------------------------------------------------------------------------------------------------------

    def _read(self) -> ArmState:
        """A place that the joints may be in and can have got to; where nothing fresh is known, two looks must agree."""
        candidate: tuple[float, FloatArray] | None = None
        known = self._last is not None and self.port.now() - self._last.time < _FRESH
        if self._last is not None and known:
            candidate = (self._last.time, self._last.joints)
        worst = 0
        for _ in range(_LOOKS + (not known)):
            joints = self._angles()
            if joints is None:
                raise self._lost("it does not answer")
            now = self.port.now()
            before, candidate = candidate, candidate or (now, joints)
            if before is None:
                continue
            off = self._excess(before, now, joints)
            if off.max() <= 0.0:
                return self._measured(now, joints, before)
            self.counters.strange += 1
            worst = int(np.argmax(off))
            candidate = before if known else (now, joints)
        raise Faulted(findings.implausible(self._setup.joints[worst]))

    def _excess(self, before: tuple[float, FloatArray], now: float, joints: FloatArray) -> FloatArray:
        """By how much each joint is further than it can be, rad; not above 0 where all is well."""
        moved = np.abs(joints - before[1]) - _SPEED_ROOM * self._top * max(now - before[0], 0.0) - _ROOM
        outside = np.maximum(self._lower - joints, joints - self._upper) - _ROOM
        result: FloatArray = np.maximum(moved, outside)
        return result

    def _demand_at(self, start: FloatArray) -> None:
        """Raise Faulted X487 for an arm that does not stand at joint values (dof,), rad."""
        off = np.abs(self._read().joints - start)
        if off.max() > self.there_room:
            raise Faulted(findings.off_line(self._setup.joints[int(np.argmax(off))], float(off.max())))

    # Moving ----------------------------------------------------------------------------------------------------------

    def _go(self, line: FloatArray, goal: FloatArray, tell: Callable[[], None], duration: float) -> Iterator[ArmState]:
        """Told once, then watched until the arm stands at `goal` (dof,) on its line (2, dof), in about `duration` s."""
        port = self.port
        self._guarded(tell)
        deadline = port.now() + 1.5 * duration + _OVERTIME
        look = before = moved = port.now()
        there = line[0]
        while True:
            state = self._guarded(self._read)
            self._watch(line, state.joints)
            yield state
            demand_awake(port.now() - state.time)
            self._guarded(self._look_after)
            if self._held or np.abs(state.joints - there).max() > _MOVED:
                moved, there = port.now(), state.joints
            off = np.abs(state.joints - goal)
            if off.max() <= self.there_room and self._guarded(self._rests):
                return
            deadline += (port.now() - before) * self._held
            before = port.now()
            if before > deadline or before - moved > _STUCK:
                self._guarded(self._look_closer)
                raise Faulted(findings.not_there(self._setup.joints[int(np.argmax(off))], float(off.max())))
            look = max(look + self.period, port.now())
            port.wait_until(look)

    def _watch(self, line: FloatArray, joints: FloatArray) -> None:
        """Raise when the arm is not near the line that it was to go."""
        step = line[1] - line[0]
        along = np.clip((joints - line[0]) @ step / (step @ step), 0.0, 1.0)
        off = np.abs(joints - line[0] - along * step)
        if off.max() > self.line_room:
            raise Faulted(findings.off_line(self._setup.joints[int(np.argmax(off))], float(off.max())))

    def _stop(self) -> ArmState:
        self._held = False
        self._brake()
        deadline = self.port.now() + _LONGEST_STOP
        before = self._read()
        while True:
            self.port.wait_until(self.port.now() + _STOP_LOOK)
            state = self._read()
            if np.abs(state.joints - before.joints).max() < _STILL * (state.time - before.time):
                return state
            if self.port.now() > deadline:
                raise Faulted(findings.not_still())
            self._brake()
            before = state
