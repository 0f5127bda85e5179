"""The executor on an arm in memory: path, process, hold, stop, faults."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from cellctl.drivers.memory import ArcBehaviour, MemoryArm
from cellctl.errors import Faulted, Finding, Stopped
from cellctl.execution.clock import ManualClock
from cellctl.execution.control import Command, Switch
from cellctl.execution.executor import execute
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.record import NoRecord

ARC = 1 << 1


def process_cycle(job, fraction):
    """The cycle, about, at which a `fraction` of the seam is done."""
    before = sum(s.duration for s in job.certified.plan.segments[:2]) + 0.1 + 0.044 + 0.1
    return int((before + fraction * job.certified.plan.segments[2].duration) / 0.004)


def test_a_run_follows_the_plan_and_welds_the_seam(job, run_job, path_error):
    ran = run_job(job)
    plan = job.certified.plan
    assert ran.outcome.status == "done"
    assert ran.outcome.error() is None
    assert ran.states() == ["starting", "execute", "completing", "complete"]
    assert path_error(job, ran.trace) < 1e-9
    waits = 0.1 + 0.04 + 0.1 + 0.1 + 0.05 + 0.1
    assert ran.outcome.time == pytest.approx(plan.cycle_time + waits, abs=0.06)
    np.testing.assert_allclose(ran.arm.setpoints[-1], plan.segments[-1].joints_at(1.6)[0], atol=1e-13)
    (weld,) = ran.outcome.welds
    assert (weld.seam, weld.start, weld.end, weld.complete) == ("tray.left", 0.0, 0.020, True)


def test_every_command_is_the_plan_at_its_own_time(job, run_job):
    """At full rate cycle k of a segment is q(s(k T)), by the B-splines themselves."""
    ran = run_job(job)
    for index in (0, 1, 3, 4):
        segment = job.certified.plan.segments[index]
        rows = ran.trace.commanded[ran.trace.segment == index]
        times = np.minimum(0.004 * np.arange(1, len(rows) + 1), segment.duration)
        assert len(rows) == int(np.ceil(segment.duration / 0.004 - 1e-9))
        np.testing.assert_allclose(rows, segment.joints_at(times), atol=1e-9)


def test_the_arc_is_on_only_between_its_events(job, run_job):
    ran = run_job(job)
    on = (ran.trace.outputs & ARC) > 0
    assert set(ran.trace.segment[on]) == {2}
    moving = (ran.trace.segment == 2) & (np.diff(ran.trace.s, prepend=0.0) > 1e-9)
    assert moving.sum() > 250
    assert on[moving].all()
    assert (ran.trace.arc[moving] == 2).all()
    order = [k for k in ran.kinds() if k.startswith("arc")]
    assert order == ["arc_on", "arc_established", "arc_off"]


def test_the_joints_stand_while_the_arc_is_struck_and_filled(job, run_job):
    trace = run_job(job).trace
    on = (trace.outputs & ARC) > 0
    standing = on & ((trace.s == 0.0) | (trace.s == 0.020))
    assert np.count_nonzero(standing & (trace.s == 0.0)) * 0.004 == pytest.approx(0.04 + 0.1, abs=0.02)
    assert np.count_nonzero(standing & (trace.s == 0.020)) * 0.004 == pytest.approx(0.15, abs=0.02)


@pytest.mark.parametrize("override", [0.3, 0.75])
def test_an_override_slows_the_moves_but_not_the_weld(job, run_job, path_error, override):
    ran = run_job(job, control=Switch(Command(override=override)))
    assert path_error(job, ran.trace) < 1e-9
    cycles = np.bincount(ran.trace.segment)
    full = np.bincount(run_job_cycles(job))
    assert cycles[0] == pytest.approx(full[0] / override, abs=2)
    assert cycles[2] == full[2]


def run_job_cycles(job):
    arm = MemoryArm(setup_of(job))
    seen = []

    class Segments(NoRecord):
        def cycle(self, cycle):
            seen.append(cycle.segment)

    list(execute(job, arm, clock=ManualClock(), control=Switch(), record=Segments()))
    return np.array(seen)


def setup_of(job):
    from cellctl.drivers.driver import ArmSetup

    return ArmSetup("test_arm", job.envelope.names, job.certified.plan.start["r1"], arc_on=1, arc_ok=1)


class Script:
    def __init__(self, changes):
        self.changes, self.polls, self.command = changes, 0, Command()

    def poll(self, *, patience):
        self.command = self.changes.get(self.polls, self.command)
        self.polls += 1
        return self.command


@pytest.mark.parametrize("cycle", [5, 120, 200, 330, 420, 540])
def test_hold_and_resume_keep_the_path_and_the_limits(job, run_job, path_error, cycle):
    ran = run_job(job, control=Script({cycle: Command("hold"), cycle + 300: Command("run")}))
    assert ran.outcome.status == "done"
    assert ran.states() == ["starting", "execute", "holding", "held", "unholding", "execute", "completing", "complete"]
    assert path_error(job, ran.trace) < 1e-9
    commanded = np.array([job.certified.plan.start["r1"], *ran.arm.setpoints])
    acceleration = np.abs(np.diff(commanded, n=2, axis=0)) / 0.004**2
    assert (acceleration.max(axis=0) <= job.envelope.acceleration * 1.05 + 0.3).all()


def test_a_hold_stands_until_it_is_released(job, run_job):
    ran = run_job(job, control=Script({200: Command("hold"), 500: Command("run")}))
    held = np.array(ran.arm.setpoints)[300:490]
    assert np.ptp(held, axis=0).max() == 0.0


@pytest.mark.parametrize("cycle", [1, 3, 120, 330, 500, 545, 560, 600, 700, 800, 860, 950, 1300])
def test_a_stop_ends_at_rest_on_the_path_with_the_arc_off(job, run_job, path_error, cycle):
    ran = run_job(job, control=Script({cycle: Command("stop")}))
    assert ran.outcome.status == "stopped"
    assert isinstance(ran.outcome.error(), Stopped)
    assert [f.code for f in ran.outcome.findings] == ["X409"]
    assert path_error(job, ran.trace) < 1e-9
    assert ran.arm.outputs[-1] == 0
    taken = next(e.time for e in ran.events if e.data.get("state") == "stopping")
    assert not (ran.trace.outputs[ran.trace.time > taken + 1e-9] & ARC).any()
    assert ran.arm.calls[0] == "stop"
    assert ran.events[-1].kind == "stopped"
    last = read_journal(ran.folder / "journal.jsonl").records[-1]
    assert (last.kind, last.data["status"]) == ("end", "stopped")
    assert (ran.folder / "events.jsonl").read_bytes().count(b"\n") == len(ran.events)


def test_a_stop_before_anything_moves_sends_nothing(job, run_job):
    ran = run_job(job, control=Script({0: Command("stop")}))
    assert (ran.outcome.status, ran.arm.setpoints) == ("stopped", [])
    assert ran.states() == ["starting", "stopping", "stopped"]


def test_a_stop_in_the_seam_says_how_far_the_weld_went(job, run_job):
    ran = run_job(job, control=Script({process_cycle(job, 0.5): Command("stop")}))
    (weld,) = ran.outcome.welds
    assert not weld.complete
    assert 0.008 < weld.end < 0.012
    assert weld.end <= ran.outcome.s < 0.02


def test_a_seam_whose_arc_was_cut_goes_on_only_when_told_dry(job, run_job):
    cycle = process_cycle(job, 0.5)
    control = Script({cycle: Command("hold"), cycle + 100: Command("run"), cycle + 300: Command("run", arc="dry")})
    ran = run_job(job, control=control)
    held = next(e.time for e in ran.events if e.data.get("state") == "held")
    again = [e.time for e in ran.events if e.data.get("state") == "execute"][-1]
    assert again - held > 0.7, "a plain resume must not move a cut seam on"
    assert ran.outcome.status == "done"
    assert not (ran.trace.outputs[ran.trace.time > held] & ARC).any()
    assert [w.complete for w in ran.outcome.welds] == [False]


def test_hold_while_the_arc_is_being_struck_strikes_again(job, run_job):
    ran = run_job(
        job, control=Script({585: Command("hold"), 700: Command("run")}), arc=ArcBehaviour(cycles_to_ignite=20)
    )
    order = [k for k in ran.kinds() if k.startswith("arc")]
    assert order == ["arc_on", "arc_off", "arc_on", "arc_established", "arc_off"]
    assert ran.outcome.status == "done"
    assert [w.complete for w in ran.outcome.welds] == [True]


def test_an_arc_that_never_stands_is_retried_then_a_fault(job, run_job):
    ran = run_job(job, arc=ArcBehaviour(ignites=False))
    assert ran.outcome.status == "faulted"
    assert [f.code for f in ran.outcome.findings] == ["X403"]
    assert isinstance(ran.outcome.error(), Faulted)
    assert ran.kinds().count("arc_on") == 2
    assert ran.outcome.s == 0.0
    assert ran.arm.outputs[-1] == 0
    assert set(ran.trace.segment) == {0, 1, 2}


def test_a_lost_arc_is_a_fault_after_the_filter(job, run_job, path_error):
    ran = run_job(job, arc=ArcBehaviour(lost_after=120))
    assert [f.code for f in ran.outcome.findings] == ["X404"]
    lost = ran.trace.time[(ran.trace.arc == 2) & (ran.trace.inputs == 0)]
    assert np.ptp(lost) == pytest.approx(0.2, abs=0.01)
    assert ran.arm.outputs[-1] == 0
    assert path_error(job, ran.trace) < 1e-9
    assert ran.trace.rate[-1] == 0.0
    assert 0.0 < ran.outcome.s < 0.02


def test_a_short_flicker_of_the_arc_is_none(job, run_job):
    class Flickers(MemoryArm):
        def _inputs(self):
            return 0 if 640 <= self._cycles < 680 else super()._inputs()

    ran = run_job(job, arm=Flickers(setup_of(job)))
    assert (ran.trace.inputs[(ran.trace.arc == 2)] == 0).sum() == 40
    assert ran.outcome.status == "done"


def test_an_arm_that_stands_elsewhere_is_refused(job, run_job):
    arm = MemoryArm(setup_of(job))
    arm.place(job.certified.plan.start["r1"] + np.radians([0, 0, 0.6, 0, 0, 0]))
    ran = run_job(job, arm=arm)
    (finding,) = ran.outcome.findings
    assert finding.code == "X401"
    assert finding.data["joint"] == "A3"
    assert finding.message == (
        "the arm does not stand where the plan starts: A3 is at 80.814 deg, the plan starts at 80.214 deg "
        "(tolerance 0.50 deg)"
    )
    assert arm.setpoints == []
    assert len(ran.trace) == 0


def test_an_arm_inside_the_start_tolerance_begins_at_the_plan(job, run_job):
    arm = MemoryArm(setup_of(job))
    arm.place(job.certified.plan.start["r1"] + np.radians(0.4))
    assert run_job(job, arm=arm).outcome.status == "done"
    start = job.certified.plan.start["r1"]
    np.testing.assert_array_equal(arm.setpoints[0], start + np.radians(0.4))
    lead = arm.setpoints[: 1 + int(np.ceil(np.radians(0.4) / (0.05 * 0.004)))]
    np.testing.assert_allclose(lead[-1], start, atol=1e-12)
    assert np.abs(np.diff(lead, axis=0)).max() <= 0.05 * 0.004 + 1e-12


class Stuck(MemoryArm):
    """An arm whose joint A2 no longer moves."""

    def read(self):
        state = super().read()
        return replace(state, joints=np.where(np.arange(6) == 1, self._setup.start, state.joints))


def test_a_joint_that_does_not_follow_is_a_fault(job, run_job):
    """ros-controls/ros2_controllers#580: "state tolerance violation", and no clue of what, where and by how much."""
    arm = Stuck(setup_of(job))
    ran = run_job(job, arm=arm)
    (finding,) = ran.outcome.findings
    assert finding.code == "X402"
    assert finding.data["joint"] == "A2"
    said = r"A2 does not follow: 2\.\d+ deg from .* \(tolerance 2\.00 deg\), segment 0, .*, 0\.\d+ s after the start"
    assert re.fullmatch(said, finding.message)
    assert abs(arm.setpoints[-1][1] - arm.setpoints[0][1]) < np.radians(2.6)
    assert arm.calls[0] == "stop"


