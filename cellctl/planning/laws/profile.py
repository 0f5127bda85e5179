"""Time-optimal speed profiles along a path: limits of velocity and acceleration, none of jerk. Knows no time law.

Reachability analysis after H. Pham and Q.-C. Pham, "A new approach to time-optimal path parameterization based on
reachability analysis", IEEE Transactions on Robotics 34(3), 2018, with their interpolation scheme: on every interval of
the grid the acceleration of the path parameter is constant, and the limits hold at both of its ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numba import types

from cellctl.kinematics.compiled import REAL, compiled, reads, several, writes
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline

FLAT = 1e-12
"""A row whose share of the acceleration is below this (of 1) bounds the speed alone."""
NEWTON_STEPS = 60
LEAST_GRID = 240
LARGEST_GRID = 4000
PER_SPAN = 3


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Squared speeds `x` (n,) of the path parameter at `u` (n,), from rest to rest, and when it passes there: `t` (n,)
    s.
    """

    u: FloatArray
    x: FloatArray
    t: FloatArray


def path_grid(path: BSpline) -> FloatArray:
    """Parameters (n,) that hold every knot of `path`, PER_SPAN intervals or more between two; short spans have short
    ones.
    """
    knots = np.unique(path.knots)
    widths = np.diff(knots)
    share = widths * (LEAST_GRID / (path.end - path.start))
    most = max(PER_SPAN, LARGEST_GRID // len(widths))
    pieces = np.clip(np.ceil(share), PER_SPAN, most).astype(np.intp)
    steps = np.repeat(widths / pieces, pieces)
    inside = np.concatenate([np.arange(count) for count in pieces])
    return np.append(np.repeat(knots[:-1], pieces) + inside * steps, knots[-1])


def time_optimal_profile(
    path: BSpline, velocity: FloatArray, acceleration: FloatArray, speed_cap: float = inf, u: FloatArray | None = None
) -> Profile:
    """The quickest profile from rest to rest inside `velocity` and `acceleration` (dof,), du/dt at most `speed_cap`.

    `u` (n,), increasing, is the grid on which the limits hold, that of `path_grid` unless given.
    """
    at = path_grid(path) if u is None else np.ascontiguousarray(u, dtype=np.float64)
    x, t = _profile(at, path(at, 1), path(at, 2), velocity, acceleration, speed_cap)
    return Profile(at, x, t)


@compiled(several(4), reads(1), reads(1), reads(1), reads(1), reads(1), REAL, REAL, REAL)
def _accelerations(
    first: FloatArray,
    second: FloatArray,
    next_first: FloatArray,
    next_second: FloatArray,
    acceleration: FloatArray,
    x: float,
    following: float,
    du: float,
) -> tuple[float, float, float, float]:
    """Least and largest d2u/dt2 at squared speed `x` that keep the limits at both ends of an interval and lead into [0,
    following]; and the slopes of both over x.
    """
    low, low_slope = -x / (2.0 * du), -1.0 / (2.0 * du)
    high, high_slope = (following - x) / (2.0 * du), -1.0 / (2.0 * du)
    for j in range(len(first)):
        for end in range(2):
            share = first[j] if end == 0 else next_first[j] + 2.0 * du * next_second[j]
            bend = second[j] if end == 0 else next_second[j]
            if abs(share) <= FLAT:
                continue
            slope = -bend / share
            middle, reach = slope * x, acceleration[j] / abs(share)
            if middle - reach > low:
                low, low_slope = middle - reach, slope
            if middle + reach < high:
                high, high_slope = middle + reach, slope
    return low, low_slope, high, high_slope


@compiled(REAL, reads(1), reads(1), REAL)
def _slowest_crossing(first: FloatArray, acceleration: FloatArray, du: float) -> float:
    """Seconds for an interval of `du` from rest to rest on a straight path: no interval has to take longer."""
    largest = inf
    for j in range(len(first)):
        if abs(first[j]) > FLAT:
            largest = min(largest, acceleration[j] / abs(first[j]))
    return 2.0 * sqrt(du / largest) if largest < inf else inf


@compiled(types.Tuple((writes(1), writes(1))), reads(1), reads(2), reads(2), reads(1), reads(1), REAL)
def _profile(
    u: FloatArray, first: FloatArray, second: FloatArray, velocity: FloatArray, acceleration: FloatArray, cap: float
) -> tuple[FloatArray, FloatArray]:
    """Squared speeds and times (n,) on the grid `u` (n,) with q' = `first` and q'' = `second` (n, dof)."""
    n, dof = first.shape
    controllable = np.zeros(n)
    for i in range(n - 2, -1, -1):
        du = u[i + 1] - u[i]
        x = cap * cap
        for j in range(dof):
            if abs(first[i, j]) > FLAT:
                x = min(x, (velocity[j] / first[i, j]) ** 2)
            elif abs(second[i, j]) > FLAT:
                x = min(x, acceleration[j] / abs(second[i, j]))
        for _ in range(NEWTON_STEPS):
            low, low_slope, high, high_slope = _accelerations(
                first[i], second[i], first[i + 1], second[i + 1], acceleration, x, controllable[i + 1], du
            )
            missing = low - high
            if missing <= 1e-12 * (1.0 + abs(low)):
                break
            x = max(0.0, x - missing / (low_slope - high_slope))
        controllable[i] = x
    x_at = np.zeros(n)
    t = np.zeros(n)
    for i in range(n - 1):
        du = u[i + 1] - u[i]
        _, _, high, _ = _accelerations(
            first[i], second[i], first[i + 1], second[i + 1], acceleration, x_at[i], controllable[i + 1], du
        )
        x_at[i + 1] = min(controllable[i + 1], max(0.0, x_at[i] + 2.0 * du * high))
        slowest = _slowest_crossing(first[i], acceleration, du)
        t[i + 1] = t[i] + min(slowest, 2.0 * du / max(sqrt(x_at[i]) + sqrt(x_at[i + 1]), 1e-300))
    return x_at, t
