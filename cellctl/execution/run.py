"""One run in progress: at its place on the path, with its process, its holds and its end. It plans nothing.

Path time runs at a rate between -1 (back), 0 (stand) and 1 (as planned). Override, hold, strides and stops change the
rate and nothing else, so every command lies on the certified path. A stall is never made up for: path time advances two
periods a cycle at most.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress

from cellctl.drivers.driver import Driver
from cellctl.errors import Faulted, Finding
from cellctl.execution import checks
from cellctl.execution.announcing import Announcer
from cellctl.execution.arc import ArcChannel
from cellctl.execution.arc_procedure import ArcProcedure
from cellctl.execution.clock import Clock
from cellctl.execution.control import Control
from cellctl.execution.following import Follower
from cellctl.execution.gripper import GripProcedure
from cellctl.execution.job import Job
from cellctl.execution.ledger import SeamLedger
from cellctl.execution.machine import Machine
from cellctl.execution.obeying import Elsewhere, Obedience
from cellctl.execution.process import Process
from cellctl.execution.rate import STEEPEST_RISE
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.records.record import Record
from cellctl.execution.screwdriver import ScrewProcedure
from cellctl.execution.source_procedure import SourceProcedure
from cellctl.execution.stream import PathPoint, SetpointStream
from cellctl.execution.strides import Strides
from cellctl.execution.telling import Events, Teller, finding_data
from cellctl.execution.valve_procedure import ValveProcedure
from cellctl.model.event import Event
from cellctl.model.pose import FloatArray

ARC_RISE = 25.0
"""1/s: with the arc on the travel speed of the procedure is taken up as soon as the joints allow."""
_PROGRESS_EVERY = 0.5
_PERHAPS_THE_HOST = ("X402", "X407", "X412", "X495")
_LEAD_SPEED = 0.05


class PlanRun:
    """One run in progress: what it does at its place on the path, what the process does, and why it ends."""

    stream_type: type[SetpointStream] = SetpointStream

    def __init__(
        self, job: Job, driver: Driver, *, clock: Clock, control: Control, record: Record, machine: Machine
    ) -> None:
        self._job, self._record, self._machine = job, record, machine
        self._stream = self.stream_type(job, driver, clock=clock, record=record)
        unfit = checks.unfit_job(job, self._stream.arm)
        if unfit is not None:
            raise Faulted(unfit)
        self._path = Follower(job.certified.plan.segments, job.envelope, job.throws)
        entry = job.entry
        if entry.s is None:
            self._path.enter(entry.segment)
        else:
            self._path.enter_at(entry.segment, entry.s)
        ledger = SeamLedger(job, entry=entry)
        self._teller = Teller(record, self._stream, self._path, machine, ledger)
        self.note, self.tell = self._teller.note, self._teller.tell
        announcer = Announcer(record, self._stream, self._teller, self)
        self.announce = announcer.announce
        self._process = Process(
            job,
            record,
            path=self._path,
            stream=self._stream,
            ledger=ledger,
            teller=self._teller,
            patience=announcer.wait,
        )
        self._procedure = self._source_procedure(job)
        self._grip = GripProcedure(self._process.gripper, self)
        self._screw = ScrewProcedure(self._process.screw, self)
        self._strides = Strides(self._path, self)
        self._operator = Obedience(
            control,
            machine,
            path=self._path,
            stream=self._stream,
            process=self._process,
            procedure=self._procedure,
            strides=self._strides,
            teller=self._teller,
        )
        self.heed, self.obey = self._operator.heed, self._operator.obey
        self.end_with, self.pause = self._operator.end_with, self._operator.pause
        self.put_out, self.reached, self.left = self._process.put_out, self._process.reached, self._process.left
        self._announced = self._path.segments[job.entry.segment].step - 1 if job.entry.segment else -1
        self._next_progress = 0.0

    def _source_procedure(self, job: Job) -> SourceProcedure:
        """How what works along the seams of this job is switched on and off."""
        source = self._process.source
        if isinstance(source, ArcChannel):
            return ArcProcedure(source, self, job.times)
        return ValveProcedure(source, self, job.beads, lag=self._stream.arm.lag)

    # The whole run -------------------------------------------------------------------------------------------------

    def whole(self) -> Events:
        """From the start check to the last goal."""
        job = self._job
        self._teller.note(
            "begin",
            plan=job.certified.certificate.plan_sha256,
            arm=self._stream.arm.name,
            process=job.process,
            mode=self._machine.mode,
            resumes=job.resumes,
            part_id=job.part_id,
            by=job.started_by,
            done=list(job.entry.done),
            cut=None if job.entry.cut is None else [job.entry.cut.segment, job.entry.cut.s],
        )
        yield self._teller.state()
        self._lead_in()
        yield from self.obey()
        if self._machine.state == "starting":
            yield from self._teller.take("begin")
        if self._process.gripper.part:
            yield from self._grip.demand_held()
        arrived = False
        while not arrived:
            with suppress(Elsewhere):
                yield from self._segments_from_here()
                yield from self._settle()
                yield from self.wait_to_go_on()
                arrived = True
        yield from self._teller.take("finish")

    def lose(self, fault: Faulted, *, reached: bool) -> Events:
        """Take a fault after which there is no path to slow down on; the driver was stopped, if it could be reached."""
        yield self._teller.state()
        yield from self._procedure.extinguish("fault", confirmed=reached)
        if self._operator.status != "faulted":
            self._operator.fail(fault.findings[0])
            yield self._teller.tell("fault", findings=[finding_data(finding) for finding in fault.findings])

    def abandon(self, error: BaseException) -> None:
        """Note that the run was left by an error or by its caller; the driver was stopped already."""
        self.put_out(complete=False)
        self._machine.take("still")
        self._teller.note("abandoned", error=type(error).__name__)

    def close(self) -> Events:
        """The last events: the process is off and the arm stands."""
        time = self._stream.time
        yield from self._teller.take("still")
        if self._operator.ending is None:
            yield self._teller.tell("done", cycle_time=time)
        else:
            yield self._teller.tell("stopped", findings=[finding_data(self._operator.ending)])
        if link := self._stream.link:
            self._teller.note("link", **link)
        self._teller.note("end", status=self._operator.status, time=time)

    def outcome(self) -> Outcome:
        """How the run ended."""
        return Outcome(
            status=self._operator.status,
            findings=() if self._operator.ending is None else (self._operator.ending, *self._excuse()),
            segment=self._path.index,
            s=self._path.s,
            time=self._stream.time,
            cycles=self._stream.cycles,
            late_cycles=self._stream.late,
            welds=tuple(self._process.source.welds),
            lateness=self._stream.lateness.counts,
            stalls=self._stream.stalls,
            stalled=self._stream.stalled,
        )

    def _excuse(self) -> tuple[Finding, ...]:
        """What the host had to do with a fault that a late cycle may have brought about."""
        host, ending = self._stream.lateness.host_finding(), self._operator.ending
        if host is None or ending is None or ending.code not in _PERHAPS_THE_HOST:
            return ()
        return (host,)

    # Along the path ------------------------------------------------------------------------------------------------

    def _lead_in(self) -> None:
        """Compare the measured pose with where the run begins, and go there slowly from where the arm really stands."""
        path, begin = self._path, self._path.enter(self._path.index, self._path.tau)
        finding = self._stream.check_start(begin) or self._process.gripper.unfit_start(self._stream.measured.inputs)
        finding = finding or self._procedure.stuck()
        if finding is not None:
            raise Faulted(finding)
        for joints in self._stream.lead_in(begin, speed=_LEAD_SPEED):
            if self.heed().demand == "stop":
                return
            self._stream.send(joints, outputs=self._process.outputs, arc=0, point=PathPoint(-1, path.s, 0.0))

    def _segments_from_here(self) -> Events:
        """Follow segment after segment to the end of the plan."""
        path = self._path
        while True:
            yield from self.obey()
            yield from self.wait_to_go_on()
            step = path.segment.step
            if step > self._announced:
                yield from self.announce("intent")
                self._announced = step
                yield self._teller.tell("step", step=step)
            yield from self._run_segment()
            if path.index + 1 == len(path.segments):
                return
            path.enter(path.index + 1)
            yield from self._strides.after_segment(self._operator.command.stride)

    def _run_segment(self) -> Events:
        """Follow one segment from here, standing for what its process does on the way."""
        path, segment = self._path, self._path.segment
        process = segment.process
        yield self._teller.tell("segment", what=segment.kind, seam=process.seam if process else "")
        if segment.gripper is not None:
            yield from self._settle()
            yield from self._grip.do(segment.gripper)
            yield from self.wait_to_go_on()
            path.enter(path.index, path.curve.duration)
        due = self._process.ledger.due(path.index)
        if due is not None and segment.screw is not None:
            yield from self.creep_to(path.curve.time_at(due), give_up_when_held=False)
            yield from self._settle()
            yield from self._screw.drive(segment.screw)
            yield from self.wait_to_go_on()
            self._process.ledger.complete(path.index)
        if due is not None and process is not None:
            yield from self.creep_to(path.curve.time_at(due), give_up_when_held=False)
            yield from self._settle()
            procedure, step = self._procedure, segment.step
            if not (yield from procedure.start(step, self._process.establish)):
                yield from self.wait_to_go_on()
            yield from self._travel(until=path.curve.time_at(process.end), each=lambda: procedure.along(step))
            yield from self._settle()
            yield from procedure.end(step)
            yield from self.wait_to_go_on()
        yield from self._travel(until=path.curve.duration)
        self._record.note("segment_done", segment=path.index)

    def feed(self, each: Callable[[], None]) -> Events:
        """Move to the end of this segment with its process; `each` is called in every cycle in which the run may
        move.
        """
        yield from self._travel(until=self._path.curve.duration, each=each)

    def _travel(self, *, until: float, each: Callable[[], None] = lambda: None) -> Events:
        """Move along the path from standstill to path time `until`, where the law rests; hold, stop and faults happen
        in here.
        """
        path = self._path
        path.set_off(self._wanted())
        while path.tau < until:
            yield from self.obey()
            stride = self._operator.command.stride
            works = self._process.works or self._process.source.state != "off"
            if stride is not None and stride.unit == "distance" and not works and self.executing:
                yield from self._strides.on(stride, until=until)
                continue
            if self.executing:
                each()
            starts = self._process.source.state == "established" and path.rate < self._process.share(0.0)
            rise = ARC_RISE if starts else STEEPEST_RISE
            joints = path.advance(self._stream.dt, wanted=self._wanted(), until=until, rise=rise)
            yield from self._cycle(joints)
        path.rate = 0.0

    def creep_to(self, goal: float, *, give_up_when_held: bool) -> Events:
        """Move to a place of this segment where the law need not rest, forward or back, without process."""
        path = self._path
        while path.tau != goal and not (give_up_when_held and self._machine.state == "held"):
            yield from self.obey()
            joints = path.creep(self._stream.dt, wanted=self._wanted(), goal=goal)
            yield from self._cycle(joints)
        path.rate = 0.0

    def scratch(self, distance: float, *, until: Callable[[], bool]) -> Events:
        """Move on along the seam by `distance` m, or until a condition holds, and come back to where it began."""
        path, home = self._path, self._path.tau
        process = path.segment.process
        end = path.segment.path.end if process is None else process.end
        far = path.curve.time_at(min(path.s + distance, end))
        while path.tau < far and (path.rate or (self.executing and not until())):
            yield from self.obey()
            wanted = 0.0 if until() else self._wanted()
            yield from self._cycle(path.creep(self._stream.dt, wanted=wanted, goal=far))
        yield from self.creep_to(home, give_up_when_held=False)

    @property
    def executing(self) -> bool:
        """Whether the run may move."""
        return self._operator.executing

    def _wanted(self) -> float:
        """The rate to go to. Travel speed is part of a procedure: while its process works, an override goes as far as
        that lets it.
        """
        if not self.executing:
            return 0.0
        if self._process.works:
            return self._process.share(self._operator.command.override)
        cap = self._path.slowed(self._path.index) if self._machine.mode == "t1" else 1.0
        return min(self._operator.command.override, cap)

    # Standing ------------------------------------------------------------------------------------------------------

    def stand(self, duration: float, *, until: Callable[[], bool] = lambda: False) -> Generator[Event, None, bool]:
        """Stand for `duration` s, or until a condition holds. False when a hold came between, which takes the process
        away.
        """
        deadline = self._stream.measured.time + duration - 1e-9
        while self._stream.measured.time < deadline:
            yield from self.obey()
            if self._machine.state != "execute":
                yield from self.wait_to_go_on()
                return False
            yield from self.cycle_in_place()
            if until():
                break
        return True

    def wait_to_go_on(self) -> Events:
        """Cycle in place until the run goes on; a run that ends, ends in here."""
        while self._machine.state != "execute":
            yield from self.cycle_in_place()
            yield from self.obey()

    def _settle(self) -> Events:
        """Wait until the arm stands at its last command, at most the goal time."""
        if self._stream.at_goal():
            return
        tolerances = self._job.tolerances
        yield from self.stand(tolerances.goal_time, until=self._stream.at_goal)
        if not self._stream.at_goal():
            finding = checks.goal_finding(
                self._stream.measured.joints,
                goal=self._stream.command,
                envelope=self._job.envelope,
                tolerances=tolerances,
                where=self._teller.where,
            )
            raise Faulted(finding)

    # One cycle -----------------------------------------------------------------------------------------------------

    def cycle_in_place(self) -> Events:
        """One cycle of standing."""
        yield from self._cycle(self._stream.command)

    def _cycle(self, joints: FloatArray) -> Events:
        """Send one setpoint and judge what came back."""
        path = self._path
        point = PathPoint(path.index, path.s, path.rate)
        process, override = self._process, self._operator.command.override
        analog = process.analog(override)
        self._stream.send(joints, outputs=process.outputs, arc=process.arc_code, point=point, analog=analog)
        yield from self._judge()

    def _judge(self) -> Events:
        """What the cycle that was measured last means for the run."""
        finding = None if self._operator.ending else self._process.lost() or self._stream.trouble(self._teller.where)
        if finding is not None:
            yield from self.end_with(finding)
        if self._stream.time >= self._next_progress:
            self._next_progress = self._stream.time + _PROGRESS_EVERY
            yield self._teller.tell("progress", rate=round(self._path.rate, 6))

    # What the procedures see of the run ----------------------------------------------------------

    def where(self) -> str:
        """The place in words."""
        return self._teller.where

    def now(self) -> float:
        """The arm's clock, s."""
        return self._stream.time

    def inputs(self) -> int:
        """The digital inputs as they were measured last."""
        return self._stream.measured.inputs
