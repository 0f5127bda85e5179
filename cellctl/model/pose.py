"""Rigid poses. Chained by name: `pose_world_tcp = pose_world_base @ pose_base_tcp`. Knows no degrees and no files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def frozen_array(values: ArrayLike, shape: tuple[int, ...] | None = None) -> FloatArray:
    """A read-only, contiguous float64 copy of `values`; raises ValueError when it has not `shape` or holds NaN or
    infinity.
    """
    array = np.array(values, dtype=np.float64, copy=True, order="C")
    if shape is not None and array.shape != shape:
        raise ValueError(f"expected shape {shape}, got {array.shape}")
    if not np.all(np.isfinite(array)):
        raise ValueError("values must be finite")
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """A rigid transform, `matrix` (4, 4) read-only, rotation orthonormal to 1e-9, translation in metres."""

    matrix: FloatArray

    def __post_init__(self) -> None:
        matrix = frozen_array(self.matrix, (4, 4))
        rotation = matrix[:3, :3]
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-9 or np.linalg.det(rotation) < 0.0:
            raise ValueError("rotation is not orthonormal and right-handed")
        if not np.array_equal(matrix[3], (0.0, 0.0, 0.0, 1.0)):
            raise ValueError("last row must be 0 0 0 1")
        object.__setattr__(self, "matrix", matrix)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pose) and np.array_equal(self.matrix, other.matrix)

    def __hash__(self) -> int:
        return hash(self.matrix.tobytes())

    def __matmul__(self, other: Pose) -> Pose:
        return Pose(orthonormalised(self.matrix @ other.matrix))

    @property
    def rotation(self) -> FloatArray:
        """Rotation matrix (3, 3)."""
        return self.matrix[:3, :3]

    @property
    def position(self) -> FloatArray:
        """Translation (3,), m."""
        return self.matrix[:3, 3]

    @property
    def quat_xyzw(self) -> FloatArray:
        """Unit quaternion (4,), scalar last, w >= 0."""
        return quat_xyzw_of(self.rotation)

    def inverse(self) -> Pose:
        """The inverse transform."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation.T
        matrix[:3, 3] = -self.rotation.T @ self.position
        return Pose(matrix)

    def apply(self, points: ArrayLike) -> FloatArray:
        """Points (..., 3) of the inner frame, in the outer frame, m."""
        result: FloatArray = np.asarray(points, dtype=np.float64) @ self.rotation.T + self.position
        return result

    def rotate(self, vectors: ArrayLike) -> FloatArray:
        """Directions (..., 3) of the inner frame, in the outer frame."""
        result: FloatArray = np.asarray(vectors, dtype=np.float64) @ self.rotation.T
        return result

    @staticmethod
    def identity() -> Pose:
        """The unit transform, the same one every time."""
        return _identity()

    @staticmethod
    def of(xyz: ArrayLike = (0.0, 0.0, 0.0), rpy: Sequence[float] = (0.0, 0.0, 0.0)) -> Pose:
        """From a translation (m) and fixed-axis roll, pitch, yaw (rad), as URDF has them: Rz(y) Ry(p) Rx(r)."""
        matrix = np.eye(4)
        matrix[:3, :3] = rotation_rpy(*rpy)
        matrix[:3, 3] = xyz
        return Pose(matrix)

    @staticmethod
    def from_rotation(rotation: ArrayLike, xyz: ArrayLike = (0.0, 0.0, 0.0)) -> Pose:
        """From a rotation matrix (3, 3), orthonormalised, and a translation (m)."""
        matrix = np.eye(4)
        matrix[:3, :3] = rotation
        matrix[:3, 3] = xyz
        return Pose(orthonormalised(matrix))


@cache
def _identity() -> Pose:
    return Pose(np.eye(4))


def as_pose(value: Pose | Any) -> Pose:
    """A `Pose` from a `Pose`, a spatialmath `SE3` of one element, or a (4, 4) array: the one place where SE3 comes
    in.
    """
    if isinstance(value, Pose):
        return value
    matrix = getattr(value, "A", value)
    return Pose(orthonormalised(np.asarray(matrix, dtype=np.float64)))


def orthonormalised(matrix: FloatArray) -> FloatArray:
    """`matrix` (4, 4) with its rotation replaced by the nearest orthonormal one; error of a product is taken out."""
    rotation = matrix[:3, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-6:
        raise ValueError("rotation is not orthonormal")
    u, _, vt = np.linalg.svd(rotation)
    result = np.eye(4)
    result[:3, :3] = u @ vt
    result[:3, 3] = matrix[:3, 3]
    return result


def rotation_rpy(roll: float, pitch: float, yaw: float) -> FloatArray:
    """Rz(yaw) Ry(pitch) Rx(roll), rad."""
    cr, sr, cp, sp, cy, sy = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def rotation_about(axis: ArrayLike, angle: float) -> FloatArray:
    """Rotation (3, 3) by `angle` (rad) about the unit vector `axis` (3,), Rodrigues' formula."""
    x, y, z = np.asarray(axis, dtype=np.float64)
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    result: FloatArray = np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * (k @ k)
    return result


def quat_xyzw_of(rotation: FloatArray) -> FloatArray:
    """Unit quaternion (4,), scalar last and not negative, of a rotation matrix (3, 3); Shepperd's method."""
    trace = float(np.trace(rotation))
    diagonal = np.array([*np.diag(rotation), trace])
    i = int(np.argmax(diagonal))
    quat = np.empty(4)
    if i == 3:
        quat[3] = 1.0 + trace
        quat[0] = rotation[2, 1] - rotation[1, 2]
        quat[1] = rotation[0, 2] - rotation[2, 0]
        quat[2] = rotation[1, 0] - rotation[0, 1]
    else:
        j, k = (i + 1) % 3, (i + 2) % 3
        quat[i] = 1.0 - trace + 2.0 * rotation[i, i]
        quat[j] = rotation[i, j] + rotation[j, i]
        quat[k] = rotation[i, k] + rotation[k, i]
        quat[3] = rotation[k, j] - rotation[j, k]
    quat /= np.linalg.norm(quat)
    return -quat if quat[3] < 0.0 else quat


def unit(vector: ArrayLike) -> FloatArray:
    """`vector` (..., 3) divided by its length; raises ValueError when a length is below 1e-12."""
    array = np.asarray(vector, dtype=np.float64)
    length = np.linalg.norm(array, axis=-1, keepdims=True)
    if np.any(length < 1e-12):
        raise ValueError("a zero vector has no direction")
    result: FloatArray = array / length
    return result
