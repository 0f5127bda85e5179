"""Poses of the torch along a seam, compiled: what `processes.torch` says of one, for an optimiser that asks thousands.

It judges no angle; a test holds it against the formula that it repeats.
"""

from __future__ import annotations

from math import cos, sin, sqrt

import numpy as np

from cellctl.kinematics.compiled import NOTHING, compiled, reads, writes
from cellctl.model.pose import FloatArray


@compiled(NOTHING, reads(2), reads(2), reads(2), reads(2), reads(2), reads(2), reads(2), writes(3))
def fill_torch_poses(
    points: FloatArray,
    tangents: FloatArray,
    normals: FloatArray,
    references: FloatArray,
    angles: FloatArray,
    before: FloatArray,
    after: FloatArray,
    out: FloatArray,
) -> None:
    """Fill `out` (n, 4, 4) with before @ pose @ after for the TCP at seam frames (n, 3), spin, work and travel angle
    `angles` (n, 3), rad, the spin from `references` (n, 3).
    """
    tip, middle = np.empty((3, 4)), np.empty((3, 4))
    t, n, r, z = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for k in range(points.shape[0]):
        spin, work, travel = angles[k, 0], angles[k, 1], angles[k, 2]
        t[:], n[:], r[:] = tangents[k], normals[k], references[k]
        along = 0.0
        for i in range(3):
            j, m = (i + 1) % 3, (i + 2) % 3
            across = n[j] * t[m] - n[m] * t[j]
            z[i] = sin(travel) * t[i] - cos(travel) * (cos(work) * n[i] + sin(work) * across)
            along += r[i] * z[i]
        r[:] -= along * z
        r[:] /= sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])
        for i in range(3):
            j, m = (i + 1) % 3, (i + 2) % 3
            side = z[j] * r[m] - z[m] * r[j]
            tip[i, 0], tip[i, 1] = cos(spin) * r[i] + sin(spin) * side, cos(spin) * side - sin(spin) * r[i]
            tip[i, 2], tip[i, 3] = z[i], points[k, i]
        for i in range(3):
            for j in range(4):
                middle[i, j] = before[i, 0] * tip[0, j] + before[i, 1] * tip[1, j] + before[i, 2] * tip[2, j]
            middle[i, 3] += before[i, 3]
        for i in range(3):
            for j in range(4):
                out[k, i, j] = middle[i, 0] * after[0, j] + middle[i, 1] * after[1, j] + middle[i, 2] * after[2, j]
            out[k, i, 3] += middle[i, 3]
            out[k, 3, i] = 0.0
        out[k, 3, 3] = 1.0
