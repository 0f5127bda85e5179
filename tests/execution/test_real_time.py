"""Real time: who keeps the period, what happens to it when somebody is suspended, and what the record says of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cellctl.execution.records.lateness import late_share
from cellctl.execution.records.trace import read_trace
from cellctl.execution.service.processes import CellOptions
from cellctl.execution.service.session import attached
from tests.execution.living import eventually, followed, process_of

ROOT = Path(__file__).resolve().parents[2]
REAL_TIME = CellOptions(pace="real_time", period=0.02, patience=0.5, lease=20.0, setpoints=True)
"""A slow period, of which a busy machine may miss a few without the arm being thrown off its path."""
pytestmark = pytest.mark.usefixtures("no_orphans")


def test_500_hz_in_real_time_is_recorded_as_a_histogram(cell_processes, plan_file, tmp_path):
    """The setpoints come at the controller's period, and the record says how late each cycle was."""
    packed, programs = cell_processes
    options = CellOptions(pace="real_time", period=0.002, patience=0.5, lease=20.0)
    with attached(packed, options, programs, name="test") as link:
        link.override(0.1)
        _, outcome = followed(link.run(plan_file, tmp_path / "run"), lambda e: link.stop() if e.time > 1.0 else None)
    trace = read_trace(tmp_path / "run" / "trace.csv")
    assert [f.message for f in outcome.findings if f.code != "X409"] == []
    assert np.median(np.diff(trace.time)) == pytest.approx(0.002)
    assert sum(outcome.lateness) == outcome.cycles - 1
    assert json.loads((tmp_path / "run" / "outcome.json").read_text())["lateness"] == list(outcome.lateness)
    assert late_share(outcome.lateness, 0.9) <= 0.1


READER = """
import sys
from pathlib import Path
from cellctl.execution.service.client import ExecutorClient
with ExecutorClient(Path(sys.argv[1]), name="reader") as client:
    client.ask("subscribe")
    print("reads", flush=True)
    while True:
        client.news(patience=1.0)
"""


def reading(folder, executor):
    """A client that has subscribed and reads the news."""
    process = subprocess.Popen([sys.executable, "-c", READER, executor], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"reads\n"
    process.stdout.close()
    return process


def planning(folder, executor):
    """`cellctl plan` of the first job, with the compiled planner in its memory."""
    words = ["plan", "tasks/weld/tray_corner.yaml", "-o", str(folder / "tray.plan.zip")]
    process = subprocess.Popen([sys.executable, "-m", "cellctl", *words], cwd=ROOT, stdout=subprocess.DEVNULL)
    eventually(lambda: "llvmlite" in Path(f"/proc/{process.pid}/maps").read_text())
    return process


@pytest.mark.parametrize("begun", [reading, planning])
def test_a_process_that_is_suspended_delays_no_setpoint(cell_processes, plan_file, tmp_path, begun):
    """Two seconds of SIGSTOP, while the holder of the lease reads nothing either: by the controller's own log the
    setpoints come on, and nowhere is there a gap as of a wait for somebody.
    """
    packed, programs = cell_processes
    rows = []

    def act(event):
        if event.kind != "progress" or rows:
            return
        other = begun(tmp_path, str(link.scratch / "executor"))
        try:
            other.send_signal(signal.SIGSTOP)
            rows.append((link.scratch / "setpoints.csv").read_text().count("\n"))
            time.sleep(2.0)
            rows.append((link.scratch / "setpoints.csv").read_text().count("\n"))
            assert "T (stopped)" in Path(f"/proc/{other.pid}/status").read_text()
            other.send_signal(signal.SIGCONT)
            assert begun is reading or other.wait(300) == 0, "a plan that was interrupted for a while is a plan"
        finally:
            other.kill()
            other.wait(30)
        link.stop()

    with attached(packed, REAL_TIME, programs, name="test") as link:
        link.override(0.02)
        _, outcome = followed(link.run(plan_file, tmp_path / "run"), act)
    assert [f.code for f in outcome.findings] == ["X409"]
    came, missed = np.loadtxt(tmp_path / "run" / "setpoints.csv", delimiter=",").T
    assert np.diff(came).max() < 1.0, "a wait for the one that was suspended is two seconds long"
    np.testing.assert_array_equal(missed[1:], np.round(np.diff(came) / REAL_TIME.period) - 1)
    assert rows[1] - rows[0] > 50


def test_an_executor_that_hangs_is_outlived_by_the_controller(cell_processes, plan_file, tmp_path):
    """Suspended for a while: the watchdog stops the arm, and the executor does not go on as if nothing had been."""
    packed, programs = cell_processes
    with attached(packed, REAL_TIME, programs, name="test") as link:
        run = link.run(plan_file, tmp_path / "run")
        while next(run).kind != "progress":
            pass
        number = process_of(link._weld_source.parent, "executor_process")
        os.kill(number, signal.SIGSTOP)
        eventually(lambda: "fault_watchdog" in link._weld_source.read_text())
        os.kill(number, signal.SIGCONT)
        _, outcome = followed(run)
    assert outcome.status == "faulted"
    assert outcome.findings[0].code == "X407"
    assert "no setpoint came in time" in outcome.findings[0].message


def test_time_in_which_the_controller_was_not_let_run_is_no_time_of_its_arm(cell_processes, plan_file, tmp_path):
    """Suspended for longer than its watchdog has patience: nobody is late for it, and the record says how long its
    clock stood.
    """
    packed, programs = cell_processes
    stopped = []

    def act(event):
        if event.kind == "progress" and not stopped:
            controller = process_of(link.scratch, "stand_in_controller")
            os.kill(controller, signal.SIGSTOP)
            time.sleep(1.0)
            os.kill(controller, signal.SIGCONT)
            stopped.append(event.time)
        elif stopped and event.time > stopped[0] + 1.0:
            link.stop()

    with attached(packed, REAL_TIME, programs, name="test") as link:
        _, outcome = followed(link.run(plan_file, tmp_path / "run"), act)
    assert [f.code for f in outcome.findings] == ["X409"]
    said = json.loads((tmp_path / "run" / "outcome.json").read_text())
    assert said["stalls"] == outcome.stalls >= 1
    assert said["stalled"] == outcome.stalled >= 1.0 - REAL_TIME.period
    assert sum(outcome.lateness[-2:]) >= 1, "that a setpoint came late is counted all the same"
    trace = read_trace(tmp_path / "run" / "trace.csv")
    assert np.diff(trace.time).max() < 0.5, "for the arm it was a moment"
