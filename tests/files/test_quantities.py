"""Quantities: units, vectors, ranges, and what is said about the wrong ones."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl import units
from cellctl.files.edits import shown_range
from cellctl.files.fields import plain_numbers
from cellctl.files.quantities import (
    LARGEST,
    UNITS,
    FieldError,
    did_you_mean,
    read_range,
    read_scalar,
    read_vector,
    shown_quantity,
    write_quantity,
)
from cellctl.model.wps import Range

finite = st.floats(-LARGEST, LARGEST)
kinds = st.sampled_from(sorted(UNITS))


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("16 mm", "length", 0.016),
        ("16mm", "length", 0.016),
        ("-5deg", "angle", -5 * math.pi / 180),
        ("+.5 m", "length", 0.5),
        ("1e3 um", "length", 1e-3),
        ("8 mm/s", "speed", 0.008),
        ("8 m/min", "speed", 8 / 60),
        ("12 l/min", "flow", 12e-3 / 60),
        ("90 s", "time", 90.0),
        ("1.8 kg", "mass", 1.8),
        ("180 A", "current", 180.0),
        ("21 V", "voltage", 21.0),
        ("10 rpm", "angular speed", 2 * math.pi / 6),
        ("390 deg/s^2", "angular acceleration", 390 * math.pi / 180),
        ("2000 N*m", "torque", 2000.0),
    ],
)
def test_scalar(text: str, kind: str, value: float) -> None:
    assert read_scalar(text, kind) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["-3 .. 10 .. 23 deg", "10 deg"])
def test_a_window_is_shown_as_it_is_written(text: str) -> None:
    assert shown_range(read_range(text, "angle"), "angle") == text


def test_files_and_python_give_the_same_float() -> None:
    for number in range(-400, 401):
        assert read_scalar(f"{number} mm", "length") == number * units.mm
        assert read_scalar(f"{number} deg", "angle") == number * units.deg


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 +-5 deg", (5, 10, 15)),
        ("10 +- 5 deg", (5, 10, 15)),
        ("10 ± 5 deg", (5, 10, 15)),
        ("-5 .. 15 deg", (-5, 5, 15)),
        ("-5..15 deg", (-5, 5, 15)),
        ("-5 deg .. 15 deg", (-5, 5, 15)),
        ("0 .. 10 .. 15 deg", (0, 10, 15)),
        ("7 deg", (7, 7, 7)),
        ({"min": "5 deg", "nominal": "10 deg", "max": "15 deg"}, (5, 10, 15)),
        ({"min": "5 deg", "max": "15 deg"}, (5, 10, 15)),
    ],
)
def test_range(text: object, expected: tuple[float, float, float]) -> None:
    found = read_range(text, "angle")
    assert (found.minimum, found.nominal, found.maximum) == pytest.approx([math.radians(v) for v in expected])


@pytest.mark.parametrize(
    ("value", "code", "suggestion"),
    [
        ("16", "F120", "write '16 mm'"),
        (16, "F120", "write '16 mm'"),
        (1.5, "F120", "write '1.5 mm'"),
        ("16 deg", "F121", "units of length: mm, m, cm, um, in"),
        ("16 mn", "F121", "did you mean 'm', 'um' or 'mm'?"),
        ("sixteen mm", "F122", "write '16 mm'"),
        ("16 17 mm", "F122", "write '16 mm'"),
        ("1_000 mm", "F122", "write '16 mm'"),
        ("١٦ mm", "F122", "write '16 mm'"),
        ("1e999 mm", "F122", ""),
        (True, "F122", "write '16 mm'"),
        (None, "F122", "write '16 mm'"),
        ([16], "F122", "write '16 mm'"),
    ],
)
def test_wrong_scalar(value: object, code: str, suggestion: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_scalar(value, "length")
    assert (caught.value.code, caught.value.suggestion) == (code, suggestion)


@pytest.mark.parametrize(
    "value", ["12 .. 8 mm/s", "10 +- -2 mm/s", {"min": "1 m/s", "nominal": "3 m/s", "max": "2 m/s"}]
)
def test_range_out_of_order(value: object) -> None:
    with pytest.raises(FieldError) as caught:
        read_range(value, "speed")
    assert caught.value.code == "F124"


@given(kind=kinds, numbers=st.lists(finite, min_size=1, max_size=6))
def test_written_quantities_read_back_exactly(kind: str, numbers: list[float]) -> None:
    assert read_vector(write_quantity(numbers, kind), kind) == tuple(numbers)


@given(kind=kinds, number=st.decimals(-(10**6), 10**6, places=6), data=st.data())
def test_every_unit_of_a_kind_converts(kind: str, number: object, data: st.DataObject) -> None:
    unit = data.draw(st.sampled_from(sorted(UNITS[kind])))
    assert read_scalar(f"{number} {unit}", kind) == float(str(number)) * UNITS[kind][unit]


@given(kind=kinds, ends=st.lists(st.integers(-(10**6), 10**6), min_size=3, max_size=3).map(sorted))
def test_range_forms_agree(kind: str, ends: list[int]) -> None:
    unit = next(iter(UNITS[kind]))
    low, middle, high = ends
    mapping = {"min": f"{low} {unit}", "nominal": f"{middle} {unit}", "max": f"{high} {unit}"}
    assert read_range(mapping, kind) == read_range(f"{low} .. {middle} .. {high} {unit}", kind)


@given(kind=kinds, value=st.one_of(st.text(max_size=30), st.integers(), finite, st.none(), st.lists(st.integers())))
def test_anything_else_is_a_field_error(kind: str, value: object) -> None:
    for read in (read_scalar, read_range):
        with suppress(FieldError):
            found = read(value, kind)
            assert isinstance(found, Range) or math.isfinite(found)


def test_suggestions() -> None:
    assert did_you_mean("hom", ["home", "dome", "rest"]) == "did you mean 'home' or 'dome'?"
    assert did_you_mean("xyz", ["home", "rest"]) == "known: home, rest"
    assert did_you_mean("xyz", []) == "none is known here"
    assert did_you_mean("a", [f"name_{i:02}" for i in range(13)]).endswith("name_11 ...")


def test_shown_in_the_units_of_the_shop() -> None:
    assert shown_quantity(0.0126, "speed") == "12.6 mm/s"
    assert shown_quantity(math.pi / 2, "angle") == "90 deg"


def test_a_number_that_no_cell_has_is_refused() -> None:
    for text in ("1e308 mm", "-1e16 m", "1e999 mm"):
        with pytest.raises(FieldError) as caught:
            read_scalar(text, "length")
        assert (caught.value.code, caught.value.message) == ("F122", "the number is too large")
    with pytest.raises(FieldError):
        plain_numbers("1e200 0 0", 3)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("400 x 300 x 40 mm", "400 300 40 mm"),
        ("400mm 300mm 40mm", "400 300 40 mm"),
        ("400 mm x 300 mm x 40 mm", "400 300 40 mm"),
        ("400,5 300 40 mm", "400.5 300 40 mm"),
        ("400, 300, 40 mm", "400 300 40 mm"),
        ("400\xa0300 40 mm", "400 300 40 mm"),
        ("400mm 30cm 4mm", "400 0 300 mm"),
        ("\u0664 1 1 mm", "400 0 300 mm"),
        ("large", "400 0 300 mm"),
    ],
)
def test_what_was_meant_by_a_vector_is_proposed(text: str, meant: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_vector(text, "length", size=3)
    assert (caught.value.code, caught.value.suggestion) == ("F122", f"write '{meant}'")
    read_vector(meant, "length", size=3)


@pytest.mark.parametrize("text", ["8-12 mm/s", "8 - 12 mm/s", "8 to 12 mm/s", "8 \u2013 12"])
def test_what_was_meant_by_a_range_is_proposed(text: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_range(text, "speed")
    assert caught.value.suggestion == "write '8 .. 12 mm/s'"
