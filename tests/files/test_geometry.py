"""Distances, edges and shapes against geometry that is not ours (trimesh, Qhull) and against the drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from cellctl.files.body_values import one_body
from cellctl.files.reading import File, Reading
from cellctl.files.shape_fields import OneBodyField
from cellctl.files.solid_geometry import concave_edges, distance_to_shape
from cellctl.files.sources import ArchiveSource
from cellctl.files.yaml_tree import YamlMap
from cellctl.model.part import Body
from cellctl.model.pose import Pose, rotation_rpy
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Solid, Sphere, frustum

coordinates = st.tuples(*[st.floats(-0.3, 0.3)] * 3)
points = st.lists(coordinates, min_size=1, max_size=8).map(np.array)


def mesh_of(shape: Shape) -> trimesh.Trimesh:
    if isinstance(shape, Box):
        return trimesh.creation.box(shape.size)
    if isinstance(shape, Cylinder):
        return trimesh.creation.cylinder(shape.radius, shape.length, sections=180)
    if isinstance(shape, Sphere):
        return trimesh.creation.icosphere(subdivisions=4, radius=shape.radius)
    return trimesh.convex.convex_hull(shape.vertices)


@pytest.mark.parametrize("shape", [Box((0.2, 0.1, 0.3)), Cylinder(0.1, 0.2), Sphere(0.15)])
def test_distances_agree_with_trimesh(shape: Shape) -> None:
    samples = np.random.default_rng(1).uniform(-0.3, 0.3, (60, 3))
    _, away, _ = trimesh.proximity.closest_point_naive(mesh_of(shape), samples)
    ours = distance_to_shape(shape, samples)
    np.testing.assert_allclose(np.abs(ours), away, atol=5e-4)
    inside = Delaunay(mesh_of(shape).vertices).find_simplex(samples) >= 0
    assert np.array_equal(ours < 0, inside) or np.abs(ours[(ours < 0) != inside]).max() < 5e-4


@given(points)
def test_hull_distance_has_the_sign_of_qhull_and_never_says_too_much(samples: np.ndarray) -> None:
    shape = frustum(0.1, 0.05, 0.2)
    ours = distance_to_shape(shape, samples)
    inside = Delaunay(shape.vertices).find_simplex(samples) >= 0
    assert np.all((ours <= 1e-9) | ~inside)
    assert np.all((ours > -1e-9) | inside)
    nearest = np.linalg.norm(shape.vertices[None] - samples[:, None], axis=2).min(axis=1)
    assert np.all(ours <= nearest + 1e-12)


def body(shape: Shape, pose: Pose | None = None, name: str = "b") -> Body:
    return Body(name, (Solid(name, shape),), (), pose or Pose.identity())


@given(st.tuples(*[st.floats(-3, 3)] * 3), st.tuples(*[st.floats(-1, 1)] * 3))
def test_inside_edge_of_two_walls_anywhere(rpy: tuple[float, float, float], xyz: tuple[float, float, float]) -> None:
    placed = Pose.from_rotation(rotation_rpy(*rpy), xyz)
    left = body(Box((0.4, 0.004, 0.1)), placed @ Pose.of((0.196, -0.002, 0.05)))
    right = body(Box((0.004, 0.396, 0.1)), placed @ Pose.of((-0.002, 0.198, 0.05)))
    (edge,) = concave_edges(left, right)
    ends = placed.inverse().apply(np.array([edge.start, edge.end]))
    np.testing.assert_allclose(sorted(ends.tolist(), key=lambda p: p[2]), [[0, 0, 0], [0, 0, 0.1]], atol=1e-9)
    np.testing.assert_allclose(placed.inverse().rotate(edge.first), [0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(placed.inverse().rotate(edge.second), [1, 0, 0], atol=1e-9)


def test_a_t_joint_has_two_inside_edges_and_the_outer_corner_none() -> None:
    plate, web = body(Box((0.4, 0.4, 0.004))), body(Box((0.004, 0.4, 0.1)), Pose.of((0, 0, 0.052)))
    found = sorted(edge.middle[0] for edge in concave_edges(plate, web))
    np.testing.assert_allclose(found, [-0.002, 0.002], atol=1e-12)
    assert concave_edges(plate, body(Box((0.004, 0.4, 0.1)), Pose.of((0.5, 0, 0.052)))) == []
    assert concave_edges(plate, body(Cylinder(0.1, 0.1))) == []


def test_hulls_meet_as_boxes_do() -> None:
    corners = np.array([[x, y, z] for x in (-0.004, 0.4) for y in (-0.004, 0) for z in (0, 0.1)])
    left = body(Hull(corners))
    right = body(Box((0.004, 0.396, 0.1)), Pose.of((-0.002, 0.198, 0.05)))
    (edge,) = concave_edges(left, right)
    np.testing.assert_allclose(np.sort([edge.start[2], edge.end[2]]), [0, 0.1], atol=1e-8)


def read_body(tree: dict[str, Any]) -> Body:
    field = OneBodyField.model_validate(tree)
    reading = Reading(ArchiveSource(()))
    file = File("project:x", "x", YamlMap(), YamlMap(), field, reading)
    found = one_body(file, "b", field, Pose.identity(), ())
    assert reading.findings == []
    return found


@given(st.floats(0, 2 * np.pi), st.floats(0, 1), st.floats(-1, 1), st.floats(0.01, 0.1), st.floats(0.05, 0.95))
def test_tube_pieces_cover_the_wall(angle: float, depth: float, height: float, radius: float, share: float) -> None:
    wall, length = share * radius, 0.04
    tree = {"tube": {"radius": f"{radius!r} m", "wall": f"{wall!r} m", "length": "40 mm"}}
    tube = read_body(tree)
    r, z = radius - depth * wall, height * length / 2
    point = np.array([[r * np.cos(angle), r * np.sin(angle), z]])
    assert min(distance_to_shape(solid.shape, point)[0] for solid in tube.solids) < 1e-7
    assert len(tube.visuals) == len(tube.solids) > 10


def test_a_solid_cover_is_one_cylinder_and_still_looks_hollow() -> None:
    tube = read_body({"tube": {"radius": "30 mm", "wall": "4 mm", "length": "40 mm", "cover": "solid"}})
    assert [solid.shape for solid in tube.solids] == [Cylinder(0.03, 0.04)]
    hole = np.array([[0.0, 0.0, 0.0]])
    assert min(distance_to_shape(v.shape, hole)[0] for v in tube.visuals if v.shape is not None) > 0.02


ARM = """
title: sliding arm
base: base
flange: tool0
payload: 5 kg
joints:
  wrist: {type: revolute, parent: carriage, child: hand, at: {xyz: 0 0 200 mm}, axis: 0 2 0,
          lower: -90 deg, upper: 90 deg, velocity: 90 deg/s,
          acceleration: 180 deg/s^2, jerk: 1800 deg/s^3, effort: 20 N*m}
  slide: {type: prismatic, parent: base, child: carriage, axis: 1 0 0, lower: -500 mm, upper: 0.5 m,
          velocity: 0.3 m/s, acceleration: 1 m/s^2, jerk: 10 m/s^3, effort: 1 kN}
  mount: {type: fixed, parent: hand, child: tool0, at: {xyz: 0 0 100 mm}}
