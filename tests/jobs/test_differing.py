"""Two plans side by side: the same is the same, and what was changed by hand comes out with its amount."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.cli.main import call
from cellctl.jobs import certify
from cellctl.jobs.differing import differences
from cellctl.model.inputs import Input, canonical_json
from cellctl.model.plan import Block, Plan
from cellctl.model.spline import BSpline


def with_segment(plan: Plan, index: int, **changes: object) -> Plan:
    segments = list(plan.segments)
    segments[index] = replace(segments[index], **changes)
    return replace(plan, blocks=(Block(tuple(segments)),))


def process_index(plan: Plan) -> int:
    return next(k for k, segment in enumerate(plan.segments) if segment.process is not None)


def with_edited_input(plan: Plan, kind: str, old: str, new: str) -> Plan:
    def edited(item: Input) -> Input:
        if item.kind != kind:
            return item
        text = item.content.decode()
        assert text.count(old) == 1
        return replace(item, content=text.replace(old, new).encode())

    return replace(plan, inputs=tuple(edited(item) for item in plan.inputs))


def test_a_plan_is_the_same_as_itself(tray_corner: Plan) -> None:
    found = differences(tray_corner, tray_corner)
    assert found.same
    assert not found.inputs
    assert not found.settings
    assert {(step.weld or 0.0, step.moves or 0.0, step.joints or 0.0) for step in found.steps} == {(0.0, 0.0, 0.0)}


def test_a_moved_joint_is_seen_with_its_amount(tray_corner: Plan) -> None:
    """Axis 1 turns the whole arm: a tip at radius r is moved by r times the angle."""
    index = process_index(tray_corner)
    path = tray_corner.segments[index].path
    turned = path.control + np.array([1e-3, 0.0, 0.0, 0.0, 0.0, 0.0])
    found = differences(tray_corner, with_segment(tray_corner, index, path=BSpline(path.degree, path.knots, turned)))
    step = found.steps[tray_corner.segments[index].step]
    assert not found.same
    assert step.joints == pytest.approx(1e-3)
    assert step.moves == 0.0
    assert step.weld is not None
    points = tray_corner.segments[index].process.points
    assert 0.3e-3 < step.weld < 1e-3 * np.linalg.norm(points[:, :2], axis=1).max() + 50e-6
    others = [other for other in found.steps if other is not step]
    assert all(not other.weld and not other.joints for other in others)


def test_a_slower_law_is_more_time_and_the_same_path(tray_corner: Plan) -> None:
    law = tray_corner.segments[0].law
    slower = BSpline(law.degree, law.knots * 1.5, law.control)
    found = differences(tray_corner, with_segment(tray_corner, 0, law=slower))
    step = found.steps[tray_corner.segments[0].step]
    assert step.moves == 0.0
    assert step.second.time - step.first.time == pytest.approx(0.5 * law.end)
    assert found.cycle_time[1] - found.cycle_time[0] == pytest.approx(0.5 * law.end)


def test_clearance_is_that_of_the_certificates(tray_corner: Plan) -> None:
    proved = certify(tray_corner)
    found = differences(tray_corner, proved.plan)
    assert found.same
    (clearance,) = {step.second.clearance for step in found.steps if step.index == 1}
    gaps = [gap for record in proved.certificate.segments if record.step == 1 for gap in record.gaps]
    assert clearance == min(gap.proved for gap in gaps if gap.margin == 0.010)
    assert all(step.first.clearance is None for step in found.steps)
    foreign = replace(proved.plan, seed=5)
    assert all(step.second.clearance is None for step in differences(tray_corner, foreign).steps)


def test_inputs_and_settings_are_named(tray_corner: Plan) -> None:
    moved = with_edited_input(tray_corner, "cell", "230 0 24 mm", "231 0 24 mm")
    changed = replace(moved, seed=7, versions={**moved.versions, "numpy": "0"})
    found = differences(tray_corner, changed)
    (cell,) = found.inputs
    assert (cell.what, cell.kind) == ("changed", "cell")
    assert cell.changes == (("parts.tray.at.xyz", "230 0 24 mm", "231 0 24 mm"),)
    assert [name for name, _, _ in found.settings] == ["seed", "numpy"]


def test_a_step_more_is_named(tray_corner: Plan) -> None:
    def longer(item: Input) -> Input:
        if item.kind != "task":
            return item
        tree = json.loads(item.content)
        return replace(item, content=canonical_json({**tree, "steps": [*tree["steps"], {"move_j": {"to": "home"}}]}))

    found = differences(tray_corner, replace(tray_corner, inputs=tuple(longer(item) for item in tray_corner.inputs)))
    assert found.steps[-1].first is None
    assert found.steps[-1].second.name == "move_j home"


def test_diff_exits_with_1_where_plans_differ(
    tray_corner: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.plan.zip", tmp_path / "b.plan.zip"
    tray_corner.save(first)
    replace(tray_corner, seed=3).save(second)
    assert call(["diff", str(first), str(first)]) == 0
    assert capsys.readouterr().out == "the same plan\n"
    assert call(["diff", str(first), str(second)]) == 1
    out = capsys.readouterr().out
    assert "seed: 0 -> 3" in out
    assert "2: weld tray.left" in out
    assert call(["diff", str(first), str(second), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["settings"] == [["seed", "0", "3"]]
    assert call(["diff", str(first), str(tmp_path)]) == 2


def test_diff_says_that_a_plan_was_edited_after_its_proof(
    tray_corner: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, edited, never = (tmp_path / f"{name}.plan.zip" for name in ("good", "edited", "never"))
    proved = certify(tray_corner).plan
    proved.save(good)
    path = proved.segments[0].path
    with_segment(proved, 0, path=BSpline(3, path.knots, path.control + 1e-6)).save(edited)
    tray_corner.save(never)
    assert call(["diff", str(good), str(good)]) == 0
    assert capsys.readouterr().err == ""
    assert call(["diff", str(good), str(edited)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{edited}: the plan was changed after it was proved: ")
    assert "[C320]" in said
    assert call(["diff", str(edited), str(edited)]) == 1
    assert capsys.readouterr().out == "the same plan\n"
    assert call(["diff", str(good), str(never)]) == 0
    assert f"{never}: the plan carries no certificate" in capsys.readouterr().err


def test_verify_of_a_run_judges_what_was_measured(
    tray_corner: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, folder = tmp_path / "a.plan.zip", tmp_path / "run"
    certify(tray_corner).plan.save(plan)
    assert call(["run", str(plan), "--driver", "memory", "--folder", str(folder)]) == 0
    assert call(["verify", str(folder)]) == 0
    assert "4 welds measured, as planned" in capsys.readouterr().out
    trace = folder / "trace.csv"
    header, *rows = trace.read_text().splitlines()
    names = header.split(",")
    arc, turned, segment = names.index("arc"), names.index("m_joint_a1"), names.index("segment")
    welds = [k for k, s in enumerate(tray_corner.segments) if s.process is not None]

    def spoil(line: str) -> str:
        cells = line.split(",")
        if cells[segment] == str(welds[0]):
            cells[turned] = repr(float(cells[turned]) + 2e-3)
        if cells[segment] == str(welds[1]):
            cells[arc] = "0"
        return ",".join(cells)

    trace.write_text("\n".join([header, *map(spoil, rows), ""]))
    assert call(["verify", str(folder)]) == 1
    err = capsys.readouterr().err
    assert "tray.left, measured: the wire is off the seam across" in err
    assert "tray.right: nothing was done along it in this run [C336]" in err
