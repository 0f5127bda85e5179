"""How a run ended, as a value. Nothing is raised here unless it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cellctl.errors import CellctlError, Faulted, Finding, Stopped

Status = Literal["done", "stopped", "faulted", "lost"]
"""`lost` is a run whose executor died: the journal says how far it came."""


@dataclass(frozen=True, slots=True)
class WeldRun:
    """One stretch of a seam that was welded without a break: from and to path parameter (m), arc time (s)."""

    segment: int
    seam: str
    start: float
    end: float
    arc_time: float
    complete: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: `segment` and `s` are where on the path, `time` (s) and `cycles` how long it took.

    `late_cycles` counts the cycles that took so long that path time had to wait for them; `lateness` counts cycles by
    how late they came (bins of `cellctl.execution.records.lateness`), empty in lock-step. `stalls` is how often the
    clock of a simulated arm stood because its host did not let it run, `stalled` for how long, s.
    """

    status: Status
    findings: tuple[Finding, ...]
    segment: int
    s: float
    time: float
    cycles: int
    late_cycles: int
    welds: tuple[WeldRun, ...]
    lateness: tuple[int, ...] = ()
    stalls: int = 0
    stalled: float = 0.0

    def error(self) -> CellctlError | None:
        """The error to raise for this outcome, None for a run that was completed."""
        if self.status == "done":
            return None
        return (Stopped if self.status == "stopped" else Faulted)(self.findings)
