"""Shapes and bodies of files as values of the model: convex solids to check, visuals to show. Places nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellctl.files.reading import File
from cellctl.files.shape_fields import (
    BodyField,
    MeshField,
    OneBodyField,
    PartsField,
    ShapeField,
    ShapeKeys,
    TubeField,
    VisualField,
)
from cellctl.files.strict_model import Path
from cellctl.model.part import Body
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.shapes import Box, Colour, Cylinder, Hull, Shape, Solid, Sphere, Visual, frustum

GREY: Colour = (0.7, 0.7, 0.7)
LARGEST = 50.0
SMALLEST = 1e-3
_TUBE_PIECES = 24
_UNIT_HINT = "check the unit: is it mm where m is meant, or the other way round?"


def body_solids(file: File[Any], field: BodyField, path: Path) -> tuple[Solid, ...]:
    """All convex solids of a body."""
    return _named_solids(file, field.solids, path)


def body_visuals(file: File[Any], field: BodyField, path: Path) -> tuple[Visual, ...]:
    """What a picture shows of a body: its visuals, or its solids where it lists none."""
    colour = field.colour or GREY
    if field.visuals:
        return _listed_visuals(file, field.visuals, path, colour)
    return _solid_visuals(file, field.solids, path, colour)


def one_body(file: File[Any], name: str, field: OneBodyField, pose: Pose, path: Path) -> Body:
    """The body that one shape or several solids make at `pose`; a lone shape is the solid `name`."""
    colour = field.colour or GREY
    if field.solids is not None:
        solids = _named_solids(file, field.solids, path)
        visuals = _solid_visuals(file, field.solids, path, colour)
    else:
        solids = _numbered(name, _shapes(file, field, path, covered=True), Pose.identity())
        visuals = tuple(Visual(shape=s, colour=colour) for s in _shapes(file, field, path, covered=False))
    if field.visuals:
        visuals = _listed_visuals(file, field.visuals, path, colour)
    return Body(name, solids, visuals, pose, colour)


def _named_solids(file: File[Any], solids: dict[str, ShapeField], path: Path) -> tuple[Solid, ...]:
    found: list[Solid] = []
    for name, field in solids.items():
        found += _numbered(name, _shapes(file, field, (*path, "solids", name), covered=True), field.at.pose)
    return tuple(found)


def _numbered(name: str, shapes: tuple[Shape, ...], pose: Pose) -> tuple[Solid, ...]:
    """One solid goes by `name`, the pieces of a tube by `name_1` ..."""
    if len(shapes) == 1:
        return (Solid(name, shapes[0], pose),)
    return tuple(Solid(f"{name}_{i + 1}", shape, pose) for i, shape in enumerate(shapes))


def _solid_visuals(file: File[Any], solids: dict[str, ShapeField], path: Path, colour: Colour) -> tuple[Visual, ...]:
    return tuple(
        Visual(shape=shape, pose=field.at.pose, colour=field.colour or colour)
        for name, field in solids.items()
        for shape in _shapes(file, field, (*path, "solids", name), covered=False)
    )


def _listed_visuals(file: File[Any], fields: list[VisualField], path: Path, colour: Colour) -> tuple[Visual, ...]:
    found: list[Visual] = []
    for index, field in enumerate(fields):
        here = (*path, "visuals", index)
        own, pose = field.colour or colour, field.at.pose
        if field.mesh is None:
            found += [Visual(shape=shape, pose=pose, colour=own) for shape in _shapes(file, field, here, covered=False)]
        elif (reference := file.joined(field.mesh.file, (*here, "mesh", "file"))) is not None:
            file.reading.require(reference, file.place(*here, "mesh", "file"))
            found.append(Visual(mesh=reference, pose=pose, colour=own, scale=field.mesh.scale))
    return tuple(found)


def _shapes(file: File[Any], field: ShapeKeys, path: Path, *, covered: bool) -> tuple[Shape, ...]:
    """Convex shapes of a field: `covered` for checks, where a tube may be its solid cover."""
    shapes = _tube_shapes(field.tube, covered=covered) if field.tube is not None else _plain_shape(file, field, path)
    for shape in shapes[:1]:
        _check_size(file, shape, (*path, field.shape_key))
    return shapes


def _plain_shape(file: File[Any], field: ShapeKeys, path: Path) -> tuple[Shape, ...]:
    if field.box is not None:
        return (Box(field.box),)
    if field.cylinder is not None:
        return (Cylinder(field.cylinder.radius, field.cylinder.length),)
    if field.sphere is not None:
        return (Sphere(field.sphere.radius),)
    if field.frustum is not None:
        return (frustum(field.frustum.radius_bottom, field.frustum.radius_top, field.frustum.length),)
    if field.hull is not None:
        return _point_hull(file, field.hull, (*path, "hull"))
    if field.hull_of is not None:
        return _mesh_hull(file, field.hull_of, (*path, "hull_of"))
    if field.parts_of is not None:
        return _mesh_parts(file, field.parts_of, (*path, "parts_of"))
    return ()


def _point_hull(file: File[Any], points: list[tuple[float, float, float]], path: Path) -> tuple[Hull, ...]:
    vertices = np.array(points)
    if len(points) < 4 or np.linalg.matrix_rank(vertices - vertices[0], tol=1e-6) < 3:
        file.report("F154", "the points of this hull lie in one plane", path, "give at least four that span a volume")
        return ()
    return (Hull(vertices),)


def _mesh_hull(file: File[Any], mesh: MeshField, path: Path) -> tuple[Hull, ...]:
    reference = file.joined(mesh.file, (*path, "file"))
    hull = None if reference is None else file.reading.hull(reference, file.place(*path, "file"), mesh.scale)
    return () if hull is None else (_scaled(hull, mesh.scale),)


def _mesh_parts(file: File[Any], mesh: PartsField, path: Path) -> tuple[Hull, ...]:
    reference = file.joined(mesh.file, (*path, "file"))
    if reference is None:
        return ()
    parts = file.reading.parts(reference, file.place(*path, "file"), mesh.scale, mesh.most)
    return tuple(_scaled(part, mesh.scale) for part in parts)


def _scaled(hull: Hull, scale: float) -> Hull:
    return hull if scale == 1.0 else Hull(hull.vertices * scale)


def _tube_shapes(tube: TubeField, *, covered: bool) -> tuple[Shape, ...]:
    """A tube as its solid cover or as convex pieces of its wall that contain it."""
    if covered and tube.cover == "solid":
        return (Cylinder(tube.radius, tube.length),)
    half = np.pi / _TUBE_PIECES
    outer, inner = tube.radius / np.cos(half), tube.radius - tube.wall
    return tuple(_tube_piece(outer, inner, tube.length, 2.0 * half * k, half) for k in range(_TUBE_PIECES))


def _tube_piece(outer: float, inner: float, length: float, angle: float, half: float) -> Hull:
    """One piece of a tube's wall about `angle`; inside the chord, outside the tangent."""
    corners: list[FloatArray] = []
    for radius in (inner, outer):
        for side in (angle - half, angle + half):
            for z in (-0.5 * length, 0.5 * length):
                corners.append(np.array([radius * np.cos(side), radius * np.sin(side), z]))
    return Hull(np.array(corners))


def extent_of(shape: Shape) -> float:
    """Longest edge of the shape's bounding box, m."""
    if isinstance(shape, Box):
        return max(shape.size)
    if isinstance(shape, Cylinder):
        return max(2.0 * shape.radius, shape.length)
    if isinstance(shape, Sphere):
        return 2.0 * shape.radius
    return float(np.ptp(shape.vertices, axis=0).max())


def _check_size(file: File[Any], shape: Shape, path: Path) -> None:
    extent = extent_of(shape)
    if extent > LARGEST:
        file.report("F150", f"this is {extent:.6g} m large", path, _UNIT_HINT)
    elif extent < SMALLEST:
        file.report("F150", f"this is {extent * 1e3:.3g} mm small", path, _UNIT_HINT)


def check_distance(file: File[Any], pose: Pose, path: Path) -> None:
    """A finding when something stands further away than any cell is large."""
    reach = float(np.abs(pose.position).max())
    if reach > LARGEST:
        file.report("F150", f"this is {reach:.6g} m away", path, _UNIT_HINT)
