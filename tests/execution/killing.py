"""Runs of the job with two seams in real processes: cut short, gone on with, and held against what was welded."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import pytest

from cellctl.errors import Faulted, FileError
from cellctl.execution.job import Entry
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.records.record import JOURNAL
from cellctl.execution.records.survey import surveyed
from cellctl.execution.service.processes import CellOptions, Programs
from cellctl.execution.service.session import CellLink, attached
from cellctl.jobs.resuming import LEAST_OVERLAP, Interrupted, entry_at_boundary, entry_on_path, last_pose
from tests.execution.conftest import HERE, PROGRAMS, packed_arm, two_seams_job
from tests.execution.welded import burnt, demand_true_survey, demand_welded_once, source_log

DOOMED = HERE / "doomed_executor.py"


@dataclass(frozen=True)
class Bench:
    """A folder with the job's plan file, for runs of it."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "two.plan").write_text("certified, two seams")

    def ran(
        self, name: str, *, doom: str = "", kill_after: float | None = None, start=None, **more: object
    ) -> Outcome | None:
        """How a run of the job into the folder `name` ended, None where its executor was killed."""
        programs = PROGRAMS if not doom else Programs(PROGRAMS.controller, (str(DOOMED), doom))
        packed = packed_arm() if start is None else packed_arm(start)
        with attached(packed, CellOptions(), programs, name="test") as link, killing(link, kill_after):
            events = link.run(self.folder / "two.plan", self.folder / name, **more)
            try:
                while True:
                    next(events)
            except StopIteration as end:
                return end.value
            except Faulted as gone:
                if gone.findings[0].code != "X430":
                    raise
                return None


@contextmanager
def killing(link: CellLink, after: float | None) -> Iterator[None]:
    """Kill the cell's executor `after` so many seconds, unless the block has ended by then."""
    if after is None:
        yield
        return
    killer = Timer(after, os.kill, [executor_of(link), signal.SIGKILL])
    killer.start()
    try:
        yield
    finally:
        killer.cancel()
        killer.join()


def executor_of(link: CellLink) -> int:
    """The number of the cell's executor process."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        words = entry.read_bytes().decode().split("\0") if entry.exists() else []
        if "--driver" in words and str(link._weld_source.parent / "executor") in words:
            return int(entry.parent.name)
    raise AssertionError("no executor")


def go_on(bench: Bench, name: str, *, ending: str = "lost", rest: str = "") -> None:
    """Survey a run that was cut short, go on with it in the folder `rest`, and hold both against the weld source's
    log.
    """
    rest = rest or f"{name}-on"
    job = two_seams_job()
    plan = job.certified.plan
    first = bench.folder / name
    log = source_log(first)
    if not (first / JOURNAL).exists() or not read_journal(first / JOURNAL).records:
        with pytest.raises(FileError, match="X440" if (first / JOURNAL).exists() else "X450"):
            surveyed(first)
        assert not log, "the controller did something that no journal knows"
        return
    survey = surveyed(first)
    demand_true_survey(survey, log, plan)
    if survey.ending == "done":
        demand_welded_once(plan, [burnt(log, plan)], [])
        return
    assert survey.ending == ending
    found = Interrupted(first, job.certified, survey)
    here = last_pose(found)
    entry = entry_on_path(found, here, "restart", LEAST_OVERLAP)
    if entry is None:  # it stands off the path, so it is put back by hand
        entry = entry_at_boundary(found, "restart", LEAST_OVERLAP)
        here = plan.segments[entry.segment].path(plan.segments[entry.segment].path.start)[0]
    ended = bench.ran(rest, start=here, entry=entry, resumes=first)
    assert ended is not None
    assert ended.status == "done"
    both = [burnt(log, plan), burnt(source_log(bench.folder / rest), plan)]
    demand_welded_once(plan, both, overlaps(survey, entry))


def overlaps(survey, entry: Entry) -> list[tuple[int, float, float]]:
    """Where welding twice was announced: from the strike to as far as the arc may have burnt."""
    if entry.cut is not None:
        return [(entry.cut.segment, entry.cut.strike, entry.cut.s + LEAST_OVERLAP)]
    return [] if survey.struck is None else [(survey.struck, 0.0, LEAST_OVERLAP)]
