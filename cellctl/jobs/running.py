"""From a certified plan to a record: run it on an arm, and compare what was measured with what was planned."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cellctl.drivers.driver import demand_address
from cellctl.errors import Finding, UsageError
from cellctl.files import cell_from_inputs, write_plan
from cellctl.model.cell import Cell
from cellctl.model.event import Event
from cellctl.model.plan import CertifiedPlan

if TYPE_CHECKING:
    from cellctl.execution.outcome import Outcome
    from cellctl.execution.session import CellLink

PLAN_FILE = "plan.zip"
RUNS = Path("runs")


def run(
    certified: CertifiedPlan,
    *,
    driver: str = "sim",
    real_time: bool = False,
    wiring: str = "",
    override: float = 1.0,
    folder: str | Path | None = None,
) -> Generator[Event, None, Outcome]:
    """Run a certified plan on an arm and yield what happens; the record goes to `folder` (`runs/...` unless
    given).

    `driver` is `sim` (a controller process of its own, in lock-step unless `real_time`), `memory` (obeys at once) or
    `NAME:PORT`, a real arm that is wired as the file `wiring` says (by default the library's for it).
    `override` scales the moves without arc, above 0 and at most 1. Closing the generator stops the arm on its path.
    Raises Stopped or Faulted when the run does not come to its end, UsageError for a folder that holds a run.
    """
    if not 0.0 < override <= 1.0:
        raise UsageError(
            Finding("U606", f"override is a share of the planned speed, above 0 and at most 1, not {override:g}")
        )
    target = Path(folder) if folder is not None else new_run_folder(certified.plan.task_name)
    _demand_empty(target)
    cell = cell_from_inputs(certified.plan.inputs)
    arm = connect(cell, driver=driver, real_time=real_time, wiring=wiring)
    with TemporaryDirectory(prefix="cellctl-") as scratch, arm as link:
        plan_file = Path(scratch) / PLAN_FILE
        write_plan(certified.plan, plan_file)
        if override < 1.0:
            link.override(override)
        outcome = yield from link.run(plan_file, target)
    error = outcome.error()
    if error is not None:
        raise error
    return outcome


@contextmanager
def connect(cell: Cell, *, driver: str = "sim", real_time: bool = False, wiring: str = "") -> Iterator[CellLink]:
    """Start the controller and the executor of `cell` and take the lease; both end with the block."""
    from cellctl.execution.processes import CellOptions
    from cellctl.execution.session import start_cell

    demand_driver(driver)
    if driver == "sim":
        options = CellOptions(driver="sim", pace="real_time" if real_time else "lock_step")
    else:
        options = CellOptions(driver=driver, wiring=wiring)
    with start_cell(cell, options) as link:
        yield link


def demand_driver(driver: str) -> None:
    """Look whether there can be a run on `driver` here; raises UsageError U640, U644, EnvironmentMissing E501."""
    demand_address(driver)
    if driver == "sim":
        from cellctl.scene.bullet.client import bullet

        bullet()


def new_run_folder(name: str) -> Path:
    """A folder in `runs` that is not there yet, by the task's name and the time of day (UTC).

    A name from a file may hold anything; what cannot stand in the name of a folder becomes `_`.
    """
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:60] or "task"
    stem = f"{plain}-{datetime.now(tz=UTC):%Y%m%d-%H%M%S}"
    number = 0
    while (folder := RUNS / (f"{stem}-{number}" if number else stem)).exists():
        number += 1
    return folder


def _demand_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            Finding("U607", f"'{folder}' is there already and is not an empty folder", suggestion="name another")
        )
