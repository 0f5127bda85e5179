"""`cellctl plan`: a task to a plan file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cellctl.cli.output import Outcome
from cellctl.cli.progress import ProgressCall, progress
from cellctl.scene.engine import EngineName

if TYPE_CHECKING:
    from cellctl.model.plan import CertifiedPlan

SUFFIX = ".plan.zip"


def plan(
    task: str,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    seed: int = 0,
    engine: EngineName | None = None,
) -> Outcome:
    """Plan and prove a task and write the plan file.

    Args:
        task: The task file, YAML or Python.
        output: The plan file to write; NAME.plan.zip in this folder unless given.
        seed: The same seed and inputs give the same file, byte for byte.
        engine: Who answers for the exact distances; PyBullet where it is installed, else coal.
    """
    from cellctl import files
    from cellctl.reports.tables import closing_line, proof_data, seam_table

    with progress() as say:
        certified = planned_and_proved(task, seed=seed, engine=engine, say=say)
    path = output or Path(certified.plan.task_name + SUFFIX)
    files.write_plan(certified.plan, path)
    return Outcome(
        text=(seam_table(certified), closing_line(certified), f"plan {path}"),
        data={"plan": str(path), **proof_data(certified)},
        findings=certified.warnings,
    )


def planned_and_proved(task: str, *, seed: int, engine: EngineName | None, say: ProgressCall) -> CertifiedPlan:
    """The certified plan of a task file; raises CellctlError with every finding."""
    from cellctl import jobs

    say(f"reading {task}", None)
    return jobs.check(task, seed=seed, engine=engine, progress=say)
