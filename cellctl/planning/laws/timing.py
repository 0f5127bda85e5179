"""Time laws s(t) for given paths q(s): the quickest inside the limits for free motion, constant TCP speed on a process.

A law is a cubic B-spline over time. Geometry is never changed here.
"""

from __future__ import annotations

from math import inf

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline, clamped_knots, greville
from cellctl.planning.laws.limits import MotionLimits, slowdown
from cellctl.planning.laws.profile import time_optimal_profile
from cellctl.planning.laws.quickening import law_clock, profile_clock, quickened_law

RAMP_KNOT = 0.05
RAMP_KNOTS = (0.05, 0.08, 0.12, 0.2)
RESERVE = 0.995
"""The share of every limit that is used on a process."""
FREE_RESERVE = 0.998
"""The share of every limit that is used in free motion."""
ENOUGH = 1.5
"""A law that takes so many times what it would without jerk limits is tried once more."""


def time_optimal_law(path: BSpline, limits: MotionLimits, speed_cap: float | None = None) -> BSpline:
    """The quickest law from rest to rest along `path` inside `limits`, ds/dt at most `speed_cap`.

    A time-optimal profile without jerk limits is smoothed into a clock; the rate of that clock is optimised inside all
    limits; what is left over at the output is stretched away. Where jerk costs much, the law itself is the next clock:
    it is slow where the corners are.
    """
    cap = inf if speed_cap is None else speed_cap
    bounded = limits.scaled(FREE_RESERVE)
    profile = time_optimal_profile(path, bounded.velocity, bounded.acceleration, cap)
    first = _held(path, quickened_law(path, profile_clock(profile), bounded, cap), bounded, cap)
    if first.end <= ENOUGH * profile.t[-1]:
        return first
    again = _held(path, quickened_law(path, law_clock(first), bounded, cap), bounded, cap)
    return min(first, again, key=lambda law: law.end)


def _held(path: BSpline, law: BSpline, limits: MotionLimits, cap: float) -> BSpline:
    """`law` slowed or quickened evenly until it just keeps every limit on the output.

    The control points of its derivative bound its speed.
    """
    fastest = float(law.derivative().control.max())
    return stretched(law, max(slowdown(path, law, limits), fastest / cap))


def stretched(law: BSpline, factor: float) -> BSpline:
    """`law` with its time multiplied by `factor`."""
    return BSpline(law.degree, law.knots * factor, law.control)


def stop_and_go_time(way: FloatArray, limits: MotionLimits) -> float:
    """Seconds that are enough for the polyline `way` (k, dof) with a stop at every point, each leg a plain trapezoid.

    A leg of a joint takes its distance at full speed, and ramps of acceleration and jerk beside.
    """
    ramps = limits.velocity / limits.acceleration + 2.0 * limits.acceleration / limits.jerk
    return float((np.abs(np.diff(way, axis=0)) / limits.velocity + ramps).max(axis=1).sum())


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
