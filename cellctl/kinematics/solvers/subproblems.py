"""Turns about an axis that bring a vector somewhere, compiled: what closed forms are made of. No arm is known.

The first and the fourth subproblem of A. J. Elias, J. T. Wen, "IK-Geo: unified robot inverse kinematics using
subproblem decomposition", 2022 (after Paden and Kahan); the second and the third are built from these two.
"""

from __future__ import annotations

from math import acos, atan2, cos, hypot, sin
from typing import Final

from cellctl.kinematics.compiled import FLAG, NOTHING, REAL, compiled, reads, writes
from cellctl.model.pose import FloatArray

REACH_SLACK: Final = 1e-9
"""How far past +-1 a cosine may lie and still count as an arm that is just stretched."""
NO_LENGTH: Final = 1e-12


@compiled(NOTHING, reads(1), REAL, reads(1), writes(1))
def turn(axis: FloatArray, angle: float, vector: FloatArray, out: FloatArray) -> None:
    """Fill `out` (3,) with `vector` (3,) turned by `angle` (rad) about the unit vector `axis` (3,); Rodrigues."""
    c, s = cos(angle), sin(angle)
    x, y, z = vector[0], vector[1], vector[2]
    along = (1.0 - c) * (axis[0] * x + axis[1] * y + axis[2] * z)
    out[0] = c * x + s * (axis[1] * z - axis[2] * y) + along * axis[0]
    out[1] = c * y + s * (axis[2] * x - axis[0] * z) + along * axis[1]
    out[2] = c * z + s * (axis[0] * y - axis[1] * x) + along * axis[2]


@compiled(REAL, reads(1), reads(1))
def dot(a: FloatArray, b: FloatArray) -> float:
    """The product of two vectors (3,)."""
    product: float = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return product


@compiled(REAL, reads(1), reads(1), reads(1))
def angle_to(axis: FloatArray, start: FloatArray, end: FloatArray) -> float:
    """The turn (rad) about `axis` (3,) that brings `start` (3,) nearest to `end` (3,); 0 where every turn does."""
    along = dot(axis, start)
    sine = (
        end[0] * (axis[1] * start[2] - axis[2] * start[1])
        + end[1] * (axis[2] * start[0] - axis[0] * start[2])
        + end[2] * (axis[0] * start[1] - axis[1] * start[0])
    )
    cosine = dot(start, end) - along * dot(axis, end)
    return atan2(sine, cosine)


@compiled(FLAG, reads(1), reads(1), reads(1), REAL, REAL, writes(1))
def angles_to_plane(
    normal: FloatArray, axis: FloatArray, vector: FloatArray, height: float, slack: float, out: FloatArray
) -> bool:
    """Fill `out` (2,) with both turns about `axis` (3,) after which `normal` . `vector` is `height`; False if none is.

    The first has the greater angle from the turn that lifts the vector most, the second the lesser; so each keeps its
    place along a path. Where `height` is out of reach by no more than `slack` (as a cosine), both are the nearest.
    """
    along = dot(axis, vector)
    sine = (
        normal[0] * (axis[1] * vector[2] - axis[2] * vector[1])
        + normal[1] * (axis[2] * vector[0] - axis[0] * vector[2])
        + normal[2] * (axis[0] * vector[1] - axis[1] * vector[0])
    )
    lift = dot(normal, axis) * along
    cosine = dot(normal, vector) - lift
    largest = hypot(sine, cosine)
    if largest < NO_LENGTH:
        out[0] = out[1] = 0.0
        return abs(height - lift) < REACH_SLACK
    share = (height - lift) / largest
    if not abs(share) <= 1.0 + slack:
        return False
    top, away = atan2(sine, cosine), acos(min(1.0, max(-1.0, share)))
    out[0], out[1] = top + away, top - away
    return True
