"""Where every robot's links are: against the published poses, PyBullet, roboticstoolbox and the closed form."""

from __future__ import annotations

from math import atan2, cos, hypot, sin
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from cellctl.files import library_robots
from cellctl.kinematics.chain import chain_of, link_places
from cellctl.kinematics.forward import flange_matrices, frames
from cellctl.model.pose import rotation_about
from cellctl.model.robot import OpwParameters, Robot
from tests.library.branch_counts import toolbox_sequence
from tests.library.conftest import robot_called

TABLE = YAML(typ="safe").load(Path(__file__).with_name("fk_table.yaml"))
OWN = {"generic_gcode_6axis"}
"""Robots of our own: nobody else has published where their flange is."""
WITH_FIGURES = [name for name in library_robots() if robot_called(name).opw is not None]
"""Robots whose files give the figures of a closed form."""
ROUNDED = {"annin_ar4_mk3": 3e-5}
"""Chains with rounded quarter turns, and how far their closed form may be off."""


def test_the_table_has_every_robot(robot: Robot) -> None:
    assert (robot.name in TABLE) is not (robot.name in OWN)


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize("robot", sorted(TABLE), indirect=True)
def test_frames_are_where_the_published_description_puts_them(robot: Robot, row: int) -> None:
    published = TABLE[robot.name]["poses"][row]
    frame, pose = link_places(robot)[TABLE[robot.name]["frame"]]
    reached = frames(chain_of(robot), published["joints"])[frame] @ pose.matrix
    np.testing.assert_allclose(reached[:3], published["pose"], rtol=0.0, atol=2e-6)


def test_z_points_out_of_every_flange(robot: Robot) -> None:
    """The flange is nowhere behind what carries it: a tool mounted along +z leaves the arm."""
    places = link_places(robot)
    last = frames(chain_of(robot), np.zeros(robot.dof))[places[robot.flange].frame]
    flange = frames(chain_of(robot), np.zeros(robot.dof))[-1]
    outward = flange[:3, 3] - last[:3, 3]
    if np.linalg.norm(outward) > 1e-6:
        assert flange[:3, 2] @ outward / np.linalg.norm(outward) > 0.9


def test_flange_agrees_with_roboticstoolbox(robot: Robot, random_joints: np.ndarray) -> None:
    pytest.importorskip("roboticstoolbox")
    sequence = toolbox_sequence(robot)
    expected = np.array([sequence.eval(q) for q in random_joints[:20]])
    reached = flange_matrices(chain_of(robot), random_joints[:20])
    np.testing.assert_allclose(reached, expected, rtol=0.0, atol=1e-6)


def test_every_link_agrees_with_pybullet(robot: Robot, random_joints: np.ndarray, tmp_path: Path) -> None:
    bullet = pytest.importorskip("pybullet")
    file = tmp_path / "robot.urdf"
    file.write_text(_urdf(robot))
    client = bullet.connect(bullet.DIRECT)
    try:
        body = bullet.loadURDF(str(file), useFixedBase=True, physicsClientId=client)
        axes = [k for k, joint in enumerate(robot.joints) if joint.kind != "fixed"]
        chain, places = chain_of(robot), link_places(robot)
        for q in random_joints[:20]:
            for index, value in zip(axes, q, strict=True):
                bullet.resetJointState(body, index, value, physicsClientId=client)
            ours = frames(chain, q)
            for index, joint in enumerate(robot.joints):
                state = bullet.getLinkState(body, index, computeForwardKinematics=True, physicsClientId=client)
                frame, pose = places[joint.child]
                expected = ours[frame] @ pose.matrix
                rotation = np.reshape(bullet.getMatrixFromQuaternion(state[5]), (3, 3))
                np.testing.assert_allclose(state[4], expected[:3, 3], rtol=0.0, atol=1e-6)
                np.testing.assert_allclose(rotation, expected[:3, :3], rtol=0.0, atol=1e-6)
    finally:
        bullet.disconnect(client)


@pytest.mark.parametrize("robot", WITH_FIGURES, indirect=True)
def test_the_closed_form_is_the_chain(robot: Robot, random_joints: np.ndarray) -> None:
    assert robot.opw is not None
    expected = np.array([_opw_forward(robot.opw, q) for q in random_joints])
    reached = flange_matrices(chain_of(robot), random_joints)
    np.testing.assert_allclose(reached, expected, rtol=0.0, atol=ROUNDED.get(robot.name, 1e-9))


def _opw_forward(opw: OpwParameters, q: np.ndarray) -> np.ndarray:
    """Forward kinematics after Brandstoetter, Angerer and Hofbaur, section 3: (4, 4)."""
    t = np.array(opw.signs) * q - np.array(opw.offsets)
    bend, forearm = t[1] + t[2] + atan2(opw.a2, opw.c3), hypot(opw.a2, opw.c3)
    x = opw.a1 + opw.c2 * sin(t[1]) + forearm * sin(bend)
    z = opw.c1 + opw.c2 * cos(t[1]) + forearm * cos(bend)
    wrist = np.array([x * cos(t[0]) - opw.b * sin(t[0]), x * sin(t[0]) + opw.b * cos(t[0]), z])
    turns = ((2, t[0]), (1, t[1] + t[2]), (2, t[3]), (1, t[4]), (2, t[5]))
    rotation = np.eye(3)
    for axis, angle in turns:
        rotation = rotation @ rotation_about(np.eye(3)[axis], angle)
    tip = np.eye(4)
    tip[:3, :3] = rotation
    tip[:3, 3] = wrist + opw.c4 * rotation[:, 2]
    return tip @ opw.tip_fix.matrix


def _urdf(robot: Robot) -> str:
    links = "".join(
        f'<link name="{link.name}"><inertial><mass value="1"/>'
        '<inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial></link>'
        for link in robot.links
    )
    joints = ""
    for joint in robot.joints:
        m = joint.origin.rotation
        pitch = np.arctan2(-m[2, 0], np.hypot(m[0, 0], m[1, 0]))
        if np.hypot(m[0, 0], m[1, 0]) > 1e-9:
            rpy = (np.arctan2(m[2, 1], m[2, 2]), pitch, np.arctan2(m[1, 0], m[0, 0]))
        else:
            rpy = (np.arctan2(-m[1, 2], m[1, 1]), pitch, 0.0)
        joints += (
            f'<joint name="{joint.name}" type="{joint.kind}">'
            f'<parent link="{joint.parent}"/><child link="{joint.child}"/>'
            f'<origin xyz="{_text(joint.origin.position)}" rpy="{_text(rpy)}"/><axis xyz="{_text(joint.axis)}"/>'
            '<limit lower="-7" upper="7" effort="1" velocity="1"/></joint>'
        )
    return f'<robot name="{robot.name}">{links}{joints}</robot>'


def _text(values: object) -> str:
    return " ".join(repr(float(v)) for v in values)  # type: ignore[attr-defined]
