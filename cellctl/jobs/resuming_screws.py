"""Go on after a run that broke off at a screw: it is driven anew, or left as somebody has finished it.

Nothing is driven again by itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from cellctl.errors import Finding, UsageError

if TYPE_CHECKING:
    from cellctl.execution.records.survey import ScrewSurvey, Survey

ScrewStands = Literal["again", "done"]
"""What a person has made of a screw that was begun: taken it out, with a new one at the bit, or driven it by hand."""


def unfinished_screw(survey: Survey) -> ScrewSurvey | None:
    """The screw that was begun last and is not known to be sound, None where there is none."""
    last = survey.screws[-1] if survey.screws else None
    return None if last is None or last.segment in survey.done else last


def survey_with_screw(survey: Survey, screw: ScrewStands | None) -> Survey:
    """The survey as a person completes it; raises UsageError (X447) where nobody says what became of a screw."""
    begun = unfinished_screw(survey)
    if begun is None:
        return survey
    if screw is None:
        text = f"the screw in '{begun.hole}' was begun and is not known to be sound, and is not driven again by itself"
        hint = "take it out and say --screw again (a new one is at the bit), or drive it by hand and say --screw done"
        raise UsageError(Finding("X447", text, suggestion=hint))
    return survey if screw == "again" else replace(survey, done=tuple(sorted({*survey.done, begun.segment})))
