"""Seams with answers in closed form: a T joint, a circle, and a tube on a tube."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import CellctlError
from cellctl.files import load_cell, load_task, plan_inputs, task_from_inputs
from cellctl.model.curve import catmull_rom
from cellctl.model.pose import unit
from cellctl.model.stitches import stitched
from cellctl.model.task import MoveJ, Task, Weld
from cellctl.planning.laws.timing import constant_speed_law
from cellctl.processes.procedure import deposited_area, even_fillet
from cellctl.processes.seam import SeamPath, seam_path
from cellctl.processes.torch import transported_references
from cellctl.units import mm

CELL = """\
mechanisms: {r1: {model: lib:robots/kuka_kr16_2}}
parts: {part: {file: part.yaml}}
"""


def path_of(folder: Path, part: str, seam: str) -> SeamPath:
    (folder / "cellctl.yaml").write_text("project: {name: analytic}\n")
    (folder / "cell.yaml").write_text(CELL)
    (folder / "part.yaml").write_text(part)
    return seam_path(load_cell(folder / "cell.yaml"), Weld(f"part.{seam}", "none"))


def test_two_plates_at_right_angles(tmp_path: Path) -> None:
    """T1: the seam is the edge where they touch, its normal lies at 45 degrees between them."""
    part = """\
bodies:
  base: {box: 200 100 6 mm, at: {xyz: 0 0 -3 mm}}
  web: {box: 200 6 100 mm, at: {xyz: 0 -3 50 mm}}
seams:
  fillet: {intersection: [base, web], near: 0 5 5 mm, travel: 1 0 0, joint: t}
"""
    path = path_of(tmp_path, part, "fillet")
    assert path.length == pytest.approx(0.200, abs=1e-9)
    frames = path.frames(np.linspace(0.0, path.length, 21))
    assert frames.points[:, 0] == pytest.approx(np.linspace(-0.1, 0.1, 21), abs=1e-9)
    assert np.abs(frames.points[:, 1:]).max() < 1e-9
    assert frames.tangents == pytest.approx(np.tile([1.0, 0.0, 0.0], (21, 1)), abs=1e-12)
    assert frames.normals == pytest.approx(np.tile([0.0, np.sqrt(0.5), np.sqrt(0.5)], (21, 1)), abs=1e-12)


def test_a_fillet_with_legs_of_four_millimetres() -> None:
    """T1: 8 mm2 between plates at right angles are legs of 4 mm and a throat of 2.828 mm, without convexity."""
    leg, throat = even_fillet(8.0 * mm**2)
    assert (leg / mm, throat / mm) == pytest.approx((4.0, 2.828), abs=5e-4)


def test_a_circle_at_constant_speed(tmp_path: Path) -> None:
    """T2: radius 100 mm at 8 mm/s takes 78.540 s and one turn of the tangent; ramps come on top of it."""
    part = """\
bodies:
  base: {box: 400 400 6 mm, at: {xyz: 0 0 -3 mm}}
  boss: {cylinder: {radius: 100 mm, length: 50 mm}, at: {xyz: 0 0 25 mm}}
seams:
  ring:
    circle: {centre: 0 0 0 mm, axis: 0 0 1, radius: 100 mm, start: 1 0 0}
    bodies: [base, boss]
    faces: [axis, radial]
    joint: t
"""
    path = path_of(tmp_path, part, "ring")
    tangents = path.frames(np.linspace(0.0, path.length, 721)).tangents
    turned = np.unwrap(np.arctan2(tangents[:, 1], tangents[:, 0]))
    assert turned[-1] - turned[0] == pytest.approx(2.0 * np.pi, abs=1e-9)
    law = constant_speed_law(path.length, 0.008)
    t = np.linspace(0.0, law.end, 20_001)
    s, speed = law(t)[:, 0], law(t, 1)[:, 0]
    steady = np.abs(speed - 0.008) < 1e-9
    assert s[steady][-1] - s[steady][0] > 0.99 * path.length
    per_metre = (t[steady][-1] - t[steady][0]) / (s[steady][-1] - s[steady][0])
    assert per_metre * path.length == pytest.approx(78.540, abs=1e-3)


def test_stitches_of_a_drawing() -> None:
    """T5: 5 x 30 (20) is 230 mm from the first to the last; AWS 30-50 says the same from start to start."""
    welds = stitched(Weld("p.s", "w", from_=15 * mm, to=-5 * mm), 300 * mm, count=5, length=30 * mm, gap=20 * mm)
    assert [weld.from_ for weld in welds] == pytest.approx([15 * mm + k * 50 * mm for k in range(5)])
    assert all(weld.to - weld.from_ == pytest.approx(30 * mm) for weld in welds)
    assert welds[-1].to - welds[0].from_ == pytest.approx(230 * mm)
    back = stitched(
        Weld("p.s", "w", from_=15 * mm, to=-5 * mm, reverse=True), 300 * mm, count=5, length=30 * mm, gap=20 * mm
    )
    assert (back[0].to, back[-1].from_) == pytest.approx((295 * mm, 65 * mm))
    with pytest.raises(ValueError, match=r"230\.0 mm do not fit into 229\.0 mm"):
        stitched(Weld("p.s", "w"), 229 * mm, count=5, length=30 * mm, gap=20 * mm)


STITCHED = """\
cell: lib:sim/tray_cell/cell.yaml
steps:
  - move_j: home
  - weld: {seam: SEAM, wps: mig131_al_t3, from: 40 mm, stitch: {count: COUNT, length: 30 mm, gap: 20 mm}}
