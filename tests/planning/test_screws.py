"""The way of a screw: straight down its axis, or a reason why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.errors import PlanningFailed
from cellctl.files import load_task
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.cell import Cell, Fixture
from cellctl.model.part import Body
from cellctl.model.pose import Pose
from cellctl.model.shapes import Box, Solid
from cellctl.model.task import Screw, Task
from cellctl.planning.plan_task import plan_steps
from cellctl.processes.screwing import hole_place, screwdriver_of


@pytest.fixture(scope="module")
def task() -> Task:
    whole = load_task("tasks/assembly/screw_lid.yaml")
    return replace(whole, steps=whole.steps[:1], places=())


def with_cell(task: Task, cell: Cell) -> Task:
    return replace(task, cell=cell)


def moved(task: Task, *by: float) -> Task:
    """The task with housing and lid elsewhere."""
    parts = (replace(p, pose_world_part=Pose.of(by) @ p.pose_world_part) for p in task.cell.parts)
    return with_cell(task, replace(task.cell, parts=tuple(parts)))


def refused(task: Task) -> tuple[str, str]:
    with pytest.raises(PlanningFailed) as caught:
        plan_steps(task, 0)
    finding = caught.value.findings[0]
    assert finding.data["step"] == 0
    return finding.code, finding.message


def test_the_bit_goes_straight_down_the_axis_with_the_feed_of_the_thread(task: Task) -> None:
    (block,), _ = plan_steps(task, 0)
    assert [segment.kind for segment in block.segments] == ["transit", "approach", "process", "retract"]
    mechanism, step = task.cell.mechanism("r1"), task.steps[0]
    assert isinstance(step, Screw)
    hole, tip = hole_place(task.cell, step), screwdriver_of(mechanism)[1].bit_tip.matrix
    heights = []
    for segment in block.segments[1:]:
        q = segment.path(np.linspace(segment.path.start, segment.path.end, 50))
        offset = (mechanism.pose_world_base.matrix @ flange_matrices(chain_of(mechanism.robot), q) @ tip)[:, :3, 3]
        offset = offset - hole.point
        np.testing.assert_allclose(offset[:, :2], 0.0, atol=1e-5)
        heights += [offset[0, 2], offset[-1, 2]]
    head, length = hole.program.head, hole.program.length
    wanted = [length + head + step.approach, length + head, length + head, head, head, head + step.retract]
    assert heights == pytest.approx(wanted, abs=1e-5)
    way_in = block.segments[2]
    assert way_in.law.derivative()(0.5 * way_in.duration)[0, 0] == pytest.approx(hole.program.feed)


def test_a_hole_out_of_reach(task: Task) -> None:
    code, message = refused(moved(task, 1.0, 0.0, 0.0))
    assert (code, "cannot be brought to the hole" in message) == ("P270", True)


def test_a_screw_that_is_run_down_faster_than_the_arm_can_follow(task: Task) -> None:
    programs = {name: replace(program, speed=2e3) for name, program in task.cell.tightening.items()}
    code, message = refused(with_cell(task, replace(task.cell, tightening=programs)))
    assert (code, "feed" in message) == ("P270", True)


def test_a_roof_over_the_hole_is_named(task: Task) -> None:
    place = hole_place(task.cell, task.steps[0])  # type: ignore[arg-type]
    body = Body("roof", (Solid("roof", Box((0.3, 0.3, 0.02))),))
    pose = Pose.of(place.point + np.array([0.0, 0.0, 0.08]))
    roof = Fixture("roof", replace(body, pose=pose), "world", pose)
    code, message = refused(with_cell(task, replace(task.cell, fixtures=(*task.cell.fixtures, roof))))
    assert code == "P271"
    assert "roof" in message


def test_what_lies_under_the_lid_has_to_be_named(task: Task) -> None:
    """Without `into` the bit keeps the clearance of the cell to the housing; 10 mm are more than the lid and a head."""
    wide = replace(task.cell, margins=replace(task.cell.margins, clearance=0.012))
    alone = replace(task, cell=wide, steps=(replace(task.steps[0], into=()),))  # type: ignore[type-var]
    code, message = refused(alone)
    assert code == "P271"
    assert "housing" in message
    plan_steps(with_cell(task, wide), 0)


def test_the_way_down_begins_clear_of_what_the_bit_may_come_near_to(task: Task) -> None:
    programs = {name: replace(program, length=0.004) for name, program in task.cell.tightening.items()}
    margins = replace(task.cell.margins, clearance=0.012)
    short = with_cell(task, replace(task.cell, margins=margins, tightening=programs))
    code, message = refused(replace(short, steps=(replace(task.steps[0], approach=0.001),)))  # type: ignore[type-var]
    assert (code, "where the approach begins" in message) == ("P281", True)
