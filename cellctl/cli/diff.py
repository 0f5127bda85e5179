"""`cellctl diff`: two plans, and what differs between them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from cellctl.cli.output import Outcome
from cellctl.cli.progress import progress
from cellctl.errors import CheckFailed


def diff(plan_a: Path, plan_b: Path) -> Outcome:
    """Compare two plans: motion, time, clearance, joint margins, and what they were made from.

    It exits with 0 where both hold the same, byte for byte but for the certificate, and with 1 where they differ.

    Args:
        plan_a: A plan file, or the folder of a run.
        plan_b: The plan to compare with it.
    """
    from cellctl.cli.report import plan_of
    from cellctl.jobs.differing import differences
    from cellctl.reports.difference import difference_lines, difference_table

    with progress() as say:
        say(f"comparing {plan_a} with {plan_b}", None)
        difference = differences(plan_of(plan_a), plan_of(plan_b))
    data = {"first": str(plan_a), "second": str(plan_b), **asdict(difference)}
    if difference.same:
        return Outcome(text=("the same plan",), data=data)
    return Outcome(
        text=(difference_table(difference), *difference_lines(difference)), data=data, exit_code=CheckFailed.exit_code
    )
