"""Meshes as parts: the convex parts cover the solid, and seams are found along their edges."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull

from cellctl.errors import CellctlError
from cellctl.files import cell_from_inputs, load_cell
from cellctl.files.mesh.convex_parts import convex_parts, inside
from cellctl.files.mesh.edges import edge_chains
from cellctl.files.mesh.parts_cache import kept_parts
from cellctl.files.mesh.reading import Mesh, merged_mesh
from cellctl.model.curve import Arc, Polyline
from cellctl.model.part import Seam

ANGLE = [(0, 0), (40, 0), (40, 4), (4, 4), (4, 30), (0, 30)]
CHANNEL = [(0, 0), (300, 0), (300, 200), (280, 200), (280, 20), (20, 20), (20, 200), (0, 200)]


def prism(outline: list[tuple[float, float]], triangles: list[tuple[int, int, int]], height: float) -> trimesh.Trimesh:
    """A plane outline, counter-clockwise and cut into triangles, pulled up along z."""
    n = len(outline)
    flat = np.array(outline, dtype=np.float64)
    vertices = np.vstack([np.c_[flat, np.zeros(n)], np.c_[flat, np.full(n, height)]])
    faces = [(c, b, a) for a, b, c in triangles] + [(a + n, b + n, c + n) for a, b, c in triangles]
    for i in range(n):
        j = (i + 1) % n
        faces += [(i, j, j + n), (i, j + n, i + n)]
    return trimesh.Trimesh(vertices, faces, process=False)


def angle(length: float = 200.0) -> trimesh.Trimesh:
    return prism(ANGLE, [(0, 1, 3), (1, 2, 3), (0, 3, 5), (3, 4, 5)], length)


def channel() -> trimesh.Trimesh:
    return prism(CHANNEL, [(0, 1, 4), (0, 4, 5), (1, 2, 3), (1, 3, 4), (0, 5, 6), (0, 6, 7)], 100.0)


def mesh_of(solid: trimesh.Trimesh) -> Mesh:
    return merged_mesh(np.asarray(solid.triangles))


def outside(parts: tuple[np.ndarray, ...], points: np.ndarray) -> float:
    """How far points stand out of all parts."""
    planes = [ConvexHull(part).equations for part in parts]
    return float(np.min([(points @ p[:, :3].T + p[:, 3]).max(axis=1) for p in planes], axis=0).max())


def volume(parts: tuple[np.ndarray, ...]) -> float:
    return float(sum(ConvexHull(part).volume for part in parts))


def turned(solid: trimesh.Trimesh) -> trimesh.Trimesh:
    other = solid.copy()
    other.apply_transform(trimesh.transformations.euler_matrix(0.3, 0.7, 1.1))
    return other


@pytest.mark.parametrize(
    ("solid", "count"), [(angle(), 2), (turned(angle()), 2), (channel(), 3), (trimesh.creation.box((1, 2, 3)), 1)]
)
def test_plates_are_cut_where_they_meet(solid: trimesh.Trimesh, count: int) -> None:
    parts = convex_parts(mesh_of(solid), 16)
    assert len(parts) == count
    assert volume(parts) == pytest.approx(solid.volume, rel=1e-9)
    points, _ = trimesh.sample.sample_surface(solid, 2000, seed=1)
    assert outside(parts, points) < 1e-9 * np.ptp(points)


def test_parts_contain_a_torus() -> None:
    solid = trimesh.creation.torus(0.2, 0.05, major_sections=16, minor_sections=8)
    parts = convex_parts(mesh_of(solid), 8)
    assert 3 < len(parts) <= 8
    assert solid.volume < volume(parts) < 1.35 * solid.volume < solid.convex_hull.volume
    rng = np.random.default_rng(2)
    points = rng.uniform(*solid.bounds, (20_000, 3))
    # inside the ring of the facets, by the formula of the torus and not by the mesh
    deep = np.hypot(np.hypot(points[:, 0], points[:, 1]) - 0.2, points[:, 2]) < 0.05 * np.cos(np.pi / 8) - 0.006
    assert outside(parts, points[deep]) < 1e-12
    found = inside(points, np.asarray(solid.triangles))
    assert np.all(found[deep])
    # the facets of the inner side stand out of the torus a little
    assert not np.any(found[np.hypot(np.hypot(points[:, 0], points[:, 1]) - 0.2, points[:, 2]) > 0.054])


def test_one_part_is_the_hull() -> None:
    (part,) = convex_parts(mesh_of(channel()), 1)
    assert ConvexHull(part).volume == pytest.approx(channel().convex_hull.volume)


def test_an_inside_out_mesh_gives_the_same_parts() -> None:
    mesh = mesh_of(channel())
    parts = convex_parts(Mesh(mesh.vertices, mesh.faces[:, ::-1]), 16)
    assert volume(parts) == pytest.approx(channel().volume)


def test_an_open_mesh_has_no_parts() -> None:
    mesh = mesh_of(channel())
    with pytest.raises(ValueError, match="edges have not exactly two triangles"):
        convex_parts(Mesh(mesh.vertices, mesh.faces[1:]), 16)


def test_kept_parts_are_held_against_the_mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    mesh = mesh_of(angle())
    first = kept_parts(mesh, 4)
    (file,) = (tmp_path / "cellctl" / "parts").iterdir()
    marked = [[[x + 1e-7, y, z] for x, y, z in part] for part in json.loads(file.read_text())]
    file.write_text(json.dumps(marked))
    assert kept_parts(mesh, 4)[0][0, 0] == marked[0][0][0]  # they come from the file
    for bad in ("[", "[[[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]]", json.dumps([p.tolist() for p in first[:1]])):
        file.write_text(bad)
        again = kept_parts(mesh, 4)
        assert [part.tolist() for part in again] == [part.tolist() for part in first]


def test_edges_know_how_far_their_faces_open() -> None:
    inner = edge_chains(mesh_of(angle()), np.radians(20), np.radians(160))
    assert [chain.points.tolist() for chain in inner] == [[[4.0, 4.0, 0.0], [4.0, 4.0, 200.0]]]
    assert np.degrees(inner[0].openings) == pytest.approx([90.0])
    assert {tuple(inner[0].left[0]), tuple(inner[0].right[0])} == {(0.0, 1.0, 0.0), (1.0, 0.0, 0.0)}
    ridges = edge_chains(mesh_of(angle()), np.radians(200), np.radians(340))
    assert len(ridges) == 17
    assert np.degrees([chain.openings[0] for chain in ridges]) == pytest.approx([270.0] * 17)
    rings = edge_chains(
        mesh_of(trimesh.creation.annulus(5.0, 6.0, 10.0, sections=48)), np.radians(200), np.radians(340)
    )
    assert sorted((len(ring.points), ring.closed) for ring in rings) == [(49, True)] * 4


PART = """material_group: "22"
thickness: 4 mm
bodies:
{bodies}
seams:
  seam: {seam}
