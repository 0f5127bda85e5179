"""The proof of a plan: continuity, limits, clearance, weld conformance. The only place that makes a certificate.

Everything is read back from joint values and from the plan's own inputs; nothing of the planner is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

import cellctl
from cellctl.errors import Finding, NotCertified
from cellctl.files import task_from_inputs
from cellctl.model.certificate import Certificate, Gap, SeamRecord, SegmentRecord
from cellctl.model.plan import CertifiedPlan, Plan, Segment
from cellctl.model.task import Task, Weld
from cellctl.processes.contacts import torch_contacts
from cellctl.processes.seam import seam_path
from cellctl.proof.binding import certified, plan_digest
from cellctl.proof.clearance import Checker, check_clearance
from cellctl.proof.conformance import PLANNED, check_weld
from cellctl.proof.limits import SAMPLE_RATE, check_continuity, check_limits, segment_samples
from cellctl.scene.bodies import collision_model
from cellctl.scene.bullet.exact import ExactScene
from cellctl.scene.packed import pack

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the proof of a plan came to: a record of every segment, and what is wrong (nothing, if it holds)."""

    records: tuple[SegmentRecord, ...]
    findings: tuple[Finding, ...]
    engine: str
    engine_version: str


def certify(plan: Plan, progress: Progress | None = None) -> CertifiedPlan:
    """Prove `plan` from itself alone and certify it; raises NotCertified with every finding."""
    verdict = examine(plan, progress)
    if verdict.findings:
        raise NotCertified(verdict.findings)
    certificate = Certificate(
        plan_sha256=plan_digest(plan),
        engine=verdict.engine,
        engine_version=verdict.engine_version,
        checker_version=cellctl.__version__,
        sample_rate=SAMPLE_RATE,
        segments=verdict.records,
    )
    return certified(replace(plan, certificate=certificate))


def examine(plan: Plan, progress: Progress | None = None) -> Verdict:
    """Everything that the proof finds out about `plan`, without raising for what is wrong with it."""
    task = task_from_inputs(plan.inputs)
    findings = list(check_continuity(plan)) + list(_start_findings(plan, task)) + list(_step_findings(plan, task))
    records: list[SegmentRecord] = []
    group = task.cell.groups[0].name
    model = collision_model(task.cell, group)
    with ExactScene(model) as engine:
        checker = Checker(model, pack(model), engine)
        for index, segment in enumerate(plan.segments):
            if progress is not None:
                progress(f"proving segment {index + 1} of {len(plan.segments)}", index / len(plan.segments))
            record, wrong = _examine_segment(checker, task, segment, index)
            records.append(record)
            findings += wrong
        return Verdict(
            tuple(records), tuple(findings + list(_budget_findings(plan, task, records))), engine.name, engine.version
        )


def _examine_segment(checker: Checker, task: Task, segment: Segment, index: int) -> tuple[SegmentRecord, list[Finding]]:
    where = f"step {segment.step + 1}, {segment.kind} (segment {index})"
    step = task.steps[segment.step]
    if isinstance(step, Weld):
        where = f"step {segment.step + 1}, {step.seam}, {segment.kind}"
    robot = task.cell.mechanism(checker.model.mechanism).robot
    limits = check_limits(segment, robot, where)
    findings = list(limits.findings) + list(_contact_findings(task, segment, where))
    gaps: tuple[Gap, ...] = ()
    if not any(f.code == "C330" for f in findings):
        clearance = check_clearance(checker, segment, where)
        gaps = clearance.gaps
        findings += clearance.findings
    seam: SeamRecord | None = None
    if segment.process is not None and isinstance(step, Weld):
        t, q = segment_samples(segment)
        inside = t <= segment.duration
        seam, wrong = check_weld(task.cell, segment.group, step, segment.process, t[inside], q[inside], PLANNED, where)
        findings += wrong
    return SegmentRecord(index, segment.kind, segment.step, segment.duration, limits.uses, gaps, seam), findings


def _start_findings(plan: Plan, task: Task) -> list[Finding]:
    mechanism = task.cell.mechanism(task.cell.groups[0].mechanisms[0])
    declared = np.array(mechanism.configurations[task.start])
    started = plan.start.get(task.cell.groups[0].name)
    if started is None or np.abs(started - declared).max() > 1e-9:
        return [Finding("C324", f"the plan does not start at '{task.start}', where the task starts")]
    return []


def _step_findings(plan: Plan, task: Task) -> list[Finding]:
    """Every step of the task is in the plan, in order; every weld has its process on its own seam and procedure."""
    findings = []
    order = [segment.step for segment in plan.segments]
    if order != sorted(order):
        findings.append(Finding("C327", "the segments are not in the order of the task's steps"))
    for index, step in enumerate(task.steps):
        processes = [s.process for s in plan.segments if s.step == index and s.process is not None]
        if isinstance(step, Weld):
            if len(processes) != 1 or (processes[0].seam, processes[0].wps) != (step.seam, step.wps):
                findings.append(
                    Finding("C327", f"step {index + 1}: '{step.seam}' is not welded exactly once in this plan")
                )
            elif abs(processes[0].length - seam_path(task.cell, step).length) > 1e-9:
                findings.append(
                    Finding(
                        "C322", f"step {index + 1}: the plan welds another length of '{step.seam}' than the part has"
                    )
                )
        elif not _reaches(plan, task, index):
            findings.append(Finding("C327", f"step {index + 1}: the plan does not end at '{step.target}'"))
    return findings


def _reaches(plan: Plan, task: Task, index: int) -> bool:
    """True when the arm stands at the step's configuration once the step is done."""
    step = task.steps[index]
    if isinstance(step, Weld):
        return True
    mechanism = task.cell.mechanism(task.cell.groups[0].mechanisms[0])
    done = [segment for segment in plan.segments if segment.step <= index]
    q = done[-1].joints_at(done[-1].duration)[0] if done else plan.start[task.cell.groups[0].name]
    return bool(np.abs(q - np.array(mechanism.configurations[step.target])).max() < 1e-6)


def _contact_findings(task: Task, segment: Segment, where: str) -> list[Finding]:
    """A segment may hold only the allowances that its step and kind give it: the torch tip at its own seam's plates."""
    step = task.steps[segment.step]
    lawful = (
        torch_contacts(task.cell, step)
        if isinstance(step, Weld) and segment.kind in ("approach", "process", "retract")
        else ()
    )
    known = {(frozenset((c.first, c.second)), c.margin) for c in lawful}
    return [
        Finding("C330", f"{where}: {c.first} may not come nearer to {c.second} than the cell's clearance here")
        for c in segment.contacts
        if (frozenset((c.first, c.second)), c.margin) not in known
    ]


def _budget_findings(plan: Plan, task: Task, records: list[SegmentRecord]) -> list[Finding]:
    findings = []
    if plan.cycle_time > task.budget.cycle_time:
        over = plan.cycle_time - task.budget.cycle_time
        findings.append(Finding("C326", f"cycle time is {plan.cycle_time:.1f} s, {over:.1f} s over the budget"))
    for record in records:
        for gap in record.gaps:
            if gap.margin == task.cell.margins.clearance and gap.proved < task.budget.clearance:
                budget = f"the budget is {task.budget.clearance * 1e3:g} mm"
                text = f"{gap.first} is only proved to keep {gap.proved * 1e3:.1f} mm from {gap.second}, {budget}"
                findings.append(Finding("C326", f"segment {record.index}: {text}"))
    return findings
