"""A small job made by hand: home, approach, a 20 mm seam, retract, home, for an arm of six joints."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellctl.drivers.driver import ArmSetup
from cellctl.drivers.memory import ArcBehaviour, MemoryArm
from cellctl.execution import announcing
from cellctl.execution.clock import ManualClock
from cellctl.execution.control import Command, Switch
from cellctl.execution.executor import execute
from cellctl.execution.job import ArcLines, Job, JointEnvelope, ProcessTimes
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.records.record import RunFolder
from cellctl.execution.records.trace import Trace, read_trace
from cellctl.execution.service.processes import Programs
from cellctl.execution.service.server import Executor
from cellctl.model.certificate import Certificate
from cellctl.model.event import Event
from cellctl.model.plan import Block, CertifiedPlan, FixedSegment, Plan, ProcessEvent, SeamSection
from cellctl.model.spline import BSpline, clamped_knots, greville, interpolated
from cellctl.model.wps import ArcEnd, ArcStart, Range

JOINTS = ("A1", "A2", "A3", "A4", "A5", "A6")
HOME = np.array([0.0, -1.2, 1.4, 0.0, 0.6, 0.0])
NEAR = np.array([0.4, -0.9, 1.2, 0.3, 0.8, -0.5])
SEAM_START = np.array([0.42, -0.88, 1.22, 0.3, 0.78, -0.5])
SEAM_END = np.array([0.46, -0.87, 1.2, 0.33, 0.79, -0.46])
SEAM_LENGTH = 0.020
WINDOW = Range(-0.2, 0.0, 0.2)


class When:
    """A control that changes its command where a condition on the arm comes true, one after the other."""

    def __init__(self, arm: MemoryArm, *changes) -> None:
        self.arm, self.changes, self.command = arm, list(changes), Command()

    def poll(self, *, patience: float) -> Command:
        del patience
        if self.changes and self.changes[0][0](self.arm):
            self.command = self.changes.pop(0)[1](self.command)
        return self.command


def rest_to_rest(length: float, duration: float) -> BSpline:
    """A law s(t) from 0 to `length` with zero speed and acceleration at both ends."""
    knots = clamped_knots(np.linspace(0.0, duration, 40))
    u = np.clip(greville(knots) / duration, 0.0, 1.0)
    control = length * (10 * u**3 - 15 * u**4 + 6 * u**5)
    control[:3], control[-3:] = 0.0, length
    return BSpline(3, knots, control[:, None])


def move(step: int, kind: str, start: np.ndarray, end: np.ndarray, duration: float, **more: object) -> FixedSegment:
    """A segment that bends a little between two configurations."""
    length = SEAM_LENGTH if kind == "process" else 1.0
    u = np.linspace(0.0, 1.0, 9)
    bend = 0.05 * np.sin(np.pi * u)[:, None] * np.array([1, -1, 1, 1, -1, 1]) * (0.02 if kind == "process" else 1.0)
    path = interpolated(u * length, start + u[:, None] * (end - start) + bend)
    law = rest_to_rest(length, duration)
    return FixedSegment(step=step, kind=kind, group="r1", tool="torch", path=path, law=law, **more)  # type: ignore[arg-type]


def seam() -> SeamSection:
    n = 5
    stations = np.linspace(0.0, SEAM_LENGTH, n)
    line = np.outer(stations, (1.0, 0.0, 0.0))
    return SeamSection(
        seam="tray.left",
        wps="mig",
        length=SEAM_LENGTH,
        travel_speed=0.02,
        ctwd=0.016,
        work_window=WINDOW,
        travel_window=WINDOW,
        stations=stations,
        points=line,
        tangents=np.tile((1.0, 0.0, 0.0), (n, 1)),
        normals=np.tile((0.0, 0.0, 1.0), (n, 1)),
        work_angles=np.zeros(n),
        travel_angles=np.zeros(n),
        spins=np.zeros(n),
        events=(ProcessEvent(0.0, "arc_start"), ProcessEvent(SEAM_LENGTH, "arc_end")),
    )


def small_plan() -> Plan:
    segments = (
        move(0, "transit", HOME, NEAR, 1.6),
        move(1, "approach", NEAR, SEAM_START, 0.6),
        move(1, "process", SEAM_START, SEAM_END, 1.2, process=seam()),
        move(1, "retract", SEAM_END, NEAR, 0.6),
        move(2, "transit", NEAR, HOME, 1.6),
    )
    return Plan("small", (Block(segments),), {"r1": HOME}, seed=0, inputs=(), versions={})


def two_seams_plan() -> Plan:
    """A shorter approach to two seams of 20 mm one after the other, the second one elsewhere."""
    away = np.array([0.1, 0.1, -0.1, -0.1, 0.1, 0.1])
    segments = (
        move(0, "transit", HOME, NEAR, 1.6),
        move(1, "approach", NEAR, SEAM_START, 0.6),
        move(1, "process", SEAM_START, SEAM_END, 1.2, process=seam()),
        move(1, "retract", SEAM_END, NEAR + away, 0.6),
        move(2, "approach", NEAR + away, SEAM_START + away, 0.6),
        move(2, "process", SEAM_START + away, SEAM_END + away, 1.2, process=replace(seam(), seam="tray.right")),
        move(2, "retract", SEAM_END + away, NEAR, 0.6),
        move(3, "transit", NEAR, HOME, 1.6),
    )
    return Plan("two_seams", (Block(segments),), {"r1": HOME}, seed=0, inputs=(), versions={})


def two_seams_job() -> Job:
    """The small job's arm and process on the plan with two seams."""
    job = small_job()
    certified = replace(job.certified, plan=two_seams_plan())
    return replace(job, certified=certified, times={step: job.times[1] for step in (1, 2)})


