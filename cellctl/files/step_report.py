"""Where the findings about the steps of a task go. It checks nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cellctl.errors import Finding, Place
from cellctl.files.quantities import did_you_mean
from cellctl.model.cell import Cell, Mechanism

PlaceOf = Callable[[int, str], Place | None]
"""Where `field` of step `index` stands; index -1 is the task itself."""


def moved_by(cell: Cell, group: str) -> list[Mechanism]:
    """The mechanisms of a group by name, or of the only one."""
    groups = [g for g in cell.groups if g.name == group or (not group and len(cell.groups) == 1)]
    return [m for g in groups for m in cell.mechanisms if m.name in g.mechanisms]


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step under check, and where its findings go; index -1 is the task itself."""

    index: int
    label: str
    place: PlaceOf
    findings: list[Finding]

    def report(self, code: str, message: str, field: str, suggestion: str = "") -> None:
        """Add a finding about `field` of the step."""
        where = self.place(self.index, field)
        self.findings.append(Finding(code, message if where else f"{self.label}: {message}", where, suggestion))

    def warn(self, code: str, message: str, field: str, suggestion: str = "") -> None:
        """Add a warning about `field` of the step."""
        where = self.place(self.index, field)
        said = message if where else f"{self.label}: {message}"
        self.findings.append(Finding(code, said, where, suggestion, "warning"))

    def unknown(self, what: str, name: str, known: Iterable[str], field: str) -> None:
        """Add the finding that `name` is no known `what`."""
        self.report("F130", f"unknown {what} '{name}'", field, did_you_mean(name, known))
