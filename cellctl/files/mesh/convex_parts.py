"""A closed mesh as convex parts that cover it. Measures no distance and asks no collision engine.

The mesh is cut by planes at right angles to the axes into cells. Of each cell the convex hull is taken of the skin
inside it and of the corners of the cell that lie inside the solid. That hull contains the solid inside the cell: an
extreme point of it lies on the skin, or it is a corner of the cell, for about any other point there is a straight piece
inside. So all hulls together contain the solid, however many there are; more of them only fit better.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np

from cellctl.files.mesh.checks import MeshFigures, mesh_figures, signed_volume
from cellctl.files.mesh.reading import Mesh
from cellctl.model.pose import FloatArray, unit

MOST: Final = 64
"""Parts that may be asked for at most."""
_CUTS, _LOOKED_AT = 8, 4
"""Planes that are tried along each axis of a cell, and the best of them that are looked at with their corners."""
_GAIN = 0.005
"""A cut must save as much of the whole volume."""
_FLAT = 1e-7
_GRID = 6
_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """A box from `low` to `high` (3,) with the skin inside it, triangles (m, 3, 3), and its corners (k, 3) that are
    inside the solid.
    """

    low: FloatArray
    high: FloatArray
    skin: FloatArray
    inner: FloatArray

    @property
    def points(self) -> FloatArray:
        """What its hull is the hull of."""
        return np.vstack([self.skin.reshape(-1, 3), self.inner])


@dataclass(frozen=True, slots=True)
class _Cut:
    axis: int
    at: float
    gain: float


def convex_parts(mesh: Mesh, most: int) -> tuple[FloatArray, ...]:
    """The corners (n, 3) of at most `most` convex parts that together contain the solid of a watertight mesh.

    Raises ValueError for a mesh that is not watertight.
    """
    figures = mesh_figures(mesh)
    if not figures.watertight:
        raise ValueError(_open(figures))
    frame = _main_directions(mesh)
    triangles = (mesh.vertices @ frame)[mesh.faces if figures.volume > 0.0 else mesh.faces[:, ::-1]]
    scale = figures.extent
    points = triangles.reshape(-1, 3)
    cells = [_Cell(points.min(axis=0), points.max(axis=0), triangles, np.zeros((0, 3)))]
    cuts = [_best_cut(cells[0], triangles, scale)]
    enough = _GAIN * abs(signed_volume(triangles))
    while len(cells) < most:
        worst = max(range(len(cells)), key=lambda k: cuts[k].gain)
        if cuts[worst].gain <= enough:
            break
        halves = [_with_corners(half, triangles) for half in _halves(cells[worst], cuts[worst], scale)]
        cells[worst : worst + 1] = halves
        cuts[worst : worst + 1] = [_best_cut(half, triangles, scale) for half in halves]
    parts = [_hull_corners(cell.points, scale) for cell in cells]
    return tuple(part @ frame.T for part in parts if len(part))


def _main_directions(mesh: Mesh) -> FloatArray:
    """A rotation (3, 3) whose columns are the directions to cut across: that of the largest faces, and of the largest
    at right angles to them.
    """
    corners = mesh.vertices[mesh.faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = np.linalg.norm(area, axis=1)
    normals = area[size > 0.0] / size[size > 0.0, None]
    first = _largest(normals, size[size > 0.0])
    flat = np.abs(normals @ first) < 1e-3
    second = _largest(normals[flat], size[size > 0.0][flat]) if flat.any() else np.eye(3)[np.argmin(np.abs(first))]
    second = unit(second - (second @ first) * first)
    return np.stack([first, second, np.cross(first, second)], axis=1)


def _largest(normals: FloatArray, size: FloatArray) -> FloatArray:
    """The normal (3,) with the largest area of faces that are parallel to it to within a thousandth."""
    signs = np.where(normals[np.arange(len(normals)), np.abs(normals).argmax(axis=1)] < 0.0, -1.0, 1.0)
    turned = normals * signs[:, None]
    _, first, group = np.unique(turned.round(3) + 0.0, axis=0, return_index=True, return_inverse=True)
    result: FloatArray = turned[first[np.argmax(np.bincount(group.reshape(-1), size))]]
    return result


def _open(figures: MeshFigures) -> str:
    if figures.open_edges:
        return f"{figures.open_edges} edges have not exactly two triangles"
    return f"{figures.turned_edges} edges have two triangles that are wound against each other"


def _best_cut(cell: _Cell, triangles: FloatArray, scale: float) -> _Cut:
    """The plane that saves most volume of the hulls, which is at most what the hull holds too much.

    Where none saves much of that, as on a ring, it is the middle of the longest edge.
    """
    whole = _hull_volume(cell.points, scale)
    excess = whole * _empty_share(cell, triangles) if whole else 0.0
    if not excess:
        return _Cut(0, 0.0, 0.0)
    tried = [_Cut(axis, at, 0.0) for axis in range(3) for at in _planes(cell, axis, scale)]
    rough = [sum(_hull_volume(half.points, scale) for half in _halves(cell, cut, scale)) for cut in tried]
    best = _Cut(0, 0.0, 0.0)
    for k in np.argsort(rough, kind="stable")[:_LOOKED_AT]:
        halves = [_with_corners(half, triangles) for half in _halves(cell, tried[int(k)], scale)]
        gain = whole - sum(_hull_volume(half.points, scale) for half in halves)
        if gain > best.gain:
            best = replace(tried[int(k)], gain=min(gain, excess))
    if best.gain >= 0.1 * excess:
        return best
    longest = int(np.argmax(cell.high - cell.low))
    return _Cut(longest, float(cell.low[longest] + cell.high[longest]) / 2.0, excess)


def _empty_share(cell: _Cell, triangles: FloatArray) -> float:
    """An estimate of how much of a cell's hull is not solid, from a grid of points."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        planes = ConvexHull(cell.points).equations
    except QhullError:
        return 0.0
    steps = (np.arange(_GRID) + 0.5) / _GRID
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    points = cell.points.min(axis=0) + grid * np.ptp(cell.points, axis=0)
    held = points[(points @ planes[:, :3].T + planes[:, 3]).max(axis=1) < 0.0]
    return 1.0 - float(np.mean(inside(held, triangles))) if len(held) else 0.0


