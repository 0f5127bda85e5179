"""Closed forms that are found by an arm's geometry, the search, and which is taken, against known answers."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.files import load_robot
from cellctl.kinematics.arm_inverse import ArmInverse, arm_inverse
from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.forward import flange_matrices, flange_pose
from cellctl.kinematics.inverse import configuration_of, solve
from cellctl.kinematics.solvers.decomposed import decomposed_answers, decomposed_arm
from cellctl.kinematics.solvers.freed import freed_chain
from cellctl.kinematics.solvers.newton import verify_bulk
from cellctl.kinematics.solvers.opw_arms import UnsupportedArm
from cellctl.kinematics.solvers.parallel_axes import ParallelArrays, parallel_arrays, parallel_branches_bulk
from cellctl.kinematics.solvers.search import search_arrays, search_bulk
from cellctl.kinematics.solvers.spherical import spherical_arrays
from cellctl.model.pose import Pose
from cellctl.model.robot import Joint, Robot


@pytest.fixture(scope="module")
def ur5e() -> Robot:
    """Three parallel axes, a wrist that does not meet."""
    return load_robot("lib:robots/ur5e")


@pytest.fixture(scope="module")
def panda() -> Robot:
    """Seven axes, three of them meeting at the shoulder."""
    return load_robot("lib:robots/franka_panda_fer")


def randomly(robot: Robot, count: int, seed: int = 5) -> np.ndarray:
    """Joint values (count, dof) within one turn and the limits."""
    lower, upper = np.maximum(robot.limit_array("lower"), -pi), np.minimum(robot.limit_array("upper"), pi)
    return np.random.default_rng(seed).uniform(lower, upper, (count, robot.dof))


def gaps(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Largest joint difference (rad) of answers (k, dof) from `wanted` (dof,), whole turns not counted."""
    return np.abs(np.angle(np.exp(1j * (found - wanted)))).max(axis=-1)


def answers_of(inverse: ArmInverse, targets: np.ndarray) -> list[np.ndarray]:
    """The verified answers (k, dof) of every target."""
    answers = inverse.answers(targets)
    return [q[ok] for q, ok in zip(answers.joints, answers.valid, strict=True)]


def test_the_usual_arm_needs_no_figures(robot: Robot, random_joints: np.ndarray) -> None:
    """Three meeting axes and two parallel ones give the same answers as the file's own closed form."""
    by_figures, by_geometry = arm_inverse(robot), arm_inverse(replace(robot, opw=None))
    assert (by_figures.form, by_geometry.form) == ("own figures", "three axes meeting")
    targets = flange_matrices(chain_of(robot), random_joints[:200])
    for known, found in zip(answers_of(by_figures, targets), answers_of(by_geometry, targets), strict=True):
        assert len(known) == len(found)
        assert max(gaps(found, q).min() for q in known) < 1e-6


def test_the_usual_armturned_round_is_solved_from_the_other_end(robot: Robot, random_joints: np.ndarray) -> None:
    """The same chain from flange to base has its three meeting axes at the shoulder."""
    forward = chain_of(robot)
    chain = turned_round(forward)
    arrays = spherical_arrays(chain)
    assert arrays is not None
    assert arrays.backwards == 1.0
    targets = flange_matrices(chain, random_joints[:50, ::-1])
    np.testing.assert_allclose(
        targets @ flange_matrices(forward, random_joints[:50]), np.tile(np.eye(4), (50, 1, 1)), atol=1e-9
    )
    inverse = ArmInverse(robot, chain, arrays)
    for q, found in zip(random_joints[:50, ::-1], answers_of(inverse, targets), strict=True):
        assert gaps(found, q).min() < 1e-6
        assert np.abs(flange_matrices(chain, found) - flange_matrices(chain, q)).max() < 2e-9


def turned_round(chain: Chain) -> Chain:
    inverses = [np.linalg.inv(m) for m in [*chain.before, chain.after]][::-1]
    return Chain(np.array(inverses[:-1]), -chain.axes[::-1], chain.prismatic[::-1].copy(), inverses[-1])


def test_parallel_axes_give_every_branch_that_eaik_finds(ur5e: Robot) -> None:
    pytest.importorskip("eaik")
    inverse = arm_inverse(ur5e)
    assert inverse.form == "parallel axes"
    chain = chain_of(ur5e)
    oracle = decomposed_arm(chain)
    assert oracle is not None
    joints = randomly(ur5e, 200)
    targets = flange_matrices(chain, joints)
    known, exact = decomposed_answers(oracle, targets)
    compared = 0
    for q, answers, ok, found in zip(joints, known, exact, answers_of(inverse, targets), strict=True):
        assert gaps(found, q).min() < 1e-6
        assert max(gaps(found, other).min() for other in answers[ok]) < 1e-5
        compared += int(ok.sum())
    assert compared > 1200


