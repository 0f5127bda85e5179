"""Follow a certified plan on a driver, cycle by cycle. It plans nothing, and on any error the arm is stopped first.

Path time runs at a rate between 0 (stand) and 1 (as planned). Override, hold and stop change the rate and nothing else,
so every command lies on the certified path. A stall is never made up for: path time advances two periods a cycle at
most.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Literal

from cellctl.drivers.driver import Driver
from cellctl.errors import Faulted, Finding
from cellctl.execution import checks
from cellctl.execution.arc import ARC_CODES, ArcChannel
from cellctl.execution.clock import Clock
from cellctl.execution.control import Control
from cellctl.execution.curve import TimedCurve
from cellctl.execution.job import Job, ProcessTimes
from cellctl.execution.outcome import Outcome, Status
from cellctl.execution.rate import next_rate
from cellctl.execution.record import Record
from cellctl.execution.stream import PathPoint, SetpointStream
from cellctl.model.event import Event, EventKind
from cellctl.model.plan import FixedSegment
from cellctl.model.pose import FloatArray

Events = Generator[Event, None, None]
State = Literal["starting", "execute", "holding", "held", "stopping", "stopped", "aborting", "aborted", "complete"]

_PROGRESS_EVERY = 0.5
_HELD_PATIENCE = 0.05


class _Ended(Exception):
    """The arm stands on its path, the process is off, and the run is over for the reason that was taken."""


def execute(
    job: Job, driver: Driver, *, clock: Clock, control: Control, record: Record
) -> Generator[Event, None, Outcome]:
    """Run a certified plan to its end, to a stop or to a fault; yields what happens and returns how it ended.

    Whatever happens (an error, or the generator being closed) the driver is stopped before anything else.
    """
    try:
        run = _Run(job, driver, clock=clock, control=control, record=record)
    except Faulted as fault:
        _stop_at_last(driver)
        return Outcome("faulted", fault.findings, segment=0, s=0.0, time=0.0, cycles=0, late_cycles=0, welds=())
    except BaseException:
        _stop_at_last(driver)
        raise
    try:
        yield from run.whole()
        driver.stop()
    except _Ended:
        driver.stop()
    except Faulted as fault:
        _stop_at_last(driver)
        yield from run.lose(fault)
    except BaseException as error:
        _stop_at_last(driver)
        run.abandon(error)
        raise
    yield from run.close()
    return run.outcome()


def _stop_at_last(driver: Driver) -> None:
    """Stop an arm that may no longer answer; its controller's own watchdog does the rest."""
    with suppress(Faulted):
        driver.stop()


