"""The lines between the executor and its clients: JSON values to bytes and back. It opens no socket.

One JSON object a line, UTF-8, at most 64 kB. A request is `{"id", "do", ...arguments}`; its reply repeats `id` and has
`result`, or `error` (the name of the error) and `findings`. A request without `id` gets no reply. Who has subscribed
gets `{"event": ...}` and, at the end of a run, `{"outcome": ...}`. Described in docs/execution.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, TypeGuard, cast

from cellctl import errors
from cellctl.errors import CellctlError, Finding, UsageError
from cellctl.execution.job import CutSeam, Entry
from cellctl.execution.records.outcome import Outcome, WeldRun
from cellctl.model.event import Event
from cellctl.model.inputs import canonical_json
from cellctl.model.plan import FixedSegment

PROTOCOL = 1
LONGEST_LINE = 65_536
LONGEST_NAME = 64

_ERRORS: tuple[type[CellctlError], ...] = (
    errors.UsageError,
    errors.FileError,
    errors.CheckFailed,
    errors.NotCertified,
    errors.EnvironmentMissing,
    errors.Stopped,
    errors.Faulted,
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for; `id` is None where it wants no reply."""

    do: str
    id: int | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)

    def text(self, name: str, *, default: str | None = None) -> str:
        """The argument `name`, a text; raises UsageError (X422)."""
        value = self.arguments.get(name, default)
        if not isinstance(value, str):
            raise UsageError(Finding("X422", f"'{self.do}' needs a text '{name}'"))
        return value

    def path(self, name: str) -> Path:
        """The argument `name`, a text that can name a file; raises UsageError (X422)."""
        text = self.text(name)
        try:
            nameable = b"\0" not in os.fsencode(text)
        except UnicodeEncodeError:
            nameable = False
        if not nameable:
            raise UsageError(Finding("X422", f"'{name}' of '{self.do}' can name no file"))
        return Path(text)

    def number(self, name: str) -> float:
        """The argument `name`, a finite number; raises UsageError (X422)."""
        value = self.arguments.get(name)
        if not _is_number(value):
            raise UsageError(Finding("X422", f"'{self.do}' needs a number '{name}'"))
        return float(value)

    def choice(self, name: str, choices: tuple[str, ...], *, default: str = "") -> str:
        """The argument `name`, one of `choices`; raises UsageError (X422)."""
        value = self.arguments.get(name, default)
        if value not in choices:
            known = ", ".join(f"'{choice}'" for choice in choices)
            raise UsageError(Finding("X422", f"'{name}' of '{self.do}' is one of {known}"))
        return str(value)


def _is_number(value: object) -> TypeGuard[float]:
    """Whether a JSON value is a finite number."""
    try:
        return not isinstance(value, bool) and isinstance(value, int | float) and isfinite(value)
    except OverflowError:
        return False


def parse_request(line: bytes) -> Request:
    """The request on a line; raises UsageError (X422)."""
    try:
        value = json.loads(line)
        do, number = value.pop("do"), value.pop("id", None)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise UsageError(Finding("X422", "a request is a JSON object with 'do'")) from None
    if not isinstance(do, str) or (number is not None and not isinstance(number, int)):
        raise UsageError(Finding("X422", "'do' is a text and 'id' a whole number"))
    return Request(do, number, value)


def request_line(do: str, number: int | None, arguments: Mapping[str, object]) -> bytes:
    """The line of a request."""
    return canonical_json({**arguments, "do": do} | ({} if number is None else {"id": number}))


def result_line(number: int, result: Mapping[str, object]) -> bytes:
    """The line of a reply."""
    return canonical_json({"id": number, "result": dict(result)})


def error_line(number: int | None, error: CellctlError) -> bytes:
    """The line of a refusal."""
    findings = [finding_as_json(finding) for finding in error.findings]
    return canonical_json({"id": number, "error": type(error).__name__, "findings": findings})


def event_line(event: Event) -> bytes:
    """The line of an event."""
    return canonical_json({"event": event.as_json()})


def outcome_line(outcome: Outcome) -> bytes:
    """The line that ends a run; its record is complete by then."""
    return canonical_json({"outcome": outcome_as_json(outcome)})


def error_of(reply: Mapping[str, Any]) -> CellctlError:
    """The error in a refusal."""
    kinds = {kind.__name__: kind for kind in _ERRORS}
    return kinds.get(str(reply["error"]), UsageError)([finding_from_json(finding) for finding in reply["findings"]])


def finding_as_json(finding: Finding) -> dict[str, object]:
    """A finding without its place, which means nothing to another process."""
    return {
        "code": finding.code,
        "message": finding.message,
        "suggestion": finding.suggestion,
        "severity": finding.severity,
    }


def finding_from_json(value: Mapping[str, Any]) -> Finding:
    """The finding that `finding_as_json` wrote."""
    return Finding(value["code"], value["message"], suggestion=value["suggestion"], severity=value["severity"])


def entry_as_json(entry: Entry) -> Mapping[str, object]:
    """An entry as JSON values."""
    return asdict(entry)


def entry_from_json(value: object, segments: tuple[FixedSegment, ...]) -> Entry:
    """The entry that `entry_as_json` wrote, into a plan of these segments; raises UsageError (X422) for another
    value.
    """
    try:
        fields = dict(cast(Mapping[str, Any], value))
        cut = None if fields["cut"] is None else CutSeam(**fields["cut"])
        entry = Entry(int(fields["segment"]), fields["s"], tuple(map(int, fields["done"])), cut)
        places = [(entry.segment, entry.s)]
        if cut is not None:
            places += [(cut.segment, cut.s), (cut.segment, cut.strike)]
            if cut.s is None:
                raise ValueError
        for index, s in places:
            path = segments[index].path
            if index < 0 or not (s is None or (_is_number(s) and path.start <= s <= path.end)):
                raise ValueError
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        raise UsageError(Finding("X422", "the entry is no place of this plan")) from None
    return entry


def outcome_as_json(outcome: Outcome) -> Mapping[str, object]:
    """An outcome as JSON values."""
    return asdict(outcome) | {"findings": [finding_as_json(finding) for finding in outcome.findings]}


def outcome_from_json(value: Mapping[str, Any]) -> Outcome:
    """The outcome that `outcome_as_json` wrote."""
    return Outcome(
        **{
            **value,
            "findings": tuple(finding_from_json(finding) for finding in value["findings"]),
            "welds": tuple(WeldRun(**weld) for weld in value["welds"]),
            "lateness": tuple(value.get("lateness", ())),
        }
    )
