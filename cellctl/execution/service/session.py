"""A cell for as long as a `with` block: both processes, a client with the lease, runs. It plans nothing and proves
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cellctl.errors import CellctlError, Faulted, Finding
from cellctl.execution.clock import MonotonicClock
from cellctl.execution.control import ArcChoice, Unit
from cellctl.execution.job import Entry, ProcessMode
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.records.record import OUTCOME, write_outcome
from cellctl.execution.records.survey import lost_outcome, surveyed
from cellctl.execution.service.client import ExecutorClient
from cellctl.execution.service.processes import CellFolder, CellOptions, Programs, new_folder, packed_cell, running
from cellctl.execution.service.protocol import entry_as_json, outcome_as_json
from cellctl.execution.service.standing import start, status, stop
from cellctl.model.event import Event
from cellctl.model.inputs import canonical_json
from cellctl.model.pose import FloatArray, frozen_array

if TYPE_CHECKING:
    from cellctl.drivers.waypoint_arm import Reference
    from cellctl.model.cell import Cell

__all__ = ["CellLink", "attached", "start", "start_cell", "status", "stop"]

_PATIENCE = 0.2
_STANDING_TIME = 10.0


class CellLink:
    """A running cell with the lease in hand. `scratch` is a private folder that is gone with the cell.

    The lease is taken again before a run, where nobody else has it: planning and proving in this process may have kept
    its heartbeat waiting while nothing ran.
    """

    def __init__(self, client: ExecutorClient, folder: CellFolder) -> None:
        self._client = client
        self.scratch = folder.path
        self._weld_source = folder.weld_source
        self._controller_logs = (folder.weld_source, folder.setpoints)

    @property
    def client(self) -> ExecutorClient:
        """The connection underneath, for what has no method here."""
        return self._client

    def joints(self) -> FloatArray:
        """The measured joints (dof,) while nothing runs."""
        return frozen_array(self._client.ask("status")["joints"])

    @property
    def plans(self) -> bool:
        """Whether the arm's controller plans by itself, so that plans are run as it makes them."""
        return bool(self._client.hello["plans"])

    def follow(self, plan: Path, to: Path) -> None:
        """Have the plan that the arm's controller makes of a plan file written to another one; it is not proved."""
        self._client.acquire()
        self._client.command("follow", plan=str(plan.resolve()), to=str(to.resolve()))

    def reference(self, how: Reference) -> Generator[None, None, None]:
        """Let the controller find its reference (`home`: the arm moves), or take its position as it is (`assume`).
        Gives nothing, again and again, while the arm is on its way; closing the iterator stops it.

        Raises Faulted for a reference that was not found, UsageError for an arm that needs none.
        """
        clock = MonotonicClock()
        self._make_ready()
        self._client.command("reference", how=how)
        ended = False
        try:
            while self._client.ask("referenced")["homes"]:
                yield
                clock.wait_until(clock.now() + _PATIENCE)
            ended = True
        finally:
            if not ended:
                self._client.ask("stop")

    def run(
        self,
        plan: Path,
        folder: Path,
        *,
        process: ProcessMode = "weld",
        entry: Entry | None = None,
        resumes: Path | None = None,
        part_id: str = "",
    ) -> Generator[Event, None, Outcome]:
        """Run a certified plan file, recorded in `folder`; yields events, returns how it ended.

        `process` `dry` moves without arc; `entry` begins somewhere on the plan, to go on with the run recorded in
        `resumes`; `part_id` says which work piece it is. Raises NotCertified for a plan that is not proved, UsageError
        for a folder that holds a run. Closing the generator early stops the arm on its path and waits until its record
        is complete. Where the executor dies, the outcome is written from its journal.
        """
        logged = {log: log.stat().st_size for log in self._controller_logs if log.exists()}
        earlier = "" if resumes is None else os.path.relpath(resumes.resolve(), folder.resolve())
        self._client.acquire()
        place = {"entry": None if entry is None else entry_as_json(entry), "resumes": earlier, "part_id": part_id}
        self._client.command("load", plan=str(plan.resolve()), process=process, **place)
        self._client.ask("subscribe")
        self._make_ready()
        self._client.command("start", folder=str(folder.resolve()))
        ended = False
        try:
            while not isinstance(news := self._client.news(patience=_PATIENCE), Outcome):
                if news is not None:
                    yield news
            ended = True
            return news
        except Faulted as gone:
            ended = True
            self._await_stand(logged.get(self._weld_source, 0))
            close_record(folder, gone.findings[0])
            raise
        finally:
            try:
                if not ended:
                    self._stop_and_wait()
            finally:
                self._keep_logs(folder, logged)

    def _make_ready(self) -> None:
        """Reset what ended, and switch the arm on; a fault or an emergency stop has to be cleared first."""
        state = self._client.ask("status")
        if state["state"] in ("stopped", "complete"):
            self._client.command("reset")
        if state["power"] == "off" and state["state"] in ("idle", "stopped", "complete"):
            self._client.command("power", state="on")

    def hold(self) -> None:
        """Stand on the path; the arc goes off."""
        self._client.ask("hold")

    def resume(self, *, arc: ArcChoice = "weld", overlap: float = 0.0) -> None:
        """Go on; a seam whose arc was cut goes on only with `arc="dry"`, or with `arc="restart"`, which goes back by
        `overlap` (m) along the seam and strikes there.
        """
        self._client.command("resume", arc=arc, overlap=overlap)

    def stride(self, unit: Literal["off", "segment", "step", "distance"], *, distance: float = 0.0) -> None:
        """Hold after every segment, step or `distance` (m), until the next `resume`; `off` goes on without."""
        self._client.command("stride", unit=unit, distance=distance)

    def back(self, unit: Unit, *, distance: float = 0.0) -> None:
        """Go back along the certified path by one stride, without process, and hold there."""
        self._client.command("back", unit=unit, distance=distance)

    def estop(self) -> None:
        """Software emergency stop: power and process off at once, latched. No replacement for a hardware one."""
        self._client.ask("estop")

    def power(self, state: Literal["off", "on"]) -> None:
        """Switch the power; `off` takes back a software emergency stop."""
        self._client.command("power", state=state)

    def stop(self) -> None:
        """Decelerate on the path and end the run; the arc goes off at once."""
        self._client.ask("stop")

    def clear(self) -> None:
        """Acknowledge a fault that the arm's controller has latched, once its cause is gone."""
        self._client.command("clear")

    def override(self, value: float) -> None:
        """Speed of moves without arc, above 0 and at most 1 of what was planned."""
        self._client.command("override", value=value)

    def _stop_and_wait(self) -> None:
        self._client.ask("stop")
        while not isinstance(self._client.news(patience=_PATIENCE), Outcome):
            pass

    def _await_stand(self, logged: int) -> None:
        """Wait until the controller's own log says that the arm stands, a few seconds at most."""
        clock = MonotonicClock()
        deadline = clock.now() + _STANDING_TIME
        while self._weld_source.exists() and clock.now() < deadline:
            if b'"stands"' in self._weld_source.read_bytes()[logged:].rstrip().rpartition(b"\n")[2]:
                return
            clock.wait_until(clock.now() + 0.01)

    def _keep_logs(self, folder: Path, logged: Mapping[Path, int]) -> None:
        """Put what the controller's own logs say about this run beside the record."""
        for log in self._controller_logs:
            if log.exists():
                (folder / log.name).write_bytes(log.read_bytes()[logged.get(log, 0) :])


def close_record(folder: Path, finding: Finding) -> None:
    """Write the outcome of a run whose executor is gone, as far as its journal knows; one that is there stays."""
    if (folder / OUTCOME).exists():
        return
    with suppress(CellctlError, OSError):
        outcome = lost_outcome(surveyed(folder), finding)
        write_outcome(folder, canonical_json(outcome_as_json(outcome)))


@contextmanager
def start_cell(
    cell: Cell, options: CellOptions | None = None, *, programs: Programs | None = None, name: str = "session"
) -> Iterator[CellLink]:
    """Start a cell's controller and executor and take the lease; both end with the block, or with this process."""
    with attached(packed_cell(cell), options or CellOptions(), programs or Programs(), name=name) as link:
        yield link


@contextmanager
def attached(packed: bytes, options: CellOptions, programs: Programs, *, name: str) -> Iterator[CellLink]:
    """The same from packed inputs."""
    folder = new_folder(packed)
    with running(folder, options, programs), ExecutorClient(folder.executor, name=name) as client:
        client.acquire()
        yield CellLink(client, folder)
