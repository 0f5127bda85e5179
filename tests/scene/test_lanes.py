"""Sixteen numbers at once give the bits of numpy's float32, lane by lane."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.kinematics.compiled import COUNT, NOTHING, compiled, reads, writes
from cellctl.scene.spheres.blocks import sine_cosine
from cellctl.scene.spheres.lanes import SINGLE, below, larger, load, root, size, smaller, splat, store


@compiled(NOTHING, reads(1, SINGLE), reads(1, SINGLE), writes(1, SINGLE))
def _arithmetic(a, b, out):
    x, y = load(a, 0), load(b, 0)
    store(out, 0, x + y)
    store(out, 16, x - y)
    store(out, 32, x * y)
    store(out, 48, x / y)
    store(out, 64, x * np.float32(0.1) + y * np.float32(0.3))
    store(out, 80, root(size(x)))
    store(out, 96, larger(x, y))
    store(out, 112, smaller(x, y))
    store(out, 128, splat(np.float32(2.5)))


@compiled(COUNT, reads(1, SINGLE), reads(1, SINGLE))
def _below(a, b):
    return below(load(a, 0), load(b, 0))


@compiled(NOTHING, reads(1, SINGLE), writes(1, SINGLE))
def _turned(angles, out):
    for k in range(0, len(angles), 16):
        s, c = sine_cosine(load(angles, k))
        store(out, 2 * k, s)
        store(out, 2 * k + 16, c)


@pytest.mark.parametrize("seed", range(20))
def test_arithmetic_has_the_bits_of_numpy(seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = (draw.normal(size=16) * 10.0 ** draw.integers(-4, 5, 16)).astype(np.float32), None
    b = (draw.normal(size=16) * 10.0 ** draw.integers(-4, 5, 16)).astype(np.float32)
    out = np.zeros(144, np.float32)
    _arithmetic(a, b, out)
    single = np.float32
    wanted = [a + b, a - b, a * b, a / b, a * single(0.1) + b * single(0.3), np.sqrt(np.abs(a)), np.maximum(a, b)]
    wanted += [np.minimum(a, b), np.full(16, 2.5, np.float32)]
    assert out.tobytes() == np.concatenate(wanted).tobytes()


def test_what_is_no_number_counts_as_below() -> None:
    a, b = np.arange(16, dtype=np.float32), np.full(16, 7.5, np.float32)
    a[12] = np.nan
    assert _below(a, b) == sum(1 << k for k in (*range(8), 12))
    assert _below(a, np.full(16, np.nan, np.float32)) == 0xFFFF


def test_sine_and_cosine_are_right_for_two_turns() -> None:
    angles = np.linspace(-13.0, 13.0, 16 * 2000).astype(np.float32)
    out = np.zeros(2 * len(angles), np.float32)
    _turned(angles, out)
    s, c = out.reshape(-1, 2, 16)[:, 0].ravel(), out.reshape(-1, 2, 16)[:, 1].ravel()
    assert np.abs(s - np.sin(angles.astype(np.float64))).max() < 1.5e-6
    assert np.abs(c - np.cos(angles.astype(np.float64))).max() < 1.5e-6
