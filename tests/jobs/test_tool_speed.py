"""A budget for the speed of the tool's working point, as manual mode has one: planned for, proved, and missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import NotCertified
from cellctl.files import load_task, plan_inputs
from cellctl.jobs import certify, plan
from cellctl.jobs.replanning import replan
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.plan import Plan, Segment
from cellctl.model.task import MoveJ, Task
from cellctl.processes.procedure import working_tip
from cellctl.units import mm

MOST = 250 * mm


@pytest.fixture(scope="module")
def quick(checkout: Path) -> Task:
    """The first job up to its first seam and home again, with no budget."""
    whole = load_task(checkout / "tasks" / "weld" / "tray_corner.yaml")
    return replace(whole, steps=(*whole.steps[:2], MoveJ("home")), places=())


@pytest.fixture(scope="module")
def planned(quick: Task) -> Plan:
    return plan(quick)


def slow(task: Task, most: float = MOST) -> Task:
    return replace(task, budget=replace(task.budget, tcp_speed=most))


def measured(task: Task, segment: Segment) -> float:
    """The largest speed of the tip by its places a millisecond apart."""
    mechanism = task.cell.mechanisms[0]
    t = np.arange(0.0, segment.duration, 1e-3)
    places = flange_matrices(chain_of(mechanism.robot), segment.joints_at(t)) @ working_tip(task.cell, mechanism).matrix
    return float(np.linalg.norm(np.diff(places[:, :3, 3], axis=0), axis=1).max() / 1e-3)


def test_free_motion_is_slowed_down_to_it_and_the_proof_says_so(quick: Task, planned: Plan) -> None:
    assert measured(quick, planned.segments[0]) > 1.2 * MOST
    certified = certify(plan(slow(quick)))
    for segment, before, record in zip(
        certified.plan.segments, planned.segments, certified.certificate.segments, strict=True
    ):
        (use,) = (use for use in record.limits if use.quantity == "tcp_speed")
        assert use.ratio * MOST == pytest.approx(measured(quick, segment), rel=2e-3)
        assert measured(quick, segment) <= 1.001 * MOST
        assert np.array_equal(segment.path.control, before.path.control)
        if measured(quick, before) < 0.99 * MOST:
            assert segment.duration == before.duration


def test_without_it_nothing_is_said_of_the_speed(planned: Plan) -> None:
    records = certify(planned).certificate.segments
    assert all(use.quantity != "tcp_speed" for record in records for use in record.limits)


def test_a_plan_that_is_too_fast_is_refused_with_the_amount(quick: Task, planned: Plan) -> None:
    with pytest.raises(NotCertified) as caught:
        certify(replace(planned, inputs=plan_inputs(slow(quick))))
    over = {finding.data["segment"]: finding for finding in caught.value.findings}
    fast = [k for k, segment in enumerate(planned.segments) if measured(quick, segment) > 1.002 * MOST]
    assert sorted(over) == fast
    for index in fast:
        missed = measured(quick, planned.segments[index]) - MOST
        assert over[index].code == "C326"
        assert over[index].data["missed_by"] == pytest.approx(missed, rel=5e-3)
        assert " mm/s over the budget of 250 mm/s" in over[index].message


def test_a_weld_that_is_faster_keeps_its_speed_and_misses_the_budget(quick: Task) -> None:
    """The travel speed is the procedure's; a budget does not change it."""
    with pytest.raises(NotCertified) as caught:
        certify(plan(slow(quick, 8 * mm)))
    (finding,) = caught.value.findings
    assert finding.code == "C326"
    assert "the tool is at 10.0 mm/s" in finding.message


def test_nothing_faster_is_kept_from_an_earlier_plan(quick: Task, planned: Plan) -> None:
    again, ways = replan(slow(quick), planned)
    assert "kept" not in ways[1:]
    certify(again)
