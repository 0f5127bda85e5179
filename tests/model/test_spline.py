"""B-splines against scipy's, and the bounds that proofs lean on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline as ScipySpline
from scipy.interpolate import make_interp_spline

from cellctl.model.spline import BSpline, clamped_knots, greville, interpolated


def random_spline(seed: int, count: int = 9, dim: int = 3) -> BSpline:
    rng = np.random.default_rng(seed)
    inner = np.sort(rng.uniform(0.0, 5.0, count - 2))
    return BSpline(3, clamped_knots(inner), rng.normal(size=(count, dim)))


@given(st.integers(0, 10_000), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_values_and_derivatives_agree_with_scipy(seed: int, order: int) -> None:
    spline = random_spline(seed)
    u = np.linspace(spline.start, spline.end, 101)[1:-1]
    theirs = ScipySpline(spline.knots, spline.control, 3)(u, order)
    if order == 3:
        with pytest.raises(ValueError, match="no continuous derivative"):
            spline(u, 3)
        return
    np.testing.assert_allclose(spline(u, order), theirs, atol=1e-9 * (1.0 + np.abs(theirs).max()))


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_interpolation_agrees_with_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    u = np.cumsum(rng.uniform(0.1, 1.0, 12))
    values = rng.normal(size=(12, 2))
    ours, theirs = interpolated(u, values), make_interp_spline(u, values)
    x = np.linspace(u[0], u[-1], 300)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-9)
    np.testing.assert_allclose(ours(u), values, atol=1e-9)


@pytest.mark.parametrize("count", [2, 3])
def test_few_points_still_make_a_cubic_through_them(count: int) -> None:
    u = np.linspace(0.0, 1.0, count)
    values = np.array([[0.0], [1.0], [4.0]])[:count]
    np.testing.assert_allclose(interpolated(u, values)(u), values, atol=1e-12)


@given(st.integers(0, 10_000), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=100, deadline=None)
def test_bounds_hold_every_value_between(seed: int, a: float, b: float) -> None:
    spline = random_spline(seed).derivative()
    low, high = sorted((a, b))
    u0, u1 = (spline.start + share * (spline.end - spline.start) for share in (low, high))
    lower, upper = spline.bounds(u0, u1)
    values = spline(np.linspace(u0, u1, 200))
    assert np.all(values >= lower - 1e-9)
    assert np.all(values <= upper + 1e-9)


def test_control_points_on_a_line_over_the_greville_abscissae_make_that_line() -> None:
    knots = clamped_knots([0.0, 0.1, 0.2, 3.0, 3.5, 9.0])
    control = 2.0 * greville(knots)[:, None] - 1.0
    u = np.linspace(0.0, 9.0, 50)
    np.testing.assert_allclose(BSpline(3, knots, control)(u)[:, 0], 2.0 * u - 1.0, atol=1e-12)


def test_parameters_outside_are_clamped() -> None:
    spline = random_spline(1)
    np.testing.assert_array_equal(spline([spline.start - 1.0, spline.end + 1.0]), spline([spline.start, spline.end]))


@pytest.mark.parametrize(
    ("degree", "knots", "control"),
    [(3, [0.0, 1.0], [[0.0]]), (1, [0.0, 1.0, 0.5, 2.0], [[0.0], [1.0]]), (0, [0.0, 1.0], [[0.0]])],
)
def test_bad_splines_are_refused(degree: int, knots: list[float], control: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="knots"):
        BSpline(degree, np.array(knots), np.array(control))
