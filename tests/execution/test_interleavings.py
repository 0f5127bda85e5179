"""Random interleavings of what operator, client and arm can do to the executor, and what must always hold.

An interleaving is a list of requests and faults with the number of polls between them, over a short job with one seam.
The invariants are read from what the arm was told and from the events, never from what the executor thinks.
"""

from __future__ import annotations

import os
import shutil
from bisect import bisect_right
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy.spatial import KDTree

from cellctl.drivers.driver import ArmIdentity, ArmState
from cellctl.drivers.memory import ArcBehaviour, MemoryArm
from cellctl.emulators.simulated_arm.controller import ArmFigures, Controller, ControllerSettings
from cellctl.emulators.simulated_arm.weld_source import WeldSourceSettings
from cellctl.errors import Faulted, Finding, UsageError
from cellctl.execution import stream as streaming
from cellctl.execution.arc_procedure import ArcProcedure
from cellctl.execution.following import Follower
from cellctl.execution.ledger import SeamLedger
from cellctl.execution.machine import MOVING, Machine
from cellctl.execution.obeying import Obedience
from cellctl.execution.run import PlanRun
from cellctl.execution.service import operating
from cellctl.execution.service import server as serving
from cellctl.execution.stream import PathPoint
from cellctl.model.plan import Block, CertifiedPlan
from cellctl.model.spline import BSpline
from tests.emulators.stand_in_controller import FirstOrderStandIn

ARC = 1 << 1
ENABLED_FOR = 52
"""Polls for which a sign of enabling counts: 0.2 s of 4 ms, and the one in which it is taken back."""
LONGEST_STOP = 80
"""Cycles of motion between a hold or stop and standstill, on the way to a place where the law does not rest."""
LONGEST_STANDING_ARC = 50
"""Cycles for which an arc may stand without moving on: ignition, dwell, crater fill, burn-back, and coming to rest."""
GAPS = st.sampled_from([0, 1, 2, 3, 7, 15, 30, 60, 120, 250])
SIMPLE = ("hold", "stop", "estop", "clear", "reset", "release", "acquire", "enable", "START", "LOAD", "LOAD DRY")
REQUESTS = st.one_of(
    st.sampled_from(SIMPLE),
    st.sampled_from(SIMPLE),
    st.sampled_from(["weld", "dry"]).map(lambda arc: {"do": "resume", "arc": arc}),
    st.sampled_from([0.0, 0.002, 0.05]).map(lambda m: {"do": "resume", "arc": "restart", "overlap": m}),
    st.sampled_from([0.1, 0.5, 1.0]).map(lambda value: {"do": "override", "value": value}),
    st.sampled_from(["off", "segment", "step"]).map(lambda unit: {"do": "stride", "unit": unit}),
    st.sampled_from([0.003, 0.2]).map(lambda m: {"do": "stride", "unit": "distance", "distance": m}),
    st.sampled_from(["segment", "step"]).map(lambda unit: {"do": "back", "unit": unit}),
    st.sampled_from([0.003, 0.2]).map(lambda m: {"do": "back", "unit": "distance", "distance": m}),
    st.sampled_from(["on", "off"]).map(lambda state: {"do": "power", "state": state}),
    st.sampled_from(["t1", "auto", "remote"]).map(lambda mode: {"do": "mode", "mode": mode}),
    st.sampled_from(["silent", "drifts", "arc lost"]).map(lambda fault: ("FAULT", fault)),
)
INTERLEAVINGS = st.lists(st.tuples(GAPS, REQUESTS), min_size=1, max_size=14)
RESTARTED_WHERE_THE_ARM_WAS = [
    (250, "hold"),
    (1, {"do": "resume", "arc": "restart", "overlap": 0.0}),
    (30, {"do": "resume", "arc": "weld"}),
]


