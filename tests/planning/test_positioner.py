"""A pipe welded on a positioner, from task to certificate: the seam turns under the torch, its face held up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import FileError, NotCertified, PlanningFailed
from cellctl.files import load_cell, load_task, task_from_inputs
from cellctl.jobs.proving import plan as plan_task
from cellctl.kinematics.groups import carried_motions
from cellctl.model.cell import Group
from cellctl.model.certificate import SeamRecord
from cellctl.model.part import Body
from cellctl.model.plan import Block, Plan
from cellctl.model.pose import Pose
from cellctl.model.shapes import Cylinder, Solid
from cellctl.model.spline import interpolated
from cellctl.model.task import Task, Weld
from cellctl.processes.seam import seam_path
from cellctl.proof import certify, examine

TASK = "lib:tasks/weld/ring_on_positioner.yaml"
PROCESS = 2


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task(TASK)


@pytest.fixture(scope="module")
def planned(task: Task) -> Plan:
    return plan_task(task)


def ups(plan: Plan) -> np.ndarray:
    """How far up the face of the seam looks along the weld (1 is all the way), by the part and the joints alone."""
    own = task_from_inputs(plan.inputs)
    weld = next(step for step in own.steps if isinstance(step, Weld))
    s = np.linspace(0.0, plan.segments[PROCESS].path.end, 300)
    motions = carried_motions(own.cell.mechanism("table"), plan.segments[PROCESS].path(s)[:, 6:])
    return np.einsum("nij,nj->ni", motions[:, :3, :3], seam_path(own.cell, weld).frames(s).normals)[:, 2]


def test_the_positioner_holds_the_seam_up_and_the_proof_holds(planned: Plan) -> None:
    record = certify(planned).certificate.segments[PROCESS].seam
    assert isinstance(record, SeamRecord)
    assert record.position == "PA"
    lean = np.degrees(np.arccos(np.clip(ups(planned), -1.0, 1.0)))
    assert np.sqrt(np.mean(lean**2)) < 12.0
    assert lean.max() < 25.0


def test_the_table_does_the_work(planned: Plan) -> None:
    """The pipe is turned once and a little more, for the overlap; the arm hardly moves."""
    q = planned.segments[PROCESS].path(np.linspace(0.0, planned.segments[PROCESS].path.end, 300))
    travel = np.degrees(np.abs(np.diff(q, axis=0)).sum(axis=0))
    assert 330.0 < travel[7] < 390.0
    assert travel[:6].max() < 90.0


def test_the_same_task_gives_the_same_bytes(task: Task, planned: Plan) -> None:
    again = plan_task(task)
    for first, second in zip(planned.segments, again.segments, strict=True):
        assert first.path.control.tobytes() == second.path.control.tobytes()
        assert first.law.control.tobytes() == second.law.control.tobytes()


def changed(plan: Plan, change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Plan:
    """`plan` with the joints (n, 8) of its weld led through `change(s, q)`."""
    old = plan.segments[PROCESS]
    s = np.linspace(0.0, old.path.end, 600)
    segments = list(plan.segments)
    segments[PROCESS] = replace(old, path=interpolated(s, change(s, old.path(s))))
    return replace(plan, blocks=(Block(tuple(segments)),))


def with_table(value: Callable[[np.ndarray, np.ndarray], np.ndarray], column: int) -> Callable[..., np.ndarray]:
    def change(s: np.ndarray, q: np.ndarray) -> np.ndarray:
        q = q.copy()
        q[:, column] = value(s, q[:, column])
        return q

    return change


def bump(s: np.ndarray) -> np.ndarray:
    """Smooth, 1 in the middle of the seam, 0 at its ends."""
    return np.sin(np.pi * s / s[-1]) ** 4


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(with_table(lambda s, q: q + np.radians(2.0) * bump(s), 7), "C328", id="the table runs ahead"),
        pytest.param(with_table(lambda s, q: q + np.radians(0.6) * bump(s), 6), "C311", id="the tilt is off"),
        pytest.param(with_table(lambda s, q: np.full_like(q, q[0]), 7), "C328", id="the table stands still"),
        pytest.param(with_table(lambda s, q: q + np.radians(60.0) * bump(s), 6), "C301", id="it meets the torch"),
        pytest.param(with_table(lambda s, q: q + 0.02 * np.sin(2e3 * s), 7), "C305", id="the table shakes"),
        pytest.param(with_table(lambda s, q: q + 4.0 * bump(s), 7), "C303", id="the table leaves its limits"),
    ],
)
def test_a_wrong_motion_of_the_positioner_is_found(planned: Plan, change: Callable[..., np.ndarray], code: str) -> None:
    found = {finding.code for finding in examine(changed(planned, change)).findings}
    assert code in found, found


def test_a_seam_that_leans_is_in_another_position(task: Task) -> None:
    """A positioner that stands still takes the pipe through other positions than the procedure allows."""
    plan = plan_task(task)

    def stand(s: np.ndarray, q: np.ndarray) -> np.ndarray:
        q = q.copy()
        q[:, 6] = 0.0
        return q

    assert "C334" in {finding.code for finding in examine(changed(plan, stand)).findings}


def refused(task: Task) -> str:
    with pytest.raises(PlanningFailed) as refusal:
        plan_task(task)
    (finding,) = refusal.value.findings
    return finding.code


def test_a_positioner_that_carries_nothing_is_refused(task: Task) -> None:
    part = replace(task.cell.placement("ring"), moves_with="")
    fixtures = tuple(fixture for fixture in task.cell.fixtures if not fixture.moves_with)
    assert refused(replace(task, cell=replace(task.cell, parts=(part,), fixtures=fixtures))) == "P261"


def test_a_second_arm_is_no_positioner(task: Task) -> None:
    arm = task.cell.mechanism("r1")
    other = replace(task.cell.mechanism("table"), robot=arm.robot, configurations=arm.configurations)
    assert refused(replace(task, cell=replace(task.cell, mechanisms=(arm, other)))) == "P260"


def test_a_mechanism_outside_of_the_group_is_refused(task: Task) -> None:
    groups = (Group("arm", ("r1",)), Group("table", ("table",)))
    assert refused(replace(task, cell=replace(task.cell, groups=groups))) == "P212"


def with_tilt(task: Task, lower: float, upper: float) -> Task:
    """The positioner tilts no further than this (deg)."""
    table = task.cell.mechanism("table")
    joints = list(table.robot.joints)
    limits = joints[0].limits
    assert limits is not None
    joints[0] = replace(joints[0], limits=replace(limits, lower=np.radians(lower), upper=np.radians(upper)))
    table = replace(table, robot=replace(table.robot, joints=tuple(joints)))
    return replace(task, cell=replace(task.cell, mechanisms=(task.cell.mechanism("r1"), table)))


def test_a_positioner_that_tilts_less_leans_more_and_says_how_far(task: Task) -> None:
    with pytest.raises(NotCertified) as refusal:
        certify(plan_task(with_tilt(task, -10.0, 10.0)))
    assert "C334" in {finding.code for finding in refusal.value.findings}


def test_what_is_in_the_way_is_named(task: Task) -> None:
    """The plate lies on a block as wide as itself, and the step does not say so."""
    cell = task.cell
    block = Body("block", (Solid("block", Cylinder(0.14, 0.06)),))
    wide = replace(next(fixture for fixture in cell.fixtures if fixture.name == "chuck"), name="block", body=block)
    fixtures = (*(fixture for fixture in cell.fixtures if fixture.name != "chuck"), wide)
    with pytest.raises(
        PlanningFailed, match=r"r1.torch.\w+ and block are .* mm apart, the margin is .* \[P262\]"
    ) as refusal:
        plan_task(replace(task, cell=replace(cell, fixtures=fixtures)))
    (finding,) = refusal.value.findings
    assert finding.data["distance"] < finding.data["margin"]
    assert len(finding.data["joints"]) == 8


def with_lid(task: Task, radius: float) -> Task:
    """A disc on top of the pipe, which leaves the less room for the torch the wider it is (m)."""
    lid = Body("lid", (Solid("lid", Cylinder(radius, 0.01)),))
    chuck = next(fixture for fixture in task.cell.fixtures if fixture.name == "chuck")
    top = task.cell.placement("ring").pose_world_part @ Pose.of((0.0, 0.0, 0.065))
    on_pipe = replace(chuck, name="lid", body=lid, pose_world=top)
    return replace(task, cell=replace(task.cell, fixtures=(*task.cell.fixtures, on_pipe)))


def test_where_the_nominal_tilt_has_no_room_another_one_is_taken(task: Task) -> None:
    plan = plan_task(with_lid(task, 0.11))
    section = plan.segments[PROCESS].process
    assert section is not None
    used = np.concatenate([section.work_angles, section.travel_angles - section.travel_window.nominal])
    assert np.degrees(np.abs(used).max()) > 3.0
    assert certify(plan).certificate.segments[PROCESS].seam is not None


def test_where_no_tilt_has_room_there_is_no_plan(task: Task) -> None:
    assert refused(with_lid(task, 0.13)) == "P262"


def test_a_positioner_out_of_reach_is_refused_with_the_place(task: Task) -> None:
    table = task.cell.mechanism("table")
    away = replace(table, pose_world_base=Pose.of((1.95, 0.0, 0.3)))
    ring = task.cell.placement("ring")
    ring = replace(ring, pose_world_part=Pose.of((0.7, 0.0, 0.0)) @ ring.pose_world_part)
    fixtures = tuple(fixture for fixture in task.cell.fixtures if fixture.name == "pedestal")
    cell = replace(task.cell, mechanisms=(task.cell.mechanism("r1"), away), parts=(ring,), fixtures=fixtures)
    assert refused(replace(task, cell=cell)) == "P262"


def test_what_stands_on_a_flange_moves_with_it_and_a_mechanism_must_not(tmp_path: Path) -> None:
    text = (
        "mechanisms:\n  table: {model: lib:robots/yaskawa_motopos_d500}\n"
        "  r1: {model: lib:robots/kuka_kr16_2, at: {frame: plate.top}}\n"
        "fixtures:\n  plate: {box: 1 1 0.1 m, at: {frame: table.flange}}\n  pin: {sphere: {radius: 5 mm}}\n"
    )
    (tmp_path / "cell.yaml").write_text(text)
    with pytest.raises(FileError) as refusal:
        load_cell(tmp_path / "cell.yaml")
    assert [finding.code for finding in refusal.value.findings] == ["F139"]
    (tmp_path / "cell.yaml").write_text(text.replace(", at: {frame: plate.top}", ""))
    cell = load_cell(tmp_path / "cell.yaml")
    assert {fixture.name: fixture.moves_with for fixture in cell.fixtures} == {"plate": "table", "pin": ""}
