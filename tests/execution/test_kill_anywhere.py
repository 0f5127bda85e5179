"""kill -9 of the executor at every record of its journal and at random instants, with real processes and real kills.

The job has two short seams; the weld source's own log says what was welded. A few kills here; with `-m slow` every
record (before it, in the middle of it, after it) and 200 random instants.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import pytest

from cellctl.errors import Faulted, FileError
from cellctl.execution.job import Entry
from cellctl.execution.records.journal import read_journal
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
    """The job, its plan file and a folder."""

    folder: Path

    def run(self, name: str, *, doom: str = "", kill_after: float | None = None, start=None, **more: object) -> bool:
        """Run the job into the folder `name`; True when it came to its end, False when its executor was killed."""
        programs = PROGRAMS if not doom else Programs(PROGRAMS.controller, (str(DOOMED), doom))
        packed = packed_arm() if start is None else packed_arm(start)
        with attached(packed, CellOptions(), programs, name="test") as link, killing(link, kill_after):
            events = link.run(self.folder / "two.plan", self.folder / name, **more)
            try:
                while True:
                    next(events)
            except StopIteration as end:
                return end.value.status == "done"
            except Faulted as gone:
                if gone.findings[0].code != "X430":
                    raise
                return False


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


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("kill")
    (folder / "two.plan").write_text("certified, two seams")
    yield Bench(folder)
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.fixture(scope="module")
def records(bench: Bench) -> int:
    """How many records a whole run has."""
    assert bench.run("whole")
    return len(read_journal(bench.folder / "whole" / JOURNAL).records)


def go_on(bench: Bench, name: str) -> None:
    """Survey a run that was killed, go on with it, and hold both against the weld source's log."""
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
    assert survey.ending == "lost", "it was not killed, it ended"
    found = Interrupted(first, job.certified, survey)
    here = last_pose(found)
    entry = entry_on_path(found, here, "restart", LEAST_OVERLAP)
    if entry is None:  # it stands off the path, so it is put back by hand
        entry = entry_at_boundary(found, "restart", LEAST_OVERLAP)
        here = plan.segments[entry.segment].path(plan.segments[entry.segment].path.start)[0]
    assert bench.run(f"{name}-on", start=here, entry=entry, resumes=first)
    both = [burnt(log, plan), burnt(source_log(bench.folder / f"{name}-on"), plan)]
    demand_welded_once(plan, both, overlaps(survey, entry))


def overlaps(survey, entry: Entry) -> list[tuple[int, float, float]]:
    """Where welding twice was announced: from the strike to as far as the arc may have burnt."""
    if entry.cut is not None:
        return [(entry.cut.segment, entry.cut.strike, entry.cut.s + LEAST_OVERLAP)]
    return [] if survey.struck is None else [(survey.struck, 0.0, LEAST_OVERLAP)]


@pytest.mark.parametrize(
    "doom",
    [
        "record:1:torn",
        "record:12:before",
        "record:20:after",
        "setpoint:900:after",
        "setpoint:1500:before",
    ],
)
def test_a_kill_is_gone_on_from(bench: Bench, doom: str) -> None:
    name = doom.replace(":", "-")
    assert not bench.run(name, doom=doom)
    go_on(bench, name)


@pytest.mark.parametrize("setpoint", [780, 1560])
def test_a_kill_on_a_slow_disk_is_gone_on_from(bench: Bench, setpoint: int) -> None:
    """Every fsync takes 0.2 s: the arc does not run ahead of what the journal knows by more than the least overlap."""
    name = f"slow-{setpoint}"
    assert not bench.run(name, doom=f"setpoint:{setpoint}:after:0.2")
    assert source_log(bench.folder / name), "the kill came while an arc burnt"
    go_on(bench, name)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "torn", "after"])
def test_a_kill_at_every_record_is_gone_on_from(bench: Bench, records: int, when: str) -> None:
    assert records > 50
    for number in range(1, records + 1):
        name = f"{when}-{number}"
        bench.run(name, doom=f"record:{number}:{when}")
        go_on(bench, name)


@pytest.mark.slow
def test_a_kill_at_a_random_instant_is_gone_on_from(bench: Bench) -> None:
    """From the first request to a little after the end, by the clock on the wall: wherever that falls."""
    began = time.monotonic()
    assert bench.run("timed")
    longest = time.monotonic() - began
    instants = random.Random(7)
    killed = 0
    for number in range(int(os.environ.get("CELLCTL_KILLS", "200"))):
        name = f"random-{number}"
        killed += not bench.run(name, kill_after=instants.uniform(0.0, longest))
        if (bench.folder / name).exists():
            go_on(bench, name)
    assert killed > number // 4
