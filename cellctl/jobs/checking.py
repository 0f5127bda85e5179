"""A check of one task file as a value: what was read, planned, proved and found. Judges nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

from cellctl.errors import CellctlError, CheckFailed, Finding
from cellctl.files import load_task
from cellctl.jobs.proving import judged
from cellctl.jobs.relaxing import Relaxations, relaxations
from cellctl.jobs.standing_overlaps import standing_overlaps
from cellctl.model.certificate import SegmentRecord
from cellctl.model.plan import CertifiedPlan, Plan
from cellctl.model.task import Task
from cellctl.scene.engine import EngineName

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What the check of `file` came to, as far as it got: `task` is None where the file could not be read, `plan` where
    there is no plan, `certified` where anything is wrong. `records` are those of the proof, refuted or not; `seconds`
    is how long the check took. `relaxations` are what would make an impossible task possible, where that was asked for.
    """

    file: str
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
    """Read, plan and prove the task in `file`; what is wrong is in the answer and is not raised.

    `relax` looks for the smallest changes that would do, where a step of the task has no plan.
    """
    begun = perf_counter()
    checked = _checked(file, seed, progress, engine)
    if relax and checked.task is not None and checked.plan is None:
        found = relaxations(checked.task, checked.findings, seed, progress, engine=engine)
        checked = replace(checked, relaxations=found)
    return replace(checked, seconds=perf_counter() - begun)


def _checked(file: str, seed: int, progress: Progress | None, engine: EngineName | None) -> Checked:
    task: Task | None = None
    remarks: list[Finding] = []
    try:
        if progress is not None:
            progress(f"reading {file}", None)
        task = load_task(file, remarks=remarks)
        remarks += standing_overlaps(task.cell, engine)
        judgement = judged(task, seed, progress, engine=engine)
    except CellctlError as error:
        return Checked(file, task, findings=(*remarks, *error.findings), exit_code=error.exit_code)
    verdict = judgement.verdict
    exit_code = CheckFailed.exit_code if judgement.certified is None else 0
    findings = (*remarks, *verdict.findings)
    return Checked(file, task, judgement.plan, verdict.records, judgement.certified, findings, exit_code=exit_code)
