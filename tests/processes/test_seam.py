"""Seam frames on closed-form cases, trimming, and weld positions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.model.cell import Cell, PartPlacement
from cellctl.model.curve import Arc, Polyline, SplineCurve, catmull_rom
from cellctl.model.part import Part, Seam, TurningFace, face_normals
from cellctl.model.pose import Pose
from cellctl.model.task import Weld
from cellctl.processes.position import weld_position
from cellctl.processes.procedure import arc_energy, heat_input
from cellctl.processes.seam import seam_path

LINE = Seam("line", Polyline([[0.0, 0.0, 0.0], [0.2, 0.0, 0.0]]), ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0)), ("a", "b"))
CIRCLE = Seam("ring", Arc((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), 0.1), ("axis", "radial"), ("a", "b"))


def cell_with(*seams: Seam) -> Cell:
    return Cell("c", (), (), (), (PartPlacement("p", Part("p", (), seams), "world", Pose.of((1.0, 0.0, 0.5))),))


def test_a_fillet_on_two_plates_has_its_normal_at_45_degrees() -> None:
    frames = seam_path(cell_with(LINE), Weld("p.line", "w")).frames([0.0, 0.1])
    np.testing.assert_allclose(frames.points, [[1.0, 0.0, 0.5], [1.1, 0.0, 0.5]])
    np.testing.assert_allclose(frames.normals[0], [0.0, -np.sqrt(0.5), np.sqrt(0.5)], atol=1e-12)


def test_offsets_count_from_start_and_from_end() -> None:
    path = seam_path(cell_with(LINE), Weld("p.line", "w", from_=0.015, to=-0.025))
    assert path.length == pytest.approx(0.160)
    np.testing.assert_allclose(path.frames([0.0, path.length]).points[:, 0], [1.015, 1.175])


def test_reversing_turns_t_and_b_and_keeps_n() -> None:
    cell = cell_with(LINE)
    ahead = seam_path(cell, Weld("p.line", "w", from_=0.015, to=-0.025))
    back = seam_path(cell, Weld("p.line", "w", from_=0.025, to=-0.015, reverse=True))
    assert back.length == pytest.approx(ahead.length)
    a, b = ahead.frames([0.0, ahead.length]), back.frames([back.length, 0.0])
    np.testing.assert_allclose(a.points, b.points, atol=1e-12)
    np.testing.assert_allclose(a.tangents, -b.tangents)
    np.testing.assert_allclose(a.normals, b.normals)


def test_a_circle_runs_once_round_and_on_by_its_overlap() -> None:
    path = seam_path(cell_with(CIRCLE), Weld("p.ring", "w", overlap=0.008, start=np.pi / 2))
    assert path.length == pytest.approx(2.0 * np.pi * 0.1 + 0.008)
    frames = path.frames([0.0, 2.0 * np.pi * 0.1])
    np.testing.assert_allclose(frames.points[0], [1.0, 0.1, 0.5], atol=1e-12)
    np.testing.assert_allclose(frames.points[0], frames.points[1], atol=1e-12)
    np.testing.assert_allclose(frames.normals[0], [0.0, np.sqrt(0.5), np.sqrt(0.5)], atol=1e-12)


def test_a_closed_curve_with_turning_faces_is_the_circle_that_it_is_made_of() -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 2001)
    out = np.stack([np.cos(turn), np.sin(turn), 0.0 * turn], axis=1)
    out[-1] = out[0]
    curve = SplineCurve(0.1 * out, np.cross((0.0, 0.0, 1.0), out), closed=True)
    ring = Seam("ring", curve, (TurningFace(np.tile((0.0, 0.0, 1.0), (2001, 1))), TurningFace(out)), ("a", "b"))
    weld = Weld("p.ring", "w", overlap=0.008, start=np.pi / 2)
    made, exact = seam_path(cell_with(ring), weld), seam_path(cell_with(CIRCLE), weld)
    assert made.length == pytest.approx(exact.length, rel=1e-5)
    s = np.linspace(0.0, 0.62, 40)
    for name in ("points", "tangents", "normals"):
        np.testing.assert_allclose(getattr(made.frames(s), name), getattr(exact.frames(s), name), atol=1e-4)
    with pytest.raises(ValueError, match="needs a seam that is a smooth curve"):
        face_normals(CIRCLE.curve, ring.faces[0], s)


def test_nothing_left_is_said() -> None:
    with pytest.raises(ValueError, match=r"nothing is left of seam 'p\.line': it is 200\.0 mm long"):
        seam_path(cell_with(LINE), Weld("p.line", "w", from_=0.15, to=-0.1))


def test_a_relative_face_needs_a_circle() -> None:
    bad = replace(LINE, faces=("axis", "radial"))
    with pytest.raises(ValueError, match="needs a seam that is an arc"):
        seam_path(cell_with(bad), Weld("p.line", "w")).frames([0.0])


def test_corners_of_a_polyline_are_given_along_the_trimmed_seam() -> None:
    bent = replace(LINE, curve=Polyline([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.1, 0.05, 0.0]]))
    path = seam_path(cell_with(bent), Weld("p.line", "w", from_=0.02))
    np.testing.assert_allclose(path.corners(), [0.08])


def test_a_spline_passes_its_points_with_unit_tangents() -> None:
    points = np.array([[0.0, 0.0, 0.0], [0.05, 0.02, 0.0], [0.1, 0.0, 0.01], [0.15, 0.0, 0.0]])
    curve = catmull_rom(points)
    s = np.linspace(0.0, curve.length, 4001)
    for point in points:
        assert np.linalg.norm(curve.points(s) - point, axis=1).min() < 1e-4
    np.testing.assert_allclose(np.linalg.norm(curve.tangents(s), axis=1), 1.0)


@pytest.mark.parametrize(
    ("tangent", "normal", "name"),
    [
        ((1, 0, 0), (0, 0, 1), "PA"),
        ((1, 0, 0), (0, -np.sqrt(0.5), np.sqrt(0.5)), "PB"),
        ((1, 0, 0), (0, -1, 0), "PC"),
        ((1, 0, 0), (0, -np.sqrt(0.5), -np.sqrt(0.5)), "PD"),
        ((1, 0, 0), (0, 0, -1), "PE"),
        ((0, 0, 1), (1, 0, 0), "PF"),
        ((0, 0, -1), (1, 0, 0), "PG"),
    ],
)
def test_positions(tangent: tuple[float, ...], normal: tuple[float, ...], name: str) -> None:
    """T8: level seams by which way their face looks, upright ones by the way they are welded."""
    assert weld_position(tangent, normal).name == name


def test_heat_input_of_a_published_case() -> None:
    """T6: 25 V, 250 A and 7 mm/s are 0.892857 kJ/mm of arc energy, of which MIG (k = 0.8) brings in 0.714286."""
    assert arc_energy(25.0, 250.0, 7e-3) / 1e6 == pytest.approx(0.892857, abs=1e-6)
    assert heat_input(25.0, 250.0, 7e-3, 0.8) / 1e6 == pytest.approx(0.714286, abs=1e-6)
