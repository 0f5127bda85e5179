"""A plan as waypoints, and the plan that a controller which plans by itself makes of them. It moves nothing and proves
nothing: what comes out has to be certified like any plan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cellctl.drivers.waypoint_arm import FollowedMotion, WaypointArm
from cellctl.model.line_motion import breaks, corners, end_rates, line_law, line_path, lines_of_phases
from cellctl.model.plan import Block, FixedSegment, Plan
from cellctl.model.pose import FloatArray, frozen_array
from cellctl.model.spline import BSpline

CHORD = np.radians(0.01)
"""How far (rad) a joint of a line may be from the path that it stands for."""
_SAMPLES = 801
_LOOKS_A_LINE = 9
_LEAST_SHARE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Waypoints:
    """Joint values `points` (n + 1, dof), rad, at path parameters `places` (n + 1,), and the times (n,), s, that the
    lines between them are to take.
    """

    points: FloatArray
    places: FloatArray
    durations: FloatArray

    def __post_init__(self) -> None:
        lines = len(self.durations)
        object.__setattr__(self, "points", frozen_array(self.points))
        object.__setattr__(self, "places", frozen_array(self.places, (lines + 1,)))
        object.__setattr__(self, "durations", frozen_array(self.durations, (lines,)))


def followed_plan(plan: Plan, arm: WaypointArm, *, speed: float = 1.0) -> Plan:
    """The plan that the controller of `arm` makes of `plan` at the share `speed` of its speed; without a certificate.

    Raises what `WaypointArm.follow` raises for waypoints that the controller cannot be given.
    """
    (group,) = plan.start
    standing = arm.sayable(plan.start[group])
    start, blocks = {group: standing}, []
    for block in plan.blocks:
        segments = []
        for segment in block.segments:
            segments.append(_followed_segment(segment, arm, standing, speed))
            standing = segments[-1].path.control[-1]
        blocks.append(Block(tuple(segments)))
    versions = {**plan.versions, "followed_by": arm.protocol}
    return replace(plan, blocks=tuple(blocks), start=start, certificate=None, versions=versions)


def followed_rest(segment: FixedSegment, arm: WaypointArm, joints: FloatArray, s: float) -> FollowedMotion:
    """What the controller does with the rest of a segment of the form `lines`: from `joints` (dof,), which are on it at
    path parameter `s`, to its end.
    """
    places, points, durations = breaks(segment.path), corners(segment.path), _times_of_lines(segment)
    here = arm.sayable(joints)
    ahead = int(np.searchsorted(places, s, side="right"))
    ahead = next(k for k in range(min(ahead, len(places) - 1), len(places)) if (points[k] != here).any())
    left = np.linalg.norm(points[ahead] - here) / np.linalg.norm(points[ahead] - points[ahead - 1])
    first = max(float(left), _LEAST_SHARE) * durations[ahead - 1]
    return arm.follow(np.vstack([here, points[ahead:]]), np.append(first, durations[ahead:]))


def waypoints(segment: FixedSegment, arm: WaypointArm, standing: FloatArray, speed: float) -> Waypoints | None:
    """The waypoints of a segment, the first of which is `standing` (dof,); None for one in which the arm stands."""
    s = np.linspace(segment.path.start, segment.path.end, _SAMPLES)
    joints = segment.path(s)
    chosen = _corners_of(s, joints, timed=segment.process is not None)
    points = np.vstack([standing, arm.sayable(joints[chosen[1:]])])
    moved = np.concatenate([[True], (np.diff(points, axis=0) != 0.0).any(axis=1)])
    places, points = s[chosen[moved]], points[moved]
    if len(points) < 2:
        return None
    places[-1] = s[-1]
    return Waypoints(points, places, _asked_times(segment, places, points) / speed)


def _followed_segment(segment: FixedSegment, arm: WaypointArm, standing: FloatArray, speed: float) -> FixedSegment:
    """A segment as the controller makes it from `standing` (dof,); one in which the arm stands keeps its time.

    The times that are asked for are then those that it takes, so that asking again gives the same motion.
    """
    way = waypoints(segment, arm, standing, speed)
    if way is None:
        control = np.repeat(standing[None], len(segment.path.control), axis=0)
        return replace(segment, path=BSpline(segment.path.degree, segment.path.knots, control))
    durations = way.durations
    for _ in range(2):
        motion = arm.follow(way.points, durations).motion
        path, law = line_path(way.places, motion.waypoints), line_law(way.places, motion)
        segment = replace(segment, path=path, law=law, form="lines")
        durations = _times_of_lines(segment)
    return segment


def _corners_of(s: FloatArray, joints: FloatArray, *, timed: bool) -> NDArray[np.intp]:
    """Indices of those of `joints` (n, dof), at path parameters `s` (n,), whose polyline is within CHORD of all others.

    Where the path is `timed`, each has to be near where the line is at its own parameter (Douglas and Peucker, 1973).
    """
    kept, open_ends = {0, len(s) - 1}, [(0, len(s) - 1)]
    while open_ends:
        first, last = open_ends.pop()
        step, inner = joints[last] - joints[first], joints[first + 1 : last] - joints[first]
        if not len(inner):
            continue
        if timed:
            share = (s[first + 1 : last] - s[first]) / (s[last] - s[first])
        else:
            share = np.clip(inner @ step / max(float(step @ step), 1e-18), 0.0, 1.0)
        off = np.abs(inner - share[:, None] * step).max(axis=1)
        worst = int(np.argmax(off))
        if off[worst] > CHORD:
            middle = first + 1 + worst
            kept.add(middle)
            open_ends += [(first, middle), (middle, last)]
    return np.array(sorted(kept))


def _asked_times(segment: FixedSegment, places: FloatArray, points: FloatArray) -> FloatArray:
    """The times (n,), s, of lines at the largest speed that the plan has on each: of the joints, along a seam of the
    parameter.
    """
    t = np.linspace(0.0, segment.duration, 8 * _SAMPLES)
    share = np.linspace(0.0, 1.0, _LOOKS_A_LINE)
    s = (places[:-1, None] + np.diff(places)[:, None] * share).ravel()
    rate = segment.law(np.interp(s, segment.law(t)[:, 0], t), 1)[:, 0]
    if segment.process is not None:
        lengths = np.diff(places)
    else:
        lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
        rate = np.linalg.norm(segment.path(s, 1), axis=1) * rate
    result: FloatArray = lengths / rate.reshape(-1, _LOOKS_A_LINE).max(axis=1)
    return result


def _times_of_lines(segment: FixedSegment) -> FloatArray:
    """The times (n,), s, that the lines of a segment of the form `lines` take at the largest speed it has on each."""
    lengths = np.diff(breaks(segment.path))
    fastest = np.zeros(len(lengths))
    np.maximum.at(fastest, lines_of_phases(segment.path, segment.law), np.maximum(*end_rates(segment.law)))
    result: FloatArray = lengths / fastest
    return result
