"""Curves that seams follow, in the part's frame: points over arc length and unit tangents. Geometry only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from cellctl.model.pose import FloatArray, frozen_array, unit


class Curve(Protocol):
    """A curve over arc length s in [0, length], m."""

    @property
    def length(self) -> float:
        """Arc length, m."""
        ...

    @property
    def closed(self) -> bool:
        """True when the end meets the start with the same tangent."""
        ...

    def points(self, s: ArrayLike) -> FloatArray:
        """Points (n, 3) at arc lengths `s` (n,); a closed curve wraps, an open one clamps."""
        ...

    def tangents(self, s: ArrayLike) -> FloatArray:
        """Unit tangents (n, 3) in the direction of travel."""
        ...

    def corners(self) -> FloatArray:
        """Arc lengths (k,) where the tangent jumps."""
        ...


def _stations(vertices: FloatArray) -> FloatArray:
    """Arc lengths (n,) of `vertices` (n, 3) along the straight pieces between them."""
    steps = np.linalg.norm(np.diff(vertices, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _along(vertices: FloatArray, values: FloatArray, s: ArrayLike) -> FloatArray:
    """`values` (n, 3) at the vertices, linearly between them, at arc lengths `s`: shape s.shape + (3,)."""
    stations, wanted = _stations(vertices), np.asarray(s, dtype=np.float64)
    return np.stack([np.interp(wanted, stations, values[:, k]) for k in range(3)], axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class Polyline:
    """Straight pieces through `vertices` (n, 3), n >= 2; a line is the case n = 2."""

    vertices: FloatArray

    def __post_init__(self) -> None:
        vertices = frozen_array(self.vertices)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or len(vertices) < 2:
            raise ValueError("a polyline needs at least two points")
        if np.linalg.norm(np.diff(vertices, axis=0), axis=1).min() < 1e-6:
            raise ValueError("two successive points coincide")
        object.__setattr__(self, "vertices", vertices)

    @property
    def length(self) -> float:
        return float(_stations(self.vertices)[-1])

    @property
    def closed(self) -> bool:
        return False

    def points(self, s: ArrayLike) -> FloatArray:
        return _along(self.vertices, self.vertices, s)

    def tangents(self, s: ArrayLike) -> FloatArray:
        stations = _stations(self.vertices)
        piece = np.searchsorted(stations, np.asarray(s, dtype=np.float64), side="right") - 1
        directions = unit(np.diff(self.vertices, axis=0))
        result: FloatArray = directions[np.clip(piece, 0, len(directions) - 1)]
        return result

    def corners(self) -> FloatArray:
        directions = unit(np.diff(self.vertices, axis=0))
        turns = np.einsum("ij,ij->i", directions[:-1], directions[1:])
        result: FloatArray = _stations(self.vertices)[1:-1][turns < 1.0 - 1e-9]
        return result


@dataclass(frozen=True, slots=True)
class Arc:
    """A circular arc about `axis` (unit, right-handed) from `start` (unit, normal to axis) through `angle` (rad, > 0).

    An angle of 2 pi is a full circle, which is closed.
    """

    centre: tuple[float, float, float]
    axis: tuple[float, float, float]
    start: tuple[float, float, float]
    radius: float
    angle: float = 2.0 * np.pi

    @property
    def length(self) -> float:
        return self.radius * self.angle

    @property
    def closed(self) -> bool:
        return abs(self.angle - 2.0 * np.pi) < 1e-9

    def radials(self, s: ArrayLike) -> FloatArray:
        """Unit vectors (n, 3) from the centre to the curve."""
        phi = np.asarray(s, dtype=np.float64)[..., None] / self.radius
        x = np.asarray(self.start)
        y = np.cross(self.axis, self.start)
        result: FloatArray = np.cos(phi) * x + np.sin(phi) * y
        return result

    def points(self, s: ArrayLike) -> FloatArray:
        result: FloatArray = np.asarray(self.centre) + self.radius * self.radials(s)
        return result

    def tangents(self, s: ArrayLike) -> FloatArray:
        return np.cross(self.axis, self.radials(s))

    def corners(self) -> FloatArray:
        return np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class SplineCurve:
    """A smooth curve, such as a centripetal Catmull-Rom one, stored as a dense polyline over arc length with smooth
    tangents.

    `vertices` (n, 3) and `directions` (n, 3) are samples of the curve and of its unit tangent; where it is `closed` the
    last are the first again.
    """

    vertices: FloatArray
    directions: FloatArray
    closed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices", frozen_array(self.vertices))
        object.__setattr__(self, "directions", frozen_array(self.directions, self.vertices.shape))

    def _stations(self) -> FloatArray:
        steps = np.linalg.norm(np.diff(self.vertices, axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def length(self) -> float:
        return float(self._stations()[-1])

    def points(self, s: ArrayLike) -> FloatArray:
        return self._between(self.vertices, s)

    def tangents(self, s: ArrayLike) -> FloatArray:
        return self.interpolated(self.directions, s)

    def interpolated(self, vectors: FloatArray, s: ArrayLike) -> FloatArray:
        """Unit vectors (m, 3) at arc lengths `s` (m,) between those at the vertices, `vectors` (n, 3)."""
        return unit(self._between(vectors, s))

    def _between(self, values: FloatArray, s: ArrayLike) -> FloatArray:
        stations, s = self._stations(), np.asarray(s, dtype=np.float64)
        at = np.mod(s, stations[-1]) if self.closed else s
        return np.stack([np.interp(at, stations, values[:, k]) for k in range(3)], axis=-1)

    def corners(self) -> FloatArray:
        return np.zeros(0)


def catmull_rom(points: ArrayLike, samples_per_piece: int = 200) -> SplineCurve:
    """The centripetal Catmull-Rom curve (Yuksel, Schaefer, Keyser 2011) through `points` (n >= 3, 3)."""
    p = frozen_array(points)
    if p.ndim != 2 or p.shape[1] != 3 or len(p) < 3:
        raise ValueError("a spline needs at least three points")
    padded = np.vstack([2.0 * p[0] - p[1], p, 2.0 * p[-1] - p[-2]])
    knots = np.concatenate([[0.0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(padded, axis=0), axis=1)))])
    if np.diff(knots).min() < 1e-6:
        raise ValueError("two successive points coincide")
    pieces, slopes = [], []
    for i in range(1, len(padded) - 2):
        h = knots[i + 1] - knots[i]
        m0, m1 = (_centripetal_slope(padded, knots, k) * h for k in (i, i + 1))
        u = np.linspace(0.0, 1.0, samples_per_piece, endpoint=False)[:, None]
        if i == len(padded) - 3:
            u = np.linspace(0.0, 1.0, samples_per_piece + 1)[:, None]
        a, b = padded[i], padded[i + 1]
        pieces.append(
            (2 * u**3 - 3 * u**2 + 1) * a + (u**3 - 2 * u**2 + u) * m0 + (3 * u**2 - 2 * u**3) * b + (u**3 - u**2) * m1
        )
        slopes.append((6 * u**2 - 6 * u) * (a - b) + (3 * u**2 - 4 * u + 1) * m0 + (3 * u**2 - 2 * u) * m1)
    return SplineCurve(np.vstack(pieces), unit(np.vstack(slopes)))


def _centripetal_slope(p: FloatArray, t: FloatArray, i: int) -> FloatArray:
    left = (p[i] - p[i - 1]) / (t[i] - t[i - 1])
    right = (p[i + 1] - p[i]) / (t[i + 1] - t[i])
    across = (p[i + 1] - p[i - 1]) / (t[i + 1] - t[i - 1])
    result: FloatArray = left - across + right
    return result
