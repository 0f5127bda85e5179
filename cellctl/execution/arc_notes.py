"""How far an arc has burnt, put into the journal on the way, so that a crash leaves little of a seam unknown.

It lets the journal fall behind a burning arc so far and no further; what becomes of the arc then is the run's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future

from cellctl.errors import Finding
from cellctl.execution.records.record import Record

ARC_NOTED_EVERY = 1e-3
"""m of seam between two records while the arc burns, where the disk keeps up."""
ARC_UNKNOWN = 3e-3
"""m of seam that may be welded beyond the last record that the disk has; a crash leaves no more unknown."""


class ArcNotes:
    """One note after the other about one arc or bead, each of this `kind`. `patience` is how a slow disk is waited for
    where the arm stands while nobody sends; None where it does not.
    """

    def __init__(
        self, record: Record, *, kind: str = "arc_at", patience: Callable[[Future[None]], None] | None
    ) -> None:
        self._record, self._kind, self._patience = record, kind, patience
        self._noted = self._durable = 0.0
        self._pending: Future[None] | None = None

    def begin(self, s: float) -> None:
        """An arc stands at `s` (m)."""
        self._noted = self._durable = s
        self._pending = None

    def follow(self, place: Mapping[str, object], s: float) -> Finding | None:
        """The arc was measured at `s` (m) of the segment that `place` names; X411 where the disk is too far behind."""
        if s - self._noted >= ARC_NOTED_EVERY and self._settled():
            self._durable, self._noted = self._noted, s
            self._pending = self._record.intent(self._kind, **(dict(place) | {"s": s}))
        if s - self._durable <= ARC_UNKNOWN or self._settled():
            return None
        what = self._kind.removesuffix("_at")
        text = f"the disk is too slow for the journal: the {what} is {ARC_UNKNOWN * 1e3:g} mm ahead of it"
        return Finding("X411", text, suggestion="write runs to a faster disk, then resume with an overlap")

    def _settled(self) -> bool:
        """Whether the disk has the last note; a note that failed is the record's own trouble."""
        if self._pending is None:
            return True
        if self._patience is not None:
            self._patience(self._pending)
        return self._pending.done()
