"""A job on arms whose controllers plan by themselves: asked, proved, run, held, stopped, refused; in simulated time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.bench.serial.simulated import LineClock
from cellctl.bench.serial.waypoint_benches import GrblBench, MycobotBench, WaypointBench, grbl_bench, mycobot_bench
from cellctl.drivers.memory import MemoryArm
from cellctl.errors import NotCertified
from cellctl.execution.clock import ManualClock
from cellctl.execution.control import Switch
from cellctl.execution.executor import execute
from cellctl.execution.job import Entry, Job
from cellctl.execution.load import load_job
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.records.record import NoRecord, RunFolder
from cellctl.execution.records.trace import Trace, read_trace
from cellctl.execution.waypoints import CHORD, followed_plan
from cellctl.files import load_task, read_plan, write_plan
from cellctl.jobs import certify, measured_welds, plan, run
from cellctl.jobs.own_planner import as_followed
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.event import Event
from cellctl.model.line_motion import breaks, corners, line_law, line_path
from cellctl.model.link_faults import Fault
from cellctl.model.plan import Block, CertifiedPlan, Plan
from cellctl.model.polyline_motion import PolylineMotion
from cellctl.proof import examine
from cellctl.proof.limits import CORNER_TIME

LEVERS = (0.45, 0.45, 0.35, 0.15, 0.15, 0.06)
"""m: how far each axis is from the tip of the pen at most."""
RESOLUTION = sum(LEVERS) * (CHORD + np.radians(0.0005)) + 0.05e-3
"""m: a line may be CHORD beside the path and a coordinate half a digit off in every joint; what simulates adds a
little.
"""
PEN = 0.060
FIRST_MOVES = 2


@pytest.fixture(scope="module")
def ideal(checkout: Path) -> CertifiedPlan:
    """The shipped job as it is planned for an arm that takes setpoints."""
    return certify(plan(load_task(checkout / "tasks/desk/gcode_points.yaml")))


@pytest.fixture(scope="module")
def made(ideal: CertifiedPlan) -> CertifiedPlan:
    """What a GRBL controller makes of it."""
    return certify(followed_plan(ideal.plan, standing_grbl(ideal).arm))


@pytest.fixture(scope="module")
def moves(checkout: Path) -> CertifiedPlan:
    """Two moves of it, without the pen's seam."""
    task = load_task(checkout / "tasks/desk/gcode_points.yaml")
    return certify(plan(replace(task, steps=task.steps[:FIRST_MOVES], places=())))


def standing_grbl(certified: CertifiedPlan, *faults: Fault, **settings: float) -> GrblBench:
    return grbl_bench(*faults, at=certified.plan.start["r1"], **settings)


def standing_mycobot(certified: CertifiedPlan, *faults: Fault) -> MycobotBench:
    return mycobot_bench(*faults, at=certified.plan.start["r1"])


def change_limits(bench: GrblBench, **factors: float) -> None:
    """As if the controller had been set otherwise when its port was opened."""
    limits = bench.arm._settings.limits
    changed = {name: factor * getattr(limits, name) for name, factor in factors.items()}
    bench.arm._settings = replace(bench.arm._settings, limits=replace(limits, **changed))


@dataclass
class Ran:
    outcome: Outcome
    events: list[Event]


@pytest.fixture
def job_of(tmp_path: Path) -> Callable[[CertifiedPlan], Job]:
    def job(certified: CertifiedPlan) -> Job:
        write_plan(certified.plan, tmp_path / "plan.zip")
        return load_job(tmp_path / "plan.zip")

    return job


def ran(
    job: Job,
    bench: WaypointBench,
    heed: Callable[[Event, Switch], object] = lambda event, switch: None,
    record: RunFolder | None = None,
) -> Ran:
    """Run to the end; `heed` sees every event and may ask for something."""
    switch, events = Switch(), []
    run = execute(job, bench.arm, clock=LineClock(bench.line), control=switch, record=record or NoRecord())
    while True:
        try:
            events.append(next(run))
        except StopIteration as end:
            return Ran(end.value, events)
        heed(events[-1], switch)


