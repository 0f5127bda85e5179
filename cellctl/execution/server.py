"""The executor process: it alone holds the driver and the lease, runs one job at a time, and hears its clients
between cycles.

It imports neither planning nor rendering; whatever a client does or fails to do, the control loop keeps its period.
"""

from __future__ import annotations

import errno
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol, cast, get_args

from cellctl import __version__
from cellctl.drivers.driver import Driver
from cellctl.errors import CellctlError, Finding, UsageError
from cellctl.execution import protocol
from cellctl.execution.clock import Clock, MonotonicClock
from cellctl.execution.control import ArcChoice, Command, Stride, Unit
from cellctl.execution.executor import execute
from cellctl.execution.job import Job, ProcessMode
from cellctl.execution.lease import Lease
from cellctl.execution.links import ClientLink
from cellctl.execution.machine import Machine, Mode
from cellctl.execution.outcome import Outcome
from cellctl.execution.protocol import Request
from cellctl.execution.record import RunFolder
from cellctl.model.event import Event
from cellctl.model.inputs import canonical_json

Load = Callable[[Path], Job]
"""Reads a plan file and makes it a job; raises CellctlError for one that is not certified."""
Result = Mapping[str, object]

LONGEST_OVERLAP = 0.1
"""m: the most that an arc may be struck before the place where it was cut."""
LONGEST_STRIDE = 10.0
"""m."""
ENABLING = 0.2
"""s: how long a sign of enabling counts in mode T1."""
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
    """One arm, one lease, at most one run. It is the `Control` of its own run."""

    def __init__(
        self,
        driver: Driver,
        links: Links,
        load: Load,
        lease: Lease | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._driver, self._links, self._load = driver, links, load
        self._lease = lease or Lease()
        self._clock = clock or MonotonicClock()
        self.machine = Machine()
        self._enabled_until = 0.0
        self._instance = secrets.token_hex(8)
        self._loaded: tuple[Path, Job] | None = None
        self._started: RunFolder | None = None
        self._command = Command()
        self._last: Event | None = None
        self._arc_cut = False
        self._ending = False
        self._requests: dict[str, Callable[[ClientLink, Request], Result]] = {
            "hello": self._hello,
            "status": self._status,
            "acquire": self._acquire,
            "heartbeat": self._heartbeat,
            "release": self._release,
            "subscribe": self._subscribe,
            "hold": self._hold,
            "stop": self._stop,
            "load": self._do_load,
            "start": self._start,
            "resume": self._resume,
            "override": self._override,
            "clear": self._clear,
            "reset": self._reset,
            "power": self._power,
            "estop": self._estop,
            "mode": self._mode,
            "enable": self._enable,
            "stride": self._stride,
            "back": self._back,
            "shutdown": self._shutdown,
        }

    def serve(self) -> None:
        """Serve until asked to end; a run in progress is stopped first."""
        while not self._ending and not self._links.orphaned:
            self._hear(_IDLE)
            if self._started is not None:
                self._run(self._started)
                self._started = None

    def end(self) -> None:
        """Ask for the end, as a signal does: a run is stopped on its path, then the process ends."""
        self._ending = True

    def poll(self, *, patience: float) -> Command:
        """What the executor shall do now, after hearing the clients."""
        self._hear(patience)
        if self._ending:
            self._command = replace(self._command, demand="stop", why="because the executor was asked to end")
        elif self._links.orphaned:
            self._command = replace(self._command, demand="stop", why="because the process that started it is gone")
        elif self._command.demand != "stop":
            self._protect()
        return self._command

    def _protect(self) -> None:
        """Hold, and then stop, where nobody alive has the lease; hold where mode T1 is not enabled."""
        now = self._clock.now()
        lost = self._lease.loss(now)
        if lost:
            demand: Literal["hold", "stop"] = "stop" if self.machine.state == "held" else "hold"
            self._command = replace(self._command, demand=demand, protective=True, why=f"because {lost}")
        elif self.machine.mode == "t1" and now > self._enabled_until and self._command.demand == "run":
            why = "because nobody enables motion in mode t1"
            self._command = replace(self._command, demand="hold", protective=True, why=why)

    # A run ---------------------------------------------------------------------------------------------------------

    def _run(self, record: RunFolder) -> None:
        """Execute the loaded job; its outcome is published once its record is complete."""
        if self._loaded is None:
            raise AssertionError("started without a plan")
        job = self._loaded[1]
        with record:
            run = execute(job, self._driver, clock=self._clock, control=self, record=record, machine=self.machine)
            outcome = self._followed(run)
        try:
            record.write_outcome(canonical_json(protocol.outcome_as_json(outcome)))
        except OSError as error:
            finding = Finding("X411", f"outcome.json cannot be written: {error.strerror}")
            outcome = replace(outcome, findings=(*outcome.findings, finding))
        self._links.publish(protocol.outcome_line(outcome))

    def _followed(self, run: Generator[Event, None, Outcome]) -> Outcome:
        while True:
            try:
                event = next(run)
            except StopIteration as end:
                return cast(Outcome, end.value)
            self._last = event
            if event.kind == "state":
                self._arc_cut = bool(event.data["arc_cut"])
            self._links.publish(protocol.event_line(event), droppable=event.kind == "progress")

    # Clients -------------------------------------------------------------------------------------------------------

    def _hear(self, patience: float) -> None:
        for client, line in self._links.requests(patience=patience):
            began = self._clock.now()
            if line is None:
                self._lease.release(client=client.number)
            else:
                self._answer(client, line)
            self._lease.extend(self._clock.now() - began)

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
        client.name = request.text("name")
        arm = self._driver.identify()
        return {
            "protocol": protocol.PROTOCOL,
            "version": __version__,
            "instance": self._instance,
            "arm": {"driver": arm.name, "robot": arm.robot, "joints": list(arm.joints), "period": arm.period},
            "pace": arm.pace,
        }

    def _status(self, client: ClientLink, request: Request) -> Result:
        del client, request
        last = {} if self._last is None else self._last.data
        held = not self._lease.loss(self._clock.now())
        return {
            "state": self.machine.state,
            "power": self.machine.power,
            "mode": self.machine.mode,
            "running": self._started is not None,
            "plan": None if self._loaded is None else str(self._loaded[0]),
            "place": {name: last[name] for name in ("step", "segment", "s") if name in last},
            "override": self._command.override,
            "lease": self._lease.holder if held else None,
            "joints": None if self._started is not None else self._driver.read().joints.tolist(),
        }

    def _acquire(self, client: ClientLink, request: Request) -> Result:
        del request
        epoch = self._lease.acquire(client=client.number, name=client.name, now=self._clock.now())
        self._note("lease", client.name)
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

    def _hold(self, client: ClientLink, request: Request) -> Result:
        del request
        self._note("hold", client.name)
        if self._command.demand == "run" or self._command.protective:
            why = f"on request of '{client.name}'"
            self._command = replace(self._command, demand="hold", protective=False, why=why)
        return {}

    def _stop(self, client: ClientLink, request: Request) -> Result:
        del request
        self._note("stop", client.name)
        self._command = replace(self._command, demand="stop", why=f"on request of '{client.name}'")
        return {}

    def _resume(self, client: ClientLink, request: Request) -> Result:
        self._check(client, request)
        arc = request.choice("arc", get_args(ArcChoice), default="weld")
        overlap = request.number("overlap") if arc == "restart" else 0.0
        if not 0.0 <= overlap <= LONGEST_OVERLAP:
            raise UsageError(Finding("X422", f"an overlap is at most {LONGEST_OVERLAP * 1e3:g} mm"))
        self._demand_held("resume")
        if self._arc_cut and arc == "weld":
            message = "the arc was cut in the middle of this seam, and is never struck again by itself"
            hint = "resume with arc 'dry' to finish the move, with arc 'restart' and an 'overlap' to weld on, or stop"
            raise UsageError(Finding("X424", message, suggestion=hint))
        self._note("resume", client.name, arc=arc, overlap=overlap)
        self._command = replace(
            self._command,
            demand="run",
            protective=False,
            arc=cast(ArcChoice, arc),
            overlap=overlap,
            go=self._command.go + 1,
            why="on request",
        )
        return {}

    def _stride(self, client: ClientLink, request: Request) -> Result:
        """From now on go one stride at a time, or, with unit 'off', no longer."""
        self._check(client, request)
        unit = request.choice("unit", ("off", *get_args(Unit)))
        stride = None if unit == "off" else Stride(cast(Unit, unit), _distance(request, unit))
        self._note("stride", client.name, unit=unit)
        self._command = replace(self._command, stride=stride)
        return {}

    def _back(self, client: ClientLink, request: Request) -> Result:
        """Go back along the certified path by one stride, and hold there."""
        self._check(client, request)
        unit = request.choice("unit", get_args(Unit))
        stride = Stride(cast(Unit, unit), _distance(request, unit))
        self._demand_held("go back")
        self._note("back", client.name, unit=unit)
        command = self._command
        self._command = replace(
            command, demand="run", protective=False, back=stride, backs=command.backs + 1, why="on request"
        )
        return {}

    def _demand_held(self, what: str) -> None:
        if self._started is None or self._command.demand == "stop" or self.machine.state not in ("holding", "held"):
            raise UsageError(Finding("X423", f"there is no held run to {what}"))

    def _override(self, client: ClientLink, request: Request) -> Result:
        self._check(client, request)
        value = request.number("value")
        if not 0.0 < value <= 1.0:
            raise UsageError(Finding("X422", f"an override lies above 0 and is at most 1, not {value:g}"))
        self._note("override", client.name, value=value)
        self._command = replace(self._command, override=value)
        return {}

    def _do_load(self, client: ClientLink, request: Request) -> Result:
        self._check(client, request)
        self._refuse_while_running()
        path = Path(request.text("plan"))
        job = self._load(path)
        plan = job.certified.plan
        process = cast(ProcessMode, request.choice("process", get_args(ProcessMode), default=job.process))
        job = replace(job, process=process, resumes=str(request.arguments.get("resumes", "")))
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
        self._check(client, request)
        self._refuse_while_running()
        if self._loaded is None:
            raise UsageError(Finding("X421", "no plan is loaded", suggestion="load one first"))
        folder = Path(request.text("folder"))
        path, job = self._loaded
        self.machine.demand("start")
        self._demand_ready(job)
        record = _new_record(folder, path, job)
        self.machine.take("start")
        self._command = Command(override=self._command.override, stride=self._command.stride)
        self._last, self._arc_cut = None, False
        self._started = record
        return {}

    def _clear(self, client: ClientLink, request: Request) -> Result:
        self._check(client, request)
        self._refuse_while_running()
        if self.machine.may("clear"):
            self.machine.take("clear")
            self.machine.take("still")
        self._driver.clear()
        return {}

    def _reset(self, client: ClientLink, request: Request) -> Result:
        self._check(client, request)
        self._refuse_while_running()
        if self.machine.state != "idle":
            self.machine.take("reset")
            self.machine.take("still")
        return {}

    def _power(self, client: ClientLink, request: Request) -> Result:
        """Switch the power; `off` also takes back a software emergency stop."""
        self._check(client, request)
        state = cast(Literal["off", "on"], request.choice("state", ("off", "on")))
        self.machine.switch(state)
        self._driver.power(state)
        return {}

    def _estop(self, client: ClientLink, request: Request) -> Result:
        """Software emergency stop, category 0: the power goes at once and the stop is latched."""
        del request
        self._driver.power("off")
        self._note("estop", client.name)
        self.machine.take("estop")
        if self._started is None:
            self.machine.take("still")
        return {}

    def _mode(self, client: ClientLink, request: Request) -> Result:
        self._check(client, request)
        before = self.machine.power
        self.machine.choose(cast(Mode, request.choice("mode", get_args(Mode))))
        if self.machine.power != before:
            self._driver.power("off")
        return {}

    def _enable(self, client: ClientLink, request: Request) -> Result:
        """A sign of the one who enables motion in mode T1; it counts for ENABLING s."""
        self._check(client, request)
        self._enabled_until = self._clock.now() + ENABLING
        return {}

    def _demand_ready(self, job: Job) -> None:
        """What the table does not know: mode T1 moves without process."""
        if self.machine.mode == "t1" and job.process == "weld" and any(s.process for s in job.certified.plan.segments):
            hint = "load the plan with process 'dry', or choose mode 'auto'"
            raise UsageError(Finding("X435", "in mode t1 nothing is welded", suggestion=hint))

    def _shutdown(self, client: ClientLink, request: Request) -> Result:
        del request
        self._note("shutdown", client.name)
        self._ending = True
        return {}

    def _check(self, client: ClientLink, request: Request) -> None:
        epoch = request.arguments.get("epoch")
        self._lease.check(client=client.number, epoch=epoch, now=self._clock.now())

    def _refuse_while_running(self) -> None:
        if self._started is not None:
            raise UsageError(Finding("X423", "a run is in progress", suggestion="stop it or wait for its end"))

    def _note(self, what: str, who: str, **data: object) -> None:
        if self._started is not None:
            self._started.note("operator", what=what, who=who, **data)


def _distance(request: Request, unit: str) -> float:
    """The argument `distance` (m) of a stride, where its unit is one; raises UsageError (X422)."""
    if unit != "distance":
        return 0.0
    distance = request.number("distance")
    if not 0.0 < distance <= LONGEST_STRIDE:
        raise UsageError(Finding("X422", f"a distance lies above 0 and is at most {LONGEST_STRIDE:g} m"))
    return distance


def _new_record(folder: Path, plan: Path, job: Job) -> RunFolder:
    """A new run folder with a copy of the plan file; raises UsageError (X411) and leaves nothing where it cannot be."""
    try:
        record = RunFolder(folder, job.envelope.names)
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