"""
CELL = """mechanisms:
  r1: {model: lib:robots/kuka_kr16_2, configurations: {home: 0 -90 90 0 45 0 deg}}
parts:
  part: {file: part.yaml, at: {xyz: 900 0 400 mm}}
"""


@pytest.fixture
def seam_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Seam]:
    (tmp_path / "cellctl.yaml").write_text("project: {name: meshes}\n")
    (tmp_path / "cell.yaml").write_text(CELL)
    monkeypatch.chdir(tmp_path)
    angle().export(tmp_path / "angle.stl")
    trimesh.creation.annulus(26.0, 30.0, 40.0, sections=32).export(tmp_path / "tube.obj")
    block = trimesh.creation.box((40.0, 40.0, 40.0))
    block.export(tmp_path / "block.stl")

    def loaded(bodies: str, seam: str) -> Seam:
        (tmp_path / "part.yaml").write_text(PART.format(bodies=bodies, seam=seam))
        cell = load_cell("cell.yaml")
        found = cell.placement("part").part.seam("seam")
        for file in tmp_path.glob("*.*"):
            if file.suffix in (".stl", ".obj", ".step"):
                file.rename(file.with_suffix(".gone"))
        again = cell_from_inputs(cell.inputs)  # from the inputs of a plan alone
        for file in tmp_path.glob("*.gone"):
            file.unlink()
        other = again.placement("part").part
        assert [body.solids for body in other.bodies] == [body.solids for body in cell.placement("part").part.bodies]
        assert other.seam("seam").faces == found.faces
        return found

    return loaded


def test_the_inside_edge_of_one_mesh(seam_of: Callable[[str, str], Seam]) -> None:
    seam = seam_of("  angle: {parts_of: {file: angle.stl, unit: mm}}", "{edges: {of: angle}, travel: 0 0 -1}")
    assert isinstance(seam.curve, Polyline)
    assert seam.curve.vertices == pytest.approx(np.array([[0.004, 0.004, 0.2], [0.004, 0.004, 0.0]]))
    assert sorted(seam.faces, key=str) == [(0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]
    assert seam.bodies == ("angle", "angle")


def test_a_tube_on_a_plate(seam_of: Callable[[str, str], Seam]) -> None:
    bodies = "  plate: {box: 400 400 4 mm, at: {xyz: 0 0 -2 mm}}\n" + (
        "  tube: {parts_of: {file: tube.obj, unit: mm, most: 12}, at: {xyz: 50 0 20 mm}}"
    )
    seam = seam_of(bodies, "{edges: {between: [plate, tube]}, near: 80 0 0 mm}")
    assert isinstance(seam.curve, Arc)
    assert seam.curve.closed
    assert seam.curve.centre == pytest.approx((0.05, 0.0, 0.0), abs=1e-6)
    assert seam.curve.radius == pytest.approx(0.03, rel=1e-4)
    assert seam.curve.axis == (0.0, 0.0, 1.0)
    assert (seam.faces, seam.bodies) == (("axis", "radial"), ("plate", "tube"))


def test_the_edge_of_a_block_on_a_plate(seam_of: Callable[[str, str], Seam]) -> None:
    bodies = "  plate: {box: 400 400 4 mm, at: {xyz: 0 0 -2 mm}}\n" + (
        "  block: {hull_of: {file: block.stl, unit: mm}, at: {xyz: 0 0 20 mm, rpy: 0 0 30 deg}}"
    )
    seam = seam_of(bodies, "{edges: {between: [block, plate]}, near: 20 10 0 mm, travel: 0 1 0}")
    assert isinstance(seam.curve, Polyline)
    assert seam.curve.length == pytest.approx(0.04, rel=1e-6)
    first, second = seam.faces
    assert first == pytest.approx((np.cos(np.pi / 6), np.sin(np.pi / 6), 0.0), abs=1e-6)
    assert second == pytest.approx((0.0, 0.0, 1.0), abs=1e-6)
    assert seam.curve.vertices[1, 1] > seam.curve.vertices[0, 1]


def test_a_step_file_as_a_body(
    seam_of: Callable[[str, str], Seam], step_box: Callable[..., bytes], tmp_path: Path
) -> None:
    pytest.importorskip("cascadio")
    (tmp_path / "wall.step").write_bytes(step_box((100.0, 4.0, 50.0)))
    bodies = "  plate: {box: 400 400 4 mm, at: {xyz: 0 0 -2 mm}}\n  wall: {parts_of: {file: wall.step, unit: mm}}"
    seam = seam_of(bodies, "{edges: {between: [plate, wall]}, near: 50 4 0 mm, travel: 1 0 0}")
    assert isinstance(seam.curve, Polyline)
    assert seam.curve.vertices == pytest.approx(np.array([[0.0, 0.004, 0.0], [0.1, 0.004, 0.0]]), abs=1e-7)
    assert seam.faces[1] == pytest.approx((0.0, 1.0, 0.0))


@pytest.mark.parametrize(
    ("bodies", "seam", "said"),
    [
        (
            "  angle: {parts_of: {file: open.stl, unit: mm}}",
            "{edges: {of: angle}, travel: 0 0 1}",
            "part.yaml:4:28: 'project:open.stl': it cannot be cut into parts, for it is not closed: "
            "3 edges have not exactly two triangles - close the mesh, or write 'hull_of' [F147]",
        ),
        (
            "  tube: {parts_of: {file: tube.dae, unit: m}}",
            "{line: [0 0 0 mm, 1 0 0 mm], bodies: [tube, tube], faces: [0 0 1, 0 1 0]}",
            "part.yaml:4:27: 'project:tube.dae': the file says that its numbers are mm [F146]",
        ),
        (
            "  angle: {parts_of: {file: angle.stl, unit: mm}}",
            "{edges: {of: angle, dihedral: 20 .. 60 deg}, travel: 0 0 1}",
            "part.yaml:6:17: 'angle' has no edge whose faces open by 'dihedral' - "
            "is the window of angles right? [F158]",
        ),
        (
            "  angle: {parts_of: {file: angle.stl, unit: mm}}",
            "{edges: {of: angle}}",
            "part.yaml:6:9: an edge with two ends needs 'travel' - write the direction: 'travel: 1 0 0' [F111]",
        ),
        (
            "  a: {box: 10 10 10 mm}\n  b: {box: 10 10 10 mm}",
            "{edges: {between: [a, b]}, travel: 1 0 0}",
            "part.yaml:7:17: neither 'a' nor 'b' is one mesh - write it as 'parts_of' or 'hull_of' a mesh file, "
            "or the seam as an intersection [F158]",
        ),
        (
            "  a: {parts_of: {file: angle.stl, unit: mm}}\n  b: {box: 400 400 4 mm, at: {xyz: 0 0 -2 mm}}",
            "{edges: {between: [a, b]}, travel: 1 0 0}",
            "part.yaml:7:17: 'a' and 'b' have 6 edges whose faces open by 'dihedral' - "
            "name a point near the one that is meant: 'near: 0 0 50 mm' [F158]",
        ),
        (
            "  a: {box: 10 10 10 mm}",
            "{edges: {of: a}, travel: 1 0 0}",
            "part.yaml:6:17: body 'a' is not one mesh, and has no edges - write it as 'parts_of' a mesh file [F158]",
        ),
    ],
)
def test_what_cannot_be_is_told(
    seam_of: Callable[[str, str], Seam], tmp_path: Path, bodies: str, seam: str, said: str
) -> None:
    solid = angle()
    trimesh.Trimesh(solid.vertices, solid.faces[1:], process=False).export(tmp_path / "open.stl")
    text = trimesh.creation.box((10.0, 10.0, 10.0)).export(file_type="dae").decode()
    assert "<asset>" in text
    (tmp_path / "tube.dae").write_text(text.replace("<asset>", '<asset><unit name="mm" meter="0.001"/>', 1))
    with pytest.raises(CellctlError) as caught:
        seam_of(bodies, seam)
    assert said in str(caught.value)
