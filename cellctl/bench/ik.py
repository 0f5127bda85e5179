"""The suite `ik`: all closed-form branches of an arm in bulk, their error, and whether EAIK finds one that we miss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cellctl.bench.clock import seconds, times
from cellctl.bench.figures import Figure, Goal, SuiteResult, ratio
from cellctl.bench.peers import peer
from cellctl.bench.suites import Progress
from cellctl.files import load_robot
from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.solvers.decomposed import decomposed_arm
from cellctl.kinematics.solvers.opw_arms import branches, opw_arrays, unverified_branches
from cellctl.model.pose import FloatArray

ARM = "kuka_kr16_2"
POSES = 15_732
"""As many as a seam of 437 poses has at 36 spins."""
COMPARED = 500
"""Poses at which every answer of EAIK is looked up among ours."""
SAME = 1e-5


def ik(repeats: int, say: Progress) -> SuiteResult:
    """All branches of the KR 16-2 for random reachable poses, without and with a check of each by the chain."""
    say("inverse kinematics", None)
    robot = load_robot(ARM)
    chain, arrays = chain_of(robot), opw_arrays(robot)
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    poses = flange_matrices(chain, np.random.default_rng(1).uniform(lower, upper, (POSES, robot.dof)))
    joints, valid = branches(arrays, poses)
    quick_joints, quick_valid = unverified_branches(arrays, poses)
    bulk = _a_pose("all branches, a pose", partial(unverified_branches, arrays, poses), repeats, Goal(2e-6))
    proved = _a_pose("all branches, each verified, a pose", partial(branches, arrays, poses), repeats)
    errors = _pose_errors(chain, quick_joints[quick_valid], np.repeat(poses, quick_valid.sum(axis=1), axis=0))
    figures = [
        bulk,
        proved,
        Figure("branches found a pose", "", (float(valid.sum(axis=1).mean()),), better="higher"),
        Figure("largest error of a branch", "m, rad", (float(errors.max()),), goal=Goal(1e-9, "max")),
    ]
    name = peer("eaik")
    if name is not None:
        figures += _beside_eaik(name, bulk, chain, poses[:COMPARED], joints, valid, repeats)
    return SuiteResult("ik", tuple(figures), absent=() if name else ("eaik",))


def _a_pose(name: str, call: Callable[[], object], repeats: int, goal: Goal | None = None) -> Figure:
    """A call for POSES poses, as seconds a pose."""
    elapsed, processor = (tuple(taken / POSES for taken in values) for values in times(call, repeats))
    return Figure(name, "s", elapsed, goal=goal, processor=processor)


def _beside_eaik(
    name: str,
    bulk: Figure,
    chain: Chain,
    poses: FloatArray,
    joints: FloatArray,
    valid: NDArray[np.bool_],
    repeats: int,
) -> list[Figure]:
    """EAIK's time on the same poses, ours over it, and how many of its answers are not among ours."""
    arm = decomposed_arm(chain)
    assert arm is not None
    asked = poses.copy()
    asked[:, :3, :3] = poses[:, :3, :3] @ arm.zero.T
    answers = [arm.solver.calculate_IK(pose) for pose in asked]
    taken = [
        total / len(asked) for total in seconds(lambda: [arm.solver.calculate_IK(pose).Q for pose in asked], repeats)
    ]
    missed = 0
    for n, answer in enumerate(answers):
        exact = [q for q, near in zip(answer.Q, answer.is_LS, strict=True) if not near]
        for q in exact:
            away = np.angle(np.exp(1j * (joints[n][valid[n]] - q)))
            missed += not bool((np.abs(away).max(axis=1) < SAME).any())
    label = "all branches, one call a pose"
    return [
        Figure("all branches in bulk over EAIK's", "", (ratio(bulk.values, taken),), against=label),
        Figure(label, "s", tuple(taken), of=name),
        Figure("EAIK's branches that ours miss", "", (float(missed),), goal=Goal(0.0, "max")),
    ]


def _pose_errors(chain: Chain, joints: FloatArray, poses: FloatArray) -> FloatArray:
    """The larger of the position (m) and the rotation error (rad) of each answer (n,)."""
    reached = flange_matrices(chain, joints)
    apart = np.linalg.norm(reached[:, :3, 3] - poses[:, :3, 3], axis=1)
    turned = np.linalg.norm(reached[:, :3, :3] - poses[:, :3, :3], axis=(1, 2)) / np.sqrt(2.0)
    result: FloatArray = np.maximum(apart, turned)
    return result
