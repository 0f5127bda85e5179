"""Parts in a gripper: where they are, what they may touch, and the defects that a proof must find."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import FileError, NotCertified, PlanningFailed
from cellctl.files import load_task, plan_inputs, task_from_inputs
from cellctl.jobs import certify, plan
from cellctl.kinematics.chain import link_places
from cellctl.model.plan import Block, ContactAllowance, GripperAction, Plan
from cellctl.model.pose import Pose
from cellctl.model.spline import BSpline, interpolated
from cellctl.model.task import Grip, MoveJ, Release, Task
from cellctl.processes.handling import Handling, cell_as_handled, closing, gripped, opened, released
from cellctl.proof import examine
from cellctl.proof.handling import flange_poses, standings
from cellctl.scene.bodies import collision_model
from tests.proof.conftest import rescaled

MOVES = (
    MoveJ("above_left"),
    MoveJ("grip_left"),
    Grip("left"),
    MoveJ("above_left"),
    MoveJ("above_near_left"),
    MoveJ("put_near_left"),
    Release("left"),
    MoveJ("above_near_left"),
)
TAKEN, LIFT, CARRY, PUT, LEFT = 2, 3, 4, 5, 6
"""Segments of the plan of these steps: gripper closes, part is lifted, carried, set down, gripper opens."""


def desk(folder: Path, *edits: tuple[str, str], block: tuple[str, str] = ("", "")) -> Task:
    """The shipped desk cell with texts of its files replaced, and a task of one block in it."""
    for name, changes in (("cell.yaml", edits), ("block.yaml", (block,))):
        text = Path("sim/desk_cell", name).read_text("utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (folder / name).write_text(text, "utf-8")

    (folder / "task.yaml").write_text("cell: cell.yaml\nsteps:\n  - move_j: above_left\n", "utf-8")
    task = load_task(folder / "task.yaml")
    return replace(task, steps=MOVES, places=())


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Task:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(checkout)
        return desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def planned(task: Task) -> Plan:
    return plan(task)


def with_segment(plan: Plan, index: int, **changes: object) -> Plan:
    segments = list(plan.segments)
    segments[index] = replace(segments[index], **changes)  # type: ignore[arg-type]
    return replace(plan, blocks=(Block(tuple(segments)),))


def codes(plan: Plan) -> set[str]:
    return {finding.code for finding in examine(plan).findings}


def refusal(task: Task) -> set[str]:
    with pytest.raises((NotCertified, PlanningFailed)) as caught:
        certify(plan(task))
    return {finding.code for finding in caught.value.findings}


def test_a_part_is_moved_from_here_to_there(planned: Plan) -> None:
    assert not examine(planned).findings
    attached = [segment.attached for segment in planned.segments]
    assert attached == [(), (), (), ("left",), ("left",), ("left",), (), ()]
    assert [s.gripper.command for s in planned.segments if s.gripper is not None] == ["close", "open"]
    lift = {(c.first, c.second, c.margin) for c in planned.segments[LIFT].contacts}
    assert lift == {("r1.gripper.left.block", "desk", -0.001)}
    assert planned.segments[CARRY].contacts == ()


def test_the_part_goes_with_the_flange_and_stays_where_it_is_left(planned: Plan) -> None:
    """Its solid is at the same place in the world right before and right after the gripper closes, and opens."""
    task = task_from_inputs(planned.inputs)
    mechanism = task.cell.mechanism("r1")
    places = []
    for segment, standing in zip(planned.segments, standings(task, mechanism, planned.segments), strict=True):
        model = collision_model(standing.cell, "r1")
        (solid,) = [s for s in model.solids if s.name.endswith("left.block")]
        flange = flange_poses(mechanism, segment.path.control[[0, -1]])
        still = solid.frame < 0
        ends = [solid.pose] * 2 if still else [pose @ _in_flange(mechanism, solid) for pose in flange]
        places.append((still, *ends))
    for before, after in pairwise(places):
        np.testing.assert_allclose(before[2].matrix, after[1].matrix, atol=1e-9)
    assert [still for still, *_ in places] == [True, True, True, False, False, False, True, True]
    moved = places[-1][2].position - places[0][1].position
    assert np.hypot(moved[0], moved[1]) == pytest.approx(0.0506, abs=2e-4), "190.6 mm from the first axis to 140"
    assert 0.0 <= moved[2] < 0.6e-3


def _in_flange(mechanism, solid) -> Pose:
    return link_places(mechanism.robot)[mechanism.robot.flange].pose.inverse() @ solid.pose


def test_fingers_are_proved_anywhere_between_open_and_closed(task: Task) -> None:
    mechanism = task.cell.mechanism("r1")
    assert mechanism.tool is not None
    moving = cell_as_handled(task.cell, "r1", closing(Handling())).mechanism("r1").tool
    assert moving is not None
    for finger in mechanism.tool.gripper.fingers:  # type: ignore[union-attr]
        (open_one,) = [s for s in mechanism.tool.solids if s.name == finger.solid]
        (swept,) = [s for s in moving.solids if s.name == finger.solid]
        reach = np.ptp(swept.pose.apply(swept.shape.vertices), axis=0)  # type: ignore[union-attr]
        np.testing.assert_allclose(reach, np.abs(open_one.shape.size) + np.abs(finger.closing), atol=1e-12)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((MoveJ("above_left"), Grip("left")), "C360"),
        ((*MOVES[:4], MoveJ("above_near_left"), Release("left")), "C362"),
        ((*MOVES[:3], MoveJ("put_near_left"), Release("left")), "C361"),
    ],
    ids=["fingers over the part", "let go in the air", "dragged over the desk"],
)
def test_a_task_that_handles_badly_is_refused(task: Task, steps, code: str) -> None:
    assert code in refusal(replace(task, steps=steps))


@pytest.mark.parametrize(
    ("index", "changes", "code"),
    [
        (CARRY, {"attached": ()}, "C332"),
        (TAKEN, {"attached": ("left",)}, "C332"),
        (0, {"attached": ("left",)}, "C332"),
        (TAKEN, {"gripper": GripperAction("close", "middle")}, "C327"),
        (TAKEN, {"gripper": GripperAction("open", "left")}, "C327"),
        (TAKEN, {"gripper": None}, "C327"),
        (CARRY, {"gripper": GripperAction("open", "left")}, "C327"),
        (LEFT, {"kind": "transit"}, "C327"),
        (CARRY, {"contacts": (ContactAllowance("r1.gripper.left.block", "desk", -0.001),)}, "C330"),
        (LIFT, {"contacts": (ContactAllowance("r1.gripper.left.block", "desk", None),)}, "C330"),
        (TAKEN, {"contacts": (ContactAllowance("r1.gripper.finger_left", "desk", None),)}, "C330"),
        (LIFT, {"contacts": ()}, "C301"),
        (TAKEN, {"contacts": ()}, "C301"),
    ],
)
def test_a_plan_that_says_something_else_is_refused(planned: Plan, index: int, changes, code: str) -> None:
    assert code in codes(with_segment(planned, index, **changes))


def test_what_the_carried_part_would_hit_is_found(planned: Plan, checkout, tmp_path, monkeypatch) -> None:
    """A plate that the gripper passes well above, and the part in it does not."""
    monkeypatch.chdir(checkout)
    plate = "fixtures:\n  plate: {box: 6 6 1 mm, at: {xyz: 158 78 64.5 mm}}"
    task = desk(tmp_path, ("fixtures:", plate))
    found = examine(replace(planned, inputs=plan_inputs(task))).findings
    hit = {(f.data["first"], f.data["second"]) for f in found if f.code == "C301"}
    assert hit == {("r1.gripper.left.block", "plate")}


@pytest.mark.parametrize(("weight", "code"), [("mass: 600 g", "C308"), ("", "C363")])
def test_what_a_part_weighs_is_judged(planned: Plan, checkout, tmp_path, monkeypatch, weight: str, code: str) -> None:
    monkeypatch.chdir(checkout)
    task = desk(tmp_path, block=("mass: 10 g", weight))
    assert codes(replace(planned, inputs=plan_inputs(task))) == {code}


def test_a_part_in_the_gripper_loads_the_motors(planned: Plan, checkout, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(checkout)
    heavy = replace(planned, inputs=plan_inputs(desk(tmp_path, block=("mass: 10 g", "mass: 400 g"))))
    uses = [
        [max(u.ratio for u in record.limits if u.quantity == "effort") for record in examine(p).records]
        for p in (planned, heavy)
    ]
    more = np.array(uses[1]) / np.array(uses[0])
    assert (more[[LIFT, CARRY, PUT]] > 1.3).all()
    np.testing.assert_allclose(np.delete(more, [LIFT, CARRY, PUT]), 1.0, atol=1e-9)


def test_where_a_gripper_has_no_room_to_close_nothing_is_planned(checkout, tmp_path, monkeypatch) -> None:
    """A post between a finger that is open and the part: the finger can be there, and cannot close."""
    monkeypatch.chdir(checkout)
    post = "fixtures:\n  post: {box: 1 1 20 mm, at: {frame: left, xyz: 0 15.5 10 mm}}"
    task = desk(tmp_path, ("fixtures:", post))
    with pytest.raises(PlanningFailed) as caught:
        plan(replace(task, steps=(MoveJ("above_left"), MoveJ("grip_left"), Grip("left"))))
    finding = caught.value.findings[0]
    assert (finding.code, finding.data["step"], finding.data["pair"]) == ("P280", 2, ("r1.gripper.finger_left", "post"))


def test_a_part_that_comes_down_again_on_the_way_is_found(planned: Plan) -> None:
    """Lifted off and lowered again in one move: nothing but the release may bring it near to the desk."""
    lift, put = planned.segments[LIFT], planned.segments[PUT]
    q = np.vstack([lift.path(np.linspace(lift.path.start, lift.path.end, 30)), put.path.control[:1]])
    down_again = np.vstack([q[:-1], q[-2::-1]])
    path = interpolated(np.linspace(0.0, 1.0, len(down_again)), down_again)
    found = examine(with_segment(planned, LIFT, path=path, law=rescaled(lift.law, path))).findings
    assert any(f.code == "C361" and "again on the way" in f.message for f in found)


def test_a_part_that_is_let_go_leaning_is_found(task: Task, planned: Plan) -> None:
    """The last joint of the arm tilts what it holds; the part is let go at 5 deg."""
    put, left = planned.segments[PUT], planned.segments[LEFT]
    u = np.linspace(0.0, 1.0, 40)
    q = put.path(put.path.start + u * (put.path.end - put.path.start))
    q[:, 3] += np.radians(5.0) * u**2
    q[:, 1] -= 0.020 * u**2
    path = interpolated(u, q)
    tilted = with_segment(planned, PUT, path=path, law=rescaled(put.law, path))
    standing = BSpline(3, left.path.knots, np.tile(path(1.0)[0], (4, 1)))
    found = examine(with_segment(tilted, LEFT, path=standing)).findings
    assert any(f.code == "C362" and "leaning" in f.message for f in found)


def test_handling_is_told_step_by_step(task: Task) -> None:
    here, there = Pose.of((0.2, 0.0, 0.1)), Pose.of((0.1, 0.1, 0.1))
    held = gripped(task.cell, Handling(), "left", here)
    assert held.carried is not None
    assert held.carried.taken_from == "desk"
    left = released(held, "", there)
    assert opened(left).placed[0].onto == "desk"
    expected = there @ here.inverse() @ task.cell.placement("left").pose_world_part
    np.testing.assert_allclose(opened(left).placed[0].pose_world_part.matrix, expected.matrix, atol=1e-12)
    again = gripped(task.cell, opened(left), "left", there)
    assert again.placed == ()
    np.testing.assert_allclose(again.carried.pose_world_taken.matrix, expected.matrix, atol=1e-12)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="holds nothing"):
        released(Handling(), "", here)


def test_grips_out_of_order_are_no_task(task: Task, tmp_path: Path, checkout, monkeypatch) -> None:
    monkeypatch.chdir(checkout)
    steps = "\n".join(["  - release: left", "  - grip: left", "  - grip: {part: middle}", "  - release: rihgt"])
    path = tmp_path / "task.yaml"
    path.write_text(f"cell: lib:sim/desk_cell/cell.yaml\nsteps:\n{steps}\n", "utf-8")
    with pytest.raises(FileError) as caught:
        load_task(path)
    said = [(f.code, f.place.line) for f in caught.value.findings if f.place]
    assert said == [("F132", 3), ("F132", 5), ("F130", 6), ("F132", 6)]
