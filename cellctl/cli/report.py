"""`cellctl report`: the table and pictures of a plan or of a run. What they show is made by `reports`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cellctl.cli.output import Outcome
from cellctl.cli.progress import progress
from cellctl.errors import FileError, Finding, Place

if TYPE_CHECKING:
    from cellctl.model.plan import Plan

PLAN_IN_RUN = "plan.zip"


def report(subject: Path, *, png: Path | None = None, gif: Path | None = None) -> Outcome:
    """Show what was proved of a plan and measured in a run, or draw it.

    Args:
        subject: A plan file, or the folder of a run.
        png: Write a picture of the cell with the seams drawn on the part.
        gif: Write an animation of the motion.
    """
    plan = plan_of(subject)
    if png is None and gif is None:
        return _table(subject, plan)
    from cellctl.reports import picture
    from cellctl.reports.writing import demand_own

    for path in (png, gif):
        if path is not None:
            demand_own(path, picture.MARK)
    with progress() as say:
        if png is not None:
            say(f"drawing {png}", None)
            if subject.is_dir():
                picture.write_run_png(plan, subject, png)
            else:
                picture.write_png(plan, png)
        if gif is not None:
            say(f"drawing {gif}", None)
            picture.animation(plan, gif)
    written = [str(path) for path in (png, gif) if path is not None]
    return Outcome(text=tuple(written), data={"written": written})


def _table(subject: Path, plan: Plan) -> Outcome:
    """The closing table; of a run with what was measured."""
    from cellctl import jobs
    from cellctl.proof import certified
    from cellctl.reports.tables import closing_line, proof_data, seam_tables

    proved = certified(plan)
    welds = jobs.measured_welds(subject) if subject.is_dir() else ()
    measured = [weld.record for weld in welds]
    screws = jobs.measured_screws(subject) if subject.is_dir() else ()
    off = (*(f for weld in welds for f in weld.findings), *(f for screw in screws for f in screw.findings))
    unproved = "as its certificate says; `cellctl verify` proves it again"
    table, last = seam_tables(proved, measured), closing_line(proved)
    data = {"proved_again": False, **proof_data(proved, measured)}
    return Outcome(text=(*table, last, unproved), data=data, findings=off, exit_code=1 if off else 0)


def plan_of(subject: Path) -> Plan:
    """The plan in a plan file, or of the run in a folder; raises FileError."""
    from cellctl import files

    return files.read_plan(plan_file_of(subject))


def plan_file_of(subject: Path) -> Path:
    """The plan file, also of the run in a folder; raises FileError where the folder holds no run."""
    if not subject.is_dir():
        return subject
    inside = subject / PLAN_IN_RUN
    if not inside.is_file():
        place = Place(str(subject))
        raise FileError(Finding("U612", f"this folder holds no {PLAN_IN_RUN}, so it is no run", place))
    return inside
