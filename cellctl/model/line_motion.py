"""A motion along straight lines in joint space in the form of a plan: a path q(s) with corners, a law s(t) without
jumps. Nothing is planned here.

Both are cubic B-splines whose inner knots are threefold, so that every line, and every phase of constant acceleration,
is a Bezier piece of its own and is held exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellctl.model.polyline_motion import PolylineMotion
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline

_CUBIC = 3
_AT_REST = 1e-9
_SAME = 1e-9


def line_path(parameters: FloatArray, waypoints: FloatArray) -> BSpline:
    """The path through `waypoints` (n + 1, dof), each reached at its place in `parameters` (n + 1,), increasing."""
    starts, steps = waypoints[:-1], np.diff(waypoints, axis=0)
    pieces = np.stack([starts, starts + steps / 3.0, starts + 2.0 * steps / 3.0], axis=1)
    return BSpline(_CUBIC, _threefold(parameters), np.vstack([pieces.reshape(-1, waypoints.shape[1]), waypoints[-1:]]))


def line_law(parameters: FloatArray, motion: PolylineMotion) -> BSpline:
    """The time law of `motion`, whose waypoint k is reached at `parameters[k]`, increasing."""
    lines = motion.lines.astype(int)
    scale = (np.diff(parameters) / np.linalg.norm(np.diff(motion.waypoints, axis=0), axis=1))[lines]
    elapsed = np.diff(motion.times)
    at = np.append(parameters[lines] + scale * motion.distances, parameters[-1])
    first = scale * motion.speeds
    last = first + scale * motion.accelerations * elapsed
    last[np.abs(last) < _AT_REST * scale] = 0.0
    at = np.maximum.accumulate(at)
    begun = np.clip(at[:-1] + first * elapsed / 3.0, at[:-1], at[1:])
    ended = np.clip(at[1:] - last * elapsed / 3.0, begun, at[1:])
    pieces = np.column_stack([at[:-1], begun, ended])
    return BSpline(_CUBIC, _threefold(motion.times), np.append(pieces.ravel(), at[-1])[:, None])


def is_line_path(path: BSpline) -> bool:
    """Whether a path is made of straight lines that are passed evenly."""
    if not _has_threefold_knots(path):
        return False
    starts, steps = corners(path)[:-1], np.diff(corners(path), axis=0)
    inner = np.stack([path.control[1::_CUBIC], path.control[2::_CUBIC]])
    even = np.stack([starts + steps / 3.0, starts + 2.0 * steps / 3.0])
    return bool(np.abs(inner - even).max() <= _SAME)


def is_line_law(law: BSpline) -> bool:
    """Whether a law is made of phases of constant acceleration."""
    if not _has_threefold_knots(law):
        return False
    ends = corners(law)
    third = np.diff(ends, axis=0) + 3.0 * (law.control[1::_CUBIC] - law.control[2::_CUBIC])
    return bool(np.abs(third).max() <= _SAME)


def meet(path: BSpline, law: BSpline) -> bool:
    """Whether a phase of such a `law` ends wherever a line of such a `path` does, so that none passes a corner."""
    places, passed = breaks(path), corners(law)[:, 0]
    near = np.clip(np.searchsorted(passed, places), 1, len(passed) - 1)
    return bool(np.minimum(np.abs(passed[near] - places), np.abs(passed[near - 1] - places)).max() <= _SAME)


def _has_threefold_knots(spline: BSpline) -> bool:
    inner = spline.knots[1:-1]
    if spline.degree != _CUBIC or len(inner) % _CUBIC or len(spline.control) <= _CUBIC:
        return False
    threes = inner.reshape(-1, _CUBIC)
    ends = spline.knots[0] == spline.knots[1] and spline.knots[-1] == spline.knots[-2]
    return bool(ends and (threes == threes[:, :1]).all() and (np.diff(threes[:, 0]) > 0.0).all())


def breaks(spline: BSpline) -> FloatArray:
    """The parameters (n + 1,) at which the pieces of such a path or law begin and end."""
    result: FloatArray = spline.knots[1:-1:_CUBIC]
    return result


def corners(spline: BSpline) -> FloatArray:
    """The values (n + 1, dim) where the pieces of such a path or law begin and end."""
    result: FloatArray = spline.control[::_CUBIC]
    return result


def lines_of_phases(path: BSpline, law: BSpline) -> NDArray[np.intp]:
    """The line (m,) of such a `path` that is passed in each phase of such a `law` for it."""
    places, passed = breaks(path), corners(law)[:, 0]
    line = np.searchsorted(places, 0.5 * (passed[1:] + passed[:-1]), side="right") - 1
    return np.clip(line, 0, len(places) - 2)


def end_rates(law: BSpline) -> tuple[FloatArray, FloatArray]:
    """With which rate each phase of such a law begins (m,) and ends (m,), 1/s."""
    elapsed, control = np.diff(breaks(law)), law.control[:, 0]
    begun, ended = control[1::_CUBIC] - control[:-1:_CUBIC], control[_CUBIC::_CUBIC] - control[2::_CUBIC]
    return _CUBIC * begun / elapsed, _CUBIC * ended / elapsed


def _threefold(places: FloatArray) -> FloatArray:
    return np.concatenate([places[:1], np.repeat(places, _CUBIC), places[-1:]])
