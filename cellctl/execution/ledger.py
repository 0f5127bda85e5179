"""What the process of each segment has had: due, cut or done. The one place that says whether an arc may be struck, a
bead laid or a screw driven.
"""

from __future__ import annotations

from cellctl.execution.job import Entry, Job


class SeamLedger:
    """One line for each segment with a process. An arc is struck where a seam is due, and nowhere else."""

    def __init__(self, job: Job, *, entry: Entry) -> None:
        self._due: dict[int, float] = {}
        self._cut: dict[int, float] = {}
        welds = job.process == "weld"
        for index, segment in enumerate(job.certified.plan.segments):
            if segment.screw is not None and welds and index >= entry.segment:
                self._due[index] = segment.path.start
        for index, segment in enumerate(job.certified.plan.segments):
            if segment.process is not None and welds and job.strikes(segment) and index >= entry.segment:
                self._due[index] = segment.process.begin
        if entry.cut is not None:
            self.cut(entry.cut.segment, entry.cut.s)
            if entry.cut.strike is not None and welds:
                self.restart(entry.cut.segment, entry.cut.strike)
        for index in entry.done:
            self._due.pop(index, None)

    def due(self, segment: int) -> float | None:
        """The path parameter at which an arc shall be struck, or a screw begun, in `segment`; None where none shall."""
        return self._due.get(segment)

    def cut_at(self, segment: int) -> float | None:
        """How far the seam of `segment` was welded before its arc was cut, None where nothing was cut."""
        return self._cut.get(segment)

    def cut(self, segment: int, s: float) -> None:
        """The arc was taken away at `s`; it is not struck again until somebody says where."""
        self._due.pop(segment, None)
        self._cut[segment] = s

    def restart(self, segment: int, s: float) -> None:
        """Somebody decided that a cut seam is struck again at `s`."""
        self._cut.pop(segment, None)
        self._due[segment] = s

    def complete(self, segment: int) -> None:
        """The seam, or the screw, is done."""
        self._due.pop(segment, None)
        self._cut.pop(segment, None)
