"""Figures: statistics, goals, and what a table makes of a value."""

from __future__ import annotations

import json

import pytest

from cellctl.bench.clock import seconds
from cellctl.bench.figures import Figure, Goal, SuiteResult, ratio
from cellctl.cli.bench_table import shown


def test_the_best_of_a_time_is_the_smallest_and_of_a_rate_the_largest() -> None:
    values = (3.0, 1.0, 2.0)
    assert Figure("plan", "s", values).best == 1.0
    assert Figure("states", "1/s", values, better="higher").best == 3.0
    assert Figure("plan", "s", values).median == 2.0
    assert Figure("plan", "s", values).max == 3.0


@pytest.mark.parametrize(
    ("goal", "held"),
    [
        (Goal(1.0), True),
        (Goal(0.9), False),
        (Goal(2.0, "median"), True),
        (Goal(2.9, "max"), False),
        (Goal(2.5, "max", "at least"), True),
    ],
)
def test_a_goal_asks_its_own_statistic(goal: Goal, held: bool) -> None:
    assert Figure("plan", "s", (3.0, 1.0, 2.0), goal=goal).held is held


def test_a_figure_without_a_goal_holds_none() -> None:
    assert Figure("plan", "s", (1.0,)).held is None


def test_a_figure_needs_a_value() -> None:
    with pytest.raises(ValueError, match="'plan' has no value"):
        Figure("plan", "s", ())


def test_a_suite_is_json() -> None:
    figure = Figure("plan", "s", (1.0, 2.0), goal=Goal(1.5), against="toppra", ratio=ratio((1.0, 2.0), (3.0,)))
    data = json.loads(json.dumps(SuiteResult("timing", (figure,), absent=("toppra",)).data()))
    assert data["figures"][0]["ratio"] == 0.5
    assert data["figures"][0]["values"] == [1.0, 2.0]
    assert data["figures"][0]["goal"] == {"text": "<= 1.5 (best)", "bound": 1.5, "statistic": "best"}
    assert data["figures"][0]["held"] is True
    assert data["absent"] == ["toppra"]


def test_a_call_is_measured_as_often_as_asked_for() -> None:
    calls: list[int] = []
    assert len(seconds(lambda: calls.append(1), 3)) == 3
    assert len(calls) >= 5


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(2.5, "s", "2.5 s"), (0.0125, "s", "12.5 ms"), (7e-7, "s", "0.7 us"), (3.1e6, "B", "3.1 MB"), (0.2, "", "0.2")],
)
def test_a_value_is_shown_in_the_unit_that_reads_best(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text
