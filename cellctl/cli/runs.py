"""`cellctl runs`: the history of runs, one run in figures, and two beside each other."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cellctl.cli.output import Outcome

if TYPE_CHECKING:
    from cellctl.jobs.run_figures import RunFigures


def list_runs(*, runs: Path = Path("runs")) -> Outcome:
    """List the runs, the latest last.

    Args:
        runs: The folder that holds the run folders.
    """
    from rich.table import Table

    from cellctl.jobs.history import history, unreadable

    found, damaged = history(runs), unreadable(runs)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "began", "status", "time", "planned", "arc on", "codes"):
        table.add_column(heading)
    for figures in found:
        table.add_row(
            figures.folder,
            _when(figures),
            figures.status,
            f"{figures.run_time:.1f} s",
            f"{figures.planned:.1f} s",
            f"{figures.arc_on_ratio:.0%}",
            " ".join(figures.codes) or "-",
        )
    notes = (f"not to be read, see `cellctl runs show`: {', '.join(damaged)}",) if damaged else ()
    said = (table,) if found else (f"no runs in {runs}",)
    return Outcome(text=(*said, *notes), data={"runs": [asdict(one) for one in found], "unreadable": list(damaged)})


def show(run: Path) -> Outcome:
    """Show one run in figures, and what it traces back to.

    Args:
        run: The folder of the run.
    """
    from cellctl.jobs.run_figures import run_figures

    figures = run_figures(run)
    lines = [f"{name:<14}{value}" for name, value in _rows(figures)]
    return Outcome(text=tuple(lines), data={"run": asdict(figures) | {"arc_on_ratio": figures.arc_on_ratio}})


def compare(first: Path, second: Path) -> Outcome:
    """Show the figures of two runs beside each other.

    Args:
        first: The folder of one run.
        second: The folder of the other.
    """
    from rich.table import Table

    from cellctl.jobs.run_figures import run_figures

    both = run_figures(first), run_figures(second)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", both[0].folder, both[1].folder):
        table.add_column(heading)
    differs = False
    for (name, one), (_, other) in zip(_rows(both[0]), _rows(both[1]), strict=True):
        table.add_row(name if one == other else f"{name} *", one, other)
        differs = differs or one != other
    text = (table, "* is not the same in both") if differs else (table,)
    return Outcome(text=text, data={"runs": [asdict(one) for one in both]})


def _rows(figures: RunFigures) -> list[tuple[str, str]]:
    """What is shown of a run, in words."""
    return [
        ("part", figures.part_id or "-"),
        ("task", figures.task),
        ("plan", figures.plan_sha256[:16]),
        ("procedures", figures.wps or "-"),
        ("began", _when(figures)),
        ("status", " ".join((figures.status, *figures.codes))),
        ("run time", f"{figures.run_time:.1f} s"),
        ("planned", f"{figures.planned:.1f} s of motion"),
        ("process on", f"{figures.arc_time:.1f} s, {figures.arc_on_ratio:.0%}"),
        ("waiting", f"{figures.waiting:.1f} s standing with the process off"),
        ("held", f"{figures.held} times"),
        ("joint work", f"{figures.joint_work / 1e3:.2f} kJ (estimate from the simulated motors)"),
        ("arc energy", f"{figures.arc_energy / 1e3:.1f} kJ (estimate from voltage and current, measured or nominal)"),
        ("beads", f"{figures.bead_volume * 1e6:.2f} ml by the dispenser's meter" if figures.bead_volume else "-"),
        ("screws", "; ".join(figures.screws) or "-"),
        ("goes on with", figures.resumes or "-"),
        ("operator", "; ".join(figures.operator) or "-"),
        ("late cycles", _lateness(figures.late)),
        ("host", _host(figures)),
    ]


def _lateness(counts: tuple[int, ...]) -> str:
    from cellctl.execution.records.lateness import late_share

    if not counts:
        return "not timed (lock-step, or the executor was lost)"
    return f"99.9 % of {sum(counts)} within {late_share(counts, 0.001) * 1e3:g} ms"


def _host(figures: RunFigures) -> str:
    """What the simulated arm's host kept from it."""
    if not figures.stalls:
        return "was not seen to stop the arm's clock"
    return f"did not let the arm's clock run {figures.stalls} times, {figures.stalled * 1e3:.0f} ms in all"


def _when(figures: RunFigures) -> str:
    return f"{datetime.fromtimestamp(figures.began, tz=UTC):%Y-%m-%d %H:%M:%S} UTC"
