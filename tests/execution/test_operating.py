"""What an operator does to a run through the executor: strides, back, restart of a seam, modes, emergency stop."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.drivers.memory import MemoryArm
from cellctl.execution.arc_notes import ARC_NOTED_EVERY, ArcNotes
from cellctl.execution.following import SLOWED_SPEED
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.record import NoRecord
from cellctl.execution.records.trace import read_trace
from cellctl.execution.service.server import Executor

ARC = 1 << 1
GO = {"do": "resume"}


def burnt(trace, step=1e-4):
    """How often each 0.1 mm of the seam was passed with the arc established and in motion."""
    moved = (trace.segment[1:] == 2) & (trace.arc[1:] == 2) & (np.diff(trace.s) > 0.0)
    counts = np.zeros(round(0.020 / step), dtype=int)
    for row in np.flatnonzero(moved):
        a, b = trace.s[row], trace.s[row + 1]
        counts[round(a / step) : round(b / step)] += 1
    return counts


def test_stride_by_segment_holds_after_each(job, arm, operate, path_error, tmp_path: Path) -> None:
    going = {k: [GO] for k in range(1000, 6000, 1000)}
    links = operate(job, arm, {2: [{"do": "stride", "unit": "segment"}, "START"], **going})
    assert links.outcomes[0]["status"] == "done"
    held = [e["data"]["segment"] for e in links.events if e["data"].get("state") == "held"]
    assert held == [1, 2, 3, 4]
    trace = read_trace(tmp_path / "run" / "trace.csv")
    assert path_error(job, trace) < 1e-9
    assert (burnt(trace) == 1).all(), "a stride does not change the weld"


def test_stride_by_step_holds_between_steps(job, arm, operate) -> None:
    links = operate(job, arm, {2: [{"do": "stride", "unit": "step"}, "START"], 1000: [GO], 3000: [GO]})
    held = [(e["data"]["step"], e["data"]["segment"]) for e in links.events if e["data"].get("state") == "held"]
    assert held == [(1, 1), (2, 4)]
    assert links.outcomes[0]["status"] == "done"


def test_stride_by_distance_goes_no_further(job, arm, operate, path_error, tmp_path: Path) -> None:
    """On an approach, whose parameter is metres here, each stride is as long as it was asked to be."""
    stride = {"do": "stride", "unit": "distance", "distance": 0.3}
    going = {k: [GO] for k in range(1200, 20000, 600)}
    links = operate(job, arm, {2: ["START"], 480: [stride], **going})
    assert links.outcomes[0]["status"] == "done"
    places = [e["data"]["s"] for e in links.events if e["data"].get("state") == "held" and e["data"]["segment"] == 1]
    assert np.diff(places) == pytest.approx([0.3] * (len(places) - 1), abs=1e-9)
    trace = read_trace(tmp_path / "run" / "trace.csv")
    assert path_error(job, trace) < 1e-9
    assert (burnt(trace) == 1).all()


def test_back_over_a_finished_seam_strikes_nothing(job, arm, operate, path_error, tmp_path: Path) -> None:
    """Back by three segments from after the weld, and on again: one arc in all."""
    back = {"do": "back", "unit": "segment"}
    script = {2: ["START"], 1000: [{"do": "hold"}], 1200: [back], 2000: [back], 3000: [back], 4000: [GO]}
    links = operate(job, arm, script)
    assert links.refusals() == []
    assert links.outcomes[0]["status"] == "done"
    trace = read_trace(tmp_path / "run" / "trace.csv")
    assert trace.rate.min() < -0.4
    assert path_error(job, trace) < 1e-9
    assert (burnt(trace) == 1).all()
    assert [e["kind"] for e in links.events].count("arc_on") == 1
    commanded = np.array([job.certified.plan.start["r1"], *arm.setpoints])
    acceleration = np.abs(np.diff(commanded, n=2, axis=0)).max(axis=0) / 0.004**2
    assert (acceleration <= job.envelope.acceleration * 1.05 + 0.3).all()


def test_back_by_a_step_ends_where_the_step_began(job, arm, operate) -> None:
    script = {2: ["START"], 1200: [{"do": "hold"}], 1400: [{"do": "back", "unit": "step"}]}
    links = operate(job, arm, {**script, 3000: [{"do": "stop"}]})
    assert (links.outcomes[0]["segment"], links.outcomes[0]["s"]) in [(4, pytest.approx(0.0, abs=1e-12))]


def test_back_by_distance_along_the_seam(job, arm, operate) -> None:
    back = {"do": "back", "unit": "distance", "distance": 0.005}
    script = {2: ["START"], 750: [{"do": "hold"}], 900: [back], 1800: [{"do": "stop"}]}
    links = operate(job, arm, script)
    cut = links.outcomes[0]["welds"][0]["end"]
    held = next(e["data"]["s"] for e in links.events if e["data"].get("state") == "held")
    assert 0.004 < cut < 0.018
    assert links.outcomes[0]["s"] == pytest.approx(held - 0.005, abs=1e-6)


@pytest.mark.parametrize("overlap", [0.0, 0.003, 0.015])
def test_a_cut_seam_restarts_with_the_overlap(job, arm, operate, path_error, tmp_path: Path, overlap) -> None:
    restart = {"do": "resume", "arc": "restart", "overlap": overlap}
    links = operate(job, arm, {2: ["START"], 750: [{"do": "hold"}], 900: [GO], 1000: [restart]})
    assert links.refusals() == ["X424"]
    assert links.outcomes[0]["status"] == "done"
    first, second = links.outcomes[0]["welds"]
    assert second["start"] == pytest.approx(max(first["end"] - overlap, 0.0), abs=1e-9)
    assert second["complete"]
    trace = read_trace(tmp_path / "run" / "trace.csv")
    counts, at = burnt(trace), (np.arange(200) + 0.5) * 1e-4
    twice = (at > second["start"] + 1e-4) & (at < first["end"] - 1e-4)
    once = (at < second["start"] - 1e-4) | (at > first["end"] + 1e-4)
    assert (counts[twice] == 2).all()
    assert (counts[once] == 1).all()
    assert path_error(job, trace) < 1e-9


def test_a_seam_that_was_left_dry_is_not_struck_when_gone_over_again(job, arm, operate) -> None:
    script = {2: ["START"], 750: [{"do": "hold"}], 900: [{"do": "back", "unit": "segment"}]}
    links = operate(job, arm, {**script, 2000: [{"do": "resume", "arc": "dry"}]})
    assert links.outcomes[0]["status"] == "done"
    assert [e["kind"] for e in links.events].count("arc_on") == 1


def test_an_emergency_stop_takes_the_power_and_sends_nothing_more(job, arm, operate) -> None:
    """kroshu/kuka_drivers#257: after an emergency stop the driver needed surgery; here `power off`, `clear`, `power on`
    and `reset` do.
    """
    sent = []
    links = operate(
        job,
        arm,
        {
            2: ["START"],
            700: [{"do": "estop"}, lambda: sent.append(len(arm.setpoints))],
            720: [{"do": "power", "state": "on"}],
            730: [{"do": "power", "state": "off"}, {"do": "reset"}],
            740: [{"do": "clear"}, {"do": "power", "state": "on"}, {"do": "reset"}, {"do": "status"}],
        },
        patience=10,
    )
    (outcome,) = links.outcomes
    assert [finding["code"] for finding in outcome["findings"]] == ["X413"]
    assert links.states()[-2:] == ["aborting", "aborted"]
    assert arm.calls[:2] == ["power on", "power off"]
    assert len(arm.setpoints) == sent[0]
    assert links.refusals() == ["X432", "X431"]
    status = next(a["result"] for a in links.client.answers if "state" in a.get("result", {}))
    assert (status["state"], status["power"]) == ("idle", "on")


def test_a_run_needs_power(job, arm, operate, tmp_path: Path) -> None:
    links = operate(job, arm, {2: [{"do": "power", "state": "off"}, "START"]}, patience=5)
    assert links.refusals() == ["X432"]
    assert not (tmp_path / "run").exists()
    assert arm.setpoints == []


def test_mode_t1_is_slow_dry_and_enabled(job, arm, operate, tmp_path: Path) -> None:
    dry = replace(job, process="dry", reach=np.array([1.5, 1.5, 1.2, 0.8, 0.4, 0.2]))
    mode = [{"do": "mode", "mode": "t1"}, {"do": "power", "state": "on"}, "START"]
    enabling = {k: [{"do": "enable"}] for k in range(3, 2000, 20)}
    resumed = {k: [{"do": "enable"}] for k in range(2500, 20000, 20)}
    script = {2: mode, **enabling, **resumed, 2501: [GO]}
    links = operate(dry, arm, script)
    assert links.outcomes[0]["status"] == "done"
    assert "held" in links.states(), "without a sign of enabling it holds"
    trace = read_trace(tmp_path / "run" / "trace.csv")
    assert not trace.outputs.any()
    speeds = np.abs(np.diff(arm.setpoints, axis=0)) / 0.004
    assert SLOWED_SPEED / 2 < (speeds @ dry.reach).max() <= SLOWED_SPEED


def test_mode_t1_refuses_a_plan_that_welds(job, arm, operate) -> None:
    mode = [{"do": "mode", "mode": "t1"}, {"do": "power", "state": "on"}, "START"]
    assert operate(job, arm, {2: mode}, patience=5).refusals() == ["X435"]


def test_the_stop_of_a_lost_lease_says_so(job, arm, operate) -> None:
    links = operate(job, arm, {2: ["START"], 300: [{"do": "release"}]})
    (finding,) = links.outcomes[0]["findings"]
    assert finding["message"].startswith("stopped because nobody holds the lease on the arm")


@pytest.mark.parametrize("hears", [True, False])
def test_a_lease_outlives_a_disk_that_kept_the_executor(small, serve_script, tmp_path: Path, hears: bool) -> None:
    """Five seconds without a cycle are no silence of the client; the same five seconds of cycles without a sign are."""

    class Kept(MemoryArm):
        clock, cycles = None, 0

        def exchange(self, setpoint):
            self.cycles += 1
            if self.cycles == 300 and hears:
                self.clock.push(5.0)
            return super().exchange(setpoint)

    class Clocked(Executor):
        def __init__(self, driver, *args, clock):
            super().__init__(driver, *args, clock=clock)
            driver.clock = clock

    job, setup = small
    arm = Kept(setup)
    silence = {} if hears else {300: [lambda: arm.clock.push(5.0)]}
    script = {2: [{"do": "start", "folder": str(tmp_path / "run")}], **silence}
    links = serve_script(job, arm, script, tmp_path, executor=Clocked)
    assert links.outcomes[0]["status"] == ("done" if hears else "stopped")


def test_the_journal_knows_the_seam_to_the_millimetre(job, arm, operate, tmp_path: Path) -> None:
    operate(job, arm, {2: ["START"]})
    records = read_journal(tmp_path / "run" / "journal.jsonl").records
    places = [r.data["s"] for r in records if r.kind in ("arc_established", "arc_at", "arc_off")]
    assert len(places) > 16
    assert np.diff(places).max() < ARC_NOTED_EVERY + 0.3e-3


def test_an_arc_is_never_far_ahead_of_the_disk() -> None:
    """A disk that answers late: the arc may burn on for 3 mm, then it is a fault, where nobody can wait."""
    disk = [Future() for _ in range(9)]
    record = NoRecord()
    record.intent = lambda kind, **data: disk.pop(0)
    slow = disk[0]
    notes = ArcNotes(record, patience=None)
    notes.begin(0.0)
    assert [notes.follow({}, mm * 1e-3) for mm in (0.5, 1.0, 2.0, 2.9)] == [None] * 4
    assert notes.follow({}, 3.1e-3).code == "X411"
    slow.set_result(None)
    assert notes.follow({}, 3.2e-3) is None
    assert notes.follow({}, 3.9e-3) is None
    assert notes.follow({}, 4.1e-3).code == "X411", "counted from the first millimetre, the last that the disk has"
