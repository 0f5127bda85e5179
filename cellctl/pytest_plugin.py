"""A pytest plugin: the fixture `cell`, with which integrators write tests of their own cells. Judges no plan itself.

pytest finds it by its entry point, so it may import nothing heavy before a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from cellctl.errors import Finding
    from cellctl.jobs.checking import Checked
    from cellctl.model.cell import Cell
    from cellctl.model.plan import CertifiedPlan
    from cellctl.reports.step_rows import StepRow
    from cellctl.scene.engine import EngineName

Keep = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class ProvedTask:
    """A task that was planned and proved, SI: `steps` hold time, clearance and nearest gap of each step, in order.

    `clearance` is the smallest gap that was proved among the pairs of the cell's own margin, None where none came near.
    """

    certified: CertifiedPlan
    cycle_time: float
    clearance: float | None
    steps: tuple[StepRow, ...]

    def step(self, name: str) -> StepRow:
        """The only step called `name` (`weld tray.left`, `tray.left`); raises KeyError."""
        found = [step for step in self.steps if name in (step.name, step.name.partition(" ")[2])]
        if len(found) != 1:
            raise KeyError(f"{len(found)} steps are called '{name}', of {', '.join(step.name for step in self.steps)}")
        return found[0]


class CellTests:
    """What the fixture `cell` gives: checks of task files as `cellctl check` makes them.

    A file is looked for beside the test, then below pytest's root; `lib:` names shipped content. Figures of a proved
    task are kept as properties of the test, so that they stand in pytest's own JUnit XML.
    """

    def __init__(self, folders: tuple[Path, ...], keep: Keep, done: dict[tuple[str, int, str], Checked]) -> None:
        self._folders = folders
        self._keep = keep
        self._done = done

    def load(self, file: str | Path) -> Cell:
        """The cell of a cell file; the test fails with every finding where it cannot be read."""
        from cellctl.errors import CellctlError
        from cellctl.model.cell import Cell

        try:
            return Cell.load(self._found(file))
        except CellctlError as error:
            _fail(f"{file} cannot be used", error.findings)

    def check(self, task: str | Path, *, seed: int = 0, engine: EngineName | None = None) -> ProvedTask:
        """Read, plan and prove a task file; the test fails with every finding where that does not hold."""
        from cellctl.reports.step_rows import clearance_of, step_rows
        from cellctl.units import mm

        checked = self._checked(task, seed, engine)
        if checked.certified is None or checked.task is None:
            _fail(f"{task} is not proved", checked.findings)
        clearance = clearance_of(list(checked.records), checked.task.cell.margins.clearance)
        proved = ProvedTask(checked.certified, checked.certified.plan.cycle_time, clearance, step_rows(checked))
        self._keep("cycle_time_s", round(proved.cycle_time, 3))
        if clearance is not None:
            self._keep("clearance_mm", round(clearance / mm, 3))
        self._keep("plan_sha256", proved.certified.certificate.plan_sha256)
        return proved

    def refused(self, task: str | Path, *, seed: int = 0, engine: EngineName | None = None) -> tuple[Finding, ...]:
        """What keeps a task file from being proved; the test fails where nothing does."""
        checked = self._checked(task, seed, engine)
        if checked.certified is not None:
            _fail(f"{task} is proved, and should not be", ())
        return checked.findings

    def _checked(self, task: str | Path, seed: int, engine: EngineName | None) -> Checked:
        """The check of a file, made once for all tests of a session."""
        from cellctl import jobs

        file = self._found(task)
        key = (file, seed, engine or "")
        if key not in self._done:
            self._done[key] = jobs.check_file(file, seed, engine=engine)
        return self._done[key]

    def _found(self, file: str | Path) -> str:
        text = str(file)
        if text.startswith(("lib:", "pkg:")):
            return text
        return str(next((path for folder in self._folders if (path := folder / text).is_file()), Path(text)))


def _fail(what: str, findings: Iterable[Finding]) -> NoReturn:
    pytest.fail("\n".join([f"{what}:", *(f"  {finding}" for finding in findings)]), pytrace=False)


@pytest.fixture(scope="session")
def _checks_done() -> dict[tuple[str, int, str], Checked]:
    return {}


@pytest.fixture
def cell(request: pytest.FixtureRequest, _checks_done: dict[tuple[str, int, str], Checked]) -> CellTests:
    """Checks of task files: `cell.check("tasks/tray.yaml").clearance > 5 * mm`."""
    properties: list[tuple[str, object]] = request.node.user_properties  # `record_property` warns of JUnit's own schema
    folders = (request.path.parent, request.config.rootpath)
    return CellTests(folders, lambda name, value: properties.append((name, value)), _checks_done)
