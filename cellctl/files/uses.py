"""What a file is, and which task files of its project are for a cell. Reads no more of a file than that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cellctl.errors import CellctlError
from cellctl.files.library import joined_reference
from cellctl.files.quantities import FieldError
from cellctl.files.reading import kind_of_tree, with_file
from cellctl.files.sources import DiskSource, reference_of

MOST_FILES = 2000
"""How many files of a project are looked at."""


def is_cell_file(path: str | Path) -> bool:
    """Whether what lies at `path` can be read and looks like a cell file, or is a folder with one."""
    try:
        reference, source = reference_of(path)
        return kind_of_tree(source.tree(with_file(reference, "cell"))) == "cell"
    except CellctlError:
        return False


def tasks_of(path: str | Path) -> tuple[str, ...]:
    """The task files of the project that are for the cell at `path`, as findings show them; sorted."""
    reference, source = reference_of(path)
    cell = source.locate(with_file(reference, "cell")).resolve()
    return tuple(source.shown(task) for task in _task_files(source) if _cell_of(source, task) == cell)


def _task_files(source: DiskSource) -> Iterator[str]:
    """References of the files below the root that may be tasks."""
    files = (file for ending in ("yaml", "yml") for file in source.root.rglob(f"*.{ending}"))
    for file in sorted(files)[:MOST_FILES]:
        below = file.relative_to(source.root)
        if any(part.startswith(".") for part in below.parts):
            continue
        lines = file.read_bytes().splitlines() if file.is_file() else []
        if all(any(line.startswith(key) for line in lines) for key in (b"cell:", b"steps:")):
            yield f"project:{below.as_posix()}"


def _cell_of(source: DiskSource, task: str) -> Path | None:
    """The file of the cell that a task file names, None where it cannot be read."""
    try:
        named = source.tree(task).get("cell")
        return source.locate(with_file(joined_reference(task, str(named)), "cell")).resolve()
    except (CellctlError, FieldError, OSError):
        return None
