"""The proof of a plan: continuity, limits, clearance, weld conformance. The only place that makes a certificate.

Everything is read back from joint values and from the plan's own inputs; nothing of the planner is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby
from math import isfinite

import cellctl
from cellctl.errors import Finding, NotCertified
from cellctl.files import task_from_inputs
from cellctl.model.certificate import Certificate, Gap, LimitUse, SeamRecord, SegmentRecord
from cellctl.model.plan import CertifiedPlan, Plan, Segment
from cellctl.model.task import MoveJ, Screw, SeamStep, Task, step_name
from cellctl.processes.handling import Handling
from cellctl.processes.procedure import working_tip
from cellctl.proof.allowances import check_allowances
from cellctl.proof.binding import certified, plan_digest
from cellctl.proof.clearance import FAR, Checker, check_clearance
from cellctl.proof.commands import check_commands
from cellctl.proof.conformance import check_seam
from cellctl.proof.efforts import effort_findings, effort_use
from cellctl.proof.form import check_form, task_group
from cellctl.proof.gates import PLANNED
from cellctl.proof.handling import Standing, check_handling, check_loads, standings
from cellctl.proof.limits import (
    SAMPLE_RATE,
    TOLERANCE,
    check_continuity,
    check_limits,
    segment_samples,
    tool_speed,
)
from cellctl.proof.screwing import check_screw
from cellctl.proof.steps import check_steps
from cellctl.scene.bodies import collision_model
from cellctl.scene.engine import EngineName, open_engine
from cellctl.scene.packed import pack

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the proof of a plan came to: a record of every segment, and what was found; it holds without an error."""

    records: tuple[SegmentRecord, ...]
    findings: tuple[Finding, ...]
    engine: str
    engine_version: str


def judge(
    plan: Plan, progress: Progress | None = None, *, engine: EngineName | None = None
) -> tuple[Verdict, CertifiedPlan | None]:
    """What the proof of `plan` came to, and the certified plan where nothing is wrong with it."""
    verdict = examine(plan, progress, engine=engine)
    if any(finding.severity == "error" for finding in verdict.findings):
        return verdict, None
    certificate = Certificate(
        plan_sha256=plan_digest(plan),
        engine=verdict.engine,
        engine_version=verdict.engine_version,
        checker_version=cellctl.__version__,
        sample_rate=SAMPLE_RATE,
        segments=verdict.records,
    )
    return verdict, replace(certified(replace(plan, certificate=certificate)), warnings=verdict.findings)


def certify(plan: Plan, progress: Progress | None = None, *, engine: EngineName | None = None) -> CertifiedPlan:
    """Prove `plan` from itself alone and certify it; raises NotCertified with every finding.

    `engine` answers for the exact distances; None is the one that `open_engine` takes.
    """
    verdict, proved = judge(plan, progress, engine=engine)
    if proved is None:
        raise NotCertified(verdict.findings)
    return proved


def examine(plan: Plan, progress: Progress | None = None, *, engine: EngineName | None = None) -> Verdict:
    """Everything that the proof finds out about `plan`, without raising for what is wrong with it.

    Raises FileError where the plan's own inputs hold no sound task.
    """
    task = task_from_inputs(plan.inputs)
    unfit = check_form(plan, task)
    if unfit:
        return Verdict((), unfit, "", "")
    group = task_group(task)
    mechanism, axes = task.cell.mechanism(task.cell.group(group).mechanisms[0]), task.cell.axes(group)
    findings = [*check_continuity(plan), *check_steps(plan, task, axes), *check_loads(task, mechanism)]
    records: list[SegmentRecord] = []
    used, version = "", ""
    found = list(enumerate(standings(task, mechanism, plan.segments)))
    for _, run in groupby(found, key=lambda item: id(item[1].cell)):
        same = list(run)
        model = collision_model(same[0][1].cell, group)
        with open_engine(engine, model) as exact:
            used, version = exact.name, exact.version
            checker = Checker(model, pack(model), exact, task.budget.clearance)
            for index, standing in same:
                if progress is not None:
                    progress(f"proving segment {index + 1} of {len(plan.segments)}", index / len(plan.segments))
                record, wrong = examine_segment(checker, task, plan.segments, index, standing)
                records.append(record)
                findings += wrong
    findings += _budget_findings(plan, task, records)
    return Verdict(tuple(records), tuple(findings), used, version)


