"""The inverse of every arm of the library finds every branch of every pose, and none that is not one."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pytest

from cellctl.files import library_robots
from cellctl.kinematics.arm_inverse import arm_inverse
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.inverse import configuration_of, solve
from cellctl.model.pose import Pose
from cellctl.model.robot import Robot
from tests.library.branch_counts import counted
from tests.library.conftest import robot_called

ARMS = [name for name in library_robots() if robot_called(name).kind == "arm"]
SIX = [name for name in ARMS if robot_called(name).dof == 6]
OTHERS = {
    "franka_panda_fer": ("three axes meeting", 6, ()),
    "open_manipulator_x": ("parallel axes", None, ("lean", "spin")),
    "so101": (None, None, ("lean",)),
    "ur10e": ("parallel axes", None, ()),
    "ur5e": ("parallel axes", None, ()),
}
"""Arms without figures of their own for a closed form: what solves them (EAIK where it is installed), which joint is
held, what they lack.
"""


@pytest.mark.parametrize("robot", ARMS, indirect=True)
def test_every_arm_has_the_inverse_that_its_geometry_allows(robot: Robot) -> None:
    inverse = arm_inverse(robot)
    form, held, freed = OTHERS.get(robot.name, ("own figures", None, ()))
    assert inverse.form == form or (form is None and inverse.form in ("decomposed", "two axes meeting"))
    assert (inverse.held, inverse.freed) == (held, freed)


@pytest.mark.parametrize("robot", SIX, indirect=True)
def test_every_branch_leads_back(robot: Robot, random_joints: np.ndarray) -> None:
    chain = chain_of(robot)
    poses = flange_matrices(chain, random_joints)
    answers = arm_inverse(robot).answers(poses)
    for pose, own, reached, ok in zip(poses, random_joints, answers.joints, answers.valid, strict=True):
        assert ok.sum() in (2, 4, 6, 8)
        assert np.abs(flange_matrices(chain, reached[ok]) - pose).max() <= 2e-9
        assert ok[configuration_of(robot, own)]
        between = np.abs(np.angle(np.exp(1j * (reached[ok][:, None] - reached[ok][None])))).max(axis=2)
        assert (between + np.eye(len(between)) > 1e-6).all()


@pytest.mark.parametrize("robot", SIX, indirect=True)
def test_every_branch_of_a_numeric_search_is_found(robot: Robot, random_joints: np.ndarray) -> None:
    """A bounded share of the full figure (1,000 poses, 500 starts a pose): none was missed there."""
    _demand_complete(robot, random_joints[:4], starts=60)


def test_an_arm_whose_wrist_does_not_meet_loses_no_branch() -> None:
    """Axis 6 passes 60 mm beside the wrist, so that no closed form is left."""
    usual = robot_called("kuka_kr16_2")
    beside = replace(usual.axes[5], origin=Pose.of((0.0, 0.06, 0.0)) @ usual.axes[5].origin)
    robot = replace(usual, joints=tuple(beside if j.name == beside.name else j for j in usual.joints), opw=None)
    assert arm_inverse(robot).form == "two axes meeting"
    _demand_complete(robot, np.random.default_rng(2).uniform(-pi, pi, (4, 6)), starts=60)


@pytest.mark.slow
@pytest.mark.parametrize("robot", SIX, indirect=True)
def test_every_branch_of_a_long_numeric_search_is_found(robot: Robot, random_joints: np.ndarray) -> None:
    _demand_complete(robot, random_joints, starts=500)


def _demand_complete(robot: Robot, joints: np.ndarray, starts: int) -> None:
    """What roboticstoolbox finds from many starts, merged at 1e-3 rad, must be among the answers."""
    pytest.importorskip("roboticstoolbox")
    found, missed, refuted = counted(robot, joints, starts)
    assert found >= 2 * len(joints)
    assert (missed, refuted) == (0, 0)


@pytest.mark.parametrize("robot", ARMS, indirect=True)
def test_the_joints_that_made_a_pose_are_among_its_answers(robot: Robot, random_joints: np.ndarray) -> None:
    for pose, own in zip(flange_matrices(chain_of(robot), random_joints[:30]), random_joints, strict=False):
        answers = solve(robot, Pose(pose), held=own[-1])
        assert np.abs(answers.nearest(own) - own).max() < 1e-5
