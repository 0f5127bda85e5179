"""Mechanical energy of an arm's motion, from its masses: what motors gave, what they took back, what is stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.dynamics import arm_efforts
from cellctl.kinematics.forward import frames, joint_rows
from cellctl.kinematics.masses import STANDARD_GRAVITY, lumped, masses_are_estimates
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Robot, Tool

SPACING = 0.02
"""Time (s) between the instants that measured joints are differentiated over: encoders' steps drown below it."""


@dataclass(frozen=True, slots=True)
class MotionEnergy:
    """Energy (J) at the joints: `given` by the motors, `taken` back where the load drives them, `largest_power` (W).

    Losses in gears, motors and drives are not in it, and a drive that cannot feed back turns `taken` into heat.
    `estimated` says that a mass of the arm or tool is an estimate.
    """

    given: float
    taken: float
    largest_power: float
    estimated: bool

    @property
    def net(self) -> float:
        """What stays in height and speed of the masses, J."""
        return self.given - self.taken


def motion_energy(
    robot: Robot, tool: Tool | None, pose_world_base: Pose, times: ArrayLike, joints: ArrayLike
) -> MotionEnergy:
    """The energy of a motion through `joints` (n, dof), rad or m, at `times` (n,), s, rising; planned or measured.

    Rates and accelerations are those of a cubic spline through the joints every SPACING.
    Raises ValueError for less than two instants.
    """
    from scipy.interpolate import CubicSpline

    t, rows = np.asarray(times, dtype=np.float64), joint_rows(chain_of(robot), joints)
    if len(t) != len(rows) or len(t) < 2:
        raise ValueError("a motion needs two instants or more, and a time for each")
    count = max(4, int(np.ceil((t[-1] - t[0]) / SPACING)) + 1)
    even = np.linspace(t[0], t[-1], count)
    q = np.column_stack([np.interp(even, t, column) for column in rows.T])
    curve = CubicSpline(even, q)
    rates = curve(even, 1)
    powers = arm_efforts(robot, tool, pose_world_base, q, rates, curve(even, 2)) * rates
    return MotionEnergy(
        given=float(np.trapezoid(np.maximum(powers, 0.0).sum(axis=1), even)),
        taken=float(np.trapezoid(np.maximum(-powers, 0.0).sum(axis=1), even)),
        largest_power=float(np.abs(powers.sum(axis=1)).max()),
        estimated=masses_are_estimates(robot, tool),
    )


def potential_energy(robot: Robot, tool: Tool | None, pose_world_base: Pose, q: ArrayLike) -> float:
    """Energy (J) of the height of all moving masses over the world's origin at `q` (dof,)."""
    places: FloatArray = pose_world_base.matrix @ frames(chain_of(robot), q)
    lumps = lumped(robot, tool)
    return float(
        sum(STANDARD_GRAVITY * lump.mass * (places[k] @ (*lump.com, 1.0))[2] for k, lump in enumerate(lumps) if k)
    )
