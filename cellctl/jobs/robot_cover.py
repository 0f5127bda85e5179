"""How well the solids of a robot cover what it looks like, and how sound its meshes are. Moves no joint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cellctl.errors import CellctlError, Finding
from cellctl.files.mesh.checks import MeshFigures, faults, mesh_figures
from cellctl.files.mesh.parsing import parse_mesh
from cellctl.files.mesh.reading import Mesh, read_mesh_bytes, resolve_package_reference
from cellctl.files.solid_geometry import distance_to_shape
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Link, Robot
from cellctl.model.shapes import Visual

UNCOVERED = 1e-3
"""A picture may stand out of the solids of its link by as much (m) before that is told."""


@dataclass(frozen=True, slots=True)
class LinkCover:
    """One link that has pictures of mesh: how far they stand out of its solids at most (m), at which point (3,) of
    the link, and the figures of their meshes.
    """

    link: str
    stands_out: float
    at: tuple[float, float, float]
    meshes: tuple[tuple[str, MeshFigures], ...]


def link_covers(robot: Robot) -> tuple[LinkCover, ...]:
    """The cover of every link that shows a mesh of an installed package; what cannot be read is left out."""
    return tuple(cover for link in robot.links if (cover := _cover(link)) is not None)


def _cover(link: Link) -> LinkCover | None:
    meshes = [(visual, mesh) for visual in link.visuals if (mesh := _mesh(visual)) is not None]
    if not meshes or not link.solids:
        return None
    points = np.concatenate([visual.pose.apply(mesh.vertices) for visual, mesh in meshes])
    away = outside_solids(link, points)
    worst = int(np.argmax(away))
    x, y, z = points[worst].tolist()
    figures = tuple((visual.mesh or "", mesh_figures(mesh)) for visual, mesh in meshes)
    return LinkCover(link.name, float(max(away[worst], 0.0)), (x, y, z), figures)


def outside_solids(link: Link, points: FloatArray) -> FloatArray:
    """How far points (n, 3) of a link lie outside the nearest of its solids (n,), m; negative inside.

    Outside a hull it is a lower bound, the largest distance to the plane of a face.
    """
    found = [distance_to_shape(solid.shape, solid.pose.inverse().apply(points)) for solid in link.solids]
    result: FloatArray = np.min(found, axis=0)
    return result


def _mesh(visual: Visual) -> Mesh | None:
    if visual.mesh is None:
        return None
    try:
        mesh = parse_mesh(read_mesh_bytes(resolve_package_reference(visual.mesh), visual.mesh), visual.mesh)
    except CellctlError:
        return None
    metres = (1.0 if mesh.unit is None else mesh.unit) * visual.scale
    used = np.unique(mesh.faces)
    index = np.searchsorted(used, mesh.faces)
    return Mesh(mesh.vertices[used] * metres, index)


def cover_findings(robot: Robot, covers: tuple[LinkCover, ...]) -> Iterator[Finding]:
    """Warnings for pictures that stand out of what is checked, and for meshes of a suspicious size."""
    for cover in covers:
        if cover.stands_out > UNCOVERED:
            x, y, z = (f"{1e3 * value:.0f}" for value in cover.at)
            text = (
                f"'{robot.name}': the picture of link '{cover.link}' stands out of its solids by "
                f"{1e3 * cover.stands_out:.1f} mm at {x} {y} {z} mm"
            )
            yield Finding(
                "F176", text, suggestion="give the link more solids where its picture is right", severity="warning"
            )
        for mesh, figures in cover.meshes:
            for fault in faults(figures):
                if " mm long" in fault or " m long" in fault:
                    yield Finding("F196", f"'{robot.name}': '{mesh}' {fault}", severity="warning")
