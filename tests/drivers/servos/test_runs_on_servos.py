"""Whole runs of the executor on emulated servos, in simulated time: where the arm ends and what its gripper does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.bench.serial.simulated import LineClock
from cellctl.emulators.link.faults import Injector
from cellctl.execution.control import Switch
from cellctl.execution.executor import execute
from cellctl.execution.job import Job, JointEnvelope
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.record import RunFolder
from cellctl.execution.records.trace import read_trace
from cellctl.model.certificate import Certificate
from cellctl.model.link_faults import Fault, FaultScript
from cellctl.model.plan import Block, CertifiedPlan, FixedSegment, Plan
from cellctl.model.spline import BSpline, clamped_knots, greville, interpolated
from cellctl.model.wiring import STEP

WAY = np.array([0.9, 0.5, -0.6, 0.7, 0.6])


def ends_of(bench) -> tuple[np.ndarray, np.ndarray]:
    """Where a run begins and where it turns."""
    start = bench.setup.start
    return start, start + WAY[: len(start)]


def there_and_back(bench) -> Job:
    """Two moves of 1.5 s between two configurations."""
    knots = clamped_knots(np.linspace(0.0, 1.5, 30))
    u = np.clip(greville(knots) / 1.5, 0.0, 1.0)
    law = 10 * u**3 - 15 * u**4 + 6 * u**5
    law[:3], law[-3:] = 0.0, 1.0
    start, goal = ends_of(bench)
    ends = ((start, goal), (goal, start))
    segments = tuple(
        FixedSegment(
            step=k,
            kind="transit",
            group="r1",
            tool="",
            path=interpolated(np.linspace(0.0, 1.0, 9), a + np.linspace(0.0, 1.0, 9)[:, None] * (b - a)),
            law=BSpline(3, knots, law[:, None]),
        )
        for k, (a, b) in enumerate(ends)
    )
    plan = Plan("swing", (Block(segments),), {"r1": start}, seed=0, inputs=(), versions={})
    certificate = Certificate("0" * 64, "none", "0", "0", 1000.0, ())
    limits = bench.setup.limits
    envelope = JointEnvelope(
        bench.wiring.joints,
        *(np.array([getattr(x, name) for x in limits]) for name in ("lower", "upper", "velocity", "acceleration")),
    )
    return Job(CertifiedPlan(plan, certificate), envelope)


def lie(bench, faults) -> None:
    """Let the line suffer these faults, their times counted from now."""
    age = bench.line.age
    script = FaultScript(tuple(replace(fault, start=age + fault.start, end=age + fault.end) for fault in faults), 1)
    bench.line.injector = Injector(script)


def run(bench, folder: Path, *faults: Fault):
    """The outcome of a run and its events; the times of faults count from the begin of the motion.

    Simulated time runs on while the journal's first intents reach the disk, as long as that takes.
    """
    events = []
    with RunFolder(folder, bench.wiring.joints) as record:
        following = execute(
            there_and_back(bench), bench.arm, clock=LineClock(bench.line), control=Switch(), record=record
        )
        while True:
            try:
                events.append(next(following))
                if faults and events[-1].kind == "segment":
                    lie(bench, faults)
                    faults = ()
            except StopIteration as end:
                return end.value, events


def test_a_run_comes_to_its_end(bench, tmp_path: Path) -> None:
    b = bench()
    outcome, _ = run(b, tmp_path / "run")
    assert (outcome.status, outcome.findings, outcome.late_cycles) == ("done", (), 0)
    assert np.abs(b.pose() - b.setup.start).max() < 0.01
    # the simulated clock runs on while the journal's intents reach the disk, as long as that takes
    assert 3.0 <= outcome.time < 60.0
    assert all(b.torques())
    assert b.stands()
    trace = read_trace(tmp_path / "run" / "trace.csv")
    between = np.arange(0.0, len(trace.commanded) - 1, 0.1)
    cycles = np.arange(len(trace.commanded))
    path = np.column_stack([np.interp(between, cycles, column) for column in trace.commanded.T])
    off = [np.abs(path - measured).max(axis=1).min() for measured in trace.measured]
    assert max(off) < 3.0 * STEP, "the measured path is the certified one, to the servos' resolution"


@pytest.mark.parametrize(
    ("joint", "fault", "codes"),
    [
        (2, Fault("silent", start=1.0), ["X461"]),
        (1, Fault("stuck", start=0.9), ["X402"]),
        (1, Fault("overload", start=1.0), ["X462"]),
        (3, Fault("reboot", start=1.0), ["X461"]),
        (None, Fault("brown_out", start=1.0, end=9.0), ["X461"]),
        (None, Fault("hang_up", start=1.0), ["X460"]),
        (None, Fault("stall", start=1.0, end=1.2), ["X461"]),
        (None, Fault("stall", start=1.0, end=2.0), ["X461"]),
        (None, Fault("lose", start=1.0, way="commands"), ["X461", "X465"]),
        (0, Fault("wrap", start=1.0), ["X466"]),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_a_fault_ends_a_run_near_its_path_and_nothing_moves_after(
    bench, wiring, tmp_path: Path, joint, fault: Fault, codes
) -> None:
    """ros-controls/ros_controllers#48, #461: a trajectory went on after its abort."""
    b = bench()
    fault = replace(fault, servo=0 if joint is None else wiring.axes[joint].id)
    outcome, events = run(b, tmp_path / "run", fault)
    assert outcome.status == "faulted"
    assert outcome.findings[0].code in codes
    assert events[-1].kind == "stopped"
    if fault.kind not in ("brown_out", "overload", "reboot"):
        assert b.stands()
    b.wait(4.0)
    assert b.stands()
    start, goal = ends_of(b)
    between = np.clip((b.pose() - start) / (goal - start), 0.0, 1.0)
    ids = [axis.id for axis in wiring.axes]
    still_held = [k for k, id in enumerate(ids) if b.bus.servo(id).torque and id != fault.servo]
    if still_held:
        spread = between[still_held].max() - between[still_held].min()
        assert spread < 0.25, "the joints stand at about one point of the path"


