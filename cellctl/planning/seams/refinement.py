"""Continuous refinement of a ladder's way: spin and torch angles inside their windows, for the smoothest joints.

Minimises  sum ds W |q'|^2 + beta sum ds W |q''|^2 + pulls  over z_i = (spin, work, travel, and a held joint where there
is one) by Gauss-Newton; dq/dz by forward differences of the inverse, banded Cholesky, box bounds by holding variables
at a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.planning.seams.box_minimum import fill_boxed_minimum

Inverse = Callable[[FloatArray, FloatArray], FloatArray]
"""Joint values (n, dof) for z (n, k), each nearest to the given joints (n, dof); NaN rows where there is none."""

BETA = 1e-4
LARGEST_STEP = np.radians(20.0)
DIFFERENCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Torches:
    """Spin, work, travel angle (and a held joint) per station `z` (n, k), and the joints `q` (n, dof) for them; rad."""

    z: FloatArray
    q: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Bounds `lower`, `upper` (n, k) of z, the values `wanted` (n, k) that it is pulled to with weights `pull`."""

    lower: FloatArray
    upper: FloatArray
    wanted: FloatArray
    pull: FloatArray


@dataclass(frozen=True, slots=True)
class KeepOut:
    """A wrist singularity to stay away from: joint `axis` within `width` of `centre` or a whole `period` from it (rad)
    costs `weight` times the squared intrusion at every station.
    """

    axis: int
    centre: float
    period: float
    width: float
    weight: float

    def intrusion(self, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """How deep the joints (n, dof) are inside (n,), and the slope (n,) of that over the joint."""
        away = q[:, self.axis] - self.centre
        away = away - self.period * np.round(away / self.period)
        depth = np.maximum(0.0, self.width - np.abs(away))
        return depth, np.where(depth > 0.0, -np.sign(away), 0.0)


NOWHERE = KeepOut(axis=0, centre=0.0, period=2.0 * np.pi, width=0.0, weight=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """What is minimised: the smoothness matrix in `bands` (3, n), joint `weights` (dof,), the box with its pulls, the
    keep-out, and `levels` (dof,): what the square of each joint itself costs at every station.
    """

    bands: FloatArray
    weights: FloatArray
    box: Box
    keep_out: KeepOut
    levels: FloatArray

    def cost(self, now: Torches) -> float:
        """The objective's value."""
        smooth = float(np.sum(self.weights * now.q * _applied(self.bands, now.q)))
        smooth += float(np.sum(self.levels * now.q**2))
        pulled = float(np.sum(self.box.pull * (now.z - self.box.wanted) ** 2))
        return smooth + pulled + self.keep_out.weight * float(np.sum(self.keep_out.intrusion(now.q)[0] ** 2))


def refined(
    start: Torches,
    s: FloatArray,
    box: Box,
    weights: FloatArray,
    inverse: Inverse,
    *,
    keep_out: KeepOut = NOWHERE,
    levels: FloatArray | None = None,
    rounds: int = 25,
) -> Torches:
    """The refined torches from `start` on stations `s` (n,); `weights` (dof,) scale the joints (1 / v_max^2), `levels`
    (dof,) draw them to zero.
    """
    level = np.zeros(len(weights)) if levels is None else levels
    objective = Objective(_smoothness_matrix(s), weights, box, keep_out, level)
    now = start
    cost = objective.cost(now)
    for _ in range(rounds):
        better = _line_search(now, _gauss_newton_step(now, objective, inverse), cost, objective, inverse)
        if better is None:
            break
        gained = cost - better[1]
        now, cost = better
        if gained < 1e-3 * cost:
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
    result: FloatArray = bands[0][:, None] * q
    for k in (1, 2):
        band = bands[k][: len(q) - k, None]
        result[:-k] += band * q[k:]
        result[k:] += band * q[:-k]
    return result


def _gauss_newton_step(now: Torches, objective: Objective, inverse: Inverse) -> FloatArray:
    """The step (n, k) to the least of the local quadratic inside the box."""
    box, keep_out = objective.box, objective.keep_out
    n, k = now.z.shape
    slopes = _slopes(now, inverse)
    depth, inwards = keep_out.intrusion(now.q)
    wall = inwards[:, None] * slopes[:, keep_out.axis]
    steepness = objective.weights * _applied(objective.bands, now.q) + objective.levels * now.q
    gradient = np.einsum("ijk,ij->ik", slopes, steepness)
    gradient += box.pull * (now.z - box.wanted) + keep_out.weight * depth[:, None] * wall
    matrix = _normal_matrix(slopes, objective)
    drawn = np.einsum("ija,j,ijb->iab", slopes, objective.levels, slopes)
    for a in range(k):
        for b in range(a, k):
            matrix[b - a, a::k] += keep_out.weight * wall[:, a] * wall[:, b] + drawn[:, a, b]
    low, high = (np.clip(bound - now.z, -LARGEST_STEP, LARGEST_STEP).ravel() for bound in (box.lower, box.upper))
    step = np.empty(n * k)
    fill_boxed_minimum(matrix, gradient.ravel(), low, high, step)
    return step.reshape(n, k)


def _slopes(now: Torches, inverse: Inverse) -> FloatArray:
    """dq/dz (n, dof, k) by forward differences; zero where the inverse ends."""
    slopes = np.empty((*now.q.shape, now.z.shape[1]))
    for k in range(now.z.shape[1]):
        moved = now.z.copy()
        moved[:, k] += DIFFERENCE
        slopes[:, :, k] = (inverse(moved, now.q) - now.q) / DIFFERENCE
    slopes[~np.isfinite(slopes)] = 0.0
    return slopes


def _normal_matrix(slopes: FloatArray, objective: Objective) -> FloatArray:
    """The Gauss-Newton matrix of smoothness and pulls in lower banded form (3 k, k n)."""
    n, size, bands, weights = len(slopes), slopes.shape[2], objective.bands, objective.weights
    matrix = np.zeros((3 * size, size * n))
    for k in range(3):
        blocks = bands[k][: n - k, None, None] * np.einsum("ija,j,ijb->iab", slopes[: n - k], weights, slopes[k:])
        for a in range(size):
            for b in range(a if k == 0 else 0, size):
                matrix[size * k + b - a, a : size * (n - k) : size] += blocks[:, a, b]
    matrix[0] += objective.box.pull.ravel() + 1e-9
    return matrix


def _line_search(
    now: Torches, step: FloatArray, cost: float, objective: Objective, inverse: Inverse
) -> tuple[Torches, float] | None:
    for scale in (1.0, 0.5, 0.25, 0.125, 0.03):
        z = np.clip(now.z + scale * step, objective.box.lower, objective.box.upper)
        q = inverse(z, now.q)
        if not np.all(np.isfinite(q)):
            continue
        candidate = Torches(z, q)
        its_cost = objective.cost(candidate)
        if its_cost < cost:
            return candidate, its_cost
    return None
