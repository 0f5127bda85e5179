"""Triangles of convex hulls, and hulls as binary STL. Reads nothing and asks no collision engine."""

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
