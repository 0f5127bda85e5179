"""Forward kinematics and Jacobian against the makers' descriptions, roboticstoolbox, PyBullet and differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellctl.kinematics.chain import Chain, chain_of, link_places
from cellctl.kinematics.forward import flange_matrices, flange_pose, frames
from cellctl.kinematics.jacobian import jacobian, jacobians, normalised_sigma_min
from cellctl.model.pose import Pose, rotation_about
from cellctl.model.robot import Robot


def test_flange_is_where_the_makers_description_puts_it(robot: Robot, published: list) -> None:
    for q, expected in published:
        np.testing.assert_allclose(flange_pose(chain_of(robot), q).matrix[:3], expected, atol=1e-6)


def test_flange_agrees_with_roboticstoolbox(robot: Robot, random_joints: np.ndarray) -> None:
    toolbox = pytest.importorskip("roboticstoolbox")
    elements = []
    for joint in robot.joints:
        elements.append(toolbox.ET.SE3(joint.origin.matrix))
        if joint.kind == "revolute":
            letter = "xyz"[int(np.argmax(np.abs(joint.axis)))]
            elements.append(getattr(toolbox.ET, f"R{letter}")(flip=min(joint.axis) < 0.0))
    sequence = toolbox.ETS(elements)
    expected = np.array([sequence.eval(q) for q in random_joints[:100]])
    np.testing.assert_allclose(flange_matrices(chain_of(robot), random_joints[:100]), expected, atol=1e-12)


def test_every_link_agrees_with_pybullet(robot: Robot, random_joints: np.ndarray, tmp_path: Path) -> None:
    bullet = pytest.importorskip("pybullet")
    file = tmp_path / f"{robot.name}.urdf"
    file.write_text(_urdf(robot))
    client = bullet.connect(bullet.DIRECT)
    try:
        body = bullet.loadURDF(str(file), useFixedBase=True, physicsClientId=client)
        axes = [k for k, joint in enumerate(robot.joints) if joint.kind == "revolute"]
        chain, places = chain_of(robot), link_places(robot)
        for q in random_joints[:50]:
            for index, value in zip(axes, q, strict=True):
                bullet.resetJointState(body, index, value, physicsClientId=client)
            ours = frames(chain, q)
            for index, joint in enumerate(robot.joints):
                state = bullet.getLinkState(body, index, computeForwardKinematics=True, physicsClientId=client)
                frame, pose = places[joint.child]
                expected = ours[frame] @ pose.matrix
                rotation = np.reshape(bullet.getMatrixFromQuaternion(state[5]), (3, 3))
                np.testing.assert_allclose(state[4], expected[:3, 3], atol=1e-6)
                np.testing.assert_allclose(rotation, expected[:3, :3], atol=1e-6)
    finally:
        bullet.disconnect(client)


def _urdf(robot: Robot) -> str:
    links = "".join(
        f'<link name="{link.name}"><inertial><mass value="1"/>'
        '<inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial></link>'
        for link in robot.links
    )
    joints = ""
    for joint in robot.joints:
        m = joint.origin.rotation
        rpy = (np.arctan2(m[2, 1], m[2, 2]), np.arcsin(np.clip(-m[2, 0], -1.0, 1.0)), np.arctan2(m[1, 0], m[0, 0]))
        joints += (
            f'<joint name="{joint.name}" type="{joint.kind}">'
            f'<parent link="{joint.parent}"/><child link="{joint.child}"/>'
            f'<origin xyz="{_text(joint.origin.position)}" rpy="{_text(rpy)}"/><axis xyz="{_text(joint.axis)}"/>'
            '<limit lower="-7" upper="7" effort="1" velocity="1"/></joint>'
        )
    return f'<robot name="{robot.name}">{links}{joints}</robot>'


def _text(values: object) -> str:
    return " ".join(repr(float(v)) for v in values)  # type: ignore[attr-defined]


def test_prismatic_and_slanted_axes() -> None:
    axis = np.array([1.0, 2.0, -2.0]) / 3.0
    before = np.array([Pose.of((0.1, 0.2, 0.3), (0.4, -0.5, 0.6)).matrix, Pose.of((0.0, 0.5, 0.0)).matrix])
    chain = Chain(before, np.array([axis, axis]), np.array([True, False]), Pose.of((0.0, 0.0, 0.1)).matrix)
    expected = (
        before[0] @ Pose.of(0.7 * axis).matrix @ before[1] @ Pose.from_rotation(rotation_about(axis, -1.1)).matrix
    )
    np.testing.assert_allclose(frames(chain, [0.7, -1.1])[2], expected, atol=1e-15)
    np.testing.assert_allclose(frames(chain, [0.7, -1.1])[3], expected @ chain.after, atol=1e-15)
    assert np.abs(jacobian(chain, [0.7, -1.1]) - _differences(chain, np.array([0.7, -1.1]), np.zeros(3))).max() < 1e-8


def test_joint_values_must_fit_the_chain(kr16: Robot) -> None:
    with pytest.raises(ValueError, match="expected 6 joint values"):
        flange_matrices(chain_of(kr16), np.zeros((2, 5)))


def test_jacobian_is_the_derivative_of_the_tcp(robot: Robot, random_joints: np.ndarray) -> None:
    chain = chain_of(robot)
    tcp = Pose.of((0.06, -0.02, 0.35), (0.1, 0.4, 0.0))
    for q in random_joints[:50]:
        np.testing.assert_allclose(jacobian(chain, q, tcp), _differences(chain, q, tcp.position), atol=2e-8)


def _differences(chain: Chain, q: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Central differences (6, dof) of the point's position and of the flange's rotation vector."""
    step = 1e-6
    columns = []
    for change in np.eye(len(q)) * step:
        ahead, behind = flange_matrices(chain, np.array([q + change, q - change]))
        linear = (ahead[:3, :3] @ point + ahead[:3, 3] - behind[:3, :3] @ point - behind[:3, 3]) / (2.0 * step)
        turn = ahead[:3, :3] @ behind[:3, :3].T
        angular = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / (4.0 * step)
        columns.append([*linear, *angular])
    return np.array(columns).T


def test_sigma_min_is_zero_where_the_wrist_is_stretched_and_scales_with_the_length(kr16: Robot) -> None:
    chain = chain_of(kr16)
    stack = jacobians(chain, [[0.3, -1.2, 1.3, 0.5, 0.0, -0.6], [0.3, -1.2, 1.3, 0.5, 0.8, -0.6]])
    stretched, bent = normalised_sigma_min(stack)
    assert stretched < 1e-12
    scaled = stack[1] / np.array([0.5, 0.5, 0.5, 1.0, 1.0, 1.0])[:, None]
    assert bent == pytest.approx(np.sqrt(np.linalg.eigvalsh(scaled @ scaled.T)[0]), rel=1e-9)
    assert normalised_sigma_min(stack, 0.25)[1] > bent