def test_an_arm_that_is_pushed_while_it_is_held_is_not_driven_back(job, run_job, path_error):
    """UniversalRobots/Universal_Robots_ROS2_Driver#279: paused, moved by hand, resumed, it jumped to the old place."""

    class Pushed(MemoryArm):
        push = 0.0

        def exchange(self, setpoint):
            state = super().exchange(setpoint)
            return replace(state, joints=state.joints + self.push)

    arm = Pushed(setup_of(job))

    class HoldThenResume:
        polls = 0

        def poll(self, *, patience):
            self.polls += 1
            arm.push = np.radians(10.0) if self.polls > 400 else 0.0
            return Command(demand="hold") if 200 < self.polls < 500 else Command()

    ran = run_job(job, arm=arm, control=HoldThenResume())
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", "X402")
    assert "held" in ran.states()
    assert "unholding" not in ran.states()
    assert path_error(job, ran.trace) < 1e-9
    np.testing.assert_array_equal(arm.setpoints[-1], arm.setpoints[-50])


def test_an_arm_that_never_comes_to_its_goal_is_a_fault(job, run_job):
    """Yaskawa-Global/motoros2#39: no time-out, a motion that never ended."""

    class Drifts(MemoryArm):
        def read(self):
            state = super().read()
            return replace(state, joints=state.joints + (np.radians(0.8) if self._cycles > 200 else 0.0))

    ran = run_job(job, arm=Drifts(setup_of(job)))
    assert [f.code for f in ran.outcome.findings] == ["X405"]
    assert ran.outcome.time < 2.2 + 2.0 + 0.1


