"""The compiled pieces of a seam's refinement against the formulas that they repeat, and against a general solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from cellctl.files import load_robot
from cellctl.kinematics.arm_inverse import arm_inverse
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.pose import Pose, rotation_about, unit
from cellctl.planning.seams.box_minimum import fill_boxed_minimum
from cellctl.planning.seams.columns import nearest_joints
from cellctl.planning.seams.torch_poses import fill_torch_poses
from cellctl.processes.torch import torch_rotations, wire_directions

seeds = st.integers(0, 2**32 - 1)


def random_pose(draw: np.random.Generator) -> np.ndarray:
    turn = rotation_about(unit(draw.normal(size=3)), draw.uniform(0.0, 3.0))
    return Pose.from_rotation(turn, draw.normal(size=3)).matrix


@given(seed=seeds)
@settings(max_examples=30, deadline=None)
def test_torch_poses_are_those_of_the_process(seed: int) -> None:
    draw, n = np.random.default_rng(seed), 7
    points, references = draw.normal(size=(2, n, 3))
    turns = [random_pose(draw)[:3, :3] for _ in range(n)]
    tangents, normals = np.array([turn[:, 0] for turn in turns]), np.array([turn[:, 2] for turn in turns])
    angles = draw.uniform(-1.2, 1.2, (n, 3)) * [3.0, 1.0, 1.0]
    before, after = random_pose(draw), random_pose(draw)
    tips = np.tile(np.eye(4), (n, 1, 1))
    wires = wire_directions(tangents, normals, angles[:, 1], angles[:, 2])
    tips[:, :3, :3], tips[:, :3, 3] = torch_rotations(wires, references, angles[:, 0]), points
    poses = np.empty((n, 4, 4))
    fill_torch_poses(points, tangents, normals, references, angles, before, after, poses)
    assert np.abs(poses - before @ tips @ after).max() < 1e-9


@given(seed=seeds, bands=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_the_boxed_minimum_is_that_of_a_general_solver(seed: int, bands: int) -> None:
    draw, n = np.random.default_rng(seed), 30
    root = np.tril(np.triu(draw.normal(size=(n, n)), -(bands - 1))) + 4.0 * np.eye(n)
    whole, gradient = root @ root.T, 10.0 * draw.normal(size=n)
    low, high = -draw.uniform(0.0, 1.0, n), draw.uniform(0.0, 1.0, n)
    matrix = np.array([np.append(np.diagonal(whole, -k), np.zeros(k)) for k in range(bands)])
    step = np.empty(n)
    fill_boxed_minimum(matrix, gradient, low, high, step)
    wanted = lsq_linear(root.T, -np.linalg.solve(root, gradient), (low, high), tol=1e-14).x
    assert np.abs(step - wanted).max() < 1e-6


@pytest.mark.parametrize("name", ["kuka_kr16_2", "ur10e"])
def test_the_nearest_answer_is_the_nearest_of_all_that_reach_inside_the_limits(name: str) -> None:
    robot = load_robot(name)
    inverse = arm_inverse(robot)
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    draw = np.random.default_rng(4)
    there, near = draw.uniform(lower, upper, (2, 200, robot.dof))
    poses = flange_matrices(inverse.chain, there)
    found = nearest_joints(inverse, poses, near)
    answers = inverse.answers(poses)
    for k in range(len(poses)):
        turned = answers.joints[k] + 2.0 * np.pi * np.round((near[k] - answers.joints[k]) / (2.0 * np.pi))
        inside = answers.valid[k] & np.all((turned >= lower) & (turned <= upper), axis=1)
        if not inside.any():
            assert np.isnan(found[k]).all()
            continue
        least = np.abs(turned[inside] - near[k]).max(axis=1).min()
        assert np.abs(found[k] - near[k]).max() == pytest.approx(least, abs=1e-7)
        assert np.abs(flange_matrices(inverse.chain, found[k][None])[0] - poses[k]).max() < 1e-6


def test_a_joint_outside_of_its_limits_is_no_answer() -> None:
    robot = load_robot("kuka_kr16_2")
    inverse = arm_inverse(robot)
    far = np.array([[0.0, 0.0, 4.5, 0.0, 0.0, 0.0]])
    assert np.isnan(nearest_joints(inverse, np.diag([1.0, 1.0, 1.0, 1.0])[None] + [[[0, 0, 0, 9.0]] * 4], far)).all()