def examine_segment(
    checker: Checker, task: Task, segments: tuple[Segment, ...], index: int, standing: Standing | None = None
) -> tuple[SegmentRecord, list[Finding]]:
    """The record of one of `segments`, which have passed `check_form`, and what is wrong with it.

    `standing` says what the gripper has done by then, None for nothing; `checker` is for the cell as it is then.
    """
    standing = standing or Standing(Handling(), task.cell)
    task = replace(task, cell=standing.cell)
    segment = segments[index]
    step = task.steps[segment.step]
    what = segment.kind if isinstance(step, MoveJ) else f"{step_name(step).partition(' ')[2]}, {segment.kind}"
    where = f"step {segment.step + 1}, {what} (segment {index})"
    mechanism = task.cell.mechanism(checker.model.mechanism)
    limits = check_limits(segment, task.cell.axes(segment.group), where)
    unlawful = check_allowances(task, segments, index, where, standing.lawful)
    effort = effort_use(segment, mechanism)
    findings = [*limits.findings, *effort_findings(effort, mechanism, where), *unlawful]
    gaps: tuple[Gap, ...] = ()
    if not unlawful:
        clearance = check_clearance(checker, segment, where)
        gaps = clearance.gaps
        findings += [*clearance.findings, *check_handling(checker, standing, segment, where)]
    seam: SeamRecord | None = None
    if segment.process is not None and isinstance(step, SeamStep):
        t, q = segment_samples(segment)
        inside = t <= segment.duration
        seam, wrong = check_seam(task.cell, segment.group, step, segment.process, t[inside], q[inside], PLANNED, where)
        findings += [*wrong, *check_commands(task.cell, step, segment, segment.process, where)]
    if segment.screw is not None and isinstance(step, Screw):
        findings += check_screw(task, step, segment, where)
    uses = (*limits.uses, effort)
    if isfinite(task.budget.tcp_speed):
        speed, at = tool_speed(segment, mechanism, working_tip(task.cell, mechanism))
        uses = (*uses, LimitUse("tcp_speed", "tcp", speed / task.budget.tcp_speed, at))
        findings += _missed_speed(speed, at, task.budget.tcp_speed, where)
    record = SegmentRecord(index, segment.kind, segment.step, segment.duration, uses, gaps, seam)
    return record, [_of_segment(finding, segment.step, index) for finding in findings]


def _of_segment(finding: Finding, step: int, index: int) -> Finding:
    """A finding that says which step (from 0) and segment it is about, for machines."""
    return replace(finding, data={**finding.data, "step": step, "segment": index})


def _budget_findings(plan: Plan, task: Task, records: list[SegmentRecord]) -> list[Finding]:
    """Where the plan misses the task's own budget (C326), with the amount."""
    budget, findings = task.budget, []
    if plan.cycle_time > budget.cycle_time:
        over = plan.cycle_time - budget.cycle_time
        text = f"cycle time is {plan.cycle_time:.2f} s, {over:.2f} s over the budget of {budget.cycle_time:g} s"
        findings.append(Finding("C326", text, data={"budget": "cycle_time", "missed_by": over}))
    if budget.clearance > FAR:
        text = f"the budget asks for gaps of {budget.clearance * 1e3:g} mm, none over {FAR * 1e3:g} mm is proved"
        findings.append(Finding("C326", text, data={"budget": "clearance"}))
    for record in records:
        for gap in record.gaps:
            if gap.margin == task.cell.margins.clearance and gap.proved < budget.clearance:
                findings.append(_of_segment(_missed_clearance(gap, budget.clearance), record.step, record.index))
    return findings


def _missed_speed(speed: float, at: float, most: float, where: str) -> list[Finding]:
    """C326 where the tool's working point is faster than the budget says."""
    if speed <= TOLERANCE * most:
        return []
    text = f"{where}: the tool is at {speed * 1e3:.1f} mm/s at {at:.3f} s"
    budget = f"{(speed - most) * 1e3:.1f} mm/s over the budget of {most * 1e3:g} mm/s"
    return [Finding("C326", f"{text}, {budget}", data={"budget": "tcp_speed", "missed_by": speed - most})]


def _missed_clearance(gap: Gap, wanted: float) -> Finding:
    short = wanted - gap.proved
    text = f"{gap.first} is only proved to keep {gap.proved * 1e3:.2f} mm from {gap.second}"
    budget = f"{short * 1e3:.2f} mm under the budget of {wanted * 1e3:g} mm"
    return Finding("C326", f"{text}, {budget}", data={"budget": "clearance", "missed_by": short})