class Frail(MemoryArm):
    """An arm that can fall silent, drift, or lose its arc, and that remembers in which order it was told what."""

    def __init__(self, setup):
        super().__init__(setup, arc=ArcBehaviour(cycles_to_ignite=3))
        self.fault, self.log, self.scene = "", [], lambda: None

    def exchange(self, setpoint):
        self.log.append(("setpoint", np.array(setpoint.joints), setpoint.outputs, *self.scene()))
        if self.fault == "silent":
            raise Faulted(Finding("X407", "the arm no longer answers"))
        state = super().exchange(setpoint)
        if self.fault == "drifts":
            state = replace(state, joints=state.joints + 0.1)
        return replace(state, inputs=0) if self.fault == "arc lost" else state

    def power(self, state):
        self.log.append((f"power {state}", None, 0, *self.scene()))
        super().power(state)

    def clear(self):
        self.fault = ""
        super().clear()


class FrailSimulated:
    """The same of the simulated arm: its controller, watched by the same witness, on the stand-in for its mechanics."""

    def __init__(self, setup):
        self.fault, self.log, self.scene = "", [], lambda: None
        self.told = []
        dof = len(setup.joints)
        figures = ArmFigures(
            setup.robot,
            setup.joints,
            lower=np.full(dof, -3.0),
            upper=np.full(dof, 3.0),
            velocity=np.full(dof, 8.0),
            acceleration=np.full(dof, 100.0),
            start=setup.start,
        )
        self.controller = Controller(
            figures,
            FirstOrderStandIn(dof),
            settings=ControllerSettings(),
            source=WeldSourceSettings(1, 1, ignition_delay=0.012),
            log=lambda time, event, joints: self.told.append(event),
        )

    def identify(self):
        return ArmIdentity("sim", "test_arm", self.controller.figures.joints, 0.004, "lock_step", lag=0.008)

    def read(self):
        report = self.controller.report()
        return ArmState(report.time, report.joints, report.velocities, report.torques, report.inputs)

    def exchange(self, setpoint):
        self.log.append(("setpoint", np.array(setpoint.joints), setpoint.outputs, *self.scene()))
        if self.fault == "silent":
            raise Faulted(Finding("X407", "the arm no longer answers"))
        self.controller.accept(setpoint.joints, setpoint.outputs)
        self.controller.tick()
        if self.controller.fault:
            raise Faulted(Finding("X407", f"the controller latched {self.controller.fault.name}"))
        state = self.read()
        if self.fault == "drifts":
            state = replace(state, joints=state.joints + 0.1)
        return replace(state, inputs=0) if self.fault == "arc lost" else state

    def stop(self):
        self.controller.stop()
        self.controller.settle()
        return self.read()

    def power(self, state):
        self.log.append((f"power {state}", None, 0, *self.scene()))
        if state == "on":
            self.controller.power_on()
        else:
            self.controller.power_off()
            self.controller.settle()

    def clear(self):
        self.fault = ""
        self.controller.clear()


class Watched(serving.Executor):
    """An executor that shows the arm its state at each setpoint, as a witness of the table, and the number of the
    poll.
    """

    def __init__(self, driver, links, *args, **more):
        super().__init__(driver, links, *args, **more)
        machine = self.operating.machine
        driver.scene = lambda: (machine.state, machine.power, machine.mode, links.polls)


@pytest.fixture(scope="module")
def quick(small):
    """The small job on an arm that can be quick, its segments a third as long and its process soon begun and ended."""
    job, setup = small
    plan = job.certified.plan
    segments = tuple(
        replace(segment, law=BSpline(segment.law.degree, segment.law.knots * 0.3, segment.law.control))
        for segment in plan.segments
    )
    envelope = replace(job.envelope, velocity=np.full(6, 8.0), acceleration=np.full(6, 100.0))
    times = {step: _quick(times) for step, times in job.times.items()}
    certified = CertifiedPlan(replace(plan, blocks=(Block(segments),)), job.certified.certificate)
    return replace(job, times=times, certified=certified, envelope=envelope), setup


def _quick(times):
    start = replace(times.start, preflow=0.02, ignition_timeout=0.06, dwell=0.02)
    return replace(times, start=start, end=replace(times.end, crater_fill=0.02, burnback=0.01, postflow=0.02))


