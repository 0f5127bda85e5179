"""Seams from the edges of meshes: inside edges of one body, or where the edges of one body lie on another. Draws none.

The faces at an edge are those of the meshes; a seam keeps one pair of normals, or on a circle the axis and the radius.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cellctl.files.mesh.edges import EdgeChain
from cellctl.files.mesh.meeting import Meeting
from cellctl.files.reading import File
from cellctl.files.solid_geometry import face_planes
from cellctl.files.strict_model import Path
from cellctl.model.curve import Arc, Polyline
from cellctl.model.part import Body, Face, JointType, Seam, Vector
from cellctl.model.pose import FloatArray, unit
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere
from cellctl.model.wps import Range

if TYPE_CHECKING:
    from cellctl.files.seam_fields import EdgesField, SeamField

ON_SURFACE = 0.3e-3
"""An edge lies on another body when it is no further from its surface (m)."""
ROUND = 1e-3
"""Points of an edge lie on a circle when they are off it by less than this share of its radius."""
ALIKE = np.cos(np.radians(3.0))
RIDGES = Range(np.radians(200.0), np.radians(270.0), np.radians(340.0))


def edge_seam(
    file: File[Any], name: str, field: SeamField, edges: EdgesField, bodies: dict[str, Body], path: Path
) -> Seam | None:
    """The seam along the edge that `near` is nearest to, or along the only one."""
    here = (*path, "edges")
    first, second = (bodies[body] for body in edges.bodies)
    if edges.of is not None:
        meshes = [_chains_of(file, first, edges.dihedral, here)]
        found = inside_edges(first, meshes[0] or ())
    else:
        meshes = [_chains_of(file, body, RIDGES, here, needed=False) for body in (first, second)]
        found = edges_on(first, meshes[0] or (), second, edges.dihedral)
        found += [
            Meeting(m.points, m.second, m.first) for m in edges_on(second, meshes[1] or (), first, edges.dihedral)
        ]
        if meshes == [None, None]:
            hint = "write it as 'parts_of' or 'hull_of' a mesh file, or the seam as an intersection"
            file.report("F158", f"neither '{first.name}' nor '{second.name}' is one mesh", here, hint)
            return None
    if None in meshes and edges.of is not None:
        return None
    if field.near is not None and found:
        near = np.asarray(field.near)
        found = [min(found, key=lambda meeting: meeting.distance_to(near))]
    if len(found) == 1:
        return seam_along(file, name, found[0], (first.name, second.name), field.joint, field.travel, path)
    count = f"{len(found)} edges" if found else "no edge"
    at = f"'{first.name}' and '{second.name}' have" if edges.of is None else f"'{first.name}' has"
    hint = "name a point near the one that is meant: 'near: 0 0 50 mm'" if found else "is the window of angles right?"
    file.report("F158", f"{at} {count} whose faces open by 'dihedral'", here, hint)
    return None


def _chains_of(
    file: File[Any], body: Body, opening: Range, path: Path, *, needed: bool = True
) -> tuple[EdgeChain, ...] | None:
    """The edges of the mesh that a body is written as, in metres; None where it is none."""
    field = file.model.bodies[body.name]
    mesh = field.parts_of or field.hull_of
    if mesh is None:
        if needed:
            hint = "write it as 'parts_of' a mesh file"
            file.report("F158", f"body '{body.name}' is not one mesh, and has no edges", path, hint)
        return None
    reference = file.joined(mesh.file, path)
    place = file.place(*path)
    chains = None if reference is None else file.reading.chains(reference, place, mesh.scale, opening)
    if chains is None:
        return None
    return tuple(EdgeChain(chain.points * mesh.scale, chain.left, chain.right) for chain in chains)


def inside_edges(body: Body, chains: tuple[EdgeChain, ...]) -> list[Meeting]:
    """The chains of a body's own mesh, in the part's frame."""
    pose = body.pose
    return [Meeting(pose.apply(c.points), pose.rotate(c.left), pose.rotate(c.right)) for c in chains]


def edges_on(body: Body, chains: tuple[EdgeChain, ...], other: Body, window: Range) -> list[Meeting]:
    """Stretches of the ridges of `body` that lie on the surface of `other`, where the face of `body` that does not
    lie on it opens towards `other` by an angle in `window` (rad). Its own face comes first.
    """
    found: list[Meeting] = []
    for chain in inside_edges(body, chains):
        found += _stretches(chain, other, window)
    return found


def _stretches(chain: Meeting, other: Body, window: Range) -> Iterator[Meeting]:
    """The longest stretches of pieces that meet the other body's surface."""
    faces = [_faces_of_piece(chain, k, other, window) for k in range(len(chain.first))]
    if chain.closed and None in faces:  # begin where nothing is cut in two
        start = faces.index(None)
        order = [*range(start, len(faces)), *range(start)]
        points = np.vstack([chain.points[order], chain.points[order[-1] + 1]])
        chain = Meeting(points, chain.first[order], chain.second[order])
        faces = [faces[k] for k in order]
    k = 0
    while k < len(faces):
        run = []
        while k < len(faces) and (pair := faces[k]) is not None:
            run.append(pair)
            k += 1
        if run:
            points = chain.points[k - len(run) : k + 1]
            yield Meeting(points, np.array([pair[0] for pair in run]), np.array([pair[1] for pair in run]))
        k += 1


