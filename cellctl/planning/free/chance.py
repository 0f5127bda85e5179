"""Chance that is the same on every machine: a xorshift64* generator (Vigna 2016) for compiled kernels."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from cellctl.kinematics.compiled import COUNT, REAL, compiled, writes

Draws = NDArray[np.uint64]


@compiled(writes(1, types.uint64), COUNT, COUNT)
def draws_of(seed: int, stream: int) -> Draws:
    """The state (1,) of a generator; equal for equal seed and stream."""
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(stream)
    return state


@compiled(REAL, writes(1, types.uint64), bare=True)
def draw(state: Draws) -> float:
    """The next double in [0, 1); `state` moves on."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0