def test_a_branch_keeps_its_number_along_a_path(ur5e: Robot) -> None:
    start, end = np.array([0.4, -1.2, 1.3, -1.0, -1.4, 0.6]), np.array([-0.5, -1.6, 1.9, -0.7, -1.0, 1.9])
    path = start + np.linspace(0.0, 1.0, 300)[:, None] * (end - start)
    answers = arm_inverse(ur5e).answers(flange_matrices(chain_of(ur5e), path))
    code = configuration_of(ur5e, start)
    np.testing.assert_allclose(answers.joints[:, code], path, atol=1e-9)
    for other in np.flatnonzero(answers.valid.all(axis=0)):
        assert gaps(answers.joints[1:, other], answers.joints[:-1, other]).max() < 0.05


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6),
    st.sampled_from(["wrist", "elbow"]),
    st.sampled_from([0.0, 1e-12, 1e-9, 1e-7, 1e-5, 1e-3]),
)
def test_near_singular_poses_are_answered(values: list[float], kind: str, offset: float) -> None:
    robot = load_robot("lib:robots/ur5e")
    chain, inverse = chain_of(robot), arm_inverse(robot)
    q = np.array(values)
    one, other = (4, 2) if kind == "wrist" else (2, 4)  # both at once leave nothing to hold on to
    q[one], q[other] = offset, 0.3 + 0.8 * abs(q[other])
    target = flange_matrices(chain, q)
    answers = inverse.answers(target)
    assert answers.valid.any()
    assert np.abs(flange_matrices(chain, answers.joints[answers.valid]) - target).max() <= 2e-9


def test_unverified_answers_are_the_verified_ones(ur5e: Robot) -> None:
    targets = flange_matrices(chain_of(ur5e), randomly(ur5e, 100))
    inverse = arm_inverse(ur5e)
    raw, checked = inverse.answers(targets, verified=False), inverse.answers(targets)
    assert np.array_equal(raw.valid, checked.valid)
    np.testing.assert_allclose(raw.joints[raw.valid], checked.joints[checked.valid], atol=1e-7)


def test_figures_that_are_not_the_chains_give_no_answers(ur5e: Robot) -> None:
    """Every answer is verified: a kernel that is given wrong points is refuted by the chain."""
    arrays = parallel_arrays(chain_of(ur5e))
    assert arrays is not None
    points = arrays.points.copy()
    points[2] += (0.05, 0.0, 0.0)
    wrong = ParallelArrays(arrays.axes, points, *arrays[2:])
    targets = flange_matrices(chain_of(ur5e), randomly(ur5e, 40))
    out, valid = np.empty((40, 8, 6)), np.empty((40, 8), dtype=np.bool_)
    parallel_branches_bulk(*wrong[:-4], targets, out, valid)
    assert valid.sum() > 100
    answers = replace(arm_inverse(ur5e), solver=wrong).answers(targets)
    assert answers.valid.sum() < valid.sum()
    verify_bulk(*wrong[-4:], targets, out, valid)
    assert (
        np.abs(flange_matrices(chain_of(ur5e), out[valid]) - np.repeat(targets, valid.sum(axis=1), axis=0)).max() < 2e-9
    )


def test_the_search_finds_what_the_closed_form_finds(kr16: Robot) -> None:
    chain = chain_of(kr16)
    targets = flange_matrices(chain, randomly(kr16, 40))
    arrays = search_arrays(chain, np.full(6, -pi), np.full(6, pi))
    out, valid = np.empty((40, 16, 6)), np.empty((40, 16), dtype=np.bool_)
    search_bulk(*arrays, targets, out, valid)
    again, again_valid = np.empty((40, 16, 6)), np.empty((40, 16), dtype=np.bool_)
    search_bulk(*arrays, targets, again, again_valid)
    assert out[valid].tobytes() == again[again_valid].tobytes()
    known = answers_of(arm_inverse(kr16), targets)
    for target, found, answers in zip(targets, (q[ok] for q, ok in zip(out, valid, strict=True)), known, strict=True):
        assert np.abs(flange_matrices(chain, found) - target).max() < 2e-9
        assert all(gaps(answers, q).min() < 1e-5 for q in found)
    assert sum(valid.sum(axis=1)) > 0.95 * sum(len(answers) for answers in known)


def test_seven_axes_hold_the_last_one(panda: Robot) -> None:
    inverse = arm_inverse(panda)
    assert (inverse.form, inverse.held) == ("three axes meeting", 6)
    joints = randomly(panda, 100)
    chain = chain_of(panda)
    targets = flange_matrices(chain, joints)
    answers = inverse.answers(targets, joints[:, 6])
    for q, target, found, ok in zip(joints, targets, answers.joints, answers.valid, strict=True):
        assert gaps(found[ok], q).min() < 1e-6
        assert np.all(found[ok][:, 6] == q[6])
        assert np.abs(flange_matrices(chain, found[ok]) - target).max() < 2e-9
    with pytest.raises(ValueError, match="redundant joint"):
        inverse.answers(targets)


