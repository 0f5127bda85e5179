"""Continuous refinement of a ladder's way: spin and torch angles inside their windows, for the smoothest joints.

Minimises  sum ds W |q'|^2 + beta sum ds W |q''|^2 + pulls  over z_i = (spin, work, travel) by Gauss-Newton; dq/dz by
forward differences of the closed-form inverse, banded Cholesky, box bounds by holding variables at a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cellctl.model.pose import FloatArray

Inverse = Callable[[FloatArray, FloatArray], FloatArray]
"""Joint values (n, dof) for z (n, 3), each nearest to the given joints (n, dof); NaN rows where there is none."""

BETA = 1e-4
LARGEST_STEP = np.radians(20.0)


@dataclass(frozen=True, slots=True, eq=False)
class Torches:
    """Spin, work and travel angle per station `z` (n, 3), rad, and the joints `q` (n, dof) that reach them."""

    z: FloatArray
    q: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Bounds `lower`, `upper` (n, 3) of z, the values `wanted` (n, 3) that it is pulled to with weights `pull` (n, 3)."""

    lower: FloatArray
    upper: FloatArray
    wanted: FloatArray
    pull: FloatArray


def refined(start: Torches, s: FloatArray, box: Box, weights: FloatArray, inverse: Inverse, rounds: int = 25) -> Torches:
    """The refined torches from `start` on stations `s` (n,); weights (dof,) scale the joints (1 / v_max^2)."""
    smoothness = _smoothness_matrix(s)
    now = start
    cost = _cost(now, smoothness, box, weights)
    for _ in range(rounds):
        step = _gauss_newton_step(now, smoothness, box, weights, inverse)
        better = _line_search(now, step, cost, smoothness, box, weights, inverse)
        if better is None:
            break
        gained = cost - better[1]
        now, cost = better
        if gained < 1e-5 * cost:
            break
    return now


def _smoothness_matrix(s: FloatArray) -> FloatArray:
    """Bands 0, 1, 2 of the symmetric matrix of the smoothness cost over one joint, (3, n)."""
    n = len(s)
    bands = np.zeros((3, n))
    h = np.diff(s)
    bands[0, :-1] += 1.0 / h
    bands[0, 1:] += 1.0 / h
    bands[1, :-1] -= 1.0 / h
    ds = 0.5 * (h[1:] + h[:-1])
    a, c = 1.0 / (h[:-1] * ds), 1.0 / (h[1:] * ds)
    b = -(a + c)
    w = BETA * ds
    bands[0, :-2] += w * a * a
    bands[0, 1:-1] += w * b * b
    bands[0, 2:] += w * c * c
    bands[1, :-2] += w * a * b
    bands[1, 1:-1] += w * b * c
    bands[2, :-2] += w * a * c
    return bands


def _applied(bands: FloatArray, q: FloatArray) -> FloatArray:
    result = bands[0][:, None] * q
    for k in (1, 2):
        band = bands[k][: len(q) - k, None]
        result[:-k] += band * q[k:]
        result[k:] += band * q[:-k]
    return result


def _cost(now: Torches, bands: FloatArray, box: Box, weights: FloatArray) -> float:
    smooth = float(np.sum(weights * now.q * _applied(bands, now.q)))
    return smooth + float(np.sum(box.pull * (now.z - box.wanted) ** 2))


def _gauss_newton_step(now: Torches, bands: FloatArray, box: Box, weights: FloatArray, inverse: Inverse) -> FloatArray:
    from scipy.linalg import solveh_banded

    n = len(now.z)
    slopes = np.empty((n, now.q.shape[1], 3))
    for k in range(3):
        moved = now.z.copy()
        moved[:, k] += 1e-6
        slopes[:, :, k] = (inverse(moved, now.q) - now.q) / 1e-6
    slopes[~np.isfinite(slopes)] = 0.0
    gradient = np.einsum("ijk,ij->ik", slopes, weights * _applied(bands, now.q)) + box.pull * (now.z - box.wanted)
    held = ((now.z <= box.lower) & (gradient > 0.0)) | ((now.z >= box.upper) & (gradient < 0.0))
    slopes = np.where(held[:, None, :], 0.0, slopes)
    gradient = np.where(held, 0.0, gradient)
    matrix = np.zeros((9, 3 * n))
    for k in range(3):
        blocks = bands[k][: n - k, None, None] * np.einsum("ija,j,ijb->iab", slopes[: n - k], weights, slopes[k:])
        for a in range(3):
            for b in range(3):
                offset = 3 * k + b - a
                if offset < 0:
                    continue
                matrix[offset, a : 3 * (n - k) : 3] += blocks[:, a, b]
    matrix[0] += (box.pull + np.where(held, 1.0, 1e-9)).ravel()
    step: FloatArray = -solveh_banded(matrix, gradient.ravel(), lower=True).reshape(n, 3)
    return np.clip(step, -LARGEST_STEP, LARGEST_STEP)


def _line_search(
    now: Torches,
    step: FloatArray,
    cost: float,
    bands: FloatArray,
    box: Box,
    weights: FloatArray,
    inverse: Inverse,
) -> tuple[Torches, float] | None:
    for scale in (1.0, 0.5, 0.25, 0.125, 0.03):
        z = np.clip(now.z + scale * step, box.lower, box.upper)
        q = inverse(z, now.q)
        if not np.all(np.isfinite(q)):
            continue
        candidate = Torches(z, q)
        its_cost = _cost(candidate, bands, box, weights)
        if its_cost < cost:
            return candidate, its_cost
    return None
