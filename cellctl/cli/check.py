"""`cellctl check` and `cellctl verify`: read, plan and prove; nothing moves and no plan is written."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from cellctl.cli.output import Outcome
from cellctl.cli.plan import planned_and_proved
from cellctl.cli.progress import progress
from cellctl.errors import CellctlError, Finding
from cellctl.scene.engine import EngineName


def check(
    *tasks: Annotated[str, Parameter(required=True)],
    format: Literal["text", "json"] = "text",
    engine: EngineName | None = None,
) -> Outcome:
    """Read, plan and prove tasks; nothing moves and no plan is written.

    Args:
        tasks: Task files. All of them are checked, also after one that fails.
        format: `json` is the same as `--json`.
        engine: Who answers for the exact distances; PyBullet where it is installed, else coal.
    """
    from cellctl.reports.tables import closing_line, proof_data, seam_table

    outcomes = []
    with progress() as say:
        for task in tasks:
            try:
                certified = planned_and_proved(task, seed=0, engine=engine, say=say)
            except CellctlError as error:
                outcomes.append(_failed(task, error))
            else:
                text = (f"{task}: ok", seam_table(certified), closing_line(certified))
                data = {"file": task, "ok": True, **proof_data(certified)}
                outcomes.append(Outcome(text=text, data=data, findings=certified.warnings))
    return _together(outcomes, as_json=format == "json")


def verify(plan: str, *, engine: EngineName | None = None) -> Outcome:
    """Prove a plan file again, from itself alone.

    Args:
        plan: The plan file.
        engine: Who answers for the exact distances; PyBullet where it is installed, else coal.
    """
    from cellctl import jobs
    from cellctl.reports.tables import closing_line, proof_data, seam_table

    with progress() as say:
        say(f"reading {plan}", None)
        certified = jobs.verify(plan, engine=engine, progress=say)
    count = len(certified.certificate.segments)
    proved = f"{plan}: proved again, {count} segments, with {certified.certificate.engine}"
    return Outcome(
        text=(proved, seam_table(certified), closing_line(certified)),
        data={"file": plan, "ok": True, **proof_data(certified)},
        findings=certified.warnings,
    )


def _failed(task: str, error: CellctlError) -> Outcome:
    count = sum(finding.severity == "error" for finding in error.findings)
    said = f"{task}: {count} {'error' if count == 1 else 'errors'}"
    data = {"file": task, "ok": False, "codes": sorted({finding.code for finding in error.findings})}
    return Outcome(text=(said,), data=data, findings=error.findings, exit_code=error.exit_code)


def _together(outcomes: list[Outcome], *, as_json: bool) -> Outcome:
    """One outcome of many: everything that was found, and the highest exit code."""
    findings: tuple[Finding, ...] = tuple(finding for outcome in outcomes for finding in outcome.findings)
    return Outcome(
        text=tuple(part for outcome in outcomes for part in outcome.text),
        data={"files": [dict(outcome.data) for outcome in outcomes]},
        findings=findings,
        exit_code=max((outcome.exit_code for outcome in outcomes), default=0),
        as_json=as_json,
    )
