"""What a run says of itself: events for clients, records for the journal, the state for both. It moves nothing."""

from __future__ import annotations

from collections.abc import Generator

from cellctl.errors import Finding
from cellctl.execution.following import Follower
from cellctl.execution.ledger import SeamLedger
from cellctl.execution.machine import Machine, Trigger
from cellctl.execution.records.record import Record
from cellctl.execution.stream import SetpointStream
from cellctl.model.event import Event, EventKind

Events = Generator[Event, None, None]


class Teller:
    """Events and records of one run, each with the place on the path."""

    def __init__(
        self, record: Record, stream: SetpointStream, path: Follower, machine: Machine, ledger: SeamLedger
    ) -> None:
        self._record, self._stream, self._path = record, stream, path
        self._machine, self._ledger = machine, ledger

    @property
    def where(self) -> str:
        """The place in words."""
        path, curve = self._path, self._path.segment.path
        gone = path.s - curve.start
        metres = path.segment.kind in ("approach", "process", "retract")
        along = f"{gone * 1e3:.1f} mm" if metres else f"{100.0 * gone / (curve.end - curve.start):.0f} %"
        where = f"{along} along segment {path.index} ({path.segment.kind})"
        return f"{where}, {self._stream.time:.3f} s after the start"

    @property
    def place(self) -> dict[str, object]:
        """The place as JSON values."""
        return {"step": self._path.segment.step, "segment": self._path.index, "s": self._path.s}

    @property
    def stamp(self) -> dict[str, object]:
        """The place and the time, s of the arm's clock since the start of the run, as JSON values."""
        return self.place | {"time": self._stream.time}

    def note(self, kind: str, **data: object) -> None:
        """Put something that happened here and now into the journal."""
        self._record.note(kind, **(self.stamp | data))

    def tell(self, kind: EventKind, **data: object) -> Event:
        """An event here and now; it is also written down."""
        event = Event(self._stream.time, kind, data | self.place)
        self._record.event(event)
        return event

    def take(self, trigger: Trigger, **data: object) -> Events:
        """Go on in the machine, and tell it."""
        self._machine.take(trigger)
        yield self.state(**data)

    def state(self, **data: object) -> Event:
        """The state of the machine, told."""
        data |= {"state": self._machine.state, "power": self._machine.power}
        self.note("state", **data)
        return self.tell("state", arc_cut=self._ledger.cut_at(self._path.index) is not None, **data)


def finding_data(finding: Finding) -> dict[str, object]:
    """A finding as it stands in an event."""
    return {"code": finding.code, "message": finding.message, "suggestion": finding.suggestion}
