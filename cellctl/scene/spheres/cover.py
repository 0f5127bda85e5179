"""Spheres that cover a convex solid, proved by cutting space into cubes; how far they stand out of it is told.

Candidates are balls about points of the solid that reach a little further than its surface; those that cover the most
are taken first. What they then still leave out is found to a tolerance, and all radii grow by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere
from cellctl.scene.spheres.obstacles import hull_planes

TOLERANCE: Final = 5e-4
"""How exactly (m) the miss of a cover is known; radii are this much larger than they need be."""
_SAMPLES: Final = 40_000
_CANDIDATES: Final = 600
_MOST_SPHERES: Final = 160
_SMALLEST: Final = 1e-5
_AT_ONCE: Final = 16_384
Beyond = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Spheres in the frame of a solid that they cover: `centres` (n, 3), `radii` (n,); none stands out of the solid's
    faces by more than `waste` (m).
    """

    centres: FloatArray
    radii: FloatArray
    waste: float


def cover_of(shape: Shape, waste: float) -> Cover:
    """Spheres that contain `shape`, made of balls that stand out by `waste` (m) before they grow to close all gaps."""
    if isinstance(shape, Sphere):
        return Cover(np.zeros((1, 3)), np.array([shape.radius]), 0.0)
    beyond, low, high = _bounds_of(shape)
    samples, spacing = _samples(beyond, low, high, waste)
    depths = -beyond(samples)
    skin = depths < spacing
    asked = np.vstack([samples[skin], samples[~skin][::8]])
    centres = np.vstack(
        [samples[~skin][:: 1 + np.count_nonzero(~skin) // _CANDIDATES], asked[:: 1 + len(asked) // 400]]
    )
    radii = waste - beyond(centres)
    kept = _greedy(asked, centres, radii - min(0.5 * spacing, 0.6 * waste))
    centres, radii = centres[kept], radii[kept]
    grown = radii + miss(beyond, low, high, centres, radii)
    return Cover(centres, grown, float((grown + beyond(centres)).max()))


def _bounds_of(shape: Box | Cylinder | Hull) -> tuple[Beyond, FloatArray, FloatArray]:
    """How far a point is beyond the faces of a solid (below 0 inside), and the corners of the box around it."""
    if isinstance(shape, Cylinder):
        radius, half = shape.radius, 0.5 * shape.length
        high = np.array([radius, radius, half])

        def beyond_cylinder(points: FloatArray) -> FloatArray:
            return np.maximum(np.hypot(points[:, 0], points[:, 1]) - radius, np.abs(points[:, 2]) - half)

        return beyond_cylinder, -high, high
    if isinstance(shape, Box):
        high = 0.5 * np.array(shape.size)

        def beyond_box(points: FloatArray) -> FloatArray:
            result: FloatArray = (np.abs(points) - high).max(axis=1)
            return result

        return beyond_box, -high, high
    planes = hull_planes(shape.vertices)

    def beyond_hull(points: FloatArray) -> FloatArray:
        result: FloatArray = (points @ planes[:, :3].T - planes[:, 3]).max(axis=1)
        return result

    return beyond_hull, shape.vertices.min(axis=0), shape.vertices.max(axis=0)


def _samples(beyond: Beyond, low: FloatArray, high: FloatArray, waste: float) -> tuple[FloatArray, float]:
    """Points of a solid (n, 3) in rows through it and on its surface, and how far they are apart at most (m)."""
    step = max(0.5 * waste, float(np.maximum(high - low, 1e-3).prod() / _SAMPLES) ** (1.0 / 3.0))
    axes = [np.linspace(a, b, 2 + int((b - a) / step)) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    spacing = float(np.linalg.norm([axis[1] - axis[0] for axis in axes]))
    points = points[beyond(points) <= spacing]
    inner, outer, centre = np.zeros(len(points)), np.ones(len(points)), 0.5 * (low + high)
    inner[beyond(points) <= 0.0] = 1.0
    for _ in range(12):
        middle = 0.5 * (inner + outer)
        out = beyond(centre + middle[:, None] * (points - centre)) > 0.0
        inner, outer = np.where(out, inner, middle), np.where(out, middle, outer)
    return np.unique((centre + inner[:, None] * (points - centre)).round(7), axis=0), spacing


def _greedy(samples: FloatArray, centres: FloatArray, radii: FloatArray) -> list[int]:
    """Which balls to take so that every sample is in one: always the one that covers the most of what is left."""
    covers = _apart(samples, centres) <= radii
    gains = covers.sum(axis=0)
    left = np.ones(len(samples), dtype=np.bool_)
    kept: list[int] = []
    while len(kept) < _MOST_SPHERES:
        best = int(np.argmax(gains))
        if gains[best] == 0:
            break
        kept.append(best)
        new = left & covers[:, best]
        gains = gains - covers[new].sum(axis=0)
        left &= ~new
    return kept


def miss(beyond: Beyond, low: FloatArray, high: FloatArray, centres: FloatArray, radii: FloatArray) -> float:
    """How far (m) a point of a solid can be out of all spheres, at least; to TOLERANCE, and 0 where they cover it.

    Cubes that lie outside of the solid, or whose every point is in a sphere or not further out than what was found
    already, are dropped; the others are cut into eight.
    """
    half = 0.5 * float((high - low).max())
    cubes = 0.5 * (low + high)[None]
    worst = 0.0
    corners: NDArray[np.float64] = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * 0.5
    while len(cubes):
        around = half * np.sqrt(3.0)
        out = _outside(cubes, centres, radii)
        cubes, out = cubes[out + around > worst + TOLERANCE], out[out + around > worst + TOLERANCE]
        outside = beyond(cubes)
        worst = max(worst, float(out[outside <= 0.0].max(initial=0.0)))
        kept = (outside <= around) & (out + around > worst + TOLERANCE)
        if half < _SMALLEST:
            return float(max(worst, (out[kept] + around).max(initial=0.0)))
        cubes = cubes[kept]
        cubes = (cubes[:, None] + half * corners).reshape(-1, 3)
        half *= 0.5
    return worst + TOLERANCE


def _outside(points: FloatArray, centres: FloatArray, radii: FloatArray) -> FloatArray:
    """How far (n,) points are out of the nearest sphere, below 0 inside."""
    result = np.empty(len(points))
    for first in range(0, len(points), _AT_ONCE):
        part = points[first : first + _AT_ONCE]
        result[first : first + _AT_ONCE] = (_apart(part, centres) - radii).min(axis=1)
    return result


def _apart(points: FloatArray, centres: FloatArray) -> FloatArray:
    """Distances (n, m) of points from centres, to 1e-7 m for solids of a metre."""
    squares = (points**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2.0 * points @ centres.T
    result: FloatArray = np.sqrt(np.maximum(squares, 0.0))
    return result
