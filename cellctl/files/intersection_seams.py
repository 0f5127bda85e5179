"""The seam where the surfaces of two bodies cross, such as a pipe on a pipe: which of the curves, and made smooth.

Bodies that are meshes cross as their triangles do, round ones as fine facets; what is smoothed lies off these by no
more than the seam's file allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cellctl.files.mesh.edge_seams import round_or_straight
from cellctl.files.mesh.intersection import crossings
from cellctl.files.mesh.meeting import Meeting
from cellctl.files.mesh.reading import Mesh
from cellctl.files.reading import File
from cellctl.files.strict_model import Path
from cellctl.model.curve import SplineCurve
from cellctl.model.part import Body, Seam, TurningFace
from cellctl.model.pose import FloatArray, unit
from cellctl.model.shapes import Box, Cylinder, Shape, Sphere

if TYPE_CHECKING:
    from cellctl.files.seam_fields import SeamField
    from cellctl.files.shape_fields import TubeField

FACETS: Final = 240
"""Round bodies are taken as so many facets: a radius of 1 m is missed by less than 0.1 mm."""
SAMPLE: Final = 0.5e-3
"""Distance (m) of the points that a curve is fitted to, and twice that of those it is kept as."""
FEWEST, MOST = 60, 4000
TURNED: Final = 0.01
"""How far (rad, about half a degree) the normals of a face may be off those of its facets, once they are smooth."""


def crossing_seam(file: File[Any], name: str, field: SeamField, bodies: tuple[Body, Body], path: Path) -> Seam | None:
    """The seam along the curve in which two bodies cross, or None, with a finding where one is no single surface.

    `near` picks the curve where there are several, and where a closed one begins; `travel` is its direction there.
    """
    surfaces = [_surface(file, body, path) for body in bodies]
    if surfaces[0] is None or surfaces[1] is None:
        return None
    found = crossings(surfaces[0], surfaces[1])
    near = None if field.near is None else np.asarray(field.near)
    if near is not None and found:
        found = [min(found, key=lambda meeting: meeting.distance_to(near))]
    if len(found) != 1:
        first, second = (body.name for body in bodies)
        said = f"cross in {len(found)} curves" if found else "do not cross"
        hint = "name a point near the one that is meant: 'near: 0 0 50 mm'" if found else "do they touch at all?"
        file.report("F158", f"'{first}' and '{second}' {said}", (*path, "intersection"), hint)
        return None
    meeting = _directed(_begun(found[0], near), np.asarray(field.travel))
    names = (bodies[0].name, bodies[1].name)
    plain = round_or_straight(name, meeting, names, field.joint, as_travelled=True)
    return plain or _smooth_seam(name, meeting, names, field)


def _begun(meeting: Meeting, near: FloatArray | None) -> Meeting:
    """A closed meeting that begins at the point nearest to `near`."""
    if near is None or not meeting.closed:
        return meeting
    first = int(np.argmin(np.linalg.norm(meeting.points[:-1] - near, axis=1)))
    order = np.roll(np.arange(len(meeting.first)), -first)
    points = np.vstack([meeting.points[order], meeting.points[order[:1]]])
    return Meeting(points, meeting.first[order], meeting.second[order])


def _directed(meeting: Meeting, travel: FloatArray) -> Meeting:
    """The meeting in the direction that is nearer to `travel`: where it begins if it is closed, else as a whole."""
    ahead = meeting.points[1] - meeting.points[-2] if meeting.closed else meeting.points[-1] - meeting.points[0]
    return meeting.turned() if ahead @ travel < 0.0 else meeting


def _smooth_seam(name: str, meeting: Meeting, bodies: tuple[str, str], field: SeamField) -> Seam:
    """The seam along a smooth curve within `smooth` of the meeting, with faces that turn along it."""
    stations = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(meeting.points, axis=0), axis=1))])
    length = float(stations[-1])
    u = np.linspace(0.0, length, int(np.clip(round(length / SAMPLE), FEWEST, MOST)) + 1)
    points = np.stack([np.interp(u, stations, meeting.points[:, k]) for k in range(3)], axis=1)
    at = np.linspace(0.0, length, max(FEWEST, len(u) // 2) + 1)
    vertices, slopes = _smoothed(u, points, field.smooth, at, closed=meeting.closed)
    directions = unit(slopes)
    faces = []
    for normals in (meeting.first, meeting.second):
        between = _interpolated(u, *_facets(stations, normals), length, closed=meeting.closed)
        smooth = _smoothed(u, between, TURNED, at, closed=meeting.closed)[0]
        across = smooth - np.einsum("ij,ij->i", smooth, directions)[:, None] * directions
        faces.append(TurningFace(unit(across)))
    return Seam(name, SplineCurve(vertices, directions, meeting.closed), (faces[0], faces[1]), bodies, field.joint)


def _facets(stations: FloatArray, normals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Middles (k,) of the stretches with one and the same normal, and these normals (k, 3)."""
    alike = np.einsum("ij,ij->i", normals[1:], normals[:-1]) > 1.0 - 1e-9
    begins = np.flatnonzero(np.r_[True, ~alike])
    ends = np.r_[begins[1:], len(normals)]
    return 0.5 * (stations[begins] + stations[ends]), normals[begins]


