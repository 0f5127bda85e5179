"""The motion that a GRBL controller makes of waypoints: straight lines in joint space, junctions passed as fast as its
look-ahead planner allows. It knows no line of text and no port.

The rules are those of GRBL 1.1 (`planner.c`, with inverse time, G93): the norm over all axes is the distance of a line;
its acceleration and its top speed are the largest that no axis forbids; a junction is passed with the centripetal
acceleration of a circle that stays within `junction_deviation` of the corner; the motion ends at rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.model.polyline_motion import PolylineMotion
from cellctl.model.pose import FloatArray, frozen_array

_STRAIGHT, _REVERSED = 1.0 - 1e-6, -1.0 + 1e-6
_NO_LIMIT = 1e12


@dataclass(frozen=True, slots=True, eq=False)
class FirmwareLimits:
    """What a controller is set to: top speed and acceleration of each axis (dof,), rad/s and rad/s^2, the junction
    deviation and the smallest speed, rad and rad/s, and how many lines its planner holds, the one that runs among them.
    """

    velocity: FloatArray
    acceleration: FloatArray
    junction_deviation: float
    slowest: float = np.pi / 180.0 / 60.0
    blocks: int = 15

    def __post_init__(self) -> None:
        object.__setattr__(self, "velocity", frozen_array(self.velocity))
        object.__setattr__(self, "acceleration", frozen_array(self.acceleration))


@dataclass(frozen=True, slots=True)
class Line:
    """One straight line as the planner sees it: `length` (rad), `speed` (rad/s) that it was asked for and may have,
    `acceleration` (rad/s^2), and the largest speed at its start (rad/s).
    """

    length: float
    speed: float
    acceleration: float
    entry: float


def line_of(
    step: FloatArray, duration: float, limits: FirmwareLimits, before: FloatArray | None, before_speed: float
) -> Line:
    """The line along `step` (dof,) in `duration` s; `before` (dof,) is the step of the line before it, None at rest."""
    length = float(np.linalg.norm(step))
    direction = step / length
    acceleration = _least(limits.acceleration, direction)
    asked = max(length / duration, limits.slowest)
    speed = min(asked, _least(limits.velocity, direction))
    if before is None:
        return Line(length, speed, acceleration, 0.0)
    junction = _junction_speed(before / np.linalg.norm(before), direction, limits)
    return Line(length, speed, acceleration, min(junction, speed, before_speed))


def entry_speeds(lines: list[Line], first: float = 0.0) -> list[float]:
    """The speeds with which each line is begun and, at the end, the last one is left: 0, if the lengths allow it.

    `first` is the speed at the start of the first line, which is not changed.
    """
    speeds = [line.entry for line in lines] + [0.0]
    for k in range(len(lines) - 1, 0, -1):
        speeds[k] = min(speeds[k], _reachable(speeds[k + 1], lines[k]))
    speeds[0] = first
    for k, line in enumerate(lines):
        speeds[k + 1] = min(speeds[k + 1], _reachable(speeds[k], line))
    return speeds


def entry_speeds_seen(lines: list[Line], blocks: int) -> list[float]:
    """The same for a planner that holds no more than `blocks` lines: it must always be able to stop at the end of the
    last one.
    """
    if len(lines) <= blocks:
        return entry_speeds(lines)
    speeds = [0.0]
    for k in range(len(lines)):
        speeds.append(entry_speeds(lines[k : k + blocks], first=speeds[-1])[1])
    return speeds


def followed(waypoints: FloatArray, durations: FloatArray, limits: FirmwareLimits) -> PolylineMotion:
    """The motion along `waypoints` (n + 1, dof), rad, whose lines were asked to take `durations` (n,), s.

    It begins and ends at rest, so it takes longer than was asked for. Raises ValueError for a line without length.
    """
    steps = np.diff(waypoints, axis=0)
    if not len(steps) or not np.linalg.norm(steps, axis=1).all():
        raise ValueError("two waypoints in a row are the same")
    lines: list[Line] = []
    for k, step in enumerate(steps):
        before = steps[k - 1] if k else None
        lines.append(line_of(step, float(durations[k]), limits, before, lines[-1].speed if k else 0.0))
    speeds = entry_speeds_seen(lines, limits.blocks)
    phases = [(k, *phase) for k, line in enumerate(lines) for phase in _phases(line, speeds[k], speeds[k + 1])]
    ends = np.cumsum([phase[1] for phase in phases])
    table = np.array(phases)
    return PolylineMotion(waypoints, table[:, 0], np.concatenate([[0.0], ends]), *table[:, 2:].T)


def _phases(line: Line, entry: float, leave: float) -> list[tuple[float, float, float, float]]:
    """Duration, start along the line, speed and acceleration of what it is passed in: faster, steady, slower."""
    a, top = line.acceleration, line.speed
    peak = min(top, float(np.sqrt(a * line.length + 0.5 * (entry * entry + leave * leave))))
    peak = max(peak, entry, leave)
    rise, fall = (peak * peak - entry * entry) / (2.0 * a), (peak * peak - leave * leave) / (2.0 * a)
    steady = max(line.length - rise - fall, 0.0)
    phases = [((peak - entry) / a, 0.0, entry, a), (steady / peak, rise, peak, 0.0)]
    phases.append(((peak - leave) / a, rise + steady, peak, -a))
    return [phase for phase in phases if phase[0] > 1e-12]


def _reachable(speed: float, line: Line) -> float:
    """The speed at the other end of a line that begins or ends with `speed`."""
    return float(np.sqrt(speed * speed + 2.0 * line.acceleration * line.length))


def _least(limit: FloatArray, direction: FloatArray) -> float:
    """The largest rate along `direction` (dof,) at which no axis exceeds its `limit` (dof,)."""
    moving = np.abs(direction) > 1e-12
    return float((limit[moving] / np.abs(direction[moving])).min())


def _junction_speed(before: FloatArray, after: FloatArray, limits: FirmwareLimits) -> float:
    """The speed with which the corner between two directions (dof,) is passed."""
    cosine = float(before @ after)
    if cosine > _STRAIGHT:
        return _NO_LIMIT
    if cosine < _REVERSED:
        return 0.0
    turn = after - before
    acceleration = _least(limits.acceleration, turn / np.linalg.norm(turn))
    sine_half = float(np.sqrt(0.5 * (1.0 + cosine)))
    return float(np.sqrt(acceleration * limits.junction_deviation * sine_half / (1.0 - sine_half)))
