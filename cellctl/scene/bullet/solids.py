"""Shapes as PyBullet collision shapes that provably cover them. Asks no distances.

Three traps decide the form (see `selftest`). Bullet's distance iteration stops early where lengths are small against
its absolute thresholds: the engine works in millimetres. Its hulls have their corners cut to a grid of 1/10216 of their
extent: what the engine holds is read back and measured. Its cylinders are not exact: prisms round them stand for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere
from cellctl.scene.bullet.client import Client

MILLIMETRES = 1000.0
"""Engine lengths per metre."""

_GRID = 10216.0
"""Steps of the grid that Bullet puts a hull's corners on, over each extent, cut off towards the centre."""


class EngineSolid(NamedTuple):
    """A body of the engine by its id, and `miss` (m), how far the true solid may stand out of it."""

    body: int
    miss: float


def add_solid(client: Client, shape: Shape) -> EngineSolid:
    """A body for `shape` with collision margin 0, at the origin."""
    kind, arguments = _shape_arguments(client, shape)
    handle = client.createCollisionShape(kind, **arguments)
    body = client.createMultiBody(0.0, handle, -1)
    client.changeDynamics(body, -1, collisionMargin=0.0)
    return EngineSolid(body, _miss(client, body, shape))


def remove_solids(client: Client, solids: Iterable[EngineSolid]) -> None:
    """Take bodies out of the engine. It keeps their shapes until it is empty and starts anew."""
    for solid in solids:
        client.removeBody(solid.body)
    if client.getNumBodies() == 0:
        client.resetSimulation()


def prism_around(cylinder: Cylinder) -> FloatArray:
    """Corners (2 n, 3) of a prism that contains `cylinder`, at most 0.1 mm wider where 96 sides suffice for that."""
    wider = 1e-4 / cylinder.radius
    sides = int(np.clip(np.ceil(np.pi / np.arccos(1.0 / (1.0 + wider))), 32, 96))
    angles = (np.arange(sides) + 0.5) * (2.0 * np.pi / sides)
    radius = cylinder.radius / np.cos(np.pi / sides)
    ring = np.stack([radius * np.cos(angles), radius * np.sin(angles), np.zeros(sides)], axis=1)
    half = (0.0, 0.0, cylinder.length / 2.0)
    return np.vstack([ring - half, ring + half])


def hull_corners(shape: Hull | Cylinder) -> FloatArray:
    """The corners (n, 3) whose hull stands for `shape`."""
    return shape.vertices if isinstance(shape, Hull) else prism_around(shape)


def _shape_arguments(client: Client, shape: Shape) -> tuple[int, dict[str, object]]:
    bullet = client.bullet
    if isinstance(shape, Sphere):
        return bullet.GEOM_SPHERE, {"radius": shape.radius * MILLIMETRES}
    if isinstance(shape, Box):
        return bullet.GEOM_BOX, {"halfExtents": [size / 2.0 * MILLIMETRES for size in shape.size]}
    points = hull_corners(shape)
    low, high = points.min(axis=0), points.max(axis=0)
    half_step = np.sign(points - (low + high) / 2.0) * (high - low) / (2.0 * _GRID)
    return bullet.GEOM_MESH, {"vertices": (np.clip(points + half_step, low, high) * MILLIMETRES).tolist()}


def _miss(client: Client, body: int, shape: Shape) -> float:
    """How far, at most, the true solid stands out of what the engine holds, m."""
    if isinstance(shape, Box | Sphere):
        return 0.0
    held = np.array(client.getMeshData(body, -1)[1]) / MILLIMETRES
    return _standing_out_once(hull_corners(shape).tobytes(), held.tobytes())


@lru_cache(maxsize=512)
def _standing_out_once(points: bytes, held: bytes) -> float:
    """`standing_out` of the same corners is the same; a cell holds many equal screws, spindles and clamps."""
    return standing_out(np.frombuffer(points).reshape(-1, 3), np.frombuffer(held).reshape(-1, 3))


def standing_out(points: FloatArray, held: FloatArray) -> float:
    """An upper bound of the largest distance (m) from `points` (n, 3) to the convex hull of `held` (k, 3).

    For each point the smaller of two bounds: the way to the nearest corner, and the way it goes when it is led to the
    hull by projection on the face it is furthest in front of, again and again. What then is left in front of a face,
    about a nanometre, is charged with the ratio of the hull's outer to inner radius: scaling a hull about a point
    inside moves each face by its distance from there.
    """
    from scipy.spatial import ConvexHull, KDTree

    hull = ConvexHull(held)
    normals, offsets = hull.equations[:, :3], hull.equations[:, 3]
    inside, height = points.copy(), np.zeros((len(points), 1))
    for _ in range(200):
        heights = inside @ normals.T + offsets
        worst = np.argmax(heights, axis=1)
        height = np.take_along_axis(heights, worst[:, None], axis=1).clip(min=0.0)
        if height.max() <= 1e-9:
            break
        inside -= height * normals[worst]
    centre = held.mean(axis=0)
    aspect = np.linalg.norm(points - centre, axis=1).max() / -(normals @ centre + offsets).max()
    to_hull = np.linalg.norm(points - inside, axis=1) + height.max() * aspect
    to_corner, _ = KDTree(held).query(points)
    return float(np.minimum(to_hull, to_corner).max())
