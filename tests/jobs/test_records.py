"""The record of a run as history, figures and exports, judged by other readers: sqlite3, mcap, pyarrow, and physics."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.cli.main import call
from cellctl.drivers.driver import arm_setup
from cellctl.drivers.memory import MemoryArm
from cellctl.errors import FileError
from cellctl.execution.clock import ManualClock
from cellctl.execution.control import Switch
from cellctl.execution.executor import execute
from cellctl.execution.from_cell import joint_envelope
from cellctl.execution.job import Job
from cellctl.execution.records.record import RunFolder
from cellctl.execution.records.recovery import recovered
from cellctl.execution.records.trace import read_trace
from cellctl.execution.service.protocol import outcome_as_json
from cellctl.files import load_cell, write_plan
from cellctl.jobs.history import DATABASE, history, unreadable
from cellctl.jobs.repositioning import reposition
from cellctl.jobs.run_exporting import export_mcap, export_parquet
from cellctl.jobs.run_figures import net_work, positive_work, run_figures
from cellctl.model.cell import Axes
from cellctl.model.inputs import canonical_json
from cellctl.model.plan import CertifiedPlan

ROOT = Path(__file__).resolve().parents[2]
HOME = np.radians([0.0, -90.0, 90.0, 0.0, 45.0, 0.0])


@pytest.fixture(scope="module")
def cell():
    return load_cell(ROOT / "sim/tray_cell/cell.yaml")


@pytest.fixture(scope="module")
def moved(cell) -> CertifiedPlan:
    return reposition(cell.inputs, "r1", HOME, HOME + np.array([0.2, 0.1, -0.1, 0.0, 0.0, 0.1]))


@pytest.fixture(scope="module")
def runs(cell, moved: CertifiedPlan, tmp_path_factory) -> Path:
    """A folder with one run of a small move on an arm in memory."""
    base = tmp_path_factory.mktemp("runs")
    ran(cell, moved, base / "one")
    return base


def ran(cell, moved: CertifiedPlan, folder: Path) -> None:
    job = Job(moved, joint_envelope(Axes((cell.mechanisms[0],))))
    arm = MemoryArm(arm_setup(cell))
    with RunFolder(folder, job.envelope.names) as record:
        run = execute(job, arm, clock=ManualClock(), control=Switch(), record=record)
        while True:
            try:
                next(run)
            except StopIteration as end:
                outcome = end.value
                break
    record.write_outcome(canonical_json(outcome_as_json(outcome)))
    write_plan(moved.plan, folder / "plan.zip")


def test_figures_of_a_run(runs: Path, moved: CertifiedPlan) -> None:
    figures = run_figures(runs / "one")
    assert (figures.status, figures.codes, figures.task) == ("done", (), "reposition")
    assert figures.planned == pytest.approx(moved.plan.cycle_time)
    assert figures.run_time == pytest.approx(moved.plan.cycle_time, abs=0.02)
    assert (figures.arc_time, figures.held, figures.resumes) == (0.0, 0, "")
    assert figures.plan_sha256 == moved.certificate.plan_sha256


def test_the_history_follows_the_folders(
    cell, runs: Path, moved: CertifiedPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [one.folder for one in history(runs)] == ["one"]
    ran(cell, moved, runs / "two")
    assert [one.folder for one in history(runs)] == ["one", "two"]
    with sqlite3.connect(runs / DATABASE) as table:
        assert table.execute("select count(*) from runs where status = 'done'").fetchone() == (2,)
    assert unreadable(runs) == ()
    (runs / "two" / "journal.jsonl").write_text("spoiled")
    assert [one.folder for one in history(runs)] == ["one"]
    assert unreadable(runs) == ("two",)
    assert call(("runs", "list", "--runs", str(runs))) == 0
    assert "not to be read, see `cellctl runs show`: two" in capsys.readouterr().out
    (runs / DATABASE).unlink()
    assert [one.folder for one in history(runs)] == ["one"]


def test_a_history_of_another_version_is_made_anew(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "one", tmp_path / "one")
    with sqlite3.connect(tmp_path / DATABASE) as table:
        table.execute("create table runs (stamp text, folder, status, primary key (folder))")
    assert [one.folder for one in history(tmp_path)] == ["one"]


def test_how_long_the_clock_of_a_simulated_arm_stood_is_shown(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs / "one", tmp_path / "one")
    outcome = json.loads((tmp_path / "one" / "outcome.json").read_text())
    (tmp_path / "one" / "outcome.json").write_text(json.dumps(outcome | {"stalls": 3, "stalled": 0.05}))
    assert call(("runs", "show", str(tmp_path / "one"))) == 0
    assert "did not let the arm's clock run 3 times, 50 ms in all" in capsys.readouterr().out


def test_no_runs_make_no_table(tmp_path: Path) -> None:
    assert history(tmp_path) == history(tmp_path / "nowhere") == ()
    assert list(tmp_path.iterdir()) == []


def test_runs_on_the_command_line(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(("runs", "list", "--runs", str(runs), "--json")) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["folder"] == "one"
    assert call(("runs", "show", str(runs / "one"))) == 0
    assert "estimate" in capsys.readouterr().out
    assert call(("runs", "compare", str(runs / "one"), str(runs / "one"))) == 0
    assert "*" not in capsys.readouterr().out
    shutil.copytree(runs / "one", tmp_path / "half")
    trace = (runs / "one" / "trace.csv").read_text().splitlines(keepends=True)
    (tmp_path / "half" / "trace.csv").write_text("".join(trace[: len(trace) // 2]))
    assert call(("runs", "compare", str(runs / "one"), str(tmp_path / "half"))) == 0
    said = capsys.readouterr().out
    assert "run time *" in said
    assert "task *" not in said
    assert said.endswith("* is not the same in both\n")
    assert call(("runs", "show", str(runs))) == 2


def test_mcap_is_what_the_reference_reader_reads(runs: Path, tmp_path: Path) -> None:
    """Every sample is in it, with its time, and the schemas parse."""
    reader = pytest.importorskip("mcap.reader", reason="the reference reader of MCAP is not installed")
    trace = read_trace(runs / "one" / "trace.csv")
    count = export_mcap(runs / "one", tmp_path / "run.mcap")
    with (tmp_path / "run.mcap").open("rb") as stream:
        messages = list(reader.NonSeekingReader(stream).iter_messages())
    assert len(messages) == count
    joints = [(m.log_time, json.loads(m.data)) for _, channel, m in messages if channel.topic == "/joints"]
    assert len(joints) == len(trace)
    times = np.array([time for time, _ in joints]) * 1e-9
    np.testing.assert_allclose(times, trace.time, atol=1e-9)
    measured = np.array([[value["measured"][name] for name in trace.joints] for _, value in joints])
    np.testing.assert_array_equal(measured, trace.measured)
    schemas = {schema.name: json.loads(schema.data) for schema, _, _ in messages}
    assert {"foxglove.PoseInFrame", "cellctl.Joints"} <= set(schemas)


def test_half_an_mcap_is_read_to_its_last_whole_record(runs: Path, tmp_path: Path) -> None:
    reader = pytest.importorskip("mcap.stream_reader", reason="the reference reader of MCAP is not installed")
    export_mcap(runs / "one", tmp_path / "run.mcap")
    data = (tmp_path / "run.mcap").read_bytes()
    (tmp_path / "half.mcap").write_bytes(data[: len(data) // 2])
    whole = 0
    with (tmp_path / "half.mcap").open("rb") as stream, suppress(Exception):
        for _ in reader.StreamReader(stream).records:
            whole += 1
    assert whole > 100


def test_parquet_is_what_pyarrow_reads(runs: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    rows = export_parquet(runs / "one", tmp_path / "run.parquet")
    table = parquet.read_table(tmp_path / "run.parquet")
    trace = read_trace(runs / "one" / "trace.csv")
    assert rows == table.num_rows == len(trace)
    np.testing.assert_array_equal(table["joint_a1_commanded_rad"].to_numpy(), trace.commanded[:, 0])


@pytest.mark.parametrize("name", ["journal.jsonl", "trace.csv", "events.jsonl"])
def test_a_file_cut_anywhere_is_recovered_to_its_last_whole_record(runs: Path, tmp_path: Path, name: str) -> None:
    whole = (runs / "one" / name).read_bytes()
    for size in range(whole.index(b"\n") + 1, len(whole), max(len(whole) // 40, 1)):
        (tmp_path / name).write_bytes(whole[:size])
        kept, note = recovered(tmp_path / name)
        assert kept == whole[: whole[:size].rfind(b"\n") + 1]
        assert note.code == "X445"


def test_a_journal_damaged_in_the_middle_is_recovered_to_there(runs: Path, tmp_path: Path) -> None:
    lines = (runs / "one" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal.jsonl").write_bytes(b"".join([*lines[:3], lines[3].replace(b":", b";", 1), *lines[4:]]))
    assert recovered(tmp_path / "journal.jsonl")[0] == b"".join(lines[:3])
    assert call(("log", "recover", str(tmp_path / "journal.jsonl"))) == 0
    assert (tmp_path / "recovered-journal.jsonl").read_bytes() == b"".join(lines[:3])
    assert call(("log", "recover", str(tmp_path / "journal.jsonl"))) == 2


def test_what_holds_nothing_is_not_recovered(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(bytes(100))
    with pytest.raises(FileError) as caught:
        recovered(tmp_path / "journal.jsonl")
    assert caught.value.findings[0].code == "X450"


def test_the_work_of_a_lift_is_what_gravity_takes(cell) -> None:
    """The arm raised slowly from rest to rest: the motors' net work is the gain of m g h over all its masses."""
    dynamics = pytest.importorskip("cellctl.scene.bullet.dynamics", reason="PyBullet is not installed")
    from cellctl.kinematics.chain import chain_of

    arm = cell.mechanisms[0]
    high, low = HOME.copy(), HOME + np.array([0.0, 0.5, -0.3, 0.0, 0.3, 0.0])
    count = 4000
    u = np.linspace(0.0, 1.0, count + 1)
    path = low + (10 * u**3 - 15 * u**4 + 6 * u**5)[:, None] * (high - low)
    q, torques = [], []
    with dynamics.ArmDynamics(arm.robot, arm.tool, arm.pose_world_base) as plant:
        plant.set_joints(low)
        for k in range(200 + count):
            before, now = path[max(k - 200, 0)], path[max(k - 199, 0)]
            plant.step(now, (now - before) / 0.001)
            joints, _, torque = plant.read()
            if k >= 200:
                q.append(joints)
                torques.append(torque)
    gained = _height_energy(arm, chain_of(arm.robot), dynamics, q[-1]) - _height_energy(
        arm, chain_of(arm.robot), dynamics, q[0]
    )
    assert gained > 40.0
    assert net_work(np.array(q), np.array(torques)) == pytest.approx(gained, rel=0.02)
    assert positive_work(np.array(q), np.array(torques)) >= gained


