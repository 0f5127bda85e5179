"""How a process along a seam begins and ends: what an arc and a bead have in common.

It sees the run as something that stands, announces and tells; it moves nothing along the path.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import Protocol

from cellctl.errors import Finding
from cellctl.execution.source import SourceChannel, SourceState
from cellctl.execution.telling import Events
from cellctl.model.event import Event, EventKind


class Bystander(Protocol):
    """What the procedure needs of the run that it is a part of."""

    def stand(self, duration: float, *, until: Callable[[], bool] = ...) -> Generator[Event, None, bool]:
        """Stand for `duration` s, or until a condition holds. False when a hold came between; the process is off
        then.
        """
        ...

    def scratch(self, distance: float, *, until: Callable[[], bool]) -> Events:
        """Move on along the seam by `distance` m, or until a condition holds, and come back."""
        ...

    def announce(self, kind: str, **data: object) -> Generator[Event, None, bool]:
        """Make an intent durable before what follows. False when a hold came between; the process
        is off then.
        """
        ...

    def tell(self, kind: EventKind, **data: object) -> Event:
        """An event here and now; it is also written down."""
        ...

    def note(self, kind: str, **data: object) -> None:
        """Put something that happened here and now into the journal."""
        ...

    def end_with(self, finding: Finding) -> Events:
        """Take a fault that lets the arm stand on its path."""
        ...

    def now(self) -> float:
        """The arm's clock, s."""
        ...

    def inputs(self) -> int:
        """The digital inputs as they were measured last."""
        ...

    def where(self) -> str:
        """The place in words."""
        ...

    def reached(self) -> float:
        """How far along this segment's path the process is known to have worked, m."""
        ...

    def put_out(self, *, complete: bool) -> SourceState:
        """Take the process away in this very cycle, its seam complete or cut; returns what it was before."""
        ...

    def left(self) -> float:
        """How long it is until the measured tool is at the end of this segment's process, s."""
        ...


_OFF: dict[str, EventKind] = {"arc": "arc_off", "bead": "bead_off"}


class SourceProcedure(ABC):
    """How one source is switched on and off over the seam of a step."""

    def __init__(self, source: SourceChannel, run: Bystander) -> None:
        self._source, self._run = source, run

    @abstractmethod
    def start(self, step: int, establish: Callable[[], None]) -> Generator[Event, None, bool]:
        """Begin, with the tool standing; True when it works then. `establish` is called when it does."""

    @abstractmethod
    def end(self, step: int) -> Events:
        """End, with the tool standing at the end of its seam. A seam that was cut is only left."""

    def along(self, step: int) -> None:
        """One more cycle on the way along the seam."""
        del step

    def stuck(self) -> Finding | None:
        """Why the tool must not be moved, None for nothing."""
        return None

    def extinguish(self, why: str, *, confirmed: bool = True) -> Events:
        """Off with the next command, whatever it was; `confirmed` is False where no command arrives."""
        reached = self._run.reached()
        was = self._run.put_out(complete=why == "seam_end")
        if was != "off":
            word = self._source.word
            self._run.note(f"{word}_{'off' if confirmed else 'unconfirmed'}", why=why, s=reached)
            yield self._run.tell(_OFF[word], why=why, confirmed=confirmed)

    def _stands(self) -> bool:
        return self._source.stands(self._run.inputs())
