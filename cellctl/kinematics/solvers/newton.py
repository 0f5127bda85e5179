"""Small motions that close the gap between a flange and its target, compiled. It knows no closed form and no limits.

Every closed form ends here: its answers are corrected along the chain where that is needed, and verified by it.
"""

from __future__ import annotations

from math import ceil, cos, pi, sin, sqrt
from typing import Final

import numpy as np

from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, REAL, compiled, reads, several, writes
from cellctl.kinematics.forward import link_frames
from cellctl.kinematics.jacobian import fill_jacobian
from cellctl.kinematics.solvers.misses import ROOM, fill_misses
from cellctl.model.pose import FloatArray

ACCEPTED: Final = 1e-9
"""Largest forward kinematics error of an answer: m, and rad."""
POLISHED: Final = 1e-10
"""Forward kinematics error above which an answer gets a Newton step."""
STEPS: Final = 3
"""Newton steps at most: the later ones are for chains with rounded figures, near a singularity."""
CHAIN: Final = (reads(3), reads(2), reads(1, FLAG), reads(2))


@compiled(REAL, REAL)
def wrapped(angle: float) -> float:
    """`angle` (rad) brought into (-pi, pi] by whole turns."""
    return angle - 2.0 * pi * ceil((angle - pi) / (2.0 * pi))


@compiled(REAL, reads(2), reads(2), writes(1))
def pose_error(target: FloatArray, reached: FloatArray, twist: FloatArray) -> float:
    """Fill `twist` (6,) with the small motion from `reached` to `target` (4, 4); gives its larger part, m or rad."""
    for i in range(3):
        twist[i] = target[i, 3] - reached[i, 3]
        twist[3 + i] = 0.0
    largest = 0.0
    for k in range(3):
        ax, ay, az = reached[0, k], reached[1, k], reached[2, k]
        bx, by, bz = target[0, k], target[1, k], target[2, k]
        twist[3] += 0.5 * (ay * bz - az * by)
        twist[4] += 0.5 * (az * bx - ax * bz)
        twist[5] += 0.5 * (ax * by - ay * bx)
        largest = max(largest, sqrt((ax - bx) ** 2 + (ay - by) ** 2 + (az - bz) ** 2))
    return max(largest, sqrt(twist[0] ** 2 + twist[1] ** 2 + twist[2] ** 2))


@compiled(NOTHING, writes(2), writes(1))
def solve_in_place(matrix: FloatArray, vector: FloatArray) -> None:
    """Replace `vector` (6,) by a solution of `matrix` (6, 6) x = vector; unknowns with no pivot above 1e-7 are 0."""
    pivot_of, solution = np.empty(6, dtype=np.intp), np.empty(6)
    row = 0
    for column in range(6):
        best = row
        for i in range(row, 6):
            if abs(matrix[i, column]) > abs(matrix[best, column]):
                best = i
        pivot_of[column] = -1
        if row == 6 or abs(matrix[best, column]) < 1e-7:
            continue
        for j in range(6):
            matrix[row, j], matrix[best, j] = matrix[best, j], matrix[row, j]
        vector[row], vector[best] = vector[best], vector[row]
        for i in range(6):
            if i != row:
                factor = matrix[i, column] / matrix[row, column]
                vector[i] -= factor * vector[row]
                for j in range(column, 6):
                    matrix[i, j] -= factor * matrix[row, j]
        pivot_of[column] = row
        row += 1
    for column in range(6):
        pivot = pivot_of[column]
        solution[column] = vector[pivot] / matrix[pivot, column] if pivot >= 0 else 0.0
    for column in range(6):
        vector[column] = solution[column]


@compiled(several(4), reads(3), reads(2), COUNT, REAL, REAL, REAL, several(4))
def _row_after(
    before: FloatArray, axes: FloatArray, k: int, s: float, c: float, slide: float, row: tuple[float, ...]
) -> tuple[float, float, float, float]:
    """A row of the frame after joint k from the same row of the frame before it; sine and cosine of its angle."""
    x, y, z, v = axes[k, 0], axes[k, 1], axes[k, 2], 1.0 - c
    a = row[0] * before[k, 0, 0] + row[1] * before[k, 1, 0] + row[2] * before[k, 2, 0]
    b = row[0] * before[k, 0, 1] + row[1] * before[k, 1, 1] + row[2] * before[k, 2, 1]
    d = row[0] * before[k, 0, 2] + row[1] * before[k, 1, 2] + row[2] * before[k, 2, 2]
    offset = row[0] * before[k, 0, 3] + row[1] * before[k, 1, 3] + row[2] * before[k, 2, 3]
    along = v * (a * x + b * y + d * z)
    return (
        along * x + c * a + s * (b * z - d * y),
        along * y + c * b + s * (d * x - a * z),
        along * z + c * d + s * (a * y - b * x),
        row[3] + offset + slide * (a * x + b * y + d * z),
    )


