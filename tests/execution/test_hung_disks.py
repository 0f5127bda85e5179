"""A disk that hangs while an intent is waited for: the operator is heard, and nothing that was announced begins."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from threading import Event as Signal

import numpy as np
import pytest

from cellctl.drivers.memory import MemoryArm
from cellctl.execution import announcing
from cellctl.execution.arc_notes import ARC_NOTED_EVERY, ARC_UNKNOWN
from cellctl.execution.clock import ManualClock
from cellctl.execution.control import Switch
from cellctl.execution.executor import execute
from cellctl.execution.records import journal
from cellctl.execution.records.record import RunFolder
from tests.execution.conftest import JOINTS, small_job, small_setup

LOCK_STEP, REAL_TIME = "lock_step", "arm"


class HungDisk:
    """`os` as the journal sees it: it never comes back from making a record of this kind durable, until it is told
    to.
    """

    def __init__(self, kind: str) -> None:
        self.kind, self.hangs, self.released = f'"kind":"{kind}"'.encode(), Signal(), Signal()

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def pwrite(self, descriptor: int, line: bytes, at: int) -> int:
        if self.kind in line:
            self.hangs.set()
        return os.pwrite(descriptor, line, at)

    def fsync(self, descriptor: int) -> None:
        if self.hangs.is_set():
            assert self.released.wait(120)
        os.fsync(descriptor)


class Later(Switch):
    """A control that does something once the disk has hung for so many polls."""

    def __init__(self, disk: HungDisk, *steps: tuple[int, Callable[[Switch], None]]) -> None:
        super().__init__()
        self.disk, self.steps, self.polls = disk, dict(steps), 0

    def poll(self, *, patience: float):
        self.polls += self.disk.hangs.is_set()
        self.steps.pop(self.polls, lambda control: None)(self)
        assert self.polls < 5000, "the run does not end"
        return super().poll(patience=patience)


class Paced(MemoryArm):
    """An arm in memory that says who keeps its period."""

    def __init__(self, pace: str) -> None:
        super().__init__(small_setup())
        self.pace = pace

    def identify(self):
        return replace(super().identify(), pace=self.pace)


class Waiting(RunFolder):
    """A record that waits for the notes about a burning arc: these arms outrun every disk."""

    def intent(self, kind: str, **data: object) -> Future[None]:
        durable = super().intent(kind, **data)
        if kind == "arc_at":
            durable.result()
        return durable


@pytest.fixture
def disk(monkeypatch, request) -> Iterator[HungDisk]:
    disk = HungDisk(request.param)
    monkeypatch.setattr(journal, "os", disk)
    monkeypatch.setattr(announcing, "DISK_PATIENCE", 0.001)
    yield disk
    disk.released.set()


def ran(arm: MemoryArm, control: Switch, disk: HungDisk, folder, record_type=Waiting):
    """The events of a run and its outcome; the disk hangs until then."""
    events = []
    with record_type(folder, JOINTS) as record:
        run = execute(small_job(), arm, clock=ManualClock(), control=control, record=record)
        while True:
            try:
                events.append(next(run))
            except StopIteration as end:
                disk.released.set()
                return events, end.value


@pytest.mark.parametrize("pace", [LOCK_STEP, REAL_TIME])
@pytest.mark.parametrize(
    ("disk", "begun"), [("intent", "step"), ("arc_intent", "arc_on")], indirect=["disk"], ids=["step", "arc"]
)
def test_a_stop_is_heard_while_the_disk_hangs(disk, begun, pace, tmp_path):
    arm = Paced(pace)
    events, outcome = ran(arm, Later(disk, (40, Switch.stop)), disk, tmp_path / "run")
    assert outcome.status == "stopped"
    assert begun not in [event.kind for event in events]
    assert not any(arm.outputs), "the arc was struck"
    if begun == "step":
        np.testing.assert_array_equal(arm.setpoints, [small_job().certified.plan.start["r1"]] * len(arm.setpoints))


@pytest.mark.parametrize("disk", ["arc_at"], indirect=True)
@pytest.mark.parametrize(("asked", "status"), [(Switch.stop, "stopped"), (Switch.hold, "done")], ids=["stop", "hold"])
def test_in_lock_step_the_operator_is_heard_while_an_arc_waits_for_its_notes(disk, asked, status, tmp_path):
    """The weld is cut where it stands, with the arc off at once; a hold is gone on from without it."""
    arm = Paced(LOCK_STEP)
    go_on = (60, lambda _: disk.released.set()), (80, lambda control: control.resume(arc="dry"))
    events, outcome = ran(arm, Later(disk, (10, asked), *go_on), disk, tmp_path / "run", RunFolder)
    assert outcome.status == status, outcome.findings
    (weld,) = outcome.welds
    assert not weld.complete
    assert weld.end < ARC_NOTED_EVERY + ARC_UNKNOWN
    assert [event.kind for event in events].count("arc_off") == 1


@pytest.mark.parametrize("disk", ["arc_intent"], indirect=True)
def test_in_real_time_the_arm_keeps_its_cycle_meanwhile(disk, tmp_path):
    arm = Paced(REAL_TIME)
    control = Later(disk, (1, lambda _: first.append(len(arm.setpoints))), (40, Switch.stop))
    first: list[int] = []
    ran(arm, control, disk, tmp_path / "run")
    assert len(arm.setpoints) - first[0] >= 39
    assert np.ptp(arm.setpoints[first[0] :], axis=0).max() == 0.0


@pytest.mark.parametrize("pace", [LOCK_STEP, REAL_TIME])
@pytest.mark.parametrize("disk", ["intent", "arc_intent"], indirect=True)
def test_a_hold_while_the_disk_hangs_is_gone_on_from(disk, pace, tmp_path):
    """What waits for the disk begins when the hold is over, once; an arc from its gas on."""
    arm = Paced(pace)
    steps = (20, Switch.hold), (40, lambda _: disk.released.set()), (60, Switch.resume)
    events, outcome = ran(arm, Later(disk, *steps), disk, tmp_path / "run")
    assert outcome.status == "done", outcome.findings
    kinds = [event.kind for event in events]
    assert [kind for kind in kinds if kind.startswith("arc")] == ["arc_on", "arc_established", "arc_off"]
    assert [event.data["step"] for event in events if event.kind == "step"] == [0, 1, 2]
    held = next(k for k, event in enumerate(events) if event.data.get("state") == "held")
    assert {"step", "arc_on"} - set(kinds[:held]), "it began while the disk hung"
    journal_kinds = [record.kind for record in journal.read_journal(tmp_path / "run" / "journal.jsonl").records]
    assert journal_kinds.count("intent") == 3


@pytest.mark.parametrize("disk", ["arc_intent"], indirect=True)
def test_a_hold_that_is_over_before_the_disk_is_begins_the_arc_again(disk, tmp_path):
    """The gas went off with the hold, so it flows again before anything is struck."""
    arm = Paced(REAL_TIME)
    steps = (20, Switch.hold), (30, Switch.resume), (40, lambda _: disk.released.set())
    events, outcome = ran(arm, Later(disk, *steps), disk, tmp_path / "run")
    assert outcome.status == "done", outcome.findings
    records = journal.read_journal(tmp_path / "run" / "journal.jsonl").records
    one, other = (record.data["time"] for record in records if record.kind == "arc_intent")
    preflow = small_job().times[1].start.preflow
    assert other - one > preflow + 10 * 0.004
    assert next(event.time for event in events if event.kind == "arc_on") >= other
