"""`cellctl init`: a small project of one's own to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path

from cellctl.cli.output import Outcome
from cellctl.cli.progress import progress
from cellctl.scene.engine import EngineName


def init(folder: Path, *, arm: str = "kuka_kr16_2", engine: EngineName | None = None) -> Outcome:
    """Write a small project of your own: cell, part, procedure, task, tests and a workflow.

    Its task is planned and proved before anything is written, and no file is written over.

    Args:
        folder: Where to write it; the folder's name becomes that of the project.
        arm: An arm of the library, as `cellctl robots list` has it, or a folder that `cellctl robots add` wrote.
        engine: Who answers for the exact distances; PyBullet where it is installed, else coal.
    """
    from cellctl.jobs.starting import TASK, start_project
    from cellctl.reports.tables import closing_line, seam_tables

    with progress() as say:
        done = start_project(folder, arm=arm, engine=engine, progress=say)
    proved = done.checked.certified
    assert proved is not None  # nothing is written without it
    names = [name for name in done.files if not name.startswith(("schemas/", "robots/")) or name.endswith("robot.yaml")]
    lines = [f"{folder}: {', '.join(names)}", f"next: cd {shlex.quote(str(folder))}; cellctl run {TASK}; pytest tests"]
    return Outcome(
        text=(*seam_tables(proved), closing_line(proved), *lines),
        data={"folder": str(folder), "arm": arm, "task": TASK, "files": list(done.files)},
        findings=proved.warnings,
    )
