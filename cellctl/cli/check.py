"""`cellctl check` and `cellctl verify`: read, plan and prove; nothing moves and no plan is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from cellctl.cli.output import Outcome, as_document
from cellctl.cli.progress import progress
from cellctl.cli.report import plan_file_of
from cellctl.errors import CheckFailed, Finding, Place, UsageError
from cellctl.scene.engine import EngineName

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cellctl.jobs.checking import Checked

Format = Literal["text", "json", "junit", "github", "sarif"]
SUFFIXES = {".xml": "junit", ".sarif": "sarif", ".json": "json"}
SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable in which GitHub Actions names the file that a step adds its summary to."""


def check(
    *tasks: Annotated[str, Parameter(required=True)],
    format: Format = "text",
    report: Annotated[list[Path] | None, Parameter(negative="")] = None,
    relax: Annotated[bool, Parameter(negative="")] = False,
    png: Path | None = None,
    engine: EngineName | None = None,
) -> Outcome:
    """Read, plan and prove tasks; nothing moves and no plan is written.

    Args:
        tasks: Task files. All of them are checked, also after one that fails. A cell file is read, and the tasks that
            are for it are named.
        format: What is printed. `json` is the same as `--json`; `github` also adds to the step's summary.
        report: Write a report as well: FILE.xml (JUnit), FILE.sarif or FILE.json. May be given several times.
        relax: Where a weld has no plan, look for the smallest changes that would do; each is planned and proved.
        png: Where something is in the way, draw the arm in the pose where it is least so, the pair in red.
        engine: Who answers for the exact distances; PyBullet where it is installed, else coal.
    """
    from cellctl import jobs

    paths = report or []
    _demand_formats(paths)
    with progress() as say:
        checks = [jobs.check_file(task, engine=engine, progress=say, relax=relax) for task in tasks]
        if png is not None:
            draw_refusal(checks, png)
    outcome = _outcome(checks, format)
    for path in paths:
        _write(path, checks, outcome)
    return outcome


def verify(plan: Path, *, engine: EngineName | None = None) -> Outcome:
    """Prove a plan file again, from itself alone; of a run, judge what was measured too.

    Args:
        plan: The plan file, or the folder of a run.
        engine: Who answers for the exact distances; PyBullet where it is installed, else coal.
    """
    from cellctl import jobs
    from cellctl.reports.tables import closing_line, proof_data, seam_tables

    with progress() as say:
        say(f"reading {plan}", None)
        certified = jobs.verify(plan_file_of(plan), engine=engine, progress=say)
        welds = jobs.measured_welds(plan) if plan.is_dir() else ()
        screws = jobs.measured_screws(plan) if plan.is_dir() else ()
    measured = [weld.record for weld in welds]
    off = (*(f for weld in welds for f in weld.verdict()), *(f for screw in screws for f in screw.verdict()))
    count = len(certified.certificate.segments)
    proved = f"{plan}: proved again, {count} segments, with {certified.certificate.engine}"
    if welds:
        done = sum(record is not None for record in measured)
        lays = any(segment.process is not None and segment.process.lays_bead for segment in certified.plan.segments)
        proved += f"; {_share(done, len(welds), 'bead' if lays else 'weld')}"
    if screws:
        proved += f"; {_share(sum(screw.aside is not None for screw in screws), len(screws), 'screw')}"
    if welds or screws:
        proved += f" measured, {'as planned' if not off else 'not all as planned'}"
    return Outcome(
        text=(proved, *seam_tables(certified, measured), closing_line(certified)),
        data={"file": str(plan), "ok": not off, **proof_data(certified, measured)},
        findings=(*certified.warnings, *off),
        exit_code=CheckFailed.exit_code if off else 0,
    )


def _share(done: int, of: int, word: str) -> str:
    """`3 of 4 welds`."""
    words = word if of == 1 else f"{word}s"
    return f"{done} {words}" if done == of else f"{done} of {of} {words}"


def _outcome(checks: list[Checked], format: Format) -> Outcome:
    """One outcome of all checks in the format asked for: everything that was found, and the highest exit code."""
    from cellctl.reports import github, junit, sarif

    together = Outcome(
        text=tuple(part for checked in checks for part in _text(checked)),
        data={"files": [_data(checked) for checked in checks]},
        findings=tuple(finding for checked in checks for finding in checked.findings),
        exit_code=max((checked.exit_code for checked in checks), default=0),
        as_json=format == "json",
    )
    if format == "github":
        if os.environ.get(SUMMARY):
            from cellctl.reports.writing import append

            append(Path(os.environ[SUMMARY]), github.summary(checks))
        return together.saying(text=(*github.workflow_commands(checks), *together.text), findings_said=True)
    if format in ("junit", "sarif"):
        return together.saying(document=junit.junit_xml(checks) if format == "junit" else sarif.sarif_text(checks))
    return together


def _text(checked: Checked) -> tuple[RenderableType, ...]:
    from cellctl.reports.cell_lines import cell_lines
    from cellctl.reports.relaxed import relaxation_lines
    from cellctl.reports.tables import closing_line, seam_tables

    if checked.cell is not None:
        return tuple(cell_lines(checked.file, checked.cell))
    if checked.certified is None:
        count = sum(finding.severity == "error" for finding in checked.findings)
        refused = f"{checked.file}: {count} {'error' if count == 1 else 'errors'}"
        return (refused, *relaxation_lines(checked))
    return (f"{checked.file}: ok", *seam_tables(checked.certified), closing_line(checked.certified))


def _data(checked: Checked) -> dict[str, object]:
    from cellctl.reports.relaxed import relaxation_data
    from cellctl.reports.step_rows import row_data, step_rows
    from cellctl.reports.tables import proof_data

    if checked.cell is not None:
        return {"file": checked.file, "ok": True, "cell": checked.cell.cell.name, "tasks": list(checked.cell.tasks)}
    steps = [row_data(row) for row in step_rows(checked)]
    data = {"file": checked.file, "ok": checked.certified is not None, "steps": steps}
    if checked.certified is None:
        codes = sorted({finding.code for finding in checked.findings})
        return {**data, "codes": codes, "relaxations": relaxation_data(checked)}
    return {**data, **proof_data(checked.certified)}


def draw_refusal(checks: list[Checked], png: Path) -> None:
    """Draw the first refusal that has a pose to be drawn; nothing where none has."""
    from cellctl.reports.refusal import write_refusal

    for checked in checks:
        if checked.task is not None and write_refusal(checked.task, checked.findings, png):
            return


def _demand_formats(paths: list[Path]) -> None:
    """Every report has a format, and is not written over something else; said before the work begins."""
    from cellctl.reports.writing import demand_own

    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            text = "the end of this name says no format of a report"
            hint = "end it in .xml (JUnit), .sarif or .json"
            raise UsageError(Finding("U650", text, Place(str(path)), hint))
        demand_own(path, _mark(path))


def _mark(path: Path) -> bytes:
    """What an earlier report of the same format holds near its beginning."""
    from cellctl.reports import junit, sarif

    return {"junit": junit.MARK, "sarif": sarif.MARK, "json": b'"exit_code": '}[SUFFIXES[path.suffix.lower()]]


def _write(path: Path, checks: list[Checked], outcome: Outcome) -> None:
    from cellctl.reports import junit, sarif
    from cellctl.reports.writing import write_own

    written = SUFFIXES[path.suffix.lower()]
    if written == "json":
        text = as_document(outcome)
    else:
        text = junit.junit_xml(checks) if written == "junit" else sarif.sarif_text(checks)
    write_own(path, text.encode("utf-8"), _mark(path))
