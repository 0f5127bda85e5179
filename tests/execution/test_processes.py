"""The executor and the controller as processes: runs, stops, the lease, and what a killed process leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import EnvironmentMissing, Faulted, NotCertified, UsageError
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.trace import read_trace
from cellctl.execution.service.client import ExecutorClient
from cellctl.execution.service.processes import CellOptions
from cellctl.execution.service.session import attached
from cellctl.execution.service.standing import ask_status, find_standing_cell, stand, take_down
from tests.execution.living import eventually, followed, process_of, processes_of

ARC = 1 << 1
REAL_TIME = CellOptions(pace="real_time", period=0.02, patience=0.5, lease=20.0)
"""A slow period, of which a busy machine may miss a few without the arm being thrown off its path."""
SHORT_LEASE = replace(REAL_TIME, lease=1.0)
pytestmark = pytest.mark.usefixtures("no_orphans")


@pytest.mark.parametrize("driver", ["sim", "memory"])
def test_a_whole_run_through_the_processes(cell_processes, plan_file, tmp_path, job, path_error, driver):
    packed, programs = cell_processes
    folder = tmp_path / "run"
    with attached(packed, CellOptions(driver=driver), programs, name="test") as link:
        events, outcome = followed(link.run(plan_file, folder))
    assert outcome.status == "done"
    assert [e.kind for e in events if e.kind.startswith("arc")] == ["arc_on", "arc_established", "arc_off"]
    trace = read_trace(folder / "trace.csv")
    assert path_error(job, trace) < 1e-9
    assert np.abs(trace.commanded[-1] - trace.measured[-1]).max() < np.radians(0.5)
    assert read_journal(folder / "journal.jsonl").notice is None
    assert (folder / "plan.plan").read_text() == "certified"
    assert json.loads((folder / "outcome.json").read_text())["status"] == "done"
    written = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [e["kind"] for e in written if e["kind"] != "progress"] == [e.kind for e in events if e.kind != "progress"]
    if driver == "sim":
        log = [json.loads(line)["event"] for line in (folder / "weld_source.jsonl").read_text().splitlines()]
        assert log == ["arc_on", "arc_established", "arc_off"]


def test_two_runs_in_lock_step_are_the_same(cell_processes, plan_file, tmp_path):
    packed, programs = cell_processes
    texts = []
    for name in ("one", "two"):
        with attached(packed, CellOptions(), programs, name="test") as link:
            followed(link.run(plan_file, tmp_path / name))
        texts.append((tmp_path / name / "trace.csv").read_bytes())
    assert texts[0] == texts[1]


def test_the_controller_and_the_plan_agree_on_where_the_weld_was(cell_processes, plan_file, tmp_path, job):
    """The weld source's own log holds the measured joints: those of the seam's ends."""
    packed, programs = cell_processes
    with attached(packed, CellOptions(), programs, name="test") as link:
        followed(link.run(plan_file, tmp_path / "run"))
    log = [json.loads(line) for line in (tmp_path / "run" / "weld_source.jsonl").read_text().splitlines()]
    seam = job.certified.plan.segments[2]
    np.testing.assert_allclose(log[1]["joints"], seam.joints_at(0.0)[0], atol=1e-4)
    np.testing.assert_allclose(log[2]["joints"], seam.joints_at(seam.duration)[0], atol=1e-4)


def test_a_stop_in_the_weld(cell_processes, plan_file, tmp_path, job, path_error):
    packed, programs = cell_processes
    folder = tmp_path / "run"
    with attached(packed, REAL_TIME, programs, name="test") as link:
        events, outcome = followed(
            link.run(plan_file, folder), lambda e: link.stop() if e.kind == "arc_established" else None
        )
        state = link.client.ask("status")
    assert outcome.status == "stopped"
    assert outcome.segment == 2
    assert [f.code for f in outcome.findings] == ["X409"]
    assert events[-1].kind == "stopped"
    trace = read_trace(folder / "trace.csv")
    assert path_error(job, trace) < 1e-9
    taken = next(e.time for e in events if e.data.get("state") == "stopping")
    assert not (trace.outputs[trace.time > taken + 1e-9] & ARC).any()
    np.testing.assert_allclose(state["joints"], trace.commanded[-1], atol=np.radians(0.2))
    assert read_journal(folder / "journal.jsonl").records[-1].data["status"] == "stopped"
    log = [json.loads(line)["event"] for line in (folder / "weld_source.jsonl").read_text().splitlines()]
    assert log == ["arc_on", "arc_established", "arc_off"]


def test_hold_override_and_resume(cell_processes, plan_file, tmp_path, job, path_error):
    packed, programs = cell_processes
    folder = tmp_path / "run"

    def act(event):
        if event.kind == "segment" and event.data["segment"] == 0:
            link.hold()
        if event.data.get("state") == "held":
            link.override(0.8)
            link.resume()
        if event.data.get("segment") == 1:
            link.stop()

    with attached(packed, REAL_TIME, programs, name="test") as link:
        events, outcome = followed(link.run(plan_file, folder), act)
    states = [e.data["state"] for e in events if e.kind == "state"]
    assert states == ["starting", "execute", "holding", "held", "unholding", "execute", "stopping", "stopped"]
    assert outcome.status == "stopped"
    trace = read_trace(folder / "trace.csv")
    assert path_error(job, trace) < 1e-9
    assert trace.rate[trace.time > events[-1].time - 0.5].max() == pytest.approx(0.8)


def test_a_cut_seam_is_not_struck_again(cell_processes, plan_file, tmp_path):
    packed, programs = cell_processes
    refused = []

    def act(event):
        if event.kind == "arc_established":
            link.hold()
        if event.data.get("state") == "held":
            with pytest.raises(UsageError) as caught:
                link.resume()
            refused.append(caught.value.findings[0].code)
            link.resume(arc="dry")
        if event.data.get("segment") == 3:
            link.stop()

    with attached(packed, REAL_TIME, programs, name="test") as link:
        _, outcome = followed(link.run(plan_file, tmp_path / "run"), act)
    assert refused == ["X424"]
    assert outcome.segment == 3
    assert [weld.complete for weld in outcome.welds] == [False]
    log = (tmp_path / "run" / "weld_source.jsonl").read_text()
    assert log.count('"arc_on"') == 1


@pytest.mark.parametrize(("arc_fault", "code"), [("never", "X403"), ("0.4", "X404")])
def test_faults_of_the_arc(cell_processes, plan_file, tmp_path, arc_fault, code):
    packed, programs = cell_processes
    with attached(packed, CellOptions(arc_fault=arc_fault), programs, name="test") as link:
        events, outcome = followed(link.run(plan_file, tmp_path / "run"))
    assert outcome.status == "faulted"
    assert [f.code for f in outcome.findings] == [code]
    assert isinstance(outcome.error(), Faulted)
    assert [e.kind for e in events if e.kind == "fault"] == ["fault"]
    said = [json.loads(line)["event"] for line in (tmp_path / "run" / "weld_source.jsonl").read_text().splitlines()]
    assert said[-3:] == ["arc_off", "power_off", "stands"]


@pytest.mark.parametrize(("joint", "after"), [("A1", 0.8), ("A3", 0.8), ("A5", 0.8), ("A2", 4.9)])
def test_a_stuck_joint_is_named_within_three_cycles(cell_processes, plan_file, tmp_path, joint, after):
    """Wherever it moves at more than 0.15 rad/s when it sticks."""
    packed, programs = cell_processes
    with attached(packed, CellOptions(arm_fault=f"stuck:{joint}:{after}"), programs, name="test") as link:
        _, outcome = followed(link.run(plan_file, tmp_path / "run"))
    (finding,) = outcome.findings
    assert finding.code == "X402"
    assert finding.message.startswith(f"{joint} is stuck or lags: within 3 cycles")
    trace = read_trace(tmp_path / "run" / "trace.csv")
    stood = np.abs(trace.measured[:, trace.joints.index(joint)] - trace.measured[-1, trace.joints.index(joint)]) < 1e-9
    assert 1 <= stood.sum() - 1 <= 3, "cycles in which the joint stood still"


def test_a_lag_that_sets_in_is_named_within_three_cycles(cell_processes, plan_file, tmp_path):
    """50 ms more than the arm is known to trail, from one cycle to the next."""
    packed, programs = cell_processes
    with attached(packed, CellOptions(arm_fault="lag:0.05:0.8"), programs, name="test") as link:
        _, outcome = followed(link.run(plan_file, tmp_path / "run"))
    (finding,) = outcome.findings
    assert finding.code == "X402"
    assert "is stuck or lags" in finding.message
    trace = read_trace(tmp_path / "run" / "trace.csv")
    speeds = np.abs(np.diff(trace.measured, axis=0)).max(axis=1)
    slower = np.flatnonzero(speeds[50:] < 0.7 * speeds[49:-1]) + 50
    assert len(speeds) - slower[0] <= 3


def test_an_arm_that_runs_into_something_is_stopped(cell_processes, plan_file, tmp_path):
    packed, programs = cell_processes
    with attached(packed, CellOptions(arm_fault="contact:0.8"), programs, name="test") as link:
        _, outcome = followed(link.run(plan_file, tmp_path / "run"))
    assert [finding.code for finding in outcome.findings] == ["X402"]
    assert outcome.time < 1.0


def test_a_loss_of_power_closes_the_brakes_and_says_so(cell_processes, plan_file, tmp_path):
    packed, programs = cell_processes
    with attached(packed, CellOptions(arm_fault="power:0.8"), programs, name="test") as link:
        _, outcome = followed(link.run(plan_file, tmp_path / "run"))
    (finding,) = outcome.findings
    assert finding.code == "X407"
    assert "no power" in finding.message
    log = (tmp_path / "run" / "weld_source.jsonl").read_text()
    assert [json.loads(line)["event"] for line in log.splitlines()][:2] == ["power_off", "fault_no_power"]
    trace = read_trace(tmp_path / "run" / "trace.csv")
    assert trace.time[-1] < 0.9


def test_encoders_may_be_noisy_and_the_run_goes_on(cell_processes, plan_file, tmp_path):
    packed, programs = cell_processes
    with attached(packed, CellOptions(arm_fault="noise:1e-5:0.0"), programs, name="test") as link:
        _, outcome = followed(link.run(plan_file, tmp_path / "run"))
    assert outcome.status == "done"
    trace = read_trace(tmp_path / "run" / "trace.csv")
    stands = np.abs(np.diff(trace.commanded, axis=0)).max(axis=1) == 0.0
    noise = np.diff(trace.measured, axis=0)[np.flatnonzero(stands)[-20:]]
    assert 0.3e-5 < noise.std() < 3e-5


def test_a_second_run_begins_where_the_arm_stands(cell_processes, plan_file, tmp_path):
    """After a stop in the middle the plan's start is elsewhere: refused, nothing moves."""
    packed, programs = cell_processes
    with attached(packed, REAL_TIME, programs, name="test") as link:
        followed(link.run(plan_file, tmp_path / "one"), lambda e: link.stop() if e.time > 0.5 else None)
        before = link.client.ask("status")["joints"]
        _, outcome = followed(link.run(plan_file, tmp_path / "two"))
        after = link.client.ask("status")["joints"]
    assert [f.code for f in outcome.findings] == ["X401"]
    np.testing.assert_allclose(before, after, atol=1e-4)


