"""Where a run is written down: journal, trace and events in one folder. It decides nothing about the run."""

from __future__ import annotations

import os
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from cellctl.execution.records.journal import Journal, allocate
from cellctl.execution.records.trace import Cycle, TraceWriter
from cellctl.model.event import Event
from cellctl.model.inputs import canonical_json


class Record(Protocol):
    """What the executor writes down while it runs."""

    @property
    def failure(self) -> OSError | None:
        """Why nothing more can be written, or None."""
        ...

    def intent(self, kind: str, **data: object) -> Future[None]:
        """Announce what comes next; the future is done when that is durable."""
        ...

    def note(self, kind: str, **data: object) -> None:
        """Put something that happened into the journal."""
        ...

    def cycle(self, cycle: Cycle) -> None:
        """Put one cycle into the trace."""
        ...

    def event(self, event: Event) -> None:
        """Put one event into the list of events."""
        ...


class NoRecord:
    """A record that keeps nothing."""

    failure: OSError | None = None

    def intent(self, kind: str, **data: object) -> Future[None]:
        """Durable at once, as there is nothing to keep."""
        del kind, data
        future: Future[None] = Future()
        future.set_result(None)
        return future

    def note(self, kind: str, **data: object) -> None:
        """Keep nothing."""

    def cycle(self, cycle: Cycle) -> None:
        """Keep nothing."""

    def event(self, event: Event) -> None:
        """Keep nothing."""


JOURNAL, TRACE, EVENTS, OUTCOME = "journal.jsonl", "trace.csv", "events.jsonl", "outcome.json"
_UNFINISHED = "outcome.json~"
_OUTCOME_ROOM = 1 << 16


class RunFolder:
    """A run folder being written: `journal.jsonl`, `trace.csv`, `events.jsonl`, and room for `outcome.json`.

    `analog` names the analogue values of a cycle. The folder must not hold a run already. What cannot be begun whole
    leaves nothing behind.
    """

    def __init__(self, folder: Path, joints: tuple[str, ...], analog: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._failure: OSError | None = None
        with ExitStack() as undo:
            self._journal = Journal(folder / JOURNAL)
            undo.callback((folder / JOURNAL).unlink)
            undo.callback(self._journal.close)
            self._trace = TraceWriter(folder / TRACE, joints, analog)
            undo.callback((folder / TRACE).unlink)
            undo.callback(self._trace.close)
            self._events = (folder / EVENTS).open("xb", buffering=0)
            undo.callback((folder / EVENTS).unlink)
            undo.callback(self._events.close)
            with (folder / _UNFINISHED).open("xb") as room:
                undo.callback((folder / _UNFINISHED).unlink)
                allocate(room.fileno(), 0, _OUTCOME_ROOM)
            undo.pop_all()

    def discard(self) -> None:
        """Take everything away again, as for a run that is not begun after all."""
        self.__exit__(None, None, None)
        for name in (JOURNAL, TRACE, EVENTS, _UNFINISHED):
            (self._folder / name).unlink(missing_ok=True)

    @property
    def failure(self) -> OSError | None:
        """The first write that failed, of any of the files."""
        return self._journal.failure or self._failure

    def intent(self, kind: str, **data: object) -> Future[None]:
        """Announce what comes next in the journal, durably."""
        return self._journal.append_durably(kind, data)

    def note(self, kind: str, **data: object) -> None:
        """Put something that happened into the journal."""
        self._journal.append(kind, data)

    def cycle(self, cycle: Cycle) -> None:
        """Put one cycle into the trace."""
        try:
            self._trace.write(cycle)
        except OSError as error:
            self._failure = self._failure or error

    def event(self, event: Event) -> None:
        """Put one event into the list of events."""
        try:
            self._events.write(canonical_json(event.as_json()))
        except OSError as error:
            self._failure = self._failure or error

    def write_outcome(self, content: bytes) -> None:
        """Write `outcome.json` whole or not at all, into the room that was taken for it; raises OSError."""
        write_outcome(self._folder, content)

    def keep(self, log: Path, *, since: int) -> None:
        """Put what another one's log says since byte `since` beside the record, where there is room for it."""
        with suppress(OSError):
            (self._folder / log.name).write_bytes(log.read_bytes()[since:])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for close in (self._journal.close, self._trace.close, self._events.close):
            try:
                close()
            except OSError as failed:
                self._failure = self._failure or failed


def write_outcome(folder: Path, content: bytes) -> None:
    """Write the `outcome.json` of a run folder whole or not at all; raises OSError."""
    unfinished = folder / _UNFINISHED
    with unfinished.open("r+b" if unfinished.exists() else "xb") as file:
        file.write(content)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(folder / OUTCOME)
