"""The solids of a URDF's links: primitives as they are, meshes as their convex hulls. Writes nothing."""

from __future__ import annotations

import hashlib
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellctl.errors import CellctlError, Finding
from cellctl.files.body_values import LARGEST, SMALLEST, extent_of
from cellctl.files.mesh.checks import faults, mesh_figures
from cellctl.files.mesh.parsing import parse_mesh
from cellctl.files.mesh.reading import Mesh, convex_hull, read_mesh_bytes
from cellctl.files.quantities import FieldError
from cellctl.files.urdf.packages import PackageRules
from cellctl.files.urdf.reading import UrdfLink, UrdfShape
from cellctl.model.pose import Pose
from cellctl.model.shapes import Colour, Hull, Shape

MOST_CORNERS = 5000
"""A hull of more corners makes every distance slow, and a link needs no such detail."""
_Y_UP = re.compile(rb"<up_axis>\s*Y_UP\s*</up_axis>")


@dataclass(frozen=True, slots=True)
class MeshSource:
    """A mesh that a solid was made of: as the URDF names it, its file, and the SHA-256 of its bytes."""

    reference: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class DraftSolid:
    """A convex solid at `pose` in its link of the chain."""

    shape: Shape
    pose: Pose
    source: MeshSource | None = None


@dataclass(frozen=True, slots=True)
class DraftPicture:
    """A mesh of an installed package that a picture can show, by its `pkg:` reference and unit."""

    reference: str
    unit: str
    pose: Pose
    colour: Colour | None


class BodyReader:
    """Shapes of a URDF to solids and pictures; every mesh is opened once."""

    def __init__(self, rules: PackageRules, findings: list[Finding]) -> None:
        self._rules = rules
        self._findings = findings
        self._meshes: dict[Path, tuple[Mesh, str] | None] = {}
        self._told: set[str] = set()

    def solids(self, link: UrdfLink, pose: Pose, *, moves: bool) -> Iterator[DraftSolid]:
        """The solids of a link that stands at `pose`; where it has none to collide with, those of its picture."""
        shapes = link.collisions
        if not shapes and link.visuals:
            shapes = link.visuals
            message = f"link '{link.name}' has no collision shape; the hulls of its picture are taken"
            self._warn("F197", message, link)
        elif not shapes and moves:
            self._warn("F197", f"link '{link.name}' moves and has no shape: it is never checked", link)
        for shape in shapes:
            solid = self._solid(link, shape)
            if solid is not None:
                yield DraftSolid(solid.shape, pose @ solid.pose, solid.source)

    def pictures(self, link: UrdfLink, pose: Pose) -> Iterator[DraftPicture]:
        """The visual meshes of a link that lie in an installed package and that a picture can show."""
        for shape in link.visuals:
            scale = {(1.0, 1.0, 1.0): "m", (0.001, 0.001, 0.001): "mm"}.get(shape.scale)
            if not shape.mesh or scale is None or not shape.mesh.lower().endswith((".stl", ".dae")):
                continue
            try:
                path = self._rules.path_of(shape.mesh).resolve()
            except FieldError:
                continue
            reference = package_reference(path)
            if reference and path.is_file():
                yield DraftPicture(reference, scale, pose @ shape.pose, shape.colour)

    def _warn(self, code: str, message: str, at: UrdfLink | UrdfShape, suggestion: str = "") -> None:
        self._findings.append(Finding(code, message, at.place, suggestion, "warning"))

    def _error(self, code: str, message: str, at: UrdfLink | UrdfShape, suggestion: str = "") -> None:
        self._findings.append(Finding(code, message, at.place, suggestion))

    def _solid(self, link: UrdfLink, shape: UrdfShape) -> DraftSolid | None:
        found: Shape | None = shape.shape
        source = None
        if shape.mesh:
            found, source = self._hull(link, shape)
        if found is None:
            return None
        extent = extent_of(found)
        if not SMALLEST <= extent <= LARGEST:
            hint = "check its size and its scale: mm or m?"
            self._error("F196", f"a shape of link '{link.name}' is {extent:.4g} m long", shape, hint)
            return None
        return DraftSolid(found, shape.pose, source)

    def _hull(self, link: UrdfLink, shape: UrdfShape) -> tuple[Hull | None, MeshSource | None]:
        try:
            path = self._rules.path_of(shape.mesh).resolve()
        except FieldError as error:
            if error.message not in self._told:
                self._told.add(error.message)
                self._error(error.code, error.message, shape, error.suggestion)
            return None, None
        opened = self._opened(path, shape)
        if opened is None:
            return None, None
        mesh, digest = opened
        metres = mesh.unit if mesh.unit is not None else 1.0
        scaled = Mesh(mesh.vertices * np.array(shape.scale) * metres, mesh.faces)
        self._check(link, shape, scaled)
        try:
            hull = convex_hull(scaled.vertices, shape.mesh)
        except CellctlError as error:
            self._error("F144", f"'{shape.mesh}': {error.findings[0].message}", shape, "give the link a box instead")
            return None, None
        if len(hull.vertices) > MOST_CORNERS:
            message = f"the hull of '{shape.mesh}' has {len(hull.vertices)} corners, more than {MOST_CORNERS}"
            self._error("F196", message, shape, "reduce the mesh, or give the link a box or a cylinder instead")
            return None, None
        return hull, MeshSource(shape.mesh, path, digest)

    def _opened(self, path: Path, shape: UrdfShape) -> tuple[Mesh, str] | None:
        if path not in self._meshes:
            self._meshes[path] = None
            try:
                content = read_mesh_bytes(path, shape.mesh)
                self._meshes[path] = (parse_mesh(content, shape.mesh), hashlib.sha256(content).hexdigest())
                if _Y_UP.search(content):
                    message = f"'{shape.mesh}' says that y is up, and is taken as it stands"
                    self._warn(
                        "F196", message, shape, "some programs turn such a mesh, others do not: look at a picture"
                    )
            except CellctlError as error:
                for finding in error.findings:
                    message = f"'{shape.mesh}': {finding.message}"
                    self._findings.append(Finding(finding.code, message, shape.place, finding.suggestion))
        return self._meshes[path]

    def _check(self, link: UrdfLink, shape: UrdfShape, scaled: Mesh) -> None:
        """Warn of what is odd about a mesh; its hull covers it all the same."""
        mirrored = np.prod(shape.scale) < 0.0
        if mirrored:
            message = f"a mesh of link '{link.name}' is mirrored by its scale"
            self._warn("F196", message, shape, "check that the left and the right one are not mixed up")
        figures = mesh_figures(Mesh(scaled.vertices, scaled.faces[:, ::-1] if mirrored else scaled.faces))
        for text in faults(figures):
            self._warn("F196", f"a mesh of link '{link.name}' {text}", shape, "its convex hull is what is checked")


def package_reference(path: Path) -> str:
    """`pkg:PACKAGE/path` of a file in an installed package; empty for any other file."""
    for kind in ("purelib", "platlib"):
        folder = Path(sysconfig.get_path(kind)).resolve()
        if path.is_relative_to(folder):
            inner = path.relative_to(folder)
            if len(inner.parts) > 1 and inner.parts[0].isidentifier():
                return f"pkg:{inner.as_posix()}"
    return ""
