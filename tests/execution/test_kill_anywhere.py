"""kill -9 of the executor at every record of its journal and at random instants, with real processes and real kills.

The job has two short seams; the weld source's own log says what was welded. A few kills here; with `-m slow` every
record (before it, in the middle of it, after it) and 200 random instants.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.record import JOURNAL
from tests.execution.killing import Bench, go_on, two_seams_bench
from tests.execution.welded import source_log


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return two_seams_bench(tmp_path_factory.mktemp("kill"))


@pytest.fixture(scope="module")
def records(bench: Bench) -> int:
    """How many records a whole run has."""
    assert bench.ran("whole").status == "done"
    return len(read_journal(bench.folder / "whole" / JOURNAL).records)


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
    assert bench.ran(name, doom=doom) is None
    go_on(bench, name)


@pytest.mark.parametrize("setpoint", [780, 1560])
def test_a_kill_on_a_slow_disk_is_gone_on_from(bench: Bench, setpoint: int) -> None:
    """Every fsync takes 0.2 s: the arc does not run ahead of what the journal knows by more than the least overlap."""
    name = f"slow-{setpoint}"
    assert bench.ran(name, doom=f"setpoint:{setpoint}:after:0.2") is None
    assert source_log(bench.folder / name), "the kill came while an arc burnt"
    go_on(bench, name)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "torn", "after"])
def test_a_kill_at_every_record_is_gone_on_from(bench: Bench, records: int, when: str) -> None:
    assert records > 50
    for number in range(1, records + 1):
        name = f"{when}-{number}"
        bench.ran(name, doom=f"record:{number}:{when}")
        go_on(bench, name)


@pytest.mark.slow
def test_a_kill_at_a_random_instant_is_gone_on_from(bench: Bench) -> None:
    """From the first request to a little after the end, by the clock on the wall: wherever that falls."""
    began = time.monotonic()
    assert bench.ran("timed").status == "done"
    longest = time.monotonic() - began
    instants = random.Random(7)
    killed = 0
    for number in range(int(os.environ.get("CELLCTL_KILLS", "200"))):
        name = f"random-{number}"
        killed += bench.ran(name, kill_after=instants.uniform(0.0, longest)) is None
        if (bench.folder / name).exists():
            go_on(bench, name)
    assert killed > number // 4
