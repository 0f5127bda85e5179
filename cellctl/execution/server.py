"""The executor process: it alone holds the driver and the lease, runs one job at a time, and hears its clients
between cycles.

It imports neither planning nor rendering; whatever a client does or fails to do, the control loop keeps its period.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from cellctl import __version__
from cellctl.drivers.driver import Driver
from cellctl.errors import CellctlError, Finding, UsageError
from cellctl.execution import protocol
from cellctl.execution.clock import MonotonicClock
from cellctl.execution.control import Command
from cellctl.execution.executor import execute
from cellctl.execution.job import Job
from cellctl.execution.lease import Lease
from cellctl.execution.links import ClientLink, ClientLinks
from cellctl.execution.outcome import Outcome
from cellctl.execution.protocol import Request
from cellctl.execution.record import RunFolder
from cellctl.model.event import Event
from cellctl.model.inputs import canonical_json

Load = Callable[[Path], Job]
"""Reads a plan file and makes it a job; raises CellctlError for one that is not certified."""
Result = Mapping[str, object]

_IDLE = 0.1


class Executor:
    """One arm, one lease, at most one run. It is the `Control` of its own run."""

    def __init__(self, driver: Driver, links: ClientLinks, load: Load, lease: Lease | None = None) -> None:
        self._driver, self._links, self._load = driver, links, load
        self._lease = lease or Lease()
        self._instance = secrets.token_hex(8)
        self._loaded: tuple[Path, Job] | None = None
        self._started: RunFolder | None = None
        self._command = Command()
        self._last: Event | None = None
        self._state = "idle"
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
        if self._ending or self._links.orphaned:
            self._command = replace(self._command, demand="stop")
        elif self._lease.lost(time.monotonic()) and self._command.demand != "stop":
            self._command = replace(self._command, demand="stop" if self._state == "held" else "hold")
        return self._command

    # A run ---------------------------------------------------------------------------------------------------------

    def _run(self, record: RunFolder) -> None:
        """Execute the loaded job; its outcome is published once its record is complete."""
        if self._loaded is None:
            raise AssertionError("started without a plan")
        job = self._loaded[1]
        with record:
            run = execute(job, self._driver, clock=MonotonicClock(), control=self, record=record)
            outcome = self._followed(run)
        record.write_outcome(canonical_json(protocol.outcome_as_json(outcome)))
        self._links.publish(protocol.outcome_line(outcome))

    def _followed(self, run: Generator[Event, None, Outcome]) -> Outcome:
        while True:
            try:
                event = next(run)
            except StopIteration as end:
                return cast(Outcome, end.value)
            self._last = event
            if event.kind == "state":
                self._state = str(event.data["state"])
            self._links.publish(protocol.event_line(event), droppable=event.kind == "progress")

    # Clients -------------------------------------------------------------------------------------------------------

    def _hear(self, patience: float) -> None:
        for client, line in self._links.requests(patience=patience):
            if line is None:
                self._lease.release(client=client.number)
            else:
                self._answer(client, line)

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
        held = not self._lease.lost(time.monotonic())
        return {
            "state": self._state,
            "running": self._started is not None,
            "plan": None if self._loaded is None else str(self._loaded[0]),
            "place": {name: last[name] for name in ("step", "segment", "s") if name in last},
            "override": self._command.override,
            "lease": self._lease.holder if held else None,
            "joints": None if self._started is not None else self._driver.read().joints.tolist(),
        }

    def _acquire(self, client: ClientLink, request: Request) -> Result:
        del request
        epoch = self._lease.acquire(client=client.number, name=client.name, now=time.monotonic())
        self._note("lease", client.name)
        return {"epoch": epoch}

    def _heartbeat(self, client: ClientLink, request: Request) -> Result:
        del request
        self._lease.heartbeat(client=client.number, now=time.monotonic())
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
        if self._command.demand == "run":
            self._command = replace(self._command, demand="hold")
        return {}

    def _stop(self, client: ClientLink, request: Request) -> Result:
        del request
        self._note("stop", client.name)
        self._command = replace(self._command, demand="stop")
        return {}

    def _resume(self, client: ClientLink, request: Request) -> Result:
        self._check(client, request)
        arc = request.arguments.get("arc", "weld")
        if arc not in ("weld", "dry"):
            raise UsageError(Finding("X422", "'arc' is 'weld' or 'dry'"))
        if self._started is None or self._command.demand == "stop":
            raise UsageError(Finding("X423", "there is no held run to resume"))
        if self._last is not None and self._last.data.get("arc_cut") and arc != "dry":
            message = "the arc was cut in the middle of this seam, and is never struck again by itself"
            raise UsageError(Finding("X424", message, suggestion="resume with arc 'dry' to finish the move, or stop"))
        self._note("resume", client.name)
        self._command = replace(self._command, demand="run", arc=arc)
        return {}

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
        began = time.monotonic()
        try:
            job = self._load(path)
        finally:
            self._lease.extend(time.monotonic() - began)
        self._loaded = (path, job)
        plan = job.certified.plan
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
        try:
            record = RunFolder(folder, job.envelope.names)
            shutil.copyfile(path, folder / f"plan{path.suffix}")
        except OSError as error:
            message = f"a run cannot be recorded in {folder}: {error.strerror}"
            raise UsageError(Finding("X411", message, suggestion="name a folder that holds no run yet")) from None
        self._command = Command(override=self._command.override)
        self._state, self._last = "starting", None
        self._started = record
        return {}

    def _clear(self, client: ClientLink, request: Request) -> Result:
        self._check(client, request)
        self._refuse_while_running()
        self._driver.clear()
        return {}

    def _shutdown(self, client: ClientLink, request: Request) -> Result:
        del request
        self._note("shutdown", client.name)
        self._ending = True
        return {}

    def _check(self, client: ClientLink, request: Request) -> None:
        epoch = request.arguments.get("epoch")
        self._lease.check(client=client.number, epoch=epoch, now=time.monotonic())

    def _refuse_while_running(self) -> None:
        if self._started is not None:
            raise UsageError(Finding("X423", "a run is in progress", suggestion="stop it or wait for its end"))

    def _note(self, what: str, who: str, **data: object) -> None:
        if self._started is not None:
            self._started.note("operator", what=what, who=who, **data)
