"""`cellctl init`: what it writes checks, tests itself, and is never written over anything."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cellctl.cli.main import call
from cellctl.files import load_cell
from cellctl.scene.bodies import collision_model
from cellctl.scene.engine import open_engine

pytest.importorskip("pybullet")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_project_checks_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["init", "my cell", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    folder = here / "my cell"
    assert sorted(data["files"]) == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert load_cell(folder / "cell.yaml").name == "my_cell"
    for file in folder.rglob("*.yaml"):
        schema = file.read_text("utf-8").partition("$schema=")[2].partition("\n")[0]
        assert (file.parent / schema).is_file()
    assert call(["check", f"my cell/{data['task']}"]) == 0


def test_its_own_tests_pass(here: Path, checkout: Path) -> None:
    assert call(["init", "cell", "--arm", "ur5e"]) == 0
    assert load_cell(here / "cell/cell.yaml").mechanism("r1").robot.name == "ur5e"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "cellctl.pytest_plugin", "tests"]
    known = {"PYTHONPATH": str(checkout), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # cellctl may be installed or not
    done = subprocess.run(words, cwd=here / "cell", env={**os.environ, **known}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("there", ["cell.yaml", "tests/test_cell.py", "schemas/task.json"])
def test_nothing_is_written_over(here: Path, capsys: pytest.CaptureFixture[str], there: str) -> None:
    file = here / "cell" / there
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    assert call(["init", "cell"]) == 2
    assert f"'cell' holds {there.replace('/task.json', '')} already" in capsys.readouterr().err
    assert [p for p in (here / "cell").rglob("*") if p.is_file()] == [file]
    assert file.read_text() == "mine"


def test_a_file_in_place_of_the_folder_stays(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "cell").write_text("mine")
    assert call(["init", "cell"]) == 2
    assert "[U690]" in capsys.readouterr().err
    assert (here / "cell").read_text() == "mine"


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ("kuka_kr16", "no arm is called 'kuka_kr16' - did you mean 'kuka_kr16_2'"),
        ("open_manipulator_x", "'open_manipulator_x' cannot weld the part of a new project with this torch: "),
        ("yaskawa_motopos_d500", "'yaskawa_motopos_d500' is a positioner, which carries no torch"),
    ],
)
def test_an_arm_that_cannot_do_it_is_told(here: Path, capsys: pytest.CaptureFixture[str], arm: str, said: str) -> None:
    assert call(["init", "cell", "--arm", arm]) == 2
    assert said in capsys.readouterr().err
    assert not (here / "cell").exists()


def test_an_arm_of_ones_own_is_copied_and_given_a_home(here: Path, checkout: Path) -> None:
    shutil.copytree(checkout / "robots/kuka_kr5_arc", here / "mine/kr5")
    robot = here / "mine/kr5/robot.yaml"
    text, count = re.subn(r"(?m)^configurations:\n(  .*\n)+", "", robot.read_text())
    assert count == 1
    robot.write_text(text)
    assert call(["init", "cell", "--arm", "mine/kr5"]) == 0
    assert "model: robots/kr5\n" in (here / "cell/cell.yaml").read_text()
    assert (here / "cell/robots/kr5/robot.yaml").read_text() == text
    cell = load_cell(here / "cell/cell.yaml")
    home = np.array(cell.mechanisms[0].configurations["home"])
    model = collision_model(cell, "r1")
    with open_engine(None, model) as scene:
        assert scene.all_within(home, model.margins) == []


def test_the_next_line_can_be_pasted(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["init", "my cell"]) == 0
    assert "next: cd 'my cell'; cellctl run" in capsys.readouterr().out


@pytest.mark.parametrize("there", [False, True])
def test_a_disk_that_fills_leaves_nothing_half_written(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    if there:
        (here / "cell").mkdir()
        (here / "cell/notes.txt").write_text("mine")
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if here in path.absolute().parents and path.name == "tee.yaml":
            write(path, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert call(["init", "cell"]) == 2
    assert "cannot be written: No space left on device [F180]" in capsys.readouterr().err
    assert [p.name for p in here.rglob("*") if p.is_file()] == (["notes.txt"] if there else [])
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert call(["init", "cell"]) == 0


def test_what_a_killed_call_left_is_in_nobodys_way(here: Path) -> None:
    (here / ".cell.new").mkdir()
    (here / ".cell.new/cell.yaml").write_text("torn")
    assert call(["init", "cell"]) == 0
    assert [path.name for path in here.iterdir()] == ["cell"]