class _Run:
    """One run in progress: where on the path, how fast, what the process does, and why it ends."""

    def __init__(self, job: Job, driver: Driver, *, clock: Clock, control: Control, record: Record) -> None:
        self._job, self._control, self._record = job, control, record
        self._stream = SetpointStream(job, driver, clock=clock, record=record)
        self._segments = job.certified.plan.segments
        self._arc = ArcChannel(job.lines)
        self._state: State = "starting"
        self._status: Status = "done"
        self._ending: Finding | None = None
        self._segment, self._tau, self._s, self._rate = 0, 0.0, 0.0, 0.0
        self._override = 1.0
        self._next_progress = 0.0

    # The whole run -------------------------------------------------------------------------------------------------

    def whole(self) -> Events:
        """From the start check to the last goal."""
        self._record.note("begin", plan=self._job.certified.certificate.plan_sha256, arm=self._stream.arm.name)
        yield self._enter("starting")
        finding = self._stream.check_start(checks.plan_start(self._job.certified))
        if finding is not None:
            raise Faulted(finding)
        yield self._enter("execute")
        step = -1
        for index, segment in enumerate(self._segments):
            yield from self._obey()
            yield from self._wait_to_go_on()
            if segment.step != step:
                step = segment.step
                yield from self._announce("intent", step=step, segment=index)
                yield self._emit("step", step=step)
            yield from self._run_segment(index, segment)
        yield from self._settle()

    def lose(self, fault: Faulted) -> Events:
        """Take a fault after which there is no path to slow down on; the driver was stopped already."""
        yield from self._extinguish("fault")
        if self._status != "faulted":
            self._ending, self._status = fault.findings[0], "faulted"
            yield self._emit("fault", findings=[_as_json(finding) for finding in fault.findings], **self._place())

    def abandon(self, error: BaseException) -> None:
        """Note that the run was left by an error or by its caller; the driver was stopped already."""
        self._arc.extinguish(s=self._s, time=self._stream.time, complete=False)
        self._record.note("abandoned", error=type(error).__name__, **self._place())

    def close(self) -> Events:
        """The last events: the process is off and the arm stands."""
        time = self._stream.time
        if self._ending is None:
            yield self._enter("complete")
            yield self._emit("done", cycle_time=time)
        else:
            yield self._enter("stopped" if self._status == "stopped" else "aborted")
            yield self._emit("stopped", findings=[_as_json(self._ending)], **self._place())
        self._record.note("end", status=self._status, time=time, **self._place())

    def outcome(self) -> Outcome:
        """How the run ended."""
        return Outcome(
            status=self._status,
            findings=() if self._ending is None else (self._ending,),
            segment=self._segment,
            s=self._s,
            time=self._stream.time,
            cycles=self._stream.cycles,
            late_cycles=self._stream.late,
            welds=tuple(self._arc.welds),
        )

    # Along the path ------------------------------------------------------------------------------------------------

    def _run_segment(self, index: int, segment: FixedSegment) -> Events:
        """Follow one segment, standing for what its process does on the way."""
        curve = TimedCurve(segment)
        self._segment, self._tau, self._s = index, 0.0, curve.at(0.0)[0]
        process = segment.process
        yield self._emit("segment", **self._place(), what=segment.kind, seam=process.seam if process else "")
        for event in () if process is None else sorted(process.events, key=lambda event: event.at):
            yield from self._travel(curve, until=curve.time_at(event.at))
            yield from self._settle()
            times = self._job.times[segment.step]
            yield from (self._start_arc(segment, times) if event.name == "arc_start" else self._end_arc(times))
        yield from self._travel(curve, until=curve.duration)
        self._record.note("segment_done", segment=index)

    def _travel(self, curve: TimedCurve, *, until: float) -> Events:
        """Move along the path, from rest, to path time `until`, where the law rests; hold, stop and faults happen in
        here.
        """
        self._rate = self._wanted()
        while self._tau < until:
            yield from self._obey()
            self._change_rate(curve)
            self._tau = min(until, self._tau + self._rate * self._stream.dt)
            self._s, joints = curve.at(self._tau)
            yield from self._cycle(joints)
        self._rate = 0.0

    def _change_rate(self, curve: TimedCurve) -> None:
        wanted = self._wanted()
        if self._rate == wanted:
            return
        velocity, acceleration = curve.rates(self._tau)
        self._rate = next_rate(
            self._rate,
            wanted=wanted,
            dt=self._stream.dt,
            velocity=velocity,
            acceleration=acceleration,
            limit=self._job.envelope.acceleration,
        )

    def _wanted(self) -> float:
        """The rate to go to. Travel speed is part of a procedure, so an override waits while the arc stands."""
        if self._state != "execute":
            return 0.0
        return 1.0 if self._arc.state == "established" else self._override

    # Standing ------------------------------------------------------------------------------------------------------

    def _stand(self, duration: float, *, until: Callable[[], bool] = lambda: False) -> Generator[Event, None, bool]:
        """Stand for `duration` s, or until a condition holds. False when a hold came between; the arc is off then."""
        deadline = self._stream.measured.time + duration - 1e-9
        while self._stream.measured.time < deadline:
            yield from self._obey()
            if self._state != "execute":
                yield from self._wait_to_go_on()
                return False
            yield from self._cycle(self._stream.command)
            if until():
                break
        return True

    def _wait_to_go_on(self) -> Events:
        """Cycle in place until the run goes on; a run that ends, ends in here."""
        while self._state != "execute":
            yield from self._cycle(self._stream.command)
            yield from self._obey()

    def _settle(self) -> Events:
        """Wait until the arm stands at its last command, at most the goal time."""
        if self._stream.at_goal():
            return
        tolerances = self._job.tolerances
        yield from self._stand(tolerances.goal_time, until=self._stream.at_goal)
        if not self._stream.at_goal():
            finding = checks.goal_finding(
                self._stream.measured.joints,
                goal=self._stream.command,
                envelope=self._job.envelope,
                tolerances=tolerances,
                where=self._where(),
            )
            raise Faulted(finding)

    def _announce(self, kind: str, **data: object) -> Events:
        """Make an intent durable before what follows; where the arm's clock runs, the arm keeps its cycle meanwhile."""
        durable = self._record.intent(kind, **data)
        while self._stream.cycles and not self._stream.arm.lock_step and not durable.done():
            yield from self._cycle(self._stream.command)
        try:
            durable.result()
        except OSError as error:
            raise Faulted(Finding("X411", f"the journal cannot be written: {error.strerror}")) from None

    # The process ---------------------------------------------------------------------------------------------------

    def _start_arc(self, segment: FixedSegment, times: ProcessTimes) -> Events:
        """Gas, arc on, wait for the arc, dwell. A hold before the arc stands begins the attempt again."""
        attempts = times.start.retries + 1
        while attempts and self._arc.state != "established":
            self._arc.gas("on")
            if not (yield from self._stand(times.start.preflow)):
                continue
            yield from self._announce("arc_intent", **self._place())
            self._arc.ignite()
            yield self._emit("arc_on", **self._place())
            if not (yield from self._stand(times.start.ignition_timeout, until=self._arc_stands)):
                continue
            attempts -= 1
            if self._arc_stands():
                yield from self._establish(segment)
            elif attempts:
                yield from self._extinguish("no_arc")
        if self._arc.state != "established":
            yield from self._end_with(self._arc_missing(times))
            yield from self._wait_to_go_on()
        yield from self._stand(times.start.dwell)

    def _establish(self, segment: FixedSegment) -> Events:
        seam = segment.process.seam if segment.process else ""
        self._arc.establish(segment=self._segment, seam=seam, s=self._s, time=self._stream.time)
        self._record.note("arc_established", **self._place())
        yield self._emit("arc_established", **self._place())

    def _end_arc(self, times: ProcessTimes) -> Events:
        """Crater fill and burn-back with the torch standing, arc off, postflow. A seam that was cut is only left."""
        if self._arc.state == "established":
            yield from self._stand(times.end.crater_fill + times.end.burnback)
        yield from self._extinguish("seam_end")
        self._arc.gas("on")
        yield from self._stand(times.end.postflow)
        self._arc.gas("off")

    def _extinguish(self, why: str) -> Events:
        """Arc and gas off with the next command, whatever they were."""
        self._arc.gas("off")
        before = self._arc.extinguish(s=self._s, time=self._stream.time, complete=why == "seam_end")
        if before != "off":
            self._record.note("arc_off", why=why, **self._place())
            yield self._emit("arc_off", why=why, **self._place())

    def _arc_stands(self) -> bool:
        return self._arc.stands(self._stream.measured.inputs)

    def _arc_missing(self, times: ProcessTimes) -> Finding:
        tries = times.start.retries + 1
        return Finding(
            "X403",
            f"the arc was never established: {tries} attempt{'s' if tries > 1 else ''} of "
            f"{times.start.ignition_timeout:g} s, {self._where()}",
            suggestion="look at wire, gas, ground and the weld source",
        )

    # One cycle -----------------------------------------------------------------------------------------------------

    def _obey(self) -> Events:
        """Take the operator's command; the arc goes off in the cycle in which a stop or a hold is taken."""
        waits = self._state == "held" and self._stream.arm.lock_step
        command = self._control.poll(patience=_HELD_PATIENCE if waits else 0.0)
        self._override = command.override
        if self._ending is not None:
            if self._rate == 0.0 and self._stream.outputs == self._arc.outputs:
                raise _Ended
        elif command.demand == "stop":
            self._ending = Finding("X409", f"stopped on request, {self._where()}", severity="note")
            self._status = "stopped"
            yield self._enter("stopping")
            yield from self._extinguish("stop")
        elif command.demand == "hold" and self._state == "execute":
            yield self._enter("holding")
            yield from self._extinguish("hold")
        elif command.demand == "run" and self._state in ("holding", "held"):
            if not self._cut_here() or command.arc == "dry":
                yield self._enter("execute")
        elif self._state == "holding" and self._rate == 0.0:
            yield self._enter("held")

    def _cycle(self, joints: FloatArray) -> Events:
        """Send one setpoint and judge what came back."""
        point = PathPoint(self._segment, self._s, self._rate)
        self._stream.send(joints, outputs=self._arc.outputs, arc=ARC_CODES[self._arc.state], point=point)
        finding = None if self._ending else self._arc_lost() or self._stream.trouble(self._where())
        if finding is not None:
            yield from self._end_with(finding)
        if self._stream.time >= self._next_progress:
            self._next_progress = self._stream.time + _PROGRESS_EVERY
            yield self._emit("progress", **self._place(), rate=round(self._rate, 6))

    def _arc_lost(self) -> Finding | None:
        tolerance = self._job.tolerances.arc_loss
        if self._arc.missing_for(self._stream.measured.inputs, self._stream.dt) <= tolerance:
            return None
        return Finding("X404", f"the arc was lost for more than {tolerance:g} s, {self._where()}")

    def _end_with(self, finding: Finding) -> Events:
        """Take a fault: arc off now, slow down on the path, then the run ends."""
        self._ending, self._status = finding, "faulted"
        yield from self._extinguish("fault")
        yield self._emit("fault", findings=[_as_json(finding)], **self._place())
        yield self._enter("aborting")

    def _cut_here(self) -> bool:
        return self._arc.cut is not None and self._arc.cut[0] == self._segment

    # Words ---------------------------------------------------------------------------------------------------------

    def _place(self) -> dict[str, object]:
        step = self._segments[self._segment].step if self._segments else -1
        return {"step": step, "segment": self._segment, "s": self._s}

    def _where(self) -> str:
        return f"segment {self._segment} at s = {self._s:.4f}, {self._stream.time:.3f} s after the start"

    def _enter(self, state: State) -> Event:
        self._state = state
        self._record.note("state", state=state, **self._place())
        return self._emit("state", state=state, arc_cut=self._cut_here(), **self._place())

    def _emit(self, kind: EventKind, **data: object) -> Event:
        event = Event(self._stream.time, kind, data)
        self._record.event(event)
        return event


def _as_json(finding: Finding) -> dict[str, object]:
    return {"code": finding.code, "message": finding.message, "suggestion": finding.suggestion}