def _planes(cell: _Cell, axis: int, scale: float) -> list[float]:
    """Where to cut along an axis: at the corners of the skin, a dozen of them."""
    heights = cell.skin[:, :, axis].reshape(-1)
    _, first = np.unique(np.round(heights / scale, 5), return_index=True)
    values = heights[first]
    between = values[(values > cell.low[axis] + 1e-5 * scale) & (values < cell.high[axis] - 1e-5 * scale)]
    if not len(between):
        return []
    chosen = np.unique(np.linspace(0, len(between) - 1, min(_CUTS, len(between))).round().astype(np.intp))
    return [float(value) for value in between[chosen]]


def _halves(cell: _Cell, cut: _Cut, scale: float) -> tuple[_Cell, _Cell]:
    """The two cells on either side of a plane; corners inside the solid are kept where they are still corners."""
    below, above = cell.high.copy(), cell.low.copy()
    below[cut.axis] = above[cut.axis] = cut.at
    low, high = (clipped(cell.skin, cut.axis, cut.at, sign, _FLAT * scale) for sign in (1.0, -1.0))
    under = cell.inner[:, cut.axis] < cut.at
    return _Cell(cell.low, below, low, cell.inner[under]), _Cell(above, cell.high, high, cell.inner[~under])


def clipped(triangles: FloatArray, axis: int, at: float, sign: float, flat: float) -> FloatArray:
    """Triangles (m, 3, 3) cut off at a plane: what is left below it for `sign` 1, above it for -1.

    A triangle in the plane itself, to within `flat`, belongs to neither side: the solid behind it has other skin there.
    """
    heights = sign * (triangles[:, :, axis] - at)
    kept = heights.min(axis=1) < -flat
    triangles, heights = triangles[kept], heights[kept]
    whole = heights.max(axis=1) <= flat
    pieces = [triangles[whole]]
    for count in (1, 2):
        group = ~whole & ((heights <= flat).sum(axis=1) == count)
        pieces += _cut_group(triangles[group], heights[group], count, flat)
    return np.concatenate(pieces)


