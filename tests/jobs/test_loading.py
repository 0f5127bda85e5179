"""What the executor takes for a plan: proved, proved again, and made for this cell. Also the way back as a plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import NotCertified, PlanningFailed, UsageError
from cellctl.execution.load import PlanLoader, demand_proof, demand_same_cell
from cellctl.files import load_cell, write_plan
from cellctl.jobs.repositioning import reposition
from cellctl.model.inputs import Input
from cellctl.model.plan import Block, CertifiedPlan, Plan
from cellctl.model.spline import BSpline
from cellctl.proof import plan_digest

ROOT = Path(__file__).resolve().parents[2]
HOME = np.radians([0.0, -90.0, 90.0, 0.0, 45.0, 0.0])
THERE = HOME + np.array([0.3, 0.1, -0.1, 0.0, 0.0, 0.2])


@pytest.fixture(scope="module")
def inputs() -> tuple[Input, ...]:
    return load_cell(ROOT / "sim/tray_cell/cell.yaml").inputs


@pytest.fixture(scope="module")
def moved(inputs: tuple[Input, ...]) -> CertifiedPlan:
    return reposition(inputs, "r1", HOME, THERE)


def rehashed(plan: Plan) -> Plan:
    """An edited plan with a certificate that binds to it again, as a forger would write it."""
    assert plan.certificate is not None
    return replace(plan, certificate=replace(plan.certificate, plan_sha256=plan_digest(plan)))


def test_a_way_back_is_a_certified_plan_from_here_to_there(moved: CertifiedPlan) -> None:
    (segment,) = moved.plan.segments
    np.testing.assert_allclose(moved.plan.start["r1"], HOME, atol=1e-12)
    np.testing.assert_allclose(segment.path(segment.path.end)[0], THERE, atol=1e-12)
    assert moved.certificate.segments


def test_a_way_back_from_too_near_is_refused(inputs: tuple[Input, ...]) -> None:
    with pytest.raises(PlanningFailed):
        reposition(inputs, "r1", np.radians([0.0, 20.0, 20.0, 0.0, 0.0, 0.0]), HOME)


def test_a_sound_plan_becomes_a_job(inputs: tuple[Input, ...], moved: CertifiedPlan, tmp_path: Path) -> None:
    write_plan(moved.plan, tmp_path / "plan.zip")
    job = PlanLoader(inputs).load(tmp_path / "plan.zip")
    assert job.certified.certificate.plan_sha256 == moved.certificate.plan_sha256
    assert job.reach is not None
    assert (np.diff(job.reach) <= 0.0).all(), "what is further out throws less"
    assert 1.5 < job.reach[0] < 3.5


def test_a_forged_plan_is_refused_by_its_proof(inputs: tuple[Input, ...], moved: CertifiedPlan, tmp_path: Path) -> None:
    """Twice as fast, and its hash made right again: it binds, and does not hold."""
    (segment,) = moved.plan.segments
    hasty = replace(segment, law=BSpline(3, segment.law.knots * 0.5, segment.law.control))
    write_plan(rehashed(replace(moved.plan, blocks=(Block((hasty,)),))), tmp_path / "forged.zip")
    with pytest.raises(NotCertified) as caught:
        PlanLoader(inputs).load(tmp_path / "forged.zip")
    assert {finding.code for finding in caught.value.findings} <= {"C302", "C303", "C304", "C305", "C306", "C307"}


def test_a_plan_for_another_cell_is_refused(inputs: tuple[Input, ...], moved: CertifiedPlan) -> None:
    demand_same_cell(moved.plan.inputs, inputs)
    (cell,) = [item for item in inputs if item.kind == "cell"]
    other = replace(cell, content=cell.content.replace(b'"10 mm"', b'"12 mm"'))
    assert other != cell
    with pytest.raises(UsageError) as caught:
        demand_same_cell(moved.plan.inputs, [other if item is cell else item for item in inputs])
    assert caught.value.findings[0].code == "X417"
    with pytest.raises(UsageError):
        demand_same_cell(moved.plan.inputs, inputs[1:])


def test_a_proof_that_says_nothing_is_no_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(NotCertified) as caught:
        demand_proof(tmp_path / "plan.zip", "0")
    assert caught.value.findings[0].code == "X418"
