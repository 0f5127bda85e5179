"""The whole first job on the simulated arm, on PyBullet's mechanics: its measured path, and faults of its joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellctl import jobs
from cellctl.execution.records.trace import read_trace
from cellctl.execution.service.processes import CellOptions
from cellctl.execution.service.session import start_cell
from cellctl.files import cell_from_inputs, write_plan
from cellctl.model.plan import CertifiedPlan

pytest.importorskip("pybullet", reason="the simulated arm needs PyBullet")

ROOT = Path(__file__).resolve().parents[2]
PERIOD = 0.004
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tray() -> CertifiedPlan:
    return jobs.check(ROOT / "tasks/weld/tray_corner.yaml")


def test_the_measured_path_keeps_the_gates_of_every_seam(tray: CertifiedPlan, tmp_path: Path) -> None:
    outcome = jobs.run(tray, folder=tmp_path / "run").finish()
    assert [weld.complete for weld in outcome.welds] == [True] * 4
    welds = jobs.measured_welds(tmp_path / "run")
    assert [weld.seam for weld in welds] == ["tray.left", "tray.right", "tray.corner", "tray.boss"]
    assert [finding for weld in welds for finding in weld.findings] == []


@pytest.mark.parametrize("fault", ["stuck:joint_a1", "stuck:joint_a2", "stuck:joint_a3", "stuck:joint_a5", "lag:0.05"])
def test_a_fault_of_the_mechanics_is_named_within_three_cycles(tray: CertifiedPlan, tmp_path: Path, fault: str) -> None:
    """From where the joint, or for a lag the fastest one, is fastest on the way to the first seam."""
    plan = tray.plan
    write_plan(plan, tmp_path / "tray.plan.zip")
    transit = plan.segments[0]
    times = np.arange(0.0, transit.duration, PERIOD)
    speeds = np.abs(np.gradient(transit.joints_at(times), PERIOD, axis=0))
    joint = fault.partition(":")[2]
    fastest = speeds.max(axis=1) if fault.startswith("lag") else speeds[:, int(joint[-1]) - 1]
    sets_in = float(times[fastest.argmax()])
    assert fastest.max() > 0.15
    options = CellOptions(arm_fault=f"{fault}:{sets_in}")
    with start_cell(cell_from_inputs(plan.inputs), options) as link:
        run = link.run(tmp_path / "tray.plan.zip", tmp_path / "run", process="dry")
        try:
            while True:
                next(run)
        except StopIteration as end:
            outcome = end.value
    (finding,) = outcome.findings
    assert finding.code == "X402"
    assert "is stuck or lags: within 3 cycles" in finding.message
    if fault.startswith("stuck"):
        assert finding.message.startswith(joint)
    trace = read_trace(tmp_path / "run" / "trace.csv")
    assert sets_in - PERIOD < trace.time[-1] <= sets_in + 3 * PERIOD + 1e-9
