"""Beads on an arm in memory with a simulated dispenser: laid once, in place, shut over holds and stops."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.drivers.memory import MemoryArm
from cellctl.emulators.simulated_arm.dispenser import Dispenser, DispenserSettings
from cellctl.execution.control import Stride
from cellctl.execution.job import AnalogSignals, ArcLines, DispenserLines, Job
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.survey import surveyed
from cellctl.model.bead import BeadProcedure
from cellctl.model.plan import Block, ProcessEvent
from cellctl.model.wps import Range
from tests.execution.conftest import SEAM_LENGTH, Ran, When, seam, small_job, small_setup
from tests.execution.test_screws import GoesOn, hold, on, played, stands

BEAD = BeadProcedure(
    name="sealant",
    travel_speed=Range(0.010, 0.020, 0.040),
    ctwd=Range(0.002, 0.003, 0.004),
    work_angle=Range(-0.2, 0.0, 0.2),
    travel_angle=Range(-0.2, 0.0, 0.2),
    material="sealant",
    bore=0.002,
    cross_section=Range(2.7e-6, 3.0e-6, 3.3e-6),
    open_lead=0.08,
    close_lead=0.06,
    ready_timeout=0.4,
)
LINES = DispenserLines(valve=3, ready=4)
ANALOG = AnalogSignals({"dispenser_flow": 0}, {"dispenser_meter": 0})
VALVE = 1 << LINES.valve
SEAM = 2
"""The segment along which the bead is laid."""


@pytest.fixture
def job() -> Job:
    """The small job with a bead in place of its weld."""
    small = small_job()
    section = replace(seam(), wps="sealant", events=(ProcessEvent(0.0, "bead_start"), ProcessEvent(0.02, "bead_end")))
    segments = list(small.certified.plan.segments)
    segments[SEAM] = replace(segments[SEAM], process=section)
    plan = replace(small.certified.plan, blocks=(Block(tuple(segments)),))
    certified = replace(small.certified, plan=plan)
    return replace(small, certified=certified, times={}, lines=LINES, beads={1: BEAD}, analog=ANALOG)


class Bench:
    """An arm in memory with a dispenser that knows how far along the seam the nozzle is."""

    def __init__(self, job: Job, **behaviour: object) -> None:
        path = job.certified.plan.segments[SEAM].path
        s = np.linspace(path.start, path.end, 2001)
        first = path(s)[:, 0]
        self.log: list[tuple[str, float, dict[str, float]]] = []
        settings = DispenserSettings(3, 4, flow=0, meter=0, open_delay=0.08, close_delay=0.06, own_flow=6e-8)
        self.place = lambda joints: float(np.interp(joints[0], first, s))
        device = Dispenser(
            replace(settings, **behaviour),  # type: ignore[arg-type]
            lambda time, event, joints, **figures: self.log.append((event, self.place(joints), figures)),
            lambda joints: np.array([self.place(joints), 0.0, 0.0]),
        )
        self.arm = MemoryArm(small_setup(), device=device)

    def beads(self) -> list[tuple[float, float, float]]:
        """Where each stretch of the bead began and ended (m), and its volume (m^3)."""
        began = [s for event, s, _ in self.log if event == "bead_begins"]
        ended = [(s, figures["volume"]) for event, s, figures in self.log if event == "bead_ends"]
        return [(start, end, volume) for start, (end, volume) in zip(began, ended, strict=True)]

    def areas(self) -> np.ndarray:
        """The cross-section (m^2) of each millimetre that was laid."""
        return np.array([f["volume"] / f["length"] for event, _, f in self.log if event == "bead"])

    def openings(self) -> int:
        told = np.array([0, *(bool(outputs & VALVE) for outputs in self.arm.outputs)], dtype=int)
        return int((np.diff(told) > 0).sum())


def laying(arm: MemoryArm) -> bool:
    """Half way along the seam."""
    return bool(arm.outputs and arm.outputs[-1] & VALVE and arm.setpoints[-1][0] > 0.44)


def held_long(arm: MemoryArm) -> bool:
    return stands(arm) and not arm.outputs[-1] & VALVE


def test_a_bead_begins_and_ends_with_its_seam_and_has_one_cross_section(job: Job, run_job, path_error) -> None:
    bench = Bench(job)
    ran = run_job(job, arm=bench.arm)
    assert ran.outcome.status == "done", ran.outcome.findings
    ((start, end, volume),) = bench.beads()
    assert start == pytest.approx(0.0, abs=1e-4)
    assert end == pytest.approx(SEAM_LENGTH, abs=1e-4)
    assert volume == pytest.approx(BEAD.cross_section.nominal * SEAM_LENGTH, rel=0.02)
    assert np.abs(bench.areas()[1:-1] / BEAD.cross_section.nominal - 1.0).max() < 0.05
    assert path_error(job, ran.trace) < 1e-6


def test_the_valve_is_told_so_much_earlier_and_once(job: Job, run_job) -> None:
    bench = Bench(job)
    trace = run_job(job, arm=bench.arm).trace
    told = np.flatnonzero(trace.outputs & VALVE)
    assert bench.openings() == 1
    assert set(trace.segment[told]) == {SEAM}
    moving = np.flatnonzero((trace.segment == SEAM) & (trace.rate > 0.0))
    assert trace.time[moving[0]] - trace.time[told[0]] == pytest.approx(BEAD.open_lead, abs=0.008)
    assert trace.time[moving[-1]] - trace.time[told[-1]] == pytest.approx(BEAD.close_lead, abs=0.008)


def test_a_lead_that_is_wrong_shows_in_the_bead(job: Job, run_job) -> None:
    """The same valve, opened without its lead: the bead begins late."""
    late = replace(job, beads={1: replace(BEAD, open_lead=0.0)})
    bench = Bench(late)
    run_job(late, arm=bench.arm)
    ((start, _, _),) = bench.beads()
    assert start > 2e-5
    assert bench.areas()[0] < 0.9 * BEAD.cross_section.nominal


def test_events_journal_and_survey_speak_of_a_bead(job: Job, run_job) -> None:
    ran = run_job(job, arm=Bench(job).arm)
    assert [kind for kind in ran.kinds() if kind.startswith(("arc", "bead"))] == [
        "bead_on",
        "bead_established",
        "bead_off",
    ]
    kinds = [record.kind for record in read_journal(ran.folder / "journal.jsonl").records]
    bead = [kind for kind in kinds if kind.startswith(("arc", "bead"))]
    assert (bead[0], bead[1], bead[-1]) == ("bead_intent", "bead_established", "bead_off")
    assert bead.count("bead_at") > 15
    survey = surveyed(ran.folder)
    assert survey.done == (SEAM,)
    (laid,) = survey.welds
    assert (laid.seam, laid.start, laid.complete) == ("tray.left", 0.0, True)
    assert ran.trace.bead_flow.max() > 0.0


def test_a_hold_shuts_the_valve_at_once_and_an_overlap_goes_on(job: Job, run_job) -> None:
    bench = Bench(job)
    again = lambda c: replace(c, demand="run", arc="restart", overlap=0.002, go=c.go + 1)  # noqa: E731
    ran = run_job(job, arm=bench.arm, control=When(bench.arm, (laying, hold), (held_long, again)))
    assert ran.outcome.status == "done", ran.outcome.findings
    assert bench.openings() == 2
    slowing = (ran.trace.segment == SEAM) & (ran.trace.rate > 0.0) & (ran.trace.rate < 1.0)
    assert not (ran.trace.outputs[slowing] & VALVE).all(), "shut while the arm still slows down"
    first, second = ran.outcome.welds
    assert (first.complete, second.complete) == (False, True)
    assert second.start == pytest.approx(first.end - 0.002, abs=1e-6)
    (_, reached, _), (begun, ended, _) = bench.beads()
    assert begun < reached, "no gap"
    assert ended == pytest.approx(SEAM_LENGTH, abs=1e-4)


def test_a_bead_that_was_cut_is_never_gone_on_with_by_itself(job: Job, run_job) -> None:
    bench = Bench(job)
    dry = lambda c: replace(c, demand="run", arc="dry", go=c.go + 1)  # noqa: E731
    waited: list[int] = []

    def later(arm: MemoryArm) -> bool:
        waited.append(len(arm.setpoints))
        return len(waited) > 200

    ran = run_job(job, arm=bench.arm, control=When(bench.arm, (laying, hold), (held_long, on), (later, dry)))
    assert ran.outcome.status == "done"
    assert bench.openings() == 1


def test_a_stop_shuts_the_valve_and_the_journal_knows_where(job: Job, run_job) -> None:
    bench = Bench(job)
    ran = run_job(job, arm=bench.arm, control=When(bench.arm, (laying, lambda c: replace(c, demand="stop"))))
    assert ran.outcome.status == "stopped"
    assert not bench.arm.outputs[-1] & VALVE
    survey = surveyed(ran.folder)
    assert survey.cut is not None
    assert survey.cut[1] == pytest.approx(ran.outcome.welds[0].end)


def test_nothing_is_opened_before_the_dispenser_is_ready(job: Job, run_job) -> None:
    bench = Bench(job, builds_up=False)
    ran = run_job(job, arm=bench.arm)
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", "X498")
    assert bench.openings() == 0
    assert "bead_intent" not in [record.kind for record in read_journal(ran.folder / "journal.jsonl").records]


def test_pressure_that_is_lost_shuts_the_valve_and_ends_the_run(job: Job, run_job) -> None:
    bench = Bench(job, lost_after=0.3)
    ran = run_job(job, arm=bench.arm)
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", "X499")
    assert not bench.arm.outputs[-1] & VALVE
    assert not ran.outcome.welds[0].complete


@pytest.mark.parametrize(("override", "slowest"), [(0.7, 0.7), (0.1, 0.5)])
def test_an_override_takes_the_flow_with_it_inside_the_window(
    job: Job, run_job, override: float, slowest: float
) -> None:
    bench = Bench(job)
    control = When(bench.arm, (lambda arm: True, lambda c: replace(c, override=override)))
    ran = run_job(job, arm=bench.arm, control=control)
    rates = ran.trace.rate[(ran.trace.arc == 2) & (ran.trace.rate > 0.0)]
    assert set(rates) == {slowest}, "no slower than the procedure's travel speed allows"
    assert np.abs(bench.areas()[1:-1] / BEAD.cross_section.nominal - 1.0).max() < 0.05


def test_a_flow_that_cannot_be_set_blocks_the_override(job: Job, run_job) -> None:
    blind = replace(job, analog=replace(ANALOG, outputs={}))
    bench = Bench(job, flow=None)
    control = When(bench.arm, (lambda arm: True, lambda c: replace(c, override=0.5)))
    ran = run_job(blind, arm=bench.arm, control=control)
    assert set(ran.trace.rate[(ran.trace.arc == 2) & (ran.trace.rate > 0.0)]) == {1.0}


def test_a_dry_run_opens_nothing(job: Job, run_job) -> None:
    bench = Bench(job)
    assert run_job(replace(job, process="dry"), arm=bench.arm).outcome.status == "done"
    assert bench.openings() == 0


def test_an_arm_in_memory_has_a_dispenser_of_its_own(job: Job, run_job) -> None:
    arm = MemoryArm(replace(small_setup(), dispenser_ready=4))
    assert run_job(job, arm=arm).outcome.status == "done"


@pytest.mark.parametrize("unfit", [{"lines": None}, {"lines": ArcLines(1, 1)}, {"beads": {}}])
def test_what_cannot_be_laid_is_not_begun(job: Job, run_job, unfit: dict[str, object]) -> None:
    ran = run_job(replace(job, **unfit), arm=Bench(job).arm)
    assert ran.outcome.findings[0].code == "X406"
    assert ran.arm.setpoints == []


def test_mode_t1_lays_no_bead(job: Job, operate) -> None:
    mode = [{"do": "mode", "mode": "t1"}, {"do": "power", "state": "on"}, "START"]
    assert operate(job, Bench(job).arm, {2: mode}, patience=5).refusals() == ["X435"]


PLAYS = st.lists(st.tuples(st.integers(1, 900), st.sampled_from(["hold", "on", "slow", "back", "again"])), max_size=6)


def test_whatever_is_asked_for_no_place_gets_the_bead_twice(job: Job, tmp_path_factory) -> None:
    """But in the overlap that was asked for."""

    @settings(max_examples=15, deadline=None, derandomize=True, database=None)
    @given(PLAYS)
    def play(plays: list[tuple[int, str]]) -> None:
        bench = Bench(job)
        asked = {"hold": hold, "on": on, "slow": lambda c: replace(c, override=0.6)}
        asked["back"] = lambda c: replace(c, demand="run", back=Stride("segment"), backs=c.backs + 1)
        asked["again"] = lambda c: replace(c, demand="run", arc="restart", overlap=0.001, go=c.go + 1)
        changes = [(lambda arm, at=at: len(arm.setpoints) >= at, asked[what]) for at, what in sorted(plays)]
        changes.append((lambda arm: len(arm.setpoints) > 2500, lambda c: replace(c, demand="run", arc="dry", go=99)))
        ran = played(job, bench.arm, GoesOn(bench.arm, *changes), tmp_path_factory)
        check(ran)

    play()


def check(ran: Ran) -> None:
    trace = ran.trace
    opened = (trace.outputs & VALVE) > 0
    assert set(trace.segment[opened]) <= {SEAM}
    places = sorted((run.start, run.end) for run in ran.outcome.welds)
    for (_, end), (start, _) in pairwise(places):
        assert start >= end - 0.001 - 1e-6, "laid twice"
    assert sum(run.complete for run in ran.outcome.welds) <= 1
