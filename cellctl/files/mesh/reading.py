"""Mesh files to vertices and convex hulls, and the references that name them. Asks no collision engine."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellctl.errors import EnvironmentMissing, FileError, Finding, Place
from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Hull

MAX_BYTES = 64 * 2**20
_REFERENCE = re.compile(r"pkg:([A-Za-z_][A-Za-z0-9_]*)/([^\\]+)")
_BINARY_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_ASCII_VERTEX = re.compile(rb"\bvertex\s+(\S+)\s+(\S+)\s+(\S+)")


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A triangle mesh: `vertices` (n, 3) without duplicates, `faces` (m, 3) indices, counter-clockwise from outside.

    `unit` is metres per number where the file itself says it.
    """

    vertices: FloatArray
    faces: NDArray[np.intp]
    unit: float | None = None


def resolve_package_reference(reference: str) -> Path:
    """The file that `pkg:PACKAGE/path` names inside an installed package, which is found but never imported.

    Raises FileError F143 when the reference is malformed or leaves the package, F140 when there is no such file, and
    EnvironmentMissing E504 when the package is not installed.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise _wrong(
            reference, "F143", f"'{reference}' is not a package reference", "write pkg:PACKAGE/path/of/file.stl"
        )
    package, inner = match.groups()
    root = _package_root(package, reference)
    path = (root / inner).resolve()
    if not path.is_relative_to(root):
        raise _wrong(reference, "F143", f"'{reference}' leaves the package '{package}'", "write a path without '..'")
    if not path.is_file():
        raise _wrong(
            reference, "F140", f"package '{package}' has no file '{inner}'", "check the path and the package's version"
        )
    return path


def read_mesh_bytes(path: Path, reference: str = "") -> bytes:
    """The bytes of a mesh file of at most 64 MiB; `reference` is the name that findings use in place of the path.

    Raises FileError F140 when it is not a readable regular file, F141 when it is too large.
    """
    name = reference or str(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _wrong(name, "F140", "not a regular file")
        if status.st_size > MAX_BYTES:
            size = status.st_size / 2**20
            raise _wrong(
                name, "F141", f"mesh of {size:.0f} MiB is larger than {MAX_BYTES // 2**20} MiB", "reduce the mesh"
            )
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise _wrong(name, "F140", f"cannot read the mesh: {error.strerror or error}") from error


def read_stl(path: Path, *, reference: str = "", scale: float = 1.0) -> Mesh:
    """A binary or ASCII STL file as a mesh, lengths times `scale`; raises FileError F140, F141, F142."""
    return parse_stl(read_mesh_bytes(path, reference), reference or str(path), scale=scale)


def parse_stl(content: bytes, name: str, *, scale: float = 1.0) -> Mesh:
    """The mesh in the bytes of a binary or ASCII STL file; raises FileError F142 when they hold none."""
    corners = _binary_corners(content)
    if corners is None:
        corners = _ascii_corners(content, name)
    if not np.all(np.isfinite(corners)):
        raise _wrong(name, "F142", "the STL file holds a coordinate that is not finite")
    mesh = merged_mesh(corners)
    return mesh if scale == 1.0 else Mesh(mesh.vertices * scale, mesh.faces)


def merged_mesh(corners: FloatArray, *, unit: float | None = None) -> Mesh:
    """The mesh of triangles (m, 3, 3) whose equal corners are one vertex; triangles without an area are left out."""
    vertices, index = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    faces = index.reshape(-1, 3).astype(np.intp)
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    return Mesh(vertices, faces, unit)


def convex_hull(vertices: ArrayLike, name: str = "mesh") -> Hull:
    """The corners of the convex hull of `vertices` (n, 3), in the order given, without duplicates (Qhull).

    Every input point lies in the hull to within rounding. Raises FileError F144 when the points are flat or too few.
    """
    from scipy.spatial import ConvexHull, QhullError

    points = np.asarray(vertices, dtype=np.float64)
    try:
        corners = np.sort(ConvexHull(points).vertices)
    except (QhullError, ValueError) as error:
        raise _wrong(name, "F144", "the points do not span a solid: no convex hull") from error
    return Hull(points[corners])


def read_hull(path: str | Path) -> Hull:
    """The convex hull of a mesh file; raises FileError F140, F141, F142, F144, F145."""
    return convex_hull(read_mesh(Path(path)).vertices, str(path))


def read_mesh(path: Path, name: str = "") -> Mesh:
    """The mesh in a file of any kind that is read, in the file's own unit; raises FileError F140, F141, F142, F145."""
    from cellctl.files.mesh.parsing import parse_mesh

    return parse_mesh(read_mesh_bytes(path, name), name or str(path))


def convexity_gap(mesh: Mesh) -> float:
    """How far, at most, a vertex stands in front of the plane of a face (m): 0 for a convex mesh, up to rounding.

    A mesh with a gap of 0 equals its hull, so the hull that is checked is the thing itself. Faces thinner than 1e-9 of
    the mesh's size have no plane and are left out; the winding is put right by the mesh's signed volume.
    """
    hull = convex_hull(mesh.vertices).vertices
    corners = mesh.vertices[mesh.faces]
    centre = hull.mean(axis=0)
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    volume = np.einsum("ij,ij->", corners[:, 0] - centre, area)
    length = np.linalg.norm(area, axis=1)
    solid = length > 1e-9 * float(np.ptp(hull, axis=0).max()) ** 2
    normals = np.sign(volume) * area[solid] / length[solid, None]
    offsets = np.einsum("ij,ij->i", normals, corners[solid, 0])
    gap = 0.0
    for start in range(0, len(normals), 4096):
        part = slice(start, start + 4096)
        gap = max(gap, float((normals[part] @ hull.T - offsets[part, None]).max()))
    return gap


def _package_root(package: str, reference: str) -> Path:
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        raise EnvironmentMissing(
            Finding(
                "E504",
                f"the package '{package}' that '{reference}' names is not installed",
                None,
                "install what provides it",
            )
        )
    return Path(places[0]).resolve()


def _binary_corners(content: bytes) -> FloatArray | None:
    """Corners (m, 3, 3) when the byte count is the one the facet count of a binary file demands."""
    if len(content) < 84:
        return None
    count = int.from_bytes(content[80:84], "little")
    if count == 0 or len(content) != 84 + count * _BINARY_FACET.itemsize:
        return None
    facets = np.frombuffer(content, dtype=_BINARY_FACET, offset=84, count=count)
    return facets["corners"].astype(np.float64)


def _ascii_corners(content: bytes, name: str) -> FloatArray:
    wrong = _wrong(name, "F142", "not an STL file", "export the mesh as binary or ASCII STL")
    if not content.lstrip()[:5].lower() == b"solid":
        raise wrong
    words = _ASCII_VERTEX.findall(content)
    if not words or len(words) % 3:
        raise wrong
    try:
        return np.array(words, dtype=np.bytes_).astype(np.float64).reshape(-1, 3, 3)
    except ValueError:
        raise wrong from None


def _wrong(name: str, code: str, message: str, suggestion: str = "") -> FileError:
    return FileError(Finding(code, message, Place(name), suggestion))
