"""A run whose measured joints are off by more than the executed gates is told, seam by seam, by the gate it breaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import Finding
from cellctl.execution.records.trace import Cycle, TraceWriter
from cellctl.files import cell_from_inputs
from cellctl.jobs.measuring import ESTABLISHED, PLAN_FILE, TRACE_FILE, measured_welds
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.jacobian import jacobians
from cellctl.model.plan import FixedSegment, Plan
from cellctl.model.pose import FloatArray

PERIOD = 20e-3
PARTS = 20
"""Into which a deviation is divided: near a singularity the joints go far for little."""
STILL = np.zeros(6)


class Off:
    """A measured path beside the commanded one, m and rad along and about the seam's own axes, and a measured clock."""

    def __init__(self, *, across: float = 0.0, above: float = 0.0, tilt: float = 0.0, slow: float = 1.0) -> None:
        self.across, self.above, self.tilt, self.slow = across, above, tilt, slow

    def twist(self, tangent: FloatArray, normal: FloatArray) -> FloatArray:
        """The small motions (n, 6) of the wire's end: linear, then angular."""
        linear = self.across * np.cross(normal, tangent) + self.above * normal
        return np.concatenate([linear, self.tilt * tangent], axis=1)


def write_run(plan: Plan, folder: Path, off: Off) -> None:
    """The record of a run of `plan` with its arc on along every seam and its joints `off`."""
    folder.mkdir()
    plan.save(folder / PLAN_FILE)
    mechanism = cell_from_inputs(plan.inputs).mechanisms[0]
    writer = TraceWriter(folder / TRACE_FILE, tuple(axis.name for axis in mechanism.robot.axes))
    time = 0.0
    for index, segment in enumerate(plan.segments):
        if segment.process is not None:
            for t, s, q in zip(*seam_cycles(plan, segment, off), strict=True):
                writer.write(Cycle(time + t, index, s, 1.0, q, q, STILL, 1, 1, ESTABLISHED))
            time += off.slow * segment.law.end + 1.0
    writer.close()


def seam_cycles(plan: Plan, segment: FixedSegment, off: Off) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Measured times (n,), path parameters (n,) and joints (n, dof) along one seam."""
    section = segment.process
    mechanism = cell_from_inputs(plan.inputs).mechanisms[0]
    t = np.arange(0.0, segment.law.end, PERIOD)
    s = segment.law(t)[:, 0]
    q = segment.path(s)
    turn = mechanism.pose_world_base.rotation
    tangent, normal = (
        np.stack([np.interp(s, section.stations, axis[:, k]) for k in range(3)], axis=1) @ turn
        for axis in (section.tangents, section.normals)
    )
    tcp, chain = mechanism.tool.torch.tcp(section.ctwd), chain_of(mechanism.robot)
    part = off.twist(tangent, normal)[..., None] / PARTS
    for _ in range(PARTS):
        q = q + np.linalg.solve(jacobians(chain, q, tcp), part)[..., 0]
    return off.slow * t, s, q


def findings_of(plan: Plan, folder: Path, off: Off) -> dict[str, tuple[Finding, ...]]:
    """What is told of each seam of a run that is `off`."""
    write_run(plan, folder, off)
    welds = measured_welds(folder)
    assert [weld.seam for weld in welds] == ["tray.left", "tray.right", "tray.corner", "tray.boss"]
    return {weld.seam: weld.findings for weld in welds}


@pytest.mark.parametrize(
    "off",
    [Off(), Off(across=0.4e-3), Off(above=0.8e-3), Off(tilt=np.radians(1.5)), Off(slow=1.04), Off(slow=0.96)],
    ids=["as commanded", "across", "above", "tilt", "slow", "fast"],
)
def test_inside_the_gates_nothing_is_told(tray_corner: Plan, tmp_path: Path, off: Off) -> None:
    told = findings_of(tray_corner, tmp_path / "run", off)
    assert {code for findings in told.values() for code in (finding.code for finding in findings)} <= {"C312", "C313"}


@pytest.mark.parametrize(
    ("off", "code"),
    [
        (Off(across=0.6e-3), "C310"),
        (Off(above=-1.2e-3), "C311"),
        (Off(tilt=np.radians(2.5)), "C314"),
        (Off(slow=1.07), "C315"),
        (Off(slow=0.93), "C315"),
    ],
    ids=["across", "above", "tilt", "slow", "fast"],
)
def test_beyond_a_gate_every_seam_is_told(tray_corner: Plan, tmp_path: Path, off: Off, code: str) -> None:
    told = findings_of(tray_corner, tmp_path / "run", off)
    assert all(code in {finding.code for finding in findings} for findings in told.values()), told
