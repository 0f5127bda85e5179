"""Surfaces that a picture shows: triangles with smooth normals, from shapes, mesh files and curves. Checks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellctl.files.mesh.collada import read_collada
from cellctl.files.mesh.reading import convex_hull, parse_stl, read_mesh_bytes, resolve_package_reference
from cellctl.model.pose import FloatArray, Pose, unit
from cellctl.model.shapes import Box, Colour, Cylinder, Hull, Shape, Sphere, Visual, corners

CREASE = np.cos(np.radians(32.0))
"""Faces that meet at a smaller angle than this are shaded as one smooth surface."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Triangles with a colour: `vertices` and unit `normals` (3 m, 3), three a triangle, in the owner's frame."""

    vertices: FloatArray
    normals: FloatArray
    colour: Colour

    def at(self, pose: Pose) -> Surface:
        """The surface carried by `pose` into the outer frame."""
        return Surface(pose.apply(self.vertices), pose.rotate(self.normals), self.colour)

    def coloured(self, colour: Colour) -> Surface:
        """The same surface in another colour."""
        return Surface(self.vertices, self.normals, colour)


def visual_surfaces(visual: Visual) -> tuple[Surface, ...]:
    """The surfaces of a visual in its body's frame.

    Of a mesh file with several materials the largest takes the visual's colour, and the others keep theirs.
    """
    if visual.shape is not None:
        return (shape_surface(visual.shape, visual.colour).at(visual.pose),)
    if visual.mesh is None:
        return ()
    found = mesh_surfaces(visual.mesh)
    largest = max(range(len(found)), key=lambda k: _area(found[k]))
    return tuple(
        Surface(surface.vertices * visual.scale, surface.normals, visual.colour if k == largest else surface.colour).at(
            visual.pose
        )
        for k, surface in enumerate(found)
    )


def shape_surface(shape: Shape, colour: Colour) -> Surface:
    """The surface of a convex shape, round ones in 48 sides."""
    if isinstance(shape, Box):
        return hull_surface(corners(shape.size), colour)
    if isinstance(shape, Hull):
        return hull_surface(shape.vertices, colour)
    if isinstance(shape, Cylinder):
        return hull_surface(_rings((shape.radius, shape.radius), (-shape.length / 2.0, shape.length / 2.0)), colour)
    assert isinstance(shape, Sphere)
    polar = np.linspace(0.05, np.pi - 0.05, 25)
    return hull_surface(_rings(shape.radius * np.sin(polar), shape.radius * np.cos(polar)), colour)


def without_hidden(surfaces: Sequence[Surface]) -> tuple[Surface, ...]:
    """Convex `surfaces` of one body without the triangles that lie wholly in or on another of them.

    Pieces that touch have faces between them that no one sees, and whose edges a renderer would show as stripes.
    """
    if len(surfaces) < 2:
        return tuple(surfaces)
    planes = [_planes(surface) for surface in surfaces]
    kept = []
    for k, surface in enumerate(surfaces):
        triangles = surface.vertices.reshape(-1, 3, 3)
        points = (triangles + planes[k][:, None, :3] * 2e-6).reshape(-1, 3)
        hidden = np.zeros(len(triangles), dtype=np.bool_)
        for other in (*planes[:k], *planes[k + 1 :]):
            inside = (points @ other[:, :3].T <= other[:, 3] + 4e-6).all(axis=1)
            hidden |= inside.reshape(-1, 3).all(axis=1)
        seen = np.repeat(~hidden, 3)
        if seen.any():
            kept.append(Surface(surface.vertices[seen], surface.normals[seen], surface.colour))
    return tuple(kept)


def _planes(surface: Surface) -> FloatArray:
    """The planes (m, 4) of a convex surface's triangles: outward unit normal and distance from the origin."""
    a, b, c = (surface.vertices[k::3] for k in range(3))
    normals = unit(np.cross(b - a, c - a))
    return np.column_stack([normals, np.einsum("ij,ij->i", normals, a)])


