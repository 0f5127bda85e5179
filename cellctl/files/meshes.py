"""Meshes to convex hulls (stand-in until the scene's reader lands)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Hull


def read_hull(path: str | Path) -> Hull:
    data = Path(path).read_bytes()
    n = int(np.frombuffer(data, "<u4", 1, 80)[0])
    record = np.dtype([("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")])
    points = np.frombuffer(data, record, n, 84)["v"].reshape(-1, 3).astype(np.float64)
    points = np.unique(points, axis=0)
    from scipy.spatial import ConvexHull

    vertices: FloatArray = points[np.sort(ConvexHull(points).vertices)]
    return Hull(vertices)