"""


def stitched_task(folder: Path, seam: str = "tray.left", count: int = 5) -> Task:
    (folder / "task.yaml").write_text(STITCHED.replace("SEAM", seam).replace("COUNT", str(count)))
    return load_task(folder / "task.yaml")


def test_a_weld_in_stitches_is_as_many_steps(tmp_path: Path) -> None:
    task = stitched_task(tmp_path)
    assert [type(step) for step in task.steps] == [MoveJ] + 5 * [Weld]
    assert {place.line for place in task.places[1:]} == {4}
    assert sum(seam_path(task.cell, step).length for step in task.steps[1:]) == pytest.approx(150 * mm)
    assert task_from_inputs(plan_inputs(task)).steps == task.steps


@pytest.mark.parametrize(("seam", "count", "code"), [("tray.left", 8, "F156"), ("tray.boss", 5, "F167")])
def test_stitches_that_do_not_fit_are_told(tmp_path: Path, seam: str, count: int, code: str) -> None:
    with pytest.raises(CellctlError) as caught:
        stitched_task(tmp_path, seam, count)
    finding = caught.value.findings[0]
    assert finding.code == code
    assert finding.place is not None
    assert finding.place.line == 4


def test_the_metal_that_a_wire_leaves() -> None:
    """T7: a wire of 1.2 mm fed at 8 m/min and led at 7 mm/s leaves 21.5423 mm2."""
    assert deposited_area(1.2 * mm, 8.0 / 60.0, 7 * mm) * 1e6 == pytest.approx(21.5423, abs=5e-5)


def test_a_tube_on_a_tube() -> None:
    """T3: a tube of 30 mm on one of 50 mm meets it at z(u) = sqrt(R^2 - r^2 sin^2 u), from 40 to 50 mm."""
    r, R = 0.030, 0.050
    u = np.linspace(0.0, 2.0 * np.pi, 145)
    saddle = np.column_stack([r * np.cos(u), r * np.sin(u), np.sqrt(R**2 - (r * np.sin(u)) ** 2)])
    curve = catmull_rom(saddle)
    points = curve.points(np.linspace(0.0, curve.length, 2001))
    assert np.abs(np.hypot(points[:, 0], points[:, 1]) - r).max() < 5e-6  # of the curve through 145 points
    assert np.abs(np.hypot(points[:, 1], points[:, 2]) - R).max() < 5e-6  # of the curve through 145 points
    assert (points[:, 2].min(), points[:, 2].max()) == pytest.approx((0.040, 0.050), abs=5e-6)
    assert points[0] == pytest.approx(points[-1], abs=1e-9)


def test_a_frame_comes_back_untwisted_round_a_tube_on_a_tube() -> None:
    """T3: two planes mirror the saddle, so what its torsion turns a frame one way it turns back."""
    r, R, u = 0.030, 0.050, np.linspace(0.0, 2.0 * np.pi, 1441)
    height = np.sqrt(R**2 - (r * np.sin(u)) ** 2)
    tangents = unit(np.column_stack([-r * np.sin(u), r * np.cos(u), -(r**2) * np.sin(u) * np.cos(u) / height]))
    references = transported_references(tangents)
    turned = np.unwrap(np.arctan2(*(np.einsum("ij,ij->i", references, axis) for axis in across(tangents))))
    assert np.ptp(turned) > 0.1  # on the way it does turn against a frame that knows which way is up
    assert references[-1] == pytest.approx(references[0], abs=1e-6)


def across(tangents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two directions (n, 3) across tangents of which one is level."""
    level = np.cross([0.0, 0.0, 1.0], tangents)
    level /= np.linalg.norm(level, axis=1)[:, None]
    return np.cross(tangents, level), level
