"""What can be wrong with a triangle mesh as the skin of a solid: open edges, winding, size. Corrects nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.files.mesh.reading import Mesh
from cellctl.model.pose import FloatArray

LARGE = 5.0
"""A piece of an arm or of a cell that is longer than this (m) has probably the wrong unit."""
SMALL = 1e-3


@dataclass(frozen=True, slots=True)
class MeshFigures:
    """A mesh as a skin: edges that not exactly two triangles share (`open_edges`), edges whose two triangles are wound
    against each other (`turned_edges`), the volume that the winding gives (m^3), and the longest edge of its box (m).
    """

    open_edges: int
    turned_edges: int
    volume: float
    extent: float

    @property
    def watertight(self) -> bool:
        """Whether every edge has two triangles that are wound alike."""
        return self.open_edges == 0 and self.turned_edges == 0


def mesh_figures(mesh: Mesh) -> MeshFigures:
    """The figures of a mesh whose numbers are metres."""
    edges = np.concatenate([mesh.faces[:, [i, (i + 1) % 3]] for i in range(3)])
    forward = edges[:, 0] < edges[:, 1]
    _, index, count = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True, return_counts=True)
    balance = np.bincount(index.reshape(-1), np.where(forward, 1.0, -1.0), minlength=len(count))
    return MeshFigures(
        int(np.count_nonzero(count != 2)),
        int(np.count_nonzero((count == 2) & (balance != 0.0))),
        signed_volume(mesh.vertices[mesh.faces]),
        float(np.ptp(mesh.vertices[mesh.faces].reshape(-1, 3), axis=0).max()) if len(mesh.faces) else 0.0,
    )


def signed_volume(triangles: FloatArray) -> float:
    """The volume (m^3) inside triangles (m, 3, 3); negative where they are wound clockwise seen from outside."""
    centre = triangles.reshape(-1, 3).mean(axis=0) if len(triangles) else np.zeros(3)
    a, b, c = (triangles[:, i] - centre for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c))) / 6.0


def faults(figures: MeshFigures) -> list[str]:
    """What is wrong with a mesh of these figures, one clause each."""
    said = []
    if figures.open_edges:
        said.append(f"is not watertight: {figures.open_edges} edges have not exactly two triangles")
    if figures.turned_edges:
        said.append(f"has {figures.turned_edges} edges whose two triangles are wound against each other")
    if figures.watertight and figures.volume < 0.0:
        said.append("is inside out: its triangles are wound clockwise seen from outside")
    if figures.extent > LARGE:
        said.append(f"is {figures.extent:.4g} m long: is it in mm?")
    elif figures.extent < SMALL:
        said.append(f"is {figures.extent * 1e3:.3g} mm long: is it in m?")
    return said
