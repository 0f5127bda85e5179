"""A cell file that is checked by itself: it is read, what stands in it is looked at, and its tasks are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cellctl.cli.main import call

CELL = """\
mechanisms: {r1: {model: lib:robots/kuka_kr16_2}}
fixtures:
  post: {box: 50 50 50 mm, at: {xyz: 900 0 700 mm}}
"""
TASK = "cell: cell.yaml\nsteps:\n  - move_j: home\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cellctl.yaml").write_text("project: {name: p}\n")
    (tmp_path / "cell.yaml").write_text(CELL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_cell_names_the_tasks_that_are_for_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "tasks").mkdir()
    (project / "tasks" / "b.yaml").write_text(TASK.replace("cell.yaml", "../cell.yaml"))
    (project / "a.yaml").write_text(TASK)
    (project / "other.yaml").write_text(TASK.replace("cell.yaml", "lib:sim/tray_cell/cell.yaml"))
    assert call(["check", "cell.yaml"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "cell.yaml: ok, a cell of 1 mechanism, 1 fixture, 0 seams; nothing is planned without a task"
    assert rest == ["task: a.yaml", "task: tasks/b.yaml"]
    assert call(["check", "cell.yaml", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["files"]
    assert (answer["ok"], answer["tasks"]) == (True, ["a.yaml", "tasks/b.yaml"])


def test_a_cell_without_tasks_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["check", "cell.yaml"]) == 0
    assert "no task of this project is for it" in capsys.readouterr().out


def test_a_wrong_cell_is_told_as_any_wrong_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "cell.yaml").write_text(CELL.replace("50 50 50 mm", "50 50 50"))
    assert call(["check", "cell.yaml"]) == 2
    said = capsys.readouterr()
    assert "cell.yaml:3:15: " in said.err
    assert "[F120]" in said.err


@pytest.mark.parametrize("format", ["junit", "sarif", "github"])
def test_every_format_knows_a_cell(format: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["check", "cell.yaml", "--format", format]) == 0
    assert capsys.readouterr().out
