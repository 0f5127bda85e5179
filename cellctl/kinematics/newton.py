"""Small motions that close the gap between a flange and its target, compiled. It knows no closed form and no limits.

Every closed form ends here: its answers are corrected along the chain where that is needed, and verified by it.
"""

from __future__ import annotations

from math import ceil, pi, sqrt
from typing import Final

import numpy as np

from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import FLAG, NOTHING, REAL, compiled, reads, writes
from cellctl.kinematics.forward import link_frames
from cellctl.kinematics.jacobian import fill_jacobian
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


@compiled(FLAG, *CHAIN, reads(2), writes(1))
def verified(
    before: FloatArray, axes: FloatArray, prismatic: BoolArray, after: FloatArray, target: FloatArray, q: FloatArray
) -> bool:
    """Correct `q` (6,) where the chain misses `target` (4, 4) by more than POLISHED; whether it reaches it to ACCEPTED.

    A revolute joint that is corrected comes back within (-pi, pi].
    """
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
