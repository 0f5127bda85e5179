"""Time laws s(t) for given paths q(s): time-optimal with limits for free motion, constant TCP speed on a process.

A law is a cubic B-spline over time. Its control points are samples of a time-optimal profile (reachability analysis
after Pham and Pham, IEEE T-RO 2018), which the spline smooths: C2, monotone, jerk bounded by the knot spacing. A last
uniform stretch makes every limit hold on the output. Geometry is never changed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import types

from cellctl.kinematics.compiled import REAL, compiled, reads, writes
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline, clamped_knots, greville

GRID = 240
KNOT_SPACINGS = (0.02, 0.03, 0.045, 0.065, 0.09, 0.13)
RAMP_KNOT = 0.05
RAMP_KNOTS = (0.05, 0.08, 0.12, 0.2)
RESERVE = 0.995
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


@compiled(types.boolean, reads(1), reads(1), reads(1), REAL, REAL, REAL)
def _admits(
    first: FloatArray, second: FloatArray, acceleration: FloatArray, x: float, following: float, du: float
) -> bool:
    """True when some ds^2/dt^2 at squared speed x holds every acceleration and reaches [0, following]."""
    low = -x / (2.0 * du)
    high = (following - x) / (2.0 * du)
    for j in range(len(first)):
        bent = second[j] * x
        if abs(first[j]) > 1e-12:
            a = (-acceleration[j] - bent) / first[j]
            b = (acceleration[j] - bent) / first[j]
            low = max(low, min(a, b))
            high = min(high, max(a, b))
        elif abs(bent) > acceleration[j]:
            return False
    return low <= high


@compiled(writes(1), reads(2), reads(2), reads(1), reads(1), reads(1), REAL)
def _largest_squared_speeds(
    first: FloatArray, second: FloatArray, velocity: FloatArray, acceleration: FloatArray, cap: FloatArray, du: float
) -> FloatArray:
    """X = (ds/dt)^2 (n,) of the time-optimal profile from rest to rest on a grid of spacing `du`.

    `first`, `second` (n, dof) are q' and q''; `cap` (n,) bounds x further (TCP speed).
    """
    n, dof = first.shape
    controllable = np.zeros(n)
    for i in range(n - 2, -1, -1):
        high = cap[i]
        for j in range(dof):
            slope = abs(first[i, j])
            if slope > 1e-12:
                high = min(high, (velocity[j] / slope) ** 2)
        low = 0.0
        if not _admits(first[i], second[i], acceleration, high, controllable[i + 1], du):
            for _ in range(48):
                middle = 0.5 * (low + high)
                if _admits(first[i], second[i], acceleration, middle, controllable[i + 1], du):
                    low = middle
                else:
                    high = middle
            controllable[i] = low
        else:
            controllable[i] = high
    x = np.zeros(n)
    for i in range(n - 1):
        largest = np.inf
        for j in range(dof):
            slope = first[i, j]
            if abs(slope) > 1e-12:
                limit = (acceleration[j] - np.sign(slope) * second[i, j] * x[i]) / abs(slope)
                largest = min(largest, limit)
        x[i + 1] = max(0.0, min(controllable[i + 1], x[i] + 2.0 * du * largest))
    return x


def time_optimal_law(path: BSpline, limits: MotionLimits, speed_cap: FloatArray | None = None) -> BSpline:
    """The law from rest to rest along `path` inside `limits`.

    `speed_cap` (GRID,) bounds ds/dt at the GRID evenly spaced parameters of the path (for a TCP speed).
    """
    u = np.linspace(path.start, path.end, GRID)
    du = u[1] - u[0]
    cap = np.full(GRID, np.inf) if speed_cap is None else speed_cap**2
    bounded = limits.scaled(RESERVE)
    x = _largest_squared_speeds(path(u, 1), path(u, 2), bounded.velocity, bounded.acceleration, cap, du)
    speeds = np.sqrt(np.maximum(x, 0.0))
    dt = 2.0 * du / np.maximum(speeds[1:] + speeds[:-1], 1e-9)
    t = np.concatenate([[0.0], np.cumsum(dt)])
    laws = [_smoothed(t, u, x, h) for h in KNOT_SPACINGS]
    held = [_stretched(path, law, bounded, u, speed_cap) for law in laws]
    return min(held, key=lambda law: law.end)


def _smoothed(t: FloatArray, u: FloatArray, x: FloatArray, h: float) -> BSpline:
    """Samples of the profile every `h` seconds as control points, three equal ones at each end."""
    count = max(2, int(np.ceil(t[-1] / h)) + 1)
    at = np.minimum(np.linspace(0.0, (count - 1) * t[-1] / (count - 1), count), t[-1])
    i = np.clip(np.searchsorted(t, at, side="right") - 1, 0, len(t) - 2)
    tau = at - t[i]
    du = u[1] - u[0]
    s = u[i] + np.sqrt(np.maximum(x[i], 0.0)) * tau + (x[i + 1] - x[i]) / (4.0 * du) * tau * tau
    s = np.clip(np.maximum.accumulate(s), u[0], u[-1])
    s[0], s[-1] = u[0], u[-1]
    control = np.concatenate([[u[0]] * 2, s, [u[-1]] * 2])
    spacing = t[-1] / (count - 1)
    inner = spacing * np.arange(len(control) - 2)
    return BSpline(3, clamped_knots(inner), control[:, None])


def _stretched(path: BSpline, law: BSpline, limits: MotionLimits, u: FloatArray, cap: FloatArray | None) -> BSpline:
    """`law` slowed evenly by the least factor that makes every limit hold on a dense sample of the output."""
    ratio = slowdown(path, law, limits)
    if cap is not None:
        t = np.linspace(0.0, law.end, 400)
        ratio = max(ratio, float(np.max(law(t, 1)[:, 0] / np.interp(law(t)[:, 0], u, cap))))
    return stretched(law, max(ratio, 1e-3))


def stretched(law: BSpline, factor: float) -> BSpline:
    """`law` with its time multiplied by `factor`."""
    return BSpline(law.degree, law.knots * factor, law.control)


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
    s, v, a, j = law(t)[:, 0], law(t, 1), law(t, 2), _third(law, t)
    q1, q2, q3 = path(s, 1), path(s, 2), _third(path, s)
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


def _third(spline: BSpline, u: FloatArray) -> FloatArray:
    """Third derivative of a cubic: piecewise constant, from the slope of the second over each span."""
    breaks = np.unique(spline.knots)
    second = spline(breaks, 2)
    slopes = np.diff(second, axis=0) / np.diff(breaks)[:, None]
    i = np.clip(np.searchsorted(breaks, u, side="right") - 1, 0, len(slopes) - 1)
    result: FloatArray = slopes[i]
    return result


def constant_speed_law(length: float, speed: float, ramp_knot: float = RAMP_KNOT) -> BSpline:
    """The law that covers `length` (m) at exactly `speed` (m/s), with a smooth start and end over a few `ramp_knot`s
    (s).

    Control points lie on a straight line over the Greville abscissae, so the speed between the ramps is exact.
    """
    h = min(ramp_knot, length / speed / 8.0)
    end = length / speed + 2.0 * h
    ramp = h * np.arange(6)
    knots = clamped_knots(np.concatenate([ramp, end - ramp[::-1]]))
    control = np.clip(speed * (greville(knots) - h), 0.0, length)
    control[-3:] = length
    return BSpline(3, knots, control[:, None])


def process_law(path: BSpline, speed: float, limits: MotionLimits) -> BSpline | None:
    """Constant `speed` along `path` (parameter arc length, m) with the shortest ramps that hold `limits`; None if
    none do.
    """
    for ramp_knot in RAMP_KNOTS:
        law = constant_speed_law(path.end, speed, ramp_knot)
        if slowdown(path, law, limits) <= RESERVE:
            return law
    return None
