"""From a task to a certified plan: plan, certify, check, verify."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import cellctl
from cellctl.errors import Finding, NotCertified, Place, PlanningFailed, UsageError
from cellctl.files import (
    edited_inputs,
    holds_nothing_else,
    load_task,
    plan_inputs,
    read_plan,
    task_from_inputs,
    unlike_library,
)
from cellctl.files.plan_cache import store_plan, stored_plan
from cellctl.model.inputs import canonical_json
from cellctl.model.plan import CertifiedPlan, Plan
from cellctl.model.task import Task
from cellctl.scene.engine import EngineName, engine_used

if TYPE_CHECKING:
    from cellctl.proof import Verdict

Progress = Callable[[str, float | None], None]


def plan(
    task: Task,
    start: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    engine: EngineName | None = None,
) -> Plan:
    """Plan `task` from its start configuration, or from the one named `start`. Same inputs and seed, same bytes.

    `engine` (`bullet`, `coal`, None for what is installed) is asked what is too near where there is no plan.
    Raises PlanningFailed with the step, the stretch of the seam and what binds, and FileError for a task made in Python
    that names what its cell does not have or holds values that a file could not.
    """
    if not 0 <= seed < 2**63:
        raise UsageError(Finding("U603", f"a seed is a whole number from 0 to 2^63 - 1, not {seed}"))
    if start is not None:
        task = replace(task, start=start)
    if start is not None or not task.reference:
        task_from_inputs(plan_inputs(task))
    if progress is not None:
        progress("loading the compiled kernels (compiled on first use)", None)
    from cellctl.planning.plan_task import plan_steps

    try:
        blocks, started = plan_steps(task, seed, progress, engine=engine)
    except PlanningFailed as error:
        raise PlanningFailed(placed(error.findings, task)) from None
    return Plan(task.name, blocks, started, seed, plan_inputs(task), versions())


def certify(plan: Plan, progress: Progress | None = None, *, engine: EngineName | None = None) -> CertifiedPlan:
    """Prove `plan` from itself alone; raises NotCertified with every finding.

    `engine` answers for the exact distances: `bullet`, `coal`, or None for PyBullet where it is installed, else coal.
    """
    from cellctl.proof import certify as prove

    return prove(plan, progress, engine=engine)


def check(
    task: Task | str | Path, seed: int = 0, progress: Progress | None = None, *, engine: EngineName | None = None
) -> CertifiedPlan:
    """Read, plan and certify. Raises what reading, planning and proof raise.

    A plan that was made before from the same inputs, seed and program is taken from the user's cache; it would be the
    same, byte for byte. It is always proved anew.
    """
    loaded = task if isinstance(task, Task) else load_task(task)
    judgement = judged(loaded, seed, progress, engine=engine)
    if judgement.certified is None:
        raise NotCertified(judgement.verdict.findings)
    return judgement.certified


def kept_plan(task: Task, seed: int = 0) -> Plan | None:
    """The plan that `check` or `plan` kept for `task`, None where there is none."""
    return stored_plan(_plan_key(task, seed))


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """A plan, what its proof came to, and the certified plan where nothing is wrong with it."""

    plan: Plan
    verdict: Verdict
    certified: CertifiedPlan | None


def judged(
    task: Task, seed: int = 0, progress: Progress | None = None, *, engine: EngineName | None = None
) -> Judgement:
    """Plan (or take the kept plan of) `task` and prove it, without raising for what the proof refutes.

    Findings say where their step stands in the task's file. Raises PlanningFailed.
    """
    from cellctl.proof import judge

    engine = engine_used(engine)
    key = _plan_key(task, seed)
    kept = stored_plan(key)
    made = kept or plan(task, seed=seed, progress=progress, engine=engine)
    verdict, proved = judge(replace(made, certificate=None), progress, engine=engine)
    findings = placed(verdict.findings, task)
    if proved is not None and kept is None:
        store_plan(key, made)
    certified = None if proved is None else replace(proved, warnings=findings)
    return Judgement(made, replace(verdict, findings=findings), certified)


def placed(findings: Iterable[Finding], task: Task) -> tuple[Finding, ...]:
    """`findings` that are about a step of `task`, its start or its budget, with the place of that in its file."""
    return tuple(replace(finding, place=finding.place or _place(finding, task)) for finding in findings)


def _place(finding: Finding, task: Task) -> Place | None:
    step = finding.data.get("step")
    if isinstance(step, int):
        return task.places[step] if 0 <= step < len(task.places) else None
    if "start" in finding.data:
        return task.start_place
    return task.budget_place if "budget" in finding.data else None


def verify(path: str | Path, progress: Progress | None = None, *, engine: EngineName | None = None) -> CertifiedPlan:
    """Prove a plan file again, from the file alone.

    First its certificate is held against its content, and the file against what this plan is written as, then
    everything is proved anew, and the certificate has to say the same. Raises NotCertified: C320 for what was edited,
    C321 where that is an input. Warnings tell where the plan's inputs are not what the installed library holds (C335),
    and who proved it before (C337).
    """
    from cellctl.proof import demand_same_figures

    stored = bound(path)
    if not holds_nothing_else(path, stored.plan):
        text = "the file holds something that is not of this plan, or is written in another way"
        raise NotCertified(Finding("C320", text, suggestion="plan the task again"))
    again = certify(replace(stored.plan, certificate=None), progress, engine=engine)
    notes = demand_same_figures(stored.certificate, again.certificate)
    return replace(again, warnings=(*again.warnings, *notes, *_library_notes(stored.plan)))


def bound(path: str | Path) -> CertifiedPlan:
    """The plan in a file with the certificate that is for it, which is not proved again.

    Raises NotCertified: C321 for an edited input, C320 for a plan that is another than the one that was proved, X410
    for one without a certificate.
    """
    from cellctl.proof import certified

    try:
        return certified(read_plan(path))
    except NotCertified as error:
        edited = [
            Finding("C321", f"'{reference}' in the plan is not what it was", suggestion="plan the task again")
            for reference in edited_inputs(path)
        ]
        raise NotCertified((*edited, *error.findings)) from None


def _library_notes(plan: Plan) -> tuple[Finding, ...]:
    """C335 for every shipped file that is another one in the plan: edited there, shifted, or of another version."""
    text = "'{}' in the plan is not what the installed library holds: it was edited, shifted, or is of another version"
    hint = "compare the plans with cellctl diff"
    return tuple(
        Finding("C335", text.format(reference), suggestion=hint, severity="warning")
        for reference in unlike_library(plan.inputs)
    )


def _plan_key(task: Task, seed: int) -> str:
    """Digest of everything that a plan's bytes depend on: inputs, seed, versions, and the program itself."""
    digest = hashlib.sha256(canonical_json({"seed": seed, "versions": versions()}))
    for item in plan_inputs(task):
        digest.update(f"{item.reference} {item.kind} {item.sha256}\n".encode())
    for source in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """What a plan's bytes may depend on beside its inputs."""
    found = {"cellctl": cellctl.__version__}
    for package in ("eaik", "numba", "numpy", "scipy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found
