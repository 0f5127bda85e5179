"""What a motion asks of its limits: the compiled spline against the general one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.bench.timing import random_path, sample_limits
from cellctl.model.spline import BSpline, clamped_knots
from cellctl.planning.laws.limits import cubic_at, hardest_use, third_derivative
from cellctl.planning.laws.timing import constant_speed_law


@given(seed=st.integers(0, 10_000), count=st.integers(4, 12), share=st.floats(-0.1, 1.1))
def test_the_compiled_cubic_is_the_spline_and_its_derivatives(seed: int, count: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    spline = BSpline(3, clamped_knots(np.cumsum(rng.uniform(0.01, 1.0, count - 2))), rng.uniform(-1.0, 1.0, (count, 3)))
    u = spline.start + share * (spline.end - spline.start)
    out = np.empty((4, 3))
    cubic_at(spline.knots, spline.control, u, out)
    expected = [spline(u)[0], spline(u, 1)[0], spline(u, 2)[0]]
    np.testing.assert_allclose(out[:3], expected, rtol=1e-9, atol=1e-9)
    inside = np.clip([u], spline.start, spline.end)
    scale = np.abs(third_derivative(spline, spline.knots)).max()
    np.testing.assert_allclose(out[3], third_derivative(spline, inside)[0], atol=1e-8 * scale)


@pytest.mark.parametrize("seed", range(4))
def test_the_hardest_use_is_what_differences_show(seed: int) -> None:
    path, limits = random_path(seed), sample_limits()
    law = constant_speed_law(path.end, 1.5, 0.1)
    use = hardest_use(path, law, limits)
    t = np.arange(0.0, law.end, 1e-4)
    q = path(law(t)[:, 0])
    for order, limit in enumerate((limits.velocity, limits.acceleration, limits.jerk), start=1):
        q = np.diff(q, axis=0) / 1e-4
        slowdown = (np.abs(q) / limit).max() ** (1.0 / order)
        assert slowdown <= use.slowdown * (1.0 + 1e-3)
        if order == use.power:
            assert slowdown == pytest.approx(use.slowdown, rel=0.02)
            assert np.argmax((np.abs(q) / limit).max(axis=0)) == use.joint
