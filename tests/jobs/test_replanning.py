"""Shifted parts: what still holds is kept, the rest is adapted or planned anew, and all of it is proved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.cli.main import call
from cellctl.errors import UsageError
from cellctl.files import load_task, plan_content
from cellctl.files.edits import Edit, cell_reference, edited_task, read_shift, shifted
from cellctl.jobs import certify, plan
from cellctl.jobs.replanning import replan
from cellctl.model.plan import Plan
from cellctl.model.pose import Pose
from cellctl.model.task import Task
from cellctl.planning import moves, welds
from cellctl.units import deg, mm

SHIFT = "tray=1.5 0 -0.4 mm, 0 0 0.3 deg"


@pytest.fixture(scope="module")
def task(checkout: Path) -> Task:
    return load_task(checkout / "tasks" / "weld" / "tray_corner.yaml")


def test_a_shift_moves_the_part_in_its_frame_and_turns_it_about_its_origin(task: Task) -> None:
    before = task.cell.placement("tray").pose_world_part
    after = edited_task(task, shifted(task, *read_shift(SHIFT))).cell.placement("tray").pose_world_part
    assert after.position - before.position == pytest.approx(np.array([1.5, 0.0, -0.4]) * mm, abs=1e-9)
    turned = after.rotation @ before.rotation.T
    assert turned == pytest.approx(Pose.of(rpy=(0.0, 0.0, 0.3 * deg)).rotation, abs=1e-9)


def test_what_stands_on_a_part_is_shifted_with_it(task: Task) -> None:
    moved = edited_task(task, shifted(task, *read_shift("tray=0 0 5 mm")))
    for name in ("pads", "clamp_1"):
        before, after = (next(f for f in t.cell.fixtures if f.name == name).pose_world for t in (task, moved))
        assert after.position - before.position == pytest.approx([0.0, 0.0, 5.0 * mm], abs=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "tray",
        "=1 0 0 mm",
        "tray=",
        "tray=1 0 0",
        "tray=1 0 mm",
        "tray=1 0 0 mm, 2 0 0 mm",
        "tray=1 0 0 mm, 0 0 1 deg, 1",
    ],
)
def test_what_is_no_shift_is_said(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_shift(text)
    assert caught.value.findings[0].code == "U653"


def test_an_unknown_name_is_said(task: Task) -> None:
    with pytest.raises(UsageError, match="did you mean 'tray'"):
        shifted(task, *read_shift("tary=1 0 0 mm"))


def test_nothing_changed_keeps_everything(task: Task, tray_corner: Plan) -> None:
    again, ways = replan(task, tray_corner)
    assert set(ways) == {"kept"}
    assert plan_content(again) == plan_content(tray_corner)


def test_a_shifted_tray_is_adapted_without_a_search(
    task: Task, tray_corner: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither ladder nor tree is asked, which is what makes it take a third of the time of a first plan."""
    moved = edited_task(task, shifted(task, *read_shift(SHIFT)))
    monkeypatch.setattr(moves, "free_way", None)
    monkeypatch.setattr(welds, "explain_seam", None)
    monkeypatch.setattr(welds, "seam_ways", lambda problem, near: iter(()))
    again, ways = replan(moved, tray_corner)
    assert ways == ("kept", "adapted", "adapted", "adapted", "adapted", "adapted")
    certified = certify(again)
    assert len(certified.certificate.segments) == len(tray_corner.segments)


def test_a_clamp_put_into_the_way_is_planned_around(task: Task, tray_corner: Plan) -> None:
    """One seam is planned as it would be from scratch, the next starts elsewhere, the others are as they were."""
    moved = edited_task(task, shifted(task, *read_shift("clamp_1=0 -20 10 mm")))
    again, ways = replan(moved, tray_corner)
    assert ways == ("kept", "planned", "adapted", "kept", "kept", "kept")
    scratch = plan(moved)
    for new, other in zip(again.segments[:4], scratch.segments[:4], strict=True):
        assert new.step == 1
        assert np.array_equal(new.path.control, other.path.control)


def test_a_changed_step_is_planned_anew(task: Task, tray_corner: Plan) -> None:
    steps = list(task.steps)
    steps[3] = replace(steps[3], retract=70 * mm)
    _, ways = replan(replace(task, steps=tuple(steps)), tray_corner)
    assert ways == ("kept", "kept", "kept", "planned", "adapted", "kept")


@pytest.mark.parametrize(
    "change", [("mechanisms.r1.at.xyz", "1 0 500 mm"), ("margins.nozzle_to_plates", "0.5 mm")], ids=lambda c: c[0]
)
def test_nothing_is_kept_for_an_arm_elsewhere_or_other_margins(
    task: Task, tray_corner: Plan, change: tuple[str, str]
) -> None:
    where, text = change
    changed = edited_task(task, [Edit(cell_reference(task), tuple(where.split(".")), text)])
    again, ways = replan(changed, tray_corner)
    assert "kept" not in ways[1:5]
    certify(again)


def test_random_shifts_leave_nothing_unproved(task: Task, tray_corner: Plan) -> None:
    """Whatever a shift gives is either proved whole or refused; plans from scratch say which should be had."""
    rng = np.random.default_rng(5)
    adapted = 0
    for _ in range(4):
        offset, turn = rng.uniform(-4.0, 4.0, 3) * mm, rng.uniform(-1.0, 1.0, 3) * [0.2, 0.2, 1.0] * deg
        moved = edited_task(task, shifted(task, "tray", Pose.of(offset, turn)))
        again, ways = replan(moved, tray_corner)
        adapted += sum(way == "adapted" for way in ways)
        certified = certify(again)
        assert [record.step for record in certified.certificate.segments] == [s.step for s in again.segments]
    assert adapted > 8


def test_plan_says_what_was_reused(
    checkout: Path, tray_corner: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(checkout / "tasks" / "weld" / "tray_corner.yaml")
    earlier, out = tmp_path / "earlier.plan.zip", tmp_path / "out.plan.zip"
    tray_corner.save(earlier)
    assert call(["plan", file, "--shift", SHIFT, "--reuse", str(earlier), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "step 2, weld tray.left: adapted" in said
    assert "all of it was proved" in said
    assert call(["verify", str(out), "--json"]) == 0
    capsys.readouterr()
    assert call(["plan", file, "--shift", "tray=1 m", "-o", str(out), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["findings"][0]["code"] == "U653"
