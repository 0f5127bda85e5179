"""The compiled search of a proof of clearance: which intervals of a path are proved, and where a pair is nearer than
hoped.

No interval is given up before it is proved, found too near, or too short to be split further.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.compiled import COUNT, NOTHING, REAL, compiled, reads, several, writes
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline
from cellctl.scene.packed import SCREEN, ScreenArrays
from cellctl.scene.screen import fill_radii, pair_bounds, pair_displacement, place, sphere_gap

CUBIC = 3
LEVELS = 18
"""How often an interval is halved before a pair on it counts as not proved."""
MOST = 1 << 19
"""How many intervals and pairs may be left after a halving; where there are more, they count as not proved."""


@compiled(COUNT, reads(1), COUNT, COUNT, REAL, late=True)
def _span(knots: FloatArray, degree: int, count: int, u: float) -> int:
    """Index k of the knot span knots[k] <= u < knots[k + 1] of a spline with `count` control points."""
    low, high = degree, count
    while high - low > 1:
        middle = (low + high) // 2
        if knots[middle] <= u:
            low = middle
        else:
            high = middle
    return low


@compiled(NOTHING, reads(1), reads(2), REAL, writes(1), late=True)
def _cubic_at(knots: FloatArray, control: FloatArray, u: float, out: FloatArray) -> None:
    """De Boor's algorithm for a cubic: its values at `u` into `out` (dim,)."""
    k = _span(knots, CUBIC, len(control), u)
    points = control[k - CUBIC : k + 1].copy()
    for r in range(1, CUBIC + 1):
        for j in range(CUBIC, r - 1, -1):
            low, high = knots[k + j - CUBIC], knots[k + j + 1 - r]
            share = (u - low) / (high - low) if high > low else 0.0
            for d in range(points.shape[1]):
                points[j, d] = (1.0 - share) * points[j - 1, d] + share * points[j, d]
    for d in range(points.shape[1]):
        out[d] = points[CUBIC, d]


@compiled(NOTHING, reads(1), reads(2), REAL, REAL, writes(1), late=True)
def _largest_slopes(knots: FloatArray, slopes: FloatArray, u0: float, u1: float, out: FloatArray) -> None:
    """Bounds (dim,) on |q'| over [u0, u1], from the control points of the quadratic derivative that act there."""
    degree = CUBIC - 1
    first = _span(knots, degree, len(slopes), u0)
    last = _span(knots, degree, len(slopes), u1)
    out[:] = 0.0
    for i in range(first - degree, last + 1):
        for d in range(slopes.shape[1]):
            out[d] = max(out[d], abs(slopes[i, d]))


@compiled(writes(2, COUNT), writes(2, COUNT), COUNT, late=True)
def _by_interval(items: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """The first `count` rows (interval, pair) in order of intervals, so that each is placed once."""
    ordered = np.empty((count, 2), np.intp)
    order = np.argsort(items[:count, 0], kind="mergesort")
    for i in range(count):
        ordered[i, 0], ordered[i, 1] = items[order[i], 0], items[order[i], 1]
    return ordered


@compiled(several(2, COUNT), SCREEN, reads(1), reads(2), reads(1), reads(2), reads(1), COUNT, writes(2), writes(2))
def _search(
    screen: ScreenArrays,
    knots: FloatArray,
    control: FloatArray,
    slope_knots: FloatArray,
    slopes: FloatArray,
    goals: FloatArray,
    intervals: int,
    near: FloatArray,
    open_ends: FloatArray,
) -> tuple[int, int]:
    """Fill `near` with (u, pair) where a pair is nearer than its goal and `open_ends` with (u, pair) where neither
    proof nor refutation was reached; how many of each.
    """
    start, end = knots[0], knots[-1]
    dof, pairs = control.shape[1], len(goals)
    q, half_steps = np.empty(dof), np.empty(dof)
    frames, places = np.empty((dof + 1, 4, 4)), np.empty((len(screen.frames), 3, 4))
    centres, radii = np.empty((len(screen.frames), 3)), np.empty((len(screen.frames), dof))
    directions = np.zeros((pairs, 3))
    work = np.empty((intervals * pairs, 2), np.intp)
    items = 0
    for interval in range(intervals):
        for pair in range(pairs):
            if goals[pair] > -np.inf:
                work[items, 0], work[items, 1] = interval, pair
                items += 1
    too_near, unproved = 0, 0
    for level in range(LEVELS + 1):
        rest = np.empty((2 * items, 2), np.intp)
        left, here = 0, -1
        half = 0.5 * (end - start) / intervals
        for item in range(items):
            interval, pair = work[item, 0], work[item, 1]
            middle = start + (2.0 * interval + 1.0) * half
            if interval != here:
                here = interval
                _cubic_at(knots, control, middle, q)
                _largest_slopes(slope_knots, slopes, middle - half, middle + half, half_steps)
                half_steps *= half
                place(screen, q, frames, places, centres)
                fill_radii(screen, frames, centres, radii)
            wanted = float(goals[pair]) + pair_displacement(screen, radii, pair, half_steps)
            if sphere_gap(screen, centres, pair) >= wanted:
                continue
            lower, upper = pair_bounds(screen, places, centres, pair, wanted, directions[pair])
            if lower >= wanted:
                continue
            if upper < goals[pair]:
                if too_near < len(near):
                    near[too_near, 0], near[too_near, 1] = middle, pair
                    too_near += 1
            elif level < LEVELS:
                rest[left, 0], rest[left, 1] = 2 * interval, pair
                rest[left + 1, 0], rest[left + 1, 1] = 2 * interval + 1, pair
                left += 2
            elif unproved < len(open_ends):
                open_ends[unproved, 0], open_ends[unproved, 1] = middle, pair
                unproved += 1
        intervals *= 2
        if left == 0:
            break
        if left > MOST:
            half = 0.5 * (end - start) / intervals
            for item in range(left):
                if unproved == len(open_ends):
                    break
                open_ends[unproved, 0] = start + (2.0 * rest[item, 0] + 1.0) * half
                open_ends[unproved, 1] = rest[item, 1]
                unproved += 1
            break
        work, items = _by_interval(rest, left), left
    return too_near, unproved


def subdivided(
    screen: ScreenArrays, path: BSpline, goals: FloatArray, intervals: int
) -> tuple[list[tuple[float, int]], list[tuple[float, int]]]:
    """Try to prove that every pair keeps its goal (n_pairs,) all along `path`; -inf where nothing is asked.

    Returns the places (u, pair) where a pair is nearer than its goal, and those where it could be neither proved nor
    refuted. Both empty is a proof.
    """
    slope = path.derivative()
    near, open_ends = np.empty((4096, 2)), np.empty((64, 2))
    found = _search(screen, path.knots, path.control, slope.knots, slope.control, goals, intervals, near, open_ends)
    return _places(near[: found[0]]), _places(open_ends[: found[1]])


def _places(rows: FloatArray) -> list[tuple[float, int]]:
    return [(float(u), int(pair)) for u, pair in rows]
