"""Checks for GitHub Actions: annotations as workflow commands, and a step summary in Markdown. Adds nothing to what
was found.
"""

from __future__ import annotations

from collections.abc import Sequence

from cellctl.errors import Finding, Place
from cellctl.jobs.checking import Checked
from cellctl.reports.step_rows import StepRow, clearance_of, step_rows
from cellctl.units import mm

MOST = 10
"""GitHub shows so many annotations of a kind for one step of a job; the others are in its log and in the summary."""
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def workflow_commands(checks: Sequence[Checked]) -> tuple[str, ...]:
    """One workflow command for every finding, errors first, and a notice where there are more than GitHub shows."""
    found = [(checked, finding) for checked in checks for finding in checked.findings]
    found.sort(key=lambda item: list(_COMMANDS).index(item[1].severity))
    lines = [_annotation(checked, finding) for checked, finding in found]
    errors = sum(finding.severity == "error" for _, finding in found)
    if errors > MOST:
        lines.append(f"::notice title=cellctl::{errors} errors; GitHub shows {MOST} of them, the summary has all")
    return tuple(lines)


def _annotation(checked: Checked, finding: Finding) -> str:
    place = finding.place or Place(checked.file)
    where = [f"file={_property(place.file)}"]
    if place.line:
        where += [f"line={place.line}", f"col={max(1, place.column)}"]
    text = f"{finding.message} - {finding.suggestion}" if finding.suggestion else finding.message
    return f"::{_COMMANDS[finding.severity]} {','.join(where)},title={finding.code}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(checks: Sequence[Checked]) -> str:
    """A Markdown page: every task with its outcome and figures, its steps, and everything that was found."""
    lines = ["## cellctl check", "", "| task | | cycle time | clearance |", "|---|---|---:|---:|"]
    lines += [_task_line(checked) for checked in checks]
    for checked in checks:
        rows = step_rows(checked)
        if rows:
            lines += ["", f"### {_cell(checked.file)}", "", "| step | | time | clearance | nearest |"]
            lines += ["|---|---|---:|---:|---|", *(_step_line(row) for row in rows)]
        if checked.findings:
            lines += ["", *(f"- `{finding.code}` {_cell(_said(finding))}" for finding in checked.findings)]
    return "\n".join([*lines, ""])


def _task_line(checked: Checked) -> str:
    errors = sum(finding.severity == "error" for finding in checked.findings)
    outcome = f"{errors} {'error' if errors == 1 else 'errors'}" if errors else "ok"
    time = "" if checked.plan is None else f"{checked.plan.cycle_time:.1f} s"
    margin = None if checked.task is None else checked.task.cell.margins.clearance
    clearance = None if margin is None else clearance_of(list(checked.records), margin)
    return f"| {_cell(checked.file)} | {outcome} | {time} | {_millimetres(clearance)} |"


def _step_line(row: StepRow) -> str:
    time = "" if row.time is None else f"{row.time:.1f} s"
    nearest = ""
    if row.nearest is not None:
        pair = f"{row.nearest.first} - {row.nearest.second}"
        nearest = f"{pair}: {_millimetres(row.nearest.proved)} of {_millimetres(row.nearest.margin)}"
    return f"| {_cell(row.title)} | {row.outcome} | {time} | {_millimetres(row.clearance)} | {_cell(nearest)} |"


def _millimetres(length: float | None) -> str:
    return "" if length is None else f"{length / mm:.1f} mm"


def _said(finding: Finding) -> str:
    where = f"{finding.place}: " if finding.place else ""
    tail = f" - {finding.suggestion}" if finding.suggestion else ""
    return f"{where}{finding.message}{tail}"


def _cell(text: str) -> str:
    """`text` where Markdown would take signs of it for its own."""
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("\n", " ")):
        text = text.replace(sign, written)
    return text
