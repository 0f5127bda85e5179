"""Numeric inverse kinematics: verified, inside the limits, repeatable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices, flange_pose
from cellctl.kinematics.solvers.numeric import solve_numeric
from cellctl.model.pose import Pose
from cellctl.model.robot import Joint, JointLimits, Robot

pytest.importorskip("roboticstoolbox")


def test_answers_reach_the_pose_inside_the_limits(robot: Robot, random_joints: np.ndarray) -> None:
    chain = chain_of(robot)
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    for q in random_joints[:40]:
        pose = flange_pose(chain, q)
        answer = solve_numeric(robot, pose, np.clip(q + 0.1, lower, upper))
        assert answer is not None
        assert np.all((lower <= answer) & (answer <= upper))
        assert np.abs(flange_matrices(chain, answer)[0] - pose.matrix).max() <= 1e-6


def test_a_near_start_gives_the_near_answer(kr16: Robot) -> None:
    q = np.array([0.4, -1.2, 1.3, 0.5, 0.8, 5.9])
    answer = solve_numeric(kr16, flange_pose(chain_of(kr16), q), q + 0.02)
    np.testing.assert_allclose(answer, q, atol=1e-6)


def test_the_same_call_gives_the_same_bytes(kr16: Robot) -> None:
    pose = flange_pose(chain_of(kr16), [0.4, -1.2, 1.3, 0.5, 0.8, -0.6])
    far = [-2.0, -2.5, -1.0, 3.0, -1.5, 3.0]
    first, second = solve_numeric(kr16, pose, far), solve_numeric(kr16, pose, far)
    assert first is not None
    assert second is not None
    assert first.tobytes() == second.tobytes()


def test_out_of_reach_is_none(kr16: Robot) -> None:
    assert solve_numeric(kr16, Pose.of((3.0, 0.0, 0.0)), np.zeros(6), attempts=3) is None


def test_an_answer_outside_the_limits_is_not_given(kr16: Robot) -> None:
    pose = flange_pose(chain_of(kr16), [0.4, -1.2, 1.3, 0.5, 0.8, -0.6])
    limits = kr16.joints[0].limits
    assert limits is not None
    narrow = replace(kr16.joints[0], limits=replace(limits, lower=0.5, upper=0.6))
    robot = replace(kr16, joints=(narrow, *kr16.joints[1:]))
    assert solve_numeric(robot, pose, [0.55, -1.2, 1.3, 0.5, 0.8, -0.6], attempts=3) is None


def test_a_linear_track_with_a_slanted_axis(kr16: Robot) -> None:
    limits = JointLimits(-1.0, 2.0, 1.0, 1.0, 10.0, 100.0)
    track = Joint(
        "track", "prismatic", "floor", "base_link", Pose.of((0.0, 0.1, 0.0), (0.2, 0.0, 0.0)), (0.6, 0.8, 0.0), limits
    )
    first = replace(kr16.joints[0], parent="base_link")
    robot = replace(kr16, joints=(track, first, *kr16.joints[1:]), base="floor", opw=None)
    q = np.array([1.2, 0.4, -1.2, 1.3, 0.5, 0.8, -0.6])
    pose = flange_pose(chain_of(robot), q)
    answer = solve_numeric(robot, pose, q + 0.05)
    assert answer is not None
    assert np.abs(flange_matrices(chain_of(robot), answer)[0] - pose.matrix).max() <= 1e-6
