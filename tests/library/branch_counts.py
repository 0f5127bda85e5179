"""How many answers a search from many starts finds for random poses of an arm, and how many of them its inverse lacks.

`PYTHONPATH=. python tests/library/branch_counts.py --poses 1000 --starts 500 ROBOT ...` prints a row an arm; the tests
count a few poses.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from math import pi
from typing import Any

import numpy as np

from cellctl.files import load_robot
from cellctl.kinematics.arm_inverse import arm_inverse
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.robot import Robot


def toolbox_sequence(robot: Robot) -> Any:
    """The robot's joints as roboticstoolbox has them, put together here and not by cellctl."""
    toolbox = import_module("roboticstoolbox")
    elements = []
    for joint in robot.joints:
        elements.append(toolbox.ET.SE3(joint.origin.matrix))
        if joint.kind != "fixed":
            letter = "xyz"[int(np.argmax(np.abs(joint.axis)))]
            elements.append(getattr(toolbox.ET, f"R{letter}")(flip=min(joint.axis) < 0.0))
    return toolbox.ETS(elements)


def apart(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Largest joint difference (rad) of answers (k, dof) from `wanted` (dof,), whole turns not counted."""
    return np.abs(np.angle(np.exp(1j * (found - wanted)))).max(axis=1)


def searched(robot: Robot, pose: np.ndarray, sequence: Any, draws: np.ndarray) -> np.ndarray:
    """What roboticstoolbox finds for a flange pose (4, 4) from starts (n, 6), merged at 1e-3 rad: (k, 6)."""
    chain = chain_of(robot)
    distinct: list[np.ndarray] = []
    for draw in draws:
        search = sequence.ik_LM(pose, q0=draw, slimit=1, tol=1e-19, joint_limits=False)
        q = np.asarray(search.q).reshape(6)
        known = len(distinct) and apart(np.array(distinct), q).min() < 1e-3
        if search.success and not known and np.abs(flange_matrices(chain, q)[0] - pose).max() <= 1e-9:
            distinct.append(q)
    return np.array(distinct).reshape(-1, 6)


def counted(robot: Robot, joints: np.ndarray, starts: int) -> tuple[int, int, int]:
    """Answers that the search finds for the poses of `joints` (n, 6), those of them that the inverse lacks, and answers
    of the inverse that forward kinematics refutes.
    """
    sequence = toolbox_sequence(robot)
    draws = np.random.default_rng(1).uniform(-pi, pi, (starts, 6))
    poses = flange_matrices(chain_of(robot), joints)
    answers = arm_inverse(robot).answers(poses)
    found = missed = refuted = 0
    for pose, reached, ok in zip(poses, answers.joints, answers.valid, strict=True):
        known = searched(robot, pose, sequence, draws)
        found += len(known)
        missed += sum(apart(reached[ok], q).min(initial=pi) >= 1e-3 for q in known)
        refuted += int((np.abs(flange_matrices(chain_of(robot), reached[ok]) - pose).max(axis=(1, 2)) > 2e-9).sum())
    return found, missed, refuted


def main() -> None:
    """Count for the arms named on the command line."""
    parser = argparse.ArgumentParser(description="Count the answers that an arm's inverse lacks.")
    parser.add_argument("robots", nargs="+")
    parser.add_argument("--poses", type=int, default=1000)
    parser.add_argument("--starts", type=int, default=500)
    asked = parser.parse_args()
    for name in asked.robots:
        robot = load_robot(name if "/" in name else f"lib:robots/{name}")
        lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
        joints = np.random.default_rng(11).uniform(lower, upper, (asked.poses, 6))
        found, missed, refuted = counted(robot, joints, asked.starts)
        print(f"| `{robot.name}` | {found} | {missed} | {refuted} |", flush=True)


if __name__ == "__main__":
    main()
