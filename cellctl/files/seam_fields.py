"""How seams are written in part files, and the `Seam` that they become. What is wrong with one is checked elsewhere."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from cellctl.files.fields import AngleWindow, Direction, Name, Position, PositiveLength, Quantity, plain_numbers
from cellctl.files.intersection_seams import crossing_seam
from cellctl.files.mesh.edge_seams import edge_seam
from cellctl.files.quantities import FieldError
from cellctl.files.reading import File
from cellctl.files.solid_geometry import Edge, concave_edges
from cellctl.files.strict_model import FileModel, Path
from cellctl.model.curve import Arc, Polyline, SplineCurve, catmull_rom
from cellctl.model.part import Body, Face, Seam
from cellctl.model.pose import FloatArray, unit
from cellctl.model.wps import Range

Points = Annotated[list[Position], Field(min_length=2)]
_NAMED_FACES: tuple[Literal["axis", "radial", "-axis", "-radial"], ...] = ("axis", "radial", "-axis", "-radial")
CURVE_KEYS = ("line", "polyline", "spline", "arc", "circle", "intersection", "edges")


class CircleField(FileModel):
    """A full circle, travelled right-handed about `axis` from `start`."""

    centre: Position
    """Its centre."""
    axis: Direction
    """What it goes round, right-handed."""
    radius: PositiveLength
    """Its radius."""
    start: Direction
    """Where it begins, as the direction from the centre, at a right angle to the axis."""


class ArcField(FileModel):
    """A circular arc through three points, or about `axis` from `start` through `angle`."""

    through: Annotated[list[Position], Field(min_length=3, max_length=3)] | None = None
    """Its first point, one between, and its last."""
    centre: Position | None = None
    """Its centre."""
    axis: Direction | None = None
    """What it goes round, right-handed."""
    radius: PositiveLength | None = None
    """Its radius."""
    start: Direction | None = None
    """Where it begins, as the direction from the centre."""
    angle: Annotated[float, Quantity("angle", above=0.0)] | None = None
    """How far round it goes."""

    @model_validator(mode="after")
    def _one_form(self) -> ArcField:
        rest = (self.centre, self.axis, self.radius, self.start, self.angle)
        written = [value for value in rest if value is not None]
        if (self.through is None) != (len(written) == len(rest)) or (self.through is not None and written):
            raise FieldError("F115", "an arc needs either 'through' or all of centre, axis, radius, start and angle")
        return self


class EdgesField(FileModel):
    """Edges of a body's mesh: inside edges of one body, or where the edges of one body lie on the other."""

    of: Name | None = None
    """The body that is one mesh, for an inside edge of it."""
    between: Annotated[list[Name], Field(min_length=2, max_length=2)] | None = None
    """Two bodies, for where the edges of one of them lie on the other; at least one is a mesh."""
    dihedral: AngleWindow = Range(np.radians(20.0), np.radians(90.0), np.radians(160.0))
    """How far the two faces open on the side to weld from: 90 deg is a fillet."""

    @model_validator(mode="after")
    def _one_form(self) -> EdgesField:
        if (self.of is None) == (self.between is None):
            raise FieldError("F115", "exactly one of of, between must be given")
        return self

    @property
    def bodies(self) -> list[str]:
        """The two bodies that are welded, which may be one."""
        return self.between or [self.of or "", self.of or ""]


