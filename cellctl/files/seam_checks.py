"""What can be wrong with a seam on its part: faces, distance to the bodies, reversed normals. Corrects nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellctl.files.reading import File
from cellctl.files.solid_geometry import across, distance_to_body
from cellctl.files.strict_model import Path
from cellctl.model.curve import Arc
from cellctl.model.part import Body, Face, Seam
from cellctl.model.pose import FloatArray

MAX_DISTANCE = 5e-3
_STEP = 2e-3
_HALF_STEP = 1e-3
_SAMPLES = 9


def check_seam(file: File[Any], seam: Seam, bodies: dict[str, Body], path: Path) -> None:
    """Add a finding for everything about `seam` that cannot be meant."""
    stations = np.linspace(0.02, 0.98, _SAMPLES) * seam.curve.length
    first, second = (face_normals(seam, face, stations) for face in seam.faces)
    if not _check_angle(file, first, second, path):
        return
    points = seam.curve.points(stations)
    near = all([_check_distance(file, bodies[name], points, path) for name in seam.bodies])
    if near:
        _check_normals(file, seam, bodies, points, (first, second), path)


def face_normals(seam: Seam, face: Face, stations: FloatArray) -> FloatArray:
    """Outward normals (n, 3) of a face at arc lengths (n,), in the part's frame."""
    if not isinstance(face, str):
        return np.tile(np.asarray(face), (len(stations), 1))
    if not isinstance(seam.curve, Arc):
        raise ValueError("'axis' and 'radial' faces need an arc")
    sign = -1.0 if face.startswith("-") else 1.0
    if face.endswith("axis"):
        return np.tile(sign * np.asarray(seam.curve.axis), (len(stations), 1))
    return sign * seam.curve.radials(stations)


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


def _check_distance(file: File[Any], body: Body, points: FloatArray, path: Path) -> bool:
    if not body.solids:
        return False
    away = float(np.abs(np.maximum(distance_to_body(body, points), 0.0)).max())
    if away > MAX_DISTANCE:
        message = f"seam '{path[-1]}' is {away * 1e3:.4g} mm away from body '{body.name}'"
        file.report("F153", message, path, f"a seam lies within {MAX_DISTANCE * 1e3:g} mm of both bodies that it joins")
        return False
    return True


def _check_normals(
    file: File[Any],
    seam: Seam,
    bodies: dict[str, Body],
    points: FloatArray,
    faces: tuple[FloatArray, FloatArray],
    path: Path,
) -> None:
    """The free side must be free, and each normal must point out of its own body."""
    for i, name in enumerate(seam.bodies):
        face, other = faces[i], faces[1 - i]
        on_face = points + _STEP * np.array([across(f, o) for f, o in zip(face, other, strict=True)])
        outside = distance_to_body(bodies[name], on_face + _HALF_STEP * face)
        inside = distance_to_body(bodies[name], on_face - _HALF_STEP * face)
        if np.median(outside - inside) < -1e-6:
            message = f"the normal of face {i + 1} of seam '{seam.name}' points into body '{name}'"
            file.report("F157", message, _faces(file, path), "turn its sign round")
            return
    bisector = faces[0] + faces[1]
    free = points + _STEP * bisector / np.linalg.norm(bisector, axis=1, keepdims=True)
    for name in seam.bodies:
        if np.median(distance_to_body(bodies[name], free)) < 0.0:
            message = f"the free side of seam '{seam.name}' lies inside body '{name}': its normals are reversed"
            file.report("F157", message, _faces(file, path), "turn the signs round")
            return
