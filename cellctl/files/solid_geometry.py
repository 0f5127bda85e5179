"""Distances and edges of convex solids, exact enough to tell a seam from a mistake. Asks no collision engine."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cellctl.model.part import Body, Vector
from cellctl.model.pose import FloatArray, Pose, unit
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere

_ON_FACE = 0.5e-3
_PROBE = 2e-3


def distance_to_body(body: Body, points: FloatArray) -> FloatArray:
    """Signed distance (n,) of points (n, 3), in the owner's frame, to the body's solids; negative inside, m.

    Outside a hull it is a lower bound (the largest distance to a face plane).
    """
    local = body.pose.inverse().apply(points)
    distances = [distance_to_shape(solid.shape, solid.pose.inverse().apply(local)) for solid in body.solids]
    return np.min(distances, axis=0) if distances else np.full(len(points), np.inf)


def distance_to_shape(shape: Shape, points: FloatArray) -> FloatArray:
    """Signed distance (n,) of points (n, 3) in the shape's frame."""
    if isinstance(shape, Box):
        return _from_excess(np.abs(points) - np.asarray(shape.size) / 2.0)
    if isinstance(shape, Cylinder):
        radial = np.hypot(points[:, 0], points[:, 1]) - shape.radius
        return _from_excess(np.stack([radial, np.abs(points[:, 2]) - shape.length / 2.0], axis=1))
    if isinstance(shape, Sphere):
        result: FloatArray = np.linalg.norm(points, axis=1) - shape.radius
        return result
    normals, offsets = face_planes(shape)
    return np.asarray((points @ normals.T - offsets).max(axis=1))


def _from_excess(excess: FloatArray) -> FloatArray:
    """Signed distance of a box in as many dimensions as `excess` (n, k) has columns."""
    outside: FloatArray = np.linalg.norm(np.maximum(excess, 0.0), axis=1)
    result: FloatArray = outside + np.minimum(excess.max(axis=1), 0.0)
    return result


def face_planes(shape: Box | Hull) -> tuple[FloatArray, FloatArray]:
    """Outward unit normals (k, 3) and offsets (k,) of the faces: a point p is inside where normals @ p <= offsets."""
    if isinstance(shape, Box):
        normals = np.vstack([np.eye(3), -np.eye(3)])
        return normals, np.tile(np.asarray(shape.size) / 2.0, 2)
    from scipy.spatial import ConvexHull

    equations = ConvexHull(shape.vertices).equations
    _, faces = np.unique(np.round(equations, 6) + 0.0, axis=0, return_index=True)
    return equations[faces, :3], -equations[faces, 3]


class Edge:
    """A straight edge where two bodies meet, from `start` to `end` (3,), with the outward normals of its two faces."""

    __slots__ = ("end", "first", "second", "start")

    def __init__(self, start: FloatArray, end: FloatArray, first: FloatArray, second: FloatArray) -> None:
        self.start, self.end, self.first, self.second = start, end, first, second

    @property
    def middle(self) -> FloatArray:
        """The point half way."""
        result: FloatArray = (self.start + self.end) / 2.0
        return result


def concave_edges(first: Body, second: Body) -> list[Edge]:
    """The inside edges that a face of one body makes with a face of the other, boxes and hulls only."""
    edges: list[Edge] = []
    for a in _placed_planes(first):
        for b in _placed_planes(second):
            edges += _edges_between(a, b)
    return edges


def _placed_planes(body: Body) -> list[tuple[FloatArray, FloatArray]]:
    placed = []
    for solid in body.solids:
        if isinstance(solid.shape, (Box, Hull)):
            placed.append(_planes_in(body.pose @ solid.pose, *face_planes(solid.shape)))
    return placed


def _planes_in(pose: Pose, normals: FloatArray, offsets: FloatArray) -> tuple[FloatArray, FloatArray]:
    turned = pose.rotate(normals)
    return turned, offsets + turned @ pose.position


def _edges_between(a: tuple[FloatArray, FloatArray], b: tuple[FloatArray, FloatArray]) -> Iterable[Edge]:
    for i, normal_a in enumerate(a[0]):
        for j, normal_b in enumerate(b[0]):
            direction = np.cross(normal_a, normal_b)
            if np.linalg.norm(direction) < np.sin(np.radians(5.0)):
                continue
            edge = _clipped(a, i, b, j, unit(direction))
            if edge is not None and _is_inside_corner(edge, a, b):
                yield edge


def _clipped(
    a: tuple[FloatArray, FloatArray], i: int, b: tuple[FloatArray, FloatArray], j: int, direction: FloatArray
) -> Edge | None:
    """The part of the line of two face planes that lies on both bodies."""
    system = np.vstack([a[0][i], b[0][j], direction])
    point = np.linalg.solve(system, [a[1][i], b[1][j], 0.0])
    low, high = -np.inf, np.inf
    for normals, offsets in (a, b):
        along = normals @ direction
        room = offsets - normals @ point
        leaving, entering = along > 1e-9, along < -1e-9
        if np.any(room[~leaving & ~entering] < -_ON_FACE):
            return None
        high = min(high, float((room[leaving] / along[leaving]).min(initial=np.inf)))
        low = max(low, float((room[entering] / along[entering]).max(initial=-np.inf)))
    if not high - low > 1e-3:
        return None
    return Edge(point + low * direction, point + high * direction, a[0][i], b[0][j])


def _is_inside_corner(edge: Edge, a: tuple[FloatArray, FloatArray], b: tuple[FloatArray, FloatArray]) -> bool:
    """True when each face goes on from the edge to the free side of the other."""
    on_a = edge.middle + _PROBE * across(edge.first, edge.second)
    on_b = edge.middle + _PROBE * across(edge.second, edge.first)
    return bool(np.all(a[0] @ on_a <= a[1] + _ON_FACE) and np.all(b[0] @ on_b <= b[1] + _ON_FACE))


def across(face: FloatArray | Vector, other: FloatArray | Vector) -> FloatArray:
    """The unit direction in the plane of `face` that points to the free side of `other`."""
    face, other = np.asarray(face), np.asarray(other)
    return unit(other - (other @ face) * face)
