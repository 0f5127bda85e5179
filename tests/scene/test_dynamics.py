"""The simulated arm's mechanics: masses, gravity, tracking, limits, brakes, and the same answers every time."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.masses import STANDARD_GRAVITY, lumped
from cellctl.model.pose import Pose
from cellctl.model.robot import Inertia, Link, Robot
from cellctl.scene.bullet.dynamics import ArmDynamics

POSE = Pose.of((0.1, -0.2, 0.5), (0.0, 0.0, 0.3))
Q = np.array([0.1, -1.25, 1.75, 0.2, 1.05, 0.1])


@pytest.fixture(scope="module")
def robot(sample: ModuleType) -> Robot:
    return sample.kr16_2()


def gravity_torques(sample: ModuleType, robot: Robot, q: np.ndarray, pose: Pose) -> np.ndarray:
    """The slope of the potential energy, by central differences."""
    chain, lumps = chain_of(robot), lumped(robot, sample.torch())

    def energy(q: np.ndarray) -> float:
        frames = pose.matrix @ sample.frames_of(chain, q)
        return sum(STANDARD_GRAVITY * lump.mass * (frames[k] @ (*lump.com, 1.0))[2] for k, lump in enumerate(lumps))

    steps = 1e-5 * np.eye(len(q))
    return np.array([(energy(q + step) - energy(q - step)) / 2e-5 for step in steps])


@pytest.mark.parametrize("pose", [POSE, Pose.of((0.0, 0.0, 2.0), (np.pi, 0.0, 0.0)), Pose.of(rpy=(0.0, 0.9, 0.0))])
def test_holding_takes_the_torque_of_gravity(sample: ModuleType, robot: Robot, pose: Pose) -> None:
    with ArmDynamics(robot, sample.torch(), pose) as arm:
        arm.set_joints(Q)
        for _ in range(300):
            arm.step(Q, np.zeros(6))
        q, qd, torque = arm.read()
    assert np.abs(q - Q).max() < 1e-9
    assert np.abs(qd).max() < 1e-9
    assert torque == pytest.approx(gravity_torques(sample, robot, Q, pose), abs=0.02)


def test_links_move_as_the_chain_says(sample: ModuleType, robot: Robot) -> None:
    rng = np.random.default_rng(1)
    chain = chain_of(robot)
    with ArmDynamics(robot, sample.torch(), POSE) as arm:
        for _ in range(20):
            q = rng.uniform(-2.0, 2.0, 6)
            arm.set_joints(q)
            frames = POSE.matrix @ sample.frames_of(chain, q)
            for k in range(6):
                state = arm._client.getLinkState(arm._body, k, computeForwardKinematics=1)
                assert np.abs(np.array(state[4]) - frames[k + 1, :3, 3]).max() < 1e-6


def tcp_errors(sample: ModuleType, robot: Robot, q: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Measured minus commanded TCP (3,) in m, 0.33 m from the flange."""
    tip = sample.torch().torch.tcp(0.015).matrix
    chain = chain_of(robot)
    return (sample.frames_of(chain, q)[-1] @ tip - sample.frames_of(chain, target)[-1] @ tip)[:3, 3]


def test_a_weld_is_followed_to_hundredths_of_a_millimetre(sample: ModuleType, robot: Robot) -> None:
    """10 mm/s at the TCP, a setpoint every 4 ms, stepped at 1 kHz."""
    rates = 0.01 / 0.9 * np.array([1.0, 0.3, -0.4, 0.5, 0.2, -0.7])
    with ArmDynamics(robot, sample.torch(), POSE) as arm:
        arm.set_joints(Q)
        for k in range(1, 1001):
            target = Q + rates * (0.001 * k)
            arm.step(target, rates)
            if k % 50 == 0:
                assert np.linalg.norm(tcp_errors(sample, robot, arm.read()[0], target)) < 2e-5


def test_fast_motion_is_followed_within_the_torque_limits(sample: ModuleType, robot: Robot) -> None:
    """Up to 1 rad/s at the wrist and 0.6 rad/s at the base."""
    swing = np.array([0.3, 0.2, 0.2, 0.4, 0.3, 0.5])
    worst, torques = 0.0, []
    with ArmDynamics(robot, sample.torch(), POSE) as arm:
        arm.set_joints(Q)
        for k in range(1, 1601):
            t = 0.001 * k
            target = Q + swing * 0.5 * (1.0 - np.cos(4.0 * t))
            arm.step(target, swing * 2.0 * np.sin(4.0 * t))
            q, _, torque = arm.read()
            torques.append(np.abs(torque))
            worst = max(worst, float(np.linalg.norm(tcp_errors(sample, robot, q, target))))
    assert worst < 2e-4
    assert (np.max(torques, axis=0) <= robot.limit_array("effort") * (1.0 + 1e-9)).all()


