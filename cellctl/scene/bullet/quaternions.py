"""Rotation matrices as PyBullet takes rotations: compiled, for it is asked of every solid that moves."""

from __future__ import annotations

from math import sqrt

import numpy as np

from cellctl.kinematics.compiled import NOTHING, compiled, reads, writes
from cellctl.model.pose import FloatArray


@compiled(NOTHING, reads(3), writes(2), late=True)
def _fill_quats(poses: FloatArray, out: FloatArray) -> None:
    """Fill `out` (n, 4) as `quats_xyzw` says."""
    for n in range(poses.shape[0]):
        trace = poses[n, 0, 0] + poses[n, 1, 1] + poses[n, 2, 2]
        i, largest = 3, trace
        for k in range(3):
            if poses[n, k, k] > largest:
                i, largest = k, poses[n, k, k]
        if i == 3:
            out[n, 0] = poses[n, 2, 1] - poses[n, 1, 2]
            out[n, 1] = poses[n, 0, 2] - poses[n, 2, 0]
            out[n, 2] = poses[n, 1, 0] - poses[n, 0, 1]
            out[n, 3] = 1.0 + trace
        else:
            j, k = (i + 1) % 3, (i + 2) % 3
            out[n, i] = 1.0 - trace + 2.0 * poses[n, i, i]
            out[n, j] = poses[n, i, j] + poses[n, j, i]
            out[n, k] = poses[n, i, k] + poses[n, k, i]
            out[n, 3] = poses[n, k, j] - poses[n, j, k]
        length = sqrt(out[n, 0] ** 2 + out[n, 1] ** 2 + out[n, 2] ** 2 + out[n, 3] ** 2)
        for k in range(4):
            out[n, k] /= length


def quats_xyzw(poses: FloatArray) -> FloatArray:
    """Unit quaternions (n, 4), scalar last, of poses (n, 4, 4) or rotations (n, 3, 3); Shepperd's method."""
    out = np.empty((len(poses), 4))
    _fill_quats(np.ascontiguousarray(poses), out)
    return out
