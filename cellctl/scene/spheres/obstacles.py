"""What stands around an arm as rows of numbers: boxes, cylinders, spheres and hulls, exactly, in the arm's base frame.

A hull is the planes of its faces and of the box around it: the largest of the signed distances to them, which is never
more than the true distance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import hypot, sqrt
from typing import Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from cellctl.model.pose import FloatArray, Pose
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere

UPRIGHT_BOX: Final = 0
BOX: Final = 1
UPRIGHT_CYLINDER: Final = 2
CYLINDER: Final = 3
BALL: Final = 4
HULL: Final = 5

ROW: Final = 16
SINGLE_ROUNDING: Final = 2e-7
"""What float32 may be wrong by in a coordinate, as a share of it."""

Row = tuple[float, ...]
Turn = tuple[float, float, float, float, float, float, float, float, float]
UNTURNED: Final[Turn] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


class Obstacles(NamedTuple):
    """Bodies that stand still, n of them: `kinds` (n,), `rows` (n, 16) float32 of centre, rotation by rows, half
    extents (or radius and half length; or first plane, how many, and the radius of a ball around) and roundness,
    `planes` (m, 4) float32 of the hulls: unit normal and offset from the centre.
    """

    kinds: NDArray[np.intp]
    rows: NDArray[np.float32]
    planes: NDArray[np.float32]


def turn_of(quat_xyzw: Sequence[float]) -> Turn:
    """The rotation matrix by rows of a quaternion, which need not be of unit length."""
    x, y, z, w = quat_xyzw
    k = 2.0 / (x * x + y * y + z * z + w * w)
    if x == 0.0 and y == 0.0:
        return 1.0 - k * z * z, -k * z * w, 0.0, k * z * w, 1.0 - k * z * z, 0.0, 0.0, 0.0, 1.0
    return (
        1.0 - k * (y * y + z * z),
        k * (x * y - z * w),
        k * (x * z + y * w),
        k * (x * y + z * w),
        1.0 - k * (x * x + z * z),
        k * (y * z - x * w),
        k * (x * z - y * w),
        k * (y * z + x * w),
        1.0 - k * (x * x + y * y),
    )


def box_row(xyz: Sequence[float], turn: Turn, half: Sequence[float]) -> tuple[int, Row]:
    """Kind and row of a box at `xyz` (m), by its half extents (m)."""
    x, y, z = xyz
    a, b, c = half
    kind = UPRIGHT_BOX if turn[8] == 1.0 else BOX
    return kind, (x, y, z, *turn, a, b, c, _rounding(x, y, z, a, b, c))


def cylinder_row(xyz: Sequence[float], turn: Turn, radius: float, half_length: float) -> tuple[int, Row]:
    """Kind and row of a cylinder about the z axis of its own frame."""
    x, y, z = xyz
    kind = UPRIGHT_CYLINDER if abs(turn[8]) == 1.0 else CYLINDER
    return kind, (x, y, z, *turn, radius, half_length, 0.0, _rounding(x, y, z, radius, half_length, 0.0))


def ball_row(xyz: Sequence[float], radius: float) -> tuple[int, Row]:
    """Kind and row of a sphere."""
    x, y, z = xyz
    return BALL, (x, y, z, *UNTURNED, 0.0, 0.0, 0.0, radius + _rounding(x, y, z, radius, 0.0, 0.0))


def obstacles_of(rows: Iterable[tuple[int, Row]], planes: FloatArray | None = None) -> Obstacles:
    """The arrays of rows that were made one by one."""
    known = list(rows)
    return Obstacles(
        np.array([kind for kind, _ in known], dtype=np.intp),
        np.array([row for _, row in known], dtype=np.float32).reshape(-1, ROW),
        np.empty((0, 4), dtype=np.float32) if planes is None else planes.astype(np.float32),
    )


def obstacles_from(solids: Iterable[tuple[Shape, Pose]]) -> Obstacles:
    """The arrays of convex solids at their poses in the arm's base frame."""
    rows: list[tuple[int, Row]] = []
    planes: list[FloatArray] = []
    first = 0
    for shape, pose in solids:
        xyz: list[float] = pose.position.tolist()
        turn = cast(Turn, tuple(pose.rotation.ravel().tolist()))
        match shape:
            case Box(size):
                rows.append(box_row(xyz, turn, [0.5 * s for s in size]))
            case Cylinder(radius, length):
                rows.append(cylinder_row(xyz, turn, radius, 0.5 * length))
            case Sphere(radius):
                rows.append(ball_row(xyz, radius))
            case Hull(vertices):
                around = pose.apply(vertices)
                centre = 0.5 * (around.min(axis=0) + around.max(axis=0))
                radius = float(np.linalg.norm(around - centre, axis=1).max())
                faces = hull_planes(around - centre)
                x, y, z = centre.tolist()
                row = (x, y, z, *UNTURNED, float(first), float(len(faces)), radius)
                rows.append((HULL, (*row, _rounding(x, y, z, radius, 0.0, 0.0))))
                planes.append(faces)
                first += len(faces)
    return obstacles_of(rows, np.concatenate(planes) if planes else None)


def hull_planes(vertices: FloatArray) -> FloatArray:
    """Planes (m, 4), unit normal and offset with n . x <= d inside, of the faces of a hull and of the box around it."""
    from scipy.spatial import ConvexHull, QhullError

    sides = np.vstack([np.eye(3), -np.eye(3)])
    around = np.column_stack([sides, (vertices @ sides.T).max(axis=0)])
    try:
        normals = ConvexHull(vertices).equations[:, :3]
    except QhullError:
        return around
    normals = np.unique(normals.round(9), axis=0)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    offsets = (vertices @ normals.T).max(axis=0)
    return np.vstack([around, np.column_stack([normals, offsets])])


def _rounding(x: float, y: float, z: float, a: float, b: float, c: float) -> float:
    """What float32 may be wrong by where an obstacle lies (m)."""
    return SINGLE_ROUNDING * (sqrt(x * x + y * y + z * z) + hypot(a, b, c))
