"""Whole motions to an arm that plans by itself, and the states that come back: hold, go on, write down. It knows no
path and no state.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from cellctl.drivers.driver import ArmState, Driver
from cellctl.drivers.waypoint_arm import FollowedMotion, WaypointArm
from cellctl.errors import Faulted
from cellctl.execution import checks
from cellctl.execution.clock import Clock
from cellctl.execution.job import Job
from cellctl.execution.records.record import Record
from cellctl.execution.stream import PathPoint, SetpointStream
from cellctl.model.pose import FloatArray

_STILL_LOOKS = 2
"""Looks in a row that a held arm has to be slow in to be taken for one that stands."""


class WaypointStream(SetpointStream):
    """A `SetpointStream` for a `WaypointArm`: a cycle is a look at the arm. While it `moves` it goes by itself."""

    def __init__(self, job: Job, driver: Driver, *, clock: Clock, record: Record) -> None:
        super().__init__(job, driver, clock=clock, record=record)
        if not isinstance(driver, WaypointArm):
            raise TypeError("only an arm that plans by itself is given whole motions")
        self.waypoint_arm = driver
        self._states: Generator[ArmState, None, None] | None = None
        self._held = False
        self._still = 0

    @property
    def moves(self) -> bool:
        """True until a motion that was set off is at its end."""
        return self._states is not None

    @property
    def stands(self) -> bool:
        """True when a motion that is held was seen standing."""
        return self._held and self._still >= _STILL_LOOKS

    def set_off(self, followed: FollowedMotion) -> None:
        """Begin a motion with the next look."""
        self._states, self._held, self._still = self.waypoint_arm.run(followed), False, 0

    def steer(self, *, hold: bool) -> None:
        """Hold the motion, again and again until it stands, or let it go on."""
        if hold and not self.stands:
            self.waypoint_arm.hold()
        if self._held and not hold:
            self.waypoint_arm.resume()
        if hold is not self._held:
            self._held, self._still = hold, 0

    def look(self) -> None:
        """Measure, a period after the last time."""
        before = self.measured.time
        try:
            self.measured = self._next_state()
        finally:
            self.lateness.count(self._clock.now())
        self._count(self.measured.time - before, stalled=0.0)
        slow = np.abs(self.measured.velocities).max() <= self._job.tolerances.standstill
        self._still = self._still + 1 if slow else 0

    def keep(self, joints: FloatArray, point: PathPoint) -> None:
        """Write down the look, and where on the path it belongs to. Raises Faulted X402 for an arm that does not stand
        there while it should.
        """
        self.command = joints
        self._write_down(0, point, ())
        if self.moves:
            return
        finding = checks.following_finding(
            self.measured.joints,
            expected=joints,
            envelope=self._job.envelope,
            tolerances=self._job.tolerances,
            where=f"{point}, {self.time:.3f} s after the start",
        )
        if finding is not None:
            raise Faulted(finding)

    def send(
        self, joints: FloatArray, *, outputs: int, arc: int, point: PathPoint, analog: tuple[float, ...] = ()
    ) -> None:
        """Look at an arm that stands."""
        del outputs, arc, analog
        self.look()
        self.keep(joints, point)

    def leave(self) -> None:
        """End the motion; an arm that is not at its end is stopped."""
        states, self._states = self._states, None
        if states is not None:
            states.close()

    def _next_state(self) -> ArmState:
        if self._states is not None:
            for state in self._states:
                return state
            self._states = None
        return self.waypoint_arm.look()
