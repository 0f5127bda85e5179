"""Shapes as coal knows them, and their support functions, which owe nothing to coal. Asks no distances.

A support function says how far a shape reaches along a direction. With it any direction gives a lower bound of a
distance, whoever proposed the direction: `-h_A(n) - h_B(-n)` for shapes A and B.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cellctl.files.mesh.stl_writing import hull_faces
from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Box, Cylinder, Shape, Sphere, corners, frustum
from cellctl.scene.coal.library import coal

_SIDES = 64
_MOST_NEIGHBOURS = 200


class Support(NamedTuple):
    """A shape as the Minkowski sum of the hull of `corners` (n, 3), a ball and a disc across z (radii in m)."""

    corners: FloatArray
    ball: float = 0.0
    disc: float = 0.0

    def reach(self, direction: FloatArray) -> float:
        """How far the shape reaches along the unit vector `direction` (3,), both in its own frame, m."""
        along = self.corners @ direction
        furthest: float = along.item(along.argmax()) + self.ball
        if not self.disc:
            return furthest
        return furthest + self.disc * math.hypot(direction[0], direction[1])


class CoalSolid(NamedTuple):
    """A shape in coal, the polyhedron that stands for it where coal's depth of an overlap is not to be trusted, and
    the shape's own support function.
    """

    geometry: Any
    facetted: Any
    support: Support


def coal_solid(shape: Shape) -> CoalSolid:
    """`shape` as a coal geometry of the same frame and size."""
    if isinstance(shape, Sphere):
        ball = coal().Sphere(shape.radius)
        return CoalSolid(ball, ball, Support(np.zeros((1, 3)), ball=shape.radius))
    if isinstance(shape, Box):
        box = coal().Box(*shape.size)
        return CoalSolid(box, box, Support(corners(shape.size)))
    if isinstance(shape, Cylinder):
        half = np.array([0.0, 0.0, shape.length / 2.0])
        prism = frustum(shape.radius, shape.radius, shape.length, _SIDES).vertices - half
        support = Support(np.array([-half, half]), disc=shape.radius)
        return CoalSolid(coal().Cylinder(shape.radius, shape.length), _polyhedron(prism), support)
    hull = _polyhedron(shape.vertices)
    return CoalSolid(hull, hull, Support(shape.vertices))


def _polyhedron(points: FloatArray) -> Any:
    """The convex hull of `points` (n, 3) with its triangles turned outward; Qhull finds them.

    Qhull cuts a flat face into a fan about one corner, and coal knows no corner with more than 255 neighbours. Where
    that is too many the faces are those of points moved by rounding, which cuts flat faces another way; the corners
    stay.
    """
    faces = hull_faces(points)
    if np.bincount(faces.ravel()).max() > _MOST_NEIGHBOURS:
        faces = hull_faces(points, joggled=True)
    used, renumbered = np.unique(faces, return_inverse=True)
    vertices, triangles = coal().StdVec_Vec3s(), coal().StdVec_Triangle()
    vertices.extend(list(points[used]))
    triangles.extend([coal().Triangle(*face) for face in renumbered.reshape(-1, 3).tolist()])
    return coal().Convex(vertices, triangles)
