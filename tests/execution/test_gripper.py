"""Grips and releases on an arm in memory: one command each, confirmed in time or a fault, kept over holds and stops."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.drivers.memory import GripperBehaviour, MemoryArm
from cellctl.execution.clock import ManualClock
from cellctl.execution.control import Command, Stride, Switch
from cellctl.execution.executor import execute
from cellctl.execution.job import Entry, GripperLines, Job
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.record import RunFolder
from cellctl.execution.records.survey import GripSurvey, surveyed
from cellctl.execution.records.trace import read_trace
from cellctl.model.plan import Block, FixedSegment, GripperAction
from cellctl.model.spline import BSpline
from tests.execution.conftest import HOME, JOINTS, NEAR, SEAM_START, When, move, small_job, small_setup

LINES = GripperLines(output=2, gripped=3, gripper_open=4, stroke_time=0.3, timeout=1.0)
BLIND = replace(LINES, gripped=None, gripper_open=None)
BIT = 1 << LINES.output
CLOSE, OPEN = 1, 3
"""Segments in which the gripper closes and opens."""


def standing(step: int, joints: np.ndarray, command: str) -> FixedSegment:
    ends = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    path = BSpline(3, ends, np.tile(joints, (4, 1)))
    law = BSpline(3, 0.3 * ends, np.array([[0.0], [0.0], [1.0], [1.0]]))
    return FixedSegment(step, "wait", "r1", "torch", path, law, gripper=GripperAction(command, "block"))  # type: ignore[arg-type]


@pytest.fixture
def job() -> Job:
    """To a block, grip it, carry it, release it, home."""
    segments = (
        move(0, "transit", HOME, NEAR, 1.0),
        standing(1, NEAR, "close"),
        move(2, "transit", NEAR, SEAM_START, 1.0, attached=("block",)),
        standing(3, SEAM_START, "open"),
        move(4, "transit", SEAM_START, HOME, 1.0),
    )
    small = small_job()
    plan = replace(small.certified.plan, blocks=(Block(segments),))
    return replace(small, certified=replace(small.certified, plan=plan), times={}, gripper=LINES)


def arm_with(behaviour: GripperBehaviour | None = None) -> MemoryArm:
    setup = replace(small_setup(), gripper=LINES.output, gripped=LINES.gripped, gripper_open=LINES.gripper_open)
    return MemoryArm(setup, gripper=behaviour)


def commands(arm: MemoryArm) -> list[int]:
    """What the gripper was told, by changes of its output."""
    told = [bool(outputs & BIT) for outputs in arm.outputs]
    return [int(after) for before, after in zip([False, *told], told, strict=False) if before != after]


def closing(arm: MemoryArm) -> bool:
    return bool(arm.outputs and arm.outputs[-1] & BIT)


def carrying(arm: MemoryArm) -> bool:
    return closing(arm) and bool(np.abs(arm.setpoints[-1] - NEAR).max() > 0.01)


def test_a_grip_and_a_release_are_told_once_and_confirmed(job, run_job) -> None:
    ran = run_job(job, arm=arm_with())
    assert ran.outcome.status == "done"
    assert commands(ran.arm) == [1, 0]
    said = [(e.kind, e.data["segment"], e.data["command"]) for e in ran.events if e.kind.startswith("gripper")]
    assert said == [
        ("gripper", CLOSE, "close"),
        ("gripper_done", CLOSE, "close"),
        ("gripper", OPEN, "open"),
        ("gripper_done", OPEN, "open"),
    ]
    carried = ran.trace.segment == 2
    assert (ran.trace.outputs[carried] & BIT).all(), "the gripper stays closed while it carries"
    still = (ran.trace.segment == CLOSE) | (ran.trace.segment == OPEN)
    assert np.abs(np.diff(ran.trace.commanded[still & (ran.trace.time < 1.5)], axis=0)).max() < 1e-12


def test_the_intent_is_durable_before_the_command(job, run_job) -> None:
    ran = run_job(job, arm=arm_with())
    kinds = [record.kind for record in read_journal(ran.folder / "journal.jsonl").records]
    assert [kind for kind in kinds if kind.startswith("grip")] == ["grip_intent", "grip_done"] * 2
    assert surveyed(ran.folder).grips == (GripSurvey(1, "close", "block", True), GripSurvey(3, "open", "block", True))


def test_a_gripper_that_does_not_close_ends_the_run(job, run_job) -> None:
    ran = run_job(job, arm=arm_with(GripperBehaviour(closes=False)))
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", "X425")
    assert ran.outcome.segment == CLOSE
    assert commands(ran.arm) == [1], "never told twice"
    assert surveyed(ran.folder).grips == (GripSurvey(1, "close", "block", False),)


def test_a_lost_part_stops_the_arm_on_its_path_with_the_gripper_closed(job, run_job, path_error) -> None:
    ran = run_job(job, arm=arm_with(GripperBehaviour(lost_after=100)))
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", "X426")
    assert ran.outcome.segment == 2
    assert commands(ran.arm) == [1]
    assert path_error(job, ran.trace) < 1e-6


def test_a_part_that_flickers_is_not_lost(job, run_job) -> None:
    arm = arm_with()
    whole = arm._gripper_inputs
    arm._gripper_inputs = lambda: 0 if len(arm.setpoints) % 40 < 20 else whole()  # type: ignore[method-assign]
    assert run_job(job, arm=arm).outcome.status == "done"


def test_without_a_sensor_the_time_of_the_stroke_counts(job, run_job) -> None:
    ran = run_job(replace(job, gripper=BLIND), arm=arm_with(GripperBehaviour(closes=False)))
    assert ran.outcome.status == "done"
    stood = ran.trace.time[ran.trace.segment == CLOSE]
    assert stood[-1] - stood[0] >= BLIND.stroke_time - 0.005


def test_a_hold_while_it_closes_tells_nothing_twice(job, run_job) -> None:
    arm = arm_with(GripperBehaviour(cycles=60))
    told = [
        (closing, lambda c: replace(c, demand="hold")),
        (lambda a: len(a.outputs) > 600, lambda c: replace(c, demand="run")),
    ]
    ran = run_job(job, arm=arm, control=When(arm, *told))
    assert "held" in ran.states()
    assert ran.outcome.status == "done"
    assert commands(arm) == [1, 0]


def test_a_stop_leaves_the_part_in_the_gripper(job, run_job) -> None:
    arm = arm_with()
    ran = run_job(job, arm=arm, control=When(arm, (carrying, lambda c: replace(c, demand="stop"))))
    assert ran.outcome.status == "stopped"
    assert closing(arm)
    assert arm.read().inputs >> LINES.gripped & 1


def test_no_way_back_leads_over_a_grip(job, run_job) -> None:
    arm = arm_with()
    back = lambda c: replace(c, demand="run", back=Stride("distance", 9.0), backs=1)  # noqa: E731
    told = [
        (carrying, lambda c: replace(c, demand="hold")),
        (lambda a: _stands(a), back),
        (lambda a: _stands(a) and np.abs(a.setpoints[-1] - NEAR).max() < 1e-6, lambda c: replace(c, go=c.go + 1)),
    ]
    ran = run_job(job, arm=arm, control=When(arm, *told))
    assert ran.outcome.status == "done"
    assert commands(arm) == [1, 0]
    after = ran.trace.segment[int(np.argmax(ran.trace.segment == 2)) :]
    assert after.min() == 2, "it went back to where it was gripped and no further"


def _stands(arm: MemoryArm) -> bool:
    return len(arm.setpoints) > 50 and bool(np.abs(arm.setpoints[-1] - arm.setpoints[-50]).max() < 1e-9)


def test_a_run_that_begins_with_a_part_waits_for_the_gripper_to_say_so(job, run_job) -> None:
    entered = replace(job, entry=Entry(segment=2))
    arm = arm_with()
    arm.place(NEAR)
    ran = run_job(entered, arm=arm)
    assert ran.outcome.status == "done"
    assert commands(arm) == [1, 0], "closed from the first setpoint on"
    assert arm.outputs[0] & BIT


def test_a_run_that_begins_with_a_part_that_is_not_there_does_not_move(job, run_job) -> None:
    arm = arm_with(GripperBehaviour(closes=False))
    arm.place(NEAR)
    ran = run_job(replace(job, entry=Entry(segment=2)), arm=arm)
    assert ran.outcome.findings[0].code == "X425"
    assert np.abs(np.array(arm.setpoints) - NEAR).max() < 1e-9


def test_a_run_does_not_open_a_gripper_that_holds_something(job, run_job) -> None:
    arm = arm_with()
    arm._closing = True
    ran = run_job(job, arm=arm)
    assert ran.outcome.findings[0].code == "X429"
    assert arm.outputs == []


@pytest.mark.parametrize("unfit", [{"gripper": None}, {"process": "dry"}])
def test_what_cannot_be_gripped_is_not_begun(job, run_job, unfit: dict[str, object]) -> None:
    ran = run_job(replace(job, **unfit), arm=arm_with())
    assert ran.outcome.findings[0].code == "X406"
    assert ran.arm.setpoints == []


def test_a_journal_that_breaks_off_after_a_grip_was_announced_says_so(job, run_job, tmp_path: Path) -> None:
    ran = run_job(job, arm=arm_with())
    lines = (ran.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    announced = next(k for k, line in enumerate(lines) if b'"grip_intent"' in line)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "journal.jsonl").write_bytes(b"".join(lines[: announced + 1]))
    survey = surveyed(tmp_path / "torn")
    assert survey.ending == "lost"
    assert survey.grips == (GripSurvey(1, "close", "block", False),)


def test_a_run_without_a_grip_leaves_the_line_alone(job, run_job) -> None:
    plan = job.certified.plan
    moves = replace(plan, blocks=(Block(plan.segments[:1]),))
    ran = run_job(replace(job, certified=replace(job.certified, plan=moves)), arm=arm_with(), control=Switch())
    assert ran.outcome.status == "done"
    assert commands(ran.arm) == []


class Playing:
    """A control that changes its command at given polls; whatever it does, it lets the run go on in the end."""

    def __init__(self, plays: list[tuple[int, str]]) -> None:
        self.command, self.polls, self.plays = Command(), 0, sorted(plays)

    def poll(self, *, patience: float) -> Command:
        del patience
        self.polls += 1
        while self.plays and self.plays[0][0] <= self.polls:
            self._play(self.plays.pop(0)[1])
        if not self.plays and self.command.demand == "hold":
            self._play("run")
        if not self.plays and self.polls % 50 == 0:
            self._play("run")
        return self.command

    def _play(self, what: str) -> None:
        c = self.command
        if what in ("hold", "stop"):
            self.command = replace(c, demand=what)  # type: ignore[arg-type]
        elif what == "run":
            self.command = replace(c, demand="run", go=c.go + 1)
        elif what == "slow":
            self.command = replace(c, override=0.3)
        else:
            self.command = replace(c, demand="run", back=Stride(what), backs=c.backs + 1)  # type: ignore[arg-type]


PLAYS = st.lists(
    st.tuples(st.integers(1, 1200), st.sampled_from(["hold", "hold", "run", "slow", "segment", "step", "stop"])),
    min_size=1,
    max_size=8,
)


def check_plays(job: Job, arm: MemoryArm, control: Playing, path_error, folder: Path) -> None:
    """Whatever was asked for when: told at most once each, and the part goes where it was proved to go."""
    with RunFolder(folder, JOINTS) as record:
        outcome = None
        following = execute(job, arm, clock=ManualClock(), control=control, record=record)
        while outcome is None:
            try:
                next(following)
            except StopIteration as end:
                outcome = end.value
            assert len(arm.setpoints) < 30_000, "the run does not end"
    trace = read_trace(folder / "trace.csv")
    assert commands(arm) in ([], [1], [1, 0])
    assert path_error(job, trace) < 1e-6
    for index, segment in enumerate(job.certified.plan.segments):
        told = (trace.outputs[trace.segment == index] & BIT) > 0
        assert segment.gripper is not None or (told == bool(segment.attached)).all()
    still = np.isin(trace.segment, [CLOSE, OPEN])
    moved = np.abs(np.diff(trace.commanded, axis=0)).max(axis=1)
    assert moved[still[1:] & still[:-1] & (np.diff(trace.segment) == 0)].max(initial=0.0) < 1e-12
    assert outcome.status in ("done", "stopped")
    assert (outcome.status == "done") == (commands(arm) == [1, 0] and trace.segment[-1] == 4 and arm_is_home(arm))


def arm_is_home(arm: MemoryArm) -> bool:
    return bool(np.abs(arm.setpoints[-1] - HOME).max() < 1e-9)


def test_whatever_is_asked_for_a_gripper_is_told_once(job, path_error, tmp_path_factory) -> None:
    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @given(PLAYS)
    def play(plays: list[tuple[int, str]]) -> None:
        arm = arm_with(GripperBehaviour(cycles=25))
        check_plays(job, arm, Playing(plays), path_error, tmp_path_factory.mktemp("play"))

    play()
