"""From a smooth clock along a path to the quickest law inside limits of velocity, acceleration and jerk.

A clock s(tau) runs a path from rest to rest. Run at another rate, p(tau) = q(s(tau)) asks other velocities,
accelerations and jerks; the best rate over tau comes from `interior`. The ends need no special case: the clock rests
there whatever the rate. It checks nothing on the output: what a law asks in the end is measured by `limits`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline, basis_values, clamped_knots
from cellctl.planning.laws.interior import Demand, quickest, stencils
from cellctl.planning.laws.limits import POWERS, MotionLimits, limit_uses, third_derivative
from cellctl.planning.laws.profile import Profile

CLOCK_DEGREE = 5
CLOCK_KNOTS = 16
CLOCK_SPACING = (0.04, 0.3)
"""Least and largest knot spacing of a clock (s): the longer, the smoother."""
NODE_SPACING = 0.01
LEAST_SPACING = 2e-5
LEAST_NODES = 60
LARGEST_NODES = 2000
WEIGHTS = (15.0, 150.0)
SLOWER = 1.01
"""How much slower than needed the first guess is, for it must be inside every limit."""
ROUNDS = 4
ENOUGH = 1.01
"""An even stretch of the law by so much, which would hold every limit, is not worth another round."""
NEVER = 1e9


def profile_clock(profile: Profile) -> BSpline:
    """The smooth clock of a time-optimal profile."""
    u, x, t = profile.u, profile.x, profile.t
    at = _clock_times(t[-1])
    i = np.clip(np.searchsorted(t, at, side="right") - 1, 0, len(t) - 2)
    after = at - t[i]
    s = u[i] + np.sqrt(x[i]) * after + (x[i + 1] - x[i]) / (4.0 * (u[i + 1] - u[i])) * after * after
    return _smooth_clock(at, np.clip(np.maximum.accumulate(s), u[0], u[-1]), u[-1])


def law_clock(law: BSpline) -> BSpline:
    """The smooth clock of a law."""
    at = _clock_times(law.end)
    return _smooth_clock(at, law(at)[:, 0], float(law.control[-1, 0]))


def _clock_times(duration: float) -> FloatArray:
    spacing = float(np.clip(duration / CLOCK_KNOTS, *CLOCK_SPACING))
    return np.linspace(0.0, duration, max(4, int(np.ceil(duration / spacing)) + 1))


def _smooth_clock(t: FloatArray, s: FloatArray, end: float) -> BSpline:
    """A clock of degree 5 with samples `s` (n,) at even times `t` as control points, three equal ones at each end."""
    control = np.concatenate([np.full(3, s[0]), s[1:-1], np.full(3, end)])
    knots = t[1] * np.arange(len(control) - CLOCK_DEGREE + 1)
    return BSpline(CLOCK_DEGREE, clamped_knots(knots, CLOCK_DEGREE), control[:, None])


def quickened_law(path: BSpline, clock: BSpline, limits: MotionLimits, speed_cap: float) -> BSpline:
    """The law that runs `path` by `clock` at the best rate inside `limits`, ds/dt at most `speed_cap`.

    Between the nodes a law may still ask more than at them; there the limits are tightened and the rate is found again.
    """
    tau = clock_nodes(path, clock)
    demand = demand_of(path, clock, tau, limits, speed_cap)
    s = clock(tau)[:, 0]
    s[0], s[-1] = path.start, path.end
    start = np.full(len(tau), 1.0 / (SLOWER * _least_slowdown(demand)) ** 2)
    laws: list[tuple[float, BSpline]] = []
    for _ in range(ROUNDS):
        y = quickest(demand, start, np.array(WEIGHTS))
        law = law_through(passing_times(tau, y), s)
        asked = shares(path, law, limits)
        slowdown = float((asked.max(axis=0) ** (1.0 / POWERS)).max())
        laws.append((law.end * max(1.0, slowdown), law))
        if slowdown <= ENOUGH:
            break
        tighter = np.maximum(1.0, asked)
        demand = _tightened(demand, tighter)
        start = y / (SLOWER * float((tighter.max(axis=0) ** (1.0 / POWERS)).max())) ** 2
    return min(laws, key=lambda found: found[0])[1]


def clock_nodes(path: BSpline, clock: BSpline) -> FloatArray:
    """Nodes tau (n,): where the clock passes the knots of `path`, where q''' jumps, and evenly between those."""
    grid = np.linspace(0.0, clock.end, max(400, int(clock.end / 1e-3)))
    passed = np.interp(np.unique(path.knots)[1:-1], clock(grid)[:, 0], grid)
    kept = [0.0]
    for at in passed:
        if min(at - kept[-1], clock.end - at) > LEAST_SPACING:
            kept.append(float(at))
    spacing = float(np.clip(NODE_SPACING, clock.end / LARGEST_NODES, clock.end / LEAST_NODES))
    pieces = [
        np.linspace(a, b, int(np.ceil((b - a) / spacing)), endpoint=False) for a, b in pairwise([*kept, clock.end])
    ]
    return np.append(np.concatenate(pieces), clock.end)


def demand_of(path: BSpline, clock: BSpline, tau: FloatArray, limits: MotionLimits, speed_cap: float) -> Demand:
    """What p(tau) = q(s(tau)) asks of `limits` at the nodes."""
    s, v, a, j = clock(tau), clock(tau, 1), clock(tau, 2), clock(tau, 3)
    q1, q2 = path(s[:, 0], 1), path(s[:, 0], 2)
    middles = np.concatenate([tau[:1], 0.5 * (tau[1:] + tau[:-1]), tau[-1:]])
    q3 = third_derivative(path, clock(middles)[:, 0])
    first, second = q1 * v, q2 * v**2 + q1 * a
    third = 3.0 * q2 * v * a + q1 * j + np.stack([q3[:-1], q3[1:]]) * v**3
    with np.errstate(divide="ignore"):
        top = np.minimum(((limits.velocity / np.abs(first)) ** 2).min(axis=1), (speed_cap / v[:, 0]) ** 2)
    return Demand(
        np.minimum(top, NEVER),
        first / limits.acceleration,
        second / limits.acceleration,
        first / limits.jerk,
        second / limits.jerk,
        np.ascontiguousarray((third / limits.jerk).transpose(1, 0, 2)),
        stencils(np.diff(tau)),
    )


def _least_slowdown(demand: Demand) -> float:
    """The factor in time by which the clock as it is keeps every limit."""
    velocity = 1.0 / demand.top.min()
    return float(max(velocity**0.5, np.abs(demand.second).max() ** 0.5, np.abs(demand.third).max() ** (1.0 / 3.0)))


def _tightened(demand: Demand, by: FloatArray) -> Demand:
    """`demand` with velocity, acceleration and jerk of a node counted `by` (n, 3) times."""
    velocity, acceleration, jerk = by.T[:, :, None]
    return Demand(
        demand.top / velocity[:, 0] ** 2,
        demand.first * acceleration,
        demand.second * acceleration,
        demand.jerk_first * jerk,
        demand.jerk_second * jerk,
        demand.third * jerk[:, None],
        demand.stencils,
    )


def passing_times(tau: FloatArray, y: FloatArray) -> FloatArray:
    """When (n,) a clock passes its nodes `tau` at the squared rates `y` (n,), which change evenly between them."""
    rate = np.sqrt(y)
    return np.concatenate([[0.0], np.cumsum(2.0 * np.diff(tau) / (rate[1:] + rate[:-1]))])


def law_through(t: FloatArray, s: FloatArray) -> BSpline:
    """The cubic law with knots `t` (n,) through `s` (n,) there, from rest to rest: no speed and no acceleration at its
    ends, for which it leaves out the second point and the last but one.
    """
    from scipy.linalg import solve_banded

    knots = clamped_knots(t)
    control = np.concatenate([np.full(3, s[0]), np.zeros(len(t) - 4), np.full(3, s[-1])])
    weights = basis_values(knots, 3, t[2:-2], np.arange(5, len(t) + 1))[:, :3]
    right = s[2:-2].copy()
    right[0] -= weights[0, 0] * s[0]
    right[-1] -= weights[-1, 2] * s[-1]
    bands = np.zeros((3, len(right)))
    bands[0, 1:], bands[1], bands[2, :-1] = weights[:-1, 2], weights[:, 1], weights[1:, 0]
    control[3:-3] = solve_banded((1, 1), bands, right)
    return BSpline(3, knots, np.clip(np.maximum.accumulate(control), s[0], s[-1])[:, None])


def shares(path: BSpline, law: BSpline, limits: MotionLimits) -> FloatArray:
    """The largest shares (n, 3) of the limits of velocity, acceleration and jerk that are asked in the spans of `law`
    on either side of each of its n knots.
    """
    t = np.unique(law.knots)
    inset = 0.01 * np.diff(t)
    ends = limit_uses(path, law, limits, np.concatenate([t[:-1] + inset, t[1:] - inset])).shares
    spans = np.maximum(*np.split(ends, 2))
    result: FloatArray = np.maximum(np.concatenate([spans[:1], spans]), np.concatenate([spans, spans[-1:]]))
    return result
