"""Strict XML, and mesh files of every kind: what is read of them is what trimesh reads, and bad bytes are findings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from cellctl.errors import CellctlError, EnvironmentMissing, FileError
from cellctl.files.mesh import step
from cellctl.files.mesh.checks import mesh_figures
from cellctl.files.mesh.parsing import parse_mesh
from cellctl.files.xml_tree import MAX_DEPTH, parse_xml

BOX = trimesh.creation.box((0.3, 0.2, 0.1))


def code(data: bytes, name: str = "a.xml") -> str:
    with pytest.raises(CellctlError) as caught:
        parse_xml(data, name) if name.endswith(".xml") else parse_mesh(data, name)
    assert all(finding.place is not None for finding in caught.value.findings)
    return caught.value.findings[0].code


def test_elements_know_their_place() -> None:
    root = parse_xml(b'<a x="1">\n  <b>one</b>\r\n  <b> two</b></a>', "a.xml")
    assert [(b.text.strip(), b.place.line, b.place.column) for b in root.all("b")] == [("one", 2, 3), ("two", 3, 3)]
    assert [element.tag for element in root.walk()] == ["a", "b", "b"]
    assert root.get("x") == "1"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "F184"),
        (b"<a>", "F184"),
        (b"<a/><b/>", "F184"),
        (b"<a>&none;</a>", "F184"),
        (b"<!DOCTYPE a><a/>", "F185"),
        (b"<a>\xff</a>", "F104"),
        (b'<?xml version="1.0" encoding="latin-1"?><a/>', "F104"),
        (b"<a>" * (MAX_DEPTH + 1), "F108"),
        (b"<a>" + b"<b/>" * 200_001 + b"</a>", "F108"),
        (b"<a>" + b" " * 10_000_000 + b"</a>", "F103"),
    ],
)
def test_xml_outside_the_subset_is_refused(data: bytes, expected: str) -> None:
    assert code(data) == expected


@given(st.binary(max_size=60))
def test_any_bytes_are_a_tree_or_findings(data: bytes) -> None:
    for name in ("a.xml", "a.dae", "a.obj", "a.stl"):
        with suppress(FileError):
            parse_xml(data, name) if name == "a.xml" else parse_mesh(data, name)


@pytest.mark.parametrize("kind", ["stl", "stl_ascii", "obj", "dae"])
def test_every_kind_gives_the_same_mesh(kind: str) -> None:
    data = BOX.export(file_type=kind)
    data = data.encode() if isinstance(data, str) else data
    mesh = parse_mesh(data, f"box.{kind.partition('_')[0]}")
    figures = mesh_figures(mesh)
    assert figures.watertight
    assert figures.volume == pytest.approx(0.3 * 0.2 * 0.1, rel=1e-5)
    assert figures.extent == pytest.approx(0.3, rel=1e-6)
    assert len(mesh.faces) == 12


@pytest.mark.parametrize("unit", ["mm", "m"])
def test_a_step_box_has_its_size(unit: str, step_box: Callable[..., bytes]) -> None:
    pytest.importorskip("cascadio")
    mesh = parse_mesh(step_box((100.0, 50.0, 20.0), unit), "box.step")
    assert mesh.unit == {"mm": 1e-3, "m": 1.0}[unit]
    assert mesh.vertices.max(axis=0) == pytest.approx((100.0, 50.0, 20.0), rel=1e-6)
    assert mesh_figures(mesh).watertight


def test_step_without_its_package(monkeypatch: pytest.MonkeyPatch, step_box: Callable[..., bytes]) -> None:
    monkeypatch.setattr(step, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentMissing) as caught:
        parse_mesh(step_box((1.0, 1.0, 1.0)), "box.stp")
    assert caught.value.findings[0].code == "E541"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.obj", b"v 0 0 0\nf 1 2 3\n"),
        ("a.obj", b"v 0 0\n"),
        ("a.obj", b"v 0 0 0\n"),
        ("a.obj", b"v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"),
        ("a.stl", b"solid nothing\nendsolid\n"),
        ("a.dae", b"<COLLADA/>"),
        ("a.step", b"ISO-10303-21;\n"),
        ("a.step", b"not one"),
        ("a.step", b"ISO-10303-21;DATA;#1=( LENGTH_UNIT() NAMED_UNIT(*) SI_UNIT(.MILLI.,.METRE.) );ENDSEC;"),
    ],
)
def test_bad_meshes_are_findings(name: str, data: bytes) -> None:
    assert code(data, name) == "F142"


def test_a_kind_that_is_not_read_is_told() -> None:
    assert code(b"", "a.ply") == "F145"


def test_collada_has_its_unit_and_its_placement() -> None:
    text = Path(__file__).with_name("placed.dae").read_bytes()
    mesh = parse_mesh(text, "placed.dae")
    assert mesh.unit == 0.01
    triangle = mesh.vertices[mesh.faces[0]]
    # a right triangle with legs of 1, scaled by 2, turned by 90 deg about z, moved by 10 along x
    assert np.ptp(triangle, axis=0) == pytest.approx((2.0, 2.0, 0.0), abs=1e-9)
    assert triangle.min(axis=0) == pytest.approx((8.0, 0.0, 5.0), abs=1e-9)
