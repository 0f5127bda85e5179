"""One run in progress on an arm that plans by itself: it is given the certified motion segment by segment, watched and
held. It plans nothing.

Where the arm is on its path is read from what was measured: the place that is nearest, not far from the one before.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cellctl.drivers.driver import Driver
from cellctl.errors import Faulted, Finding
from cellctl.execution.clock import Clock
from cellctl.execution.control import Control
from cellctl.execution.job import Job
from cellctl.execution.machine import Machine
from cellctl.execution.records.record import Record
from cellctl.execution.run import PlanRun
from cellctl.execution.stream import PathPoint
from cellctl.execution.telling import Events
from cellctl.execution.waypoint_stream import WaypointStream
from cellctl.execution.waypoints import followed_rest
from cellctl.model.line_motion import corners
from cellctl.model.plan import FixedSegment
from cellctl.model.pose import FloatArray

_LEAD_SPEED = 0.05
"""rad/s on the way to the start."""
_BACK, _AHEAD, _PLACES = 0.1, 0.5, 121
"""s of path time before and after the last place (and a look) in which the next one lies, and how many are tried."""
_SAME_MOTION, _SAME_TIME, _SAMPLES = np.radians(0.05), 0.01, 200
"""rad, and s (and the same share of its time on top), by which a motion may be another one, and where it is looked at.
"""


class WaypointRun(PlanRun):
    """A `PlanRun` whose path the arm goes along by itself."""

    stream_type = WaypointStream
    _stream: WaypointStream

    def __init__(
        self, job: Job, driver: Driver, *, clock: Clock, control: Control, record: Record, machine: Machine
    ) -> None:
        super().__init__(job, driver, clock=clock, control=control, record=record, machine=machine)
        for index, segment in enumerate(job.certified.plan.segments):
            if segment.form == "lines":
                self._demand_as_certified(segment, index)

    def _lead_in(self) -> None:
        """Compare the measured pose with where the run begins, and go there slowly from where the arm really stands."""
        path, stream = self._path, self._stream
        begin = stream.waypoint_arm.sayable(path.enter(path.index, path.tau))
        finding = stream.check_start(begin)
        if finding is not None:
            raise Faulted(finding)
        here = stream.waypoint_arm.sayable(stream.measured.joints)
        away = float(np.linalg.norm(begin - here))
        stream.command = begin
        if not away:
            return
        stream.set_off(stream.waypoint_arm.follow(np.stack([here, begin]), np.array([away / _LEAD_SPEED])))
        try:
            while stream.moves:
                if self.heed().demand == "stop":
                    return
                stream.look()
                stream.keep(begin, PathPoint(-1, path.s, 0.0))
        finally:
            stream.leave()

    def _travel(self, *, until: float, each: Callable[[], None] = lambda: None) -> Events:
        """Let the arm go along the rest of the segment; hold, stop and faults happen in here."""
        path, stream = self._path, self._stream
        if path.tau >= until:
            return
        if path.segment.form != "lines":
            yield from self.stand(until - path.tau)
            path.enter(path.index, until)
            return
        stream.set_off(followed_rest(path.segment, stream.waypoint_arm, stream.command, path.s))
        path.rate = 1.0
        try:
            while stream.moves:
                yield from self.obey()
                if self.executing:
                    each()
                stream.steer(hold=not self.executing)
                yield from self._follow_on()
        finally:
            stream.leave()
        stream.command = path.enter(path.index, until)

    def _follow_on(self) -> Events:
        """One look at an arm that moves."""
        path, stream = self._path, self._stream
        stream.look()
        joints = path.enter(path.index, self._place(stream.measured.joints))
        path.rate = 0.0 if stream.stands else 1.0
        stream.keep(joints, PathPoint(path.index, path.s, path.rate))
        yield from self._judge()

    def _place(self, measured: FloatArray) -> float:
        """The path time of the place on the segment that is nearest to joints (dof,)."""
        path = self._path
        ahead = min(path.tau + self._stream.dt + _AHEAD, path.curve.duration)
        taus = np.linspace(max(path.tau - _BACK, 0.0), ahead, _PLACES)
        off = np.abs(path.segment.joints_at(taus) - measured).max(axis=1)
        return float(taus[np.argmin(off)])

    def _demand_as_certified(self, segment: FixedSegment, index: int) -> None:
        """Raise Faulted X493 where the controller would no longer make of a segment what was certified."""
        start = corners(segment.path)[0]
        motion = followed_rest(segment, self._stream.waypoint_arm, start, segment.path.start).motion
        t = np.linspace(0.0, segment.duration, _SAMPLES)
        off = float(np.abs(motion.joints_at(t) - segment.joints_at(t)).max())
        late = abs(motion.duration - segment.duration)
        if off > _SAME_MOTION or late > _SAME_TIME * (1.0 + segment.duration):
            text = f"segment {index} would be passed {np.degrees(off):.2f} deg and {late:.2f} s from what was certified"
            hint = "were the settings of the controller changed? run the task again, so that it is asked anew"
            raise Faulted(Finding("X493", text, suggestion=hint))
