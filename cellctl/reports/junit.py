"""Checks as JUnit XML: a suite for every task, a case for every step. Adds nothing to what was found.

The format is the one that Ant's JUnit task writes, with the properties inside cases that pytest writes too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import isfinite
from xml.etree import ElementTree as ET

from cellctl.errors import FileError, Finding
from cellctl.jobs.checking import Checked
from cellctl.reports.step_rows import StepRow, clearance_of, other_findings, step_rows
from cellctl.units import mm

MARK = b'<testsuites name="cellctl"'
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(checks: Sequence[Checked]) -> str:
    """One XML document for all checks, ending in a line feed.

    A suite has a case for every step and one named `task` for what belongs to no step. A case fails where the check
    found an error about it; a step behind one that cannot be planned is skipped. Lengths are in mm, times in s.
    """
    root = ET.Element("testsuites", name="cellctl")
    for checked in checks:
        root.append(_suite(checked))
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(checked: Checked) -> ET.Element:
    suite = ET.Element("testsuite", name=_clean(checked.file), time=f"{checked.seconds:.3f}")
    _properties(suite, _suite_figures(checked))
    cases = [_task_case(checked), *(_step_case(checked, row) for row in step_rows(checked))]
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    return suite


def _suite_figures(checked: Checked) -> Iterable[tuple[str, object]]:
    if checked.plan is not None:
        yield "cycle_time_s", f"{checked.plan.cycle_time:.3f}"
        yield "seed", checked.plan.seed
    if checked.task is not None and isfinite(checked.task.budget.cycle_time):
        yield "budget_cycle_time_s", f"{checked.task.budget.cycle_time:.3f}"
    if checked.task is not None and checked.task.budget.clearance:
        yield "budget_clearance_mm", f"{checked.task.budget.clearance / mm:.3f}"
    if checked.task is not None and checked.records:
        clearance = clearance_of(list(checked.records), checked.task.cell.margins.clearance)
        if clearance is not None:
            yield "clearance_mm", f"{clearance / mm:.3f}"
    if checked.certified is not None:
        yield "engine", f"{checked.certified.certificate.engine} {checked.certified.certificate.engine_version}"
        yield "plan_sha256", checked.certified.certificate.plan_sha256


def _task_case(checked: Checked) -> ET.Element:
    """The case of the task as a whole: an error where its files cannot be used, a failure where a check failed."""
    case = ET.Element("testcase", name="task", classname=_clean(checked.file))
    found = other_findings(checked)
    broken = checked.task is None and checked.exit_code >= FileError.exit_code
    _add_outcome(case, found, "error" if broken else "failure")
    return case


def _step_case(checked: Checked, row: StepRow) -> ET.Element:
    case = ET.Element("testcase", name=_clean(row.title), classname=_clean(checked.file))
    if row.place is not None:
        case.set("file", _clean(row.place.file))
        case.set("line", str(row.place.line))
    _properties(case, _step_figures(row))
    _add_outcome(case, row.findings, "failure")
    if row.outcome == "not proved":
        ET.SubElement(case, "skipped", message="not proved: something else stands against the task")
    return case


def _step_figures(row: StepRow) -> Iterable[tuple[str, object]]:
    if row.time is not None:
        yield "cycle_time_s", f"{row.time:.3f}"
    if row.clearance is not None:
        yield "clearance_mm", f"{row.clearance / mm:.3f}"
    if row.heat_input is not None and row.deposited_area is not None:
        yield "heat_input_kj_per_mm", f"{row.heat_input * 1e-6:.3f}"
        yield "deposited_area_mm2", f"{row.deposited_area / mm**2:.2f}"
    if row.fillet_throat is not None:
        yield "fillet_throat_mm", f"{row.fillet_throat / mm:.2f}"
    if row.nearest is not None:
        yield "smallest_gap_mm", f"{row.nearest.proved / mm:.3f}"
        yield "smallest_gap_margin_mm", f"{row.nearest.margin / mm:.3f}"
        yield "smallest_gap_pair", f"{row.nearest.first} - {row.nearest.second}"


def _properties(parent: ET.Element, figures: Iterable[tuple[str, object]]) -> None:
    rows = list(figures)
    if rows:
        listed = ET.SubElement(parent, "properties")
        for name, value in rows:
            ET.SubElement(listed, "property", name=name, value=_clean(str(value)))


def _add_outcome(case: ET.Element, findings: Sequence[Finding], tag: str) -> None:
    """One element for all errors, as readers of JUnit want it; what is less than an error goes to the output."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        codes = " ".join(dict.fromkeys(finding.code for finding in errors))
        element = ET.SubElement(case, tag, type=codes, message=_clean(errors[0].message))
        element.text = _clean("\n".join(str(finding) for finding in errors))
    remarks = [finding for finding in findings if finding.severity != "error"]
    if remarks:
        ET.SubElement(case, "system-out").text = _clean("\n".join(str(finding) for finding in remarks))


def _clean(text: str) -> str:
    """`text` without the characters that XML 1.0 has no way to write."""
    return _NOT_XML.sub("?", text)