def test_leaving_the_run_early_stops_the_arm(cell_processes, plan_file, tmp_path):
    packed, programs = cell_processes
    with attached(packed, REAL_TIME, programs, name="test") as link:
        run = link.run(plan_file, tmp_path / "run")
        while next(run).kind != "progress":
            pass
        run.close()
        assert not link.client.ask("status")["running"]
    assert json.loads((tmp_path / "run" / "outcome.json").read_text())["status"] == "stopped"


def test_what_is_not_certified_or_not_new_is_refused(cell_processes, plan_file, tmp_path):
    packed, programs = cell_processes
    edited = tmp_path / "edited.plan"
    edited.write_text("certified, they say")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "journal.jsonl").write_text("")
    with attached(packed, CellOptions(driver="memory"), programs, name="test") as link:
        with pytest.raises(NotCertified, match="not certified"):
            next(link.run(edited, tmp_path / "run"))
        with pytest.raises(UsageError, match="cannot be recorded"):
            next(link.run(plan_file, tmp_path / "old"))
        assert not link.client.ask("status")["running"]
    assert not (tmp_path / "run").exists()


def test_one_client_has_the_lease_and_anybody_may_stop(cell_processes, plan_file, tmp_path):
    packed, programs = cell_processes
    with attached(packed, REAL_TIME, programs, name="first") as link:
        socket_path = link._weld_source.parent / "executor"
        run = link.run(plan_file, tmp_path / "run")
        while next(run).kind != "progress":
            pass
        with ExecutorClient(socket_path, name="second") as second:
            with pytest.raises(UsageError, match="'first' has the lease on this arm") as caught:
                second.acquire()
            assert caught.value.findings[0].code == "X420"
            with pytest.raises(UsageError, match="needs the lease"):
                second.command("override", value=0.1)
            with pytest.raises(UsageError, match="a run is in progress"):
                link.client.command("load", plan=str(plan_file))
            second.ask("stop")
        _, outcome = followed(run)
        assert outcome.status == "stopped"
        link.client.release()
        with ExecutorClient(socket_path, name="second") as second:
            second.acquire()
            assert second.ask("status")["lease"] == "second"