def small_job() -> Job:
    certificate = Certificate("0" * 64, "none", "0", "0", 1000.0, ())
    envelope = JointEnvelope(
        JOINTS, np.full(6, -3.0), np.full(6, 3.0), np.full(6, 2.0), np.array([8.0, 8.0, 8.0, 12.0, 12.0, 12.0])
    )
    times = ProcessTimes(ArcStart(0.1, 0.5, 0.1, retries=1), ArcEnd(0.1, 0.05, 0.1))
    return Job(CertifiedPlan(small_plan(), certificate), envelope, {1: times}, ArcLines(arc_on=1, arc_ok=1))


def small_setup() -> ArmSetup:
    return ArmSetup("test_arm", JOINTS, HOME, arc_on=1, arc_ok=1)


@dataclass
class Ran:
    """What a run left behind."""

    outcome: Outcome
    events: list[Event]
    trace: Trace
    folder: Path
    arm: MemoryArm

    def kinds(self) -> list[str]:
        return [e.kind for e in self.events]

    def states(self) -> list[object]:
        return [e.data["state"] for e in self.events if e.kind == "state"]


@pytest.fixture(autouse=True, scope="session")
def no_hurry() -> Iterator[None]:
    """In lock-step no test depends on how soon the disk answers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(announcing, "DISK_PATIENCE", 600.0)
        yield


@pytest.fixture
def job() -> Job:
    return small_job()


@pytest.fixture
def run_job(tmp_path: Path) -> Callable[..., Ran]:
    """Run a job to its end on an arm in memory, written to a folder."""

    def run(job: Job, *, arm: MemoryArm | None = None, control: object = None, arc: ArcBehaviour | None = None) -> Ran:
        arm = arm or MemoryArm(small_setup(), arc=arc)
        folder = tmp_path / "run"
        events: list[Event] = []
        with RunFolder(folder, JOINTS, job.analog.names) as record:
            run = execute(job, arm, clock=ManualClock(), control=control or Switch(), record=record)  # type: ignore[arg-type]
            while True:
                try:
                    events.append(next(run))
                except StopIteration as end:
                    outcome = end.value
                    break
                assert len(arm.setpoints) < 60_000, "the run does not end"
        return Ran(outcome, events, read_trace(folder / "trace.csv"), folder, arm)

    return run


def off_path(job: Job, trace: Trace) -> float:
    """Largest distance of a commanded point from the plan's own splines, evaluated by `BSpline`, rad."""
    worst = 0.0
    for index, segment in enumerate(job.certified.plan.segments):
        rows = trace.segment == index
        if rows.any():
            worst = max(worst, float(np.abs(segment.path(trace.s[rows]) - trace.commanded[rows]).max()))
    return worst


@pytest.fixture
def path_error() -> object:
    return off_path


def packed_arm(start: np.ndarray = HOME) -> bytes:
    """The arm of the small job for the stand-in controller, standing at `start`."""
    envelope = small_job().envelope
    arm: dict[str, object] = {"robot": "test_arm", "joints": JOINTS, "start": start.tolist(), "arc_on": 1, "arc_ok": 1}
    for name in ("lower", "upper", "velocity", "acceleration"):
        arm[name] = getattr(envelope, name).tolist()
    return json.dumps(arm).encode()


HERE = Path(__file__).resolve().parent
PROGRAMS = Programs(
    controller=(str(HERE.parent / "emulators" / "stand_in_controller.py"),),
    executor=(str(HERE / "executor_process.py"),),
)


