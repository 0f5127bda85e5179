"""The geometric Jacobian and how near it is to singular. It knows no limits and inverts nothing.

Rows: linear velocity (3) first, then angular (3), of a point fixed to the flange, all in the base frame.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from cellctl.kinematics.chain import BoolArray, Chain
from cellctl.kinematics.compiled import FLAG, NOTHING, compiled, reads, writes
from cellctl.kinematics.forward import joint_rows, link_frames
from cellctl.model.pose import FloatArray, Pose

CHARACTERISTIC_LENGTH: Final = 0.5
"""Length (m) that makes linear rows comparable with angular ones: 0.3 suits small arms, 0.5 to 1 large ones."""


@compiled(NOTHING, reads(3), reads(2), reads(1, FLAG), reads(1), writes(2))
def fill_jacobian(
    frames: FloatArray, axes: FloatArray, prismatic: BoolArray, point: FloatArray, out: FloatArray
) -> None:
    """Fill `out` (6, dof) from the `frames` (dof + 2, 4, 4) of a chain; `point` (3,), base frame, is on the flange."""
    for j in range(axes.shape[0]):
        f = frames[j + 1]
        x = f[0, 0] * axes[j, 0] + f[0, 1] * axes[j, 1] + f[0, 2] * axes[j, 2]
        y = f[1, 0] * axes[j, 0] + f[1, 1] * axes[j, 1] + f[1, 2] * axes[j, 2]
        z = f[2, 0] * axes[j, 0] + f[2, 1] * axes[j, 1] + f[2, 2] * axes[j, 2]
        if prismatic[j]:
            out[0, j], out[1, j], out[2, j] = x, y, z
            out[3, j], out[4, j], out[5, j] = 0.0, 0.0, 0.0
        else:
            u, v, w = point[0] - f[0, 3], point[1] - f[1, 3], point[2] - f[2, 3]
            out[0, j], out[1, j], out[2, j] = y * w - z * v, z * u - x * w, x * v - y * u
            out[3, j], out[4, j], out[5, j] = x, y, z


@compiled(NOTHING, reads(3), reads(2), reads(1, FLAG), reads(2), reads(2), reads(1), writes(3))
def fill_jacobians(
    before: FloatArray,
    axes: FloatArray,
    prismatic: BoolArray,
    after: FloatArray,
    joints: FloatArray,
    point_flange: FloatArray,
    out: FloatArray,
) -> None:
    """Fill `out` (n, 6, dof) for every row of `joints` (n, dof); `point_flange` (3,) is in the flange frame."""
    dof = axes.shape[0]
    scratch = np.empty((dof + 2, 4, 4))
    point = np.empty(3)
    for n in range(joints.shape[0]):
        link_frames(before, axes, prismatic, after, joints[n], scratch)
        flange = scratch[dof + 1]
        for i in range(3):
            point[i] = flange[i, 3]
            for k in range(3):
                point[i] += flange[i, k] * point_flange[k]
        fill_jacobian(scratch, axes, prismatic, point, out[n])


def jacobians(chain: Chain, joints: ArrayLike, pose_flange_tcp: Pose | None = None) -> FloatArray:
    """Geometric Jacobians (n, 6, dof) of the TCP, linear rows first, in the base frame, for joint values (n, dof)."""
    rows = joint_rows(chain, joints)
    point = np.zeros(3) if pose_flange_tcp is None else np.array(pose_flange_tcp.position)
    out = np.empty((len(rows), 6, len(chain.axes)))
    fill_jacobians(*chain, rows, point, out)
    return out


def point_speeds(chain: Chain, joints: ArrayLike, rates: FloatArray, pose_flange_point: Pose) -> FloatArray:
    """Speeds (n,), m/s, of a point fixed to the flange, for joint values and their rates (n, dof)."""
    linear = jacobians(chain, joints, pose_flange_point)[:, :3]
    return np.asarray(np.linalg.norm(np.einsum("nij,nj->ni", linear, rates), axis=1), dtype=np.float64)


def jacobian(chain: Chain, q: ArrayLike, pose_flange_tcp: Pose | None = None) -> FloatArray:
    """Geometric Jacobian (6, dof) of the TCP, linear rows first, in the base frame, at `q` (dof,)."""
    result: FloatArray = jacobians(chain, q, pose_flange_tcp)[0]
    return result


def normalised_sigma_min(jacobian: FloatArray, characteristic_length: float = CHARACTERISTIC_LENGTH) -> FloatArray:
    """Smallest singular value (...) of Jacobians (..., 6, dof) with their linear rows over `characteristic_length` (m).

    Without a length the value would mix metres and radians; 0 is singular.
    """
    scaled = np.array(jacobian, dtype=np.float64)
    scaled[..., :3, :] /= characteristic_length
    return np.asarray(np.linalg.svd(scaled, compute_uv=False)[..., -1], dtype=np.float64)


def least_sigma(jacobians: FloatArray, characteristic_length: float = CHARACTERISTIC_LENGTH) -> float:
    """The least `normalised_sigma_min` of Jacobians (n, 6, dof).

    With B the inverse of J J', that of a square J is at least 1 over the fourth root of the Frobenius norm of B B, and
    hardly more, so decompositions are made only of those that this leaves below the least one known.
    """
    if jacobians.shape[2] != 6:
        return float(normalised_sigma_min(jacobians, characteristic_length).min())
    scaled = np.array(jacobians, dtype=np.float64)
    scaled[:, :3] /= characteristic_length
    try:
        inverse = np.linalg.inv(scaled)
    except np.linalg.LinAlgError:
        return 0.0
    square = np.swapaxes(inverse, 1, 2) @ inverse
    bounds = np.nan_to_num(1.0 / np.sqrt(np.sqrt(np.linalg.norm(square @ square, axis=(1, 2)))))
    known = np.linalg.svd(scaled[np.argmin(bounds)], compute_uv=False)[-1]
    below = scaled[bounds <= (1.0 + 1e-6) * known]
    return float(np.linalg.svd(below, compute_uv=False)[:, -1].min())
