"""The shipped robot, tool, cell and task: figures against their sources, geometry against what the drawing says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellctl.files import cell_from_inputs, load_cell, load_robot, load_task, plan_inputs, task_from_inputs, task_input
from cellctl.files.solid_geometry import distance_to_body, distance_to_shape
from cellctl.model.cell import Cell
from cellctl.model.curve import Arc
from cellctl.model.pose import Pose, rotation_about
from cellctl.model.robot import Robot


def flange(robot: Robot, joints: tuple[float, ...]) -> np.ndarray:
    """Forward kinematics straight from the file's joints."""
    matrix, values = np.eye(4), iter(joints)
    for joint in robot.joints:
        matrix = matrix @ joint.origin.matrix
        if joint.kind == "revolute":
            matrix = matrix @ Pose.from_rotation(rotation_about(joint.axis, next(values))).matrix
    return matrix


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("lib:sim/tray_cell/cell.yaml")


@pytest.mark.parametrize(
    ("joints", "expected"),
    [
        ((0.0,) * 6, [0, 0, 1, 1.768, 0, 1, 0, 0, -1, 0, 0, 0.64]),
        (
            (0.4, -1.2, 1.3, 0.5, 0.8, -0.6),
            [-0.528281, 0.722073, 0.446687, 1.147814, 0.462038, 0.685854, -0.562251, -0.544284, -0.712348, -0.09064,
             -0.695949, 1.097113],
        ),
    ],
)  # fmt: skip
def test_kr16_2_stands_where_the_published_urdf_puts_it(joints: tuple[float, ...], expected: list[float]) -> None:
    found = flange(load_robot("kuka_kr16_2"), joints)
    np.testing.assert_allclose(found[:3].ravel(), expected, atol=1e-6)


def test_kr16_2_figures() -> None:
    robot = load_robot("kuka_kr16_2")
    np.testing.assert_allclose(np.degrees(robot.limit_array("upper")), [185, 35, 154, 350, 130, 350], rtol=1e-12)
    np.testing.assert_allclose(np.degrees(robot.limit_array("velocity")), [156, 156, 156, 330, 330, 615], rtol=1e-12)
    np.testing.assert_allclose(robot.limit_array("jerk"), 10.0 * robot.limit_array("acceleration"), rtol=1e-12)
    assert sum(link.inertia.mass for link in robot.links) == pytest.approx(235.0)
    assert all(link.inertia.basis == "estimate" for link in robot.links)
    assert {"chain", "acceleration_limits", "jerk_limits", "effort_limits", "masses", "meshes"} <= set(robot.sources)
    assert robot.sources["jerk_limits"].startswith("heuristic")
    assert [link.name for link in robot.links if not link.solids] == ["flange", "tool0"]


def test_torch_is_one_piece_and_ends_at_the_working_point(cell: Cell) -> None:
    tool = cell.mechanism("r1").tool
    assert tool is not None
    assert tool.torch is not None
    solids = {solid.name: solid for solid in tool.solids}
    axis = tool.torch.contact_tip.rotation[:, 2]
    np.testing.assert_allclose(axis, [np.sin(np.radians(22)), 0, np.cos(np.radians(22))], atol=1e-12)
    wire = solids["wire"].pose.apply([[0, 0, 0.008]])[0]
    np.testing.assert_allclose(wire, tool.torch.tcp(0.016).position, atol=2e-6)
    front = solids["nozzle"].pose.apply([[0, 0, 0.065]])[0]
    np.testing.assert_allclose(front, tool.torch.contact_tip.position + 0.002 * axis, atol=2e-6)
    order = ["mount", "body", "neck_lower", "neck_upper", "nozzle"]
    for first, second in pairwise(order):
        start = solids[second].pose.apply([[0, 0, -0.001 if second == "nozzle" else 0]])
        towards = solids[second].pose.apply([[0, 0, z] for z in np.linspace(-0.08, 0.07, 151)])
        inside = distance_to_shape(solids[first].shape, solids[first].pose.inverse().apply(np.vstack([start, towards])))
        assert inside.min() < 0.0, f"{first} and {second} do not meet"