def off_path(plan: Plan, joints: np.ndarray) -> float:
    """How far joints (n, dof) are from the path at most, rad."""
    path = np.vstack([s.joints_at(np.linspace(0.0, s.duration, 1500)) for s in plan.segments])
    return max(float(np.abs(path - row).max(axis=1).min()) for row in np.atleast_2d(joints))


def tips(certified: CertifiedPlan, trace: Trace) -> np.ndarray:
    """Where the tip of the pen was measured (n, 3), m, in the arm's base frame."""
    robot = load_task("lib:tasks/desk/gcode_points.yaml").cell.mechanisms[0].robot
    flanges = flange_matrices(chain_of(robot), trace.measured)
    return flanges[:, :3, 3] + PEN * flanges[:, :3, 2]


def from_line(points: np.ndarray, place: np.ndarray) -> float:
    """The distance (m) of a place from the line through points (n, 3)."""
    steps = np.diff(points, axis=0)
    share = np.clip(((place - points[:-1]) * steps).sum(axis=1) / np.maximum((steps**2).sum(axis=1), 1e-18), 0.0, 1.0)
    return float(np.linalg.norm(points[:-1] + share[:, None] * steps - place, axis=1).min())


# What the controller makes of a plan ---------------------------------------------------------------------------------


def test_what_the_controller_makes_is_near_the_plan_and_asked_again_the_same(made, ideal) -> None:
    """Chords are within CHORD, a digit of the wire is 0.001 deg; the times that are asked for are those it takes."""
    for asked, said in zip(ideal.plan.segments, made.plan.segments, strict=True):
        s = np.linspace(asked.path.start, asked.path.end, 3000)
        there = asked.path(s)
        off = [np.abs(there - row).max(axis=1).min() for row in said.path(s[::10])]
        assert max(off) < CHORD + np.radians(0.001) + np.abs(np.diff(there, axis=0)).max()
        assert said.form == "lines"
    again = followed_plan(made.plan, standing_grbl(ideal).arm)
    for first, second in zip(made.plan.segments, again.segments, strict=True):
        assert second.duration == pytest.approx(first.duration, rel=1e-3, abs=1e-3)


def test_the_certificate_is_for_the_lines_with_their_corners(made) -> None:
    limits = [use.quantity for use in made.certificate.segments[0].limits]
    assert limits == ["position", "velocity", "acceleration", "effort"]
    (seam,) = [record.seam for record in made.certificate.segments if record.seam]
    assert seam.speed_share > 0.95


def spoiled(plan: Plan, index: int, **changes: object) -> Plan:
    segments = list(plan.segments)
    segments[index] = replace(segments[index], **changes)
    return replace(plan, blocks=(Block(tuple(segments)),), certificate=None)


def with_bent_path(plan: Plan, index: int, amount: float) -> Plan:
    """A line of one segment ends elsewhere, by `amount` rad of the second joint, and so begins the next one."""
    path = plan.segments[index].path
    points = np.array(corners(path))
    points[1, 1] += amount
    return spoiled(plan, index, path=line_path(breaks(path), points))


def with_curved_line(plan: Plan, index: int) -> Plan:
    """One line is bent between its ends, which stay."""
    path = plan.segments[index].path
    control = np.array(path.control)
    control[1:3, 1] += 0.01
    return spoiled(plan, index, path=replace(path, control=control))


def with_uneven_phase(plan: Plan, index: int) -> Plan:
    """One phase takes the same time, with more acceleration at first and less later."""
    law = plan.segments[index].law
    control = np.array(law.control)
    control[2] += 0.5 * (control[3] - control[2])
    return spoiled(plan, index, law=replace(law, control=control))


def with_hurried_law(plan: Plan, index: int, factor: float) -> Plan:
    law = plan.segments[index].law
    return spoiled(plan, index, law=replace(law, knots=np.array(law.knots) / factor))


