"""Seams where two surfaces cross: against the analytic curves, and what is told where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import CellctlError
from cellctl.files import cell_from_inputs, load_cell
from cellctl.files.mesh.intersection import crossings
from cellctl.files.mesh.reading import Mesh
from cellctl.model.curve import Arc, Polyline, SplineCurve
from cellctl.model.part import Seam, face_normals
from cellctl.units import deg, mm

CELL = "mechanisms: {r1: {model: lib:robots/kuka_kr16_2}}\nparts: {part: {file: part.yaml}}\n"
PIPES = """  run: {{{run}, at: {{rpy: 90 0 0 deg}}}}
  branch: {{tube: {{radius: 40 mm, wall: 4 mm, length: 80 mm}}, at: {{xyz: 0 0 80 mm}}}}
"""
RUN, BRANCH = 60 * mm, 40 * mm
CYLINDER = "cylinder: {radius: 60 mm, length: 400 mm}"


@pytest.fixture
def seam_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Seam]:
    """The seam of a part with these bodies; the same again from the inputs of a plan alone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cellctl.yaml").write_text("project: {name: pipes}\n")
    (tmp_path / "cell.yaml").write_text(CELL)

    def loaded(bodies: str, seam: str) -> Seam:
        (tmp_path / "part.yaml").write_text(f"bodies:\n{bodies}\nseams:\n  seam: {seam}\n")
        cell = load_cell("cell.yaml")
        found = cell.placement("part").part.seam("seam")
        for mesh in tmp_path.glob("*.obj"):
            mesh.unlink()
        again = cell_from_inputs(cell.inputs).placement("part").part.seam("seam")
        stations = np.linspace(0.0, found.curve.length, 50)
        assert np.array_equal(again.curve.points(stations), found.curve.points(stations))
        for one, other in zip(again.faces, found.faces, strict=True):
            assert np.array_equal(face_normals(again.curve, one, stations), face_normals(found.curve, other, stations))
        return found

    return loaded


def angles_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.arccos(np.clip(np.einsum("ij,ij->i", one, other) / np.linalg.norm(other, axis=1), -1.0, 1.0))


def demand_saddle(seam: Seam, tolerance: float, turned: float = 2 * deg) -> np.ndarray:
    """The seam lies on both pipes, with their normals, and is as long as the analytic curve; its points."""
    curve = seam.curve
    assert isinstance(curve, SplineCurve)
    assert curve.closed
    stations = np.linspace(0.0, curve.length, 800)
    points = curve.points(stations)
    assert np.abs(np.hypot(points[:, 0], points[:, 2]) - RUN).max() < tolerance
    assert np.abs(np.hypot(points[:, 0], points[:, 1]) - BRANCH).max() < tolerance
    first, second = (face_normals(curve, face, stations) for face in seam.faces)
    assert angles_between(first, points * (1, 0, 1)).max() < turned
    assert angles_between(second, points * (1, 1, 0)).max() < turned
    tangents = curve.tangents(stations)
    for normals in (first, second):
        assert np.abs(np.einsum("ij,ij->i", normals, tangents)).max() < 1e-3
    turn = np.linspace(0.0, 2.0 * np.pi, 20_001)
    x, y = BRANCH * np.cos(turn), BRANCH * np.sin(turn)
    exact = np.stack([x, y, np.sqrt(RUN**2 - x**2)], axis=1)
    assert curve.length == pytest.approx(np.linalg.norm(np.diff(exact, axis=0), axis=1).sum(), rel=1e-3)
    return points


@pytest.mark.parametrize("smooth", [0.02, 0.2])
def test_a_pipe_on_a_pipe(seam_of: Callable[[str, str], Seam], smooth: float) -> None:
    text = f"{{intersection: [run, branch], near: 40 0 45 mm, travel: 0 1 0, smooth: {smooth} mm}}"
    seam = seam_of(PIPES.format(run=CYLINDER), text)
    assert seam.bodies == ("run", "branch")
    points = demand_saddle(seam, (smooth + 0.02) * mm)
    assert points[0] == pytest.approx((BRANCH, 0.0, np.sqrt(RUN**2 - BRANCH**2)), abs=0.5 * mm)
    assert seam.curve.tangents(np.zeros(1))[0, 1] > 0.99


def test_it_is_travelled_the_other_way_round(seam_of: Callable[[str, str], Seam]) -> None:
    seam = seam_of(PIPES.format(run=CYLINDER), "{intersection: [run, branch], near: 0 40 60 mm, travel: 1 0 0}")
    points = demand_saddle(seam, 0.3 * mm)
    assert points[0] == pytest.approx((0.0, BRANCH, RUN), abs=1 * mm)
    assert seam.curve.tangents(np.zeros(1))[0, 0] > 0.99


def test_a_mesh_of_coarse_facets_is_made_smooth(seam_of: Callable[[str, str], Seam], tmp_path: Path) -> None:
    """48 facets miss the pipe by 0.13 mm and its normals by 3.75 deg."""
    trimesh = pytest.importorskip("trimesh")
    pipe = trimesh.creation.cylinder(60.0, 400.0, sections=48)
    pipe.export(tmp_path / "run.obj")
    bodies = PIPES.format(run="parts_of: {file: run.obj, unit: mm, most: 1}")
    seam = seam_of(bodies, "{intersection: [run, branch], near: 40 0 45 mm, travel: 0 1 0, smooth: 0.3 mm}")
    demand_saddle(seam, 0.5 * mm, 4 * deg)


