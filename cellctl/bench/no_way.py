"""Proof that no motion leads from one state to another, by filling the joint space of the first axes cell by cell.

A cell is closed where, in float64, some sphere is inside an obstacle at its middle by more than it can move within the
cell, whatever the axes beyond do. Where the open cells around one state do not lead to the cell of the other, no way
does. It uses nothing of the planner.
"""

from __future__ import annotations

from math import hypot, sqrt
from typing import Final, NamedTuple

import numpy as np

from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, REAL, compiled, reads, writes
from cellctl.kinematics.forward import branched_frames
from cellctl.model.pose import FloatArray
from cellctl.scene.spheres.model import SphereArm
from cellctl.scene.spheres.obstacles import BALL, CYLINDER, HULL, UPRIGHT_CYLINDER, Obstacles
from cellctl.scene.spheres.tables import IntArray

GRIDS: Final = ((2, 0.02), (3, 0.05))
"""How many axes and how large cells (rad or m) are tried, one after the other."""
MOST: Final = 5_000_000
"""Cells that are filled before a grid is given up."""
ROUNDING: Final = 1e-5
"""What float32 rows of obstacles may be wrong by, m."""


class _Spheres(NamedTuple):
    """Spheres that the first axes carry: their `frames` (s,), `centres` (s, 3), and by how much their centres may be
    apart from an obstacle in the middle of a cell that is closed, `limits` (s,), m.
    """

    frames: IntArray
    centres: FloatArray
    limits: FloatArray


def no_way(arm: SphereArm, obstacles: Obstacles, start: FloatArray, goal: FloatArray) -> bool:
    """Whether it is proved that no motion leads from `start` to `goal` (dof,); False tells nothing."""
    if (obstacles.kinds == HULL).any():
        return False
    return any(_parted(arm, obstacles, start, goal, axes, size) for axes, size in GRIDS)


def _parted(arm: SphereArm, obstacles: Obstacles, start: FloatArray, goal: FloatArray, axes: int, size: float) -> bool:
    """Whether closed cells of the first `axes` part the two states."""
    low, high = arm.lower[:axes], arm.upper[:axes]
    counts = np.ceil((high - low) / size).astype(np.intp)
    widths = (high - low) / counts
    spheres = _carried(arm, axes, 0.5 * widths)
    seen = np.zeros(int(np.prod(counts)), np.bool_)
    first, last = (
        int(np.ravel_multi_index(tuple(((q[:axes] - low) / widths).astype(np.intp).T), tuple(counts), mode="clip"))
        for q in (goal, start)
    )
    seen[first] = True
    front = np.array([first])
    filled = 1
    while len(front) and not seen[last] and filled < MOST:
        beside = _beside(front, counts)
        beside = np.unique(beside[~seen[beside]])
        cells = np.stack(np.unravel_index(beside, tuple(counts)), axis=1)
        front = beside[~_closed(arm, obstacles, spheres, low + (cells + 0.5) * widths)]
        seen[front] = True
        filled += len(front)
    return len(front) == 0 and not seen[last]


def _beside(cells: IntArray, counts: IntArray) -> IntArray:
    """The cells that share a face with one of `cells` (n,), as indices into the flat grid."""
    at = np.unravel_index(cells, tuple(counts))
    stride, beside = 1, []
    for k in range(len(counts) - 1, -1, -1):
        beside += [cells[at[k] > 0] - stride, cells[at[k] < counts[k] - 1] + stride]
        stride *= int(counts[k])
    return np.concatenate(beside)


def _carried(arm: SphereArm, axes: int, halves: FloatArray) -> _Spheres:
    """The spheres that keep within their radius in a cell of half widths `halves` (axes,), m.

    One that a further axis turns is taken at the nearest point of that axis, and counts as smaller by how far it is
    from it.
    """
    before, about = arm.chain.before, arm.chain.axes
    rows = []
    for frame, centre, radius in zip(arm.frames.tolist(), arm.centres, arm.radii, strict=True):
        at, point, left = int(frame), centre, float(radius) - ROUNDING
        if arm.chain.prismatic[:at].any():
            continue
        while at > axes:
            foot = about[at - 1] * (point @ about[at - 1])
            left -= float(np.linalg.norm(point - foot))
            point, at = before[at - 1, :3, :3] @ foot + before[at - 1, :3, 3], at - 1
        left -= float(_reach(arm, at, point) @ halves[:at])
        if at > 0 and left > 0.0:
            rows.append((at, point, left))
    return _Spheres(
        np.array([at for at, _, _ in rows], dtype=np.intp),
        np.array([point for _, point, _ in rows]).reshape(-1, 3),
        np.array([left for _, _, left in rows]),
    )