links:
  base: {solids: {foot: {box: 1200 200 50 mm}, post: {cylinder: {radius: 50 mm, length: 300 mm}}}}
  carriage: {inertia: {mass: 4 kg, com: 0 0 100 mm, inertia: 0.1 0 0 0.1 0 0.1 kg*m^2, basis: source}}
  hand:
    solids: {ball: {sphere: {radius: 50 mm}}}
    visuals: [{cylinder: {radius: 40 mm, length: 100 mm}, colour: "#ff0000"}]
"""


def test_another_arm_comes_by_adding_a_folder(tmp_path: Path) -> None:
    from cellctl.files import load_cell, load_robot

    (tmp_path / "cellctl.yaml").write_text("project: {name: p}\n")
    (tmp_path / "arms" / "slider").mkdir(parents=True)
    (tmp_path / "arms" / "slider" / "robot.yaml").write_text(ARM)
    (tmp_path / "cell.yaml").write_text(
        "mechanisms:\n  s: {model: arms/slider, configurations: {home: [100 mm, -45 deg]}}\n"
        "  t: {model: project:arms/slider, at: {xyz: 0 1 0 m, rpy: 0 0 90 deg}}\ngroups: {both: [s, t]}\n"
    )
    robot = load_robot(tmp_path / "arms" / "slider")
    assert [joint.name for joint in robot.joints] == ["slide", "wrist", "mount"]
    assert [link.name for link in robot.links] == ["base", "carriage", "hand", "tool0"]
    assert (robot.name, robot.dof, robot.opw) == ("slider", 2, None)
    assert robot.axes[1].axis == (0.0, 1.0, 0.0)
    np.testing.assert_allclose(robot.limit_array("upper"), [0.5, np.pi / 2])
    assert robot.axis_limits[0].effort == 1000.0
    assert robot.link("hand").visuals[0].colour == (1.0, 0.0, 0.0)
    cell = load_cell(tmp_path / "cell.yaml")
    assert cell.mechanism("s").configurations == {"home": (0.1, -np.pi / 4)}
    assert cell.group("both").mechanisms == ("s", "t")
    np.testing.assert_allclose(cell.mechanism("t").pose_world_base.position, [0, 1, 0])


def test_frames_chain_by_name(tmp_path: Path) -> None:
    from cellctl.files import load_cell

    (tmp_path / "cell.yaml").write_text(
        "mechanisms:\n  r: {model: lib:robots/kuka_kr16_2, at: {frame: plinth.top}}\n"
        "frames: {b: {frame: a, xyz: 100 0 0 mm}, a: {xyz: 0 0 1 m, rpy: 0 0 90 deg}}\n"
        "fixtures: {plinth: {box: 1 1 0.5 m, at: {frame: b, xyz: 0 0 0.25 m}, carries: r}}\n"
    )
    cell = load_cell(tmp_path / "cell.yaml")
    np.testing.assert_allclose(cell.mechanism("r").pose_world_base.position, [0, 0.1, 1.5], atol=1e-12)
    (plinth,) = cell.fixtures
    np.testing.assert_allclose(plinth.pose_world.position, [0, 0.1, 1.25], atol=1e-12)
    assert {frame.name: frame.parent for frame in cell.frames} == {
        "a": "world", "b": "a", "plinth": "b", "plinth.top": "plinth", "r.flange": "plinth.top",
    }  # fmt: skip
