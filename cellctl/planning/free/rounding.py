"""Polylines of way points to C2 paths: straight between the corners, rounded at them. Knows no obstacles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline, clamped_knots

LARGEST_ROUNDING = 0.6
SHORTEST_LEG = 0.02


def rounded(way: FloatArray, roundness: float = 1.0) -> BSpline:
    """A cubic B-spline along `way` (k, dof), parameter about joint distance (rad).

    Each corner is rounded within the triangle of two points on its legs, at most `roundness` times half a leg and
    LARGEST_ROUNDING away: a cubic B-spline stays in the hull of any four successive control points.
    """
    way = _without_short_legs(way)
    legs = np.linalg.norm(np.diff(way, axis=0), axis=1)
    points = [way[0], *_leg_thirds(way[0], way[0], way[1])]
    for k in range(1, len(way) - 1):
        reach = min(LARGEST_ROUNDING, 0.45 * roundness * min(legs[k - 1], legs[k]))
        towards = (way[k - 1] - way[k]) / legs[k - 1]
        onwards = (way[k + 1] - way[k]) / legs[k]
        entry, exit_ = way[k] + reach * towards, way[k] + reach * onwards
        points += [entry, way[k] + 0.5 * reach * towards, way[k], way[k] + 0.5 * reach * onwards, exit_]
    points += [*_leg_thirds(way[-1], way[-1], way[-2])[::-1], way[-1]]
    control = _filled(np.array(points))
    chord = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(control, axis=0), axis=1))])
    inner = np.concatenate([[0.0], [chord[i : i + 3].mean() for i in range(1, len(control) - 3)], [chord[-1]]])
    return BSpline(3, clamped_knots(inner), control)


def _without_short_legs(way: FloatArray) -> FloatArray:
    """`way` without points nearer than SHORTEST_LEG to the one before: a corner there could not be rounded."""
    kept = [way[0]]
    for point in way[1:-1]:
        if np.linalg.norm(point - kept[-1]) >= SHORTEST_LEG and np.linalg.norm(point - way[-1]) >= SHORTEST_LEG:
            kept.append(point)
    return np.array([*kept, way[-1]])


def _leg_thirds(end: FloatArray, start: FloatArray, towards: FloatArray) -> list[FloatArray]:
    """Two control points near an end, so that the path leaves it straight."""
    step = (towards - start) * min(0.1, 0.05 / max(float(np.linalg.norm(towards - start)), 1e-9))
    return [end + step, end + 2.0 * step]


def _filled(points: FloatArray, largest: float = 0.35) -> FloatArray:
    """More points on the straight pieces, none further apart than `largest`, so that knots stay even; repeats
    removed.
    """
    result = [points[0]]
    for a, b in pairwise(points):
        distance = float(np.linalg.norm(b - a))
        if distance < 1e-9:
            continue
        pieces = int(np.ceil(distance / largest))
        result += [a + (b - a) * i / pieces for i in range(1, pieces + 1)]
    return np.array(result)
