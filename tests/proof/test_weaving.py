"""A weave as a value, and what is read back from where a wire was, against sines that are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.model.weave import Weave
from cellctl.proof.weaving import weave_read_back
from cellctl.units import mm


@pytest.mark.parametrize(
    "fields",
    [
        {"amplitude": 0.0, "frequency": 2.0},
        {"amplitude": -1 * mm, "wavelength": 3 * mm},
        {"amplitude": 2 * mm},
        {"amplitude": 2 * mm, "frequency": 2.0, "wavelength": 3 * mm},
    ],
)
def test_a_weave_is_as_wide_and_as_often_as_one_figure_each_says(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a weave needs"):
        Weave(**fields)


def test_a_frequency_is_a_wavelength_at_a_travel_speed() -> None:
    assert Weave(2 * mm, frequency=2.0).at_speed(6 * mm) == Weave(2 * mm, wavelength=3 * mm)
    assert Weave(2 * mm, wavelength=3 * mm).at_speed(12 * mm) == Weave(2 * mm, wavelength=3 * mm)
    assert Weave(2 * mm, wavelength=3 * mm).frequency_at(12 * mm) == pytest.approx(4.0)
    assert Weave(2 * mm, frequency=2.0).frequency_at(12 * mm) == 2.0


@given(
    amplitude=st.floats(0.2, 5.0),
    wavelength=st.floats(1.0, 10.0),
    aside=st.floats(-1.0, 1.0),
    phase=st.floats(0.0, 2.0 * np.pi),
    periods=st.floats(1.0, 8.0),
)
def test_the_amplitude_and_the_middle_of_any_sine_are_found(
    amplitude: float, wavelength: float, aside: float, phase: float, periods: float
) -> None:
    s = np.linspace(0.0, periods * wavelength * mm, int(60 * periods) + 1)
    lateral = aside * mm + amplitude * mm * np.sin(2.0 * np.pi * s / (wavelength * mm) + phase)
    back = weave_read_back(Weave(2 * mm, wavelength=wavelength * mm), s, lateral)
    assert len(back.at) >= max(1, int(2.0 * periods) - 1)
    assert back.amplitudes == pytest.approx(amplitude * mm, abs=1e-9)
    assert back.middles == pytest.approx(aside * mm, abs=1e-9)


def test_samples_in_any_order_and_where_one_period_is_narrow() -> None:
    s = np.linspace(0.0, 30 * mm, 601)
    width = np.where((s > 12 * mm) & (s < 15 * mm), 1.5 * mm, 2.0 * mm)
    lateral = width * np.sin(2.0 * np.pi * s / (3 * mm))
    shuffled = np.random.default_rng(0).permutation(len(s))
    back = weave_read_back(Weave(2 * mm, wavelength=3 * mm), s[shuffled], lateral[shuffled])
    narrow = int(np.argmin(back.amplitudes))
    assert back.at[narrow] == pytest.approx(13.5 * mm)
    assert back.range == pytest.approx((1.5 * mm, 2.0 * mm), abs=1e-5)
    assert np.abs(back.off_line).max() == pytest.approx(0.5 * mm, abs=1e-5)


def test_less_than_a_period_or_a_few_samples_say_nothing() -> None:
    weave = Weave(2 * mm, wavelength=3 * mm)
    for s in (np.linspace(0.0, 2.9 * mm, 100), np.linspace(0.0, 30 * mm, 60)):
        back = weave_read_back(weave, s, np.zeros(len(s)))
        assert back.range is None
        assert len(back.off_line) == len(s)