def _faces_of_piece(chain: Meeting, k: int, other: Body, window: Range) -> tuple[FloatArray, FloatArray] | None:
    """The free face of a piece and the face of the other body under it; None where it does not lie on that."""
    start, end = chain.points[k], chain.points[k + 1]
    samples = np.array([start + share * (end - start) for share in (0.01, 0.5, 0.99)])
    for own, free in ((chain.first[k], chain.second[k]), (chain.second[k], chain.first[k])):
        for normal in surface_normals(other, samples):
            if own @ normal > -ALIKE:
                continue
            opening = np.pi - float(np.arccos(np.clip(free @ normal, -1.0, 1.0)))
            if window.holds(opening, 1e-6):
                return free, normal
    return None


def surface_normals(body: Body, points: FloatArray) -> list[FloatArray]:
    """The outward normals of the faces of a body's solids that all of `points` (n, 3) lie on, in the part's frame."""
    local = body.pose.inverse().apply(points)
    found = []
    for solid in body.solids:
        own = solid.pose.inverse().apply(local)
        found += [body.pose.rotate(solid.pose.rotate(normal)) for normal in _normals_at(solid.shape, own)]
    return found


def _normals_at(shape: Shape, points: FloatArray) -> list[FloatArray]:
    if isinstance(shape, Box | Hull):
        normals, offsets = face_planes(shape)
        heights = points @ normals.T - offsets
        if heights.max() > ON_SURFACE:
            return []
        return [normals[k] for k in np.flatnonzero((np.abs(heights) <= ON_SURFACE).all(axis=0))]
    if isinstance(shape, Cylinder):
        return _cylinder_normals(shape, points)
    assert isinstance(shape, Sphere)
    off = np.abs(np.linalg.norm(points, axis=1) - shape.radius)
    return [unit(points.mean(axis=0))] if off.max() <= ON_SURFACE else []


def _cylinder_normals(shape: Cylinder, points: FloatArray) -> list[FloatArray]:
    radial, high = np.hypot(points[:, 0], points[:, 1]) - shape.radius, shape.length / 2.0
    found = []
    if radial.max() <= ON_SURFACE:
        for sign in (1.0, -1.0):
            if np.abs(points[:, 2] - sign * high).max() <= ON_SURFACE:
                found.append(np.array([0.0, 0.0, sign]))
        if np.abs(radial).max() <= ON_SURFACE and np.abs(points[:, 2]).max() <= high + ON_SURFACE:
            found.append(unit(np.array([*points[:, :2].mean(axis=0), 0.0])))
    return found


def seam_along(
    file: File[Any],
    name: str,
    meeting: Meeting,
    bodies: tuple[str, str],
    joint: JointType,
    travel: Vector | None,
    path: Path,
) -> Seam | None:
    """The seam along a meeting, travelled along `travel` where it has ends; None with a finding where it is none."""
    if not meeting.closed:
        if travel is None:
            file.report("F111", "an edge with two ends needs 'travel'", path, "write the direction: 'travel: 1 0 0'")
            return None
        if (meeting.points[-1] - meeting.points[0]) @ np.asarray(travel) < 0.0:
            meeting = meeting.turned()
    seam = round_or_straight(name, meeting, bodies, joint)
    if seam is None:
        message = f"the faces at the edge of seam '{name}' turn, and it is no circle"
        file.report("F158", message, path, "choose a shorter stretch, or give the seam as a line, an arc or a spline")
    return seam