def hull_surface(points: ArrayLike, colour: Colour) -> Surface:
    """The surface of the convex hull of `points` (n, 3)."""
    from scipy.spatial import ConvexHull

    vertices = convex_hull(points).vertices
    hull = ConvexHull(vertices)
    a, b, c = (vertices[hull.simplices[:, k]] for k in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0.0
    faces = np.where(inward[:, None], hull.simplices[:, ::-1], hull.simplices)
    return smooth_surface(vertices, faces, colour)


def tube(points: ArrayLike, radius: float, colour: Colour, sides: int = 10) -> Surface:
    """A round tube of `radius` (m) along the polyline `points` (n, 3), closed when its ends meet."""
    path = np.asarray(points, dtype=np.float64)
    path = path[np.r_[True, np.linalg.norm(np.diff(path, axis=0), axis=1) > 1e-9]]
    along = np.gradient(path, axis=0)
    turns_back = np.linalg.norm(along, axis=1) < 1e-9
    along[turns_back] = (path - np.roll(path, 1, axis=0))[turns_back]
    along = unit(along)
    helper = np.where(np.abs(along[:, 2:3]) < 0.9, (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    across = unit(np.cross(helper, along))
    turn = np.arange(sides) * (2.0 * np.pi / sides)
    outward = np.cos(turn)[:, None] * across[:, None] + np.sin(turn)[:, None] * np.cross(along, across)[:, None]
    ring = path[:, None] + radius * outward
    i, j = np.meshgrid(np.arange(len(path) - 1), np.arange(sides), indexing="ij")
    k = (j + 1) % sides
    quads = np.stack([(i, j), (i, k), (i + 1, k), (i, j), (i + 1, k), (i + 1, j)], axis=-1).reshape(2, -1)
    return Surface(ring[quads[0], quads[1]], outward[quads[0], quads[1]], colour)


def mesh_surfaces(reference: str) -> tuple[Surface, ...]:
    """The surfaces of the mesh file that `pkg:PACKAGE/path` names: one for STL, one a material for Collada.

    Raises FileError F140 to F143, and EnvironmentMissing E504 when the package is not installed.
    """
    content = read_mesh_bytes(resolve_package_reference(reference), reference)
    if Path(reference).suffix.lower() == ".dae":
        return collada_surfaces(content, reference)
    mesh = parse_stl(content, reference)
    return (smooth_surface(mesh.vertices, mesh.faces, (0.7, 0.7, 0.7)),)


def collada_surfaces(content: bytes, name: str) -> tuple[Surface, ...]:
    """The triangles of a Collada 1.4 file by diffuse colour, in metres; raises FileError F142, F184 or F185."""
    scene = read_collada(content, name)
    return tuple(_welded(triangles * scene.unit, colour) for colour, triangles in sorted(scene.pieces.items()))


def smooth_surface(vertices: FloatArray, faces: NDArray[np.intp], colour: Colour) -> Surface:
    """Triangles with normals averaged by area over the faces that meet at a vertex within the crease angle."""
    triangles = vertices[faces]
    area = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    length = np.linalg.norm(area, axis=1)
    kept = length > 0.0
    faces, triangles, area, length = faces[kept], triangles[kept], area[kept], length[kept]
    flat = area / length[:, None]
    vertex = faces.ravel()
    face = np.repeat(np.arange(len(faces)), 3)
    order = np.argsort(vertex, kind="stable")
    count = np.bincount(vertex, minlength=len(vertices))
    start = np.cumsum(count) - count
    mine = np.repeat(np.arange(len(vertex)), count[vertex])
    within = np.arange(len(mine)) - np.repeat(np.cumsum(count[vertex]) - count[vertex], count[vertex])
    other = order[start[vertex[mine]] + within]
    alike = np.einsum("ij,ij->i", flat[face[mine]], flat[face[other]]) >= CREASE
    normals = np.empty((len(vertex), 3))
    for axis in range(3):
        normals[:, axis] = np.bincount(mine[alike], area[face[other[alike]], axis], minlength=len(vertex))
    return Surface(triangles.reshape(-1, 3), unit(normals), colour)


def _welded(triangles: FloatArray, colour: Colour) -> Surface:
    """A smooth surface of triangles (m, 3, 3) whose corners within a micrometre are one vertex."""
    _, first, index = np.unique(
        np.round(triangles.reshape(-1, 3), 6), axis=0, return_index=True, return_inverse=True
    )  # fmt: skip
    vertices = triangles.reshape(-1, 3)[first]
    return smooth_surface(vertices, index.reshape(-1, 3), colour)


def _rings(radii: ArrayLike, heights: ArrayLike, sides: int = 48) -> FloatArray:
    """Points (n sides, 3) on circles about z."""
    turn = np.arange(sides) * (2.0 * np.pi / sides)
    radius, height = np.asarray(radii, dtype=np.float64)[:, None], np.asarray(heights, dtype=np.float64)[:, None]
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), height + 0.0 * turn], axis=-1).reshape(-1, 3)


def _area(surface: Surface) -> float:
    a, b, c = (surface.vertices[k::3] for k in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())
