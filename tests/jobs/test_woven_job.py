"""A weave of T4 on a seam of the tray: 2 mm to either side, 2 Hz at 6 mm/s, over 60 mm; planned, proved and run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ellipe

from cellctl.errors import CellctlError, Finding, PlanningFailed
from cellctl.files import load_task, plan_inputs, task_from_inputs
from cellctl.files.edits import edited_task, read_shift, shifted
from cellctl.jobs import certify, check, plan
from cellctl.jobs.measuring import measured_welds
from cellctl.jobs.replanning import replan
from cellctl.jobs.running import run
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.jacobian import jacobians
from cellctl.model.plan import Block, CertifiedPlan, FixedSegment, Plan
from cellctl.model.spline import interpolated
from cellctl.model.task import Weld
from cellctl.model.weave import Weave
from cellctl.proof import examine
from cellctl.proof.readback import tcp_matrices
from cellctl.units import mm

ROOT = Path(__file__).resolve().parents[2]
WEAVE = "{amplitude: 2 mm, frequency: 2 Hz}"
TASK = """\
cell: cell/cell.yaml
steps:
  - weld: {seam: SEAM, wps: mig131_al_t3, travel_speed: 6 mm/s, weave: WEAVE}
"""
WINDOW = "weave: {amplitude: 1 .. 3 mm, frequency: 1 .. 4 Hz}\n"
LEFT = "tray.left, from: 100 mm, to: 160 mm"


def woven_task(folder: Path, weave: str = WEAVE, seam: str = LEFT, window: str = WINDOW) -> Path:
    """A task with one woven weld in a copy of the tray cell whose procedure allows it."""
    (folder / "cellctl.yaml").write_text("project: {name: woven}\n")
    shutil.copytree(ROOT / "sim" / "tray_cell", folder / "cell")
    procedure = folder / "cell" / "mig131_al_t3.yaml"
    text = procedure.read_text()
    assert "travel_speed: 8 .." in text
    procedure.write_text(text.replace("travel_speed: 8 ..", "travel_speed: 5 ..") + window)
    task = folder / "task.yaml"
    task.write_text(TASK.replace("SEAM", seam).replace("WEAVE", weave))
    return task


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> CertifiedPlan:
    return check(woven_task(tmp_path_factory.mktemp("woven")))


def woven_segment(whole: Plan) -> tuple[int, FixedSegment]:
    return next((k, segment) for k, segment in enumerate(whole.segments) if segment.process is not None)


def wire(whole: Plan, t: np.ndarray) -> np.ndarray:
    """Where the wire is (n, 3) along, across and over the straight seam, at times `t` (n,) of its segment, m."""
    _, segment = woven_segment(whole)
    section, mechanism = segment.process, task_from_inputs(whole.inputs).cell.mechanisms[0]
    assert section is not None
    points = tcp_matrices(mechanism, section.ctwd, segment.joints_at(t))[:, :3, 3] - section.points[0]
    tangent, normal = section.tangents[0], section.normals[0]
    return points @ np.stack([tangent, np.cross(normal, tangent), normal], axis=1)


def test_twenty_periods_of_three_millimetres(certified: CertifiedPlan) -> None:
    """T4: 20 periods, wavelength 3 mm, arc length by the elliptic integral, 25.13 mm/s across at the most."""
    _, segment = woven_segment(certified.plan)
    t = np.linspace(0.0, segment.duration, 40_001)
    along, across, over = wire(certified.plan, t).T
    assert along[-1] == pytest.approx(60 * mm, abs=1e-6)
    crossings = along[1:][(across[1:] > 0.0) != (across[:-1] > 0.0)]
    inner = crossings[(crossings > 0.5 * mm) & (crossings < 59.5 * mm)]
    assert inner == pytest.approx(np.arange(1, 40) * 1.5 * mm, abs=0.01 * mm)  # 20 periods have 39 zeros inside
    assert (across.max(), -across.min()) == pytest.approx((2 * mm, 2 * mm), rel=1e-3)
    assert np.abs(over).max() < 1e-6
    k, a = 2.0 * np.pi / (3 * mm), 2 * mm
    share = (a * k) ** 2 / (1.0 + (a * k) ** 2)
    length = 20 * 4.0 / k * np.sqrt(1.0 + (a * k) ** 2) * ellipe(share)
    assert np.linalg.norm(np.diff(np.stack([along, across]), axis=1), axis=0).sum() == pytest.approx(length, rel=1e-4)
    assert np.abs(np.gradient(across, t)).max() == pytest.approx(25.133 * mm, rel=2e-3)
    steady = (along > 5 * mm) & (along < 55 * mm)
    assert np.abs(np.gradient(along, t)[steady] / (6 * mm) - 1.0).max() < 1e-3


def test_the_certificate_says_how_wide_it_is(certified: CertifiedPlan) -> None:
    (record,) = [one.seam for one in certified.certificate.segments if one.seam is not None]
    assert record.weave == pytest.approx((2 * mm, 2 * mm), rel=1e-3)
    assert record.travel_speed == pytest.approx(6 * mm, rel=1e-3)
    assert record.lateral < 0.01 * mm
    assert record.speed_share == 1.0


@pytest.mark.parametrize("driver", ["memory", "sim"])
def test_the_measured_joints_weave_too(certified: CertifiedPlan, tmp_path: Path, driver: str) -> None:
    run(certified, driver=driver, folder=tmp_path / "run").finish()
    (weld,) = measured_welds(tmp_path / "run")
    assert weld.findings == ()
    assert weld.record is not None
    assert weld.record.weave == pytest.approx((2 * mm, 2 * mm), rel=0.01)
    assert weld.record.length == pytest.approx(60 * mm, abs=0.2 * mm)


def across_the_seam(whole: Plan, more: np.ndarray) -> Plan:
    """`whole` with the wire `more` (n,) further across, at n even places along the seam."""
    index, segment = woven_segment(whole)
    section, mechanism = segment.process, task_from_inputs(whole.inputs).cell.mechanisms[0]
    assert section is not None
    s = np.linspace(0.0, section.length, len(more))
    turn = mechanism.pose_world_base.rotation
    b = turn.T @ np.cross(section.normals[0], section.tangents[0])
    q, tcp, chain = segment.path(s), mechanism.tool.torch.tcp(section.ctwd), chain_of(mechanism.robot)
    twist = np.concatenate([more[:, None] * b, np.zeros((len(s), 3))], axis=1)
    for _ in range(20):
        q = q + np.linalg.solve(jacobians(chain, q, tcp), twist[..., None] / 20.0)[..., 0]
    segments = list(whole.segments)
    segments[index] = replace(segment, path=interpolated(s, q))
    return replace(whole, blocks=(Block(tuple(segments)),), certificate=None)


PLACES = np.linspace(0.0, 60 * mm, 1441)
SINE = 2 * mm * np.sin(2.0 * np.pi * PLACES / (3 * mm))
BUMP = np.exp(-(((PLACES - 30 * mm) / (6 * mm)) ** 2))


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        (0.0 * SINE, set()),
        (-0.1 * BUMP * SINE, {"C339"}),
        (0.2 * mm * BUMP, {"C338"}),
        (2 * mm * np.sin(2.0 * np.pi * PLACES / (3.03 * mm)) - SINE, {"C310", "C323", "C328"}),
        (-SINE, {"C310", "C328", "C339"}),
    ],
    ids=["as planned", "narrow", "to one side", "seldom", "not at all"],
)
def test_a_weave_that_is_not_as_commanded_is_named(certified: CertifiedPlan, more: np.ndarray, codes: set[str]) -> None:
    found = {finding.code for finding in examine(across_the_seam(certified.plan, more)).findings}
    assert found == codes


def test_a_plan_that_says_another_weave_than_its_step_is_named(certified: CertifiedPlan) -> None:
    index, segment = woven_segment(certified.plan)
    assert segment.process is not None
    for said in (None, Weave(2.5 * mm, wavelength=3 * mm)):
        segments = list(certified.plan.segments)
        segments[index] = replace(segment, process=replace(segment.process, weave=said))
        spoiled = replace(certified.plan, blocks=(Block(tuple(segments)),), certificate=None)
        assert {finding.code for finding in examine(spoiled).findings} == {"C327"}


def test_a_procedure_without_a_window_is_held_against_the_plan(certified: CertifiedPlan) -> None:
    """The window taken out of the plan's own inputs: the files do not allow the task any more."""
    inputs = tuple(
        replace(item, content=item.content.replace(b'"weave":{"amplitude":"1 .. 3 mm"', b'"weave":{"amplitude":"1 mm"'))
        if item.kind == "wps"
        else item
        for item in certified.plan.inputs
    )
    assert inputs != certified.plan.inputs
    with pytest.raises(CellctlError) as caught:
        examine(replace(certified.plan, inputs=inputs, certificate=None))
    assert [finding.code for finding in caught.value.findings] == ["F177"]


