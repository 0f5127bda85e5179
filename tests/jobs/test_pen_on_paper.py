"""A five-axis arm draws along a fold: on the simulated arm and on emulated servos, by what is measured."""

from __future__ import annotations

import csv
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from cellctl.bench.serial.simulated import LineClock, servo_bench
from cellctl.execution.control import Switch
from cellctl.execution.executor import execute
from cellctl.execution.load import load_job
from cellctl.execution.records.record import RunFolder
from cellctl.execution.records.trace import read_trace
from cellctl.files import load_task, write_plan
from cellctl.jobs import certify, measured_welds, plan, run
from cellctl.jobs.exporting import export_csv
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.plan import CertifiedPlan
from cellctl.model.wiring import STEP

pytest.importorskip("pybullet")

LEVERS = (0.22, 0.22, 0.19, 0.11, 0.06)
"""m: how far each axis of the arm is from the tip of the pen at most, on its way along the fold."""
RESOLUTION = STEP * sum(LEVERS)
"""m: goals and what is measured are each rounded to the nearest step, so a step in every joint is the worst."""


@pytest.fixture(scope="module")
def certified() -> CertifiedPlan:
    return certify(plan(load_task(Path(__file__).resolve().parents[2] / "tasks/pen/seam_on_paper.yaml")))


@pytest.fixture(scope="module")
def simulated(certified: CertifiedPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a run on the simulated arm."""
    folder = tmp_path_factory.mktemp("runs") / "sim"
    run(certified, driver="sim", folder=folder).finish()
    return folder


def test_a_pen_has_no_arc(certified: CertifiedPlan, tmp_path: Path) -> None:
    export_csv(certified.plan, tmp_path / "plan.csv", rate=20.0)
    with (tmp_path / "plan.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert "process" in {row["kind"] for row in rows}
    assert {row["arc"] for row in rows} == {"0"}


def tip_path(certified: CertifiedPlan, folder: Path) -> np.ndarray:
    """Where the tip of the pen was measured along the fold (n, 3), m, in the arm's base frame."""
    trace = read_trace(folder / "trace.csv")
    (index,) = (k for k, segment in enumerate(certified.plan.segments) if segment.process is not None)
    robot = load_task("lib:tasks/pen/seam_on_paper.yaml").cell.mechanisms[0].robot
    flanges = flange_matrices(chain_of(robot), trace.measured[trace.segment == index])
    return flanges[:, :3, 3] + 0.060 * flanges[:, :3, 2]


def on_servos(certified: CertifiedPlan, folder: Path) -> None:
    """Run on emulated servos in simulated time."""
    plan_file = folder.parent / "plan.zip"
    write_plan(certified.plan, plan_file)
    job = load_job(plan_file)
    bench = servo_bench("feetech", at=certified.plan.start["r1"])
    with RunFolder(folder, job.envelope.names) as record:
        following = execute(job, bench.arm, clock=LineClock(bench.line), control=Switch(), record=record)
        deque(following, maxlen=0)
    (folder / "plan.zip").write_bytes(plan_file.read_bytes())


def test_the_pen_needs_no_signals_and_goes_along_the_fold(simulated: Path) -> None:
    (drawn,) = measured_welds(simulated)
    assert drawn.findings == ()
    assert drawn.record is not None
    assert '"arc_on"' not in (simulated / "events.jsonl").read_text()


def test_both_arms_draw_the_same_line(certified: CertifiedPlan, simulated: Path, tmp_path: Path) -> None:
    on_servos(certified, tmp_path / "servos")
    exact, servos = tip_path(certified, simulated), tip_path(certified, tmp_path / "servos")
    off = np.array([np.linalg.norm(exact - point, axis=1).min() for point in servos])
    assert off.max() < RESOLUTION
    assert np.ptp(servos[:, 1]) == pytest.approx(0.080, abs=2.0 * RESOLUTION)
    assert measured_welds(tmp_path / "servos")[0].findings == ()