def test_an_arm_that_goes_silent_is_a_fault(job, run_job):
    class Silent(MemoryArm):
        def exchange(self, setpoint):
            if self._cycles == 100:
                raise Faulted(Finding("X407", "the arm no longer answers"))
            return super().exchange(setpoint)

    ran = run_job(job, arm=Silent(setup_of(job)))
    assert [f.code for f in ran.outcome.findings] == ["X407"]
    assert ran.events[-1].kind == "stopped"


def test_an_arm_that_cannot_be_read_is_a_fault_before_anything_moves(job, run_job):
    class Dead(MemoryArm):
        def read(self):
            raise Faulted(Finding("X407", "the arm no longer answers"))

    ran = run_job(job, arm=Dead(setup_of(job)))
    assert [f.code for f in ran.outcome.findings] == ["X407"]
    assert ran.arm.setpoints == []


def test_a_driver_that_breaks_is_stopped_first(job):
    class Broken(MemoryArm):
        def exchange(self, setpoint):
            if self._cycles == 100:
                raise ZeroDivisionError
            return super().exchange(setpoint)

    arm = Broken(setup_of(job))
    with pytest.raises(ZeroDivisionError):
        list(execute(job, arm, clock=ManualClock(), control=Switch(), record=NoRecord()))
    assert arm.calls == ["stop", "power off"]


