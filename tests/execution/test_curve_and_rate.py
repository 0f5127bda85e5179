"""The evaluators of the control loop against the B-spline they come from; the rate of path time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.execution.curve import PowerForm, TimedCurve
from cellctl.execution.rate import next_rate
from cellctl.model.spline import BSpline, clamped_knots


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(2, 5))
def test_power_form_is_the_spline_and_its_derivatives(seed, spans, degree):
    rng = np.random.default_rng(seed)
    knots = clamped_knots(np.cumsum(rng.uniform(0.05, 1.0, spans + 1)), degree)
    spline = BSpline(degree, knots, rng.uniform(-3.0, 3.0, (spans + degree, 6)))
    form = PowerForm(spline)
    inner = np.delete(np.linspace(spline.start, spline.end, 57), [0, -1])
    for u in inner:
        value, first, second = form.jet(float(u))
        np.testing.assert_allclose(form.at(float(u)), spline(u)[0], atol=1e-10)
        np.testing.assert_allclose(value, spline(u)[0], atol=1e-10)
        np.testing.assert_allclose(first, spline(u, 1)[0], atol=1e-7)
        if degree > 2:
            np.testing.assert_allclose(second, spline(u, 2)[0], atol=1e-5)
    np.testing.assert_allclose(form.at(spline.end + 1.0), spline.control[-1], atol=1e-10)
    np.testing.assert_allclose(form.at(spline.start - 1.0), spline.control[0], atol=1e-10)


def test_power_form_takes_repeated_knots():
    knots = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2], dtype=float)
    spline = BSpline(3, knots, np.arange(14.0).reshape(7, 2) ** 1.5)
    form = PowerForm(spline)
    for u in (0.0, 0.3, 0.999, 1.0, 1.4, 2.0):
        np.testing.assert_allclose(form.at(u), spline(u)[0], atol=1e-12)


def test_time_at_inverts_the_law(job):
    curve = TimedCurve(job.certified.plan.segments[2])
    for s in (0.0, 1e-4, 0.007, 0.0199, 0.02):
        assert curve.at(curve.time_at(s))[0] == pytest.approx(s, abs=1e-12)
    assert curve.time_at(0.0) == 0.0
    assert curve.time_at(0.02) == curve.duration


def test_rates_are_the_derivatives_of_the_joints(job):
    curve = TimedCurve(job.certified.plan.segments[0])
    h = 1e-4
    for tau in np.linspace(0.1, 1.5, 7):
        velocity, acceleration = curve.rates(tau)
        before, here, after = (curve.at(tau + k * h)[1] for k in (-1, 0, 1))
        np.testing.assert_allclose(velocity, (after - before) / (2 * h), atol=1e-6)
        np.testing.assert_allclose(acceleration, (after - 2 * here + before) / h**2, atol=2e-4)


vectors = st.lists(st.floats(-10.0, 10.0), min_size=6, max_size=6).map(np.array)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), vectors, vectors, st.floats(0.0005, 0.02))
def test_a_change_of_rate_keeps_joint_accelerations(rate, wanted, velocity, acceleration, dt):
    """Where the plan keeps its limit, so does the motion whose rate changes; and the rate goes towards what is
    wanted.
    """
    limit = np.abs(acceleration) + 0.5
    after = next_rate(rate, wanted=wanted, dt=dt, velocity=velocity, acceleration=acceleration, limit=limit)
    total = acceleration * rate**2 + velocity * (after - rate) / dt
    assert (np.abs(total) <= limit + 1e-6 * np.abs(velocity) / dt + 1e-9).all()
    assert min(rate, wanted) - 1e-9 <= after <= max(rate, wanted) + 1e-9
    if rate != wanted and np.abs(velocity).max() < 1e-6:
        assert after != rate
