"""The executor process: it alone holds the driver and the lease, runs one job at a time, and hears its clients
between cycles.

It imports neither planning nor rendering; whatever a client does or fails to do, the control loop keeps its period.
"""

from __future__ import annotations

import errno
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast, get_args

from cellctl import __version__
from cellctl.drivers.driver import Driver
from cellctl.errors import CellctlError, Finding, UsageError
from cellctl.execution.clock import Clock, MonotonicClock
from cellctl.execution.control import Command
from cellctl.execution.executor import execute
from cellctl.execution.job import Job, ProcessMode
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.records.record import RunFolder
from cellctl.execution.service import protocol
from cellctl.execution.service.lease import Lease
from cellctl.execution.service.links import ClientLink
from cellctl.execution.service.operating import Answer, Operating, Result
from cellctl.execution.service.own_planner import OwnPlanner
from cellctl.execution.service.protocol import Request
from cellctl.model.event import Event
from cellctl.model.inputs import canonical_json
from cellctl.realtime import going_first

Load = Callable[[Path], Job]
"""Reads a plan file and makes it a job; raises CellctlError for one that is not certified."""

_IDLE = 0.1


class Links(Protocol):
    """Where clients come from, and where news goes."""

    orphaned: bool

    def requests(self, *, patience: float) -> Iterator[tuple[ClientLink, bytes | None]]:
        """The lines that have come, with who sent them; a client that is gone comes with None."""
        ...

    def send(self, client: ClientLink, line: bytes) -> None:
        """Queue a reply."""
        ...

    def publish(self, line: bytes, *, droppable: bool = False) -> None:
        """Queue a line for everybody who has subscribed."""
        ...


