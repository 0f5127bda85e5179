"""`cellctl diff`: two plans, and what differs between them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from cellctl.cli.output import Outcome
from cellctl.cli.progress import progress
from cellctl.errors import CheckFailed


def diff(plan_a: Path, plan_b: Path) -> Outcome:
    """Compare two plans: motion, time, clearance, joint margins, and what they were made from.

    It exits with 0 where both hold the same, byte for byte but for the certificate, and with 1 where they differ, or
    where one was changed after it was proved.

    Args:
        plan_a: A plan file, or the folder of a run.
        plan_b: The plan to compare with it.
    """
    from cellctl.cli.report import plan_file_of, plan_of
    from cellctl.jobs.differing import differences, not_as_proved
    from cellctl.reports.difference import difference_lines, difference_table

    with progress() as say:
        say(f"comparing {plan_a} with {plan_b}", None)
        difference = differences(plan_of(plan_a), plan_of(plan_b))
        findings = tuple(finding for path in (plan_a, plan_b) for finding in not_as_proved(plan_file_of(path)))
    edited = any(finding.severity == "error" for finding in findings)
    data = {"first": str(plan_a), "second": str(plan_b), **asdict(difference)}
    if difference.same:
        exit_code = CheckFailed.exit_code if edited else 0
        return Outcome(text=("the same plan",), data=data, findings=findings, exit_code=exit_code)
    return Outcome(
        text=(difference_table(difference), *difference_lines(difference)),
        data=data,
        findings=findings,
        exit_code=CheckFailed.exit_code,
    )
