"""Closed-form inverse kinematics against forward kinematics, EAIK, and by hand near singularities."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices, flange_pose, frames
from cellctl.kinematics.inverse import UnsupportedArm, configuration_of, opw_arrays, solve, turns
from cellctl.kinematics.solvers.opw import opw_branches, solve_opw, solve_opw_bulk
from cellctl.model.pose import Pose
from cellctl.model.robot import Robot


def test_no_answer_is_refuted_and_the_generating_one_is_among_them(robot: Robot, random_joints: np.ndarray) -> None:
    targets = flange_matrices(chain_of(robot), random_joints)
    answers, valid = np.empty((1000, 8, 6)), np.empty((1000, 8), dtype=np.bool_)
    solve_opw_bulk(*opw_arrays(robot), targets, answers, valid)
    assert _errors(robot, answers[valid], np.repeat(targets, valid.sum(axis=1), axis=0)).max() <= 1e-9
    gap = _turned_gap(answers, random_joints[:, None])
    gap[~valid] = np.inf
    assert gap.min(axis=1).max() < 1e-6


def test_every_branch_that_eaik_finds_is_found(robot: Robot, random_joints: np.ndarray) -> None:
    eaik = pytest.importorskip("eaik.IK_HP")
    chain = chain_of(robot)
    zero = frames(chain, np.zeros(6))
    axes = np.einsum("kij,kj->ki", zero[1:7, :3, :3], chain.axes)
    points = np.vstack([np.zeros(3), zero[1:7, :3, 3], zero[7, :3, 3]])
    oracle = eaik.HPRobot(axes, np.diff(points, axis=0))
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    compared = 0
    for target in flange_matrices(chain, random_joints):
        asked = target.copy()
        asked[:3, :3] = target[:3, :3] @ zero[7, :3, :3].T
        result = oracle.IK(asked)
        found = solve(robot, Pose.from_rotation(target[:3, :3], target[:3, 3])).joints
        for q, approximate in zip(result.Q, result.is_LS, strict=True):
            inside = turns(q, lower, upper)
            if approximate or not len(inside) or _errors(robot, inside[:1], target[None]).max() > 1e-9:
                continue
            for wanted in inside:
                assert np.abs(found - wanted).max(axis=1).min() < 1e-5
                compared += 1
    assert compared > 2000


def test_solutions_are_inside_the_limits_sorted_and_distinct(robot: Robot, random_joints: np.ndarray) -> None:
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    for q in random_joints[:50]:
        found = solve(robot, flange_pose(chain_of(robot), q))
        assert len(found) > 0
        assert np.all((lower <= found.joints) & (found.joints <= upper))
        assert np.abs(found.nearest(q) - q).max() < 1e-6
        rows = [(code, *joints) for code, joints in zip(found.configurations, found.joints, strict=True)]
        assert rows == sorted(rows)
        apart = np.abs(found.joints[:, None] - found.joints[None]).max(axis=2)
        assert np.all(apart[~np.eye(len(found), dtype=bool)] > 1e-9)


def test_configuration_is_the_row_of_its_branch(robot: Robot, random_joints: np.ndarray) -> None:
    for q in random_joints[:100]:
        found = solve(robot, flange_pose(chain_of(robot), q))
        nearest = int(np.abs(found.joints - q).max(axis=1).argmin())
        assert configuration_of(robot, q) == found.configurations[nearest]
        assert all(
            configuration_of(robot, joints) == code
            for joints, code in zip(found.joints, found.configurations, strict=True)
        )


def test_a_configuration_is_one_branch_along_a_path(kr16: Robot) -> None:
    start, end = np.array([0.4, -1.2, 1.3, 0.5, 0.8, -0.6]), np.array([-0.8, -0.9, 0.9, 1.5, 1.2, 0.9])
    path = start + np.linspace(0.0, 1.0, 400)[:, None] * (end - start)
    targets = flange_matrices(chain_of(kr16), path)
    answers, valid = np.empty((400, 8, 6)), np.empty((400, 8), dtype=np.bool_)
    solve_opw_bulk(*opw_arrays(kr16), targets, answers, valid)
    code = configuration_of(kr16, start)
    np.testing.assert_allclose(answers[:, code], path, atol=1e-9)
    for other in np.flatnonzero(valid.all(axis=0)):
        assert _turned_gap(answers[1:, other], answers[:-1, other]).max() < 0.05


def test_turns_are_every_whole_turn_inside_the_limits() -> None:
    found = turns([0.5, -3.0], [-7.0, -3.0], [7.0, 3.5])
    np.testing.assert_allclose(
        found,
        [
            [0.5 - 2 * pi, -3.0],
            [0.5 - 2 * pi, -3.0 + 2 * pi],
            [0.5, -3.0],
            [0.5, -3.0 + 2 * pi],
            [0.5 + 2 * pi, -3.0],
            [0.5 + 2 * pi, -3.0 + 2 * pi],
        ],
    )
    assert len(turns([3.2], [-3.0], [3.0])) == 0


def test_joint_six_of_the_kr16_has_two_turns(kr16: Robot) -> None:
    q = np.array([0.4, -1.2, 1.3, 0.5, 0.8, -0.6])
    found = solve(kr16, flange_pose(chain_of(kr16), q))
    same = found.joints[found.configurations == configuration_of(kr16, q)]
    np.testing.assert_allclose(
        same[:, [3, 5]], [[0.5 - 2 * pi, -0.6], [0.5 - 2 * pi, 2 * pi - 0.6], [0.5, -0.6], [0.5, 2 * pi - 0.6]]
    )


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6),
    st.sampled_from(["wrist", "elbow", "shoulder"]),
    st.sampled_from([0.0, 1e-12, 1e-9, 1e-7, 1e-5, 1e-3]),
)
def test_near_singular_poses_are_answered(kr16: Robot, values: list[float], kind: str, offset: float) -> None:
    opw, q = kr16.opw, np.array(values)
    assert opw is not None
    bend, forearm = np.arctan2(opw.a2, opw.c3), np.hypot(opw.a2, opw.c3)
    if kind == "wrist":
        q[4] = offset
    elif kind == "elbow":
        q[2] = offset - bend
    else:
        over_axis_1 = -(opw.a1 + opw.c2 * np.sin(q[1] + pi / 2)) / forearm
        q[2] = np.arcsin(np.clip(over_axis_1, -1.0, 1.0)) - bend - q[1] - pi / 2 + offset
    target = flange_matrices(chain_of(kr16), q)[0]
    answers, valid = np.empty((8, 6)), np.empty(8, dtype=np.bool_)
    solve_opw(*opw_arrays(kr16), target, answers, valid)
    assert valid.any()
    assert _errors(kr16, answers[valid], np.repeat(target[None], valid.sum(), axis=0)).max() <= 1e-9


def test_a_stretched_arm_is_answered_and_a_longer_reach_is_not(kr16: Robot) -> None:
    stretched = np.array([0.2, -0.3, -np.arctan2(0.035, 0.67), 0.3, 0.7, 0.1])
    pose = flange_pose(chain_of(kr16), stretched)
    wrist = frames(chain_of(kr16), stretched)[5, :3, 3]
    outward = (wrist - frames(chain_of(kr16), stretched)[2, :3, 3]) / np.linalg.norm(wrist)
    assert np.abs(solve(kr16, pose).nearest(stretched) - stretched).max() < 1e-6
    assert len(solve(kr16, Pose.from_rotation(pose.rotation, pose.position + 1e-6 * outward))) == 0


def test_unverified_branches_are_the_verified_ones(robot: Robot, random_joints: np.ndarray) -> None:
    arrays = opw_arrays(robot)
    for target in flange_matrices(chain_of(robot), random_joints[:100]):
        raw, raw_valid = np.empty((8, 6)), np.empty(8, dtype=np.bool_)
        answers, valid = np.empty((8, 6)), np.empty(8, dtype=np.bool_)
        opw_branches(*arrays[:4], target, raw, raw_valid)
        solve_opw(*arrays, target, answers, valid)
        assert np.array_equal(raw_valid, valid)
        np.testing.assert_allclose(raw[valid], answers[valid], atol=1e-9)


def test_rounded_figures_are_polished(kr16: Robot) -> None:
    assert kr16.opw is not None
    rounded = replace(kr16, opw=replace(kr16.opw, offsets=(0.0, -1.5708, 0.0, 0.0, 0.0, 0.0)))
    q = np.array([0.4, -1.2, 1.3, 0.5, 0.8, -0.6])
    assert np.abs(solve(rounded, flange_pose(chain_of(kr16), q)).nearest(q) - q).max() < 1e-8


def test_an_arm_without_a_closed_form_is_refused(kr16: Robot) -> None:
    with pytest.raises(UnsupportedArm) as refused:
        opw_arrays(replace(kr16, opw=None))
    assert [finding.code for finding in refused.value.findings] == ["P290"]


def test_figures_that_do_not_fit_the_chain_are_refused(kr16: Robot) -> None:
    assert kr16.opw is not None
    with pytest.raises(UnsupportedArm) as refused:
        opw_arrays(replace(kr16, opw=replace(kr16.opw, c3=0.68)))
    assert [finding.code for finding in refused.value.findings] == ["P291"]


def _errors(robot: Robot, joints: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Largest difference of any entry of the flange's matrix from its target, per row."""
    return np.abs(flange_matrices(chain_of(robot), joints) - targets).max(axis=(1, 2))


def _turned_gap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Largest joint difference of each row when whole turns do not count (rad)."""
    return np.abs((a - b + pi) % (2.0 * pi) - pi).max(axis=-1)
