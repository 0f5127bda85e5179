"""Joint torques against PyBullet's inverse dynamics, roboticstoolbox's, and what a pencil gives."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.files import load_robot
from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.dynamics import arm_efforts, joint_efforts
from cellctl.kinematics.masses import STANDARD_GRAVITY, Lump, lumped
from cellctl.model.pose import Pose

DOWN = (0.0, 0.0, -STANDARD_GRAVITY)
POINT = Lump(1e-9, np.zeros(3), np.zeros((3, 3)))


def one_joint(*, slides: bool, axis: tuple[float, float, float]) -> Chain:
    return Chain(np.eye(4)[None], np.array([axis]), np.array([slides]), np.eye(4))


def test_a_pendulum_needs_what_a_pencil_says() -> None:
    chain = one_joint(slides=False, axis=(0.0, 1.0, 0.0))
    bob = Lump(2.0, np.array([0.0, 0.0, -0.5]), np.diag([0.0, 0.02, 0.0]))
    q, qdd = np.array([[0.3], [-1.1]]), np.array([[4.0], [-2.0]])
    torque = joint_efforts(chain, [POINT, bob], DOWN, q, [[3.0], [1.0]], qdd)
    expected = (2.0 * 0.25 + 0.02) * qdd + 2.0 * STANDARD_GRAVITY * 0.5 * np.sin(q)
    assert torque == pytest.approx(expected, abs=1e-12)


def test_a_lift_needs_its_weight_and_its_acceleration() -> None:
    chain = one_joint(slides=True, axis=(0.0, 0.0, 1.0))
    load = Lump(3.0, np.array([0.1, 0.2, 0.0]), np.eye(3))
    force = joint_efforts(chain, [POINT, load], DOWN, [[0.4]], [[1.0]], [[2.0]])
    assert force == pytest.approx(np.array([[3.0 * (STANDARD_GRAVITY + 2.0)]]))


def test_a_slide_on_a_turntable_feels_the_turning() -> None:
    chain = Chain(
        np.array([np.eye(4)] * 2),
        np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
        np.array([False, True]),
        np.eye(4),
    )
    mass, r, w, v = 1.5, 0.7, 2.0, 0.3
    lumps = [POINT, POINT, Lump(mass, np.zeros(3), np.zeros((3, 3)))]
    effort = joint_efforts(chain, lumps, DOWN, [[0.2, r]], [[w, v]], [[0.0, 0.0]])
    assert effort == pytest.approx(np.array([[2.0 * mass * r * w * v, -mass * w * w * r]]), abs=1e-8)


def motion(dof: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ten instants of a motion: q, q' and q'' (10, dof)."""
    rng = np.random.default_rng(3)
    return tuple(scale * rng.uniform(-1.0, 1.0, (10, dof)) for scale in (1.5, 2.0, 5.0))


@pytest.mark.parametrize("name", ["kuka_kr16_2", "open_manipulator_x", "ur10e"])
def test_torques_agree_with_pybullet(name: str) -> None:
    """PyBullet turns the inertia of a link to its axes only roughly where it is full of products, as the Panda's is."""
    dynamics = pytest.importorskip("cellctl.scene.bullet.dynamics", reason="PyBullet has no wheel for this Python")
    robot = load_robot(name)
    pose = Pose.of((0.1, -0.2, 0.5), (0.3, -0.4, 0.8))
    instants = motion(robot.dof)
    with dynamics.ArmDynamics(robot, None, Pose.identity()) as arm:
        arm._client.setGravity(*(pose.rotation.T @ DOWN).tolist())
        rows = zip(*instants, strict=True)
        theirs = [arm._client.calculateInverseDynamics(arm._body, *(part.tolist() for part in row)) for row in rows]
    assert arm_efforts(robot, None, pose, *instants) == pytest.approx(np.array(theirs), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["franka_panda_fer", "ur10e"])
def test_torques_agree_with_roboticstoolbox(name: str) -> None:
    """Arms whose axes point along their frames: roboticstoolbox's recursion takes a flipped axis another way."""
    import roboticstoolbox as rtb
    import spatialmath as sm

    robot = load_robot(name)
    chain = chain_of(robot)
    links: list[rtb.Link] = []
    for before, axis, lump in zip(chain.before, chain.axes, lumped(robot, None)[1:], strict=True):
        turn = getattr(rtb.ET, "R" + "xyz"[int(axis.argmax())])()
        place = rtb.ET.SE3(sm.SE3(before, check=False)) * turn
        parent = links[-1] if links else None
        links.append(rtb.Link(place, parent=parent, m=lump.mass, r=lump.com, I=lump.inertia, G=0.0, Jm=0.0, B=0.0))
    peer = rtb.ERobot(links)
    instants = motion(robot.dof)
    theirs = [peer.rne(*row, gravity=list(DOWN)) for row in zip(*instants, strict=True)]
    assert arm_efforts(robot, None, Pose.identity(), *instants) == pytest.approx(np.array(theirs), abs=1e-9)
