"""kill -9 of the executor in the middle of a whole weld job, and going on: by the weld source's own log all is welded.

A few instants here; with `-m slow` many, among them every record of the journal.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from cellctl import jobs
from cellctl.errors import Faulted, UsageError
from cellctl.execution.records.survey import surveyed
from cellctl.files import write_plan
from cellctl.jobs.resuming import LEAST_OVERLAP
from tests.execution.welded import burnt, demand_true_survey, demand_welded_once, source_log

pytest.importorskip("pybullet", reason="the simulated arm needs PyBullet")

ROOT = Path(__file__).resolve().parents[2]
OVERLAP = 5e-3
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "tray.plan.zip"
    write_plan(jobs.check(ROOT / "tasks/weld/tray_corner.yaml").plan, path)
    return path


def executor_of(folder: Path) -> int:
    """The executor process of the cell in a private folder."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode().split("\0")
        except OSError:
            continue
        if "cellctl.execution" in words and any(str(folder) in word for word in words):
            return int(entry.parent.name)
    raise AssertionError("no executor")


def killed_at(certified, folder: Path, time: float) -> None:
    running = jobs.run(certified, folder=folder)
    for event in running:
        if event.time >= time:
            os.kill(executor_of(running.link._weld_source.parent), signal.SIGKILL)
            break
    with pytest.raises(Faulted, match="the executor is gone"):
        running.finish()


@pytest.mark.parametrize("time", [0.3, 3.5, 6.02, 20.0, 41.0, 60.0, 85.0, 100.0])
def test_every_millimetre_is_welded_exactly_once_outside_the_overlap(plan_file: Path, tmp_path: Path, time) -> None:
    certified = jobs.verify(plan_file)
    killed_at(certified, tmp_path / "first", time)
    assert json.loads((tmp_path / "first" / "outcome.json").read_text())["status"] == "lost"
    found = jobs.interrupted(tmp_path / "first")
    assert found.survey.ending == "lost"
    jobs.resume(found, arc="restart", overlap=OVERLAP, folder=tmp_path / "second").finish()
    assert surveyed(tmp_path / "second").ending == "done"
    with pytest.raises(UsageError, match="gone on with in 'second'"):
        jobs.interrupted(tmp_path / "first")
    demand_true_survey(found.survey, source_log(tmp_path / "first"), certified.plan)
    cut = found.survey.cut
    overlap = [] if cut is None else [(cut[0], cut[1] - OVERLAP, cut[1] + LEAST_OVERLAP)]
    both = [burnt(source_log(tmp_path / name), certified.plan) for name in ("first", "second")]
    demand_welded_once(certified.plan, both, overlap)
    assert all(not weld.findings for weld in jobs.measured_welds(tmp_path / "second"))