def refused(folder: Path, **how: str) -> Finding:
    with pytest.raises(CellctlError) as caught:
        load_task(woven_task(folder, **how))
    (finding,) = caught.value.findings
    assert finding.place is not None
    assert finding.place.line == 3
    return finding


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ({"window": ""}, "F177", "procedure 'mig131_al_t3' allows no weave"),
        ({"weave": "{width: 8 mm, frequency: 2 Hz}"}, "F177", "amplitude of the weave 4 mm lies outside"),
        ({"weave": "{amplitude: 2 mm, wavelength: 1 mm}"}, "F177", "frequency of the weave 6 Hz lies outside"),
        ({"seam": "tray.left, from: 100 mm, to: 102 mm"}, "F179", "one period of the weave takes 3 mm"),
        ({"weave": "{amplitude: 2 mm}"}, "F115", "exactly one of frequency, wavelength must be given"),
        ({"weave": "{amplitude: 2 mm, width: 4 mm, frequency: 2 Hz}"}, "F115", "exactly one of amplitude, width"),
        ({"weave": "{amplitude: 2 mm, frequency: 2 mm}"}, "F121", "a quantity of length, expected frequency"),
        ({"weave": "{shape: zigzag, amplitude: 2 mm, frequency: 2 Hz}"}, "F113", "zigzag"),
    ],
)
def test_a_weave_that_cannot_be_is_told_where_it_stands(
    tmp_path: Path, how: dict[str, str], code: str, words: str
) -> None:
    finding = refused(tmp_path, **how)
    assert finding.code == code
    assert words in finding.message


