"""Gas, wire and retries of the arc, with the simulated weld source at the far end of an arm in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.drivers.driver import ArmState, Setpoint
from cellctl.drivers.memory import MemoryArm
from cellctl.emulators.simulated_arm.weld_source import WeldSource, WeldSourceSettings
from cellctl.errors import Finding
from cellctl.execution.control import Command
from cellctl.execution.job import ArcLines, Job
from cellctl.execution.records.survey import lost_outcome, surveyed
from tests.execution.conftest import small_setup

LINES = ArcLines(arc_on=1, arc_ok=1, gas=2, gas_ok=2, wire_stuck=3)
SOURCE = WeldSourceSettings(1, 1, gas=2, gas_ok=2, wire_stuck=3)
SEAM = 2
"""The segment that is welded."""


class WeldingArm(MemoryArm):
    """An arm in memory whose inputs are those of a simulated weld source."""

    def __init__(self, settings: WeldSourceSettings) -> None:
        super().__init__(small_setup())
        self.log: list[tuple[str, np.ndarray]] = []
        self.source = WeldSource(settings, lambda time, event, joints: self.log.append((event, np.array(joints))))
        self.inputs = 0

    def exchange(self, setpoint: Setpoint) -> ArmState:
        state = super().exchange(setpoint)
        self.inputs = self.source.tick(state.time, setpoint.outputs, state.joints.tolist())
        return replace(state, inputs=self.inputs)

    def stop(self) -> ArmState:
        state = super().stop()
        self.inputs = self.source.tick(state.time, 0, state.joints.tolist())
        return replace(state, inputs=self.inputs)

    def read(self) -> ArmState:
        return replace(super().read(), inputs=getattr(self, "inputs", 0))

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.log]


@pytest.fixture
def gas_job(job: Job) -> Job:
    return replace(job, lines=LINES)


def with_start(job: Job, **changes: object) -> Job:
    """The job with another arc start."""
    (step,) = job.times
    times = job.times[step]
    return replace(job, times={step: replace(times, start=replace(times.start, **changes))})


def test_a_sound_source_welds(gas_job, run_job) -> None:
    arm = WeldingArm(SOURCE)
    ran = run_job(gas_job, arm=arm)
    assert ran.outcome.status == "done"
    assert arm.events == ["arc_on", "arc_established", "arc_off"]


def test_without_gas_nothing_is_struck(gas_job, run_job) -> None:
    arm = WeldingArm(replace(SOURCE, gas_flows=False))
    ran = run_job(gas_job, arm=arm)
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", "X428")
    assert arm.events == []
    assert ran.outcome.welds == ()
    assert arm.outputs[-1] & 0b110 == 0, "the valve is closed again"


def test_a_source_without_an_input_for_gas_is_believed(gas_job, run_job) -> None:
    arm = WeldingArm(replace(SOURCE, gas_ok=None))
    assert run_job(replace(gas_job, lines=replace(LINES, gas_ok=None)), arm=arm).outcome.status == "done"


def test_a_torch_whose_wire_sticks_is_not_moved(gas_job, run_job) -> None:
    arm = WeldingArm(replace(SOURCE, sticks=True))
    ran = run_job(gas_job, arm=arm)
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", "X427")
    assert [weld.complete for weld in ran.outcome.welds] == [True], "the seam itself is whole"
    assert surveyed(ran.folder).done == (SEAM,)
    assert ran.trace.segment.max() == SEAM
    end = gas_job.certified.plan.segments[SEAM].path.control[-1]
    np.testing.assert_allclose(arm.setpoints[-1], end, atol=1e-9)


def test_a_run_does_not_begin_with_a_wire_that_sticks(gas_job, run_job) -> None:
    arm = WeldingArm(SOURCE)
    arm.inputs = 1 << LINES.wire_stuck  # type: ignore[operator]
    ran = run_job(gas_job, arm=arm)
    assert ran.outcome.findings[0].code == "X427"
    assert arm.setpoints == []


@pytest.mark.parametrize(("misses", "least"), [(1, 1e-5), (2, 0.003)])
def test_a_retry_scratches_along_the_seam_and_comes_back(gas_job, run_job, path_error, misses: int, least) -> None:
    """As far as it takes to find the arc, on its path; and it welds from the start of the seam."""
    arm = WeldingArm(replace(SOURCE, misses=misses))
    job = with_start(gas_job, retries=2, scratch=0.003)
    ran = run_job(job, arm=arm)
    assert ran.outcome.status == "done"
    assert arm.events == ["arc_on", "arc_off"] * misses + ["arc_on", "arc_established", "arc_off"]
    assert [(weld.start, weld.complete) for weld in ran.outcome.welds] == [(0.0, True)]
    igniting = ran.trace.s[(ran.trace.segment == SEAM) & (ran.trace.arc == 1)]
    assert least - 1e-12 < igniting.max() <= 0.003 + 1e-12
    assert path_error(job, ran.trace) < 1e-6
    steps = np.abs(np.diff(ran.trace.commanded, axis=0)).max(axis=0) / 0.004
    assert (steps <= job.envelope.velocity).all()
    changes = np.abs(np.diff(ran.trace.commanded, n=2, axis=0)).max(axis=0) / 0.004**2
    assert (changes <= 1.05 * job.envelope.acceleration).all(), "it slows down before it turns round"


def test_the_first_attempt_stands(gas_job, run_job) -> None:
    ran = run_job(with_start(gas_job, retries=2, scratch=0.003), arm=WeldingArm(SOURCE))
    assert ran.trace.s[ran.trace.arc == 1].max() == 0.0


def test_a_retry_without_scratch_stands(gas_job, run_job) -> None:
    ran = run_job(with_start(gas_job, retries=2), arm=WeldingArm(replace(SOURCE, misses=2)))
    assert ran.outcome.status == "done"
    assert ran.trace.s[ran.trace.arc == 1].max() == 0.0


def test_an_arc_that_no_scratching_finds_ends_the_run_at_the_start_of_the_seam(gas_job, run_job) -> None:
    arm = WeldingArm(replace(SOURCE, ignites=False))
    ran = run_job(with_start(gas_job, retries=2, scratch=0.003), arm=arm)
    assert ran.outcome.findings[0].code == "X403"
    assert arm.events == ["arc_on", "arc_off"] * 3
    assert ran.outcome.s == pytest.approx(0.0, abs=1e-12)


def test_a_hold_while_it_scratches_takes_the_arc_and_begins_again(gas_job, run_job) -> None:
    arm = WeldingArm(replace(SOURCE, misses=1))

    class Holding:
        command, asked = Command(), False

        def poll(self, *, patience: float) -> Command:
            del patience
            scratches = arm.outputs and arm.outputs[-1] & 2 and len(arm.log) > 2
            if scratches and not self.asked and np.abs(arm._velocities).max() > 0.0:
                self.command, self.asked = replace(self.command, demand="hold"), True
            elif self.asked and len(arm.outputs) > self.until:
                self.command = replace(self.command, demand="run")
            if not self.asked:
                self.until = len(arm.outputs) + 400
            return self.command

    control = Holding()
    ran = run_job(with_start(gas_job, retries=2, scratch=0.003), arm=arm, control=control)
    assert control.asked
    assert "held" in ran.states()
    assert ran.outcome.status == "done"
    held = np.flatnonzero(np.diff(ran.trace.arc) == -1)
    assert len(held) >= 2, "the arc went off where it missed, and where it was held"
    assert [(weld.start, weld.complete) for weld in ran.outcome.welds] == [(0.0, True)]


@pytest.mark.parametrize("last", ["arc_off", "arc_at"])
def test_an_outcome_from_a_journal_alone_knows_seam_and_times(gas_job, run_job, tmp_path, last: str) -> None:
    ran = run_job(gas_job, arm=WeldingArm(SOURCE))
    lines = (ran.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    kept = max(k for k, line in enumerate(lines) if f'"kind":"{last}"'.encode() in line) + 1
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / "journal.jsonl").write_bytes(b"".join(lines[:kept]))
    outcome = lost_outcome(surveyed(tmp_path / "lost"), Finding("X430", "the executor is gone"))
    (weld,), (whole,) = outcome.welds, ran.outcome.welds
    assert (weld.seam, weld.segment, weld.complete) == ("tray.left", SEAM, last == "arc_off")
    assert weld.arc_time == pytest.approx(whole.arc_time, abs=1e-9 if last == "arc_off" else 0.5)
    assert 0.5 * ran.outcome.time < outcome.time < ran.outcome.time
    assert weld.arc_time > 1.0
