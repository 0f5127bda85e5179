"""A task planned, proved and run on an emulated arm behind a pseudoterminal, through all processes.

In real time: a machine with more to do than it has processors for does not keep up, so this runs only when asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from cellctl.emulators.dynamixel.bus import ServoBus, bus_of
from cellctl.emulators.link.line import Line
from cellctl.emulators.link.terminal import Terminal
from cellctl.errors import Faulted
from cellctl.execution.records.trace import read_trace
from cellctl.files import load_task, load_wiring
from cellctl.jobs import certify, plan, run
from cellctl.model.plan import CertifiedPlan

pytestmark = pytest.mark.slow

HOME = np.radians([0.0, -60.0, 40.0, 50.0])
ABOVE = np.radians([28.2, 23.1, -41.0, 107.8])


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> CertifiedPlan:
    path = tmp_path_factory.mktemp("task") / "reach.yaml"
    path.write_text("name: reach\ncell: lib:sim/desk_cell/cell.yaml\nstart: home\nsteps:\n  - move_j: above_left\n")
    return certify(plan(load_task(path)))


@pytest.fixture
def wiring(tmp_path: Path, checkout: Path) -> Path:
    """The arm's own with a slow period, for machines that have other things to do, too."""
    text = (checkout / "robots/open_manipulator_x/wiring.yaml").read_text("utf-8")
    path = tmp_path / "slow.yaml"
    path.write_text(
        text.replace("period: 10 ms", "period: 200 ms").replace("lag: 25", "lag: 200").replace("g: 100 ms", "g: 2 s")
    )
    return path


@contextmanager
def emulated(port: Path, *, pulled_at: float = np.inf) -> Iterator[tuple[ServoBus, Line]]:
    """An arm at `port`; the cable comes out when its first joint is beyond `pulled_at`, rad."""
    arm = load_wiring("open_manipulator_x")
    bus = bus_of(arm, HOME.tolist())
    line = Line(bus, baud=arm.baud)
    ended = threading.Event()

    def serve() -> None:
        with Terminal(line, name=port) as terminal:
            ready.set()
            terminal.serve(lambda: ended.is_set() or pose(bus)[0] > pulled_at)

    ready = threading.Event()
    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(10.0)
    try:
        yield bus, line
    finally:
        ended.set()
        thread.join(10.0)


def pose(bus: ServoBus) -> np.ndarray:
    return np.array([axis.joint_value(bus.servo(axis.id).position) for axis in load_wiring("open_manipulator_x").axes])


def test_a_task_runs_on_servos(certified: CertifiedPlan, wiring: Path, tmp_path: Path) -> None:
    with emulated(tmp_path / "arm") as (bus, _):
        list(run(certified, driver=f"dynamixel:{tmp_path / 'arm'}", wiring=str(wiring), folder=tmp_path / "run"))
        assert np.abs(pose(bus) - ABOVE).max() < 0.01
        assert all(bus.servo(id).torque for id in (11, 12, 13, 14)), "it would fall"
    trace = read_trace(tmp_path / "run" / "trace.csv")
    assert np.abs(trace.measured[-1] - ABOVE).max() < 0.01


def test_a_cable_pulled_in_motion_ends_the_run(certified: CertifiedPlan, wiring: Path, tmp_path: Path) -> None:
    with emulated(tmp_path / "arm", pulled_at=0.2) as (bus, line):
        with pytest.raises(Faulted) as caught:
            list(run(certified, driver=f"dynamixel:{tmp_path / 'arm'}", wiring=str(wiring), folder=tmp_path / "run"))
        finding = caught.value.findings[0]
        assert finding.code == "X460"
        assert str(tmp_path / "arm") in finding.message
        assert "last pose, deg: joint1" in finding.message
        line.advance(line.now + 2.5)
        stood = pose(bus)
        assert 0.2 < stood[0] < ABOVE[0] - 0.02, "on its way"
        line.advance(line.now + 0.6)
        assert np.abs(pose(bus) - stood).max() < 0.002, "the watchdogs have stopped the servos"
