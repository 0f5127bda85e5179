"""The closed forms of the library find every branch of every pose again."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.inverse import branches, configuration_of, opw_arrays, solve
from cellctl.model.pose import Pose
from cellctl.model.robot import Robot


@pytest.fixture
def solvable(robot: Robot) -> Robot:
    if robot.opw is None:
        pytest.skip("no closed form")
    return robot


def test_every_branch_leads_back(solvable: Robot, random_joints: np.ndarray) -> None:
    chain = chain_of(solvable)
    poses = flange_matrices(chain, random_joints)
    joints, valid = branches(opw_arrays(solvable), poses)
    for pose, own, reached, ok in zip(poses, random_joints, joints, valid, strict=True):
        assert ok.sum() in (2, 4, 6, 8)
        assert np.abs(flange_matrices(chain, reached[ok]) - pose).max() <= 2e-9
        assert ok[configuration_of(solvable, own)]
        apart = np.abs(np.angle(np.exp(1j * (reached[ok][:, None] - reached[ok][None])))).max(axis=2)
        assert (apart + np.eye(len(apart)) > 1e-6).all()


def test_the_joints_that_made_a_pose_are_among_its_answers(solvable: Robot, random_joints: np.ndarray) -> None:
    poses = flange_matrices(chain_of(solvable), random_joints)
    for pose, own in zip(poses, random_joints, strict=True):
        answers = solve(solvable, Pose(pose))
        assert np.abs(answers.nearest(own) - own).max() < 1e-5
