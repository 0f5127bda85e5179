"""What a change of a task is, and a family of changes of one kind. Knows none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cellctl.errors import CellctlError
from cellctl.files.edits import Edit, edited_task, step_text
from cellctl.files.sources import DiskSource
from cellctl.model.task import Step, Task


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One change: how it is said, the steps and values that would be written, and the task with it.

    `amount` is in SI, or a count where there is no quantity. `steps` are the lines of the changed steps, `edits` the
    values in other files.
    """

    said: str
    amount: float
    steps: tuple[str, ...]
    edits: tuple[Edit, ...]
    task: Task


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Changes of one kind with `count` amounts, `make(1)` the smallest; it gives None where there is no such change.

    `ordered` says that more of it is never worse, so that the smallest that works may be found by halving. `grid` is
    how its amounts are told.
    """

    name: str
    grid: str
    count: int
    make: Callable[[int], Change | None]
    ordered: bool = False


def change_of(
    task: Task, index: int, said: str, amount: float, new: tuple[Step, ...] = (), edits: tuple[Edit, ...] = ()
) -> Change | None:
    """The change, or None where the files themselves refuse it."""
    steps = (*task.steps[:index], *new, *task.steps[index + 1 :]) if new else None
    disk = DiskSource(Path.cwd())
    try:
        return Change(said, amount, tuple(map(step_text, new)), edits, edited_task(task, edits, steps, disk=disk))
    except CellctlError:
        return None
