"""What a journal says of a run that ended, or did not: what was done, where it stopped, which seams are welded how far.

Nothing but the journal is believed: it was written before or as things happened. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

from cellctl.errors import FileError, Finding, Place
from cellctl.execution.records.journal import JournalRecord, is_being_written, read_journal
from cellctl.execution.records.outcome import Outcome, WeldRun
from cellctl.execution.records.record import JOURNAL, TRACE

Ending = Literal["done", "stopped", "faulted", "lost", "running"]
"""`lost`: the journal breaks off; `running`: it is still being written."""


@dataclass(frozen=True, slots=True)
class SeamSurvey:
    """What a segment's seam has had: weld or bead from `start` to `end` (m) at least, in `arc_time` s.

    `known` is False where the journal breaks off on the way: then it may have gone a little further.
    """

    segment: int
    start: float
    end: float
    complete: bool
    known: bool = True
    seam: str = ""
    arc_time: float = 0.0


@dataclass(frozen=True, slots=True)
class GripSurvey:
    """What the gripper was told in a segment; `known` is False where nothing says that it has done it."""

    segment: int
    command: Literal["close", "open"]
    part: str
    known: bool


@dataclass(frozen=True, slots=True)
class ScrewSurvey:
    """A screw that was begun in a segment; `done` where it came out sound, `code` of what was wrong with it.

    Its last `torque` (Nm) and the `angle` since snug (rad) are None where the driver shows none.
    """

    segment: int
    hole: str
    program: str
    done: bool = False
    torque: float | None = None
    angle: float | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was done in a run, and where on its path it stopped: `segment`, `s` of the last record, and its `time` (s).

    `welds` are all stretches in order, those of an earlier run that this one went on with left out; `done` are the
    segments whose seam or screw is complete, `cut` (segment, s) the seam that is not. `grips` are what the gripper was
    told in this run, `screws` those that were begun in it. `resumes` names the record of that earlier run, from this
    one's folder, `part_id` the work piece, `arm` the driver's name.
    """

    plan_sha256: str
    process: str
    ending: Ending
    step: int
    segment: int
    s: float
    segments_done: tuple[int, ...] = ()
    welds: tuple[SeamSurvey, ...] = ()
    done: tuple[int, ...] = ()
    cut: tuple[int, float] | None = None
    doubtful: bool = False
    struck: int | None = None
    resumes: str = ""
    part_id: str = ""
    arm: str = ""
    time: float = 0.0
    grips: tuple[GripSurvey, ...] = ()
    screws: tuple[ScrewSurvey, ...] = ()
    notice: Finding | None = None
    actions: tuple[Mapping[str, object], ...] = field(default=(), compare=False)


def surveyed(folder: Path) -> Survey:
    """What the journal of a run folder says; raises FileError (X450 damaged or missing, X440 for one that never
    began).
    """
    path = folder / JOURNAL
    contents = read_journal(path)
    if not contents.records or contents.records[0].kind != "begin":
        if _has_trace(folder):
            text = "the journal lacks its beginning, and there is a trace of what was sent to the arm"
            raise FileError(Finding("X450", text, Place(str(path)), suggestion="its end is unknown: look at the work"))
        text = "this run never began: nothing was sent to the arm"
        raise FileError(Finding("X440", text, Place(str(path)), suggestion="run the plan anew"))
    reader = _Reader(contents.records[0])
    for record in contents.records[1:]:
        reader.take(record)
    return reader.survey(notice=contents.notice, running=is_being_written(path))


def _has_trace(folder: Path) -> bool:
    """Whether a trace says that anything was sent to the arm: it has a line more than the names of its columns."""
    try:
        with (folder / TRACE).open("rb") as file:
            return sum(1 for _ in zip(file, range(2), strict=False)) == 2
    except OSError:
        return False


def lost_outcome(survey: Survey, finding: Finding) -> Outcome:
    """The outcome of a run whose executor could not write one, as far as its journal knows."""
    welds = tuple(WeldRun(w.segment, w.seam, w.start, w.end, w.arc_time, w.complete) for w in survey.welds)
    return Outcome("lost", (finding,), survey.segment, survey.s, survey.time, cycles=0, late_cycles=0, welds=welds)


