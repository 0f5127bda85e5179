"""The least of a convex quadratic inside a box, its matrix banded: compiled. Knows no seam."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from cellctl.kinematics.compiled import NOTHING, compiled, reads, writes
from cellctl.model.pose import FloatArray

ROUNDS: Final = 15


@compiled(NOTHING, reads(2), reads(1), writes(1), late=True)
def _fill_product(matrix: FloatArray, vector: FloatArray, out: FloatArray) -> None:
    """Fill `out` (n,) with a symmetric matrix in lower banded form (bands, n) times a vector (n,)."""
    n = len(vector)
    for i in range(n):
        out[i] = matrix[0, i] * vector[i]
    for k in range(1, matrix.shape[0]):
        for i in range(n - k):
            out[i + k] += matrix[k, i] * vector[i]
            out[i] += matrix[k, i] * vector[i + k]


@compiled(NOTHING, reads(2), reads(1, types.int8), writes(2), writes(1), late=True)
def _solve_free(matrix: FloatArray, side: NDArray[np.int8], factor: FloatArray, out: FloatArray) -> None:
    """Solve for the entries of `out` (n,) whose `side` is 0, and leave the others: a Cholesky factor L D L' of the
    rows and columns that are free, into `factor` (bands, n).
    """
    bands, n = matrix.shape
    for i in range(n):
        for k in range(bands):
            free = k == 0 or (i + k < n and side[i] == 0 and side[i + k] == 0)
            factor[k, i] = matrix[k, i] if free else 0.0
        if side[i] != 0:
            factor[0, i] = 1.0
    for i in range(n):
        for k in range(1, min(bands, n - i)):
            share = factor[k, i] / factor[0, i]
            if share == 0.0:
                continue
            for m in range(k, min(bands, n - i)):
                factor[m - k, i + k] -= share * factor[m, i]
        for k in range(1, min(bands, n - i)):
            factor[k, i] /= factor[0, i]
            out[i + k] -= factor[k, i] * out[i]
    for i in range(n - 1, -1, -1):
        out[i] /= factor[0, i]
        for k in range(1, min(bands, n - i)):
            out[i] -= factor[k, i] * out[i + k]


@compiled(NOTHING, reads(2), reads(1), reads(1), reads(1), writes(1))
def fill_boxed_minimum(
    matrix: FloatArray, gradient: FloatArray, low: FloatArray, high: FloatArray, out: FloatArray
) -> None:
    """Fill `out` (n,) with the minimiser x of x.Mx / 2 + gradient.x inside [low, high].

    `matrix` (bands, n) is M in lower banded form. Primal-dual active set (Hintermueller, Ito, Kunisch 2003), in ROUNDS
    at most.
    """
    n = len(gradient)
    side, before = np.zeros(n, np.int8), np.zeros(n, np.int8)
    factor, product = np.empty(matrix.shape), np.empty(n)
    for _ in range(ROUNDS):
        for i in range(n):
            out[i] = low[i] if side[i] < 0 else (high[i] if side[i] > 0 else 0.0)
        _fill_product(matrix, out, product)
        for i in range(n):
            if side[i] == 0:
                out[i] = -gradient[i] - product[i]
        _solve_free(matrix, side, factor, out)
        _fill_product(matrix, out, product)
        before[:] = side
        for i in range(n):
            pressure = -(gradient[i] + product[i])
            if (before[i] < 0 and pressure < 0.0) or (before[i] >= 0 and out[i] < low[i]):
                side[i] = -1
            elif (before[i] > 0 and pressure > 0.0) or (before[i] <= 0 and out[i] > high[i]):
                side[i] = 1
            else:
                side[i] = 0
        if np.all(side == before):
            break
    for i in range(n):
        out[i] = min(max(out[i], low[i]), high[i])
