"""Smaller margins, of one pair or of the whole cell, as changes that could make room for a weld. Tries none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cellctl.errors import Finding
from cellctl.files.edits import Edit, cell_reference, written_value
from cellctl.files.quantities import shown_quantity
from cellctl.jobs.change import Change, Family, change_of
from cellctl.model.task import Task
from cellctl.units import mm

STEP = 0.5 * mm
GRID = "every 0.5 mm down to 0"


def margin_families(task: Task, refused: Sequence[Finding]) -> Iterator[Family]:
    """The margins of the pairs that a refusal names, each by itself, then those of the whole cell."""
    for first, second, margin in _binding(refused):
        if count := _steps(margin):
            make = _lowered(task, _pair_key(task, first, second), margin, f"of {first} and {second}")
            yield Family(f"margin of {first} and {second}", GRID, count, make, ordered=True)
    margins = task.cell.margins
    for field, value in (("clearance", margins.clearance), ("nozzle_to_plates", margins.nozzle_to_plates)):
        if count := _steps(value):
            words = field.replace("_", " ")
            yield Family(f"margin {words}", GRID, count, _lowered(task, (field,), value, "", words), ordered=True)


def _steps(margin: float) -> int:
    return int(margin / STEP + 1e-9)


def _binding(refused: Sequence[Finding]) -> list[tuple[str, str, float]]:
    """The pairs that stand in the way and the margins that they keep (m), each once."""
    found: dict[tuple[str, str], float] = {}
    for finding in refused:
        pair, margin = finding.data.get("pair"), finding.data.get("margin")
        if isinstance(pair, tuple) and isinstance(margin, float):
            found.setdefault((str(pair[0]), str(pair[1])), margin)
    return [(*pair, margin) for pair, margin in found.items()]


def _pair_key(task: Task, first: str, second: str) -> tuple[str, str]:
    """Where the margin of a pair stands in the cell's file, or would."""
    written = written_value(task, cell_reference(task), ("margins", "pairs")) or {}
    turned = f"{second} {first}"
    return "pairs", turned if turned in written else f"{first} {second}"


def _lowered(
    task: Task, where: tuple[str, ...], margin: float, of: str, name: str = "margin"
) -> Callable[[int], Change | None]:
    """The changes that make one margin smaller by so many steps."""
    reference = cell_reference(task)

    def make(count: int) -> Change | None:
        lower = max(margin - count * STEP, 0.0)
        text = shown_quantity(lower, "length")
        said = f"{name} of {text} for the whole cell" if not of else f"{name} {of} of {text}"
        edit = Edit(reference, ("margins", *where), text)
        return change_of(task, 0, said, margin - lower, edits=(edit,))

    return make
