"""Shifted parts: what still holds is kept, the rest is adapted or planned anew, and all of it is proved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.cli.main import call
from cellctl.errors import NotCertified, PlanningFailed, UsageError
from cellctl.files import load_task, plan_content, plan_inputs
from cellctl.files.edits import Edit, cell_reference, edited_task, read_shift, shifted
from cellctl.jobs import certify, plan
from cellctl.jobs.replanning import replan
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.jacobian import jacobians, normalised_sigma_min
from cellctl.model.plan import FixedSegment, Plan
from cellctl.model.pose import Pose
from cellctl.model.task import MoveJ, Task, Weld
from cellctl.planning import along_seam, moves, plan_task
from cellctl.planning.arm import Arm
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
    monkeypatch.setattr(along_seam, "explain_seam", None)
    monkeypatch.setattr(along_seam, "seam_ways", lambda problem, near: iter(()))
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
        ways = proved_whole(moved, tray_corner)
        adapted += sum(way == "adapted" for way in ways)
    assert adapted > 8


def proved_whole(changed: Task, earlier: Plan) -> tuple[str, ...]:
    """Plan `changed` from an `earlier` plan, and see that the proof is one of this task, of every segment of it."""
    again, ways = replan(changed, earlier)
    certified = certify(again)
    assert [record.step for record in certified.certificate.segments] == [s.step for s in again.segments]
    moving = {index for index, step in enumerate(changed.steps) if index > 0 or not isinstance(step, MoveJ)}
    assert {segment.step for segment in again.segments} == moving
    assert again.inputs == plan_inputs(changed)
    welds = [record.seam.seam for record in certified.certificate.segments if record.seam is not None]
    assert welds == [step.seam for step in changed.steps if isinstance(step, Weld)]
    return ways


PART = "lib:sim/tray_cell/tray.yaml"


def boss_moved(rng: np.random.Generator) -> list[Edit]:
    x, y = 190.0 + rng.uniform(-6.0, 6.0, 2).round(2)
    centre = Edit(PART, ("seams", "boss", "circle", "centre"), f"{x:g} {y:g} 0 mm")
    return [Edit(PART, ("bodies", "boss", "at", "xyz"), f"{x:g} {y:g} 20 mm"), centre]


def wall_of_another_height(rng: np.random.Generator) -> list[Edit]:
    height = round(float(rng.uniform(94.0, 106.0)), 2)
    size = Edit(PART, ("bodies", "wall_left", "box"), f"400 4 {height:g} mm")
    return [size, Edit(PART, ("bodies", "wall_left", "at", "xyz"), f"196 -2 {0.5 * height:g} mm")]


def boss_of_another_radius(rng: np.random.Generator) -> list[Edit]:
    radius = f"{rng.uniform(29.8, 30.4):.2f} mm"
    where = ("bodies", "boss", "tube", "radius"), ("seams", "boss", "circle", "radius")
    return [Edit(PART, keys, radius) for keys in where]


@pytest.mark.parametrize("change", [wall_of_another_height, boss_of_another_radius])
def test_random_changes_of_the_part_leave_nothing_unproved(
    task: Task, tray_corner: Plan, change: Callable[[np.random.Generator], list[Edit]]
) -> None:
    """It is proved whole, or refused; and nothing is refused that a plan from scratch would have."""
    rng = np.random.default_rng(8)
    proved = 0
    for _ in range(2):
        changed = edited_task(task, change(rng))
        try:
            ways = proved_whole(changed, tray_corner)
        except PlanningFailed:
            with pytest.raises(PlanningFailed):
                plan(changed)
            continue
        assert "kept" in ways[1:]
        proved += 1
    assert proved


def test_a_seam_that_now_leads_through_a_singularity_is_refused_with_the_place(task: Task, tray_corner: Plan) -> None:
    """The wrist is nearly straight where the ring of the boss begins; some millimetres on, it would be."""
    moved = edited_task(task, boss_moved(np.random.default_rng(8)))
    with pytest.raises(PlanningFailed) as caught:
        replan(moved, tray_corner)
    (finding,) = caught.value.findings
    assert (finding.code, finding.data["step"]) == ("P282", 4)
    mechanism, tip = task.cell.mechanisms[0], task.cell.mechanisms[0].pose_flange_tip(16 * mm)
    bends = jacobians(chain_of(mechanism.robot), [finding.data["joints"]], tip)
    assert normalised_sigma_min(bends)[0] == pytest.approx(finding.data["sigma_min"], abs=1e-3)
    assert finding.data["sigma_min"] < 0.02


def test_what_should_not_have_been_kept_is_refuted(
    task: Task, tray_corner: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reuse that looks at nothing gets no plan through the proof: of a boss that moved, or a clamp on the way."""

    def kept(arm: Arm, index: int, *_: object) -> list[FixedSegment] | None:
        return list(arm.earlier.steps.get(index, ())) or None

    monkeypatch.setattr(plan_task, "_kept_segments", kept)
    for edits in (boss_moved(np.random.default_rng(8)), shifted(task, *read_shift("clamp_1=0 -20 10 mm"))):
        again, ways = replan(edited_task(task, edits), tray_corner)
        assert set(ways[1:]) == {"kept"}
        with pytest.raises(NotCertified):
            certify(again)


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