def test_a_weave_is_stored_as_it_is_meant(tmp_path: Path) -> None:
    said = woven_task(tmp_path, weave="{width: 4 mm, wavelength: 3 mm}")
    (weld,) = load_task(said).steps
    assert isinstance(weld, Weld)
    assert weld.weave == Weave(2 * mm, wavelength=3 * mm)
    assert task_from_inputs(plan_inputs(load_task(said))).steps == (weld,)


def test_a_weave_without_room_is_refused_with_what_is_in_its_way(tmp_path: Path) -> None:
    """Round the boss the nozzle has room for 1 mm to either side, and for 3 mm it has not."""
    task = load_task(woven_task(tmp_path, seam="tray.boss", weave="{amplitude: 3 mm, frequency: 1 Hz}"))
    with pytest.raises(PlanningFailed) as caught:
        plan(task)
    (finding,) = caught.value.findings
    assert finding.code == "P224"
    assert finding.data["pair"] == ("r1.torch.nozzle", "tray.boss")
    (weld,) = task.steps
    assert isinstance(weld, Weld)
    certify(plan(replace(task, steps=(replace(weld, weave=Weave(1 * mm, frequency=1.0)),))))


def test_a_weave_that_an_earlier_plan_had_not_is_planned(certified: CertifiedPlan, tmp_path: Path) -> None:
    """A shifted part keeps its torch angles and its weave; another weave is another motion."""
    task = load_task(woven_task(tmp_path))
    again, ways = replan(task, certified.plan)
    assert ways == ("kept",)
    moved, ways = replan(edited_task(task, shifted(task, *read_shift("tray=1 0 -0.4 mm"))), certified.plan)
    assert ways == ("adapted",)
    assert woven_segment(moved)[1].process.weave == Weave(2 * mm, wavelength=3 * mm)
    certify(moved)
    (weld,) = task.steps
    wider, ways = replan(replace(task, steps=(replace(weld, weave=Weave(1.5 * mm, frequency=2.0)),)), again)
    assert ways == ("planned",)
    (record,) = [one.seam for one in certify(wider).certificate.segments if one.seam is not None]
    assert record.weave == pytest.approx((1.5 * mm, 1.5 * mm), rel=1e-3)
