"""Every way in which a command can end badly, as an outcome. It handles what is raised; it raises nothing."""

from __future__ import annotations

import errno
import sys
import tempfile
import traceback
from collections.abc import Sequence

from cellctl.cli.output import Outcome
from cellctl.errors import CellctlError, FileError, Finding, Stopped, UsageError

BUG_EXIT_CODE = 70
SHOWN = 60
"""Characters of a path that is too long which a finding repeats."""


def outcome_of(error: CellctlError) -> Outcome:
    """The outcome of an error that was raised on purpose: its findings and its exit code."""
    return Outcome(findings=error.findings, exit_code=error.exit_code)


def misused(message: str, command: Sequence[str] = ()) -> Outcome:
    """The outcome of words that `command` cannot read; without one, of a command that there is not."""
    said = " ".join(message.split())
    if said.startswith("Unused Tokens: "):
        words = said.removeprefix("Unused Tokens: ").strip("[].").replace("', '", "' '")
        said = f"the command takes no more words: {words}"
    finding = Finding("U610", said, suggestion=f"see `{' '.join(('cellctl', *command))} --help`")
    return Outcome(findings=(finding,), exit_code=UsageError.exit_code)


def interrupted() -> Outcome:
    """The outcome of Ctrl-C while nothing moves. A run ends with a `Stopped` of its own."""
    return Outcome(
        findings=(Finding("U613", "interrupted by Ctrl-C while nothing moved"),), exit_code=Stopped.exit_code
    )


def no_such_path(error: OSError) -> Outcome | None:
    """The outcome of a path that no file system takes; None where something else went wrong."""
    if error.errno != errno.ENAMETOOLONG:
        return None
    shown = str(error.filename)
    short = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."
    finding = Finding("F101", f"'{short}': the path is too long", suggestion="name a file")
    return Outcome(findings=(finding,), exit_code=FileError.exit_code)


def unexpected(error: Exception, *, debug: bool) -> Outcome:
    """The outcome of an error that nobody meant: a bug of ours. Its traceback goes into a file, or to stderr."""
    message = f"this is a bug of ours, not of your files: {type(error).__name__}: {error}"
    text = "".join(traceback.format_exception(error))
    if debug:
        sys.stderr.write(text)
        return Outcome(findings=(Finding("U670", message),), exit_code=BUG_EXIT_CODE)
    with tempfile.NamedTemporaryFile("w", prefix="cellctl-bug-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(text)
    advice = f"the traceback is in {file.name}; with `--debug` it is shown here"
    finding = Finding("U670", message, suggestion=advice, data={"traceback": file.name})
    return Outcome(findings=(finding,), exit_code=BUG_EXIT_CODE)