class SeamField(FileModel):
    """One seam: exactly one curve, the two bodies that are welded, and the outward normals of their faces there."""

    line: Annotated[list[Position], Field(min_length=2, max_length=2)] | None = None
    """Its two ends."""
    polyline: Points | None = None
    """Its points, without sharp corners."""
    spline: Annotated[list[Position], Field(min_length=3)] | None = None
    """Points that a smooth curve goes through."""
    arc: ArcField | None = None
    """A circular arc."""
    circle: CircleField | None = None
    """A full circle."""
    intersection: Annotated[list[Name], Field(min_length=2, max_length=2)] | None = None
    """Two bodies that make an inside edge, or whose surfaces cross."""
    edges: EdgesField | None = None
    """An edge of a body that is a mesh."""
    travel: Direction | None = None
    """The direction to weld in, for an intersection or an edge with two ends; of what goes round, where it begins."""
    near: Position | None = None
    """A point near the edge that is meant, where there are several; an intersection that goes round begins there."""
    smooth: PositiveLength = 0.2e-3
    """How far an intersection that is no line and no circle may lie off the facets of the two bodies."""
    bodies: Annotated[list[Name], Field(min_length=2, max_length=2)] | None = None
    """The two bodies that are welded."""
    faces: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None
    """The outward normals of their faces at the seam in the part's frame, or axis and radial on a circle."""
    joint: Literal["butt", "t", "lap", "corner", "edge"] = "t"
    """The type of joint, which procedures are checked against."""

    @model_validator(mode="after")
    def _one_curve(self) -> SeamField:
        written = [key for key in CURVE_KEYS if getattr(self, key) is not None]
        if len(written) != 1:
            got = f"got {' and '.join(written)}" if written else "got none"
            raise FieldError("F115", f"exactly one of {', '.join(CURVE_KEYS)} must be given, {got}")
        derived = self.intersection is not None or self.edges is not None
        if derived and (self.bodies is not None or self.faces is not None):
            raise FieldError("F115", f"'{written[0]}' names its bodies and finds their faces itself")
        if self.intersection is not None and self.travel is None:
            raise FieldError("F115", "an intersection takes 'travel', the direction to weld in")
        if not derived and (self.bodies is None or self.faces is None):
            raise FieldError("F111", "a seam needs 'bodies' and 'faces'")
        return self


def seam_of(file: File[Any], name: str, field: SeamField, bodies: dict[str, Body], path: Path) -> Seam | None:
    """The seam that a field describes; None with a finding when it has no usable curve or faces."""
    names = field.edges.bodies if field.edges is not None else field.intersection or field.bodies or []
    unknown = [i for i, body in enumerate(names) if body not in bodies]
    keys: Path = ("intersection",) if field.intersection is not None else ("bodies",)
    if field.edges is not None:
        keys = ("edges", "of") if field.edges.of is not None else ("edges", "between")
    written = file.names("bodies")
    for i in unknown:
        if names[i] not in written:
            file.unknown("body", names[i], written, (*path, *keys, i))
    if unknown or len(names) != 2:
        return None
    if names[0] == names[1] and keys != ("edges", "of"):
        hint = "name the two bodies that are welded"
        file.report("F117", f"seam '{name}' joins '{names[0]}' with itself", (*path, *keys), hint)
        return None
    if field.edges is not None:
        return edge_seam(file, name, field, field.edges, bodies, path)
    if field.intersection is not None:
        return _intersection(file, name, field, (bodies[names[0]], bodies[names[1]]), path)
    curve = _curve(file, field, path)
    faces: list[Face | None] = [_face(file, text, (*path, "faces", i)) for i, text in enumerate(field.faces or [])]
    first, second = faces
    if curve is None or first is None or second is None:
        return None
    if not isinstance(curve, Arc) and (isinstance(first, str) or isinstance(second, str)):
        file.report(
            "F113", "'axis' and 'radial' faces need a circle or an arc", (*path, "faces"), "write normals, '0 0 1'"
        )
        return None
    return Seam(name, curve, (first, second), (names[0], names[1]), field.joint)


def _face(file: File[Any], text: str, path: Path) -> Face | None:
    named: Face | None = next((name for name in _NAMED_FACES if name == text), None)
    if named is not None:
        return named
    try:
        return _vector(unit(plain_numbers(text, 3)))
    except ValueError:
        hint = "write '0 0 1', or 'axis' and 'radial' on a circle"
        file.report("F122", f"'{text}' is not the normal of a face", path, hint)
        return None


def _curve(file: File[Any], field: SeamField, path: Path) -> Polyline | Arc | SplineCurve | None:
    if field.circle is not None:
        circle = field.circle
        return _arc_about(file, circle.centre, circle.axis, circle.start, circle.radius, 2.0 * np.pi, (*path, "circle"))
    if field.arc is not None:
        return _arc(file, field.arc, (*path, "arc"))
    key = next(key for key in ("line", "polyline", "spline") if getattr(field, key) is not None)
    points = np.array(getattr(field, key))
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    for i in np.flatnonzero(steps < 1e-6):
        file.report(
            "F154", "this point is the same as the one before it", (*path, key, int(i) + 1), "remove one of the two"
        )
    if np.any(steps < 1e-6):
        return None
    return catmull_rom(points) if key == "spline" else Polyline(points)