@pytest.fixture
def cell_processes() -> tuple[bytes, Programs]:
    """What `attached` and `stand` need to start the stand-in controller and an executor of the small job."""
    return packed_arm(), PROGRAMS


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.plan"
    path.write_text("certified")
    return path


@pytest.fixture
def no_orphans(tmp_path, monkeypatch):
    """Every process that a test starts, it also ends: none is left with the test's folder in its arguments."""
    from tests.execution.living import eventually, processes_of  # this file is also read by the executor of these tests

    base = Path("/tmp") / f"ct{os.getpid()}-{abs(hash(str(tmp_path))) % 100_000}"
    base.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(base))
    monkeypatch.setenv("TMPDIR", str(base))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    yield
    eventually(lambda: not processes_of(base))
    subprocess.run(["rm", "-r", str(base)], check=True)


# An executor without processes: requests come from a script, poll by poll, on an arm in memory and a clock by hand.

PERIOD = 0.004


class FakeClient:
    """What a `ClientLink` is to the executor: a number, a name, and what was answered."""

    def __init__(self, number: int) -> None:
        self.number, self.name, self.subscribed = number, f"client {number}", False
        self.answers: list[dict[str, Any]] = []


@dataclass
class Scripted:
    """The sockets of an executor, stood in for: `script` maps the number of a poll to requests or to calls.

    Every poll lets `clock` pass one period. After the last entry and `patience` more polls the executor is ended.
    """

    script: dict[int, list[Any]]
    clock: ManualClock
    patience: int = 4000
    orphaned: bool = False
    polls: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = FakeClient(1)
        self.last = max(self.script, default=0)

    def requests(self, *, patience: float) -> Iterator[tuple[Any, bytes | None]]:
        self.clock.push(PERIOD)
        self.polls += 1
        for item in self.script.get(self.polls, ()):
            if callable(item):
                item()
            else:
                yield self.client, json.dumps({"id": self.polls, "epoch": 1, **item}).encode()
        yield self.client, b'{"do": "heartbeat"}'
        if self.polls > self.last + self.patience:
            yield self.client, b'{"do": "shutdown"}'

    def send(self, client: Any, line: bytes) -> None:
        client.answers.append(json.loads(line))

    def publish(self, line: bytes, *, droppable: bool = False) -> None:
        self.lines.append(json.loads(line))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [line["event"] for line in self.lines if "event" in line]

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        return [line["outcome"] for line in self.lines if "outcome" in line]

    def states(self) -> list[str]:
        return [event["data"]["state"] for event in self.events if event["kind"] == "state"]

    def refusals(self) -> list[str]:
        return [answer["findings"][0]["code"] for answer in self.client.answers if "error" in answer]


OPENING: list[dict[str, Any]] = [
    {"do": "hello", "name": "script"},
    {"do": "acquire"},
    {"do": "subscribe"},
    {"do": "power", "state": "on"},
    {"do": "load", "plan": "job"},
]


def start(folder: Path, name: str = "run") -> dict[str, Any]:
    return {"do": "start", "folder": str(folder / name)}


def worked(
    job: Job,
    arm: MemoryArm,
    script: dict[int, list[Any]],
    folder: Path,
    patience: int = 4000,
    executor: type[Executor] = Executor,
) -> Scripted:
    """Serve a script to its end; poll 1 brings the lease, the power and the plan."""
    clock = ManualClock()
    plan = folder / "job"
    plan.write_text("certified")
    links = Scripted({1: OPENING, **script}, clock, patience)
    for item in links.script[1]:
        if item["do"] == "load":
            item["plan"] = str(plan)
    executor(arm, links, lambda path: job, clock=clock).serve()  # type: ignore[arg-type]
    return links


@pytest.fixture
def operate(tmp_path: Path) -> Callable[..., Scripted]:
    """Serve a script on an arm to its end; poll 1 brings the lease, the power and the plan. `START` starts a run."""

    def operate(job: Job, arm: MemoryArm, script: dict[int, list[Any]], patience: int = 4000) -> Scripted:
        script = {k: [start(tmp_path) if item == "START" else item for item in items] for k, items in script.items()}
        return worked(job, arm, script, tmp_path, patience)

    return operate


@pytest.fixture(scope="module")
def serve_script() -> Callable[..., Scripted]:
    """`worked` itself."""
    return worked


@pytest.fixture(scope="module")
def small() -> tuple[Job, ArmSetup]:
    """The small job and its arm's setup."""
    return small_job(), small_setup()


@pytest.fixture
def arm() -> MemoryArm:
    return MemoryArm(small_setup())