def zigzag(plan: Plan, amplitude: float) -> Plan:
    """The first move in 60 lines, whose corners are `amplitude` (rad of the second joint) to either side, passed with
    an even rise and fall of speed.
    """
    path = plan.segments[0].path
    share = np.linspace(0.0, 1.0, 61)
    points = path(path.start + share * (path.end - path.start))
    points[1:-1, 1] += amplitude * np.where(np.arange(59) % 2, 1.0, -1.0)
    times = np.where(share < 0.5, np.sqrt(2.0 * share), 2.0 - np.sqrt(2.0 * (1.0 - share)))
    ways = np.linalg.norm(np.diff(points, axis=0), axis=1) * 60.0
    rises = np.where(share[1:] <= 0.5, 1.0, -1.0)
    rates = np.where(share[:-1] < 0.5, times[:-1], 2.0 - times[:-1])
    motion = PolylineMotion(points, np.arange(60.0), times, np.zeros(60), rates * ways, rises * ways)
    places = path.start + share * (path.end - path.start)
    return spoiled(plan, 0, path=line_path(places, points), law=line_law(places, motion))


@pytest.mark.parametrize(("amplitude", "codes"), [(1e-4, set()), (1.5e-4, {"C305"})])
def test_jumps_at_many_corners_add_up(made, amplitude: float, codes: set[str]) -> None:
    """Each is within what one corner may be, and so many of them are an acceleration that the arm has not."""
    plan = zigzag(made.plan, amplitude)
    limit = load_task("lib:tasks/desk/gcode_points.yaml").cell.axes("r1").limit_array("acceleration")
    before = plan.segments[0].joints_at(breaks(plan.segments[0].law)[1:-1] - 1e-6)
    here, after = (plan.segments[0].joints_at(breaks(plan.segments[0].law)[1:-1] + dt) for dt in (0.0, 1e-6))
    assert (np.abs(before + after - 2.0 * here) / 1e-6 / CORNER_TIME < limit).all()
    assert {finding.code for finding in examine(plan).findings} == codes


def test_a_phase_that_goes_over_a_corner_is_found(made) -> None:
    """Its jump would be seen nowhere."""
    path, law = zigzag(made.plan, 1e-4).segments[0].path, made.plan.segments[0].law
    found = {finding.code for finding in examine(spoiled(made.plan, 0, path=path, law=law)).findings}
    assert "C323" in found


@pytest.mark.parametrize(
    ("spoil", "codes"),
    [
        (lambda plan: with_bent_path(plan, 3, np.radians(8.0)), {"C305", "C330"}),
        (lambda plan: with_bent_path(plan, 4, np.radians(0.4)), {"C301", "C311"}),
        (lambda plan: with_curved_line(plan, 3), {"C323"}),
        (lambda plan: with_uneven_phase(plan, 0), {"C323"}),
        (lambda plan: with_hurried_law(plan, 0, 1.5), {"C304", "C305"}),
        (lambda plan: with_hurried_law(plan, 4, 1.5), {"C315"}),
        (lambda plan: spoiled(plan, 3, form="fixed"), {"C323"}),
        (lambda plan: replace(plan, start={"r1": plan.start["r1"] + 2e-4}, certificate=None), {"C323", "C324"}),
    ],
)
def test_what_is_wrong_with_lines_is_found(made, spoil, codes: set[str]) -> None:
    found = {finding.code for finding in examine(spoil(made.plan)).findings}
    assert codes <= found


def test_a_plan_of_setpoints_cannot_be_called_lines(ideal) -> None:
    assert "C323" in {finding.code for finding in examine(spoiled(ideal.plan, 0, form="lines")).findings}


@dataclass
class LinkTo:
    """What `as_followed` needs of a cell, without its processes."""

    bench: WaypointBench
    scratch: Path
    plans: bool = True

    def follow(self, asked: Path, to: Path) -> None:
        write_plan(followed_plan(read_plan(asked), self.bench.arm), to)


def test_a_seam_that_the_controller_cannot_hold_is_refused_before_anything_moves(ideal, tmp_path: Path) -> None:
    """A myCobot rests at every waypoint: the speed of a pen along a seam is not held."""
    bench = standing_mycobot(ideal)
    with pytest.raises(NotCertified) as caught:
        as_followed(LinkTo(bench, tmp_path), ideal)
    codes = [finding.code for finding in caught.value.findings]
    assert codes[0] == "C350"
    assert {"C315", "C316"} <= set(codes)
    assert bench.stands()
    assert not bench.far_end.powered