class _Reader:
    """Takes one record after the other."""

    def __init__(self, begin: JournalRecord) -> None:
        data = begin.data
        self._begin = data
        self._ending: Ending = "lost"
        self._place = (_whole(data, "step"), _whole(data, "segment"), _real(data, "s"))
        self._segments: list[int] = []
        self._welds: list[SeamSurvey] = []
        self._done = set(cast(Iterable[int], data.get("done", ())))
        cut = data.get("cut")
        self._cut = (int(cut[0]), float(cut[1])) if isinstance(cut, list) else None
        self._burning: SeamSurvey | None = None
        self._time = self._struck_at = 0.0
        self._struck: int | None = None
        self._grips: list[GripSurvey] = []
        self._screws: list[ScrewSurvey] = []
        self._actions: list[Mapping[str, object]] = []
        if data.get("by"):
            self._actions.append({"wall": begin.wall, "what": "start", "who": data["by"]})

    def take(self, record: JournalRecord) -> None:
        """One more thing that happened."""
        kind, data = record.kind, record.data
        self._time = max(self._time, _real(data, "time"))
        if "segment" in data and "s" in data:
            self._place = (_whole(data, "step"), _whole(data, "segment"), _real(data, "s"))
        if kind == "segment_done":
            self._segments.append(_whole(data, "segment"))
        elif kind == "operator":
            self._actions.append({"wall": record.wall, **data})
        elif kind == "end":
            self._ending = cast(Ending, data["status"])
        elif kind == "abandoned":
            self._ending = "stopped"
        elif kind.startswith(("arc_", "bead_")):
            self._take_process(kind.partition("_")[2], data)
        elif kind == "grip_intent":
            command = cast(Literal["close", "open"], data["command"])
            self._grips.append(GripSurvey(_whole(data, "segment"), command, str(data["part"]), known=False))
        elif kind == "grip_done" and self._grips:
            self._grips[-1] = replace(self._grips[-1], known=True)
        elif kind == "screw_intent":
            screw = ScrewSurvey(_whole(data, "segment"), str(data.get("hole", "")), str(data.get("program", "")))
            if self._screws[-1:] != [screw]:  # else it was held while it was announced, and is announced anew
                self._screws.append(screw)
        elif kind in ("screw_done", "screw_failed") and self._screws:
            self._end_screw(data, done=kind == "screw_done")

    def _end_screw(self, data: Mapping[str, object], *, done: bool) -> None:
        torque, angle = (_real(data, name) if name in data else None for name in ("torque", "angle"))
        code = str(data.get("code", ""))
        self._screws[-1] = replace(self._screws[-1], done=done, torque=torque, angle=angle, code=code)
        if done:
            self._done.add(self._screws[-1].segment)

    def survey(self, *, notice: Finding | None, running: bool) -> Survey:
        """Everything that was taken."""
        doubtful = self._burning is not None
        if self._burning is not None:
            self._welds.append(replace(self._burning, known=False))
            self._cut = (self._burning.segment, self._burning.end)
        step, segment, s = self._place
        return Survey(
            plan_sha256=str(self._begin.get("plan", "")),
            process=str(self._begin.get("process", "weld")),
            ending="running" if running else self._ending,
            step=step,
            segment=segment,
            s=s,
            segments_done=tuple(self._segments),
            welds=tuple(self._welds),
            done=tuple(sorted(self._done)),
            cut=self._cut,
            doubtful=doubtful,
            struck=self._struck,
            resumes=str(self._begin.get("resumes", "")),
            part_id=str(self._begin.get("part_id", "")),
            arm=str(self._begin.get("arm", "")),
            time=self._time,
            grips=tuple(self._grips),
            screws=tuple(self._screws),
            notice=notice,
            actions=tuple(self._actions),
        )

    def _take_process(self, kind: str, data: Mapping[str, object]) -> None:
        """What an arc or a bead has come to."""
        segment, s = _whole(data, "segment"), _real(data, "s")
        if kind == "intent":
            self._struck = segment
        elif kind == "established":
            seam = str(data.get("seam", ""))
            self._burning, self._struck = SeamSurvey(segment, s, s, complete=False, seam=seam), None
            self._struck_at = self._time
        elif kind == "at" and self._burning is not None:
            self._burning = self._burnt_to(s)
        elif kind in ("off", "unconfirmed"):
            self._struck = None
            if self._burning is not None:
                self._end_weld(segment, s, complete=data.get("why") == "seam_end", known=kind == "off")

    def _burnt_to(self, s: float) -> SeamSurvey:
        assert self._burning is not None
        return replace(self._burning, end=s, arc_time=self._time - self._struck_at)

    def _end_weld(self, segment: int, s: float, *, complete: bool, known: bool) -> None:
        self._welds.append(replace(self._burnt_to(s), complete=complete, known=known))
        self._burning = None
        if complete:
            self._done.add(segment)
            self._cut = None
        else:
            self._cut = (segment, s)


def _whole(data: Mapping[str, object], name: str) -> int:
    value = data.get(name, 0)
    return value if isinstance(value, int) else 0


def _real(data: Mapping[str, object], name: str) -> float:
    value = data.get(name, 0.0)
    return float(value) if isinstance(value, int | float) else 0.0
