"""The desk job with a gripper: on the simulated arm, on emulated servos, and gone on with after a stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.bench.serial.simulated import LineClock, servo_bench
from cellctl.cli.resume import said_of
from cellctl.errors import Stopped, UsageError
from cellctl.execution.control import Switch
from cellctl.execution.executor import execute
from cellctl.execution.job import Entry
from cellctl.execution.load import load_job
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.records.record import RunFolder
from cellctl.execution.records.survey import GripSurvey, Survey, surveyed
from cellctl.execution.records.trace import Trace, read_trace
from cellctl.execution.service.processes import CellOptions
from cellctl.execution.service.session import start_cell
from cellctl.files import cell_from_inputs, load_robot, load_task
from cellctl.jobs import certify, interrupted, plan, resume, run
from cellctl.jobs.resuming import Interrupted, entry_between_grips, first_after_grips, last_grip
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices, frames
from cellctl.model.event import Event
from cellctl.model.plan import CertifiedPlan
from cellctl.model.pose import Pose
from cellctl.model.task import Grip, Release
from cellctl.model.wires import dynamixel_registers as reg
from cellctl.reports.handled import measured_handling, moved_bodies

pytest.importorskip("pybullet")

BIT = 1 << 2
ONE_BLOCK = 8
"""Steps of the shipped task that handle its first block."""


@pytest.fixture(scope="module")
def certified(checkout: Path) -> CertifiedPlan:
    return certify(plan(load_task(checkout / "tasks/desk/move_blocks.yaml")))


@pytest.fixture(scope="module")
def one_block(checkout: Path) -> CertifiedPlan:
    task = load_task(checkout / "tasks/desk/move_blocks.yaml")
    return certify(plan(replace(task, steps=task.steps[:ONE_BLOCK], places=())))


def followed(events: Iterator[Event], heed: Callable[[Event], object] = lambda event: None) -> Outcome:
    """Follow a run to its end; `heed` sees every event."""
    while True:
        try:
            heed(next(events))
        except StopIteration as end:
            return end.value


def on_servos(certified: CertifiedPlan, folder: Path) -> Trace:
    """The trace of a run on emulated servos, in simulated time."""
    certified.plan.save(folder / "plan.zip")
    bench = servo_bench("dynamixel", at=certified.plan.start["r1"])
    with RunFolder(folder / "run", bench.wiring.joints) as record:
        job = load_job(folder / "plan.zip")
        outcome = followed(execute(job, bench.arm, clock=LineClock(bench.line), control=Switch(), record=record))
    assert outcome.status == "done", outcome.findings
    return read_trace(folder / "run" / "trace.csv")


def test_the_job_runs_on_the_simulated_arm_and_on_servos_along_one_path(
    certified: CertifiedPlan, tmp_path: Path
) -> None:
    """The measured paths of the tool agree within what one step of each servo moves it."""
    simulated = run(certified, folder=tmp_path / "sim").finish()
    assert simulated.status == "done"
    traces = read_trace(tmp_path / "sim" / "trace.csv"), on_servos(certified, tmp_path)
    robot = cell_from_inputs(certified.plan.inputs).mechanism("r1").robot
    chain = chain_of(robot)
    paths = [flange_matrices(chain, trace.measured)[:, :3, 3] for trace in traces]
    lever = sum(
        np.linalg.norm(paths[0] - frames(chain, np.zeros(4))[k + 1][:3, 3], axis=1).max() for k in range(robot.dof)
    )
    resolution = lever * reg.STEP
    assert resolution < 2.5e-3
    away = [np.linalg.norm(paths[0] - point, axis=1).min() for point in paths[1][::5]]
    assert max(away) < resolution
    for trace in traces:
        for index, segment in enumerate(certified.plan.segments):
            told = (trace.outputs[trace.segment == index] & BIT) > 0
            assert segment.gripper is not None or (told == bool(segment.attached)).all()
    blocks = blocks_at_the_end(certified, tmp_path / "sim")
    assert sorted(blocks) == ["left.block", "middle.block", "right.block"]
    for pose in blocks.values():
        assert from_first_axis(pose) == pytest.approx(0.140, abs=0.003)
        assert pose.position[2] == pytest.approx(cell_block_height(certified), abs=0.003)


def blocks_at_the_end(certified: CertifiedPlan, folder: Path) -> dict[str, Pose]:
    """Where a picture of a run shows the blocks that were moved."""
    cell = cell_from_inputs(certified.plan.inputs)
    handling, joints = measured_handling(certified.plan, cell, folder)
    return moved_bodies(certified.plan, cell, handling, joints)


def from_first_axis(pose: Pose) -> float:
    """How far from the arm's first axis something stands, m."""
    axis = frames(chain_of(load_robot("open_manipulator_x")), np.zeros(4))[1][:2, 3]
    return float(np.linalg.norm(pose.position[:2] - axis))


