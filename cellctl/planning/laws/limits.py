"""Limits of a motion and how much of them a path under a time law asks. It makes no law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.compiled import COUNT, NOTHING, REAL, compiled, reads, writes
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline

Quantity = Literal["velocity", "acceleration", "jerk"]
QUANTITIES: Final[tuple[Quantity, ...]] = ("velocity", "acceleration", "jerk")
POWERS: Final = np.array([1.0, 2.0, 3.0])
"""The powers of an even slowdown by which velocity, acceleration and jerk fall."""
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


class LimitUses(NamedTuple):
    """Largest `shares` (n, 3) of the limits of velocity, acceleration and jerk, the `joints` (n, 3) that ask them, and
    the path parameters `s` (n,) where.
    """

    shares: FloatArray
    joints: NDArray[np.intp]
    s: FloatArray


@dataclass(frozen=True, slots=True)
class HardestUse:
    """Where a motion asks most of a joint: `slowdown` is the factor in time that would bring it to its limit, `power`
    the power of it by which the quantity falls; joint index and path parameter.
    """

    slowdown: float
    quantity: Quantity
    power: int
    joint: int
    at: float


def hardest_use(path: BSpline, law: BSpline, limits: MotionLimits) -> HardestUse:
    """The hardest use of `limits` by `path` under `law`, both cubic.

    Looked at every millisecond, at every knot of the law and of the path, where the acceleration has its peaks, and on
    both sides of it for the jerk, which steps there and is not looked at on the knot itself.
    """
    grid = np.linspace(0.0, law.end, int(np.clip(law.end / 0.001, 200, LARGEST_GRID)))
    between = limit_uses(path, law, limits, grid)
    knots = np.concatenate([np.unique(law.knots), _passed(law, np.unique(path.knots), grid, between.s)])
    at = limit_uses(path, law, limits, np.concatenate([knots, knots - 2e-4, knots + 2e-4]))
    at.shares[: len(knots), 2] = 0.0
    slowdowns = np.maximum(at.shares.max(axis=0), between.shares.max(axis=0)) ** (1.0 / POWERS)
    k = int(np.argmax(slowdowns))
    hardest = at if at.shares[:, k].max() >= between.shares[:, k].max() else between
    row = int(np.argmax(hardest.shares[:, k]))
    return HardestUse(float(slowdowns[k]), QUANTITIES[k], k + 1, int(hardest.joints[row, k]), float(hardest.s[row]))


def _passed(law: BSpline, s: FloatArray, grid: FloatArray, on_grid: FloatArray) -> FloatArray:
    """When (n,) a law passes path parameters `s` (n,): from its values `on_grid` at times `grid` (m,), and one step of
    Newton.
    """
    t: FloatArray = np.interp(s, on_grid, grid)
    rate = law(t, 1)[:, 0]
    step = np.divide(s - law(t)[:, 0], rate, out=np.zeros(len(t)), where=rate > 1e-9)
    result: FloatArray = np.clip(t + np.clip(step, -1e-3, 1e-3), 0.0, law.end)
    return result


def limit_uses(path: BSpline, law: BSpline, limits: MotionLimits, t: FloatArray) -> LimitUses:
    """What `path` under `law`, both cubic, asks of `limits` at times `t` (n,), those outside of the law at its ends."""
    shares, joints = np.empty((len(t), 3)), np.empty((len(t), 3), dtype=np.intp)
    s = np.empty(len(t))
    table = np.stack([limits.velocity, limits.acceleration, limits.jerk])
    _fill_uses(path.knots, path.control, law.knots, law.control, t, table, shares, joints, s)
    return LimitUses(shares, joints, s)


@compiled(NOTHING, reads(1), reads(2), REAL, writes(2))
def cubic_at(knots: FloatArray, control: FloatArray, u: float, out: FloatArray) -> None:
    """Fill `out` (4, dim) with a cubic B-spline and its three derivatives at `u`, clamped to its range (de Boor)."""
    last = len(control) - 1
    u = min(max(u, float(knots[3])), float(knots[last + 1]))
    i = min(max(int(np.searchsorted(knots, u, side="right")) - 1, 3), last)
    t1, t2, t3, t4, t5, t6 = knots[i - 2], knots[i - 1], knots[i], knots[i + 1], knots[i + 2], knots[i + 3]
    up = (u - t3) / (t4 - t3)
    low, high = (u - t2) / (t4 - t2), (u - t3) / (t5 - t3)
    first, middle, end = (u - t1) / (t4 - t1), (u - t2) / (t5 - t2), (u - t3) / (t6 - t3)
    for d in range(control.shape[1]):
        c0, c1, c2, c3 = control[i - 3, d], control[i - 2, d], control[i - 1, d], control[i, d]
        a0, a1, a2 = 3.0 * (c1 - c0) / (t4 - t1), 3.0 * (c2 - c1) / (t5 - t2), 3.0 * (c3 - c2) / (t6 - t3)
        b0, b1 = 2.0 * (a1 - a0) / (t4 - t2), 2.0 * (a2 - a1) / (t5 - t3)
        c0, c1, c2 = c0 + first * (c1 - c0), c1 + middle * (c2 - c1), c2 + end * (c3 - c2)
        c0, c1 = c0 + low * (c1 - c0), c1 + high * (c2 - c1)
        a0, a1 = a0 + low * (a1 - a0), a1 + high * (a2 - a1)
        out[0, d] = c0 + up * (c1 - c0)
        out[1, d] = a0 + up * (a1 - a0)
        out[2, d] = b0 + up * (b1 - b0)
        out[3, d] = (b1 - b0) / (t4 - t3)


@compiled(NOTHING, reads(1), reads(2), reads(1), reads(2), reads(1), reads(2), writes(2), writes(2, COUNT), writes(1))
def _fill_uses(
    path_knots: FloatArray,
    path_control: FloatArray,
    law_knots: FloatArray,
    law_control: FloatArray,
    t: FloatArray,
    limits: FloatArray,
    shares: FloatArray,
    joints: NDArray[np.intp],
    s: FloatArray,
) -> None:
    """Fill the largest `shares` (n, 3) of `limits` (3, dof), the `joints` (n, 3) that ask them, and `s` (n,)."""
    law, path = np.empty((4, 1)), np.empty((4, path_control.shape[1]))
    for i in range(len(t)):
        cubic_at(law_knots, law_control, t[i], law)
        s[i], v, a, j = law[0, 0], law[1, 0], law[2, 0], law[3, 0]
        cubic_at(path_knots, path_control, s[i], path)
        shares[i] = -1.0
        for d in range(path_control.shape[1]):
            q1, q2, q3 = path[1, d], path[2, d], path[3, d]
            asked = (q1 * v, q2 * v * v + q1 * a, q3 * v * v * v + 3.0 * q2 * v * a + q1 * j)
            for k in range(3):
                share = abs(asked[k]) / limits[k, d]
                if share > shares[i, k]:
                    shares[i, k], joints[i, k] = share, d


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
