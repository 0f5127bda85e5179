"""A motion along straight lines between waypoints, each passed in phases of constant acceleration. Nothing is planned
here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.model.pose import FloatArray, frozen_array


@dataclass(frozen=True, slots=True, eq=False)
class PolylineMotion:
    """Joint values over time: `waypoints` (n + 1, dof), and phases (m,) in order of time.

    Phase k runs on line `lines[k]` from `times[k]` (s, `times` is (m + 1,)), begins `distances[k]` along that line with
    `speeds[k]`, and has the constant `accelerations[k]`, all in the norm of joint space (rad, /s, /s^2).
    """

    waypoints: FloatArray
    lines: FloatArray
    times: FloatArray
    distances: FloatArray
    speeds: FloatArray
    accelerations: FloatArray

    def __post_init__(self) -> None:
        phases = len(self.lines)
        object.__setattr__(self, "waypoints", frozen_array(self.waypoints))
        object.__setattr__(self, "times", frozen_array(self.times, (phases + 1,)))
        for name in ("lines", "distances", "speeds", "accelerations"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), (phases,)))

    @property
    def duration(self) -> float:
        """S."""
        return float(self.times[-1])

    def joints_at(self, t: FloatArray | float) -> FloatArray:
        """Joint values (n, dof) at times `t` (n,), s; before the start and after the end the arm stands."""
        phase, elapsed = self._phases_at(t)
        way = self.distances[phase] + elapsed * (self.speeds[phase] + 0.5 * elapsed * self.accelerations[phase])
        line = self.lines[phase].astype(int)
        start, step = self.waypoints[line], self.waypoints[line + 1] - self.waypoints[line]
        length = np.linalg.norm(step, axis=1)
        result: FloatArray = start + step * np.clip(way / length, 0.0, 1.0)[:, None]
        return result

    def velocities_at(self, t: FloatArray | float) -> FloatArray:
        """Joint velocities (n, dof) at times `t` (n,), s."""
        phase, elapsed = self._phases_at(t)
        line = self.lines[phase].astype(int)
        step = self.waypoints[line + 1] - self.waypoints[line]
        speed = self.speeds[phase] + elapsed * self.accelerations[phase]
        asked = np.atleast_1d(np.asarray(t, dtype=np.float64))
        speed[(asked < 0.0) | (asked > self.duration)] = 0.0
        result: FloatArray = step * (speed / np.linalg.norm(step, axis=1))[:, None]
        return result

    def times_of_waypoints(self) -> FloatArray:
        """When each waypoint is passed (n + 1,), s."""
        ends = [self.times[1:][self.lines == k].max() for k in range(len(self.waypoints) - 1)]
        return np.array([0.0, *ends])

    def _phases_at(self, t: FloatArray | float) -> tuple[np.ndarray, FloatArray]:
        """The phase at each time, and the time in it."""
        clipped = np.clip(np.atleast_1d(np.asarray(t, dtype=np.float64)), 0.0, self.duration)
        phase = np.clip(np.searchsorted(self.times, clipped, side="right") - 1, 0, len(self.lines) - 1)
        return phase, clipped - self.times[phase]