def test_an_epoch_that_has_passed_is_refused(cell_processes):
    packed, programs = cell_processes
    with attached(packed, CellOptions(driver="memory"), programs, name="test") as link:
        link.client.acquire()
        with pytest.raises(UsageError, match="needs the lease"):
            link.client.ask("override", value=0.5, epoch=1)
        link.client.ask("override", value=0.5, epoch=2)


def test_a_holder_without_heartbeat_loses_the_lease_and_the_run(cell_processes, plan_file, tmp_path):
    """A client that hangs: connected, but silent."""
    packed, programs = cell_processes
    with attached(packed, SHORT_LEASE, programs, name="test") as link:
        run = link.run(plan_file, tmp_path / "run")
        while next(run).kind != "segment":
            pass
        link.client._closed.set()
        events, outcome = followed(run)
    states = [e.data["state"] for e in events if e.kind == "state"]
    assert states == ["holding", "held", "stopping", "stopped"]
    assert outcome.status == "stopped"


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[1, 2]\n",
        b'{"id": 1}\n',
        b'{"do": "dance", "id": 1}\n',
        b'{"do": 3, "id": 1}\n',
        b'{"do": "hello", "id": 1}\n',
        b'{"do": "override", "id": 1, "value": "fast"}\n',
        b'{"do": "hello", "id": 1, "name": "\\u001b[2J"}\n',
        b"[" * 60_000 + b"\n",
    ],
)
def test_bad_requests_get_a_finding_and_harm_nobody(cell_processes, line):
    packed, programs = cell_processes
    with attached(packed, CellOptions(driver="memory"), programs, name="test") as link:
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(str(link._weld_source.parent / "executor"))
            other.settimeout(30)
            other.sendall(line)
            reply = json.loads(other.makefile("rb").readline())
        assert reply["error"] == "UsageError"
        assert reply["findings"][0]["code"] in ("X420", "X422")
        assert link.client.ask("status")["state"] == "idle"


