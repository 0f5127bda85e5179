"""Triangles of convex hulls, hulls cut in pieces, and hulls as binary STL. Asks no collision engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Hull

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def hull_faces(points: FloatArray, *, joggled: bool = False) -> NDArray[np.intp]:
    """Triangles (m, 3) of the convex hull of `points` (n, 3), counter-clockwise from outside, by indices (Qhull).

    A flat face is cut into a fan about one corner; `joggled` moves the points by rounding first, which cuts it another
    way.
    """
    from scipy.spatial import ConvexHull

    hull = ConvexHull(points, qhull_options="QJ" if joggled else "Qt")
    faces: NDArray[np.intp] = hull.simplices.astype(np.intp)
    a, b, c = (points[faces[:, k]] for k in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0.0
    faces[inward] = faces[inward, ::-1]
    return faces


def stl_of(hull: Hull) -> bytes:
    """The surface of `hull` as binary STL, lengths in metres in single precision."""
    corners = hull.vertices[hull_faces(hull.vertices)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facets = np.zeros(len(corners), dtype=_FACET)
    facets["normal"] = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    facets["corners"] = corners
    return bytes(80) + len(facets).to_bytes(4, "little") + facets.tobytes()


def cut_hull(hull: Hull, longest: float) -> tuple[Hull, ...]:
    """Convex pieces that together are `hull`, none with an edge of its box longer than `longest` (m)."""
    extents = np.ptp(hull.vertices, axis=0)
    axis = int(np.argmax(extents))
    if extents[axis] <= longest:
        return (hull,)
    middle = float(hull.vertices[:, axis].min() + extents[axis] / 2.0)
    return tuple(piece for half in _halves(hull, axis, middle) for piece in cut_hull(half, longest))


def _halves(hull: Hull, axis: int, at: float) -> tuple[Hull, Hull]:
    """The two parts of a hull on either side of the plane where coordinate `axis` is `at`."""
    faces = hull_faces(hull.vertices)
    edges = np.unique(np.sort(np.concatenate([faces[:, :2], faces[:, 1:], faces[:, ::2]]), axis=1), axis=0)
    heights = hull.vertices[:, axis] - at
    crossing = edges[heights[edges[:, 0]] * heights[edges[:, 1]] < 0.0]
    first, second = hull.vertices[crossing[:, 0]], hull.vertices[crossing[:, 1]]
    share = heights[crossing[:, 0]] / (heights[crossing[:, 0]] - heights[crossing[:, 1]])
    cut = first + share[:, None] * (second - first)
    cut[:, axis] = at
    return Hull(np.vstack([hull.vertices[heights <= 0.0], cut])), Hull(np.vstack([hull.vertices[heights >= 0.0], cut]))
