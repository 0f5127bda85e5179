"""The quickest clock rate inside limits of velocity, acceleration and jerk: an interior-point method, compiled.

A motion p(tau) is to be run at another rate r = dtau/dt. With y = r^2 and its half slope w = y' / 2 over tau,
    velocity = p' r,   acceleration = p'' y + p' w,   jerk = r (p''' y + 3 p'' w + p' w').
A limit of acceleration is linear in y. So is one of jerk, but for its right side J / sqrt(y): its curvature is left
out of the Newton matrix, which stays positive definite and has five bands. It knows no path and no time law.
"""

from __future__ import annotations

from math import inf, log, sqrt
from typing import NamedTuple

import numpy as np

from cellctl.kinematics.compiled import COUNT, NOTHING, REAL, compiled, reads, record, writes
from cellctl.model.pose import FloatArray

NEWTON_STEPS = 40
SOLVED = 1e-3
"""Newton's decrement a node below which a barrier counts as solved."""
SHORTEST_STEP = 1e-8
INSIDE = 0.95
"""The share of the way to a bound of y itself that one step may take."""


class Demand(NamedTuple):
    """What a motion asks at n nodes, in shares of its limits.

    `top` (n,) is the largest y that the velocities allow; (n, dof) are p' and p'' over the acceleration limits, then
    over the jerk limits; `third` (n, 2, dof) is p''' over the jerk limits before and after a node, where it may jump.
    `stencils` (n, 4, 3) give, from y before, at and after a node: w before it, w after it, w and w' at it.
    """

    top: FloatArray
    first: FloatArray
    second: FloatArray
    jerk_first: FloatArray
    jerk_second: FloatArray
    third: FloatArray
    stencils: FloatArray


_DEMAND = record(Demand, writes(1), writes(2), writes(2), writes(2), writes(2), writes(3), writes(3))


def stencils(steps: FloatArray) -> FloatArray:
    """The stencils (n, 4, 3) of nodes with `steps` (n - 1,) of tau between them.

    At the ends, where the motion rests and p' and p'' vanish, w and w' do not matter and are 0.
    """
    result = np.zeros((len(steps) + 1, 4, 3))
    slope = 0.5 / steps
    result[1:, 0, 0], result[1:, 0, 1] = -slope, slope
    result[:-1, 1, 1], result[:-1, 1, 2] = -slope, slope
    both = (steps[:-1] + steps[1:])[:, None]
    before, after = result[1:-1, 0], result[1:-1, 1]
    result[1:-1, 2] = (steps[1:, None] * before + steps[:-1, None] * after) / both
    result[1:-1, 3] = 2.0 * (after - before) / both
    return result


@compiled(REAL, reads(3), reads(1), COUNT, COUNT)
def _applied(stencils: FloatArray, y: FloatArray, i: int, kind: int) -> float:
    """One stencil of node i applied to y; at the ends the share of the node that is not there is 0."""
    c = stencils[i, kind]
    value: float = c[0] * y[max(i - 1, 0)] + c[1] * y[i] + c[2] * y[min(i + 1, len(y) - 1)]
    return value


@compiled(REAL, _DEMAND, reads(1), REAL)
def _barrier(demand: Demand, y: FloatArray, weight: float) -> float:
    """`weight` times the sum of 1 / sqrt(y), minus the logarithms of everything that has to stay positive."""
    total = 0.0
    for i in range(len(y)):
        if not 0.0 < y[i] < demand.top[i]:
            return inf
        slowness = 1.0 / sqrt(y[i])
        room = 1.0 - y[i] / demand.top[i]
        before, after = _applied(demand.stencils, y, i, 0), _applied(demand.stencils, y, i, 1)
        at, bend = _applied(demand.stencils, y, i, 2), _applied(demand.stencils, y, i, 3)
        for j in range(demand.first.shape[1]):
            turned = demand.second[i, j] * y[i]
            common = 3.0 * demand.jerk_second[i, j] * at + demand.jerk_first[i, j] * bend
            for side in range(2):
                acceleration = turned + demand.first[i, j] * (before if side == 0 else after)
                jerk = demand.third[i, side, j] * y[i] + common
                if abs(acceleration) >= 1.0 or abs(jerk) >= slowness:
                    return inf
                room *= (1.0 - acceleration * acceleration) * (slowness * slowness - jerk * jerk)
        total += weight * slowness - log(room)
    return total


@compiled(NOTHING, writes(1), writes(2), COUNT, REAL, REAL, REAL, REAL, REAL)
def _add_row(
    gradient: FloatArray,
    bands: FloatArray,
    i: int,
    before: float,
    here: float,
    after: float,
    pressure: float,
    stiffness: float,
) -> None:
    """Add pressure * c to the gradient and stiffness * c c^T to the matrix, c = (before, here, after) around node i."""
    left, right = max(i - 1, 0), min(i + 1, len(gradient) - 1)
    gradient[left] += pressure * before
    gradient[i] += pressure * here
    gradient[right] += pressure * after
    bands[0, left] += stiffness * before * before
    bands[0, i] += stiffness * here * here
    bands[0, right] += stiffness * after * after
    bands[1, left] += stiffness * before * here
    bands[1, i] += stiffness * here * after
    bands[2, left] += stiffness * before * after


