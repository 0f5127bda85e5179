"""What differs between two plans, as a table and lines for people. Compares nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cellctl.jobs.differing import InputDifference, PlanDifference, StepDifference, StepFigures
from cellctl.units import deg, mm

if TYPE_CHECKING:
    from rich.table import Table

MOST_CHANGES = 12


def difference_table(difference: PlanDifference) -> Table:
    """Steps of two plans side by side: how far their tips are apart, and their figures before and after."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("step")
    for heading in ("weld apart", "moves apart", "joints apart", "time", "clearance", "joint margin"):
        table.add_column(heading, justify="right")
    for step in difference.steps:
        table.add_row(*_cells(step))
    return table


def _cells(step: StepDifference) -> tuple[str, ...]:
    first, second = step.first, step.second
    names = [figures.name for figures in (first, second) if figures is not None]
    name = names[0] if len(set(names)) == 1 else " -> ".join(names)
    if first is None or second is None:
        name += " (only in the second)" if first is None else " (only in the first)"
    return (
        f"{step.index + 1}: {name}",
        "-" if step.weld is None else f"{step.weld / mm:.3f} mm",
        "-" if step.moves is None else f"{step.moves / mm:.2f} mm",
        "-" if step.joints is None else f"{step.joints / deg:.2f} deg",
        _both(_value(first, "time"), _value(second, "time"), 1.0, "s", 2),
        _both(_value(first, "clearance"), _value(second, "clearance"), mm, "mm", 1),
        _both(_value(first, "joint_margin"), _value(second, "joint_margin"), deg, "deg", 1),
    )


def _value(figures: StepFigures | None, name: str) -> float | None:
    return None if figures is None else getattr(figures, name)


def _both(before: float | None, after: float | None, unit: float, name: str, digits: int) -> str:
    texts = ["-" if value is None else f"{value / unit:.{digits}f}" for value in (before, after)]
    joined = texts[0] if texts[0] == texts[1] else " -> ".join(texts)
    return joined if joined == "-" else f"{joined} {name}"


def difference_lines(difference: PlanDifference) -> Iterator[str]:
    """What the two plans were made from, as far as it differs, and their cycle times."""
    for item in difference.inputs:
        yield from _input_lines(item)
    for name, before, after in difference.settings:
        yield f"{name}: {before} -> {after}"
    before_time, after_time = difference.cycle_time
    yield f"cycle time {before_time:.2f} s -> {after_time:.2f} s ({after_time - before_time:+.2f} s)"


def _input_lines(item: InputDifference) -> Iterator[str]:
    if item.what != "changed":
        yield f"{item.reference}: {item.what}"
        return
    for where, before, after in item.changes[:MOST_CHANGES]:
        yield f"{item.reference}: {where}: {before} -> {after}"
    if len(item.changes) > MOST_CHANGES:
        yield f"{item.reference}: and {len(item.changes) - MOST_CHANGES} more values"
