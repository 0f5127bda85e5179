"""Splines prepared for one evaluation a cycle: power form per knot span. Same curve as the B-spline, to rounding.

Nothing is approximated here; a `BSpline` stays the stored form.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from cellctl.model.plan import FixedSegment
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline

_FLAT = 1e-12


class PowerForm:
    """A spline as polynomials of a local parameter x in [0, 1] on every knot span."""

    def __init__(self, spline: BSpline) -> None:
        breaks = np.unique(spline.knots[spline.degree : len(spline.control) + 1])
        width = np.diff(breaks)
        x = (np.arange(spline.degree + 1) + 0.5) / (spline.degree + 1)
        values = spline((breaks[:-1, None] + width[:, None] * x).ravel()).reshape(len(width), len(x), spline.dim)
        order = np.arange(spline.degree + 1)
        inverse = np.linalg.inv(x[:, None] ** order)
        self._breaks: list[float] = breaks.tolist()
        self._width: list[float] = width.tolist()
        self._value: FloatArray = inverse @ values
        self._first: FloatArray = order[1:, None] * self._value[:, 1:] / width[:, None, None]
        self._second: FloatArray = order[1:-1, None] * self._first[:, 1:] / width[:, None, None]
        self._powers = order

    def at(self, u: float) -> FloatArray:
        """Value (dim,) at parameter `u`, clamped to the range."""
        span, x = self._local(u)
        result: FloatArray = (x**self._powers) @ self._value[span]
        return result

    def jet(self, u: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Value, first and second derivative (dim,) at parameter `u`, clamped to the range."""
        span, x = self._local(u)
        powers = x**self._powers
        return powers @ self._value[span], powers[:-1] @ self._first[span], powers[:-2] @ self._second[span]

    def _local(self, u: float) -> tuple[int, float]:
        span = min(max(bisect_right(self._breaks, u) - 1, 0), len(self._width) - 1)
        return span, min(max((u - self._breaks[span]) / self._width[span], 0.0), 1.0)


class TimedCurve:
    """One segment over its own path time tau in [0, duration]: s(tau) and q(s(tau))."""

    def __init__(self, segment: FixedSegment) -> None:
        self.duration = segment.duration
        self._path = PowerForm(segment.path)
        self._law = PowerForm(segment.law)
        self._start, self._end = segment.path.start, segment.path.end

    def at(self, tau: float) -> tuple[float, FloatArray]:
        """Path parameter s and joints (dof,) at path time `tau`."""
        s = self._end if tau >= self.duration else min(max(float(self._law.at(tau)[0]), self._start), self._end)
        return s, self._path.at(s)

    def rates(self, tau: float) -> tuple[FloatArray, FloatArray]:
        """Joint velocity and acceleration (dof,) with respect to path time, rad/s and rad/s^2."""
        s, s_dot, s_ddot = (float(v[0]) for v in self._law.jet(tau))
        _, slope, bend = self._path.jet(s)
        return slope * s_dot, bend * (s_dot * s_dot) + slope * s_ddot

    def speed(self, tau: float) -> float:
        """ds/dtau at path time `tau`."""
        return float(self._law.jet(tau)[1][0])

    def s_of(self, joints: FloatArray, *, near: float) -> float:
        """The path parameter of joints (dof,) a little off the point at parameter `near`, to first order."""
        here, slope, _ = self._path.jet(near)
        s = near + float((joints - here) @ slope) / max(float(slope @ slope), _FLAT)
        return min(max(s, self._start), self._end)

    def time_at(self, s: float) -> float:
        """The path time at which the law reaches `s`; its ends map to 0 and the duration."""
        slack = 1e-9 * max(1.0, abs(self._end - self._start))
        if s <= self._start + slack:
            return 0.0
        if s >= self._end - slack:
            return self.duration
        low, high = 0.0, self.duration
        for _ in range(60):
            middle = 0.5 * (low + high)
            if float(self._law.at(middle)[0]) < s:
                low = middle
            else:
                high = middle
        return high
