"""Beads in files: what a cell, a procedure, a tool and a task say of them, and ways to say it wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cellctl.errors import CellctlError
from cellctl.files import load_task, task_from_inputs
from cellctl.files.edits import step_text
from cellctl.files.task_file import task_input
from cellctl.model.bead import BeadProcedure
from cellctl.model.task import Dispense
from cellctl.model.wps import Range
from cellctl.units import deg, mm


@pytest.fixture
def project(checkout: Path, tmp_path: Path) -> Path:
    """A copy of the shipped cell and task that a test may spoil, with a WPS and the tools beside it."""
    (tmp_path / "cellctl.yaml").write_text("project: {name: spoiled}\n")
    for name in ("cell.yaml", "lid.yaml", "sealant.yaml"):
        (tmp_path / name).write_text((checkout / "sim/bead_cell" / name).read_text())
    (tmp_path / "mig.yaml").write_text((checkout / "sim/tray_cell/mig131_al_t3.yaml").read_text())
    task = (checkout / "tasks/assembly/bead_on_lid.yaml").read_text()
    (tmp_path / "task.yaml").write_text(task.replace("lib:sim/bead_cell/cell.yaml", "cell.yaml"))
    return tmp_path


def changed(project: Path, file: str, old: str, new: str) -> None:
    """One change, of what stands in the file exactly once."""
    before = (project / file).read_text()
    assert before.count(old) == 1, (file, old)
    (project / file).write_text(before.replace(old, new))


def codes(project: Path) -> set[str]:
    with pytest.raises(CellctlError) as caught:
        load_task(project / "task.yaml")
    return {finding.code for finding in caught.value.findings}


def test_what_is_written_is_what_is_read(project: Path) -> None:
    task = load_task(project / "task.yaml")
    assert task.steps[0] == Dispense("lid.rib_front", "sealant", from_=5 * mm, to=-5 * mm)
    bead = task.cell.procedures["sealant"]
    assert isinstance(bead, BeadProcedure)
    assert bead.cross_section == Range(2.7 * mm**2, 3.0 * mm**2, 3.3 * mm**2)
    assert (bead.ctwd.nominal, bead.open_lead, bead.close_lead) == pytest.approx((4 * mm, 0.08, 0.06))
    assert bead.flow(40 * mm) == pytest.approx(0.12e-6), "3 mm^2 at 40 mm/s are 0.12 ml/s"
    assert bead.slowest(30 * mm) == pytest.approx(0.5)
    tool = task.cell.mechanism("r1").tool
    assert tool is not None
    assert tool.dispenser is not None
    assert tool.dispenser.tcp(4 * mm).position[2] == pytest.approx(264 * mm)


STEPS = [
    Dispense("a.b", "glue"),
    Dispense("a.b", "glue", stand_off=3 * mm, from_=5 * mm, reverse=True, backing=("table",)),
    Dispense("a.b", "glue", work_angle=Range(-3 * deg, 0.0, 4.5 * deg), travel_speed=20 * mm, group="r1"),
]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_as_text_is_the_same_step(project: Path, step: Dispense) -> None:
    written = replace(step, seam="lid.rib_front", bead="sealant", backing=("nest",) if step.backing else ())
    task = (project / "task.yaml").read_text().partition("steps:\n")[0]
    (project / "task.yaml").write_text(f"{task}steps:\n  {step_text(written)}\n")
    read = load_task(project / "task.yaml")
    assert read.steps == (written,)
    assert task_from_inputs([*read.cell.inputs, task_input(read)]).steps == (written,)


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("cell.yaml", "dispenser_ready: {input: 1}", "dispenser_redy: {input: 1}", "F203"),
        ("cell.yaml", "dispenser_flow: {analog_output: 0}", "dispenser_flow: {output: 2}", "F203"),
        ("cell.yaml", "sealant: sealant.yaml", "sealant: mig.yaml", "F204"),
        ("cell.yaml", "tools/dispenser_2mm", "tools/mig_torch_22deg", "F164"),
        ("sealant.yaml", "nozzle_bore: 2 mm", "nozzle_bore: 1.5 mm", "F168"),
        ("task.yaml", "lid.collar, bead: sealant", "lid.collar, bead: glue", "F130"),
        ("task.yaml", "lid.collar, bead: sealant", "lid.colar, bead: sealant", "F130"),
        ("task.yaml", "lid.collar, bead: sealant", "lid.collar, bead: sealant, stand_off: 9 mm", "F161"),
        ("task.yaml", "lid.collar, bead: sealant", "lid.collar, bead: sealant, travel_speed: 90 mm/s", "F160"),
        ("task.yaml", "lid.collar, bead: sealant", "lid.collar, bead: sealant, from: 5 mm", "F167"),
        ("task.yaml", "lid.collar, bead: sealant", "lid.collar, wps: sealant", "F110"),
    ],
)
def test_what_cannot_be_meant_is_found(project: Path, file: str, old: str, new: str, code: str) -> None:
    changed(project, file, old, new)
    assert code in codes(project)


def test_a_weld_by_the_procedure_of_a_bead_is_found(project: Path) -> None:
    changed(
        project, "task.yaml", "dispense: {seam: lid.collar, bead: sealant}", "weld: {seam: lid.collar, wps: sealant}"
    )
    assert {"F204", "F164"} <= codes(project)


def test_a_tool_is_no_torch_and_dispenser_at_once(checkout: Path, project: Path) -> None:
    torch = "torch: {contact_tip: {}, wire_diameter: 1 mm, nozzle: [nozzle]}\n"
    text = (checkout / "robots/tools/dispenser_2mm/tool.yaml").read_text()
    (project / "both.yaml").write_text(text + torch)
    changed(project, "cell.yaml", "lib:robots/tools/dispenser_2mm", "both.yaml")
    assert "F115" in codes(project)
