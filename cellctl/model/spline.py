"""B-splines: the one form in which paths q(s) and time laws s(t) are stored, evaluated and bounded.

A clamped cubic B-spline with simple inner knots is C2 by construction, and each derivative on a knot span lies in the
hull of a few control points (de Boor, A Practical Guide to Splines, 1978), which is what makes its limits provable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellctl.model.pose import FloatArray, frozen_array


@dataclass(frozen=True, slots=True, eq=False)
class BSpline:
    """A B-spline of `degree` with `knots` (n + degree + 1,) and `control` points (n, dim); clamped at both ends."""

    degree: int
    knots: FloatArray
    control: FloatArray

    def __post_init__(self) -> None:
        knots = frozen_array(self.knots)
        control = frozen_array(self.control)
        if control.ndim != 2 or len(knots) != len(control) + self.degree + 1 or self.degree < 1:
            raise ValueError("a B-spline of n control points (n, dim) needs n + degree + 1 knots")
        if np.any(np.diff(knots) < 0.0):
            raise ValueError("knots must not decrease")
        object.__setattr__(self, "knots", knots)
        object.__setattr__(self, "control", control)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BSpline)
            and self.degree == other.degree
            and np.array_equal(self.knots, other.knots)
            and np.array_equal(self.control, other.control)
        )

    def __hash__(self) -> int:
        return hash((self.degree, self.knots.tobytes(), self.control.tobytes()))

    @property
    def dim(self) -> int:
        """Number of values at a point."""
        return int(self.control.shape[1])

    @property
    def start(self) -> float:
        """First parameter."""
        return float(self.knots[self.degree])

    @property
    def end(self) -> float:
        """Last parameter."""
        return float(self.knots[len(self.control)])

    def __call__(self, u: ArrayLike, derivative: int = 0) -> FloatArray:
        """Values (n, dim) at parameters `u` (n,), clamped to the range; or their derivative. Cox - de Boor,
        vectorised.
        """
        if derivative:
            return self.derivative(derivative)(u)
        p = self.degree
        x = np.clip(np.atleast_1d(np.asarray(u, dtype=np.float64)), self.start, self.end)
        span = np.clip(np.searchsorted(self.knots, x, side="right") - 1, p, len(self.control) - 1)
        weights = basis_values(self.knots, p, x, span)
        values: FloatArray = np.einsum("nk,nkd->nd", weights, self.control[span[:, None] + np.arange(-p, 1)])
        return values

    def derivative(self, order: int = 1) -> BSpline:
        """The derivative as a B-spline of lower degree."""
        spline = self
        for _ in range(order):
            p, t, c = spline.degree, spline.knots, spline.control
            if p == 1:
                raise ValueError("a B-spline of degree 1 has no continuous derivative")
            width = t[p + 1 : len(c) + p] - t[1 : len(c)]
            slope = p * np.diff(c, axis=0) / np.where(width > 0.0, width, 1.0)[:, None]
            spline = BSpline(p - 1, t[1:-1], np.where(width[:, None] > 0.0, slope, 0.0))
        return spline

    def bounds(self, u0: float, u1: float) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bound (dim,) of the values on [u0, u1], from the control points of the spans it meets."""
        p, t = self.degree, self.knots
        last = len(self.control) - 1
        first_span = int(np.clip(np.searchsorted(t, u0, side="right") - 1, p, last))
        last_span = int(np.clip(np.searchsorted(t, u1, side="left") - 1, first_span, last))
        points = self.control[first_span - p : last_span + 1]
        return points.min(axis=0), points.max(axis=0)


def clamped_knots(inner: ArrayLike, degree: int = 3) -> FloatArray:
    """Knots with the first and last of `inner` (k,), increasing, repeated degree + 1 times."""
    inner = np.asarray(inner, dtype=np.float64)
    return np.concatenate([np.full(degree, inner[0]), inner, np.full(degree, inner[-1])])


def greville(knots: ArrayLike, degree: int = 3) -> FloatArray:
    """Greville abscissae (n,): control points placed there on a straight line reproduce that line exactly."""
    t = np.asarray(knots, dtype=np.float64)
    n = len(t) - degree - 1
    return np.array([t[i + 1 : i + degree + 1].mean() for i in range(n)])


def interpolated(u: ArrayLike, values: ArrayLike) -> BSpline:
    """The C2 cubic spline through `values` (n, dim) at increasing `u` (n,), n >= 2, with not-a-knot ends."""
    at: FloatArray = np.asarray(u, dtype=np.float64)
    y: FloatArray = np.asarray(values, dtype=np.float64)
    if len(at) < 4:
        fine = np.linspace(at[0], at[-1], 4)
        y = (
            np.stack([np.interp(fine, at, y[:, k]) for k in range(y.shape[1])], axis=1)
            if len(at) == 2
            else _parabola(at, y, fine)
        )
        at = fine
    knots = clamped_knots(np.concatenate([at[:1], at[2:-2], at[-1:]]))
    return BSpline(3, knots, _collocation_solve(at, knots, y))


def _parabola(u: FloatArray, y: FloatArray, fine: FloatArray) -> FloatArray:
    columns = [np.polyval(np.polyfit(u, y[:, k], 2), fine) for k in range(y.shape[1])]
    return np.stack(columns, axis=1, dtype=np.float64)


def _collocation_solve(u: FloatArray, knots: FloatArray, y: FloatArray) -> FloatArray:
    """Control points of the cubic with these knots through y at u: a banded system of half-width 3."""
    from scipy.linalg import solve_banded

    n = len(u)
    span = np.clip(np.searchsorted(knots, u, side="right") - 1, 3, n - 1)
    weights = basis_values(knots, 3, u, span)
    band = np.zeros((7, n))
    for k in range(4):
        column = span - 3 + k
        band[3 + np.arange(n) - column, column] = weights[:, k]
    result: FloatArray = solve_banded((3, 3), band, y)
    return result


def basis_values(knots: FloatArray, degree: int, u: FloatArray, span: NDArray[np.intp]) -> FloatArray:
    """The basis functions that do not vanish at each u (n,), (n, degree + 1), with knots[span] <= u <= knots[span + 1].

    The triangular recurrence of Piegl and Tiller, The NURBS Book (1997), A2.2, over all u at once.
    """
    values = np.empty((degree + 1, len(u)))
    values[0] = 1.0
    above = [knots[span + j + 1] - u for j in range(degree)]
    below = [u - knots[span - j] for j in range(degree)]
    for r in range(1, degree + 1):
        carried = np.zeros(len(u))
        for j in range(r):
            share = values[j] / (above[j] + below[r - 1 - j])
            values[j] = carried + above[j] * share
            carried = below[r - 1 - j] * share
        values[r] = carried
    return values.T
