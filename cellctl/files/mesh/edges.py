"""The sharp edges of a mesh: where two faces meet at an angle, joined to chains up to their corners. Picks none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cellctl.files.mesh.reading import Mesh
from cellctl.model.pose import FloatArray, unit

CORNER: Final = np.cos(np.radians(30.0))
"""A chain ends where it turns by more, or where one of its faces does."""


@dataclass(frozen=True, slots=True, eq=False)
class EdgeChain:
    """Edges in a row: `points` (n, 3), and for each of the n - 1 edges the outward normals of the two faces that meet
    there, `left` and `right` (n - 1, 3), seen along the chain from outside. `closed` where the last point is the first.
    """

    points: FloatArray
    left: FloatArray
    right: FloatArray

    @property
    def closed(self) -> bool:
        """Whether it goes round."""
        return bool(np.array_equal(self.points[0], self.points[-1]))

    @property
    def openings(self) -> FloatArray:
        """The angle between the faces on the outside (n - 1,), rad: pi is flat, less an inside edge, more a ridge."""
        along = unit(np.diff(self.points, axis=0))
        return openings(along, self.left, self.right)

    def reversed(self) -> EdgeChain:
        """The same edges the other way round."""
        return EdgeChain(self.points[::-1], self.right[::-1], self.left[::-1])


def openings(along: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    """Angles (n,) on the outside between faces with outward normals `left` and `right` (n, 3) of edges that run
    `along` (n, 3), rad.
    """
    bend = np.arctan2(np.einsum("ij,ij->i", np.cross(left, right), along), np.einsum("ij,ij->i", left, right))
    result: FloatArray = np.pi + bend
    return result


def edge_chains(mesh: Mesh, smallest: float, largest: float) -> tuple[EdgeChain, ...]:
    """The chains of edges whose faces open by `smallest` to `largest` (rad) on the outside, in a fixed order."""
    edges, left, right = _edges(mesh)
    along = unit(mesh.vertices[edges[:, 1]] - mesh.vertices[edges[:, 0]])
    opening = openings(along, left, right)
    # coplanar faces are no edge, whatever is asked for
    kept = (opening >= smallest) & (opening <= largest) & (np.abs(opening - np.pi) > np.radians(1.0))
    return tuple(_Chains(mesh.vertices, edges[kept], left[kept], right[kept]))


def _edges(mesh: Mesh) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.intp]], FloatArray, FloatArray]:
    """Edges (n, 2) with exactly two faces, directed as the face on their left has them, and the normals of both."""
    corners = mesh.vertices[mesh.faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = np.linalg.norm(area, axis=1)
    faces = mesh.faces[size > 0.0]
    normals = area[size > 0.0] / size[size > 0.0, None]
    directed = directed_edges(faces)
    found = sorted(
        ((a, b), own[0], directed[b, a][0])
        for (a, b), own in directed.items()
        if a < b and len(own) == 1 and len(directed.get((b, a), ())) == 1
    )
    edges = np.array([edge for edge, _, _ in found], dtype=np.intp).reshape(-1, 2)
    return edges, normals[[k for _, k, _ in found]].reshape(-1, 3), normals[[k for _, _, k in found]].reshape(-1, 3)


def directed_edges(faces: NDArray[np.intp]) -> dict[tuple[int, int], list[int]]:
    """The faces (m, 3) on the left of every edge, by its two vertices in their direction."""
    directed: dict[tuple[int, int], list[int]] = {}
    for face, (a, b, c) in enumerate(faces.tolist()):
        for edge in ((a, b), (b, c), (c, a)):
            directed.setdefault(edge, []).append(face)
    return directed


class _Chains:
    """Edges in a row, one chain after the other."""

    def __init__(
        self,
        vertices: FloatArray,
        edges: np.ndarray[tuple[int, int], np.dtype[np.intp]],
        left: FloatArray,
        right: FloatArray,
    ) -> None:
        self._vertices, self._left, self._right = vertices, left, right
        self._edges = edges
        self._at: dict[int, list[int]] = defaultdict(list)
        for k, (a, b) in enumerate(edges.tolist()):
            self._at[a].append(k)
            self._at[b].append(k)
        self._used: set[int] = set()

    def __iter__(self) -> Iterator[EdgeChain]:
        """Open chains first, from their ends; then what goes round."""
        ends = [k for k in range(len(self._edges)) if not all(self._next(k, end) is not None for end in (0, 1))]
        for k in (*ends, *range(len(self._edges))):
            if k not in self._used:
                backwards = self._next(k, 0) is not None and self._next(k, 1) is None
                yield self._walked(k, forward=not backwards)

    def _walked(self, first: int, *, forward: bool) -> EdgeChain:
        steps = [(first, forward)]
        self._used.add(first)
        while (step := self._next(steps[-1][0], 1 if steps[-1][1] else 0)) is not None and step[0] not in self._used:
            self._used.add(step[0])
            steps.append(step)
        ways = [self._edges[k] if ahead else self._edges[k][::-1] for k, ahead in steps]
        points = self._vertices[[ways[0][0], *(way[1] for way in ways)]]
        sides = [(self._left[k], self._right[k]) if ahead else (self._right[k], self._left[k]) for k, ahead in steps]
        return EdgeChain(points, np.array([side[0] for side in sides]), np.array([side[1] for side in sides]))

    def _next(self, edge: int, end: int) -> tuple[int, bool] | None:
        """The edge that goes on from an end of this one, and whether it is walked ahead; None at a corner."""
        here = int(self._edges[edge, end])
        others = [k for k in self._at[here] if k != edge]
        if len(others) != 1:
            return None
        other = others[0]
        ahead = int(self._edges[other, 0]) == here
        a, b = self._sides(edge, ahead=end == 1), self._sides(other, ahead=ahead)
        smooth = all(float(u @ v) >= CORNER for u, v in zip(a, b, strict=True))
        return (other, ahead) if smooth else None

    def _sides(self, edge: int, *, ahead: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Direction, left and right normal of an edge as it is walked."""
        a, b = self._vertices[self._edges[edge]]
        along = unit(b - a)
        if ahead:
            return along, self._left[edge], self._right[edge]
        return -along, self._right[edge], self._left[edge]
