"""From a certified plan to a record: run it on an arm, and compare what was measured with what was planned."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self
from warnings import warn

from cellctl.drivers.driver import demand_address, demand_agreed, demand_line
from cellctl.drivers.waypoint_arm import Reference
from cellctl.errors import Finding, UsageError
from cellctl.files import cell_from_inputs, load_io, write_plan
from cellctl.jobs.own_planner import as_followed, referenced
from cellctl.model.cell import Cell
from cellctl.model.event import Event
from cellctl.model.plan import CertifiedPlan

if TYPE_CHECKING:
    from cellctl.execution.control import Unit
    from cellctl.execution.records.outcome import Outcome
    from cellctl.execution.service.session import CellLink

PLAN_FILE = "plan.zip"
RUNS = Path("runs")


class Running(Iterator[Event]):
    """A run. Iterating makes it go and yields what happens; nothing moves before the first event is asked for.

    `certified` is what is run, once it is known: what the arm's own controller makes of the plan, where it plans by
    itself. `outcome` is there at its end. Closing it, or leaving a `with` block, stops the arm on its path.
    """

    def __init__(self, begin: Callable[[Running], Generator[Event, None, Outcome]]) -> None:
        self._events = begin(self)
        self._begun = False
        self._link: CellLink | None = None
        self.outcome: Outcome | None = None
        self.certified: CertifiedPlan | None = None

    @property
    def link(self) -> CellLink:
        """The running cell, to hold, resume, stop or go back; raises UsageError (U671) before the first event."""
        if self._link is None:
            raise UsageError(Finding("U671", "this run has not begun, or has ended", suggestion="iterate over it"))
        return self._link

    @contextmanager
    def attached(self, link: CellLink) -> Iterator[CellLink]:
        """Let the run be steered over `link` for as long as the block lasts."""
        self._link = link
        try:
            yield link
        finally:
            self._link = None

    def finish(self) -> Outcome:
        """Run to the end; raises Stopped or Faulted where it does not come there."""
        deque(self, maxlen=0)
        if self.outcome is None:
            raise UsageError(Finding("U671", "this run was closed before its end"))
        return self.outcome

    def close(self) -> None:
        """Stop the arm on its path, and wait until the record is complete."""
        self._begun = True
        self._events.close()

    def __next__(self) -> Event:
        self._begun = True
        try:
            return next(self._events)
        except StopIteration as end:
            self.outcome = end.value
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        """Say so where a run was made and never begun, as for a coroutine that is never awaited."""
        if not getattr(self, "_begun", True):
            warn("this run was never begun: iterate over it, or call finish()", RuntimeWarning, stacklevel=2)


def run(
    certified: CertifiedPlan,
    *,
    driver: str = "sim",
    real_time: bool = False,
    wiring: str = "",
    io: str = "",
    io_file: str = "",
    reference: Reference | None = None,
    experimental: bool = False,
    override: float = 1.0,
    stride: Unit | None = None,
    distance: float = 0.0,
    part_id: str = "",
    folder: str | Path | None = None,
) -> Running:
    """Run a certified plan on an arm and yield what happens; the record goes to `folder` (`runs/...` unless given).

    `driver` is `sim` (a controller process of its own, in lock-step unless `real_time`), `memory` (obeys at once) or
    `NAME:PORT`, a real arm that is wired as the file `wiring` says (by default the library's for it). `io` is the line
    of the process devices, `modbus:PORT`, and `io_file` says which of the cell's signals are on it. An arm whose
    controller plans by itself is asked what it makes of the plan, and that is proved before it moves; its position is
    found (`reference="home"`, which moves it) or vouched for (`"assume"`) where it does not know it. `experimental`
    agrees to a driver that is known for its dangers. `override` scales the moves without arc, above 0 and at most 1.
    With a `stride` (`segment`, `step`, or `distance` m) the run holds after each one until `link.resume()`. `part_id`
    is written down: which work piece it is. Raises UsageError at once for what cannot be run, a folder that holds a run
    among it; while it is iterated over, Stopped or Faulted where the run does not come to its end.
    """
    if not isinstance(certified, CertifiedPlan):
        hint = "prove it first: certify(plan)"
        raise UsageError(Finding("U672", f"only a certified plan is run, not a {type(certified).__name__}", None, hint))
    if not 0.0 < override <= 1.0:
        raise UsageError(
            Finding("U606", f"override is a share of the planned speed, above 0 and at most 1, not {override:g}")
        )
    demand_driver(driver, io, io_file, experimental=experimental)
    target = new_run_folder(certified.plan.task_name) if folder is None else Path(folder)
    demand_empty(target)
    cell = cell_from_inputs(certified.plan.inputs)

    def begin(running: Running) -> Generator[Event, None, Outcome]:
        with (
            connect(
                cell,
                driver=driver,
                real_time=real_time,
                wiring=wiring,
                io=io,
                io_file=io_file,
                experimental=experimental,
            ) as connected,
            running.attached(connected) as link,
        ):
            way = yield from referenced(link, reference, certified, target)
            if way is not None:
                raise_unless_done(way)
            if override < 1.0:
                link.override(override)
            running.certified = as_followed(link, certified)
            plan_file = link.scratch / PLAN_FILE
            write_plan(running.certified.plan, plan_file)
            if stride is not None:
                link.stride(stride, distance=distance)
            outcome = yield from link.run(plan_file, target, part_id=part_id)
        raise_unless_done(outcome)
        return outcome

    return Running(begin)


def raise_unless_done(outcome: Outcome) -> None:
    """Raise what an outcome calls for, nothing for a run that was completed."""
    error = outcome.error()
    if error is not None:
        raise error


@contextmanager
def connect(
    cell: Cell,
    *,
    driver: str = "sim",
    real_time: bool = False,
    wiring: str = "",
    io: str = "",
    io_file: str = "",
    experimental: bool = False,
    at: str = "home",
) -> Iterator[CellLink]:
    """Start the controller and the executor of `cell` and take the lease; both end with the block.

    With process devices at `io` an arm in lock-step is kept to its period, for they know no other time.
    `at` is where a simulated arm stands at first: a configuration, or joint values in rad with commas between.
    """
    from cellctl.execution.service.processes import CellOptions, Pace
    from cellctl.execution.service.session import start_cell

    demand_driver(driver, io, io_file, experimental=experimental)
    pace: Pace = "real_time" if real_time else "lock_step"
    options = CellOptions(driver=driver, pace=pace, wiring=wiring, io=io, io_file=io_file, at=at)
    with start_cell(cell, options) as link:
        yield link


def demand_driver(driver: str, io: str = "", io_file: str = "", *, experimental: bool = False) -> None:
    """Look whether there can be a run on `driver`, and `io` with its `io_file`, here; raises UsageError U640, U644,
    U657, U658, EnvironmentMissing E501, FileError.
    """
    demand_address(driver)
    demand_agreed(driver, experimental=experimental)
    if io:
        demand_line(io)
    if io_file and not io:
        text = f"'{io_file}' says what is on a process line, and no line was named"
        raise UsageError(Finding("U657", text, suggestion="add --io modbus:PORT, or leave out --io-file"))
    if io_file:
        load_io(io_file)
    if driver == "sim":
        from cellctl.scene.bullet.client import bullet

        bullet()


def new_run_folder(name: str) -> Path:
    """A new, empty folder in `runs`, by the task's name and the time of day (UTC); no two callers get the same.

    A name from a file may hold anything; what cannot stand in the name of a folder becomes `_`. Raises UsageError
    (U607) where none can be made.
    """
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:60] or "task"
    stem = f"{plain}-{datetime.now(tz=UTC):%Y%m%d-%H%M%S}"
    for number in count():
        folder = RUNS / (f"{stem}-{number}" if number else stem)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(Finding("U607", f"'{folder}' cannot be made: {error.strerror}")) from None
        return folder
    raise AssertionError("numbers do not end")


def demand_empty(folder: Path) -> None:
    """Raise UsageError (U607) for a folder that holds something already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            Finding("U607", f"'{folder}' is there already and is not an empty folder", suggestion="name another")
        )