def _reach(arm: SphereArm, frame: int, point: FloatArray) -> FloatArray:
    """Largest distance (frame,) of a point of a frame from every axis that turns it, m."""
    reach = np.zeros(frame)
    away = 0.0
    for k in range(frame - 1, -1, -1):
        about = arm.chain.axes[k]
        reach[k] = float(np.linalg.norm(np.cross(about, point))) + away
        away += float(np.linalg.norm(point))
        point = arm.chain.before[k, :3, 3]
    return reach


def _closed(arm: SphereArm, obstacles: Obstacles, spheres: _Spheres, q: FloatArray) -> BoolArray:
    """Which cells are closed, by their middles `q` (n, axes)."""
    axes = q.shape[1]
    chain = arm.chain
    out = np.zeros(len(q), np.bool_)
    rows = obstacles.rows.astype(np.float64)
    parents = np.arange(axes)
    of_chain = (chain.before[:axes].copy(), chain.axes[:axes].copy(), chain.prismatic[:axes].copy(), parents)
    _fill_closed(*of_chain, *spheres, obstacles.kinds, rows, q, out)
    return out


@compiled(REAL, COUNT, reads(1), REAL, REAL, REAL, inlined=True, late=True)
def _gap(kind: int, row: FloatArray, x: float, y: float, z: float) -> float:
    """Distance (m) of a point from an obstacle, without its roundness; 0 inside."""
    x, y, z = x - row[0], y - row[1], z - row[2]
    u = abs(x * row[3] + y * row[6] + z * row[9])
    v = abs(x * row[4] + y * row[7] + z * row[10])
    w = abs(x * row[5] + y * row[8] + z * row[11])
    if kind == BALL:
        return sqrt(x * x + y * y + z * z)
    if kind in (CYLINDER, UPRIGHT_CYLINDER):
        return hypot(max(hypot(u, v) - row[12], 0.0), max(w - row[13], 0.0))
    u, v, w = max(u - row[12], 0.0), max(v - row[13], 0.0), max(w - row[14], 0.0)
    return sqrt(u * u + v * v + w * w)


@compiled(
    NOTHING, reads(3), reads(2), reads(1, FLAG), reads(1, COUNT), reads(1, COUNT), reads(2), reads(1), reads(1, COUNT),
    reads(2), reads(2), writes(1, FLAG), late=True,
)  # fmt: skip
def _fill_closed(
    before: FloatArray, about: FloatArray, prismatic: BoolArray, parents: IntArray, carriers: IntArray,
    centres: FloatArray, limits: FloatArray, kinds: IntArray, rows: FloatArray, q: FloatArray, out: BoolArray,
) -> None:  # fmt: skip
    """Say of every row of `q` (n, axes) whether some sphere is within its limit of an obstacle, into `out` (n,)."""
    frames = np.empty((about.shape[0] + 1, 4, 4))
    for n in range(q.shape[0]):
        branched_frames(before, about, prismatic, parents, q[n], frames)
        for s in range(limits.shape[0]):
            at, c = frames[carriers[s]], centres[s]
            x = at[0, 0] * c[0] + at[0, 1] * c[1] + at[0, 2] * c[2] + at[0, 3]
            y = at[1, 0] * c[0] + at[1, 1] * c[1] + at[1, 2] * c[2] + at[1, 3]
            z = at[2, 0] * c[0] + at[2, 1] * c[1] + at[2, 2] * c[2] + at[2, 3]
            for k in range(kinds.shape[0]):
                if _gap(kinds[k], rows[k], x, y, z) - rows[k, 15] < limits[s]:
                    out[n] = True
                    break
            if out[n]:
                break