def test_a_controller_that_is_set_too_fast_is_refused(ideal, tmp_path: Path) -> None:
    """Its own limits are what it goes by, so they are held against those of the arm."""
    bench = standing_grbl(ideal)
    change_limits(bench, acceleration=2.0)
    with pytest.raises(NotCertified) as caught:
        as_followed(LinkTo(bench, tmp_path), ideal)
    assert {"C350", "C305"} <= {finding.code for finding in caught.value.findings}


# Runs ----------------------------------------------------------------------------------------------------------------


def test_the_job_runs_on_the_simulated_arm_and_on_the_controller_along_one_path(
    ideal, made, job_of, tmp_path: Path
) -> None:
    pytest.importorskip("pybullet")
    run(ideal, folder=tmp_path / "sim").finish()
    bench = standing_grbl(ideal)
    job = job_of(made)
    (tmp_path / "grbl").mkdir()
    write_plan(made.plan, tmp_path / "grbl" / "plan.zip")
    with RunFolder(tmp_path / "grbl", job.envelope.names) as record:
        done = ran(job, bench, record=record)
    assert (done.outcome.status, done.outcome.findings) == ("done", ())
    simulated, measured = (tips(ideal, read_trace(tmp_path / name / "trace.csv")) for name in ("sim", "grbl"))
    assert max(from_line(simulated, point) for point in measured) < RESOLUTION
    (weld,) = measured_welds(tmp_path / "grbl")
    assert weld.findings == ()
    assert weld.record.travel_speed == pytest.approx(8e-3, rel=0.02)
    trace = read_trace(tmp_path / "grbl" / "trace.csv")
    assert set(range(len(made.plan.segments))) <= set(trace.segment.tolist())
    assert np.abs(trace.commanded - trace.measured).max() < np.radians(0.5)
    assert bench.machine.overflows == 0


@pytest.mark.parametrize("make", [standing_grbl, standing_mycobot])
def test_moves_run_on_every_arm_that_plans_by_itself(moves, job_of, make) -> None:
    bench = make(moves)
    followed = certify(followed_plan(moves.plan, bench.arm))
    done = ran(job_of(followed), bench)
    assert (done.outcome.status, done.outcome.findings) == ("done", ())
    assert np.abs(bench.pose() - followed.plan.segments[-1].path.control[-1]).max() < np.radians(0.5)


@pytest.mark.parametrize("make", [standing_grbl, standing_mycobot])
def test_a_hold_stands_on_the_path_and_goes_on_from_there(moves, job_of, make) -> None:
    bench = make(moves)
    followed = certify(followed_plan(moves.plan, bench.arm))
    held: list[np.ndarray] = []

    def heed(event: Event, switch: Switch) -> None:
        if event.kind == "progress" and not held and event.data["segment"] == 1:
            switch.hold()
        if event.data.get("state") == "held" or (held and len(held) < 4):
            held.append(bench.pose())
        if len(held) == 4:
            switch.resume()

    done = ran(job_of(followed), bench, heed)
    assert done.outcome.status == "done"
    assert np.ptp(held, axis=0).max() < 1e-9
    assert off_path(followed.plan, held[0]) < np.radians(0.3)
    assert np.abs(held[0] - followed.plan.segments[-1].path.control[-1]).max() > np.radians(1.0)
    states = [event.data["state"] for event in done.events if event.kind == "state"]
    assert states[2:] == ["holding", "held", "unholding", "execute", "completing", "complete"]


