"""Where PyBullet puts the links of a chain: an oracle for our own forward kinematics. Answers nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
from numpy.typing import ArrayLike

from cellctl.model.pose import FloatArray
from cellctl.model.robot import Joint, Robot
from cellctl.scene.bullet.client import Client


def bullet_flanges(robot: Robot, joints: ArrayLike) -> FloatArray:
    """The flange in the base frame (n, 4, 4) for joint values (n, dof), as PyBullet has it from a URDF of the chain.

    Raises EnvironmentMissing without PyBullet (E501).
    """
    moving = [index for index, joint in enumerate(robot.joints) if joint.kind != "fixed"]
    tip = next(index for index, joint in enumerate(robot.joints) if joint.child == robot.flange)
    with Client() as client, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chain.urdf"
        file.write_bytes(_urdf(robot))
        body = client.loadURDF(str(file), useFixedBase=True)
        return np.array([_flange(client, body, moving, tip, q) for q in np.atleast_2d(np.asarray(joints))])


def _flange(client: Client, body: int, moving: list[int], tip: int, q: FloatArray) -> FloatArray:
    for index, value in zip(moving, q, strict=True):
        client.resetJointState(body, index, float(value))
    state = client.getLinkState(body, tip, computeForwardKinematics=True)
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(client.bullet.getMatrixFromQuaternion(state[5]), (3, 3))
    matrix[:3, 3] = state[4]
    return matrix


def _urdf(robot: Robot) -> bytes:
    """The bare chain; links weigh 1 kg, so that PyBullet keeps every one of them."""
    root = Element("robot", name="chain")
    for name in (robot.base, *(joint.child for joint in robot.joints)):
        inertial = SubElement(SubElement(root, "link", name=name), "inertial")
        SubElement(inertial, "mass", value="1")
        SubElement(inertial, "inertia", ixx="1", ixy="0", ixz="0", iyy="1", iyz="0", izz="1")
    for joint in robot.joints:
        _add_joint(root, joint)
    return tostring(root)


def _add_joint(root: Element, joint: Joint) -> None:
    element = SubElement(root, "joint", name=joint.name, type=joint.kind)
    SubElement(element, "parent", link=joint.parent)
    SubElement(element, "child", link=joint.child)
    SubElement(element, "origin", xyz=_text(joint.origin.position), rpy=_text(_rpy(joint.origin.rotation)))
    SubElement(element, "axis", xyz=_text(joint.axis))
    SubElement(element, "limit", lower="-7", upper="7", effort="1", velocity="1")


def _rpy(rotation: FloatArray) -> tuple[float, float, float]:
    """Fixed-axis roll, pitch and yaw (rad); where pitch is a quarter turn, yaw is 0."""
    level = float(np.hypot(rotation[0, 0], rotation[1, 0]))
    pitch = float(np.arctan2(-rotation[2, 0], level))
    if level < 1e-9:
        return float(np.arctan2(-rotation[1, 2], rotation[1, 1])), pitch, 0.0
    roll, yaw = np.arctan2(rotation[2, 1], rotation[2, 2]), np.arctan2(rotation[1, 0], rotation[0, 0])
    return float(roll), pitch, float(yaw)


def _text(values: ArrayLike) -> str:
    return " ".join(repr(float(value)) for value in np.asarray(values))
