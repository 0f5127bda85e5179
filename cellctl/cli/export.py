"""`cellctl export`: a cell or a plan in other tools' words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cellctl.cli.output import Outcome
from cellctl.cli.progress import progress
from cellctl.cli.report import plan_of
from cellctl.errors import Finding, UsageError

Output = Annotated[Path | None, Parameter(name=["--output", "-o"])]


def urdf(cell: str, *, output: Output = None) -> Outcome:
    """Write a cell as URDF and SRDF, with its hulls as STL.

    Args:
        cell: The cell file.
        output: The folder to write into; one named like the cell unless given.
    """
    from cellctl import files
    from cellctl.jobs import exporting

    with progress() as say:
        say(f"reading {cell}", None)
        loaded = files.load_cell(cell)
        written = exporting.export_urdf(loaded, output or Path(loaded.name))
    return _wrote(written, {"cell": cell})


def csv(plan: Path, *, output: Output = None, rate: float = 250.0) -> Outcome:
    """Write a plan as a table: time, joints, TCP, segment and arc.

    Args:
        plan: A plan file, or the folder of a run, whose plan it is then; what was measured is in `export parquet`.
        output: The file to write; the plan's name with .csv in this folder unless given.
        rate: Rows a second.
    """
    from cellctl.jobs import exporting

    with progress() as say:
        say(f"reading {plan}", None)
        loaded = plan_of(plan)
        path = output or Path(f"{loaded.task_name}.csv")
        rows = exporting.export_csv(loaded, path, rate=rate)
    return _wrote((path,), {"plan": str(plan), "rows": rows})


def mcap(run: Path, *, output: Output = None) -> Outcome:
    """Write the record of a run as MCAP, which Foxglove opens.

    Args:
        run: The folder of a run.
        output: The file to write; the run's name with .mcap in this folder unless given.
    """
    from cellctl.jobs.run_exporting import export_mcap

    _demand_run(run)
    path = output or Path(f"{run.resolve().name}.mcap")
    messages = export_mcap(run, path)
    return _wrote((path,), {"run": str(run), "messages": messages})


def parquet(run: Path, *, output: Output = None) -> Outcome:
    """Write the trace of a run as a Parquet table, a row a cycle.

    Args:
        run: The folder of a run.
        output: The file to write; the run's name with .parquet in this folder unless given.
    """
    from cellctl.jobs.run_exporting import export_parquet

    _demand_run(run)
    path = output or Path(f"{run.resolve().name}.parquet")
    rows = export_parquet(run, path)
    return _wrote((path,), {"run": str(run), "rows": rows})


def _demand_run(run: Path) -> None:
    """Raise UsageError U692 where a file, most likely a plan, stands in place of a run's folder."""
    if run.is_file():
        hint = "name the folder of a run, as `cellctl runs list` has it; of a plan, `cellctl export csv` writes a table"
        raise UsageError(Finding("U692", f"'{run}' is a file, not the folder of a run", suggestion=hint))


def _wrote(paths: tuple[Path, ...], data: dict[str, object]) -> Outcome:
    names = [str(path) for path in paths]
    shown = names if len(names) <= 3 else [*names[:2], f"and {len(names) - 2} meshes beside them"]
    return Outcome(text=tuple(shown), data={**data, "written": names})