@pytest.mark.parametrize("make", [standing_grbl, standing_mycobot])
def test_a_stop_ends_on_the_path_and_the_run_goes_on_from_there(moves, job_of, make) -> None:
    """LinuxCNC/linuxcnc#865: nothing follows a stop. A run that goes on does so from the place on the path."""
    bench = make(moves)
    followed = certify(followed_plan(moves.plan, bench.arm))
    job = job_of(followed)

    def heed(event: Event, switch: Switch) -> None:
        if event.kind == "progress" and event.data["segment"] == 1:
            switch.stop()

    stopped = ran(job, bench, heed)
    assert (stopped.outcome.status, stopped.outcome.findings[0].code) == ("stopped", "X409")
    assert bench.stands(2.0)
    assert off_path(followed.plan, bench.pose()) < np.radians(0.3)
    assert bench.arm.referenced
    entry = Entry(stopped.outcome.segment, stopped.outcome.s)
    on = ran(replace(job, entry=entry), bench)
    assert (on.outcome.status, on.outcome.findings) == ("done", ())
    assert np.abs(bench.pose() - followed.plan.segments[-1].path.control[-1]).max() < np.radians(0.5)


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        (Fault("silent", start=2.0), {"X471"}),
        (Fault("hang_up", start=2.0, end=30.0), {"X471"}),
        (Fault("overload", start=2.0, end=2.1), {"X473"}),
        (Fault("reboot", start=2.0, end=2.1), {"X473"}),
        (Fault("lose", start=1.57, end=1.75), {"X474"}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_what_goes_wrong_ends_the_run_and_the_arm_stands(moves, job_of, fault: Fault, codes: set[str]) -> None:
    bench = standing_grbl(moves, fault)
    done = ran(job_of(certify(followed_plan(moves.plan, bench.arm))), bench)
    assert done.outcome.status == "faulted"
    assert done.outcome.findings[0].code in codes
    bench.wait(3.0)
    assert bench.stands(1.0)
    assert bench.machine.outputs == set()


def test_a_collision_of_a_mycobot_ends_the_run(moves, job_of) -> None:
    bench = standing_mycobot(moves, Fault("overload", start=1.0, end=1.1))
    done = ran(job_of(certify(followed_plan(moves.plan, bench.arm))), bench)
    assert (done.outcome.status, done.outcome.findings[0].code) == ("faulted", "X486")
    assert bench.stands(1.0)


# What is refused -----------------------------------------------------------------------------------------------------


def refused(job: Job, arm: object, clock: object) -> str:
    """The code with which a run ends before anything moves."""
    run = execute(job, arm, clock=clock, control=Switch(), record=NoRecord())  # type: ignore[arg-type]
    with pytest.raises(StopIteration) as ended:
        next(run)
    assert ended.value.value.status == "faulted"
    return ended.value.value.findings[0].code


def test_a_controller_whose_settings_were_changed_is_refused(moves, job_of) -> None:
    bench = standing_grbl(moves)
    job = job_of(certify(followed_plan(moves.plan, bench.arm)))
    change_limits(bench, velocity=0.5)
    assert refused(job, bench.arm, LineClock(bench.line)) == "X493"
    assert bench.stands()


def test_lines_are_not_for_setpoints_and_setpoints_not_for_lines(moves, ideal, job_of) -> None:
    bench = standing_grbl(moves)
    assert refused(job_of(moves), bench.arm, LineClock(bench.line)) == "X406"
    job = job_of(certify(followed_plan(moves.plan, bench.arm)))
    assert refused(job, MemoryArm(bench.setup), ManualClock()) == "X406"


def test_nothing_is_welded_with_an_arm_that_tells_nothing_of_the_arc(made, job_of) -> None:
    bench = standing_grbl(made)
    job = replace(job_of(made), drawn=frozenset())
    assert refused(job, bench.arm, LineClock(bench.line)) == "X491"


def test_an_arm_that_does_not_stand_at_the_start_is_refused(moves, job_of) -> None:
    bench = standing_grbl(moves)
    job = job_of(certify(followed_plan(moves.plan, bench.arm)))
    bench.machine.motion.put(bench.wiring.machine_values(moves.plan.start["r1"] + np.radians(1.0)))
    done = ran(job, bench)
    assert done.outcome.findings[0].code == "X401"
    assert bench.stands()


def test_an_arm_a_little_beside_the_start_is_led_there(moves, job_of) -> None:
    bench = standing_grbl(moves)
    job = job_of(certify(followed_plan(moves.plan, bench.arm)))
    bench.machine.motion.put(bench.wiring.machine_values(moves.plan.start["r1"] + np.radians(0.3)))
    bench.machine._parser.position = bench.machine.motion.position.copy()
    assert ran(job, bench).outcome.status == "done"