def _arc(file: File[Any], field: ArcField, path: Path) -> Arc | None:
    if field.through is not None:
        return _arc_through(file, np.array(field.through), (*path, "through"))
    if field.centre is None or field.axis is None or field.start is None or field.radius is None or field.angle is None:
        return None
    return _arc_about(file, field.centre, field.axis, field.start, field.radius, field.angle, path)


def _arc_about(
    file: File[Any],
    centre: tuple[float, float, float],
    axis: tuple[float, float, float],
    start: tuple[float, float, float],
    radius: float,
    angle: float,
    path: Path,
) -> Arc | None:
    if abs(np.dot(axis, start)) > 1e-6:
        file.report("F155", "'start' is not at a right angle to 'axis'", (*path, "start"))
        return None
    if angle > 2.0 * np.pi + 1e-9:
        file.report("F123", "an arc goes at most once round", (*path, "angle"), "write '360 deg' or a circle")
        return None
    return Arc(centre, axis, start, radius, angle)


def _arc_through(file: File[Any], points: FloatArray, path: Path) -> Arc | None:
    """The arc from the first point by the second to the third."""
    u, v = points[1] - points[0], points[2] - points[0]
    normal = np.cross(u, v)
    size = float(np.linalg.norm(u) * np.linalg.norm(v))
    if size < 1e-12 or np.linalg.norm(normal) < 1e-4 * size:
        file.report(
            "F155", "the three points of this arc lie on one line", path, "write a line, or move the middle point"
        )
        return None
    square = float(normal @ normal)
    centre = points[0] + (np.cross(normal, u) * (v @ v) + np.cross(v, normal) * (u @ u)) / (2.0 * square)
    axis, start = unit(normal), unit(points[0] - centre)
    last = unit(points[2] - centre)
    angle = float(np.arctan2(np.cross(start, last) @ axis, start @ last)) % (2.0 * np.pi)
    x, y, z = centre.tolist()
    return Arc((x, y, z), _vector(axis), _vector(start), float(np.linalg.norm(points[0] - centre)), angle)


def _vector(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return (x, y, z)


def _intersection(file: File[Any], name: str, field: SeamField, bodies: tuple[Body, Body], path: Path) -> Seam | None:
    """The inside edge of two bodies, travelled along `travel`; `near` picks one where there are several."""
    edges = concave_edges(*bodies)
    travel = np.asarray(field.travel)
    edges = [edge for edge in edges if abs(unit(edge.end - edge.start) @ travel) > 0.99]
    kinds = {file.model.bodies[body.name].shape_key for body in bodies}
    if kinds - {"", "box", "hull", "hull_of"} or ("hull_of" in kinds and not edges):
        return crossing_seam(file, name, field, bodies, path)
    edge = _chosen(edges, field)
    if edge is None:
        first, second = (body.name for body in bodies)
        count = "no inside edge" if not edges else f"{len(edges)} inside edges"
        message = f"'{first}' and '{second}' have {count} along 'travel'"
        hint = "name a point near the one that is meant: 'near: 0 0 50 mm'" if edges else "give the seam as a line"
        file.report("F158", message, (*path, "intersection"), hint)
        return None
    ends = (edge.start, edge.end) if (edge.end - edge.start) @ travel > 0.0 else (edge.end, edge.start)
    curve = Polyline(np.array(ends, dtype=np.float64).round(9) + 0.0)
    faces = (_vector(np.round(edge.first, 12) + 0.0), _vector(np.round(edge.second, 12) + 0.0))
    return Seam(name, curve, faces, (bodies[0].name, bodies[1].name), field.joint)


def _chosen(edges: list[Edge], field: SeamField) -> Edge | None:
    if field.near is not None and edges:
        near = np.asarray(field.near)
        return min(edges, key=lambda edge: float(np.linalg.norm(edge.middle - near)))
    return edges[0] if len(edges) == 1 else None
