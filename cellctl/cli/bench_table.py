"""Figures as a table for a terminal. It measures nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from cellctl.bench.figures import Figure, Goal, SuiteResult


def suite_table(result: SuiteResult) -> Table:
    """One row a figure, `cpu` its least processor time, `ratio` to the peer in the row below."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (result.suite, "whose", "best", "median", "p95", "max", "cpu", "ratio", "goal", ""):
        words = heading in (result.suite, "whose", "goal", "")
        table.add_column(heading, justify="left" if words else "right", no_wrap=True)
    for figure in result.figures:
        table.add_row(*_cells(figure))
    return table


def _cells(figure: Figure) -> tuple[str, ...]:
    values = (figure.best, figure.median, figure.p95, figure.max)
    cells = [shown(value, figure.unit) for value in values]
    if len(figure.values) == 1:
        cells[1:] = ["", "", ""]
    processor = shown(min(figure.processor), figure.unit) if figure.processor else ""
    ratio = "" if figure.ratio is None else f"{figure.ratio:.3g}"
    goal = "" if figure.goal is None else goal_text(figure.goal, figure.unit)
    return (figure.name, figure.of, *cells, processor, ratio, goal, verdict(figure))


def verdict(figure: Figure) -> str:
    """Whether the goal of a figure is reached: elapsed, or only by processor time, as on a busy machine."""
    if figure.goal is None or figure.held:
        return "" if figure.goal is None else "held"
    inside = bool(figure.processor) and replace(figure, values=figure.processor).held
    return "held by cpu" if inside else "MISSED"


def goal_text(goal: Goal, unit: str) -> str:
    """A goal with its bound as `shown` has it."""
    return f"{goal.statistic} {'<=' if goal.sense == 'at most' else '>='} {shown(goal.bound, unit)}"


def shown(value: float, unit: str) -> str:
    """A value with its unit, in the multiple of a second, byte or count that reads best."""
    steps = {"s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")), "B": ((1e6, "MB"), (1e3, "kB"), (1.0, "B"))}.get(unit)
    if steps is None:
        return f"{value:.4g} {unit}".rstrip()
    size, name = next((step for step in steps if abs(value) >= step[0]), steps[-1])
    return f"{value / size:.3g} {name}"
