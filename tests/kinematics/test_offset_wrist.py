"""Arms whose last axis passes beside the wrist: every answer is right, and the joints that made a pose are among them.

Beside a singularity, where two answers all but fall together, both may be missed, and the tests leave these out.
"""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from cellctl.kinematics.arm_inverse import ArmInverse
from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.jacobian import jacobians, normalised_sigma_min
from cellctl.kinematics.solvers.offset_wrist import offset_arrays
from cellctl.kinematics.solvers.spherical import spherical_arrays
from cellctl.model.pose import Pose, rotation_about
from cellctl.model.robot import Robot
from tests.kinematics.test_closed_forms import gaps, turned_round


def beside(robot: Robot) -> Chain:
    """The chain with axis 6 moved 60 mm across itself."""
    chain = chain_of(robot)
    before = chain.before.copy()
    before[5] = Pose.of((0.0, 0.06, 0.0)).matrix @ before[5]
    return chain._replace(before=before)


def meeting(robot: Robot) -> Chain:
    """The same with axes 1 and 2 meeting, and axis 3 not parallel to 2."""
    chain = beside(robot)
    before = chain.before.copy()
    before[1, :2, 3] = 0.0
    before[2, :3, :3] = rotation_about(np.array([1.0, 0.0, 0.0]), 0.4) @ before[2, :3, :3]
    return chain._replace(before=before)


@pytest.mark.parametrize("kind", ["parallel", "meeting", "turned round"])
def test_the_joints_that_made_a_pose_are_among_its_answers(kr16: Robot, kind: str) -> None:
    chain = meeting(kr16) if kind == "meeting" else beside(kr16)
    chain = turned_round(chain) if kind == "turned round" else chain
    arrays = offset_arrays(chain)
    assert arrays is not None
    assert spherical_arrays(chain) is None
    assert (arrays.backwards, abs(arrays.sign)) == (float(kind == "turned round"), float(kind != "meeting"))
    joints = np.random.default_rng(3).uniform(-pi, pi, (300, 6))
    poses = flange_matrices(chain, joints)
    answers = ArmInverse(kr16, chain, arrays).answers(poses)
    for pose, found, ok in zip(poses, answers.joints, answers.valid, strict=True):
        assert np.abs(flange_matrices(chain, found[ok]) - pose).max() <= 2e-9
    away = [
        gaps(found[ok], q).min(initial=pi) for q, found, ok in zip(joints, answers.joints, answers.valid, strict=True)
    ]
    plain = normalised_sigma_min(jacobians(chain, joints), 1.0) > 5e-3
    assert np.array(away)[plain].max() < 1e-5
    assert answers.valid.sum(axis=1)[plain].min() >= 2
    assert answers.valid.sum(axis=1).max() > 8


def test_answers_are_the_same_bytes_again(kr16: Robot) -> None:
    chain = beside(kr16)
    arrays = offset_arrays(chain)
    assert arrays is not None
    inverse = ArmInverse(kr16, chain, arrays)
    poses = flange_matrices(chain, np.random.default_rng(4).uniform(-pi, pi, (20, 6)))
    once, one_by_one = inverse.answers(poses), [inverse.answers(pose[None]) for pose in poses]
    assert once.joints.tobytes() == np.concatenate([found.joints for found in one_by_one]).tobytes()


def test_out_of_reach_there_is_no_answer(kr16: Robot) -> None:
    arrays = offset_arrays(beside(kr16))
    assert arrays is not None
    far = Pose.of((5.0, 0.0, 0.0)).matrix[None]
    assert not ArmInverse(kr16, beside(kr16), arrays).answers(far).valid.any()