@compiled(several(4), reads(2), reads(2), COUNT, several(4))
def _row_off(
    after: FloatArray, target: FloatArray, i: int, row: tuple[float, ...]
) -> tuple[float, float, float, float]:
    """Squares (4,) of how far row i of the flange is off its target, from that row of the last joint's frame."""
    x = row[0] * after[0, 0] + row[1] * after[1, 0] + row[2] * after[2, 0] - target[i, 0]
    y = row[0] * after[0, 1] + row[1] * after[1, 1] + row[2] * after[2, 1] - target[i, 1]
    z = row[0] * after[0, 2] + row[1] * after[1, 2] + row[2] * after[2, 2] - target[i, 2]
    p = row[0] * after[0, 3] + row[1] * after[1, 3] + row[2] * after[2, 3] + row[3] - target[i, 3]
    return x * x, y * y, z * z, p * p


@compiled(REAL, *CHAIN, reads(2), reads(1))
def flange_error(
    before: FloatArray, axes: FloatArray, prismatic: BoolArray, after: FloatArray, target: FloatArray, q: FloatArray
) -> float:
    """How far the flange at `q` is off `target` (4, 4), as `pose_error` counts it; no frame is stored."""
    first, second, third = (1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0)
    for k in range(axes.shape[0]):
        slide, angle = (q[k], 0.0) if prismatic[k] else (0.0, q[k])
        s, c = sin(angle), cos(angle)
        first = _row_after(before, axes, k, s, c, slide, first)
        second = _row_after(before, axes, k, s, c, slide, second)
        third = _row_after(before, axes, k, s, c, slide, third)
    x, y, z = _row_off(after, target, 0, first), _row_off(after, target, 1, second), _row_off(after, target, 2, third)
    turned = max(x[0] + y[0] + z[0], x[1] + y[1] + z[1], x[2] + y[2] + z[2])
    return sqrt(max(turned, x[3] + y[3] + z[3]))


@compiled(FLAG, *CHAIN, reads(2), writes(1))
def _corrected(
    before: FloatArray, axes: FloatArray, prismatic: BoolArray, after: FloatArray, target: FloatArray, q: FloatArray
) -> bool:
    """Correct `q` (6,) by Newton steps towards `target` (4, 4); whether it reaches it to ACCEPTED."""
    frames = np.empty((8, 4, 4))
    point, twist, tried, jacobian = np.empty(3), np.empty(6), np.empty(6), np.empty((6, 6))
    link_frames(before, axes, prismatic, after, q, frames)
    error = pose_error(target, frames[7], twist)
    for _ in range(STEPS):
        if error <= POLISHED:
            break
        for i in range(3):
            point[i] = frames[7, i, 3]
        fill_jacobian(frames, axes, prismatic, point, jacobian)
        solve_in_place(jacobian, twist)
        for j in range(6):
            tried[j] = q[j] + twist[j] if prismatic[j] else wrapped(q[j] + twist[j])
        link_frames(before, axes, prismatic, after, tried, frames)
        polished = pose_error(target, frames[7], twist)
        if not polished < error:
            break
        error = polished
        for j in range(6):
            q[j] = tried[j]
    return error <= ACCEPTED


@compiled(FLAG, *CHAIN, reads(2), writes(1))
def verified(
    before: FloatArray, axes: FloatArray, prismatic: BoolArray, after: FloatArray, target: FloatArray, q: FloatArray
) -> bool:
    """Correct `q` (6,) where the chain misses `target` (4, 4) by more than POLISHED; whether it reaches it to ACCEPTED.

    A revolute joint that is corrected comes back within (-pi, pi].
    """
    if flange_error(before, axes, prismatic, after, target, q) <= POLISHED:
        return True
    return _corrected(before, axes, prismatic, after, target, q)


@compiled(NOTHING, *CHAIN, reads(2), writes(2), writes(1, FLAG), writes(1))
def _verify(
    before: FloatArray,
    axes: FloatArray,
    prismatic: BoolArray,
    after: FloatArray,
    target: FloatArray,
    branches: FloatArray,
    valid: BoolArray,
    room: FloatArray,
) -> None:
    """`verify_branches` with `room` (ROOM,) to work in."""
    for first in range(0, len(branches), 8):
        fill_misses(before, axes, prismatic, after, target, branches[first : first + 8], room)
        for k in range(first, min(first + 8, len(branches))):
            if valid[k] and not room[k - first] <= POLISHED:
                valid[k] = _corrected(before, axes, prismatic, after, target, branches[k])


@compiled(NOTHING, *CHAIN, reads(2), writes(2), writes(1, FLAG))
def verify_branches(
    before: FloatArray,
    axes: FloatArray,
    prismatic: BoolArray,
    after: FloatArray,
    target: FloatArray,
    branches: FloatArray,
    valid: BoolArray,
) -> None:
    """Correct every valid one of `branches` (b, 6) for `target` (4, 4), and strike from `valid` (b,) what misses it."""
    _verify(before, axes, prismatic, after, target, branches, valid, np.empty(ROOM))


@compiled(NOTHING, *CHAIN, reads(3), writes(3), writes(2, FLAG))
def verify_bulk(
    before: FloatArray,
    axes: FloatArray,
    prismatic: BoolArray,
    after: FloatArray,
    targets: FloatArray,
    branches: FloatArray,
    valid: BoolArray,
) -> None:
    """`verify_branches` for every one of `targets` (n, 4, 4), `branches` (n, b, 6) and `valid` (n, b)."""
    room = np.empty(ROOM)
    for n in range(len(targets)):
        _verify(before, axes, prismatic, after, targets[n], branches[n], valid[n], room)