def test_seams_lie_on_their_bodies(cell: Cell) -> None:
    part = cell.placement("tray").part
    bodies = {body.name: body for body in part.bodies}
    lengths = {seam.name: seam.curve.length for seam in part.seams}
    assert lengths == pytest.approx({"boss": 2 * np.pi * 0.030, "corner": 0.1, "left": 0.396, "right": 0.396})
    for seam in part.seams:
        points = seam.curve.points(np.linspace(0, seam.curve.length, 50))
        for name in seam.bodies:
            assert np.abs(distance_to_body(bodies[name], points)).max() < 1e-9


def test_corner_is_found_as_the_inside_edge_and_welded_downwards(cell: Cell) -> None:
    corner = cell.placement("tray").part.seam("corner")
    np.testing.assert_allclose(corner.curve.points([0.0, 0.1]), [[0, 0, 0.1], [0, 0, 0]], atol=1e-12)
    assert corner.faces == ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    assert isinstance(cell.placement("tray").part.seam("boss").curve, Arc)


def test_tray_opens_towards_the_robot(cell: Cell) -> None:
    pose = cell.placement("tray").pose_world_part
    np.testing.assert_allclose(pose.position, [1.38, 0, 0.624], atol=1e-12)
    np.testing.assert_allclose(pose.rotate([1, 1, 0]) / np.sqrt(2), [-1, 0, 0], atol=1e-12)
    left = cell.placement("tray").part.seam("left").curve.points([0.0])
    assert pose.apply(left)[0][1] > 0.2


def test_clamps_press_where_they_should(cell: Cell) -> None:
    part = cell.placement("tray")
    fixtures = {fixture.name: fixture for fixture in cell.fixtures}
    for i in range(1, 5):
        fixture = fixtures[f"clamp_{i}"]
        tip = {solid.name: solid for solid in fixture.body.solids}["tip"]
        bottom = fixture.pose_world.apply(tip.pose.apply([[0, 0, -0.004]]))
        on_part = part.pose_world_part.inverse().apply(bottom)
        gaps = [distance_to_body(body, on_part)[0] for body in part.part.bodies]
        assert abs(min(gaps)) < 1e-9, f"clamp_{i} does not press on the tray"


def test_yaml_and_python_are_one_task(checkout: Path) -> None:
    folder = checkout / "tasks" / "weld"
    from_yaml, from_python = load_task(folder / "tray_corner.yaml"), load_task(folder / "tray_corner.py")
    assert task_input(from_yaml).content == task_input(from_python).content
    assert from_yaml.steps == from_python.steps
    assert [item.sha256 for item in from_yaml.cell.inputs] == [item.sha256 for item in from_python.cell.inputs]


def test_the_archive_gives_the_same_values(checkout: Path, plain: Callable[[Any], Any]) -> None:
    task = load_task(checkout / "tasks" / "weld" / "tray_corner.yaml")
    inputs = plan_inputs(task)
    assert [item.reference for item in inputs] == sorted(item.reference for item in inputs)
    assert plain(task_from_inputs(reversed(inputs))) == plain(task)
    assert plain(cell_from_inputs(inputs)) == plain(task.cell)


def test_inputs_hold_everything_by_kind(cell: Cell) -> None:
    kinds = [item.kind for item in cell.inputs]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "cell": 1, "hull": 7, "part": 2, "robot": 1, "tool": 1, "wps": 1,
    }  # fmt: skip
    assert all(item.reference.startswith(("lib:", "pkg:")) for item in cell.inputs)


def test_every_shipped_file_names_its_schema(checkout: Path) -> None:
    files = [p for f in ("robots", "sim", "tasks") for p in sorted((checkout / f).rglob("*.yaml"))]
    for path in [*files, checkout / "cellctl.yaml"]:
        first = path.read_text("utf-8").split("\n")[0]
        assert first.startswith("# yaml-language-server: $schema="), path
        assert (path.parent / first.partition("=")[2]).is_file(), path
