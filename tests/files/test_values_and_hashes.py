"""What changes a task's inputs and what does not: comments, key order and line ends say nothing, a number does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cellctl.errors import CellctlError, CheckFailed, FileError, UsageError
from cellctl.files import load_task, plan_inputs, task_from_inputs, task_input
from cellctl.model.cell import Cell
from cellctl.model.task import Budget, MoveJ, Task, Weld
from cellctl.model.wps import Range

LOW_HOME = "configurations: {home: 0 -160 90 0 45 0 deg}"


@pytest.fixture
def project(tmp_path: Path, checkout: Path) -> Path:
    """A copy of the tray cell and its task as a project of its own."""
    shutil.copytree(checkout / "sim" / "tray_cell", tmp_path / "cell")
    task = (checkout / "tasks" / "weld" / "tray_corner.yaml").read_text("utf-8")
    (tmp_path / "task.yaml").write_text(task.replace("lib:sim/tray_cell/cell.yaml", "cell/cell.yaml"), "utf-8")
    (tmp_path / "cellctl.yaml").write_text("project: {name: copy}\n")
    return tmp_path


def hashes(project: Path) -> dict[str, str]:
    return {item.reference: item.sha256 for item in plan_inputs(load_task(project / "task.yaml"))}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), "utf-8")


def test_comments_and_line_ends_change_nothing(project: Path, plain: Callable[[Any], Any]) -> None:
    before, task = hashes(project), load_task(project / "task.yaml")
    for path in sorted(project.rglob("*.yaml")):
        lines = path.read_text("utf-8").split("\n")
        path.write_bytes("\r\n".join(f"{line}  # remark" if line.strip() else line for line in lines).encode())
    assert hashes(project) == before
    assert plain(load_task(project / "task.yaml")) == plain(task)


def test_key_order_changes_no_value(project: Path, plain: Callable[[Any], Any]) -> None:
    task = load_task(project / "task.yaml")
    path = project / "cell" / "cell.yaml"
    head, _, tail = path.read_text("utf-8").partition("parts:\n")
    path.write_text(f"parts:\n{tail}{head}", "utf-8")
    assert plain(load_task(project / "task.yaml")) == plain(task)


def test_a_number_changes_one_hash(project: Path) -> None:
    before = hashes(project)
    edit(project / "cell" / "tray.yaml", "box: 4 396 100 mm", "box: 4 396 101 mm")
    after = hashes(project)
    assert {key for key in before if before[key] != after[key]} == {"project:cell/tray.yaml"}


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "names"),
    [
        ("cell/tray.yaml", "faces: [0 0 1, 0 1 0]", "faces: [0 0 -1, 0 -1 0]", "F157", "seam 'left'"),
        ("cell/tray.yaml", "faces: [axis, radial]", "faces: [-axis, -radial]", "F157", "seam 'boss'"),
        ("cell/tray.yaml", "centre: 190 190 0 mm", "centre: 190 190 10 mm", "F153", "seam 'boss'"),
        ("cell/tray.yaml", "thickness: 4 mm", "thickness: 6 mm", "F166", "'mig131_al_t3'"),
        ("task.yaml", "overlap: 8 mm", "overlap: 8 mm, travel_speed: 12.6 mm/s", "F160", "12.6 mm/s"),
        ("cell/mig131_al_t3.yaml", "wire_diameter: 1.2 mm", "wire_diameter: 1.0 mm", "F168", "1 mm"),
        ("cell/cell.yaml", "tool: torch", f"tool: torch\n    {LOW_HOME}", "F159", "joint_a2"),
    ],
)
def test_checks_fail_with_exit_1(project: Path, file: str, old: str, new: str, code: str, names: str) -> None:
    edit(project / file, old, new)
    with pytest.raises(CheckFailed) as caught:
        load_task(project / "task.yaml")
    assert {finding.code for finding in caught.value.findings} == {code}
    assert caught.value.exit_code == 1
    assert names in str(caught.value)


def test_a_tool_that_is_no_torch(project: Path) -> None:
    (project / "cell" / "gripper.yaml").write_text(
        "title: gripper\ninertia: {mass: 1 kg, com: 0 0 50 mm, inertia: 0.01 0 0 0.01 0 0.01 kg*m^2}\n"
        "solids: {hand: {box: 50 50 100 mm, at: {xyz: 0 0 50 mm}}}\n"
    )
    edit(project / "cell" / "cell.yaml", "torch: lib:robots/tools/mig_torch_22deg", "torch: gripper.yaml")
    with pytest.raises(CheckFailed, match=r"tool 'torch' of 'r1' has no contact tip .*F164"):
        load_task(project / "task.yaml")


def every_field(cell: Cell) -> Task:
    weld = Weld(
        "tray.boss", "mig131_al_t3", start=0.1, overlap=0.007, reverse=True, ctwd=0.0151, travel_speed=0.0091,
        work_angle=Range(-0.1, 0.01, 0.1), travel_angle=Range(0.1, 0.11, 0.12), spin=Range(-1.0, 0.0, 1.1),
        approach=0.033, retract=0.044, group="r1",
    )  # fmt: skip
    trimmed = Weld("tray.left", "mig131_al_t3", from_=1 / 30, to=-1 / 70)
    return Task((MoveJ("home", group="r1"), weld, trimmed), cell, "home", "all", Budget(61.7, 0.011, 0.25), "")


def test_a_task_made_in_python_survives_its_inputs() -> None:
    task = every_field(Cell.load("lib:sim/tray_cell/cell.yaml"))
    back = task_from_inputs(plan_inputs(task))
    assert back.steps == task.steps
    assert (back.name, back.start, back.budget) == (task.name, task.start, task.budget)
    assert task_input(back).content == task_input(task).content


def test_a_cell_without_a_file_has_no_inputs() -> None:
    cell = Cell("bare", (), (), (), ())
    with pytest.raises(UsageError) as caught:
        task_input(Task((MoveJ("home"),), cell))
    assert [finding.code for finding in caught.value.findings] == ["U604"]


SCRIPT = """
from cellctl import Cell, MoveJ, Task, Weld
steps = (MoveJ("home"), Weld("tray.lft", wps="mig131_al_t3", travel_speed=0.02))
task = Task(steps, Cell.load("lib:sim/tray_cell/cell.yaml"))
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "x = 1\n",
            "script.py: the script has no module-level task - write 'task = Task(...)' at its top level [U601]",
        ),
        ("\nraise RuntimeError('no\\nluck')\n", "script.py:2:1: the script raised RuntimeError: no luck [U602]"),
        ("import sys\nsys.exit(3)\n", "script.py:2:1: the script raised SystemExit: 3 [U602]"),
        ("def f(:\n", "script.py:1:1: the script raised SyntaxError: invalid syntax (script.py, line 1) [U602]"),
        (
            SCRIPT,
            "step 2: unknown seam 'tray.lft' - did you mean 'tray.left', 'tray.right' or 'tray.boss'? [F130]\n"
            "step 2: travel speed 20 mm/s lies outside procedure 'mig131_al_t3' - it allows 8 mm/s to 12 mm/s [F160]",
        ),
    ],
)
def test_wrong_scripts(text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("script.py").write_text(text)
    with pytest.raises(CellctlError) as caught:
        load_task("script.py")
    assert str(caught.value) == expected


def test_two_scripts_of_one_name_live_side_by_side(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        text = SCRIPT.replace("lft", "left").replace("0.02", "0.01").replace('yaml"))', f'yaml"), name="{name}")')
        (tmp_path / name / "script.py").write_text(text)
    assert [load_task(tmp_path / name / "script.py").name for name in ("a", "b")] == ["a", "b"]


def test_findings_of_several_files_come_at_once(checkout: Path) -> None:
    with pytest.raises(FileError) as caught:
        load_task(checkout / "tests" / "bad" / "task_of_a_bad_job.yaml")
    files = {Path(finding.place.file).name for finding in caught.value.findings if finding.place}
    assert files == {"cell.yaml", "tray.yaml", "wps.yaml", "task_of_a_bad_job.yaml"}
