"""The tray corner welded by arms of other makers: one line of the cell file names another robot, and nothing else."""

from __future__ import annotations

import pytest

from cellctl.errors import PlanningFailed
from cellctl.files import load_task
from cellctl.jobs import certify, plan
from tests.jobs.conftest import Spoil

pytest.importorskip("pybullet")

KUKA = "lib:robots/kuka_kr16_2"
SEAMS = ["tray.left", "tray.right", "tray.corner", "tray.boss"]
NEARER = ("cell/cell.yaml", "xyz: 1150 0 600 mm", "xyz: 950 0 600 mm")


def other(arm: str) -> tuple[str, str, str]:
    """The change of one line that puts another arm on the pedestal."""
    return "cell/cell.yaml", KUKA, f"lib:robots/{arm}"


@pytest.mark.parametrize(
    "arm",
    [
        "abb_irb2400_12_155",
        pytest.param("fanuc_m20ia_arcmate120ic", marks=pytest.mark.slow),
        pytest.param("kuka_kr5_arc", marks=pytest.mark.slow),
        pytest.param("yaskawa_ma2010", marks=pytest.mark.slow),
    ],
)
def test_the_tray_is_welded_by_another_arm(spoiled: Spoil, arm: str) -> None:
    certified = certify(plan(load_task(spoiled(other(arm)))))
    welded = [segment.process.seam for segment in certified.plan.segments if segment.process is not None]
    assert welded == SEAMS


def test_a_smaller_arm_welds_it_with_the_table_nearer(spoiled: Spoil) -> None:
    certified = certify(plan(load_task(spoiled(other("ur10e"), NEARER))))
    assert [segment.process.seam for segment in certified.plan.segments if segment.process is not None] == SEAMS


def test_an_arm_that_is_too_small_is_refused_with_the_stretch_it_cannot_reach(spoiled: Spoil) -> None:
    with pytest.raises(PlanningFailed) as refused:
        plan(load_task(spoiled(other("ur5e"))))
    (finding,) = refused.value.findings
    assert finding.code == "P201"
    assert "no joint values put the torch at" in finding.message
    assert "from the base of the arm" in finding.message


@pytest.mark.slow
def test_a_circle_that_begins_where_a_wrist_runs_out_is_refused_with_the_joint(spoiled: Spoil) -> None:
    """Begun at its own start, the boss winds joint 4 by 360 deg and its overlap, a little past +-200 deg."""
    fanuc = other("fanuc_m20ia_arcmate120ic")
    with pytest.raises(PlanningFailed) as refused:
        plan(load_task(spoiled(fanuc, ("task.yaml", "start: 45 deg, ", ""))))
    (finding,) = refused.value.findings
    assert finding.code == "P204"
    assert "joint_4 (-200 to 200 deg) is up to 10 deg short" in finding.message
    assert "another 'start'" in finding.suggestion
