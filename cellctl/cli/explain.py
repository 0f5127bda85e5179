"""`cellctl explain`: the meaning of a finding's code, from the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from difflib import get_close_matches

from cellctl.cli.output import Outcome
from cellctl.errors import Finding, UsageError


def explain(code: str) -> Outcome:
    """Explain the code of a finding.

    Args:
        code: The letter and the number at the end of a finding, such as F110.
    """
    from cellctl import catalogue

    entry = catalogue.lookup(code.upper())
    if entry is None:
        near = get_close_matches(code.upper(), catalogue.all_codes(), n=1)
        suggestion = f"did you mean {near[0]}?" if near else "a code is a letter and three digits, such as F110"
        raise UsageError(Finding("U616", f"no finding has the code '{code}'", suggestion=suggestion))
    return Outcome(text=(f"{entry.code}: {entry.title}", entry.cause, entry.remedy), data=asdict(entry))
