"""STL files, package references and hulls: what is read, and what is refused with which finding."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.errors import CellctlError, EnvironmentMissing, FileError
from cellctl.files.mesh import reading as meshes
from cellctl.files.mesh.reading import convex_hull, convexity_gap, parse_stl, read_stl, resolve_package_reference

KUKA = "pkg:rtbdata/xacro/kuka_description/kuka_kr16/meshes/kr16_2/collision"
LINKS = ("base_link", *(f"link_{k}" for k in range(1, 7)))
TETRAHEDRON = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def binary(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    facets = [struct.pack("<12fH", 0, 0, 0, *vertices[face].ravel(), 0) for face in faces]
    return b"solid by name only".ljust(80) + struct.pack("<I", len(faces)) + b"".join(facets)


def ascii_text(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    lines = ["solid tet"]
    for face in faces:
        lines += ["facet normal 0 0 0", "outer loop", *(f"vertex {x:g} {y:g} {z:g}" for x, y, z in vertices[face])]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, "endsolid tet"]).encode()


@pytest.mark.parametrize("form", [binary, ascii_text])
def test_both_forms_are_read(form) -> None:
    mesh = parse_stl(form(TETRAHEDRON, FACES), "t.stl", scale=0.001)
    assert {tuple(v) for v in mesh.vertices} == {tuple(v) for v in TETRAHEDRON * 0.001}
    assert mesh.faces.shape == (4, 3)
    assert np.array_equal(
        np.sort(mesh.vertices[mesh.faces].reshape(4, -1), axis=0),
        np.sort(0.001 * TETRAHEDRON[FACES].reshape(4, -1), axis=0),
    )


def finding(call, error: type[CellctlError] = FileError) -> str:
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


def test_what_is_no_stl_is_refused() -> None:
    good = binary(TETRAHEDRON, FACES)
    wrong = "bad.stl: not an STL file - export the mesh as binary or ASCII STL [F142]"
    for content in (b"", b"solid\n", b"solid x\nvertex 1 2 3\n", good[:-1], good + b"x", b"solid\nvertex a b c\n" * 3):
        assert finding(lambda content=content: parse_stl(content, "bad.stl")) == wrong
    nan = binary(TETRAHEDRON * np.nan, FACES)
    text = finding(lambda: parse_stl(nan, "bad.stl"))
    assert text == "bad.stl: the STL file holds a coordinate that is not finite [F142]"


@given(st.binary(max_size=400))
def test_no_bytes_end_in_a_traceback(content: bytes) -> None:
    assert "[F142]" in finding(lambda: parse_stl(content, "x.stl"))


def test_files_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "[F140]" in finding(lambda: read_stl(tmp_path / "none.stl"))
    assert "not a regular file" in finding(lambda: read_stl(tmp_path))
    pipe = tmp_path / "pipe.stl"
    os.mkfifo(pipe)
    assert "not a regular file" in finding(lambda: read_stl(pipe))
    big = tmp_path / "big.stl"
    big.write_bytes(b"x" * 100)
    monkeypatch.setattr(meshes, "MAX_BYTES", 50)
    assert "[F141]" in finding(lambda: read_stl(big, reference="project:big.stl"))


def test_references_stay_inside_their_package() -> None:
    assert resolve_package_reference(f"{KUKA}/link_1.stl").is_file()
    assert "[F143]" in finding(lambda: resolve_package_reference("rtbdata/x.stl"))
    assert "[F143]" in finding(lambda: resolve_package_reference("pkg:rtbdata/../numpy/version.py"))
    assert "[F143]" in finding(lambda: resolve_package_reference("pkg:rtbdata//etc/passwd"))
    assert "[F140]" in finding(lambda: resolve_package_reference("pkg:rtbdata/none.stl"))
    assert "[E504]" in finding(lambda: resolve_package_reference("pkg:not_there/a.stl"), EnvironmentMissing)


@pytest.mark.parametrize(("link", "corners"), list(zip(LINKS, (205, 304, 323, 222, 316, 154, 156), strict=True)))
def test_links_of_the_kuka_are_convex(link: str, corners: int) -> None:
    mesh = read_stl(resolve_package_reference(f"{KUKA}/{link}.stl"))
    assert convexity_gap(mesh) < 1e-12
    assert len(convex_hull(mesh.vertices).vertices) == corners == len(mesh.vertices)


def test_a_dent_is_measured() -> None:
    trimesh = pytest.importorskip("trimesh")
    ball = trimesh.creation.icosphere(subdivisions=3)
    vertices = np.array(ball.vertices)
    assert convexity_gap(meshes.Mesh(vertices, ball.faces)) < 1e-12
    assert convexity_gap(meshes.Mesh(vertices, ball.faces[:, ::-1])) < 1e-12
    vertices[0] *= 0.8
    assert convexity_gap(meshes.Mesh(vertices, ball.faces)) > 0.1


def test_a_hull_holds_every_point() -> None:
    points = np.random.default_rng(1).normal(size=(500, 3))
    trimesh = pytest.importorskip("trimesh")
    hull = convex_hull(points).vertices
    assert len(hull) == len(trimesh.convex.convex_hull(points).vertices)
    planes = trimesh.convex.convex_hull(hull)
    heights = np.einsum("fj,pfj->pf", planes.face_normals, points[:, None] - planes.triangles[None, :, 0])
    assert heights.max() < 1e-12
    assert "[F144]" in finding(lambda: convex_hull(points * (1.0, 1.0, 0.0), "flat.stl"))
