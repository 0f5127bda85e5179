"""The shipped bead job: planned, proved, run, judged by the simulated dispenser's own log, and gone on with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.cli.resume import said_of
from cellctl.errors import NotCertified
from cellctl.execution.records.trace import read_trace
from cellctl.execution.service.processes import CellOptions
from cellctl.execution.service.session import start_cell
from cellctl.files import cell_from_inputs, load_task
from cellctl.jobs import certify, interrupted, measured_welds, plan, resume, run, verify
from cellctl.jobs.run_figures import run_figures
from cellctl.model.bead import BeadProcedure
from cellctl.model.plan import CertifiedPlan, ProcessEvent
from cellctl.model.pose import Pose
from cellctl.proof.conformance import check_seam
from cellctl.proof.gates import EXECUTED
from cellctl.proof.limits import segment_samples

pytest.importorskip("pybullet")

LAYS = 2
"""Segment in which the bead is laid."""
ENDS = 3
"""Millimetres at each end of a bead that a lag of the arm may show in."""


@pytest.fixture(scope="module")
def certified(checkout: Path) -> CertifiedPlan:
    """Its first bead, shorter."""
    task = load_task(checkout / "tasks/assembly/bead_on_lid.yaml")
    (first, *_) = task.steps
    return certify(plan(replace(task, steps=(replace(first, to=-90e-3),), places=())))


@pytest.fixture(scope="module")
def bead(certified: CertifiedPlan) -> BeadProcedure:
    procedure = cell_from_inputs(certified.plan.inputs).procedures["sealant"]
    assert isinstance(procedure, BeadProcedure)
    return procedure


@pytest.fixture(scope="module")
def ran(certified: CertifiedPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    assert run(certified, part_id="A-0042", folder=folder).finish().status == "done"
    return folder


def said(folder: Path, event: str) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "weld_source.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def test_every_millimetre_has_its_cross_section_by_the_dispensers_own_log(ran: Path, bead: BeadProcedure) -> None:
    areas = np.array([line["volume"] / line["length"] for line in said(ran, "bead")])
    assert len(areas) > 50
    assert np.abs(areas[ENDS:-ENDS] / bead.cross_section.nominal - 1.0).max() < 0.02
    (ended,) = said(ran, "bead_ends")
    assert ended["volume"] == pytest.approx(bead.cross_section.nominal * 65e-3, rel=0.02)
    assert len(said(ran, "bead_opened")) == len(said(ran, "bead_shut")) == 1


def test_a_run_is_judged_by_the_meter_and_the_measured_nozzle(ran: Path, bead: BeadProcedure) -> None:
    (laid,) = measured_welds(ran)
    assert laid.findings == ()
    assert laid.record is not None
    assert laid.record.length == pytest.approx(65e-3, abs=0.2e-3)
    assert laid.record.cross_section is not None
    assert laid.record.cross_section == pytest.approx([bead.cross_section.nominal] * 2, rel=0.02)
    assert laid.record.heat_input == 0.0
    assert run_figures(ran).bead_volume == pytest.approx(bead.cross_section.nominal * 65e-3, rel=0.02)
    assert run_figures(ran).arc_energy == 0.0


def test_a_part_traces_back_to_procedure_plan_and_operator(ran: Path, certified: CertifiedPlan) -> None:
    figures = run_figures(ran)
    assert (figures.part_id, figures.wps) == ("A-0042", "sealant")
    assert figures.plan_sha256 == certified.certificate.plan_sha256
    assert any(action.startswith("start by") for action in figures.operator)


def on_a_cell(certified: CertifiedPlan, folder: Path, fault: str) -> Path:
    certified.plan.save(folder / "plan.zip")
    with start_cell(cell_from_inputs(certified.plan.inputs), CellOptions(bead_fault=fault)) as link:
        for _ in link.run(folder / "plan.zip", folder / "run", part_id="A-0043"):
            pass
    return folder / "run"


def test_too_little_material_is_found_by_the_meter(certified: CertifiedPlan, tmp_path: Path) -> None:
    (laid,) = measured_welds(on_a_cell(certified, tmp_path, "weak"))
    assert {finding.code for finding in laid.findings} == {"C367"}


def test_a_bead_that_lost_its_pressure_is_laid_on_with_an_overlap_and_no_gap(
    certified: CertifiedPlan, tmp_path: Path
) -> None:
    cut = on_a_cell(certified, tmp_path, "1.2")
    found = interrupted(cut)
    words = "\n".join(said_of(found))
    assert "laid    lid.rib_front from 0.0 to" in words
    assert "weld" not in words
    again = tmp_path / "again"
    assert resume(found, arc="restart", overlap=2e-3, folder=again).finish().status == "done"
    assert run_figures(again).part_id == run_figures(cut).part_id == "A-0043"
    (first,), (second,) = said(cut, "pressure_lost"), said(again, "bead_ends")
    assert first["volume"] + second["volume"] > 3e-6 * 65e-3
    (laid,) = measured_welds(again)
    assert laid.record is not None
    assert laid.record.length == pytest.approx(65e-3, abs=0.2e-3)


def test_an_arm_that_was_moved_by_hand_goes_back_by_a_certified_way(certified: CertifiedPlan, tmp_path: Path) -> None:
    """Somebody has put it beside its home before it is gone on with."""
    cut = on_a_cell(certified, tmp_path, "1.2")
    elsewhere = certified.plan.start["r1"] + np.radians([20.0, 5.0, 0.0, 0.0, 10.0, 0.0])
    log = cut / "weld_source.jsonl"
    *before, last = [json.loads(line) for line in log.read_text().splitlines()]
    assert last["event"] == "stands"
    lines = [*before, last | {"joints": elsewhere.tolist()}]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    again = tmp_path / "again"
    assert resume(interrupted(cut), arc="restart", overlap=2e-3, folder=again).finish().status == "done"
    way = read_trace(again / "way_back" / "trace.csv")
    np.testing.assert_allclose(way.commanded[0], elsewhere, atol=1e-4)
    assert verify(again / "way_back" / "plan.zip").certificate.segments
    trace = read_trace(again / "trace.csv")
    np.testing.assert_allclose(trace.commanded[0], way.commanded[-1], atol=np.radians(0.5))
    (laid,) = measured_welds(again)
    assert laid.record is not None
    assert laid.record.length == pytest.approx(65e-3, abs=0.2e-3)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"events": (ProcessEvent(0.0, "bead_start"), ProcessEvent(0.05, "bead_end"))}, "C327"),
        ({"events": (ProcessEvent(0.0, "arc_start"), ProcessEvent(0.065, "arc_end"))}, "C327"),
        ({"ctwd": 0.005}, "C327"),
        ({"wps": "other"}, "C327"),
    ],
    ids=["ends early", "welds", "stands off elsewhere", "by another procedure"],
)
def test_a_plan_that_lays_another_bead_is_refuted(
    certified: CertifiedPlan, change: dict[str, object], code: str
) -> None:
    segments = list(certified.plan.segments)
    section = segments[LAYS].process
    assert section is not None
    segments[LAYS] = replace(segments[LAYS], process=replace(section, **change))  # type: ignore[arg-type]
    block = replace(certified.plan.blocks[0], segments=tuple(segments))
    with pytest.raises(NotCertified) as caught:
        certify(replace(certified.plan, blocks=(block,), certificate=None))
    assert code in [finding.code for finding in caught.value.findings]


def test_a_nozzle_off_its_stand_off_is_refuted(checkout: Path, certified: CertifiedPlan) -> None:
    """The same path, by a proof that has the seam 0.6 mm lower: a weld would pass, a bead does not."""
    task = load_task(checkout / "tasks/assembly/bead_on_lid.yaml")
    segment = certified.plan.segments[LAYS]
    (first, *_) = task.steps
    step = replace(first, to=-90e-3)
    (lid,) = task.cell.parts
    lower = replace(lid, pose_world_part=Pose.of((0.0, 0.0, -0.6e-3)) @ lid.pose_world_part)
    t, q = segment_samples(segment)
    assert segment.process is not None
    record, findings = check_seam(
        replace(task.cell, parts=(lower,)), "r1", step, segment.process, t, q, EXECUTED, "here"
    )
    assert 0.3e-3 < record.height < EXECUTED.height
    assert "C311" in [finding.code for finding in findings]
