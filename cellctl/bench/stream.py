"""The suite `stream`: setpoints at 500 Hz to the simulated arm in real time, how late they come and whether all do.

The first job is run without arc, again and again. Lateness is the executor's; a setpoint is lost that the executor sent
and that is not in the controller's own log; both stay with the records. Where none has come for a period, the
controller goes on as before, for as long as its patience lasts.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from cellctl.bench.beside import beside
from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.suites import Progress
from cellctl.emulators.simulated_arm.controller import ControllerSettings
from cellctl.execution.records.lateness import EDGES, late_share
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.service.processes import CellOptions
from cellctl.execution.service.session import CellLink, start_cell
from cellctl.files import write_plan
from cellctl.jobs import check, new_run_folder
from cellctl.model.task import Task

TASK = "lib:tasks/weld/tray_corner.yaml"
PERIOD = 0.002
ALONE, BESIDE = 2e-3, 10e-3
"""s: what 99.9 % of the cycles are to keep, alone and beside a rendering and a planning process."""
_BEYOND = 10.0 * EDGES[-1]


@dataclass(slots=True)
class _Streamed:
    """What the runs came to so far."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))
    time: float = 0.0
    sent: int = 0
    came: int = 0
    bridged: int = 0
    longest: int = 0
    stalls: int = 0
    stalled: float = 0.0
    broken: list[str] = field(default_factory=list)

    def take(self, outcome: Outcome, folder: Path) -> None:
        """One more run."""
        self.time += outcome.time
        self.stalls += outcome.stalls
        self.stalled += outcome.stalled
        if outcome.lateness:
            self.counts = [a + b for a, b in zip(self.counts, outcome.lateness, strict=True)]
        missed = [int(line.rpartition(",")[2]) for line in (folder / "setpoints.csv").read_text().splitlines()]
        self.sent += outcome.cycles
        self.came += len(missed)
        self.bridged += sum(missed[1:])
        self.longest = max([self.longest, *missed[1:]])
        if outcome.status == "faulted":
            self.broken += [str(finding) for finding in outcome.findings]


def stream(minutes: float, *, company: bool, say: Progress) -> SuiteResult:
    """Stream for so many minutes, `company` or not: a process that draws the cell and one that plans, both niced."""
    say("planning tray_corner", None)
    task = Task.load(TASK)
    certified = check(task)
    records = new_run_folder("stream")
    plan = records / "plan.zip"
    write_plan(certified.plan, plan)
    drawing = ("report", str(plan), "--gif", str(records / "drawn.gif"))
    planning = ("plan", TASK, "--seed", "{}", "-o", str(records / "planned.plan.zip"))
    options = CellOptions(pace="real_time", period=PERIOD, setpoints=True)
    done = _Streamed()
    with (
        beside((drawing, planning)) if company else nullcontext(),
        start_cell(task.cell, options, name="bench") as link,
    ):
        for number in count(1):
            left = 60.0 * minutes - done.time
            if left <= 0.0 or done.broken:
                break
            say(f"streaming at {1.0 / PERIOD:.0f} Hz, {left:.0f} s to go", 1.0 - left / (60.0 * minutes))
            folder = records / f"{number:03}"
            done.take(_ran(link, plan, folder, seconds=left), folder)
    return SuiteResult("stream", _figures(done, company=company), _notes(done, records))


def _ran(link: CellLink, plan: Path, folder: Path, *, seconds: float) -> Outcome:
    """A run without arc, stopped on its path after so many seconds."""
    events = link.run(plan, folder, process="dry")
    asked = False
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        if event.time >= seconds and not asked:
            asked = True
            link.stop()


def _figures(done: _Streamed, *, company: bool) -> tuple[Figure, ...]:
    longest, patience = done.longest * PERIOD, ControllerSettings().patience
    late = {share: min(late_share(tuple(done.counts), share), _BEYOND) for share in (0.5, 0.01, 0.001)}
    return (
        Figure("setpoints that came", "", (float(done.came),)),
        Figure("setpoints that were lost", "", (float(done.sent - done.came),), goal=Goal(0.0)),
        Figure("periods that the controller bridged", "", (float(done.bridged),)),
        Figure("the longest time that it bridged", "s", (longest,), goal=Goal(patience)),
        Figure("times that the controller was not let run", "", (float(done.stalls),)),
        Figure("time for which its clock stood then", "s", (done.stalled,)),
        Figure("half of the cycles are late by at most", "s", (late[0.5],)),
        Figure("99 %", "s", (late[0.01],)),
        Figure("99.9 %", "s", (late[0.001],), goal=Goal(BESIDE if company else ALONE)),
    )


def _notes(done: _Streamed, records: Path) -> tuple[str, ...]:
    """The histogram, where the records are, and what ended a run before its time."""
    lines = ["late by at most   cycles"]
    for edge, cycles in zip((*EDGES, None), done.counts, strict=True):
        name = "more" if edge is None else f"{edge * 1e3:g} ms"
        lines.append(f"{name:>15}   {cycles}")
    return (*lines, f"records in {records}", *done.broken)
