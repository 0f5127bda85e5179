"""Screws in files: what a cell, a part, a tool and a task say of them, and every way to say it wrong."""

from __future__ import annotations

from dataclasses import replace
from math import pi
from pathlib import Path

import pytest

from cellctl.errors import FileError
from cellctl.files import load_task, task_from_inputs
from cellctl.files.edits import step_text
from cellctl.files.task_file import task_input
from cellctl.model.part import Hole
from cellctl.model.task import Screw, Task
from cellctl.model.wps import Range


@pytest.fixture
def project(checkout: Path, tmp_path: Path) -> Path:
    """A copy of the shipped cell and task that a test may spoil."""
    (tmp_path / "cellctl.yaml").write_text("project: {name: spoiled}\n")
    for name in ("cell.yaml", "lid.yaml", "housing.yaml"):
        (tmp_path / name).write_text((checkout / "sim/screw_cell" / name).read_text())
    task = (checkout / "tasks/assembly/screw_lid.yaml").read_text()
    (tmp_path / "task.yaml").write_text(task.replace("lib:sim/screw_cell/cell.yaml", "cell.yaml"))
    return tmp_path


def found(project: Path, file: str, old: str, new: str) -> list[tuple[str, str]]:
    """Codes and messages of the task with one change, which stands in the file exactly once."""
    path = project / file
    before = path.read_text()
    assert before.count(old) == 1, (file, old)
    path.write_text(before.replace(old, new))
    with pytest.raises(FileError) as caught:
        load_task(project / "task.yaml")
    return [(finding.code, finding.message) for finding in caught.value.findings]


def test_what_is_written_is_what_is_read(project: Path) -> None:
    task = load_task(project / "task.yaml")
    assert task.steps[0] == Screw("lid.front_left", "m6x16", into=("housing",))
    placement, hole = task.cell.hole("lid.front_left")
    assert (placement.name, hole) == ("lid", Hole("front_left", (-0.105, 0.065, 0.004), (0.0, 0.0, 1.0)))
    program = task.cell.tightening["m6x16"]
    assert program.turns == pytest.approx(12 * 2.0 * pi)
    assert program.feed == pytest.approx(0.005)
    assert program.torque == Range(5.4, 6.0, 6.6)
    tool = task.cell.mechanism("r1").tool
    assert tool is not None
    assert tool.screwdriver is not None
    assert tool.screwdriver.bit == ("bit",)


def test_a_task_with_screws_is_stored_and_read_back(project: Path) -> None:
    task = load_task(project / "task.yaml")
    steps = (replace(task.steps[0], approach=0.04, group="r1"), *task.steps[1:])  # type: ignore[type-var]
    kept = replace(task, steps=steps, places=())
    assert task_from_inputs((task_input(kept), *task.cell.inputs)).steps == steps


def test_a_step_as_it_stands_in_a_file() -> None:
    step = Screw("lid.front_left", "m6x16", into=("housing",), retract=0.06, group="r1")
    words = "hole: lid.front_left, program: m6x16, into: [housing], retract: 60 mm, group: r1"
    assert step_text(step) == f"- screw: {{{words}}}"


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ("hole: lid.front_left, program: m6x16", "hole: lid.front_lift, program: m6x16", "F130", "unknown hole"),
        ("lid.front_left, program: m6x16", "lid.front_left, program: m5", "F130", "unknown tightening program 'm5'"),
        ("rear_left, program: m6x16, into: [housing]", "rear_left, program: m6x16, into: [hous]", "F130", "'hous'"),
        ("- move_j: home", "- screw: {hole: lid.rear_left}", "F111", "program"),
        ("hole: lid.rear_right", "hole: lid.front_left", "F199", "step 1 drives the screw of 'lid.front_left' already"),
    ],
)
def test_names_that_nothing_has(project: Path, old: str, new: str, code: str, message: str) -> None:
    ((said, text),) = found(project, "task.yaml", old, new)
    assert said == code
    assert message in text


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ("  driver_tight: {input: 1}\n", "", "F198", "no input 'driver_tight'"),
        ("driver_run: {output: 1}", "driver_run: {input: 5}", "F198", "is no output"),
        ("driver_tight: {input: 1}", "driver_tight: {input: 2}", "F193", "are both input 2"),
        ("driver_speed: {analog_output: 1}", "driver_speed: {output: 3}", "F198", "is no analog_output"),
        ("driver_speed: {analog_output: 1}", "driver_speed: {analog_output: 16}", "F123", "at most 15"),
        ("driver_speed: {analog_output: 1}", "driver_speed: {analog_output: 1, output: 1}", "F115", "exactly one"),
        ("tools/screwdriver_m6", "tools/omx_gripper", "F136", "no screwdriver"),
        ("snug: 1.5 Nm", "snug: 5.5 Nm", "F112", "smallest final torque"),
        ("angle: 25 .. 40 .. 60 deg", "angle: -5 .. 60 deg", "F112", "more than 0"),
        ("pitch: 1 mm", "pitch: 20 mm", "F112", "one pitch"),
        ("pitch: 1 mm", "pitch: 1e-9 mm", "F112", "more than 200 turns"),
        ("pitch: 1 mm", "pitch: 1", "F120", "no unit"),
    ],
)
def test_cells_that_cannot_drive_it(project: Path, old: str, new: str, code: str, message: str) -> None:
    said = found(project, "cell.yaml", old, new)
    assert {one for one, _ in said} == {code}
    assert message in said[0][1]


def test_a_cell_without_signals_is_told_so_once(project: Path) -> None:
    cell = (project / "cell.yaml").read_text()
    start, end = cell.index("signals:"), cell.index("margins:")
    (project / "cell.yaml").write_text(cell[:start] + cell[end:])
    from cellctl.files.task_checks import check_task, names_of

    task: Task = load_task(project / "task.yaml")
    said = check_task(task, names_of(task.cell), lambda index, field: None)
    assert [(finding.code, finding.severity) for finding in said] == [("F198", "warning")]


def test_a_bit_that_the_tool_does_not_have(project: Path, checkout: Path) -> None:
    tool = (checkout / "robots/tools/screwdriver_m6/tool.yaml").read_text()
    (project / "driver.yaml").write_text(tool.replace("bit: [bit]", "bit: [bitt]"))
    ((code, message),) = found(project, "cell.yaml", "lib:robots/tools/screwdriver_m6", "driver.yaml")
    assert (code, "unknown solid 'bitt'" in message) == ("F130", True)