class Executor:
    """One arm, one lease, at most one run. It is the `Control` of its own run.

    What a simulated controller writes to its `log` during a run is put beside the record, whether a client is left or
    not.
    """

    def __init__(
        self,
        driver: Driver,
        links: Links,
        load: Load,
        lease: Lease | None = None,
        *,
        clock: Clock | None = None,
        log: Path | None = None,
    ) -> None:
        self._driver, self._links, self._load = driver, links, load
        self._lease = lease or Lease()
        self._clock = clock or MonotonicClock()
        self.operating = Operating(driver, self._lease, self._clock)
        self._instance = secrets.token_hex(8)
        self._loaded: tuple[Path, Job] | None = None
        self._last: Event | None = None
        self._ending = False
        self._log = log
        self._heard = self._clock.now()
        self._planner = OwnPlanner(driver, self.operating)
        self._requests: dict[str, Answer] = {
            "hello": self._hello,
            "status": self._status,
            "acquire": self._acquire,
            "heartbeat": self._heartbeat,
            "release": self._release,
            "subscribe": self._subscribe,
            "load": self._do_load,
            "start": self._start,
            "shutdown": self._shutdown,
            **self.operating.requests,
            **self._planner.requests,
        }

    def serve(self) -> None:
        """Serve until asked to end; a run in progress is stopped first."""
        while not self._ending and not self._links.orphaned:
            self._hear(_IDLE)
            self._planner.go_on(unless=self._ending or self._links.orphaned)
            if self.operating.record is not None:
                self._run(self.operating.record)
                self.operating.record = None

    def end(self) -> None:
        """Ask for the end, as a signal does: a run is stopped on its path, then the process ends."""
        self._ending = True

    def poll(self, *, patience: float) -> Command:
        """What the executor shall do now, after hearing the clients."""
        self._hear(patience)
        operating = self.operating
        if self._ending:
            operating.end("because the executor was asked to end")
        elif self._links.orphaned:
            operating.end("because the process that started it is gone")
        elif operating.command.demand != "stop":
            operating.protect()
        return operating.command

    # A run ---------------------------------------------------------------------------------------------------------

    def _run(self, record: RunFolder) -> None:
        """Execute the loaded job; its outcome is published once its record is complete."""
        if self._loaded is None:
            raise AssertionError("started without a plan")
        job = self._loaded[1]
        logged = self._log.stat().st_size if self._log is not None and self._log.exists() else 0
        with record, self._ahead():
            machine = self.operating.machine
            run = execute(job, self._driver, clock=self._clock, control=self, record=record, machine=machine)
            outcome = self._followed(run)
        try:
            record.write_outcome(canonical_json(protocol.outcome_as_json(outcome)))
        except OSError as error:
            finding = Finding("X411", f"outcome.json cannot be written: {error.strerror}")
            outcome = replace(outcome, findings=(*outcome.findings, finding))
        if self._log is not None and self._log.exists():
            record.keep(self._log, since=logged)
        self._links.publish(protocol.outcome_line(outcome))

    def _ahead(self) -> AbstractContextManager[None]:
        """Ahead of everything ordinary while an arm keeps its clock; in lock-step nobody waits."""
        return nullcontext() if self._driver.identify().lock_step else going_first()

    def _followed(self, run: Generator[Event, None, Outcome]) -> Outcome:
        while True:
            try:
                event = next(run)
            except StopIteration as end:
                return cast(Outcome, end.value)
            self._last = event
            self.operating.heard(event)
            self._links.publish(protocol.event_line(event), droppable=event.kind == "progress")

    # Clients -------------------------------------------------------------------------------------------------------

    def _hear(self, patience: float) -> None:
        """Take what clients have asked; time in which nobody was listened to, as on a slow disk, ends no lease."""
        self._lease.extend(max(0.0, self._clock.now() - self._heard - _IDLE))
        for client, line in self._links.requests(patience=patience):
            began = self._clock.now()
            if line is None:
                self._lease.release(client=client.number)
            else:
                self._answer(client, line)
            self._lease.extend(self._clock.now() - began)
        self._heard = self._clock.now()

    def _answer(self, client: ClientLink, line: bytes) -> None:
        request: Request | None = None
        try:
            request = protocol.parse_request(line)
            if request.do not in self._requests:
                known = ", ".join(sorted(self._requests))
                raise UsageError(Finding("X422", f"nothing is called '{request.do}'", suggestion=f"known: {known}"))
            result = self._requests[request.do](client, request)
        except CellctlError as error:
            self._links.send(client, protocol.error_line(request.id if request else None, error))
            return
        if request.id is not None:
            self._links.send(client, protocol.result_line(request.id, result))

    def _hello(self, client: ClientLink, request: Request) -> Result:
        name = request.text("name")
        if len(name) > protocol.LONGEST_NAME or not name.isprintable():
            text = f"a name has {protocol.LONGEST_NAME} letters at most, all of which can be shown"
            raise UsageError(Finding("X422", text))
        client.name = name
        arm = self._driver.identify()
        return {
            "protocol": protocol.PROTOCOL,
            "version": __version__,
            "instance": self._instance,
            "arm": {"driver": arm.name, "robot": arm.robot, "joints": list(arm.joints), "period": arm.period},
            "pace": arm.pace,
            "plans": arm.plans,
        }

    def _status(self, client: ClientLink, request: Request) -> Result:
        del client, request
        last = {} if self._last is None else self._last.data
        still = self.operating.record is None and not self.operating.homes
        return {
            "state": self.operating.machine.state,
            "power": self.operating.machine.power,
            "mode": self.operating.machine.mode,
            "running": self.operating.record is not None,
            "plan": None if self._loaded is None else str(self._loaded[0]),
            "place": {name: last[name] for name in ("step", "segment", "s") if name in last},
            "override": self.operating.command.override,
            "lease": None if self.operating.unattended else self._lease.holder,
            "joints": self._driver.read().joints.tolist() if still else None,
        }

    def _acquire(self, client: ClientLink, request: Request) -> Result:
        del request
        epoch = self._lease.acquire(client=client.number, name=client.name, now=self._clock.now())
        self.operating.note("lease", client.name)
        return {"epoch": epoch}

    def _heartbeat(self, client: ClientLink, request: Request) -> Result:
        del request
        self._lease.heartbeat(client=client.number, now=self._clock.now())
        return {}

    def _release(self, client: ClientLink, request: Request) -> Result:
        del request
        self._lease.release(client=client.number)
        return {}

    def _subscribe(self, client: ClientLink, request: Request) -> Result:
        del request
        client.subscribed = True
        return {}

    def _do_load(self, client: ClientLink, request: Request) -> Result:
        self.operating.check(client, request)
        self.operating.refuse_while_running()
        path = request.path("plan")
        job = self._load(path)
        plan = job.certified.plan
        process = cast(ProcessMode, request.choice("process", get_args(ProcessMode), default=job.process))
        resumes, part_id = (request.text(name, default="") for name in ("resumes", "part_id"))
        job = replace(job, process=process, resumes=resumes, part_id=part_id)
        if request.arguments.get("entry") is not None:
            job = replace(job, entry=protocol.entry_from_json(request.arguments["entry"], plan.segments))
        self._loaded = (path, job)
        return {
            "plan": job.certified.certificate.plan_sha256,
            "segments": len(plan.segments),
            "cycle_time": plan.cycle_time,
        }

    def _start(self, client: ClientLink, request: Request) -> Result:
        """Everything that can be refused is refused here, before the reply; the run begins after it."""
        self.operating.check(client, request)
        self.operating.refuse_while_running()
        if self._loaded is None:
            raise UsageError(Finding("X421", "no plan is loaded", suggestion="load one first"))
        folder = request.path("folder")
        path, job = self._loaded
        self.operating.machine.demand("start")
        self._demand_ready(job)
        record = _new_record(folder, path, job)
        self._loaded = (path, replace(job, started_by=client.name))
        self.operating.begin(record)
        self._last = None
        return {}

    def _demand_ready(self, job: Job) -> None:
        """What the table does not know: mode T1 moves without process."""
        segments = job.certified.plan.segments
        welds = job.process == "weld" and any(job.strikes(one) or one.screw is not None for one in segments)
        if self.operating.machine.mode == "t1" and welds:
            hint = "load the plan with process 'dry', or choose mode 'auto'"
            raise UsageError(
                Finding("X435", "in mode t1 nothing is welded, no bead is laid and no screw driven", suggestion=hint)
            )

    def _shutdown(self, client: ClientLink, request: Request) -> Result:
        del request
        self.operating.note("shutdown", client.name)
        self._ending = True
        return {}


def _new_record(folder: Path, plan: Path, job: Job) -> RunFolder:
    """A new run folder with a copy of the plan file; raises UsageError (X411) and leaves nothing where it cannot be."""
    try:
        record = RunFolder(folder, job.envelope.names, job.analog.names)
        try:
            shutil.copyfile(plan, folder / f"plan{plan.suffix}")
        except OSError:
            (folder / f"plan{plan.suffix}").unlink(missing_ok=True)
            record.discard()
            raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "make room on the disk" if full else "name a folder that holds no run yet and can be written"
        message = f"a run cannot be recorded in {folder}: {error.strerror}"
        raise UsageError(Finding("X411", message, suggestion=hint)) from None
    return record
