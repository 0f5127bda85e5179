"""Screws on an arm in memory with a simulated screwdriver: driven once, judged, off over holds and stops."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.drivers.memory import MemoryArm
from cellctl.emulators.simulated_arm.screwdriver import Screwdriver, ScrewdriverSettings
from cellctl.errors import UsageError
from cellctl.execution.control import Command, Stride
from cellctl.execution.job import AnalogSignals, Job, ScrewLines
from cellctl.execution.records.journal import Journal, read_journal
from cellctl.execution.records.survey import surveyed
from cellctl.execution.screwdriver import TIGHTENING, ScrewChannel, ScrewProcedure
from cellctl.jobs.resuming_screws import survey_with_screw
from cellctl.model.event import Event
from cellctl.model.plan import Block, FixedSegment, ScrewAction
from cellctl.model.tightening import TighteningProgram
from cellctl.model.wps import Range
from tests.execution.conftest import (
    HOME,
    NEAR,
    SEAM_END,
    SEAM_LENGTH,
    SEAM_START,
    Ran,
    When,
    move,
    small_job,
    small_setup,
)

PROGRAM = TighteningProgram(
    "m6",
    pitch=0.001,
    length=SEAM_LENGTH,
    speed=2.0 * np.pi * 20.0,
    snug=1.5,
    torque=Range(5.4, 6.0, 6.6),
    angle=Range(0.5, 0.7, 1.0),
    timeout=2.0,
)
OTHER = replace(PROGRAM, name="m5")
SLOWER = tuple(replace(program, speed=0.55 * PROGRAM.speed) for program in (OTHER, PROGRAM))
"""What a driver turns at that is not told how fast."""
LINES = ScrewLines(run=5, tight=6, failed=7, programs=(OTHER, PROGRAM))
ANALOG = AnalogSignals({"driver_program": 0, "driver_speed": 1}, {"driver_torque": 0, "driver_angle": 1})
BIT = 1 << LINES.run
SCREW = 2
"""The segment in which the screw goes in."""


def driven(step: int, start: np.ndarray, end: np.ndarray) -> FixedSegment:
    return replace(move(step, "process", start, end, 1.2), screw=ScrewAction("lid.hole", "m6"))


@pytest.fixture
def job() -> Job:
    """To a hole, a screw into it, back."""
    segments = (
        move(0, "transit", HOME, NEAR, 1.0),
        move(1, "approach", NEAR, SEAM_START, 0.6),
        driven(1, SEAM_START, SEAM_END),
        move(1, "retract", SEAM_END, NEAR, 0.6),
        move(2, "transit", NEAR, HOME, 1.0),
    )
    small = small_job()
    plan = replace(small.certified.plan, blocks=(Block(segments),))
    certified = replace(small.certified, plan=plan)
    return replace(small, certified=certified, times={}, lines=None, screws=LINES, analog=ANALOG)


def arm_with(fault: str = "none", **behaviour: object) -> MemoryArm:
    lines = ScrewdriverSettings(5, 6, 7, program=0, speed=1, torque=0, angle=1, programs=LINES.programs, fault=fault)  # type: ignore[arg-type]
    device = Screwdriver(replace(lines, **behaviour), lambda *said, **figures: None)  # type: ignore[arg-type]
    return MemoryArm(small_setup(), device=device)


def starts(arm: MemoryArm) -> int:
    """How often the driver was switched on."""
    told = np.array([0, *(bool(outputs & BIT) for outputs in arm.outputs)], dtype=int)
    return int((np.diff(told) > 0).sum())


class GoesOn(When):
    """A `When` that lets a run go on in the end."""

    polls = 0

    def poll(self, *, patience: float) -> Command:
        self.polls += 1
        if not self.changes and self.command.demand != "stop" and self.polls % 50 == 0:
            self.command = on(self.command)
        return super().poll(patience=patience)


def turning(arm: MemoryArm) -> bool:
    """Half way in."""
    return bool(arm.outputs and arm.outputs[-1] & BIT and np.abs(arm.setpoints[-1] - SEAM_START).max() > 0.015)


def tightening(arm: MemoryArm) -> bool:
    return len(arm.analog) > 1 and arm.outputs[-1] & BIT > 0 and arm.analog[-1][1] == TIGHTENING * PROGRAM.speed


def stands(arm: MemoryArm) -> bool:
    return len(arm.setpoints) > 40 and bool(np.abs(arm.setpoints[-1] - arm.setpoints[-40]).max() == 0.0)


def hold(command: Command) -> Command:
    return replace(command, demand="hold")


def on(command: Command) -> Command:
    return replace(command, demand="run", go=command.go + 1)


def test_a_screw_is_driven_once_with_the_feed_of_the_arm(job: Job, run_job, path_error) -> None:
    ran = run_job(job, arm=arm_with())
    assert ran.outcome.status == "done", ran.outcome.findings
    assert starts(ran.arm) == 1
    trace = ran.trace
    told = (trace.outputs & BIT) > 0
    assert set(trace.segment[told]) == {SCREW}
    going_in = told & (trace.rate > 0.0)
    feed = np.diff(trace.s[going_in]) / np.diff(trace.time[going_in])
    speed = trace.analog["driver_speed"][going_in][1:]
    np.testing.assert_allclose(speed[:-1], 2.0 * np.pi * feed[:-1] / PROGRAM.pitch, atol=2.5)
    assert set(trace.analog["driver_program"][told]) == {2.0}, "as the driver numbers it"
    assert path_error(job, trace) < 1e-6


def test_its_torque_and_angle_stand_in_event_journal_and_survey(job: Job, run_job) -> None:
    ran = run_job(job, arm=arm_with())
    kinds = [record.kind for record in read_journal(ran.folder / "journal.jsonl").records]
    assert [kind for kind in kinds if kind.startswith("screw")] == ["screw_intent", "screw_done"]
    (done,) = (event for event in ran.events if event.kind == "screw_done")
    (screw,) = surveyed(ran.folder).screws
    assert (screw.segment, screw.hole, screw.program, screw.done) == (SCREW, "lid.hole", "m6", True)
    assert (screw.torque, screw.angle) == (done.data["torque"], done.data["angle"])
    assert PROGRAM.torque.holds(screw.torque)
    assert PROGRAM.angle.holds(screw.angle)
    assert surveyed(ran.folder).done == (SCREW,)
    assert ran.trace.analog["driver_torque"].max() == pytest.approx(screw.torque, rel=1e-5)


@pytest.mark.parametrize(
    ("fault", "code"), [("weak", "X436"), ("free", "X436"), ("strip", "X437"), ("cross", "X438"), ("fault", "X439")]
)
def test_a_screw_that_is_not_sound_ends_the_run_with_the_driver_off(job: Job, run_job, fault: str, code: str) -> None:
    ran = run_job(job, arm=arm_with(fault))
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", code)
    assert ran.outcome.segment == SCREW, "the bit stays where it is"
    assert starts(ran.arm) == 1
    assert not ran.arm.outputs[-1] & BIT
    (screw,) = surveyed(ran.folder).screws
    assert (screw.done, screw.code) == (False, code)
    assert surveyed(ran.folder).done == ()


def test_a_torque_that_comes_within_too_small_an_angle_is_no_sound_screw(job: Job, run_job) -> None:
    steep = replace(PROGRAM, angle=Range(0.1, 0.45, 1.0))
    ran = run_job(job, arm=arm_with(programs=(OTHER, steep)))
    assert ran.outcome.findings[0].code == "X438"
    assert "after snug" in ran.outcome.findings[0].message


def test_without_figures_the_driver_itself_says_what_is_sound(job: Job, run_job) -> None:
    blind = replace(job, analog=AnalogSignals())
    ran = run_job(blind, arm=arm_with("weak", programs=SLOWER))
    assert ran.outcome.status == "done", ran.outcome.findings


def test_a_driver_that_reports_a_fault_needs_no_figures(job: Job, run_job) -> None:
    assert run_job(replace(job, analog=AnalogSignals()), arm=arm_with("fault")).outcome.findings[0].code == "X439"


def test_an_arm_in_memory_has_a_driver_of_its_own(job: Job, run_job) -> None:
    arm = MemoryArm(replace(small_setup(), driver_run=5, driver_tight=6))
    ran = run_job(job, arm=arm)
    assert ran.outcome.status == "done"
    (screw,) = surveyed(ran.folder).screws
    assert (screw.done, screw.torque, screw.angle) == (True, None, None)


def test_a_hold_on_the_way_in_switches_the_driver_off_and_goes_on(job: Job, run_job, path_error) -> None:
    arm = arm_with()
    ran = run_job(job, arm=arm, control=When(arm, (turning, hold), (stands, on)))
    assert ran.outcome.status == "done", ran.outcome.findings
    assert starts(arm) == 2, "off, and on again with the motion"
    assert [event.kind for event in ran.events].count("screw") == 1
    trace = ran.trace
    still = (trace.segment == SCREW) & (trace.rate == 0.0) & (trace.s < 0.999 * SEAM_LENGTH)
    assert still.sum() > 20
    assert not (trace.outputs[np.flatnonzero(still)[2:]] & BIT).all()
    slows = (trace.segment == SCREW) & ((trace.outputs & BIT) == 0) & (trace.rate > 0.0) & (trace.rate < 1.0)
    assert slows.any(), "off from the cycle in which the hold is taken, not first when the arm stands"
    assert path_error(job, trace) < 1e-6


def test_a_screw_that_is_held_while_it_is_tightened_is_lost(job: Job, run_job) -> None:
    arm = arm_with()
    ran = run_job(job, arm=arm, control=When(arm, (tightening, hold), (stands, on)))
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", "X439")
    assert starts(arm) == 1


def test_a_stop_leaves_a_screw_that_nobody_knows(job: Job, run_job) -> None:
    arm = arm_with()
    ran = run_job(job, arm=arm, control=When(arm, (turning, lambda c: replace(c, demand="stop"))))
    assert ran.outcome.status == "stopped"
    assert not arm.outputs[-1] & BIT
    (screw,) = surveyed(ran.folder).screws
    assert not screw.done


def test_an_override_slows_feed_and_turning_alike_or_waits(job: Job, run_job) -> None:
    slow = lambda c: replace(c, override=0.5)  # noqa: E731
    arm = arm_with()
    ran = run_job(job, arm=arm, control=When(arm, (turning, slow)))
    assert ran.outcome.status == "done", ran.outcome.findings
    assert (ran.trace.rate[(ran.trace.outputs & BIT) > 0] == 0.5).any()


def test_a_driver_whose_speed_cannot_be_set_blocks_the_override(job: Job, run_job) -> None:
    arm = arm_with(speed=None, programs=SLOWER)
    blind = replace(job, analog=replace(ANALOG, outputs={"driver_program": 0}))
    ran = run_job(blind, arm=arm, control=When(arm, (lambda arm: True, lambda c: replace(c, override=0.5))))
    rates = ran.trace.rate[(ran.trace.segment == SCREW) & (ran.trace.rate > 0.0)]
    assert set(rates) == {1.0}
    assert ran.trace.rate[ran.trace.segment == 0].max() == 0.5


def test_no_way_back_leads_over_a_screw(job: Job, run_job) -> None:
    arm = arm_with()
    back = lambda c: replace(c, demand="run", back=Stride("step"), backs=1)  # noqa: E731

    def leaving(arm: MemoryArm) -> bool:
        return (
            starts(arm) == 1 and not arm.outputs[-1] & BIT and bool(np.abs(arm.setpoints[-1] - SEAM_END).max() > 0.02)
        )

    def back_at_the_screw(arm: MemoryArm) -> bool:
        return stands(arm) and bool(np.abs(arm.setpoints[-1] - SEAM_END).max() < 1e-9)

    ran = run_job(job, arm=arm, control=When(arm, (leaving, hold), (stands, back), (back_at_the_screw, on)))
    assert ran.outcome.status == "done"
    assert starts(arm) == 1
    away = int(np.argmax(ran.trace.segment == SCREW + 1))
    assert ran.trace.segment[away:].min() == SCREW + 1, "it went back to the screw and no further"


def test_no_way_leads_back_out_of_a_screw_that_is_half_way_in(job: Job, run_job) -> None:
    arm = arm_with()
    back = lambda c: replace(c, demand="run", back=Stride("distance", 0.004), backs=1)  # noqa: E731
    polls = []

    def later(arm: MemoryArm) -> bool:
        polls.append(arm)
        return len(polls) > 200 and stands(arm)

    ran = run_job(job, arm=arm, control=When(arm, (turning, hold), (stands, back), (later, on)))
    assert ran.outcome.status == "done", ran.outcome.findings
    way_in = ran.trace.segment == SCREW
    assert np.diff(ran.trace.s[way_in]).min() >= 0.0


def test_a_dry_run_drives_nothing(job: Job, run_job) -> None:
    ran = run_job(replace(job, process="dry"), arm=arm_with())
    assert ran.outcome.status == "done"
    assert starts(ran.arm) == 0


@pytest.mark.parametrize("lines", [{"outputs": 1 << 4}, {"inputs": 1 << 5}])
def test_an_arm_without_the_lines_of_a_driver_is_not_begun_with(job: Job, run_job, lines: dict[str, int]) -> None:
    arm = arm_with()
    identity = arm.identify()
    arm.identify = lambda: replace(identity, **lines)  # type: ignore[method-assign]
    ran = run_job(job, arm=arm)
    assert ran.outcome.findings[0].code == "X406"
    assert arm.setpoints == []


@pytest.mark.parametrize("unfit", [{"screws": None}, {"screws": replace(LINES, programs=(OTHER,))}])
def test_what_cannot_be_driven_is_not_begun(job: Job, run_job, unfit: dict[str, object]) -> None:
    ran = run_job(replace(job, **unfit), arm=arm_with())
    assert ran.outcome.findings[0].code == "X406"
    assert ran.arm.setpoints == []


def test_what_the_driver_still_shows_of_the_screw_before_does_not_count() -> None:
    channel = ScrewChannel(LINES)
    channel.take_up("m6")
    channel.run()
    tight = 1 << LINES.tight
    channel.show(tight, torque=6.0, angle=70.0)
    assert channel.trouble(tight, 0.01, "here") is None
    channel.show(0, torque=0.1, angle=0.2)
    channel.show(0, torque=1.6, angle=0.5)
    finding = channel.trouble(0, 0.01, "here")
    assert finding is not None
    assert finding.code == "X438"


def test_a_screwdriver_without_a_screw_tells_nothing() -> None:
    channel = ScrewChannel(None)
    assert (channel.outputs, channel.figures) == (0, {})
    channel.run()
    assert channel.outputs == 0
    assert np.isnan(channel.torque)
    assert np.isnan(nan - channel.angle)


class Announced:
    """A run whose operator holds while an intent is on its way to the disk, so many times."""

    def __init__(self, channel: ScrewChannel, holds: int) -> None:
        self.channel, self.holds, self.said = channel, holds, []

    def announce(self, kind: str, **data: object):
        self.said.append((kind, self.channel.outputs))
        self.holds -= 1
        yield from ()
        return self.holds < 0

    def feed(self, each):
        each()
        self.said.append(("feed", self.channel.outputs))
        yield from ()

    def stand(self, duration: float, *, until):
        yield from ()
        return True

    def tell(self, kind: str, **data: object) -> Event:
        return Event(0.0, kind, data)  # type: ignore[arg-type]

    def note(self, kind: str, **data: object) -> None:
        self.said.append((kind, self.channel.outputs))

    def inputs(self) -> int:
        return 1 << LINES.tight

    def where(self) -> str:
        return "here"


def test_a_screw_that_is_held_while_it_is_announced_is_announced_anew_before_it_turns() -> None:
    channel = ScrewChannel(LINES)
    run = Announced(channel, holds=2)
    list(ScrewProcedure(channel, run).drive(ScrewAction("lid.hole", "m6")))  # type: ignore[arg-type]
    assert run.said == [("screw_intent", 0)] * 3 + [("feed", BIT), ("screw_done", 0)]


def test_a_screw_that_was_announced_twice_is_one_screw(job: Job, run_job, tmp_path) -> None:
    ran = run_job(job, arm=arm_with())
    folder = tmp_path / "twice"
    folder.mkdir()
    with Journal(folder / "journal.jsonl") as journal:
        for record in read_journal(ran.folder / "journal.jsonl").records:
            for _ in range(2 if record.kind == "screw_intent" else 1):
                journal.append(record.kind, record.data)
    assert surveyed(folder).screws == surveyed(ran.folder).screws


PLAYS = st.lists(st.tuples(st.integers(1, 900), st.sampled_from(["hold", "on", "slow", "back", "stop"])), max_size=6)


def test_whatever_is_asked_for_a_screw_is_announced_once_and_driven_only_there(
    job: Job, run_job, tmp_path_factory
) -> None:
    @settings(max_examples=15, deadline=None, derandomize=True, database=None)
    @given(PLAYS)
    def play(plays: list[tuple[int, str]]) -> None:
        arm = arm_with()
        asked = {"hold": hold, "on": on, "slow": lambda c: replace(c, override=0.4)}
        asked["back"] = lambda c: replace(c, demand="run", back=Stride("segment"), backs=c.backs + 1)
        asked["stop"] = lambda c: replace(c, demand="stop")
        changes = [(lambda arm, at=at: len(arm.setpoints) >= at, asked[what]) for at, what in sorted(plays)]
        ran = played(job, arm, GoesOn(arm, *changes), tmp_path_factory)
        told = (ran.trace.outputs & BIT) > 0
        assert set(ran.trace.segment[told]) <= {SCREW}
        assert [event.kind for event in ran.events].count("screw") <= 1
        assert (ran.outcome.status == "done") == ("screw_done" in ran.kinds() and "stopped" not in ran.kinds())
        held = ran.outcome.findings[0].code if ran.outcome.findings else ""
        assert held in ("", "X409", "X439")

    play()


def played(job: Job, arm: MemoryArm, control: When, folders) -> Ran:
    from cellctl.execution.clock import ManualClock
    from cellctl.execution.executor import execute
    from cellctl.execution.records.record import RunFolder
    from cellctl.execution.records.trace import read_trace

    folder, events = folders.mktemp("play") / "run", []
    with RunFolder(folder, job.envelope.names, job.analog.names) as record:
        following = execute(job, arm, clock=ManualClock(), control=control, record=record)  # type: ignore[arg-type]
        while True:
            try:
                events.append(next(following))
            except StopIteration as end:
                outcome = end.value
                break
            assert len(arm.setpoints) < 30_000, "the run does not end"
    return Ran(outcome, events, read_trace(folder / "trace.csv"), folder, arm)


def test_mode_t1_refuses_a_plan_that_drives_a_screw(job: Job, operate) -> None:
    mode = [{"do": "mode", "mode": "t1"}, {"do": "power", "state": "on"}, "START"]
    assert operate(job, arm_with(), {2: mode}, patience=5).refusals() == ["X435"]
    dry = replace(job, process="dry")
    assert operate(dry, arm_with(), {2: mode}, patience=5).refusals() == []


def test_a_journal_that_breaks_off_while_a_screw_goes_in_says_so(job: Job, run_job, tmp_path) -> None:
    ran = run_job(job, arm=arm_with())
    lines = (ran.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    announced = next(k for k, line in enumerate(lines) if b'"screw_intent"' in line)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "journal.jsonl").write_bytes(b"".join(lines[: announced + 1]))
    survey = surveyed(tmp_path / "torn")
    assert (survey.ending, survey.done) == ("lost", ())
    assert [(screw.hole, screw.done, screw.torque) for screw in survey.screws] == [("lid.hole", False, None)]
    assert survey_with_screw(survey, "again") == survey
    assert survey_with_screw(survey, "done").done == (SCREW,)
    with pytest.raises(UsageError) as caught:
        survey_with_screw(survey, None)
    assert caught.value.findings[0].code == "X447"