def round_or_straight(
    name: str, meeting: Meeting, bodies: tuple[str, str], joint: JointType, *, as_travelled: bool = False
) -> Seam | None:
    """The seam along a meeting whose faces do not turn, or that is an arc or a circle; None where it is neither.

    A circle is travelled right-handed about the face that it lies on, or `as_travelled` in the meeting.
    """
    faces = _constant(meeting.first), _constant(meeting.second)
    if faces[0] is not None and faces[1] is not None and not meeting.closed:
        curve = Polyline(_without_middles(meeting.points).round(9) + 0.0)
        return Seam(name, curve, (faces[0], faces[1]), bodies, joint)
    return _round_seam(name, meeting, bodies, joint, as_travelled=as_travelled)


def _constant(normals: FloatArray) -> Vector | None:
    """The one normal that all are, to within 3 deg."""
    mean = normals.mean(axis=0)
    if np.linalg.norm(mean) < 0.5 or (normals @ unit(mean)).min() < ALIKE:
        return None
    return _vector(unit(mean))


def _without_middles(points: FloatArray) -> FloatArray:
    """Points without those on the straight line between their neighbours."""
    directions = unit(np.diff(points, axis=0))
    turns = np.einsum("ij,ij->i", directions[:-1], directions[1:]) < 1.0 - 1e-9
    return points[np.r_[True, turns, True]]


def _round_seam(
    name: str, meeting: Meeting, bodies: tuple[str, str], joint: JointType, *, as_travelled: bool
) -> Seam | None:
    """The arc or circle through the points of a meeting, with faces along its axis and its radius."""
    fit = _circle(meeting.points)
    if fit is None:
        return None
    centre, axis, radius, angle = fit
    middles = (meeting.points[1:] + meeting.points[:-1]) / 2.0
    radials = unit(middles - centre)
    under = any((normals @ axis).max() <= -ALIKE for normals in (meeting.first, meeting.second))
    if meeting.closed and under and not as_travelled:
        axis = -axis
    faces = _round_face(meeting.first, axis, radials), _round_face(meeting.second, axis, radials)
    if faces[0] is None or faces[1] is None:
        return None
    out = meeting.points[0] - centre
    start = _vector(unit(out - (out @ axis) * axis).round(12) + 0.0)
    curve = Arc(_vector(centre.round(9) + 0.0), _vector(axis.round(12) + 0.0), start, round(radius, 9), angle)
    return Seam(name, curve, (faces[0], faces[1]), bodies, joint)


def _round_face(normals: FloatArray, axis: FloatArray, radials: FloatArray) -> Face | None:
    along, outward = normals @ axis, np.einsum("ij,ij->i", normals, radials)
    if np.abs(along).min() >= ALIKE:
        return "axis" if along[0] > 0.0 else "-axis"
    if np.abs(outward).min() >= ALIKE:
        return "radial" if outward[0] > 0.0 else "-radial"
    return None


def _circle(points: FloatArray) -> tuple[FloatArray, FloatArray, float, float] | None:
    """Centre, axis, radius and angle of the circle or arc through points (n, 3) in their order; None when they lie on
    none.
    """
    unique = points[:-1] if np.linalg.norm(points[0] - points[-1]) < 1e-9 else points
    if len(unique) < 5:
        return None
    mean = unique.mean(axis=0)
    u, v, axis = np.linalg.svd(unique - mean)[2]
    flat = np.stack([(unique - mean) @ u, (unique - mean) @ v], axis=1)
    system = np.column_stack([2.0 * flat, np.ones(len(flat))])
    x, y, rest = np.linalg.lstsq(system, (flat**2).sum(axis=1), rcond=None)[0]
    centre, radius = mean + x * u + y * v, float(np.sqrt(rest + x * x + y * y))
    off = np.abs(np.linalg.norm(unique - centre, axis=1) - radius).max()
    if off > ROUND * radius or np.abs((unique - mean) @ axis).max() > ROUND * radius:
        return None
    turns = np.cross(points[:-1] - centre, points[1:] - centre) @ axis
    if np.median(turns) < 0.0:
        axis, turns = -axis, -turns
    if turns.min() <= 0.0:
        return None
    dots = np.einsum("ij,ij->i", points[:-1] - centre, points[1:] - centre)
    whole = len(unique) < len(points)
    return centre, axis, radius, 2.0 * np.pi if whole else float(np.arctan2(turns, dots).sum())


def _vector(values: FloatArray) -> Vector:
    x, y, z = np.asarray(values).tolist()
    return (x, y, z)
