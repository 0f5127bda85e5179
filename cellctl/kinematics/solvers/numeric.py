"""Numeric inverse kinematics by roboticstoolbox, for arms without a closed form: the one door to it. No branches.

roboticstoolbox takes seconds to import and draws its restarts from a source that nobody can seed, so it is imported on
first use and asked for one search at a time.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from cellctl.errors import EnvironmentMissing, Finding
from cellctl.kinematics.chain import BoolArray, Chain, chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Robot

ACCEPTED: Final = 1e-6
"""Largest forward kinematics error of an answer: m, and any entry of the rotation matrix."""
_TOLERANCE: Final = 1e-18
"""Of half the squared error, as `ik_LM` counts it: 1e-9 m. Its default stops at a millimetre."""


def solve_numeric(
    robot: Robot, pose_base_flange: Pose, q0: ArrayLike, *, attempts: int = 30, seed: int = 0
) -> FloatArray | None:
    """Joint values (dof,) inside the limits that reach the pose, or None.

    The first search starts at `q0` (dof,), the others (`attempts` in all) at joint values drawn from `seed`. Of the
    whole turns inside the limits the one nearest to `q0` is given. None is no proof that there is no answer. Every
    answer is verified by forward kinematics to ACCEPTED. Raises EnvironmentMissing without roboticstoolbox (E590).
    """
    chain = chain_of(robot)
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    sequence = _sequence(chain, lower, upper)
    draw = np.random.default_rng(seed)
    wanted = np.array(q0, dtype=np.float64)
    start = wanted
    for _ in range(attempts):
        answer = sequence.ik_LM(pose_base_flange.matrix, q0=start, slimit=1, tol=_TOLERANCE, joint_limits=False)
        q = np.asarray(answer.q, dtype=np.float64).reshape(-1)
        if answer.success:
            q = _nearest_turn(q, wanted, lower, upper, chain.prismatic)
            if np.all((lower <= q) & (q <= upper)) and _error(chain, q, pose_base_flange) <= ACCEPTED:
                return q
        start = draw.uniform(lower, upper)
    return None


def toolbox_flanges(robot: Robot, joints: ArrayLike) -> FloatArray:
    """The flange in the base frame (n, 4, 4) for joint values (n, dof), as roboticstoolbox has it: an oracle.

    Raises EnvironmentMissing without roboticstoolbox (E590).
    """
    sequence = _sequence(chain_of(robot), robot.limit_array("lower"), robot.limit_array("upper"))
    return np.array([sequence.eval(q) for q in np.atleast_2d(np.asarray(joints))])


def _nearest_turn(
    q: FloatArray, wanted: FloatArray, lower: FloatArray, upper: FloatArray, prismatic: BoolArray
) -> FloatArray:
    """`q` (dof,) with whole turns added to its revolute joints: inside the limits if possible, near `wanted` there."""
    turn = 2.0 * np.pi
    fewest, most = np.ceil((lower - q) / turn), np.floor((upper - q) / turn)
    count = np.minimum(np.maximum(np.round((wanted - q) / turn), fewest), most)
    result: FloatArray = q + np.where(prismatic, 0.0, turn * count)
    return result


def _error(chain: Chain, q: FloatArray, pose_base_flange: Pose) -> float:
    """Largest difference of any entry of the flange's matrix at `q` from the pose: m, and rad for small ones."""
    return float(np.abs(flange_matrices(chain, q)[0] - pose_base_flange.matrix).max())


def _sequence(chain: Chain, lower: FloatArray, upper: FloatArray) -> Any:
    """The chain as roboticstoolbox's elementary transform sequence: every axis turned to z and back."""
    toolbox = _roboticstoolbox()
    elements = []
    pending = np.eye(4)
    for before, axis, prismatic, low, high in zip(chain.before, chain.axes, chain.prismatic, lower, upper, strict=True):
        turned = np.eye(4)
        turned[:3, :3] = _rotation_to_z(axis)
        elements.append(toolbox.ET.SE3(pending @ before @ turned))
        elements.append(toolbox.ET.tz(qlim=[low, high]) if prismatic else toolbox.ET.Rz(qlim=[low, high]))
        pending = turned.T
    elements.append(toolbox.ET.SE3(pending @ chain.after))
    return toolbox.ETS(elements)


def _rotation_to_z(axis: FloatArray) -> FloatArray:
    """A rotation (3, 3) whose third column is the unit vector `axis` (3,)."""
    helper = np.eye(3)[np.argmin(np.abs(axis))]
    x = np.cross(helper, axis)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(axis, x), axis], axis=1)


def _roboticstoolbox() -> Any:
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        return import_module("roboticstoolbox")
    except ImportError as error:
        raise EnvironmentMissing(
            Finding(
                "E590", "numeric inverse kinematics needs the package 'roboticstoolbox-python'", suggestion="install it"
            )
        ) from error
