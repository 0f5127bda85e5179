"""What can be wrong with a seam on its part: corners, faces, distance to the bodies, normals. Corrects nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellctl.files.reading import File
from cellctl.files.solid_geometry import across, distance_to_body
from cellctl.files.strict_model import Path
from cellctl.model.curve import Arc, Polyline
from cellctl.model.part import Body, Seam, TurningFace, face_normals
from cellctl.model.pose import FloatArray, unit

MAX_DISTANCE = 1e-3
"""How far a seam may lie off the surface of a body, outside or inside (m); on an arc 1 % of its radius more, for round
bodies are covered by flat pieces.
"""
SHARPEST, STEEPEST = 30.0, 5.0
"""A polyline may turn by as much at a point, and a face's normal be off its face or lean along the seam (deg)."""
_STEP = 2e-3
_HALF_STEP = 1e-3
_SAMPLES = 9


def check_seam(file: File[Any], seam: Seam, bodies: dict[str, Body], path: Path) -> None:
    """Add a finding for everything about `seam` that cannot be meant."""
    if not _check_corners(file, seam, path):
        return
    stations = np.linspace(0.02, 0.98, _SAMPLES) * seam.curve.length
    first, second = (face_normals(seam.curve, face, stations) for face in seam.faces)
    across = _check_across(file, seam, (first, second), stations, path)
    if not (_check_angle(file, first, second, path) and across):
        return
    points = seam.curve.points(stations)
    near = all([_check_distance(file, bodies[name], seam, points, path) for name in seam.bodies])
    if near and _check_normals(file, seam, bodies, points, (first, second), path):
        _check_slopes(file, seam, bodies, points, (first, second), path)


def _check_corners(file: File[Any], seam: Seam, path: Path) -> bool:
    """One pair of faces serves one direction: a polyline may not turn sharply."""
    if not isinstance(seam.curve, Polyline):
        return True
    directions = unit(np.diff(seam.curve.vertices, axis=0))
    turns = np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", directions[:-1], directions[1:]), -1.0, 1.0)))
    if not len(turns) or turns.max() <= SHARPEST:
        return True
    worst = int(np.argmax(turns))
    message = f"seam '{seam.name}' turns by {turns[worst]:.4g} deg at its point {worst + 2}"
    hint = "write one seam up to there and one from there, each with the faces that it has, or a spline"
    file.report("F148", message, (*path, "polyline", worst + 1), hint)
    return False


def _check_across(
    file: File[Any], seam: Seam, faces: tuple[FloatArray, FloatArray], stations: FloatArray, path: Path
) -> bool:
    """A face goes on along the seam, so its normal stands at a right angle to it."""
    tangents = seam.curve.tangents(stations)
    right = True
    for i, face in enumerate(faces):
        along = float(np.degrees(np.arcsin(min(1.0, np.abs(np.einsum("ij,ij->i", face, tangents)).max()))))
        if along > STEEPEST:
            message = f"the normal of face {i + 1} leans {along:.3g} deg along seam '{seam.name}'"
            file.report("F149", message, _faces(file, path), "a face's normal is at a right angle to the seam")
            right = False
    return right


def _check_angle(file: File[Any], first: FloatArray, second: FloatArray, path: Path) -> bool:
    """The faces must make 20 to 160 deg with one another."""
    cosine = np.clip(np.einsum("ij,ij->i", first, second), -1.0, 1.0)
    between = np.degrees(np.arccos(cosine))
    if np.any(between < 0.5) or np.any(between > 179.5):
        file.report("F151", "the two faces are parallel", _faces(file, path), "each normal points out of its own body")
        return False
    opening = 180.0 - between
    if np.any(opening < 20.0) or np.any(opening > 160.0):
        worst = float(opening[np.argmax(np.abs(opening - 90.0))])
        file.report("F152", f"the faces make {worst:.4g} deg, a seam needs 20 to 160 deg", _faces(file, path))
        return False
    return True


def _faces(file: File[Any], path: Path) -> Path:
    return (*path, "faces") if "faces" in file.names(*(str(step) for step in path)) else path


def _check_distance(file: File[Any], body: Body, seam: Seam, points: FloatArray, path: Path) -> bool:
    """The seam must lie on the surface of the body."""
    if not body.solids:
        return False
    allowed = MAX_DISTANCE + (0.01 * seam.curve.radius if isinstance(seam.curve, Arc) else 0.0)
    distances = distance_to_body(body, points)
    worst = float(distances[np.argmax(np.abs(distances))])
    if abs(worst) <= allowed:
        return True
    where = f"{worst * 1e3:.4g} mm away from" if worst > 0.0 else f"{-worst * 1e3:.4g} mm deep in"
    hint = f"a seam lies within {MAX_DISTANCE * 1e3:g} mm of the surface of both bodies that it joins"
    file.report("F153", f"seam '{path[-1]}' is {where} body '{body.name}'", path, hint)
    return False


def _check_normals(
    file: File[Any],
    seam: Seam,
    bodies: dict[str, Body],
    points: FloatArray,
    faces: tuple[FloatArray, FloatArray],
    path: Path,
) -> bool:
    """The free side must be free, and each normal must point out of its own body."""
    for i, name in enumerate(seam.bodies):
        face, other = faces[i], faces[1 - i]
        on_face = points + _STEP * np.array([across(f, o) for f, o in zip(face, other, strict=True)])
        outside = distance_to_body(bodies[name], on_face + _HALF_STEP * face)
        inside = distance_to_body(bodies[name], on_face - _HALF_STEP * face)
        if np.median(outside - inside) < -1e-6:
            message = f"the normal of face {i + 1} of seam '{seam.name}' points into body '{name}'"
            file.report("F157", message, _faces(file, path), "turn its sign round")
            return False
    bisector = faces[0] + faces[1]
    free = points + _STEP * bisector / np.linalg.norm(bisector, axis=1, keepdims=True)
    for name in seam.bodies:
        if np.median(distance_to_body(bodies[name], free)) < 0.0:
            message = f"the free side of seam '{seam.name}' lies inside body '{name}': its normals are reversed"
            file.report("F157", message, _faces(file, path), "turn the signs round")
            return False
    return True


def _check_slopes(
    file: File[Any],
    seam: Seam,
    bodies: dict[str, Body],
    points: FloatArray,
    faces: tuple[FloatArray, FloatArray],
    path: Path,
) -> None:
    """Going away from the seam in the plane of a face, the body's surface must neither come nor go.

    A face that turns was taken from the body itself, and what covers that has facets.
    """
    for i, name in enumerate(seam.bodies):
        if isinstance(seam.faces[i], TurningFace):
            continue
        away = np.array([across(f, o) for f, o in zip(faces[i], faces[1 - i], strict=True)])
        near, far = (distance_to_body(bodies[name], points + step * away) for step in (_HALF_STEP, _STEP))
        slope = float(np.median(far - near)) / (_STEP - _HALF_STEP)
        angle = float(np.degrees(np.arcsin(np.clip(slope, -1.0, 1.0))))
        if abs(angle) > STEEPEST:
            message = (
                f"the normal of face {i + 1} of seam '{seam.name}' is {abs(angle):.3g} deg off the face of '{name}'"
            )
            file.report("F149", message, _faces(file, path), "a face's normal is at a right angle to the face")
