"""The stream of setpoints to one arm: check, send, measure, write down, judge, once a period. It knows no path and no
state.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from cellctl.drivers.driver import ArmState, CountsLink, Driver, Setpoint
from cellctl.errors import Faulted, Finding
from cellctl.execution import checks
from cellctl.execution.clock import Clock
from cellctl.execution.job import Job
from cellctl.execution.records.lateness import Lateness
from cellctl.execution.records.record import Record
from cellctl.execution.records.trace import Cycle
from cellctl.execution.slipping import SlipWatch
from cellctl.model.pose import FloatArray

_SAME_PLACE = 1e-6


@dataclass(frozen=True, slots=True)
class PathPoint:
    """Where on the path a setpoint lies: segment (-1 on the way to the start), path parameter s, rate of path time."""

    segment: int
    s: float
    rate: float

    def __str__(self) -> str:
        return f"segment {self.segment}, path parameter {self.s:.4f}"


class SetpointStream:
    """Setpoints in, measured states out. `command` and `measured` are the last ones, `dt` what the next cycle
    advances by, s; `stalls` is how often the arm's clock has stood in this run, `stalled` for how long, s.
    """

    def __init__(self, job: Job, driver: Driver, *, clock: Clock, record: Record) -> None:
        self._job, self._driver, self._clock, self._record = job, driver, clock, record
        self.arm = driver.identify()
        self.measured: ArmState = driver.read()
        self.command: FloatArray = self.measured.joints
        self.outputs = 0
        self.dt = self.arm.period
        self.cycles = self.late = self.late_in_a_row = 0
        self._slips = SlipWatch(self.arm, job.envelope.names)
        self.lateness = Lateness(self.arm.period)
        self.stalls, self.stalled = 0, 0.0
        self._began = self.measured.time
        self._deadline = clock.now()

    @property
    def time(self) -> float:
        """The arm's clock since the start of the run, s."""
        return self.measured.time - self._began

    @property
    def link(self) -> dict[str, object]:
        """What happened on the link to the arm since it was opened, by name; empty where nobody counts."""
        return asdict(self._driver.counters) if isinstance(self._driver, CountsLink) else {}

    def check_start(self, start: FloatArray) -> Finding | None:
        """Whether the arm stands at `start` (dof,), as far as the tolerance goes."""
        return checks.start_finding(self.measured.joints, start=start, job=self._job)

    def lead_in(self, start: FloatArray, *, speed: float) -> list[FloatArray]:
        """Setpoints (k, dof) from the measured joints to `start` at `speed` (rad/s); none where the arm stands so."""
        here = self.measured.joints
        away = float(np.abs(start - here).max())
        count = int(np.ceil(away / (speed * self.arm.period))) if away > _SAME_PLACE else 0
        self.command = here if count else start
        return [here + (start - here) * (k / count) for k in range(count + 1)] if count else []

    def send(
        self, joints: FloatArray, *, outputs: int, arc: int, point: PathPoint, analog: tuple[float, ...] = ()
    ) -> None:
        """One cycle; raises Faulted when the setpoint may not be sent (X408) or the arm does not follow (X402). A stale
        state is not judged.
        """
        self._check(joints, point)
        self._keep_pace()
        before, previous = self.measured, self.command
        try:
            self.measured = self._driver.exchange(Setpoint(joints, outputs, analog))
        finally:
            if not self.arm.lock_step:
                self.lateness.count(self._clock.now())
        expected = joints - (joints - previous) * (self.arm.lag / self.dt)
        self.command, self.outputs = joints, outputs
        elapsed = self.measured.time - before.time
        on_time = elapsed < 1.5 * self.arm.period
        self._count(elapsed, stalled=self.measured.stalled - before.stalled)
        self._write_down(arc, point, analog)
        if self.measured.age > 0.0:
            return
        where = f"{point}, {self.time:.3f} s after the start"
        finding = checks.following_finding(
            self.measured.joints,
            expected=expected,
            envelope=self._job.envelope,
            tolerances=self._job.tolerances,
            where=where,
        ) or self._slips.look(self.measured.joints - expected, on_time=on_time, where=where)
        if finding is not None:
            raise Faulted(finding)

    def at_goal(self) -> bool:
        """True when the arm stands at its last command."""
        tolerances = self._job.tolerances
        near = np.abs(self.measured.joints - self.command).max() <= tolerances.goal
        return bool(
            self.measured.age == 0.0 and near and np.abs(self.measured.velocities).max() <= tolerances.standstill
        )

    def trouble(self, where: str) -> Finding | None:
        """A fault of pace (X412), record (X411) or arm that still lets the arm slow down on its path, or None."""
        if self.late_in_a_row > self._job.tolerances.late_cycles:
            return Finding("X412", f"{self.late_in_a_row} cycles in a row came too late, {where}")
        if self._record.failure is not None:
            return Finding("X411", f"the record can no longer be written: {self._record.failure.strerror}")
        return self.measured.trouble

    def _check(self, joints: FloatArray, point: PathPoint) -> None:
        finding = checks.setpoint_finding(
            joints, previous=self.command, dt=self.dt, envelope=self._job.envelope, where=str(point)
        )
        if finding is not None:
            raise Faulted(finding)

    def _keep_pace(self) -> None:
        """Wait for the next period where nobody else keeps it; a missed one is never made up for."""
        if self.arm.pace == "executor":
            self._deadline = max(self._deadline + self.arm.period, self._clock.now())
            self._clock.wait_until(self._deadline)

    def _count(self, elapsed: float, *, stalled: float) -> None:
        """Count the cycle; the next one advances by what this one took, two periods at most. What takes longer is
        late.
        """
        self.stalls += stalled > 0.0
        self.stalled += stalled
        late = self.cycles > 0 and elapsed > 2.5 * self.arm.period
        self.cycles += 1
        self.late += late
        self.late_in_a_row = self.late_in_a_row + 1 if late else 0
        self.dt = min(max(elapsed, self.arm.period), 2.0 * self.arm.period)

    def _write_down(self, arc: int, point: PathPoint, analog: tuple[float, ...]) -> None:
        signals = self._job.analog
        told = tuple(analog[k] if k < len(analog) else 0.0 for k in signals.outputs.values())
        cycle = Cycle(
            time=self.time,
            segment=point.segment,
            s=point.s,
            rate=point.rate,
            commanded=self.command,
            measured=self.measured.joints,
            torques=self.measured.torques,
            outputs=self.outputs,
            inputs=self.measured.inputs,
            arc=arc,
            analog=told + tuple(signals.shown(name, self.measured.analog) for name in signals.inputs),
        )
        self._record.cycle(cycle)
