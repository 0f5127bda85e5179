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
SHIFTED = ".shifted"


def plan(
    task: str,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    seed: int = 0,
    shift: Annotated[list[str] | None, Parameter(negative="")] = None,
    reuse: Path | None = None,
    relax: Annotated[bool, Parameter(negative="")] = False,
    engine: EngineName | None = None,
) -> Outcome:
    """Plan and prove a task and write the plan file.

    Args:
        task: The task file, YAML or Python.
        output: The plan file to write; NAME.plan.zip in this folder unless given, NAME.shifted.plan.zip with a shift.
        seed: The same seed and inputs give the same file, byte for byte.
        shift: NAME="X Y Z mm, R P Y deg" moves a part, fixture or frame as measured. May be given several times.
        reuse: Plan anew only what is not as it was in this plan file; with a shift, the last plan of the task is taken.
        relax: Where a weld has no plan, look for the smallest changes that would do; each is planned and proved.
        engine: Who answers for the exact distances; PyBullet where it is installed, else coal.
    """
    from cellctl import files
    from cellctl.reports.tables import closing_line, proof_data, seam_tables

    with progress() as say:
        if relax and not (shift or reuse) and (refused := _refused(task, seed=seed, engine=engine, say=say)):
            return refused
        if shift or reuse is not None:
            certified, lines, data = _replanned(task, shift or [], reuse, seed=seed, engine=engine, say=say)
        else:
            certified, lines, data = planned_and_proved(task, seed=seed, engine=engine, say=say), [], {}
    path = output or Path(certified.plan.task_name + (SHIFTED if shift else "") + SUFFIX)
    files.write_plan(certified.plan, path)
    return Outcome(
        text=(*seam_tables(certified), closing_line(certified), *lines, f"plan {path}"),
        data={"plan": str(path), **data, **proof_data(certified)},
        findings=certified.warnings,
    )


def _refused(task: str, *, seed: int, engine: EngineName | None, say: ProgressCall) -> Outcome | None:
    """What stands against a task and what would do; None where nothing stands against it."""
    from cellctl import jobs
    from cellctl.reports.relaxed import relaxation_data, relaxation_lines

    checked = jobs.check_file(task, seed, say, engine=engine, relax=True)
    if checked.certified is not None:
        return None
    data = {"relaxations": relaxation_data(checked)}
    text = tuple(relaxation_lines(checked))
    return Outcome(text=text, data=data, findings=checked.findings, exit_code=checked.exit_code)


def _replanned(
    file: str, shifts: list[str], reuse: Path | None, *, seed: int, engine: EngineName | None, say: ProgressCall
) -> tuple[CertifiedPlan, list[str], dict[str, object]]:
    """The certified plan of a shifted task, what was reused for it, and the same as data."""
    from cellctl import files, jobs
    from cellctl.files.edits import edited_task, read_shift, shifted
    from cellctl.jobs.proving import kept_plan
    from cellctl.jobs.replanning import replan
    from cellctl.model.task import step_name

    say(f"reading {file}", None)
    task = files.load_task(file)
    earlier = kept_plan(task, seed) if reuse is None else files.read_plan(reuse)
    for text in shifts:
        task = edited_task(task, shifted(task, *read_shift(text)))
    if earlier is None:
        made = jobs.plan(task, seed=seed, engine=engine, progress=say)
        ways: tuple[str, ...] = ("planned",) * len(task.steps)
    else:
        made, ways = replan(task, earlier, say, engine=engine)
    certified = jobs.certify(made, say, engine=engine)
    lines = [f"step {k + 1}, {step_name(step)}: {ways[k]}" for k, step in enumerate(task.steps)]
    note = ["there was no earlier plan to take from; all was planned anew"] if earlier is None else lines
    return certified, [*note, "all of it was proved"], {"steps": list(ways), "shifts": shifts}


def planned_and_proved(task: str, *, seed: int, engine: EngineName | None, say: ProgressCall) -> CertifiedPlan:
    """The certified plan of a task file; raises CellctlError with every finding."""
    from cellctl import jobs

    say(f"reading {task}", None)
    return jobs.check(task, seed=seed, engine=engine, progress=say)
