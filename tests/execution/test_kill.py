"""kill -9 of the executor in the middle of a whole weld job, and going on: by the weld source's own log all is welded.

A few instants here; with `-m slow` many, among them every record of the journal.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from cellctl import jobs
from cellctl.errors import Faulted, UsageError
from cellctl.execution.records.survey import surveyed
from cellctl.files import write_plan
from cellctl.jobs.resuming import LEAST_OVERLAP
from cellctl.model.plan import Plan

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


def burnt(folder: Path, plan: Plan) -> dict[int, list[tuple[float, float]]]:
    """Where the arc stood, by the weld source's log: from and to on the seam of each segment, m."""
    found: dict[int, list[tuple[float, float]]] = {}
    since: tuple[int, float] | None = None
    for line in (folder / "weld_source.jsonl").read_text().splitlines():
        said = json.loads(line)
        place = place_of(plan, np.array(said["joints"]))
        if said["event"] == "arc_established":
            since = place
        elif said["event"] == "arc_off" and since is not None:
            found.setdefault(since[0], []).append((since[1], place[1]))
            since = None
    return found


def place_of(plan: Plan, joints: np.ndarray) -> tuple[int, float]:
    """The segment with a process, and the path parameter on it, that is nearest to `joints` (dof,)."""
    best = (np.inf, 0, 0.0)
    for index, segment in enumerate(plan.segments):
        if segment.process is not None:
            s = np.linspace(segment.path.start, segment.path.end, 20_001)
            away = np.abs(segment.path(s) - joints).max(axis=1)
            best = min(best, (float(away.min()), index, float(s[away.argmin()])))
    return best[1], best[2]


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
    stretches: dict[int, list[tuple[float, float]]] = {}
    for folder in ("first", "second"):
        for segment, runs in burnt(tmp_path / folder, certified.plan).items():
            stretches.setdefault(segment, []).extend(runs)
    for index, segment in enumerate(certified.plan.segments):
        if segment.process is None:
            continue
        at = np.arange(0.5e-3, segment.process.length - 0.5e-3, 0.5e-3)
        counts = sum(((at >= low - 1e-4) & (at <= high + 1e-4)).astype(int) for low, high in stretches[index])
        assert (counts >= 1).all(), f"a gap in segment {index}"
        cut = found.survey.cut
        near = np.zeros(len(at), dtype=bool)
        if cut is not None and cut[0] == index:
            near = (at > cut[1] - OVERLAP - 2e-4) & (at < cut[1] + LEAST_OVERLAP)
        assert (counts[~near] == 1).all(), f"segment {index} was welded twice"
    assert all(not weld.findings for weld in jobs.measured_welds(tmp_path / "second"))