def _interpolated(u: FloatArray, middles: FloatArray, values: FloatArray, length: float, *, closed: bool) -> FloatArray:
    """Values (n, 3) at arc lengths `u` (n,) between those at the middles of the pieces; constant beyond open ends."""
    period = length if closed else None
    return np.stack([np.interp(u, middles, values[:, k], period=period) for k in range(3)], axis=1)


def _smoothed(
    u: FloatArray, values: FloatArray, tolerance: float, at: FloatArray, *, closed: bool
) -> tuple[FloatArray, FloatArray]:
    """The smoothest of the cubic splines tried that stays within `tolerance` of `values` (n, 3) at `u` (n,), and its
    slope, both at `at` (m,).
    """
    from scipy.interpolate import splev, splprep

    if closed:
        values = np.vstack([values[:-1], values[:1]])
    allowed = len(u) * tolerance**2
    while True:
        spline, _ = splprep(values.T, u=u, s=allowed, per=closed)
        fitted = np.stack(splev(u, spline), axis=1)
        if np.linalg.norm(fitted - values, axis=1).max() <= tolerance or allowed < 1e-18:
            break
        allowed *= 0.3
    points, slopes = (np.stack(splev(at, spline, der=order), axis=1) for order in (0, 1))
    if closed:
        points[-1], slopes[-1] = points[0], slopes[0]
    return points, slopes


def _surface(file: File[Any], body: Body, path: Path) -> Mesh | None:
    """The surface of a body in the part's frame, m; None with a finding where it is not one."""
    field = file.model.bodies[body.name]
    if field.parts_of is not None:
        reference = file.joined(field.parts_of.file, path)
        scale = field.parts_of.scale
        mesh = None if reference is None else file.reading.surface(reference, file.place(*path), scale)
        return None if mesh is None else Mesh(body.pose.apply(mesh.vertices * scale), mesh.faces)
    if field.tube is not None:
        return _placed(body, _tube(field.tube))
    if len(body.solids) != 1:
        hint = "make the piece that is meant a body of its own"
        file.report("F158", f"body '{body.name}' is several solids, not one surface", (*path, "intersection"), hint)
        return None
    (solid,) = body.solids
    return _placed(body, _convex(solid.pose.apply(_points_of(solid.shape))))


def _placed(body: Body, mesh: Mesh) -> Mesh:
    return Mesh(body.pose.apply(mesh.vertices), mesh.faces)


def _points_of(shape: Shape) -> FloatArray:
    """Points of a convex shape whose hull it is, round ones as facets."""
    if isinstance(shape, Box):
        signs = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
        corners: FloatArray = signs * np.asarray(shape.size)
        return corners
    if isinstance(shape, Cylinder):
        rings = [_ring(shape.radius, z) for z in (-0.5 * shape.length, 0.5 * shape.length)]
        return np.vstack(rings)
    if isinstance(shape, Sphere):
        heights = np.linspace(-np.pi / 2.0, np.pi / 2.0, FACETS // 4 + 1)
        return np.vstack([_ring(shape.radius * np.cos(h), shape.radius * np.sin(h))[::2] for h in heights])
    return np.array(shape.vertices)


def _ring(radius: float, z: float) -> FloatArray:
    """Points on a circle about z."""
    angles = 2.0 * np.pi * np.arange(FACETS) / FACETS
    return np.column_stack([radius * np.cos(angles), radius * np.sin(angles), np.full(FACETS, z)])


def _convex(points: FloatArray) -> Mesh:
    """The convex hull of points (n, 3) as triangles that are wound counter-clockwise from outside."""
    from scipy.spatial import ConvexHull

    hull = ConvexHull(points)
    faces = hull.simplices.astype(np.intp)
    corners = points[faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inward = np.einsum("ij,ij->i", area, hull.equations[:, :3]) < 0.0
    faces[inward] = faces[inward][:, ::-1]
    return Mesh(points, faces)


def _tube(tube: TubeField) -> Mesh:
    """The surface of a tube: outside, inside and both ends."""
    half = 0.5 * tube.length
    inner = tube.radius - tube.wall
    rings = [(tube.radius, -half), (tube.radius, half), (inner, half), (inner, -half)]
    vertices = np.vstack([_ring(radius, z) for radius, z in rings])
    here = np.arange(FACETS)
    ahead = (here + 1) % FACETS
    faces = []
    for k in range(4):
        low, high = k * FACETS, ((k + 1) % 4) * FACETS
        faces.append(np.column_stack([low + here, low + ahead, high + ahead]))
        faces.append(np.column_stack([low + here, high + ahead, high + here]))
    return Mesh(vertices, np.vstack(faces).astype(np.intp))
