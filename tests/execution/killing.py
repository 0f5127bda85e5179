"""Runs of a job in real processes: cut short, gone on with, and held against what was welded."""

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
from cellctl.execution.job import Entry, Job
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.records.record import JOURNAL
from cellctl.execution.records.survey import Survey, surveyed
from cellctl.jobs.resuming import LEAST_OVERLAP, Interrupted, entry_at_boundary, entry_on_path, last_pose
from cellctl.model.plan import Plan
from tests.execution.conftest import small_setup, two_seams_job
from tests.execution.forked import Arm, arm_of, forked_cell
from tests.execution.welded import burnt, demand_true_survey, demand_welded_once, source_log


@dataclass(frozen=True)
class Bench:
    """A folder with the plan file of a job, for runs of it on its arm."""

    folder: Path
    job: Job
    arm: Arm

    def __post_init__(self) -> None:
        (self.folder / "job.plan").write_text("whatever it says, it is the job of this bench")

    def ran(
        self,
        name: str,
        *,
        doom: str = "",
        kill_after: float | None = None,
        start=None,
        through: int | None = None,
        **more: object,
    ) -> Outcome | None:
        """How a run of the job into the folder `name` ended, None where its executor was killed. It is stopped once it
        is `through` a segment.
        """
        arm = self.arm if start is None else self.arm.standing_at(start)
        with forked_cell(self.job, arm, doomed=doom) as (link, executor), killing(executor, kill_after):
            events = link.run(self.folder / "job.plan", self.folder / name, **more)
            try:
                while True:
                    event = next(events)
                    if through is not None and event.kind == "segment" and event.data["segment"] > through:
                        link.stop()
            except StopIteration as end:
                return end.value
            except Faulted as gone:
                if gone.findings[0].code != "X430":
                    raise
                return None


def two_seams_bench(folder: Path) -> Bench:
    """A bench for the job with two seams."""
    job = two_seams_job()
    return Bench(folder, job, arm_of(job, small_setup()))


@contextmanager
def killing(process: int, after: float | None) -> Iterator[None]:
    """Kill a process `after` so many seconds, unless the block has ended by then."""
    if after is None:
        yield
        return
    killer = Timer(after, os.kill, [process, signal.SIGKILL])
    killer.start()
    try:
        yield
    finally:
        killer.cancel()
        killer.join()


def go_on(bench: Bench, name: str, *, ending: str = "lost", rest: str = "", to_the_end: bool = True) -> None:
    """Survey a run that was cut short, go on with it in the folder `rest` to its end or to that of the next seam, and
    hold both against the weld source's log.
    """
    rest = rest or f"{name}-on"
    plan = bench.job.certified.plan
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
    found = Interrupted(first, bench.job.certified, survey)
    here = last_pose(found)
    entry = entry_on_path(found, here, "restart", LEAST_OVERLAP)
    if entry is None:  # it stands off the path, so it is put back by hand
        entry = entry_at_boundary(found, "restart", LEAST_OVERLAP)
        here = plan.segments[entry.segment].path(plan.segments[entry.segment].path.start)[0]
    through = None if to_the_end else next_seam(plan, survey, entry)
    ended = bench.ran(rest, start=here, entry=entry, resumes=first, through=through)
    assert ended is not None
    assert ended.status == ("done" if through is None else "stopped"), ended.findings
    both = [burnt(log, plan), burnt(source_log(bench.folder / rest), plan)]
    demand_welded_once(plan, both, overlaps(survey, entry), through=through)


def next_seam(plan: Plan, survey: Survey, entry: Entry) -> int | None:
    """The segment of the first seam that is not done yet, from an entry on; None where the last one is."""
    due = (k for k, segment in enumerate(plan.segments) if segment.process is not None and k not in survey.done)
    return next((k for k in due if k >= entry.segment), None)


def overlaps(survey: Survey, entry: Entry) -> list[tuple[int, float, float]]:
    """Where welding twice was announced: from the strike to as far as the arc may have burnt."""
    if entry.cut is not None:
        return [(entry.cut.segment, entry.cut.strike, entry.cut.s + LEAST_OVERLAP)]
    return [] if survey.struck is None else [(survey.struck, 0.0, LEAST_OVERLAP)]