def cell_block_height(certified: CertifiedPlan) -> float:
    """How high the middle of a block is over the desk."""
    placement = cell_from_inputs(certified.plan.inputs).placement("middle")
    return float((placement.pose_world_part @ placement.part.bodies[0].pose).position[2])


def test_the_shipped_task_grips_three_blocks(checkout: Path) -> None:
    task = load_task(checkout / "tasks/desk/move_blocks.yaml")
    assert [s.part for s in task.steps if isinstance(s, Grip)] == ["left", "middle", "right"]
    assert [s.part for s in task.steps if isinstance(s, Release)] == ["left", "middle", "right"]


def test_a_part_that_the_simulated_gripper_loses(one_block: CertifiedPlan, tmp_path: Path) -> None:
    """It ends the run as a fault, and stands in the controller's own log and in the journal."""
    one_block.plan.save(tmp_path / "plan.zip")
    with start_cell(cell_from_inputs(one_block.plan.inputs), CellOptions(gripper_fault="0.3")) as link:
        outcome = followed(link.run(tmp_path / "plan.zip", tmp_path / "run"))
    assert (outcome.status, outcome.findings[0].code) == ("faulted", "X426")
    assert '"part_lost"' in (tmp_path / "run" / "weld_source.jsonl").read_text()
    assert surveyed(tmp_path / "run").grips[-1].known


def stopped_while_carrying(certified: CertifiedPlan, folder: Path) -> None:
    running = run(certified, driver="memory", folder=folder)
    with pytest.raises(Stopped):
        followed(running, lambda event: event.data.get("segment") == 4 and running.link.stop())


def test_a_run_with_a_part_in_the_gripper_asks_before_it_goes_on(one_block: CertifiedPlan, tmp_path: Path) -> None:
    stopped_while_carrying(one_block, tmp_path / "first")
    carried = blocks_at_the_end(one_block, tmp_path / "first")["left.block"]
    assert carried.position[2] > cell_block_height(one_block) + 0.01, "in the gripper, off the desk"
    found = interrupted(tmp_path / "first")
    said = "\n".join(said_of(found))
    assert "gripper was told to close about left" in said
    assert "--gripper closed" in said
    with pytest.raises(UsageError) as caught:
        resume(found, arc="restart", driver="memory")
    assert caught.value.findings[0].code == "X429"
    with pytest.raises(UsageError) as caught:
        resume(found, arc="restart", gripper="open", driver="memory")
    assert "closed about 'left', and is open now" in caught.value.findings[0].message
    going_on = resume(found, arc="restart", gripper="closed", driver="memory", folder=tmp_path / "second")
    assert going_on.finish().status == "done"
    trace = read_trace(tmp_path / "second" / "trace.csv")
    assert trace.outputs[0] & BIT, "the gripper is kept closed from the first setpoint on"
    assert set(trace.segment.tolist()) <= {-1, 4, 5, 6, 7}
    assert [grip.command for grip in surveyed(tmp_path / "second").grips] == ["open"]
    put = blocks_at_the_end(one_block, tmp_path / "second")["left.block"]
    assert from_first_axis(put) == pytest.approx(0.140, abs=0.003)


@pytest.mark.parametrize(
    ("told", "stands", "first"),
    [
        (GripSurvey(2, "close", "left", known=False), "closed", 3),
        (GripSurvey(2, "close", "left", known=False), "open", 2),
        (GripSurvey(2, "close", "left", known=True), "closed", 3),
        (GripSurvey(6, "open", "left", known=False), "open", 7),
        (GripSurvey(6, "open", "left", known=False), "closed", 6),
        (GripSurvey(6, "open", "left", known=True), "open", 7),
    ],
)
def test_a_grip_is_done_again_only_where_somebody_finds_that_it_is_not(
    one_block: CertifiedPlan, told: GripSurvey, stands, first: int
) -> None:
    survey = Survey("", "weld", "lost", step=told.segment, segment=told.segment, s=0.0, grips=(told,))
    found = Interrupted(Path("run"), one_block, survey)
    assert first_after_grips(found, stands) == first
    assert entry_between_grips(found, Entry(told.segment - 1, 1.0), first) == Entry(first)
    assert entry_between_grips(found, Entry(told.segment + 1, 0.0), first).segment <= max(told.segment + 1, first)
    with pytest.raises(UsageError, match="does not stand on its path"):
        entry_between_grips(found, None, first)


def test_what_was_gripped_before_a_run_went_on_is_known_from_its_plan(one_block: CertifiedPlan) -> None:
    found = Interrupted(Path("run"), one_block, Survey("", "weld", "lost", step=4, segment=4, s=0.0))
    assert last_grip(found) == GripSurvey(2, "close", "left", known=True)
    before = Interrupted(Path("run"), one_block, Survey("", "weld", "lost", step=1, segment=1, s=0.0))
    assert last_grip(before) is None
    assert first_after_grips(before, None) is None
