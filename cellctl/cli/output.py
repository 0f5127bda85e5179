"""What a command has to say, and the one place that says it: text for people or one JSON document for machines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cellctl.errors import Finding

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PIPE_WIDTH = 160
"""Columns of a table that goes into a pipe or a file, where there is no terminal to ask."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command found out: `text` for people, `data` for machines, `findings` for both.

    `data` holds JSON values only. `as_json` is set by a command that was asked for JSON in its own words, `silent`
    where everything was said already (the help page). `document` is printed as it is, instead of the text;
    `findings_said` is set where text or document hold the findings already.
    """

    text: tuple[RenderableType, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    exit_code: int = 0
    as_json: bool = False
    silent: bool = False
    document: str = ""
    findings_said: bool = False

    def saying(
        self, *, text: tuple[RenderableType, ...] = (), document: str = "", findings_said: bool = False
    ) -> Outcome:
        """The same outcome told to people in other words."""
        return replace(self, text=text, document=document, findings_said=findings_said)


class OutputLost(Exception):
    """Standard output took no more: its reader went away (`gone`), or its file has no room."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or type(error).__name__)
        self.gone = isinstance(error, BrokenPipeError)


def show(outcome: Outcome, *, as_json: bool) -> None:
    """Print an outcome: findings on stderr and text on stdout, or everything as one JSON document on stdout.

    Raises OutputLost where stdout cannot be written.
    """
    if outcome.silent:
        return
    if not as_json and not outcome.findings_said:
        for finding in outcome.findings:
            complain(finding)
    if as_json:
        with writing():
            sys.stdout.write(as_document(outcome))
    elif outcome.document:
        with writing():
            sys.stdout.write(outcome.document)
    elif outcome.text:
        console = terminal()
        for part in outcome.text:
            console.print(part, soft_wrap=isinstance(part, str))


def complain(finding: Finding) -> None:
    """One finding on stderr; where that cannot be written, there is no one left to tell, and the exit code stays."""
    try:
        print(finding_line(finding), file=sys.stderr, flush=True)
    except OSError:
        _forget(2)


@contextmanager
def writing() -> Iterator[None]:
    """Around all that writes to stdout: what cannot be written is one OutputLost, and Python does not try again."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        _forget(1)
        raise OutputLost(error) from error


def _forget(stream: int) -> None:
    """Send the rest of a standard stream nowhere, so that Python does not complain once more when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def as_document(outcome: Outcome) -> str:
    """The JSON form of an outcome as text, ending in a line feed."""
    return f"{json.dumps(json_document(outcome), indent=2)}\n"


def json_document(outcome: Outcome) -> dict[str, object]:
    """The JSON form of an outcome: its exit code, its findings, and the data of the command."""
    findings = [finding_data(finding) for finding in outcome.findings]
    return {"exit_code": outcome.exit_code, "findings": findings, **outcome.data}


def finding_line(finding: Finding) -> str:
    """A finding as a person reads it; only what is less than an error says its severity."""
    return str(finding) if finding.severity == "error" else f"{finding.severity}: {finding}"


def finding_data(finding: Finding) -> dict[str, object]:
    """A finding as JSON values."""
    return asdict(finding)


def terminal() -> Console:
    """The console for stdout, PIPE_WIDTH columns wide where that is no terminal; its `print` raises OutputLost.

    Where a pipe closes, rich itself would exit with 1, which is our word for a check that failed.
    """
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

        def print(self, *objects: Any, **style: Any) -> None:
            with writing():
                super().print(*objects, **style)

    return Terminal(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, markup=False, emoji=False)
