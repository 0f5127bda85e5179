"""The history of runs: their figures in SQLite beside the run folders.

The folders are the truth; a row is made anew whenever its folder has changed, and the table may be deleted.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path

from cellctl.errors import CellctlError
from cellctl.jobs.run_figures import PLAN_FILE, RunFigures, run_figures

DATABASE = "history.sqlite"
_LISTS = ("codes", "operator", "late", "screws")
_COLUMNS = tuple(field.name for field in fields(RunFigures))


def history(runs: str | Path) -> tuple[RunFigures, ...]:
    """The figures of every readable run below the folder `runs`, the latest last; the table is brought up to date."""
    runs = Path(runs)
    folders = sorted(path.parent for path in runs.glob(f"*/{PLAN_FILE}")) if runs.is_dir() else []
    if not folders:
        return ()
    with closing(sqlite3.connect(runs / DATABASE)) as table, table:
        _create(table)
        known = dict(table.execute("select folder, stamp from runs"))
        for folder in folders:
            stamp = _stamp(folder)
            if known.pop(folder.name, None) != stamp:
                _store(table, folder, stamp)
        table.executemany("delete from runs where folder = ?", [(name,) for name in known])
        rows = table.execute(f"select {', '.join(_COLUMNS)} from runs where status != '' order by began, folder")
        return tuple(_figures(row) for row in rows)


def unreadable(runs: str | Path) -> tuple[str, ...]:
    """The run folders below `runs` that `history` could not read when it looked last."""
    if not (Path(runs) / DATABASE).is_file():
        return ()
    with closing(sqlite3.connect(Path(runs) / DATABASE)) as table:
        return tuple(name for (name,) in table.execute("select folder from runs where status = '' order by folder"))


def _create(table: sqlite3.Connection) -> None:
    """The table, made anew where it is that of another version."""
    if [row[1] for row in table.execute("pragma table_info(runs)")] != ["stamp", *_COLUMNS]:
        table.execute("drop table if exists runs")
    table.execute(f"create table if not exists runs (stamp text, {', '.join(_COLUMNS)}, primary key (folder))")


def _store(table: sqlite3.Connection, folder: Path, stamp: str) -> None:
    """Put one run into the table; one that cannot be read is remembered as such, until it changes."""
    try:
        values = asdict(run_figures(folder))
    except (CellctlError, OSError, ValueError, KeyError):
        values = {name: "" for name in _COLUMNS} | {"folder": folder.name}
    row = [json.dumps(values[name]) if name in _LISTS else values[name] for name in _COLUMNS]
    marks = ", ".join("?" * (len(_COLUMNS) + 1))
    table.execute(f"insert or replace into runs (stamp, {', '.join(_COLUMNS)}) values ({marks})", [stamp, *row])


def _figures(row: tuple[object, ...]) -> RunFigures:
    values = dict(zip(_COLUMNS, row, strict=True))
    return RunFigures(**{**values, **{name: tuple(json.loads(str(values[name]))) for name in _LISTS}})  # type: ignore[arg-type]


def _stamp(folder: Path) -> str:
    """What changes when a record does."""
    found = [path.stat() for path in sorted(folder.iterdir()) if path.suffix in (".json", ".jsonl", ".csv")]
    return " ".join(f"{stat.st_mtime_ns}:{stat.st_size}" for stat in found)
