"""A cell that was checked by itself, in words. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator

from cellctl.jobs.checking import CellChecked


def cell_lines(file: str, checked: CellChecked) -> Iterator[str]:
    """That the file reads well, what stands in the cell, and which tasks can be checked in it."""
    cell = checked.cell
    counts = (
        _counted(len(cell.mechanisms), "mechanism"),
        _counted(len(cell.fixtures), "fixture"),
        _counted(sum(len(placement.part.seams) for placement in cell.parts), "seam"),
    )
    yield f"{file}: ok, a cell of {', '.join(counts)}; nothing is planned without a task"
    if not checked.tasks:
        yield "no task of this project is for it"
    for task in checked.tasks:
        yield f"task: {task}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