def test_a_weak_motor_lets_the_arm_sag(sample: ModuleType, robot: Robot) -> None:
    weak = tuple(
        replace(joint, limits=replace(joint.limits, effort=100.0)) if joint.limits is not None else joint
        for joint in robot.joints
    )
    with ArmDynamics(replace(robot, joints=weak), sample.torch(), POSE) as arm:
        arm.set_joints(Q)
        for _ in range(200):
            arm.step(Q, np.zeros(6))
        q, _, torque = arm.read()
    assert np.abs(q - Q).max() > 0.02
    assert np.abs(torque).max() <= 100.0 * (1.0 + 1e-9)


def test_brakes_hold_whatever_is_asked(sample: ModuleType, robot: Robot) -> None:
    with ArmDynamics(robot, sample.torch(), POSE) as arm:
        arm.set_joints(Q)
        arm.close_brakes()
        for _ in range(400):
            arm.step(Q + 1.0, np.ones(6))
        assert arm.braked
        assert np.abs(arm.read()[0] - Q).max() < 1e-6
        arm.open_brakes()
        for _ in range(1500):
            arm.step(Q + 0.1, np.zeros(6))
        assert np.abs(arm.read()[0] - Q - 0.1).max() < 1e-6


def test_an_arm_pushes_against_what_is_in_its_way_with_the_torque_that_it_has(sample: ModuleType, robot: Robot) -> None:
    """A quarter of a turn of the base in 2 s, with something across the way of the flange from 0.2 s on."""
    far, torques = [], []
    for obstructed in (False, True):
        with ArmDynamics(robot, sample.torch(), POSE) as arm:
            arm.set_joints(Q)
            for k in range(1000):
                if obstructed and k == 200:
                    arm.obstruct()
                target = Q + np.array([0.8 * 0.001 * k, 0.0, 0.0, 0.0, 0.0, 0.0])
                arm.step(target, np.array([0.8, 0.0, 0.0, 0.0, 0.0, 0.0]))
            q, _, torque = arm.read()
            far.append(float(q[0] - Q[0]))
            torques.append(float(abs(torque[0])))
    free, stopped = far
    assert free == pytest.approx(0.8, abs=0.01)
    assert 0.15 < stopped < 0.35, "it gives a little and no more"
    assert torques[1] > 10.0 * torques[0]
    assert torques[1] == pytest.approx(robot.limit_array("effort")[0], rel=0.01), "all that it has"


def test_equal_calls_give_equal_answers(sample: ModuleType, robot: Robot) -> None:
    def run() -> bytes:
        with ArmDynamics(robot, sample.torch(), POSE) as arm:
            arm.set_joints(Q)
            for k in range(150):
                arm.step(Q + 0.002 * k * np.sin(np.arange(6.0)), np.sin(np.arange(6.0)))
            return b"".join(part.tobytes() for part in arm.read())

    assert run() == run()


def test_masses_that_move_together_are_joined(robot: Robot) -> None:
    """Two half boxes are one box: its inertia is that of the textbook."""
    x, y, z, mass = 0.4, 0.1, 0.06, 12.0

    def box(length: float, mass: float) -> tuple[float, ...]:
        return (
            mass * (y**2 + z**2) / 12,
            0.0,
            0.0,
            mass * (length**2 + z**2) / 12,
            0.0,
            mass * (length**2 + y**2) / 12,
        )

    half = Inertia(mass / 2.0, (x / 4.0, 0.0, 0.0), box(x / 2.0, mass / 2.0))
    nothing = Inertia(0.0, (0.0, 0.0, 0.0), (0.0,) * 6)
    other = replace(half, com=(-x / 4.0, 0.0, 0.0))
    links = [Link(link.name, nothing) for link in robot.links]
    joints = tuple(replace(joint, origin=Pose.identity()) if joint.kind == "fixed" else joint for joint in robot.joints)
    links[-1], links[-2] = Link("tool0", half), Link("flange", other)
    lumps = lumped(replace(robot, links=tuple(links), joints=joints), None)
    assert lumps[-1].mass == mass
    assert lumps[-1].com == pytest.approx((0.0, 0.0, 0.0), abs=1e-15)
    expected = np.diag([box(x, mass)[0], box(x, mass)[3], box(x, mass)[5]])
    assert np.abs(lumps[-1].inertia - expected).max() < 2e-6
    assert lumps[1].mass == 1e-3