def _height_energy(arm, chain, dynamics, q) -> float:
    """m g h of every lump, J, by walking the chain."""
    place = arm.pose_world_base.matrix
    energy = 0.0
    for k, lump in enumerate(dynamics.lumped(arm.robot, arm.tool)):
        if k:
            axis, angle = chain.axes[k - 1], q[k - 1]
            cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
            turn = np.eye(4)
            turn[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
            place = place @ chain.before[k - 1] @ turn
        energy += lump.mass * dynamics.STANDARD_GRAVITY * float((place @ np.append(lump.com, 1.0))[2])
    return energy


def test_a_run_that_went_on_with_another_says_so(cell, moved: CertifiedPlan, tmp_path: Path) -> None:
    job = replace(Job(moved, joint_envelope(Axes((cell.mechanisms[0],)))), resumes="../earlier", part_id="A-1")
    with RunFolder(tmp_path / "run", job.envelope.names) as record:
        list(execute(job, MemoryArm(arm_setup(cell)), clock=ManualClock(), control=Switch(), record=record))
    write_plan(moved.plan, tmp_path / "run" / "plan.zip")
    figures = run_figures(tmp_path / "run")
    assert (figures.resumes, figures.part_id) == ("../earlier", "A-1")
    assert history(tmp_path)[0].part_id == "A-1"