def test_a_joint_that_sags_under_its_load_does_not_come_to_its_goal(bench, wiring, tmp_path: Path) -> None:
    """Twice the tolerance of the goal beside it, which following allows: the run ends at its end, and the arm holds."""
    b = bench()
    servo = b.bus.servo(wiring.axes[1].id)
    target = servo.target
    tolerance = there_and_back(b).tolerances
    assert 2.0 * tolerance.goal < tolerance.following
    sag = 2.0 * tolerance.goal / STEP
    servo.target = lambda: (target()[0] - sag, target()[1])
    outcome, _ = run(b, tmp_path / "run")
    assert outcome.status == "faulted"
    assert [finding.code for finding in outcome.findings] == ["X405"]
    assert wiring.joints[1] in outcome.findings[0].message
    assert all(b.torques())
    assert b.stands()
    assert np.abs(b.pose() - b.setup.start).max() == pytest.approx(2.0 * tolerance.goal, abs=2.0 * STEP)


def test_noise_and_lost_bytes_do_not_end_a_run(bench, tmp_path: Path) -> None:
    faults = [Fault(kind, start=0.5, share=0.01) for kind in ("drop_byte", "flip_bit", "noise")]
    b = bench()
    outcome, _ = run(b, tmp_path / "run", *faults, Fault("flip_bit", start=0.5, way="commands", share=0.01))
    assert outcome.status == "done"
    assert sum(b.line.injector.counts.values()) > 10
    (link,) = (note for note in read_journal(tmp_path / "run" / "journal.jsonl").records if note.kind == "link")
    assert link.data["broken"] > 0
    assert link.data["retries"] == b.arm.counters.retries > 0
    assert np.abs(b.pose() - b.setup.start).max() < 0.01


def test_an_output_that_does_not_keep_goes_off_with_the_fault(bench, wiring) -> None:
    """gnea/grbl#573: a tool that stayed on during a hold."""
    tool = replace(wiring.outputs[0], keeps=False)
    b = bench(Fault("silent", start=1.0, servo=wiring.axes[2].id), wiring=replace(wiring, outputs=(tool,)))
    states = b.follow(0.8, outputs=1 << tool.line)
    while states[-1].trouble is None:
        period = wiring.period
        states += b.follow(period, outputs=1 << tool.line, since=len(states) * period)
    assert b.bus.servo(tool.id).position == pytest.approx(tool.on, abs=20)
    b.arm.stop()
    b.wait(1.0)
    assert b.bus.servo(tool.id).position == pytest.approx(tool.off, abs=20)