def played(quick, interleaving, folder, serve, kind=Frail):
    """Serve an interleaving on an arm of this kind; returns the arm and the links."""
    job, setup = quick
    arm = kind(setup)
    script, poll, runs = {2: [{"do": "start", "folder": str(folder / "run0")}]}, 3, 0
    for gap, what in interleaving:
        poll += gap
        if isinstance(what, tuple):
            what = (lambda name: lambda: setattr(arm, "fault", name))(what[1])
        elif what in ("LOAD", "LOAD DRY"):
            process = "dry" if what == "LOAD DRY" else "weld"
            what = {"do": "load", "plan": str(folder / "job"), "process": process}
        elif what == "START":
            runs += 1
            what = {"do": "start", "folder": str(folder / f"run{runs}")}
        elif isinstance(what, str):
            what = {"do": what}
        script.setdefault(poll, []).append(what)
    return arm, serve(job, arm, script, folder, patience=60, executor=Watched)


def check(arm, links):
    """Every invariant, on what the arm was told."""
    powered, slowing, standing = False, 0, 0
    before = None
    enabled = sorted(poll for poll, items in links.script.items() if {"do": "enable"} in items)
    for what, joints, outputs, state, power, mode, poll in arm.log:
        if what.startswith("power"):
            powered = what == "power on"
            continue
        assert powered, "a setpoint without power"
        assert power == "on", "a setpoint without power, by the executor's own word"
        assert state in (*MOVING, "held"), f"a setpoint while {state}"
        moved = before is not None and np.abs(joints - before).max() > 1e-9
        assert not (moved and state == "held"), "it moves while held"
        if moved and state == "execute" and mode == "t1":
            signs = enabled[: bisect_right(enabled, poll)]
            assert signs, "it moves in mode t1 and nobody has enabled it"
            assert poll - signs[-1] <= ENABLED_FOR, "it moves in mode t1 and nobody enables it any more"
        slowing = slowing + 1 if moved and state in ("holding", "stopping", "aborting") else 0
        assert slowing <= LONGEST_STOP, f"it does not stop while {state}"
        if outputs & ARC:
            assert state == "execute", f"arc on while {state}"
            assert mode in ("auto", "remote"), f"arc on in mode {mode}"
        standing = standing + 1 if outputs & ARC and not moved else 0
        assert standing <= LONGEST_STANDING_ARC, "the arc stands and the arm does not move on"
        before = joints
    for outcome in links.outcomes:
        complete = [weld["segment"] for weld in outcome["welds"] if weld["complete"]]
        assert len(complete) == len(set(complete)), "a seam was completed twice in one run"


def check_traces(job, folder):
    """Commands lie on the certified curve; no place is welded twice, as measured, but in the overlap that was asked
    for.
    """
    from cellctl.execution.records.journal import read_journal
    from cellctl.execution.records.trace import read_trace

    for path in folder.glob("run*/trace.csv"):
        trace = read_trace(path)
        for index, segment in enumerate(job.certified.plan.segments):
            rows = trace.segment == index
            if rows.any():
                away = np.abs(segment.path(trace.s[rows]) - trace.commanded[rows]).max()
                assert away < 1e-7, f"a command {away} rad off the certified curve"
        records = read_journal(path.with_name("journal.jsonl")).records
        overlap = [(r.data["at"], r.data["cut"]) for r in records if r.kind == "restart"]
        places = measured_places(job.certified.plan.segments[2], trace)
        burnt = (trace.segment[1:] == 2) & (trace.arc[1:] == 2) & (np.diff(places) > 0.0)
        counts = np.zeros(200, dtype=int)
        allowed = np.ones(200, dtype=int)
        for row in np.flatnonzero(burnt):
            counts[round(places[row] / 1e-4) : round(places[row + 1] / 1e-4)] += 1
        for low, high in overlap:
            allowed[max(round(low / 1e-4) - 1, 0) : round(high / 1e-4) + 1] += 1
        assert (counts <= allowed).all(), "welded twice"