def test_a_run_that_is_closed_early_stops_the_arm(job):
    arm = MemoryArm(setup_of(job))
    run = execute(job, arm, clock=ManualClock(), control=Switch(), record=NoRecord())
    while next(run).kind != "segment":
        pass
    run.close()
    assert arm.calls == ["stop", "power off"]


def test_a_stall_is_not_made_up_for(job):
    """An arm whose clock jumps by half a second once: the next setpoint is two periods on, no more."""

    class Stalls(MemoryArm):
        def read(self):
            state = super().read()
            return replace(state, time=state.time + (0.5 if self._cycles > 100 else 0.0))

    arm = Stalls(setup_of(job))
    list(execute(job, arm, clock=ManualClock(), control=Switch(), record=NoRecord()))
    steps = np.abs(np.diff(np.array(arm.setpoints), axis=0)).max(axis=1)
    assert steps[100] == pytest.approx(2.0 * steps[99], rel=0.05)
    assert steps[101] == pytest.approx(steps[99], rel=0.05)


def test_a_setpoint_outside_the_limits_is_never_sent(job, run_job):
    upper = np.array(job.envelope.upper)
    upper[0] = 0.3
    ran = run_job(replace(job, envelope=replace(job.envelope, upper=upper)))
    assert [f.code for f in ran.outcome.findings] == ["X408"]
    assert max(q[0] for q in ran.arm.setpoints) <= 0.3


