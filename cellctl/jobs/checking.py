"""A check of one task file as a value: what was read, planned, proved and found. Judges nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

from cellctl.errors import CellctlError, CheckFailed, Finding
from cellctl.files import is_cell_file, load_cell, load_task, tasks_of
from cellctl.jobs.proving import judged
from cellctl.jobs.relaxing import Relaxations, relaxations
from cellctl.jobs.standing_overlaps import standing_overlaps
from cellctl.model.cell import Cell
from cellctl.model.certificate import SegmentRecord
from cellctl.model.plan import CertifiedPlan, Plan
from cellctl.model.task import Task
from cellctl.scene.engine import EngineName

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True, slots=True)
class CellChecked:
    """A cell that was read without an error, and the task files of its project that are for it."""

    cell: Cell
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What the check of `file` came to, as far as it got. Of a cell file that could be read, `cell` is what is in it,
    and nothing is planned. Of a task, `task` is None where the file could not be read, `plan` where
    there is no plan, `certified` where anything is wrong. `records` are those of the proof, refuted or not; `seconds`
    is how long the check took. `relaxations` are what would make an impossible task possible, where that was asked for.
    """

    file: str
    cell: CellChecked | None = None
    task: Task | None = None
    plan: Plan | None = None
    records: tuple[SegmentRecord, ...] = ()
    certified: CertifiedPlan | None = None
    findings: tuple[Finding, ...] = ()
    exit_code: int = 0
    seconds: float = 0.0
    relaxations: Relaxations | None = None


def check_file(
    file: str,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    engine: EngineName | None = None,
    relax: bool = False,
) -> Checked:
    """Read, plan and prove the task in `file`, or read the cell in it; what is wrong is in the answer and not raised.

    `relax` looks for the smallest changes that would do, where a step of the task has no plan.
    """
    begun = perf_counter()
    checked = _checked(file, seed, progress, engine)
    if relax and checked.task is not None and checked.plan is None:
        found = relaxations(checked.task, checked.findings, seed, progress, engine=engine)
        checked = replace(checked, relaxations=found)
    return replace(checked, seconds=perf_counter() - begun)


def _checked_cell(file: str, engine: EngineName | None) -> Checked:
    """A cell file is read, and what stands still in it is looked at; a task is what can be planned."""
    remarks: list[Finding] = []
    try:
        cell = load_cell(file, remarks=remarks)
        remarks += standing_overlaps(cell, engine)
        return Checked(file, CellChecked(cell, tasks_of(file)), findings=tuple(remarks))
    except CellctlError as error:
        return Checked(file, findings=(*remarks, *error.findings), exit_code=error.exit_code)


def _checked(file: str, seed: int, progress: Progress | None, engine: EngineName | None) -> Checked:
    if is_cell_file(file):
        return _checked_cell(file, engine)
    task: Task | None = None
    remarks: list[Finding] = []
    try:
        if progress is not None:
            progress(f"reading {file}", None)
        task = load_task(file, remarks=remarks)
        remarks += standing_overlaps(task.cell, engine)
        judgement = judged(task, seed, progress, engine=engine)
    except CellctlError as error:
        return Checked(file, task=task, findings=(*remarks, *error.findings), exit_code=error.exit_code)
    verdict = judgement.verdict
    exit_code = CheckFailed.exit_code if judgement.certified is None else 0
    findings = (*remarks, *verdict.findings)
    certified, records = judgement.certified, verdict.records
    return Checked(file, None, task, judgement.plan, records, certified, findings, exit_code=exit_code)