def test_a_pipe_through_a_plate_is_a_circle(seam_of: Callable[[str, str], Seam]) -> None:
    bodies = "  plate: {box: 200 200 4 mm, at: {xyz: 0 0 -2 mm}}\n  pipe: {cylinder: {radius: 30 mm, length: 90 mm}}"
    for travel, sign in (("0 1 0", 1.0), ("0 -1 0", -1.0)):
        seam = seam_of(bodies, f"{{intersection: [plate, pipe], near: 30 0 0 mm, travel: {travel}}}")
        assert isinstance(seam.curve, Arc)
        assert seam.curve.closed
        assert seam.curve.radius == pytest.approx(30 * mm, rel=1e-3)
        assert seam.curve.axis == pytest.approx((0.0, 0.0, sign))
        assert seam.curve.tangents(np.zeros(1))[0, 1] == pytest.approx(sign, abs=0.05)
        assert seam.faces == ("axis" if sign > 0.0 else "-axis", "radial")


def box(size: tuple[float, float, float], middle: tuple[float, float, float]) -> Mesh:
    signs = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]
    return Mesh(signs * size + np.array(middle), np.array(faces, dtype=np.intp))


@pytest.mark.parametrize("depth", [0.0, 0.005], ids=["touching", "sunk in"])
def test_a_box_on_a_box_has_four_edges(depth: float) -> None:
    plate, block = box((0.2, 0.2, 0.01), (0.0, 0.0, -0.005)), box((0.06, 0.04, 0.05), (0.0, 0.0, 0.025 - depth))
    found = crossings(plate, block)
    assert [meeting.closed for meeting in found] == [False] * 4
    lengths = [np.linalg.norm(meeting.points[-1] - meeting.points[0]) for meeting in found]
    assert sorted(lengths) == pytest.approx([0.04, 0.04, 0.06, 0.06], abs=1e-5)
    for meeting in found:
        assert np.abs(meeting.points[:, 2]).max() < 5e-6
        assert meeting.first == pytest.approx(np.tile((0.0, 0.0, 1.0), (len(meeting.first), 1)), abs=1e-4)
        middle = meeting.points.mean(axis=0) * (1, 1, 0)
        assert angles_between(meeting.second, np.tile(middle, (len(meeting.second), 1))).max() < 60 * deg


def test_boxes_apart_or_inside_each_other_have_none() -> None:
    assert crossings(box((0.1, 0.1, 0.1), (0.0, 0.0, 0.0)), box((0.1, 0.1, 0.1), (0.2, 0.0, 0.0))) == []
    assert crossings(box((0.1, 0.1, 0.1), (0.0, 0.0, 0.0)), box((0.02, 0.02, 0.02), (0.0, 0.0, 0.0))) == []


def test_a_straight_stretch_of_a_mesh_is_a_line(seam_of: Callable[[str, str], Seam], tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    trimesh.creation.box((60.0, 40.0, 50.0)).subdivide().export(tmp_path / "block.obj")
    bodies = "  plate: {box: 200 200 4 mm, at: {xyz: 0 0 -2 mm}}\n" + (
        "  block: {parts_of: {file: block.obj, unit: mm}, at: {xyz: 0 0 24 mm}}"
    )
    seam = seam_of(bodies, "{intersection: [plate, block], near: 30 0 0 mm, travel: 0 1 0}")
    assert isinstance(seam.curve, Polyline)
    assert seam.curve.length == pytest.approx(40 * mm, abs=1e-5)
    assert seam.faces[1] == pytest.approx((1.0, 0.0, 0.0), abs=1e-3)


@pytest.mark.parametrize(
    ("bodies", "seam", "said"),
    [
        (
            PIPES.format(run="cylinder: {radius: 20 mm, length: 400 mm}"),
            "{intersection: [run, branch], travel: 0 1 0}",
            "part.yaml:6:24: 'run' and 'branch' do not cross - do they touch at all? [F158]",
        ),
        (
            PIPES.format(run=CYLINDER),
            "{intersection: [run, branch], travel: 0 1 0}",
            "part.yaml:6:24: 'run' and 'branch' cross in 2 curves - name a point near the one that is meant: "
            "'near: 0 0 50 mm' [F158]",
        ),
        (
            "  two: {solids: {a: {sphere: {radius: 9 mm}}, b: {box: 9 9 9 mm}}}\n  pin: {sphere: {radius: 9 mm}}",
            "{intersection: [two, pin], travel: 0 1 0}",
            "part.yaml:5:24: body 'two' is several solids, not one surface - make the piece that is meant a body of "
            "its own [F158]",
        ),
    ],
)
def test_what_is_no_seam_is_told(seam_of: Callable[[str, str], Seam], bodies: str, seam: str, said: str) -> None:
    with pytest.raises(CellctlError) as caught:
        seam_of(bodies, seam)
    assert str(caught.value).splitlines()[0] == said
