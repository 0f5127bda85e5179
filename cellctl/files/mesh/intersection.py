"""Where the surfaces of two meshes cross: polylines with the faces of both, cut at their corners. Picks none.

Which edge goes through which triangle is decided once for both triangles at that edge, so what is chained is chained by
topology and not by distance. The second mesh is made 2 um larger, so that bodies that only touch cross, and is moved by
a nanometre, so that nothing falls exactly together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellctl.files.mesh.edges import CORNER, directed_edges
from cellctl.files.mesh.meeting import Meeting
from cellctl.files.mesh.reading import Mesh
from cellctl.model.pose import FloatArray, unit

GROWN: Final = 2e-6
NUDGE: Final = np.array([5.377e-10, 8.339e-10, -2.259e-10])
SHORTEST: Final = 1e-5
"""Pieces shorter than this (m) are taken out."""
AT_ONCE: Final = 4_000_000
"""How many pairs of boxes are compared at once."""

Indices = NDArray[np.intp]
Node = tuple[int, int, int]
"""Where an edge goes through a triangle: 0 for an edge of the first mesh, 1 for one of the second; edge; triangle."""


class Surface(NamedTuple):
    """Triangles of a mesh: `corners` (m, 3, 3), outward `normals` (m, 3), `edges` (k, 2) of `vertices` (n, 3), and the
    triangles at each edge.
    """

    vertices: FloatArray
    corners: FloatArray
    normals: FloatArray
    edges: Indices
    sides: tuple[tuple[int, ...], ...]


def crossings(first: Mesh, second: Mesh) -> list[Meeting]:
    """The curves in which two closed meshes (m) cross, in a fixed order; the faces of `first` come first.

    A curve ends where either face or its own direction turns by more than 30 deg.
    """
    one, other = _surface(first), _surface(_grown(second))
    links: dict[tuple[int, int], list[Node]] = defaultdict(list)
    points: dict[Node, FloatArray] = {}
    for kind, (a, b) in enumerate(((one, other), (other, one))):
        for edge, face, point in _pierced(a, b):
            node = (kind, edge, face)
            points[node] = point
            for side in a.sides[edge]:
                links[(side, face) if kind == 0 else (face, side)].append(node)
    pieces = {pair: (nodes[0], nodes[1]) for pair, nodes in sorted(links.items()) if len(nodes) == 2}
    found: list[Meeting] = []
    for pairs, nodes in _walks(pieces):
        line = np.array([points[node] for node in nodes])
        normals = [one.normals[[a for a, _ in pairs]], other.normals[[b for _, b in pairs]]]
        whole = _without_slivers(Meeting(line, *normals))
        if whole is not None:
            found += _cut(whole)
    return found


def _grown(mesh: Mesh) -> Mesh:
    """The mesh with its vertices moved out along the mean of the normals there."""
    corners = mesh.vertices[mesh.faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = np.zeros_like(mesh.vertices)
    for k in range(3):
        np.add.at(outward, mesh.faces[:, k], area)
    length = np.linalg.norm(outward, axis=1, keepdims=True)
    outward = np.divide(outward, length, out=np.zeros_like(outward), where=length > 0.0)
    return Mesh(mesh.vertices + GROWN * outward + NUDGE, mesh.faces)


def _surface(mesh: Mesh) -> Surface:
    corners = mesh.vertices[mesh.faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = np.linalg.norm(area, axis=1)
    kept = size > 0.0
    faces = mesh.faces[kept]
    directed = directed_edges(faces)
    edges = np.array(sorted({(min(edge), max(edge)) for edge in directed}), dtype=np.intp).reshape(-1, 2)
    sides = tuple((*directed.get((a, b), ()), *directed.get((b, a), ())) for a, b in edges.tolist())
    return Surface(mesh.vertices, corners[kept], area[kept] / size[kept, None], edges, sides)


def _pierced(a: Surface, b: Surface) -> Iterator[tuple[int, int, FloatArray]]:
    """The edges of `a` that go through triangles of `b`: edge, triangle, point."""
    edges, faces = _near(a, b)
    start, end = a.vertices[a.edges[edges, 0]], a.vertices[a.edges[edges, 1]]
    corners, normals = b.corners[faces], b.normals[faces]
    before = np.einsum("ij,ij->i", normals, start - corners[:, 0])
    after = np.einsum("ij,ij->i", normals, end - corners[:, 0])
    along = end - start
    turns = [
        np.einsum("ij,ij->i", along, np.cross(corners[:, k] - start, corners[:, (k + 1) % 3] - start)) > 0.0
        for k in range(3)
    ]
    inside = (turns[0] == turns[1]) & (turns[1] == turns[2])
    hit = np.flatnonzero(((before > 0.0) != (after > 0.0)) & inside)
    share = before[hit] / (before[hit] - after[hit])
    points = start[hit] + share[:, None] * along[hit]
    yield from zip(edges[hit].tolist(), faces[hit].tolist(), points, strict=True)


def _near(a: Surface, b: Surface) -> tuple[Indices, Indices]:
    """Edges of `a` and triangles of `b` whose boxes overlap, as pairs of indices."""
    ends = a.vertices[a.edges]
    low, high = ends.min(axis=1), ends.max(axis=1)
    bottom, top = b.corners.min(axis=1), b.corners.max(axis=1)
    edges = np.flatnonzero((low <= top.max(axis=0)).all(axis=1) & (high >= bottom.min(axis=0)).all(axis=1))
    faces = np.flatnonzero((bottom <= high.max(axis=0)).all(axis=1) & (top >= low.min(axis=0)).all(axis=1))
    found: list[tuple[Indices, Indices]] = [(np.zeros(0, np.intp), np.zeros(0, np.intp))]
    step = max(1, AT_ONCE // max(1, len(faces)))
    for begin in range(0, len(edges), step):
        part = edges[begin : begin + step]
        near = np.ones((len(part), len(faces)), dtype=np.bool_)
        for k in range(3):
            near &= low[part, k][:, None] <= top[faces, k]
            near &= high[part, k][:, None] >= bottom[faces, k]
        rows, columns = np.nonzero(near)
        found.append((part[rows], faces[columns]))
    return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])


def _walks(pieces: dict[tuple[int, int], tuple[Node, Node]]) -> Iterator[tuple[list[tuple[int, int]], list[Node]]]:
    """Pieces in a row and the nodes between them, open rows first, from their ends; then what goes round."""
    at: dict[Node, list[tuple[int, int]]] = defaultdict(list)
    for pair, both in pieces.items():
        for node in both:
            at[node].append(pair)
    used: set[tuple[int, int]] = set()
    ends = [pair for pair, both in pieces.items() if any(len(at[node]) == 1 for node in both)]
    for pair in (*ends, *pieces):
        if pair in used:
            continue
        nodes = [*pieces[pair]]
        if len(at[nodes[0]]) != 1 and len(at[nodes[1]]) == 1:
            nodes.reverse()
        row = [pair]
        used.add(pair)
        while (following := next((p for p in at[nodes[-1]] if p not in used), None)) is not None:
            one, other = pieces[following]
            nodes.append(other if one == nodes[-1] else one)
            row.append(following)
            used.add(following)
        yield row, nodes


def _without_slivers(meeting: Meeting) -> Meeting | None:
    """The meeting without pieces too short to have a direction; None where nothing is left."""
    points, first, second = [meeting.points[0]], [], []
    for point, a, b in zip(meeting.points[1:], meeting.first, meeting.second, strict=True):
        if np.linalg.norm(point - points[-1]) >= SHORTEST:
            points.append(point)
            first.append(a)
            second.append(b)
    if not first:
        return None
    if np.linalg.norm(meeting.points[-1] - meeting.points[0]) < 1e-12:
        points[-1] = points[0]
    return Meeting(np.array(points), np.array(first), np.array(second))


def _cut(meeting: Meeting) -> Iterator[Meeting]:
    """The stretches between the corners of a meeting."""
    along = unit(np.diff(meeting.points, axis=0))
    count = len(along)
    after = np.arange(1, count + 1) % count
    sharp = np.zeros(count, dtype=np.bool_)
    for vectors in (along, meeting.first, meeting.second):
        sharp |= np.einsum("ij,ij->i", vectors, vectors[after]) < CORNER
    if meeting.closed:
        if not sharp.any():
            yield meeting
            return
        order = np.roll(np.arange(count), -int(np.flatnonzero(sharp)[0]) - 1)
        points = np.vstack([meeting.points[order], meeting.points[order[:1]]])
        meeting, sharp = Meeting(points, meeting.first[order], meeting.second[order]), sharp[order]
    sharp[-1] = True
    begin = 0
    for end in np.flatnonzero(sharp).tolist():
        piece = slice(begin, end + 1)
        yield Meeting(meeting.points[begin : end + 2], meeting.first[piece], meeting.second[piece])
        begin = end + 1
