"""A job along the curve in which two pipes cross: planned once round, proved, and proved again from the plan alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellctl.files import load_task, write_plan
from cellctl.jobs import certify, plan, verify
from cellctl.model.plan import CertifiedPlan

FILES = {
    "cellctl.yaml": "project: {name: pipes}\n",
    "part.yaml": """material_group: "22"
thickness: 4 mm
bodies:
  run: {cylinder: {radius: 60 mm, length: 400 mm}, at: {rpy: 90 0 0 deg}}
  branch: {tube: {radius: 40 mm, wall: 4 mm, length: 80 mm}, at: {xyz: 0 0 80 mm}}
seams:
  saddle: {intersection: [run, branch], near: 45 0 45 mm, travel: 0 1 0}
""",
    "cell.yaml": """tools: {torch: lib:robots/tools/mig_torch_22deg}
mechanisms:
  r1: {model: lib:robots/kuka_kr16_2, tool: torch, at: {xyz: 0 0 500 mm}}
fixtures:
  table: {box: 600 600 40 mm, at: {xyz: 1150 0 500 mm}}
parts:
  pipe: {file: part.yaml, at: {xyz: 1150 0 640 mm}}
procedures: {mig: lib:sim/tray_cell/mig131_al_t3.yaml}
signals: {arc_on: {output: 1}, arc_ok: {input: 1}}
""",
    "task.yaml": """cell: cell.yaml
start: home
steps:
  - weld: {seam: pipe.saddle, wps: mig, overlap: 5 mm, spin: free, approach: 25 mm, retract: 25 mm}
""",
}


def test_a_saddle_is_welded_once_round(tmp_path: Path) -> None:
    pytest.importorskip("pybullet")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    task = load_task(tmp_path / "task.yaml")
    seam = task.cell.placement("pipe").part.seam("saddle")
    write_plan(certify(plan(task)).plan, tmp_path / "job.plan.zip")
    again = verify(tmp_path / "job.plan.zip")
    assert isinstance(again, CertifiedPlan)
    (weld,) = [segment.process for segment in again.plan.segments if segment.process is not None]
    assert weld.length == pytest.approx(seam.curve.length + 5e-3)
    points = weld.points - (1.15, 0.0, 0.64)
    assert np.abs(np.hypot(points[:, 0], points[:, 2]) - 0.06).max() < 0.25e-3
    assert np.abs(np.hypot(points[:, 0], points[:, 1]) - 0.04).max() < 0.25e-3
    begin = seam.curve.points(np.zeros(1))[0]
    assert points[0] == pytest.approx(begin, abs=1e-6)