def measured_places(segment, trace):
    """How far along a segment the arm itself was at every row; an arm that lags is behind its commands."""
    s = np.arange(segment.path.start, segment.path.end, 1e-5)
    return s[KDTree(segment.path(s)).query(trace.measured)[1]]


def check_refusals(arm):
    """The simulated arm's controller took every setpoint."""
    refused = [event for event in getattr(arm, "told", ()) if event.startswith("fault_")]
    assert not refused, f"the controller refused a setpoint: {refused}"


def run_examples(quick, tmp_path_factory, serve_script, examples, kind):
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(INTERLEAVINGS)
    @example(RESTARTED_WHERE_THE_ARM_WAS)
    def interleave(interleaving):
        folder = tmp_path_factory.mktemp("play")
        arm, links = played(quick, interleaving, folder, serve_script, kind)
        check(arm, links)
        check_traces(quick[0], folder)
        check_refusals(arm)
        shutil.rmtree(folder)

    interleave()


@pytest.mark.parametrize("kind", [Frail, FrailSimulated], ids=["memory", "simulated"])
def test_interleavings(quick, tmp_path_factory, serve_script, kind):
    run_examples(quick, tmp_path_factory, serve_script, int(os.environ.get("CELLCTL_INTERLEAVINGS", "60")), kind)


def moves_while_held(patch):
    patch.setattr(PlanRun, "_wanted", lambda self: self._operator.command.override)


def keeps_the_arc_at_a_hold(patch):
    whole = ArcProcedure.extinguish

    def extinguish(self, why, *, confirmed=True):
        if why != "hold":
            yield from whole(self, why, confirmed=confirmed)

    patch.setattr(ArcProcedure, "extinguish", extinguish)


def sends_on_after_an_emergency_stop(patch):
    def heed(self):
        self.command = self._control.poll(patience=0.0)
        return self.command

    patch.setattr(Obedience, "heed", heed)


def starts_without_power(patch):
    def demand(self, trigger):
        if not self.may(trigger):
            raise UsageError(Finding("X431", "no"))

    patch.setattr(Machine, "demand", demand)
    patch.setattr(Obedience, "heed", lambda self: self._control.poll(patience=0.0))


def forgets_that_a_seam_is_complete(patch):
    patch.setattr(SeamLedger, "complete", lambda self, segment: None)


def strikes_a_cut_seam_again(patch):
    patch.setattr(SeamLedger, "cut", lambda self, segment, s: None)


def leaves_the_path(patch):
    whole = Follower.creep
    patch.setattr(Follower, "creep", lambda self, dt, **more: whole(self, dt, **more) + 1e-6)


def sends_on_after_the_end(patch):
    whole = PlanRun.close

    def close(self):
        yield from whole(self)
        self._stream.send(self._stream.command, outputs=0, arc=0, point=PathPoint(0, 0.0, 0.0))

    patch.setattr(PlanRun, "close", close)


def moves_in_mode_t1_though_nobody_enables(patch):
    patch.setattr(operating, "ENABLING", 10.0)


def welds_in_mode_t1(patch):
    patch.setattr(serving.Executor, "_demand_ready", lambda self, job: None)


def creeps_while_held(patch):
    whole = PlanRun._wanted
    patch.setattr(PlanRun, "_wanted", lambda self: 0.2 if self._machine.state == "held" else whole(self))


def waits_with_the_arc_on(patch):
    whole = ArcProcedure.end

    def end(self, step):
        yield from self._run.stand(1.0)
        yield from whole(self, step)

    patch.setattr(ArcProcedure, "end", end)


def leaps(patch):
    """On the curve, much faster than it was planned, and past the executor's own check."""
    whole = Follower.advance
    patch.setattr(Follower, "advance", lambda self, dt, **more: whole(self, 30.0 * dt, **more))
    patch.setattr(streaming.checks, "setpoint_finding", lambda *what, **more: None)


