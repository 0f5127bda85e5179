"""A job whose part is a mesh: planned along an edge of it, proved, and proved again from the plan file alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import PlanningFailed
from cellctl.files import load_task, write_plan
from cellctl.jobs import certify, plan, verify
from cellctl.model.plan import CertifiedPlan

OUTLINE = [(0, 0), (300, 0), (300, 4), (4, 4), (4, 100), (0, 100)]
FILES = {
    "cellctl.yaml": "project: {name: bracket}\n",
    "part.yaml": """material_group: "22"
thickness: 4 mm
bodies:
  angle: {parts_of: {file: angle.obj, unit: mm}}
seams:
  inside: {edges: {of: angle}, travel: 0 1 0}
""",
    "cell.yaml": """tools: {torch: lib:robots/tools/mig_torch_22deg}
mechanisms:
  r1: {model: lib:robots/kuka_kr16_2, tool: torch, configurations: {home: 0 -90 90 0 45 0 deg}, at: {xyz: 0 0 500 mm}}
fixtures:
  table: {box: 600 600 40 mm, at: {xyz: 1150 0 560 mm}}
parts:
  bracket: {file: part.yaml, at: {xyz: 1250 150 580 mm, rpy: 0 0 180 deg}}
procedures: {mig: lib:sim/tray_cell/mig131_al_t3.yaml}
signals: {arc_on: {output: 1}, arc_ok: {input: 1}}
""",
    "task.yaml": """cell: cell.yaml
steps:
  - weld: {seam: bracket.inside, wps: mig, from: 30 mm, to: -30 mm, backing: [table]}
""",
}


def angle_obj() -> str:
    """An angle profile in x and z, 300 mm along y, as OBJ with polygons."""
    n = len(OUTLINE)
    lines = [f"v {x} {y} {z}" for y in (0, 300) for x, z in OUTLINE]
    lines += [f"f {i + 1} {i + 1 + n} {(i + 1) % n + 1 + n} {(i + 1) % n + 1}" for i in range(n)]
    lines += ["f 1 2 3 4", "f 1 4 5 6", "f 10 9 8 7", "f 12 11 10 7"]
    return "\n".join(lines) + "\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "angle.obj").write_text(angle_obj(), "utf-8")
    return tmp_path


def test_an_edge_of_a_mesh_is_welded(project: Path) -> None:
    task = load_task(project / "task.yaml")
    bodies = task.cell.placement("bracket").part.bodies
    assert [len(body.solids) for body in bodies] == [2]
    made = plan(task)
    write_plan(made, project / "job.plan.zip")
    write_plan(certify(made).plan, project / "job.plan.zip")
    (project / "angle.obj").unlink()
    again = verify(project / "job.plan.zip")
    assert isinstance(again, CertifiedPlan)
    (weld,) = [segment.process for segment in again.plan.segments if segment.process is not None]
    assert weld.length == pytest.approx(0.24, abs=1e-9)
    assert np.ptp(weld.points[:, 2]) < 1e-9


def test_the_table_under_the_plate_is_named(project: Path) -> None:
    text = FILES["task.yaml"].replace(", backing: [table]", "")
    (project / "task.yaml").write_text(text, "utf-8")
    with pytest.raises(PlanningFailed, match="name what the plates lie on as 'backing'"):
        plan(load_task(project / "task.yaml"))
