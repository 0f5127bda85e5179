"""`cellctl report`: pictures of a plan or of a run. What they show is drawn by `reports`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cellctl.cli.output import Outcome
from cellctl.cli.progress import progress
from cellctl.errors import FileError, Finding, Place, UsageError

if TYPE_CHECKING:
    from cellctl.model.plan import Plan

PLAN_IN_RUN = "plan.zip"


def report(subject: Path, *, png: Path | None = None, gif: Path | None = None) -> Outcome:
    """Draw a plan or a run.

    Args:
        subject: A plan file, or the folder of a run.
        png: Write a picture of the cell with the seams drawn on the part.
        gif: Write an animation of the motion.
    """
    from cellctl.reports import picture

    if png is None and gif is None:
        suggestion = "ask for `--png FILE`, `--gif FILE` or both"
        raise UsageError(Finding("U611", "there is nothing to write", suggestion=suggestion))
    plan = plan_of(subject)
    with progress() as say:
        if png is not None:
            say(f"drawing {png}", None)
            picture.write_png(plan, png)
        if gif is not None:
            say(f"drawing {gif}", None)
            picture.animation(plan, gif)
    written = [str(path) for path in (png, gif) if path is not None]
    return Outcome(text=tuple(written), data={"written": written})


def plan_of(subject: Path) -> Plan:
    """The plan in a plan file, or of the run in a folder; raises FileError."""
    from cellctl import files

    if not subject.is_dir():
        return files.read_plan(subject)
    inside = subject / PLAN_IN_RUN
    if not inside.is_file():
        place = Place(str(subject))
        raise FileError(Finding("U612", f"this folder holds no {PLAN_IN_RUN}, so it is no run", place))
    return files.read_plan(inside)