def strikes_again_further_back(patch):
    """A cut that was to be gone on with at one place is gone on with at another."""
    whole = SeamLedger.restart
    patch.setattr(SeamLedger, "restart", lambda self, segment, s: whole(self, segment, max(s - 0.004, 0.0)))


def moves_in_mode_t1_without_a_sign(patch):
    whole = operating.Operating.protect

    def protect(self):
        self._enabled_until = 1e9
        whole(self)

    patch.setattr(operating.Operating, "protect", protect)


BACK = {"do": "back", "unit": "segment"}
WELD = {"do": "resume", "arc": "weld"}
RESTART = {"do": "resume", "arc": "restart", "overlap": 0.002}
OFF, ON, T1 = {"do": "power", "state": "off"}, {"do": "power", "state": "on"}, {"do": "mode", "mode": "t1"}
SLOWLY = [(0, "stop"), (60, "reset"), (0, T1), (0, ON)]
TWICE = [(310, "hold"), (60, BACK), (150, BACK), (250, WELD), (250, "hold")]
PLANTS = [
    (moves_while_held, [(12, "hold")], "it does not stop while"),
    (creeps_while_held, [(60, "hold"), (90, "stop")], "it moves while held"),
    (keeps_the_arc_at_a_hold, [(215, "hold")], "arc on while"),
    (waits_with_the_arc_on, [(600, "enable")], "the arc stands and the arm does not move on"),
    (sends_on_after_an_emergency_stop, [(60, "estop")], "a setpoint without power|means nothing while"),
    (starts_without_power, [(0, "stop"), (60, "reset"), (1, OFF), (1, "START")], "a setpoint without power"),
    (forgets_that_a_seam_is_complete, TWICE, "a seam was completed twice|welded twice"),
    (strikes_a_cut_seam_again, [(215, "hold"), (40, BACK), (250, WELD), (250, "hold")], "welded twice"),
    (strikes_again_further_back, [(215, "hold"), (60, RESTART), (250, "hold")], "welded twice"),
    (sends_on_after_the_end, [(12, "stop")], "a setpoint while"),
    (leaves_the_path, [(60, "hold"), (60, BACK)], "off the certified curve"),
    (
        moves_in_mode_t1_without_a_sign,
        [*SLOWLY, (0, "LOAD DRY"), (0, "START"), (90, "stop")],
        "nobody has enabled it",
    ),
    (
        moves_in_mode_t1_though_nobody_enables,
        [*SLOWLY, (0, "LOAD DRY"), (0, "enable"), (0, "START"), (90, "stop")],
        "nobody enables it any more",
    ),
    (
        welds_in_mode_t1,
        [(0, "stop"), (60, "reset"), (0, T1), (0, ON), (0, "enable"), (0, "START"), *[(45, "enable")] * 120],
        "arc on in mode",
    ),
]


@pytest.mark.parametrize("kind", [Frail, FrailSimulated], ids=["memory", "simulated"])
@pytest.mark.parametrize(("plant", "interleaving", "rule"), PLANTS, ids=[plant.__name__ for plant, *_ in PLANTS])
def test_a_planted_bug_is_found(quick, tmp_path, serve_script, monkeypatch, plant, interleaving, rule, kind):
    """In the interleaving in which it shows, by its rule; the same one passes without it."""

    def play(name):
        (tmp_path / name).mkdir()
        arm, links = played(quick, interleaving, tmp_path / name, serve_script, kind)
        check(arm, links)
        check_traces(quick[0], tmp_path / name)
        check_refusals(arm)

    play("sound")
    plant(monkeypatch)
    with pytest.raises((AssertionError, UsageError), match=rule):
        play("planted")


def test_a_path_that_leaps_is_refused_by_the_controller(quick, tmp_path, serve_script, monkeypatch):
    """Where the executor itself would let it through."""
    leaps(monkeypatch)
    arm, _ = played(quick, [(60, "stop")], tmp_path, serve_script, FrailSimulated)
    with pytest.raises(AssertionError, match="the controller refused"):
        check_refusals(arm)
