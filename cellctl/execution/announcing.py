"""Intents that are on the disk before what they announce begins. The operator is heard however long the disk takes."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, wait
from typing import Protocol

from cellctl.errors import Faulted, Finding
from cellctl.execution.control import Command
from cellctl.execution.records.record import Record
from cellctl.execution.stream import SetpointStream
from cellctl.execution.telling import Events, Teller
from cellctl.model.event import Event

DISK_PATIENCE = 0.25
"""s that a run in lock-step waits for the disk before it hears its operator again."""


class Waiter(Protocol):
    """What announcing needs of the run that it is a part of."""

    @property
    def executing(self) -> bool:
        """Whether the run may move."""
        ...

    def heed(self) -> Command:
        """The operator's command now."""
        ...

    def obey(self) -> Events:
        """Take the operator's command."""
        ...

    def cycle_in_place(self) -> Events:
        """One cycle of standing."""
        ...

    def wait_to_go_on(self) -> Events:
        """Cycle in place until the run goes on."""
        ...


class Announcer:
    """How one run waits for its disk."""

    def __init__(self, record: Record, stream: SetpointStream, teller: Teller, run: Waiter) -> None:
        self._record, self._stream, self._teller, self._run = record, stream, teller, run

    def announce(self, kind: str, **data: object) -> Generator[Event, None, bool]:
        """Make an intent durable before what follows. False when a hold came between; raises Faulted X411 where the
        disk takes nothing.
        """
        run = self._run
        durable, undisturbed = self._record.intent(kind, **data, **self._teller.stamp), True
        while not wait([durable], timeout=DISK_PATIENCE if self._clock_stands else 0.0).done:
            if not self._clock_stands:
                yield from run.cycle_in_place()
            yield from run.obey()
            undisturbed = undisturbed and run.executing
        try:
            durable.result()
        except OSError as error:
            raise Faulted(Finding("X411", f"the journal cannot be written: {error.strerror}")) from None
        yield from run.wait_to_go_on()
        return undisturbed

    def wait(self, durable: Future[None]) -> None:
        """Wait until something is durable, or the operator asks for anything but to go on."""
        while not wait([durable], timeout=DISK_PATIENCE).done and self._run.heed().demand == "run":
            pass

    @property
    def _clock_stands(self) -> bool:
        """Whether the arm does without its cycle: before the first one, and in lock-step while nothing has to end."""
        return not self._stream.cycles or (self._stream.arm.lock_step and self._run.executing)
