"""The nearest two bodies of an arm of spheres and its obstacles, in float64 and one state at a time: for findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from cellctl.kinematics.forward import frames
from cellctl.model.pose import FloatArray
from cellctl.scene.spheres.model import SphereArm
from cellctl.scene.spheres.obstacles import BALL, CYLINDER, HULL, UPRIGHT_CYLINDER, Obstacles
from cellctl.scene.spheres.tables import ArmTables


def sphere_centres(arm: SphereArm, q: ArrayLike) -> FloatArray:
    """Centres (n, 3) of the spheres at `q` (dof,), in the base frame."""
    at = frames(arm.chain, q)[arm.frames]
    result: FloatArray = np.einsum("nij,nj->ni", at[:, :3, :3], arm.centres) + at[:, :3, 3]
    return result


def obstacle_gaps(obstacles: Obstacles, k: int, points: FloatArray) -> FloatArray:
    """Distances (n,) of points (n, 3) of the base frame from obstacle `k`, m; inside, minus its roundness."""
    row, kind = obstacles.rows[k].astype(np.float64), obstacles.kinds[k]
    local = (points - row[:3]) @ row[3:12].reshape(3, 3)
    if kind == BALL:
        apart = np.linalg.norm(local, axis=1)
    elif kind == HULL:
        planes = obstacles.planes[int(row[12]) : int(row[12] + row[13])].astype(np.float64)
        apart = np.maximum((local @ planes[:, :3].T - planes[:, 3]).max(axis=1), 0.0)
    elif kind in (CYLINDER, UPRIGHT_CYLINDER):
        across = np.maximum(np.hypot(local[:, 0], local[:, 1]) - row[12], 0.0)
        apart = np.hypot(across, np.maximum(np.abs(local[:, 2]) - row[13], 0.0))
    else:
        apart = np.linalg.norm(np.maximum(np.abs(local) - row[12:15], 0.0), axis=1)
    result: FloatArray = apart - row[15]
    return result


def nearest_at(
    arm: SphereArm, tables: ArmTables, obstacles: Obstacles, q: ArrayLike, names: Sequence[str] = ()
) -> tuple[str, str, float]:
    """Names of the two bodies that are nearest at `q` (dof,) of all that are ever asked, and their gap (m)."""
    centres = sphere_centres(arm, q)
    best = ("", "", np.inf)
    moving = arm.frames > 0
    for k in range(len(obstacles.kinds)):
        gaps = np.where(moving, obstacle_gaps(obstacles, k, centres) - arm.radii, np.inf)
        i = int(np.argmin(gaps))
        if gaps[i] < best[2]:
            best = (arm.names[arm.bodies[i]], names[k] if k < len(names) else f"obstacle {k + 1}", float(gaps[i]))
    if len(tables.pairs):
        a, b = tables.order[tables.pairs].T
        gaps = np.linalg.norm(centres[a] - centres[b], axis=1) - arm.radii[a] - arm.radii[b]
        i = int(np.argmin(gaps))
        if gaps[i] < best[2]:
            best = (arm.names[arm.bodies[a[i]]], arm.names[arm.bodies[b[i]]], float(gaps[i]))
    return best