def test_a_client_that_never_reads_does_not_slow_the_run(cell_processes, plan_file, tmp_path):
    packed, programs = cell_processes
    with attached(packed, CellOptions(), programs, name="test") as link:
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(str(link._weld_source.parent / "executor"))
            deaf.sendall(b'{"do": "subscribe"}\n' + b'{"do": "status", "id": 1}\n' * 3000)
            _, outcome = followed(link.run(plan_file, tmp_path / "run"))
        assert outcome.status == "done"


def test_a_killed_executor_leaves_a_standing_arm_without_arc(cell_processes, plan_file, tmp_path):
    packed, programs = cell_processes
    with attached(packed, REAL_TIME, programs, name="test") as link:
        folder = link._weld_source.parent
        run = link.run(plan_file, tmp_path / "run")
        while next(run).kind != "arc_established":
            pass
        os.kill(process_of(folder, "executor_process"), signal.SIGKILL)
        with pytest.raises(Faulted, match="the executor is gone"):
            followed(run)
        log = folder / "weld_source.jsonl"
        eventually(lambda: log.read_text().count("\n") == 5)
        kinds = [json.loads(line)["event"] for line in log.read_text().splitlines()]
        assert kinds == ["arc_on", "arc_established", "fault_disconnected", "arc_off", "stands"]
    journal = read_journal(tmp_path / "run" / "journal.jsonl")
    assert next(r.kind for r in journal.records if r.kind.startswith("arc")) == "arc_intent"
    assert journal.records[-1].kind != "end"
    assert len(read_trace(tmp_path / "run" / "trace.csv")) > 0
    outcome = json.loads((tmp_path / "run" / "outcome.json").read_text())
    assert (outcome["status"], outcome["segment"]) == ("lost", 2)
    assert [finding["code"] for finding in outcome["findings"]] == ["X430"]
    kept = (tmp_path / "run" / "weld_source.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in kept] == kinds


def test_a_killed_client_takes_the_run_and_both_processes_with_it(plan_file, tmp_path):
    script = Path(__file__).with_name("client_process.py")
    root = Path(__file__).resolve().parents[2]
    client = subprocess.Popen(
        [sys.executable, str(script), str(plan_file), str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    folder = client.stdout.readline().decode().strip()
    assert len(processes_of(folder)) == 2
    client.kill()
    client.wait(30)
    client.stdout.close()
    eventually(lambda: not processes_of(folder))
    assert json.loads((tmp_path / "run" / "outcome.json").read_text())["status"] == "stopped"
    assert read_journal(tmp_path / "run" / "journal.jsonl").records[-1].kind == "end"
    assert (tmp_path / "run" / "weld_source.jsonl").exists(), "its own log is kept, though nobody asks for it"
    eventually(lambda: not Path(folder).exists())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_executor_is_a_controlled_stop(cell_processes, plan_file, tmp_path, number):
    packed, programs = cell_processes
    with attached(packed, REAL_TIME, programs, name="test") as link:
        run = link.run(plan_file, tmp_path / "run")
        while next(run).kind != "progress":
            pass
        os.kill(process_of(link._weld_source.parent, "executor_process"), number)
        _, outcome = followed(run)
    assert outcome.status == "stopped"
    assert read_trace(tmp_path / "run" / "trace.csv").rate[-1] == 0.0


def test_a_process_that_does_not_start_says_why(cell_processes):
    _, programs = cell_processes
    with (
        pytest.raises(EnvironmentMissing, match=r"the controller did not start: .*JSONDecodeError") as caught,
        attached(b"no json", CellOptions(), programs, name="test"),
    ):
        pass
    assert caught.value.findings[0].code == "E533"


def test_a_fault_of_a_joint_that_is_not_there_is_no_fault_that_is_forgotten(cell_processes):
    packed, programs = cell_processes
    with (
        pytest.raises(
            EnvironmentMissing, match="the arm has no joint 'A7' that could be stuck: it has A1, A2, A3"
        ) as caught,
        attached(packed, CellOptions(arm_fault="stuck:A7:1.0"), programs, name="test"),
    ):
        pass
    assert caught.value.findings[0].code == "E533"


def test_a_standing_cell(cell_processes, plan_file):
    packed, programs = cell_processes
    with pytest.raises(EnvironmentMissing, match="no cell 'bench' is up"):
        find_standing_cell("bench")
    cell = stand("bench", packed, CellOptions(), programs)
    try:
        assert len(processes_of(cell.folder)) == 2
        assert str(ask_status("bench")) == "test_arm, lock_step, idle"
        with pytest.raises(UsageError, match="cell 'bench' is up already"):
            stand("bench", packed, CellOptions(), programs)
        with ExecutorClient(find_standing_cell("bench").socket, name="jog") as client:
            client.acquire()
            client.command("load", plan=str(plan_file))
    finally:
        take_down("bench")
    eventually(lambda: not processes_of(cell.folder))
    assert not Path(cell.folder).exists()
    with pytest.raises(EnvironmentMissing):
        take_down("bench")


def test_a_standing_cell_whose_executor_was_killed_is_not_found(cell_processes):
    packed, programs = cell_processes
    cell = stand("bench", packed, CellOptions(), programs)
    os.kill(process_of(cell.folder, "executor_process"), signal.SIGKILL)
    eventually(lambda: not [n for n in processes_of(cell.folder) if not is_zombie(n)])
    with pytest.raises(EnvironmentMissing, match="no cell 'bench' is up"):
        find_standing_cell("bench")
    again = stand("bench", packed, CellOptions(), programs)
    assert again.instance != cell.instance
    take_down("bench")


def test_a_standing_cell_whose_controller_was_killed_goes_down_at_once(cell_processes):
    """Its socket's path stays behind, with nobody who listens."""
    packed, programs = cell_processes
    cell = stand("bench", packed, CellOptions(), programs)
    os.kill(process_of(cell.folder, "stand_in_controller"), signal.SIGKILL)
    began = time.monotonic()
    take_down("bench")
    assert time.monotonic() - began < 15.0
    assert not Path(cell.folder).exists()


def is_zombie(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_the_executor_loads_neither_planning_nor_engines():
    script = (
        "import sys, cellctl.execution.service.launch, cellctl.drivers.simulated, cellctl.drivers.memory\n"
        "bad = {'pybullet', 'numba', 'roboticstoolbox', 'cellctl.planning', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(bad)) or 0)"
    )
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.stderr == ""
    assert ended.returncode == 0