def _cut_group(triangles: FloatArray, heights: FloatArray, count: int, flat: float) -> list[FloatArray]:
    """The parts of triangles that have `count` corners on the side that is kept."""
    if not len(triangles):
        return []
    lone = np.argmax((heights <= flat) if count == 1 else (heights > flat), axis=1)
    order = (lone[:, None] + np.arange(3)) % 3
    rows = np.arange(len(triangles))[:, None]
    corners, h = triangles[rows, order], heights[rows, order]
    first, second = (_crossing(corners[:, 0], corners[:, k], h[:, 0], h[:, k]) for k in (1, 2))
    if count == 1:
        return [np.stack([corners[:, 0], first, second], axis=1)]
    return [np.stack([first, corners[:, 1], corners[:, 2]], axis=1), np.stack([first, corners[:, 2], second], axis=1)]


def _crossing(a: FloatArray, b: FloatArray, ha: FloatArray, hb: FloatArray) -> FloatArray:
    """Where the edges from `a` to `b` (n, 3) meet the plane."""
    share = np.clip(ha / np.where(ha == hb, 1.0, ha - hb), 0.0, 1.0)
    result: FloatArray = a + share[:, None] * (b - a)
    return result


def _with_corners(cell: _Cell, triangles: FloatArray) -> _Cell:
    """The cell with those of its corners that have the solid on their inner side."""
    corners = _corners(cell.low, cell.high)
    inward = corners + 1e-6 * ((cell.low + cell.high) / 2.0 - corners)
    return replace(cell, inner=corners[inside(inward, triangles)])


def inside(points: FloatArray, triangles: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether points (n, 3) lie inside closed triangles (m, 3, 3): their winding number by solid angles (van Oosterom
    and Strackee 1983).
    """
    turns = np.zeros(len(points))
    step = max(1, _CHUNK // max(1, len(points)))
    for start in range(0, len(triangles), step):
        a, b, c = (triangles[None, start : start + step, k] - points[:, None] for k in range(3))
        la, lb, lc = (np.linalg.norm(v, axis=2) for v in (a, b, c))
        dots = tuple(np.einsum("ijk,ijk->ij", u, v) for u, v in ((a, b), (b, c), (c, a)))
        volume = np.einsum("ijk,ijk->ij", a, np.cross(b, c))
        turns += np.arctan2(volume, la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb).sum(axis=1)
    return np.asarray(turns / (2.0 * np.pi) > 0.5)


def _hull_volume(points: FloatArray, scale: float) -> float:
    from scipy.spatial import ConvexHull, QhullError

    if len(points) < 4 or np.ptp(points, axis=0).min() < _FLAT * scale:
        return 0.0
    try:
        return float(ConvexHull(points).volume)
    except QhullError:
        return float(np.prod(np.ptp(points, axis=0)))


def _hull_corners(points: FloatArray, scale: float) -> FloatArray:
    """The corners of the hull of a cell; its bounding box where it is too thin for one, nothing where it is empty."""
    from scipy.spatial import ConvexHull, QhullError

    if not len(points):
        return points
    try:
        corners: FloatArray = points[np.sort(ConvexHull(points).vertices)]
    except QhullError:
        pad = 1e-6 * scale
        low, high = points.min(axis=0) - pad, points.max(axis=0) + pad
        corners = _corners(low, high)
    return corners


def _corners(low: FloatArray, high: FloatArray) -> FloatArray:
    """The eight corners (8, 3) of a box."""
    return np.array([[(low, high)[k][i] for i, k in enumerate(ks)] for ks in product((0, 1), repeat=3)])
