"""What a check tells besides errors: what was not checked, and what overlaps where it stands."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cellctl.errors import Finding
from cellctl.files import load_cell, load_task
from cellctl.jobs.standing_overlaps import standing_overlaps
from cellctl.model.cell import Cell
from cellctl.model.pose import Pose


@pytest.fixture(scope="module")
def cell(checkout: Path) -> Cell:
    return load_cell(checkout / "sim/tray_cell/cell.yaml")


@pytest.mark.parametrize("engine", ["bullet", "coal"])
def test_overlaps_are_noted(cell: Cell, engine: str) -> None:
    assert standing_overlaps(cell, engine) == ()
    lowered = [
        replace(f, pose_world=Pose.of((0.0, 0.0, -0.02)) @ f.pose_world) if f.name == "clamp_1" else f
        for f in cell.fixtures
    ]
    notes = standing_overlaps(replace(cell, fixtures=tuple(lowered)), engine)
    assert {(note.code, note.severity) for note in notes} == {("F178", "note")}
    assert notes[0].message == "'clamp_1' and 'table' overlap by about 20 mm where they stand"


def remarks_on(checkout: Path, folder: Path, old: str, new: str, file: str) -> list[str]:
    """What is remarked on the first job with `old` replaced by `new` in one of its files."""
    shutil.copytree(checkout / "sim/tray_cell", folder, dirs_exist_ok=True)
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), "utf-8")
    (folder / "cellctl.yaml").write_text("project: {name: remarks}\n")
    task = (checkout / "tasks/weld/tray_corner.yaml").read_text("utf-8").replace("lib:sim/tray_cell/", "")
    (folder / "task.yaml").write_text(task, "utf-8")
    found: list[Finding] = []
    load_task(folder / "task.yaml", remarks=found)
    assert {finding.severity for finding in found} <= {"warning"}
    assert all(finding.place is not None and finding.place.line for finding in found)
    return sorted({f"{finding.code} {finding.message}" for finding in found})


def test_the_first_job_has_none(checkout: Path, tmp_path: Path) -> None:
    assert remarks_on(checkout, tmp_path, "boss", "boss", "tray.yaml") == []


def test_a_part_without_figures_is_told(checkout: Path, tmp_path: Path) -> None:
    said = remarks_on(checkout, tmp_path, "thickness: 4 mm\n", "", "tray.yaml")
    assert said == ["F169 part 'tray' gives no 'thickness', so this is not checked against procedure 'mig131_al_t3'"]


def test_a_procedure_without_positions_is_told(checkout: Path, tmp_path: Path) -> None:
    said = remarks_on(checkout, tmp_path, "positions: [PA, PB, PG]", "positions: []", "mig131_al_t3.yaml")
    assert said == ["F169 the welding position is not checked: 'positions' is empty"]


def test_a_cell_without_signals_is_told(checkout: Path, tmp_path: Path) -> None:
    said = remarks_on(checkout, tmp_path, "signals:\n  arc_on: {output: 1}\n  arc_ok: {input: 1}\n", "", "cell.yaml")
    assert said == ["F116 the cell has no signals: this task can be planned and proved, and not be run"]


SCALED = "positions: [PA, PB, PG]\noverride: scaled\nheat_input: 0.22 .. 0.28 kJ/mm"


def test_a_power_that_cannot_be_set_is_told(checkout: Path, tmp_path: Path) -> None:
    """Without the outputs the override waits as if it were blocked; the task runs all the same."""
    said = remarks_on(checkout, tmp_path, "positions: [PA, PB, PG]", SCALED, "mig131_al_t3.yaml")
    text = "scales its power, and the cell has no analog_output 'wire_feed' and 'voltage' to set it by"
    assert said == [f"F200 procedure 'mig131_al_t3' {text}"]
    cell = (tmp_path / "cell.yaml").read_text("utf-8")
    lines = "signals:\n  wire_feed: {analog_output: 0}\n"
    for more, expected in (
        ("  voltage: {output: 2}\n", [said[0].replace("'wire_feed' and ", "")]),
        ("  voltage: {analog_output: 1}\n", []),
    ):
        (tmp_path / "cell.yaml").write_text(cell.replace("signals:\n", lines + more), "utf-8")
        found: list[Finding] = []
        load_task(tmp_path / "task.yaml", remarks=found)
        assert sorted({f"{finding.code} {finding.message}" for finding in found}) == expected
