"""The error tree and the finding, the one form in which cellctl says that something is wrong.

    CellctlError                 every error that cellctl raises on purpose; carries findings and an exit code
    +-- UsageError        (2)    the command or the call is wrong
    |   +-- FileError     (2)    a file is wrong: findings with file, line and column
    +-- CheckFailed       (1)    checked and failed: collision, out of WPS, limits, differs
    |   +-- PlanningFailed (1)   no plan: unreachable, in collision, no continuous branch
    |   +-- NotCertified  (1)    a plan that the proof refutes or that was edited
    +-- EnvironmentMissing (3)   a port, package or process that is not there
    +-- LimitReached      (4)    no answer within the iteration limit
    +-- Stopped           (5)    stopped by the operator or by a stop
    |   +-- Faulted       (5)    stopped by a fault of the arm, the link or the process

It imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file: 1-based line and column; 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, said once.

    `code` is stable (`F103`, `P201` ...) and documented by `cellctl explain CODE`. `message` is one sentence that
    names the thing; `suggestion` says what to write or do instead, or is empty.
    """

    code: str
    message: str
    place: Place | None = None
    suggestion: str = ""
    severity: Severity = "error"
    data: dict[str, object] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        tail = f" - {self.suggestion}" if self.suggestion else ""
        return f"{where}{self.message}{tail} [{self.code}]"


class CellctlError(Exception):
    """Base of every error raised on purpose: one finding or many, and the exit code of the command line."""

    exit_code = 70

    def __init__(self, findings: Finding | Iterable[Finding]) -> None:
        self.findings: tuple[Finding, ...] = (findings,) if isinstance(findings, Finding) else tuple(findings)
        super().__init__("\n".join(str(f) for f in self.findings))


class UsageError(CellctlError):
    """The command or the call is wrong."""

    exit_code = 2


class FileError(UsageError):
    """A file is missing, unreadable or wrong."""


class CheckFailed(CellctlError):
    """Checked and failed."""

    exit_code = 1


class PlanningFailed(CheckFailed):
    """There is no plan, and the findings say which step and what binds."""


class NotCertified(CheckFailed):
    """The proof refutes the plan, or the plan is not the one that was proved."""


class EnvironmentMissing(CellctlError):
    """Something outside cellctl is not there: a port, a package, a running cell."""

    exit_code = 3


class LimitReached(CellctlError):
    """No answer within the iteration limit; that is not a proof that there is none."""

    exit_code = 4


class Stopped(CellctlError):
    """The operator or a stop ended the motion; the arm stands, the process is off, the record is complete."""

    exit_code = 5


class Faulted(Stopped):
    """A fault of the arm, the link or the process ended the motion."""
