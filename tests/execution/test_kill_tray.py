"""kill -9 of the executor at every record of the whole first job's journal, and at random instants of it.

Real processes and real kills, on the stand-in for the mechanics and a slow period; `test_kill.py` has a few of them on
PyBullet's. What is killed is gone on with until the seam that was cut is whole, and every tenth time until the job is
done: by the weld source's own log all that was welded by then was welded once, but for the overlap.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from cellctl import jobs
from cellctl.drivers.driver import arm_setup
from cellctl.execution.load import load_job
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.record import JOURNAL
from cellctl.files import cell_from_inputs, write_plan
from tests.execution.forked import arm_of
from tests.execution.killing import Bench, go_on

ROOT = Path(__file__).resolve().parents[2]
MEMORY = Path("/dev/shm")
"""Where a kill leaves what was written, and nobody waits for a disk that is never lost."""
PERIOD = 0.02
WHOLE_EVERY = 10
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tray")
    write_plan(jobs.check(ROOT / "tasks/weld/tray_corner.yaml").plan, folder / "tray.plan.zip")
    job = load_job(folder / "tray.plan.zip")
    runs = MEMORY / f"cellctl-{os.getpid()}" if MEMORY.is_dir() else folder
    runs.mkdir(exist_ok=True)
    yield Bench(runs, job, arm_of(job, arm_setup(cell_from_inputs(job.certified.plan.inputs)), period=PERIOD))
    shutil.rmtree(runs)


@pytest.fixture(scope="module")
def whole(bench: Bench) -> tuple[int, float]:
    """How many records a whole run has, and how long it takes on the wall."""
    began = time.monotonic()
    assert bench.ran("whole").status == "done"
    return len(read_journal(bench.folder / "whole" / JOURNAL).records), time.monotonic() - began


def test_a_kill_at_every_record_is_gone_on_from(bench: Bench, whole: tuple[int, float]) -> None:
    """Behind each record; every so many times in the middle of its line."""
    records, _ = whole
    assert records > 900
    for count, number in enumerate(range(1, records + 1, int(os.environ.get("CELLCTL_EVERY", "1")))):
        name = f"record-{number}"
        bench.ran(name, doom=f"record:{number}:{'torn' if count % WHOLE_EVERY == 5 else 'after'}")
        go_on(bench, name, to_the_end=count % WHOLE_EVERY == 0)
        clear(bench, name)


def test_a_kill_at_a_random_instant_is_gone_on_from(bench: Bench, whole: tuple[int, float]) -> None:
    """From the first request to a little after the end, by the clock on the wall: wherever that falls."""
    _, longest = whole
    instants = random.Random(11)
    killed = 0
    for number in range(int(os.environ.get("CELLCTL_KILLS", "200"))):
        name = f"random-{number}"
        killed += bench.ran(name, kill_after=instants.uniform(0.0, longest)) is None
        if (bench.folder / name).exists():
            go_on(bench, name, to_the_end=number % WHOLE_EVERY == 0)
        clear(bench, name)
    assert killed > number // 4


def clear(bench: Bench, name: str) -> None:
    for folder in (name, f"{name}-on"):
        shutil.rmtree(bench.folder / folder, ignore_errors=True)
