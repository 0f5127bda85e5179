"""Tasks on arms whose controllers plan by themselves, over a real pseudoterminal, from the command line's words."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import Faulted, Stopped
from cellctl.execution.records.survey import surveyed
from cellctl.execution.records.trace import read_trace
from cellctl.files import load_task, read_plan
from cellctl.jobs import certify, connect, interrupted, plan, resume, run

AT = "0 0 15 0 75 0 deg"
TASK = """
name: two_moves
cell: lib:sim/gcode_cell/cell.yaml
start: home
steps:
  - move_j: over_left
  - move_j: home
"""

AR4_CELL = """
name: ar4_cell
mechanisms:
  r1:
    model: lib:robots/annin_ar4_mk3
    configurations: {home: 0 10 -10 0 0 90 deg, aside: 6 6 -7 4 -5 82 deg}
margins: {clearance: 3 mm}
"""
AR4_TASK = """
name: ar4_moves
cell: cell.yaml
start: home
steps:
  - move_j: aside
  - move_j: home
"""


@pytest.fixture
def two_moves(tmp_path: Path) -> str:
    path = tmp_path / "two_moves.yaml"
    path.write_text(TASK)
    (tmp_path / "cellctl.yaml").write_text("project: {name: two_moves}\n")
    return str(path)


@pytest.fixture
def ar4_moves(tmp_path: Path) -> str:
    """Two moves of an AR4 by itself."""
    (tmp_path / "cell.yaml").write_text(AR4_CELL)
    (tmp_path / "ar4_moves.yaml").write_text(AR4_TASK)
    (tmp_path / "cellctl.yaml").write_text("project: {name: ar4_moves}\n")
    return str(tmp_path / "ar4_moves.yaml")


def demand_run_as_made(folder: Path) -> None:
    """The record is of the motion that the controller made, certified, and the arm was on it."""
    made = read_plan(folder / "plan.zip")
    assert {segment.form for segment in made.segments} == {"lines"}
    assert made.certificate is not None
    trace = read_trace(folder / "trace.csv")
    path = np.vstack([s.joints_at(np.linspace(0.0, s.duration, 2000)) for s in made.segments])
    off = [np.abs(path - row).max(axis=1).min() for row in trace.measured]
    assert max(off) < np.radians(0.3)
    assert np.degrees(np.abs(trace.measured[-1] - path[-1])).max() < 0.5
    assert json.loads((folder / "outcome.json").read_text())["status"] == "done"


def test_a_task_runs_on_a_mycobot_as_it_makes_it(say, emulated, two_moves: str, tmp_path: Path) -> None:
    _, said = emulated("mycobot", "--at", AT)
    folder = tmp_path / "run"
    answer = say("run", two_moves, "--driver", f"mycobot:{said['port']}", "--yes", "--folder", str(folder))
    assert answer.code == 0, answer.err
    demand_run_as_made(folder)


def test_a_task_runs_on_an_ar4_from_stop_to_stop(say, emulated, ar4_moves: str, tmp_path: Path) -> None:
    _, said = emulated("ar4", "--experimental", "--at", "0 10 -10 0 0 90 deg")
    folder = tmp_path / "run"
    words = ("run", ar4_moves, "--driver", f"ar4:{said['port']}", "--yes", "--folder", str(folder))
    answer = say(*words)
    assert answer.code == 2
    assert "[U658]" in answer.err
    assert "takes joints to the end of their range" in answer.err
    answer = say(*words, "--experimental")
    assert answer.code == 5
    assert "[X477]" in answer.err
    assert not folder.exists()
    answer = say(*words, "--experimental", "--reference", "assume")
    assert answer.code == 0, answer.err
    demand_run_as_made(folder)


def test_from_its_reference_an_arm_goes_to_the_start_by_a_certified_way(
    say, emulated, two_moves: str, tmp_path: Path
) -> None:
    _, said = emulated("grbl", "--at", "10 0 15 0 70 0 deg")
    driver, folder = f"grbl:{said['port']}", tmp_path / "run"
    answer = say("run", two_moves, "--driver", driver, "--yes", "--reference", "home", "--folder", str(folder))
    assert answer.code == 0, answer.err
    demand_run_as_made(folder)
    demand_run_as_made(folder / "way_to_start")
    way = read_plan(folder / "way_to_start" / "plan.zip")
    assert np.degrees(way.segments[0].path.control[0]) == pytest.approx([10, 0, 15, 0, 70, 0], abs=0.002)
    assert np.degrees(way.segments[-1].path.control[-1]) == pytest.approx([0, 0, 15, 0, 75, 0], abs=0.002)


def test_an_arm_that_nobody_homed_is_told_how_it_can_be(say, emulated, two_moves: str, tmp_path: Path) -> None:
    _, said = emulated("grbl", "--at", AT)
    folder = tmp_path / "run"
    answer = say("run", two_moves, "--driver", f"grbl:{said['port']}", "--yes", "--folder", str(folder))
    assert answer.code == 5
    assert "[X477]" in answer.err
    assert "--reference home" in answer.err
    assert not folder.exists()


def test_finding_the_reference_ends_with_the_run_that_is_closed(emulated, two_moves: str, tmp_path: Path) -> None:
    """As Ctrl-C closes it: nobody has to wait until the arm has found its switches."""
    _, said = emulated("grbl", "--at", AT)
    running = run(
        certify(plan(load_task(two_moves))), driver=f"grbl:{said['port']}", reference="home", folder=tmp_path / "run"
    )
    event = next(running)
    assert event.data == {"reference": "home"}
    running.close()
    with (
        connect(load_task(two_moves).cell, driver=f"grbl:{said['port']}") as link,
        pytest.raises(Faulted, match="where the arm is") as caught,
    ):
        link.follow(tmp_path / "plan.zip", tmp_path / "made.zip")
    assert caught.value.findings[0].code == "X477"


def test_a_stopped_run_is_gone_on_with(emulated, two_moves: str, tmp_path: Path) -> None:
    """The port is opened anew for it, so somebody vouches for the position."""
    _, said = emulated("grbl", "--at", AT)
    driver = f"grbl:{said['port']}"
    certified = certify(plan(load_task(two_moves)))
    running = run(certified, driver=driver, reference="home", folder=tmp_path / "first")
    with pytest.raises(Stopped):
        deque(running.link.stop() for event in running if event.kind == "progress" and event.data.get("segment") == 1)
    found = interrupted(tmp_path / "first")
    assert surveyed(tmp_path / "first").segment == 1
    going_on = resume(found, arc="dry", driver=driver, reference="assume", folder=tmp_path / "second")
    assert going_on.finish().status == "done"
    trace = read_trace(tmp_path / "second" / "trace.csv")
    assert set(trace.segment.tolist()) <= {-1, 1}
    assert np.degrees(trace.measured[-1]) == pytest.approx([0, 0, 15, 0, 75, 0], abs=0.01)


@pytest.mark.slow
def test_the_shipped_task_runs_from_the_manuals_words(say, emulated, tmp_path: Path) -> None:
    _, said = emulated("grbl", "--at", AT, "--link", str(tmp_path / "arm"))
    words = ("--driver", f"grbl:{said['port']}", "--yes", "--reference", "home", "--folder", str(tmp_path / "run"))
    answer = say("run", "tasks/desk/gcode_points.yaml", *words)
    assert answer.code == 0, answer.err
    assert "paper.fold" in answer.out
