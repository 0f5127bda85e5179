"""Where on a certified path a run is, and the next point of it, forward or backward. It sends nothing.

Every point it gives is q(s) of a segment of the plan, whatever override, hold, stride or way back led there.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cellctl.execution.curve import TimedCurve
from cellctl.execution.job import JointEnvelope
from cellctl.execution.rate import STEEPEST_RISE, next_rate
from cellctl.model.plan import FixedSegment
from cellctl.model.pose import FloatArray

CREEP = 0.5
"""Largest rate of path time on the way to a place where the law does not rest by itself."""
SLOWED_SPEED = 0.25
"""m/s: what neither the tool nor a joint exceeds in mode T1 (the reduced speed of ISO 10218)."""
_SAMPLES = 200
_STEEPEST_CREEP = 2.0
_CREEP_SHARE = 0.6
_AT_REST = 1e-6


class Follower:
    """A place on the path: segment `index`, path time `tau` in it, path parameter `s`, and signed `rate` of path time.

    `reach` (dof,) is how far each axis can throw the tool or a joint, m/rad or m/m.
    """

    def __init__(self, segments: tuple[FixedSegment, ...], envelope: JointEnvelope, reach: FloatArray) -> None:
        self.segments, self._envelope, self._reach = segments, envelope, reach
        self._curves = tuple(map(TimedCurve, segments))
        self._slowed = lru_cache(maxsize=None)(self._slowed_rate)
        self.index, self.tau, self.s, self.rate = 0, 0.0, 0.0, 0.0
        self.enter(0)

    @property
    def curve(self) -> TimedCurve:
        """The curve of the segment it is in."""
        return self._curves[self.index]

    @property
    def segment(self) -> FixedSegment:
        """The segment it is in."""
        return self.segments[self.index]

    def enter(self, index: int, tau: float = 0.0) -> FloatArray:
        """Stand in segment `index` at path time `tau`; returns the joints (dof,) there."""
        self.index, self.tau, self.rate = index, tau, 0.0
        self.s, joints = self.curve.at(tau)
        return joints

    def enter_at(self, index: int, s: float) -> FloatArray:
        """Stand in segment `index` at path parameter `s`; returns the joints (dof,) there."""
        self.index = index
        return self.enter(index, self.curve.time_at(s))

    def set_off(self, wanted: float) -> None:
        """Begin to move on from standstill: at once where the law itself rests, else by and by."""
        self.rate = wanted if abs(self.curve.speed(self.tau)) < _AT_REST else 0.0

    def advance(self, dt: float, *, wanted: float, until: float, rise: float = STEEPEST_RISE) -> FloatArray:
        """One cycle of `dt` s forward at the rate `wanted` as soon as the joints allow; joints (dof,) to command."""
        if self.rate != wanted:
            velocity, acceleration = self.curve.rates(self.tau)
            limit = self._envelope.acceleration
            self.rate = next_rate(
                self.rate, wanted=wanted, dt=dt, velocity=velocity, acceleration=acceleration, limit=limit, rise=rise
            )
        return self._to(min(until, self.tau + self.rate * dt))

    def creep(self, dt: float, *, wanted: float, goal: float) -> FloatArray:
        """One cycle towards path time `goal`, before or behind, so as to stand there; joints (dof,) to command.

        `wanted` is the rate that is allowed, from 0 on; at 0 it slows down and stands.
        """
        left = goal - self.tau
        steepness = self._creep_steepness()
        fastest = min(wanted, CREEP, float(np.sqrt(2.0 * steepness * abs(left))))
        speed = min(max(fastest, abs(self.rate) - steepness * dt), abs(self.rate) + steepness * dt)
        step = min(speed * dt, abs(left))
        self.rate = float(np.copysign(speed, left)) if step < abs(left) and speed > 0.0 else 0.0
        return self._to(goal if step == abs(left) else self.tau + float(np.copysign(step, left)))

    def slowed(self, index: int) -> float:
        """The largest rate at which tool and joints are no faster than SLOWED_SPEED anywhere in segment `index`."""
        return self._slowed(index)

    def time_after(self, distance: float, *, forward: bool) -> tuple[float, float]:
        """The path time `distance` m on (or back) from here, no further than the segment, and how much is left then.

        Metres are the path parameter of a segment along a seam or a wire; elsewhere a bound on how far the tool or a
        joint moves.
        """
        ends = self.curve.duration if forward else 0.0
        taus = np.linspace(self.tau, ends, _SAMPLES)
        if self.segment.kind in ("approach", "process", "retract"):
            gone = np.array([abs(self.curve.at(float(tau))[0] - self.s) for tau in taus])
        else:
            throws = np.array([self._throw(self.curve, float(tau)) for tau in taus])
            gone = np.concatenate([[0.0], np.cumsum(0.5 * (throws[1:] + throws[:-1]) * np.abs(np.diff(taus)))])
        if gone[-1] <= distance:
            return ends, distance - float(gone[-1])
        return float(np.interp(distance, gone, taus)), 0.0

    def _to(self, tau: float) -> FloatArray:
        self.tau = tau
        self.s, joints = self.curve.at(tau)
        return joints

    def _slowed_rate(self, index: int) -> float:
        curve = self._curves[index]
        fastest = max(self._throw(curve, float(tau)) for tau in np.linspace(0.0, curve.duration, _SAMPLES))
        return min(1.0, SLOWED_SPEED / max(1.05 * fastest, 1e-9))

    def _throw(self, curve: TimedCurve, tau: float) -> float:
        """A bound on the speed of tool and joints at path time `tau` and full rate, m/s."""
        return float(np.abs(curve.rates(tau)[0]) @ self._reach)

    def _creep_steepness(self) -> float:
        """How fast the rate may change here at no more than CREEP, 1/s."""
        velocity, _ = self.curve.rates(self.tau)
        limits = _CREEP_SHARE * self._envelope.acceleration / np.maximum(np.abs(velocity), 1e-9)
        return float(min(limits.min(), _STEEPEST_CREEP))