@compiled(NOTHING, _DEMAND, reads(1), REAL, writes(1), writes(2))
def _newton_system(demand: Demand, y: FloatArray, weight: float, gradient: FloatArray, bands: FloatArray) -> None:
    """Fill the gradient (n,) of the barrier and the bands (3, n) of its matrix."""
    gradient[:] = 0.0
    bands[:] = 0.0
    for i in range(len(y)):
        slowness = 1.0 / sqrt(y[i])
        falling = -0.5 * slowness / y[i]
        gradient[i] += weight * falling
        bands[0, i] -= weight * 1.5 * falling / y[i]
        near = 1.0 / (demand.top[i] - y[i])
        _add_row(gradient, bands, i, 0.0, 1.0, 0.0, near, near * near)
        at, bend = demand.stencils[i, 2], demand.stencils[i, 3]
        for j in range(demand.first.shape[1]):
            p1, p2 = demand.first[i, j], demand.second[i, j]
            j1, j2 = demand.jerk_first[i, j], 3.0 * demand.jerk_second[i, j]
            for side in range(2):
                c = demand.stencils[i, side]
                used = p2 * y[i] + p1 * _applied(demand.stencils, y, i, side)
                up, down = 1.0 / (1.0 - used), 1.0 / (1.0 + used)
                _add_row(gradient, bands, i, p1 * c[0], p1 * c[1] + p2, p1 * c[2], up - down, up * up + down * down)
                third = demand.third[i, side, j]
                jerk = third * y[i]
                jerk += j2 * _applied(demand.stencils, y, i, 2) + j1 * _applied(demand.stencils, y, i, 3)
                b, h, a = j2 * at[0] + j1 * bend[0], j2 * at[1] + j1 * bend[1] + third, j2 * at[2] + j1 * bend[2]
                up, down = 1.0 / (slowness - jerk), 1.0 / (slowness + jerk)
                _add_row(gradient, bands, i, -b, falling - h, -a, -up, up * up)
                _add_row(gradient, bands, i, b, falling + h, a, -down, down * down)


@compiled(NOTHING, writes(2), writes(1))
def _solve_in_place(bands: FloatArray, x: FloatArray) -> None:
    """Replace `x` (n,) by the solution of the symmetric positive definite matrix with `bands` (3, n) for it: L D L^T.

    The bands become D and those of L.
    """
    n = len(x)
    for i in range(n):
        for k in range(1, min(3, n - i)):
            factor = bands[k, i] / bands[0, i]
            x[i + k] -= factor * x[i]
            for m in range(k, min(3, n - i)):
                bands[m - k, i + k] -= factor * bands[m, i]
        for k in range(1, min(3, n - i)):
            bands[k, i] /= bands[0, i]
        x[i] /= bands[0, i]
    for i in range(n - 2, -1, -1):
        for k in range(1, min(3, n - i)):
            x[i] -= bands[k, i] * x[i + k]


@compiled(REAL, _DEMAND, writes(1), reads(1), writes(1), REAL, REAL, REAL)
def _stepped(
    demand: Demand, y: FloatArray, step: FloatArray, tried: FloatArray, weight: float, value: float, decrement: float
) -> float:
    """Move `y` along `step` as far as the barrier falls well, and give its new value; infinity where it does not."""
    size = 1.0
    for i in range(len(y)):
        room = y[i] if step[i] < 0.0 else demand.top[i] - y[i]
        if size * abs(step[i]) > INSIDE * room:
            size = INSIDE * room / abs(step[i])
    while size > SHORTEST_STEP:
        for i in range(len(y)):
            tried[i] = y[i] + size * step[i]
        reached = _barrier(demand, tried, weight)
        if reached < value - 0.1 * size * decrement:
            y[:] = tried
            return reached
        size *= 0.5
    return inf


@compiled(writes(1), _DEMAND, reads(1), reads(1))
def quickest(demand: Demand, start: FloatArray, weights: FloatArray) -> FloatArray:
    """The y (n,) of least time, found from `start` (n,), which must be inside every limit.

    `weights` rise: the first is safe, the last says how near to the limits the answer comes.
    """
    y = start.copy()
    gradient, step, tried, bands = np.empty(len(y)), np.empty(len(y)), np.empty(len(y)), np.empty((3, len(y)))
    for weight in weights:
        value = _barrier(demand, y, weight)
        for _ in range(NEWTON_STEPS):
            _newton_system(demand, y, weight, gradient, bands)
            decrement = 0.0
            for i in range(len(y)):
                step[i] = -gradient[i]
            _solve_in_place(bands, step)
            for i in range(len(y)):
                decrement -= gradient[i] * step[i]
            if not decrement > SOLVED * len(y):
                break
            value = _stepped(demand, y, step, tried, weight, value, decrement)
            if value == inf:
                break
    return y
