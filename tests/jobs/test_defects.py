"""Seeded defects of the first job: each is refused with exit code 1, and the refusal names the thing."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from cellctl.errors import CheckFailed, NotCertified
from cellctl.files import write_plan
from cellctl.jobs import check, verify
from tests.jobs.conftest import Spoil

CELL, TRAY, TASK, ROBOT = "cell/cell.yaml", "cell/tray.yaml", "task.yaml", "robot/robot.yaml"


def refusal(task: Path) -> CheckFailed:
    with pytest.raises(CheckFailed) as caught:
        check(task)
    assert caught.value.exit_code == 1
    return caught.value


def test_the_copy_itself_is_sound(spoiled: Spoil) -> None:
    certified = check(spoiled())
    assert len(certified.certificate.segments) == 17


def test_a_clamp_in_the_way(spoiled: Spoil) -> None:
    error = refusal(spoiled((CELL, "xyz: 446 110 -24 mm, rpy: 0 0 180 deg", "xyz: 300 110 -10 mm, rpy: 0 0 -90 deg")))
    assert "clamp_1" in str(error)
    assert "tray.left" in str(error)


def test_a_wall_made_200_mm_higher(spoiled: Spoil) -> None:
    change = (
        TRAY,
        "    box: 400 4 100 mm\n    at: {xyz: 196 -2 50 mm}",
        "    box: 400 4 300 mm\n    at: {xyz: 196 -2 150 mm}",
    )
    assert "tray.wall_left" in str(refusal(spoiled(change)))


def test_a_seam_with_its_normals_reversed(spoiled: Spoil) -> None:
    error = refusal(spoiled((TRAY, "faces: [0 0 1, 0 1 0]", "faces: [0 0 -1, 0 -1 0]")))
    assert "left" in str(error)


def test_travel_speed_outside_the_wps(spoiled: Spoil) -> None:
    step = "- weld: {seam: tray.left, wps: mig131_al_t3,"
    error = refusal(spoiled((TASK, step, f"{step} travel_speed: 12.6 mm/s,")))
    assert "12.6 mm/s" in str(error)
    assert "mig131_al_t3" in str(error)


def test_the_table_out_of_reach(spoiled: Spoil) -> None:
    error = refusal(spoiled((CELL, "at: {xyz: 1150 0 600 mm}", "at: {xyz: 2150 0 600 mm}")))
    assert {f.code for f in error.findings} == {"P201"}
    assert "tray.left" in str(error)


def test_a_joint_limit_narrowed_into_the_path(spoiled: Spoil) -> None:
    change = (CELL, "model: lib:robots/kuka_kr16_2", "model: ../robot/robot.yaml")
    narrowed = (ROBOT, "upper: 154 deg", "upper: 95 deg")
    error = refusal(spoiled(change, narrowed))
    assert "joint_a3" in str(error)


def test_a_part_turned_so_that_the_torch_must_pass_the_table(spoiled: Spoil) -> None:
    error = refusal(spoiled((CELL, "xyz: 230 0 24 mm, rpy: 0 0 135 deg", "xyz: 230 0 24 mm, rpy: 0 90 135 deg")))
    assert "table" in str(error)


def test_an_edited_plan_file(spoiled: Spoil, tmp_path: Path) -> None:
    plan = tmp_path / "job.plan.zip"
    write_plan(check(spoiled()).plan, plan)
    verify(plan)
    edited = tmp_path / "edited.plan.zip"
    with zipfile.ZipFile(plan) as source, zipfile.ZipFile(edited, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "plan.json":
                assert content.count(b'"travel_speed":0.01,') >= 1
                content = content.replace(b'"travel_speed":0.01,', b'"travel_speed":0.012,', 1)
            target.writestr(source.getinfo(name), content)
    with pytest.raises(NotCertified) as caught:
        verify(edited)
    assert {f.code for f in caught.value.findings} == {"C320"}


def test_a_start_in_collision_is_told_where_the_task_names_it(spoiled: Spoil) -> None:
    low = (CELL, "    tool: torch\n", "    tool: torch\n    configurations: {low: 0 -30 90 0 45 0 deg}\n")
    findings = refusal(spoiled(low, (TASK, "start: home", "start: low"))).findings
    assert {finding.code for finding in findings} == {"P206"}
    for finding in findings:
        assert finding.place is not None
        assert (Path(finding.place.file).name, finding.place.line) == ("task.yaml", 4)