def test_seven_axes_are_asked_for_spread_values_unless_told(panda: Robot) -> None:
    q = np.array([0.2, -0.5, 0.3, -2.0, 0.4, 1.7, 0.6])
    pose = flange_pose(chain_of(panda), q)
    spread, one = solve(panda, pose), solve(panda, pose, held=0.6)
    assert len(np.unique(spread.joints[:, 6])) >= 8
    assert np.abs(flange_matrices(chain_of(panda), spread.joints) - pose.matrix).max() < 2e-9
    assert np.abs(one.nearest(q) - q).max() < 1e-9
    assert configuration_of(panda, q) in one.configurations


def test_a_track_under_an_arm_is_held(kr16: Robot) -> None:
    limits = replace(kr16.joints[0].limits, lower=-1.0, upper=2.0)  # type: ignore[type-var]
    track = Joint("track", "prismatic", "floor", "base_link", Pose.identity(), (0.0, 1.0, 0.0), limits)
    first = replace(kr16.joints[0], parent="base_link")
    robot = replace(kr16, joints=(track, first, *kr16.joints[1:]), base="floor", opw=None)
    inverse = arm_inverse(robot)
    assert (inverse.form, inverse.held) == ("three axes meeting", 0)
    q = np.array([1.2, 0.4, -1.2, 1.3, 0.5, 0.8, -0.6])
    found = solve(robot, flange_pose(chain_of(robot), q), held=1.2)
    assert np.abs(found.nearest(q) - q).max() < 1e-9
    assert np.all(found.joints[:, 0] == 1.2)


@pytest.mark.parametrize(
    ("arm", "free"), [("open_manipulator_x", ("lean", "spin")), ("so101", ("spin",)), ("so101", ("lean",))]
)
def test_fewer_axes_reach_only_what_is_let_free(arm: str, free: tuple[str, ...]) -> None:
    robot = load_robot(f"lib:robots/{arm}")
    tip = Pose.of((0.0, 0.0, 0.06)) if free != ("spin",) else Pose.of((0.02, 0.0, 0.06), (0.0, 0.7, 0.0))
    inverse = arm_inverse(robot, tip)
    assert inverse.freed == free
    q = randomly(robot, 1, seed=2)[0]
    pose = flange_pose(chain_of(robot), q)
    assert np.abs(solve(robot, pose, pose_flange_tcp=tip).nearest(q) - q).max() < 1e-6
    turned = pose @ tip @ Pose.of((0.0, 0.0, 0.0), (0.15, 0.0, 0.3)) @ tip.inverse()
    assert len(solve(robot, turned, pose_flange_tcp=tip)) == 0
    for answer in solve(robot, turned, pose_flange_tcp=tip, free=inverse.freed).joints:
        reached = flange_pose(chain_of(robot), answer) @ tip
        np.testing.assert_allclose(reached.position, (turned @ tip).position, atol=1e-9)


def test_freed_axes_say_what_they_came_out_at() -> None:
    robot = load_robot("lib:robots/open_manipulator_x")
    tip = Pose.of((0.0, 0.0, 0.06))
    q = np.array([0.3, -0.5, 0.4, 0.6])
    asked = flange_pose(chain_of(robot), q) @ tip @ Pose.of((0.0, 0.0, 0.0), (0.0, 0.0, 0.25)) @ tip.inverse()
    answers = arm_inverse(robot, tip).answers(asked.matrix[None])
    nearest = int(np.argmin(np.where(answers.valid[0], gaps(answers.joints[0], q), np.inf)))
    np.testing.assert_allclose(answers.joints[0, nearest], q, atol=1e-9)
    np.testing.assert_allclose(answers.let[0, nearest], (0.0, 0.25), atol=1e-9)


def test_two_axes_are_refused() -> None:
    with pytest.raises(UnsupportedArm) as refused:
        arm_inverse(load_robot("lib:robots/yaskawa_motopos_d500"))
    assert [finding.code for finding in refused.value.findings] == ["P222"]


def test_axes_that_do_the_same_twice_cannot_be_made_up_for() -> None:
    """Four parallel axes move in a plane, whatever two more turns are put at the tip."""
    chain = Chain(
        np.array([Pose.of((0.1, 0.0, 0.0)).matrix] * 4),
        np.tile([0.0, 0.0, 1.0], (4, 1)),
        np.zeros(4, dtype=np.bool_),
        np.eye(4),
    )
    assert freed_chain(chain, Pose.of((0.05, 0.0, 0.0)), np.full(4, -2.0), np.full(4, 2.0)) is None
