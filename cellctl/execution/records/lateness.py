"""How late the cycles of a run came, as a histogram. It judges nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

from cellctl.errors import Finding

EDGES = (0.1e-3, 0.2e-3, 0.5e-3, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 100e-3)
"""Upper edges of all bins but the last, s."""
_REMEMBERED = 100


class Lateness:
    """Counts of cycles by how much longer than the period they took; one bin more than EDGES."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._last: deque[float] = deque(maxlen=_REMEMBERED)
        self._counts = [0] * (len(EDGES) + 1)
        self._before: float | None = None

    def count(self, now: float) -> None:
        """A cycle ended at `now`, s of the executor's clock."""
        if self._before is not None:
            self._last.append(now - self._before - self._period)
            self._counts[bisect_left(EDGES, self._last[-1])] += 1
        self._before = now

    def host_finding(self) -> Finding | None:
        """That this machine was too busy just now to send in time (X489), None where every cycle came within two
        periods.
        """
        late = [lateness for lateness in self._last if lateness > self._period]
        if not late:
            return None
        text = f"the host was late: of the last {len(self._last)} cycles {len(late)} came more than a period after"
        return Finding(
            "X489",
            f"{text} their time, the worst by {max(late) * 1e3:.1f} ms",
            suggestion="take load off this machine",
            severity="note",
        )

    @property
    def counts(self) -> tuple[int, ...]:
        """The histogram; empty where no cycle was timed."""
        return tuple(self._counts) if self._before is not None else ()


def late_share(counts: tuple[int, ...], share: float) -> float:
    """The edge (s) that all but `share` of the cycles kept; infinite where even the last edge was not kept."""
    total, kept = sum(counts), 0
    for edge, count in zip(EDGES, counts, strict=False):
        kept += count
        if kept >= (1.0 - share) * total:
            return edge
    return float("inf")
