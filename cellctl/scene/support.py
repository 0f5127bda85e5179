"""Compiled support mappings of convex solids and a proven lower bound on the distance of two. It knows no robot.

A solid is the sum of the hull of its vertices, a disc about the z axis of its own frame (a cylinder is two vertices and
a disc) and a ball (a sphere is one vertex and a ball). For any unit direction d from solid A to solid B,

    min over b in B of d . b  -  max over a in A of d . a

is never more than their distance, whatever led to d. The search for a good d is the algorithm of E. G. Gilbert,
D. W. Johnson, S. S. Keerthi, "A fast procedure for computing the distance between complex objects in three-dimensional
space", 1988: rounding in it can make the bound worse, but never wrong.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, REAL, compiled, reads, record, several, writes
from cellctl.model.pose import FloatArray

ROUNDING: Final = 1e-9
"""Taken off every bound for the rounding of float64 (m): enough for coordinates up to 1 km."""
_CONVERGED: Final = 1e-6
_MOST_STEPS: Final = 64


class Solids(NamedTuple):
    """Convex solids as arrays: `vertices` (v, 3) in the solids' own frames, those of solid k from `first[k]` to
    `first[k + 1]`; `discs` and `balls` (n,) radii; all m.
    """

    vertices: FloatArray
    first: NDArray[np.intp]
    discs: FloatArray
    balls: FloatArray


SOLIDS: Final[Any] = record(Solids, writes(2), writes(1, COUNT), writes(1), writes(1))


@compiled(several(4), SOLIDS, COUNT, reads(3), REAL, REAL, REAL, late=True)
def support(
    solids: Solids, k: int, places: FloatArray, dx: float, dy: float, dz: float
) -> tuple[float, float, float, float]:
    """Largest d . x over solid `k` without its ball, and that x in the world; `places` (n, 3, 4) put solids there."""
    x = places[k, 0, 0] * dx + places[k, 1, 0] * dy + places[k, 2, 0] * dz
    y = places[k, 0, 1] * dx + places[k, 1, 1] * dy + places[k, 2, 1] * dz
    z = places[k, 0, 2] * dx + places[k, 1, 2] * dy + places[k, 2, 2] * dz
    best = -inf
    chosen = solids.first[k]
    for i in range(solids.first[k], solids.first[k + 1]):
        height = x * solids.vertices[i, 0] + y * solids.vertices[i, 1] + z * solids.vertices[i, 2]
        if height > best:
            best = height
            chosen = i
    u, v, w = solids.vertices[chosen, 0], solids.vertices[chosen, 1], solids.vertices[chosen, 2]
    radial = sqrt(x * x + y * y)
    best += solids.discs[k] * radial
    if solids.discs[k] > 0.0 and radial > 1e-12:
        u += solids.discs[k] * x / radial
        v += solids.discs[k] * y / radial
    px = places[k, 0, 0] * u + places[k, 0, 1] * v + places[k, 0, 2] * w + places[k, 0, 3]
    py = places[k, 1, 0] * u + places[k, 1, 1] * v + places[k, 1, 2] * w + places[k, 1, 3]
    pz = places[k, 2, 0] * u + places[k, 2, 1] * v + places[k, 2, 2] * w + places[k, 2, 3]
    return best + dx * places[k, 0, 3] + dy * places[k, 1, 3] + dz * places[k, 2, 3], px, py, pz


@compiled(REAL, reads(2), COUNT, COUNT, COUNT, late=True)
def _along(s: FloatArray, tail: int, head: int, at: int) -> float:
    """(s[head] - s[tail]) . (0 - s[at]): how far the origin lies past corner `at` along an edge."""
    return -float(
        (s[head, 0] - s[tail, 0]) * s[at, 0]
        + (s[head, 1] - s[tail, 1]) * s[at, 1]
        + (s[head, 2] - s[tail, 2]) * s[at, 2]
    )


@compiled(NOTHING, reads(2), writes(1), late=True)
def _weigh_segment(s: FloatArray, weights: FloatArray) -> None:
    ahead, behind = _along(s, 0, 1, 0), -_along(s, 0, 1, 1)
    if ahead <= 0.0:
        weights[0] = 1.0
    elif behind <= 0.0:
        weights[1] = 1.0
    else:
        weights[1] = ahead / (ahead + behind)
        weights[0] = 1.0 - weights[1]


@compiled(NOTHING, reads(2), COUNT, COUNT, COUNT, writes(1), late=True)
def _weigh_triangle(s: FloatArray, a: int, b: int, c: int, weights: FloatArray) -> None:
    """Barycentric weights of the nearest point of a triangle, by the region the origin falls in."""
    weights[:] = 0.0
    ab_a, ac_a = _along(s, a, b, a), _along(s, a, c, a)
    ab_b, ac_b = _along(s, a, b, b), _along(s, a, c, b)
    ab_c, ac_c = _along(s, a, b, c), _along(s, a, c, c)
    of_a = ab_b * ac_c - ab_c * ac_b
    of_b = ab_c * ac_a - ab_a * ac_c
    of_c = ab_a * ac_b - ab_b * ac_a
    bc_b, bc_c = ac_b - ab_b, ab_c - ac_c
    if ab_a <= 0.0 and ac_a <= 0.0:
        weights[a] = 1.0
    elif ab_b >= 0.0 and bc_b <= 0.0:
        weights[b] = 1.0
    elif ac_c >= 0.0 and bc_c <= 0.0:
        weights[c] = 1.0
    elif of_c <= 0.0 and ab_a >= 0.0 and ab_b <= 0.0:
        weights[b] = ab_a / (ab_a - ab_b)
        weights[a] = 1.0 - weights[b]
    elif of_b <= 0.0 and ac_a >= 0.0 and ac_c <= 0.0:
        weights[c] = ac_a / (ac_a - ac_c)
        weights[a] = 1.0 - weights[c]
    elif of_a <= 0.0 and bc_b >= 0.0 and bc_c >= 0.0:
        weights[c] = bc_b / (bc_b + bc_c)
        weights[b] = 1.0 - weights[c]
    else:
        total = of_a + of_b + of_c
        weights[b], weights[c] = of_b / total, of_c / total
        weights[a] = 1.0 - weights[b] - weights[c]


@compiled(FLAG, reads(2), writes(1), late=True)
def _weigh_tetrahedron(s: FloatArray, weights: FloatArray) -> bool:
    """Weights of the nearest point of the faces that have the origin on their outer side; False if none has."""
    trial = np.empty(4)
    least = inf
    for apex in range(4):
        a, b, c = (apex + 1) % 4, (apex + 2) % 4, (apex + 3) % 4
        ux, uy, uz = s[b, 0] - s[a, 0], s[b, 1] - s[a, 1], s[b, 2] - s[a, 2]
        vx, vy, vz = s[c, 0] - s[a, 0], s[c, 1] - s[a, 1], s[c, 2] - s[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        origin = -(nx * s[a, 0] + ny * s[a, 1] + nz * s[a, 2])
        inner = nx * (s[apex, 0] - s[a, 0]) + ny * (s[apex, 1] - s[a, 1]) + nz * (s[apex, 2] - s[a, 2])
        if origin * inner > 0.0:
            continue
        _weigh_triangle(s, a, b, c, trial)
        square = 0.0
        for i in range(3):
            square += (trial[a] * s[a, i] + trial[b] * s[b, i] + trial[c] * s[c, i]) ** 2
        if square < least:
            least = square
            weights[a], weights[b], weights[c], weights[apex] = trial[a], trial[b], trial[c], 0.0
    return least < inf


@compiled(COUNT, writes(2), COUNT, writes(1), late=True)
def nearest_on_simplex(simplex: FloatArray, size: int, nearest: FloatArray) -> int:
    """Fill `nearest` (3,) with the point of a simplex nearest to the origin; how many corners carry it.

    The corners are the first `size` (1 to 4) rows of `simplex` (4, 3); those that carry the point are moved to the
    front. 4 means that the origin is inside.
    """
    weights = np.zeros(4)
    if size == 1:
        weights[0] = 1.0
    elif size == 2:
        _weigh_segment(simplex, weights)
    elif size == 3:
        _weigh_triangle(simplex, 0, 1, 2, weights)
    elif not _weigh_tetrahedron(simplex, weights):
        return 4
    kept = 0
    nearest[:] = 0.0
    for k in range(size):
        if weights[k] > 0.0:
            for i in range(3):
                nearest[i] += weights[k] * simplex[k, i]
                simplex[kept, i] = simplex[k, i]
            kept += 1
    return kept


@compiled(REAL, SOLIDS, reads(3), COUNT, COUNT, writes(1), late=True)
def _along_own_axes(solids: Solids, places: FloatArray, a: int, b: int, direction: FloatArray) -> float:
    """The best lower bound (m) on the distance of two solids without their balls, along an axis of one of them, either
    way; it is left in `direction` (3,).
    """
    best = -inf
    for axis in range(12):
        k = a if axis < 6 else b
        sign = 1.0 if axis % 2 == 0 else -1.0
        column = axis // 2 % 3
        dx, dy, dz = sign * places[k, 0, column], sign * places[k, 1, column], sign * places[k, 2, column]
        high, _, _, _ = support(solids, a, places, dx, dy, dz)
        low, _, _, _ = support(solids, b, places, -dx, -dy, -dz)
        if -low - high > best:
            best = -low - high
            direction[0], direction[1], direction[2] = dx, dy, dz
    return best


@compiled(several(2), SOLIDS, reads(3), COUNT, COUNT, REAL, writes(1), late=True)
def separation(
    solids: Solids, places: FloatArray, a: int, b: int, threshold: float, direction: FloatArray
) -> tuple[float, float]:
    """A lower and an upper bound (m) on the distance of solids `a` and `b`; the lower one may be negative.

    The search starts at the unit vector `direction` (3,), from a to b, and leaves the best one there. It ends as soon
    as the lower bound reaches `threshold` or the upper one falls below it; with an infinite `threshold` the two meet to
    1 um where the solids are apart. Where a `threshold` that is not positive is not reached, as by solids that rest on
    one another, the solids' own axes are tried too.
    """
    balls = solids.balls[a] + solids.balls[b]
    simplex = np.empty((4, 3))
    nearest = np.empty(3)
    size = 0
    lower, length = -inf, inf
    dx, dy, dz = direction[0], direction[1], direction[2]
    for _ in range(_MOST_STEPS):
        high, ax, ay, az = support(solids, a, places, dx, dy, dz)
        low, bx, by, bz = support(solids, b, places, -dx, -dy, -dz)
        bound = -low - high
        if bound > lower:
            lower = bound
            direction[0], direction[1], direction[2] = dx, dy, dz
        if lower - balls - ROUNDING >= threshold or length - balls < threshold < inf or length - lower < _CONVERGED:
            break
        simplex[size, 0], simplex[size, 1], simplex[size, 2] = bx - ax, by - ay, bz - az
        size = nearest_on_simplex(simplex, size + 1, nearest)
        shorter = sqrt(nearest[0] * nearest[0] + nearest[1] * nearest[1] + nearest[2] * nearest[2])
        if size == 4 or shorter < 1e-12:
            length = 0.0
            break
        if not shorter < length:
            break
        length = shorter
        dx, dy, dz = nearest[0] / length, nearest[1] / length, nearest[2] / length
    if lower - balls - ROUNDING < threshold <= 0.0:
        lower = max(lower, _along_own_axes(solids, places, a, b, direction))
    return lower - balls - ROUNDING, max(0.0, length - balls) + ROUNDING
