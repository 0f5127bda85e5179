"""Limits of a motion and how much of them a path under a time law asks. It makes no law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline

LARGEST_GRID = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class MotionLimits:
    """Limits (dof,) on the output: velocity, acceleration, jerk; SI."""

    velocity: FloatArray
    acceleration: FloatArray
    jerk: FloatArray

    def scaled(self, factor: float) -> MotionLimits:
        """All limits times `factor`."""
        return MotionLimits(self.velocity * factor, self.acceleration * factor, self.jerk * factor)


@dataclass(frozen=True, slots=True)
class HardestUse:
    """Where a motion asks most of a joint: `slowdown` is the factor in time that would bring it to its limit, `power`
    the power of it by which the quantity falls; joint index and path parameter.
    """

    slowdown: float
    quantity: Literal["velocity", "acceleration", "jerk"]
    power: int
    joint: int
    at: float


def hardest_use(path: BSpline, law: BSpline, limits: MotionLimits) -> HardestUse:
    """The hardest use of `limits` by `path` under `law`.

    Looked at every millisecond and on both sides of every knot of the law and of the path, where the jerk steps.
    """
    grid = np.linspace(0.0, law.end, int(np.clip(law.end / 0.001, 200, LARGEST_GRID)))
    passed = np.interp(np.unique(path.knots), law(grid)[:, 0], grid)
    knots = np.concatenate([np.unique(law.knots), passed])
    t = np.concatenate([grid, knots - 2e-4, knots + 2e-4])
    s, v, a, j = law(t)[:, 0], law(t, 1), law(t, 2), third_derivative(law, t)
    q1, q2, q3 = path(s, 1), path(s, 2), third_derivative(path, s)
    uses = (
        _use(np.abs(q1 * v) / limits.velocity, "velocity", 1, s),
        _use(np.abs(q2 * v**2 + q1 * a) / limits.acceleration, "acceleration", 2, s),
        _use(np.abs(q3 * v**3 + 3.0 * q2 * v * a + q1 * j) / limits.jerk, "jerk", 3, s),
    )
    return max(uses, key=lambda use: use.slowdown)


def _use(
    ratios: FloatArray, quantity: Literal["velocity", "acceleration", "jerk"], power: int, s: FloatArray
) -> HardestUse:
    row, joint = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
    return HardestUse(float(ratios[row, joint] ** (1.0 / power)), quantity, power, int(joint), float(s[row]))


def slowdown(path: BSpline, law: BSpline, limits: MotionLimits) -> float:
    """The factor by which `law` must be slowed (below 1: could be quickened) for `limits` to hold."""
    return hardest_use(path, law, limits).slowdown


def third_derivative(spline: BSpline, u: FloatArray) -> FloatArray:
    """Third derivative of a cubic: piecewise constant, from the slope of the second over each span."""
    breaks = np.unique(spline.knots)
    second = spline(breaks, 2)
    slopes = np.diff(second, axis=0) / np.diff(breaks)[:, None]
    i = np.clip(np.searchsorted(breaks, u, side="right") - 1, 0, len(slopes) - 1)
    result: FloatArray = slopes[i]
    return result
