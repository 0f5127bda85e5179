"""The axes of a chain as lines in its base frame at zero, and how these lie to each other. It solves nothing."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from cellctl.kinematics.chain import Chain
from cellctl.kinematics.forward import frames
from cellctl.model.pose import FloatArray

PARALLEL: Final = 2e-5
"""Sine of the angle below which two axes are parallel: figures of real files are rounded to five digits."""
MEETING: Final = 2e-6
"""Distance (m) below which two axes meet; what they miss each other by is corrected in the answers."""


class Screws(NamedTuple):
    """Unit `axes` (dof, 3) and a point on each, `points` (dof, 3), in the base frame at zero; the flange there, `zero`
    (4, 4).
    """

    axes: FloatArray
    points: FloatArray
    zero: FloatArray


def screws_of(chain: Chain) -> Screws:
    """The screws of `chain` at zero."""
    at_zero = frames(chain, np.zeros(len(chain.axes)))
    moving = at_zero[1:-1]
    axes = np.einsum("kij,kj->ki", moving[:, :3, :3], chain.axes)
    return Screws(np.ascontiguousarray(axes), np.ascontiguousarray(moving[:, :3, 3]), at_zero[-1])


def parallel(screws: Screws, first: int, second: int) -> bool:
    """Whether two axes point the same way or opposite ways."""
    return bool(np.linalg.norm(np.cross(screws.axes[first], screws.axes[second])) < PARALLEL)


def meeting_point(screws: Screws, first: int, second: int) -> FloatArray | None:
    """Where two axes that are not parallel meet (3,), or None; half-way where they miss each other by a little."""
    if parallel(screws, first, second):
        return None
    h, k = screws.axes[first], screws.axes[second]
    apart = screws.points[second] - screws.points[first]
    across = np.cross(h, k)
    if abs(apart @ across) / np.linalg.norm(across) > MEETING:
        return None
    along_first = np.cross(apart, k) @ across / (across @ across)
    along_second = np.cross(apart, h) @ across / (across @ across)
    middle: FloatArray = 0.5 * (screws.points[first] + along_first * h + screws.points[second] + along_second * k)
    return middle


def distance_to(screws: Screws, axis: int, point: FloatArray) -> float:
    """Distance (m) of `point` (3,) from an axis."""
    return float(np.linalg.norm(np.cross(point - screws.points[axis], screws.axes[axis])))


def inverse_of(transform: FloatArray) -> FloatArray:
    """The inverse of a rigid transform (4, 4)."""
    result = np.eye(4)
    result[:3, :3] = transform[:3, :3].T
    result[:3, 3] = -transform[:3, :3].T @ transform[:3, 3]
    return result