def test_a_setpoint_faster_than_its_joint_is_never_sent(job, run_job):
    slow = np.array(job.envelope.velocity)
    slow[4] = 0.05
    ran = run_job(replace(job, envelope=replace(job.envelope, velocity=slow)))
    (finding,) = ran.outcome.findings
    assert finding.code == "X408"
    assert "A5" in finding.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"times": {}}, "no arc start and end times"),
        ({"lines": None}, "no signals 'arc_on' and 'arc_ok'"),
    ],
)
def test_a_job_without_its_process_is_refused(job, run_job, change, words):
    ran = run_job(replace(job, **change))
    (finding,) = ran.outcome.findings
    assert finding.code == "X406"
    assert words in finding.message
    assert ran.arm.setpoints == []


def test_an_arc_event_in_the_middle_of_a_moving_seam_is_refused(job, run_job):
    from cellctl.model.plan import Block, CertifiedPlan, ProcessEvent

    plan = job.certified.plan
    seam = plan.segments[2]
    moved = replace(seam.process, events=(ProcessEvent(0.01, "arc_start"), seam.process.events[1]))
    segments = (*plan.segments[:2], replace(seam, process=moved), *plan.segments[3:])
    certified = CertifiedPlan(replace(plan, blocks=(Block(segments),)), job.certified.certificate)
    ran = run_job(replace(job, certified=certified))
    (finding,) = ran.outcome.findings
    assert finding.message == "arc_start lies where the tool moves: segment 2, 10.0 mm along 'tray.left'"


def test_intents_stand_in_the_journal_before_what_they_announce(job, tmp_path):
    """At the first setpoint of a step, and at arc_on, a reader of the file finds the intent."""
    from cellctl.execution.records.record import RunFolder

    folder = tmp_path / "run"
    seen = {}

    class Watches(MemoryArm):
        def exchange(self, setpoint):
            arc = bool(setpoint.outputs & ARC)
            if len(self.setpoints) == 0 or (arc and not self.outputs[-1] & ARC):
                lines = (folder / "journal.jsonl").read_bytes().rstrip(b"\0").splitlines()
                seen[arc] = [json.loads(line)["kind"] for line in lines]
            return super().exchange(setpoint)

    arm = Watches(setup_of(job))
    with RunFolder(folder, job.envelope.names) as record:
        list(execute(job, arm, clock=ManualClock(), control=Switch(), record=record))
    assert "intent" in seen[False]
    assert "arc_intent" in seen[True]


def test_a_record_that_cannot_be_written_ends_the_run(job):
    class Full(NoRecord):
        def cycle(self, cycle):
            if cycle.time > 1.0:
                self.failure = OSError(28, "No space left on device")

    arm = MemoryArm(setup_of(job))
    events = list(execute(job, arm, clock=ManualClock(), control=Switch(), record=Full()))
    assert events[-1].data["findings"][0]["code"] == "X411"
    assert len(arm.setpoints) < 400
