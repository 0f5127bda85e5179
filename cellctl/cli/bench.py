"""`cellctl bench`: measured figures, as a table or as JSON. What is measured stands in `cellctl.bench`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from cellctl.cli.output import Outcome
from cellctl.cli.progress import progress
from cellctl.errors import Finding, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from cellctl.bench.figures import Figure, Goal, SuiteResult
    from cellctl.bench.suites import Progress

LONGEST_STREAM = 24.0 * 60.0
"""min."""
SuiteName = Literal["screen", "ik", "timing", "seam", "job", "proof", "mbm", "faults", "serial", "stream", "soak"]


def bench(
    suite: SuiteName | None = None,
    folder: Path | None = None,
    *,
    repeats: Annotated[int, Parameter(name="--repeats")] = 5,
    seeds: Annotated[int, Parameter(name="--seeds")] = 5,
    paths: Annotated[Path | None, Parameter(name="--paths")] = None,
    check: Annotated[tuple[Literal["coal", "bullet"], ...], Parameter(name="--check")] = (),
    runs: Annotated[int, Parameter(validator=Number(gte=1))] = 100,
    first: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    states: Annotated[int, Parameter(validator=Number(gte=0))] = 20_000,
    motions: Annotated[int, Parameter(validator=Number(gte=0))] = 200,
    minutes: Annotated[float, Parameter(name="--minutes")] = 10.0,
    beside: Annotated[bool, Parameter(name="--beside", negative="")] = False,
) -> Outcome:
    """Measure how fast and how good cellctl is on this machine.

    Args:
        suite: What to measure; everything that needs no other files unless given.
        folder: Of `mbm` only: where `ARM_*.json.gz`, `ARM_spherized.urdf` and `ARM.srdf` lie.
        repeats: How often each call is measured; the table shows the fastest and the median.
        seeds: Of `mbm` only: with how many seeds each problem is planned.
        paths: Of `mbm` only: a file for every path found, as JSON.
        check: Of `mbm` only: an exact engine that checks every path again; may be given twice.
        runs: Of `faults` only: how many runs on a lying line each protocol makes, in simulated time.
        first: Of `faults` only: the seed of the first run.
        states: Of `soak` only: how many random states are asked of the screens and of an exact engine.
        motions: Of `soak` only: how many random motions are.
        minutes: Of `stream` and `serial` only: how long setpoints are sent in real time, to each arm.
        beside: Of `stream` only: with a process that draws and one that plans beside, both niced.
    """
    if repeats < 1:
        raise UsageError(Finding("U665", f"a call cannot be measured {repeats} times", suggestion="write --repeats 5"))
    if not 0.0 < minutes <= LONGEST_STREAM:
        wrong = f"setpoints cannot be streamed for {minutes:g} minutes"
        raise UsageError(Finding("U665", wrong, suggestion="write --minutes 10"))
    from cellctl.bench.machine import calibration, this_machine
    from cellctl.bench.suites import SUITES
    from cellctl.bench.suites import suite as suite_named

    machine = this_machine()
    with progress() as say:
        speed = calibration(repeats)
        if suite == "mbm":
            results = [_mbm(folder, paths, seeds, repeats, check, say)]
        elif suite == "faults":
            results = [_faults(runs, first, say)]
        elif suite == "soak":
            results = [_soak(states, motions, say)]
        elif suite == "serial":
            results = [_serial(minutes, say)]
        elif suite == "stream":
            results = [_stream(minutes, company=beside, say=say)]
        else:
            results = [suite_named(name)(repeats, say) for name in ([suite] if suite else SUITES)]
    elapsed, processor = (shown(value, "s") for value in (speed.best, min(speed.processor)))
    text: list[str | Table] = [str(machine), f"calibration kernel: {elapsed}, processor time {processor}"]
    for result in results:
        text += [suite_table(result), *result.notes]
        text += [f"not installed: {name} (pip install 'cellctl[bench]')" for name in result.absent]
    return Outcome(
        text=tuple(text),
        data={
            "machine": machine.data(),
            "calibration": speed.data(),
            "suites": [result.data() for result in results],
        },
    )


def _soak(states: int, motions: int, say: Progress) -> SuiteResult:
    from cellctl.bench.soak import soak

    return soak(states, motions, say)


def _faults(runs: int, first: int, say: Progress) -> SuiteResult:
    from cellctl.bench.serial.faults import faults

    return faults(runs, first, say)


def _serial(minutes: float, say: Progress) -> SuiteResult:
    from cellctl.bench.serial.throughput import serial

    return serial(minutes, say)


def _stream(minutes: float, *, company: bool, say: Progress) -> SuiteResult:
    """The suite that takes as long as one likes, and needs the simulated arm."""
    from cellctl.bench.stream import stream
    from cellctl.jobs import demand_driver

    demand_driver("sim")
    return stream(minutes, company=company, say=say)


def _mbm(
    folder: Path | None,
    paths: Path | None,
    seeds: int,
    repeats: int,
    engines: tuple[Literal["coal", "bullet"], ...],
    say: Progress,
) -> SuiteResult:
    """The suite that needs a folder of problems."""
    if folder is None or seeds < 1:
        text = "the suite mbm needs a folder of problems and at least one seed"
        raise UsageError(Finding("U663", text, suggestion="write cellctl bench mbm FOLDER --seeds 5"))
    from cellctl.bench.mbm import mbm, write_paths

    result = mbm(folder, seeds=seeds, repeats=repeats, engines=engines, say=say)
    if paths is not None:
        write_paths(result.paths, paths)
    return result.suite


def suite_table(result: SuiteResult) -> Table:
    """One row a figure, `cpu` its least processor time, `ratio` to the peer in the row below."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (result.suite, "whose", "best", "median", "p95", "max", "cpu", "ratio", "goal", ""):
        words = heading in (result.suite, "whose", "goal", "")
        table.add_column(heading, justify="left" if words else "right", no_wrap=True)
    for figure in result.figures:
        table.add_row(*_cells(figure))
    return table


def _cells(figure: Figure) -> tuple[str, ...]:
    values = (figure.best, figure.median, figure.p95, figure.max)
    cells = [shown(value, figure.unit) for value in values]
    if len(figure.values) == 1:
        cells[1:] = ["", "", ""]
    processor = shown(min(figure.processor), figure.unit) if figure.processor else ""
    ratio = "" if figure.ratio is None else f"{figure.ratio:.3g}"
    goal = "" if figure.goal is None else goal_text(figure.goal, figure.unit)
    return (figure.name, figure.of, *cells, processor, ratio, goal, verdict(figure))


def verdict(figure: Figure) -> str:
    """Whether the goal of a figure is reached: elapsed, or only by processor time, as on a busy machine."""
    if figure.goal is None or figure.held:
        return "" if figure.goal is None else "held"
    inside = bool(figure.processor) and replace(figure, values=figure.processor).held
    return "held by cpu" if inside else "MISSED"


def goal_text(goal: Goal, unit: str) -> str:
    """A goal with its bound as `shown` has it."""
    return f"{goal.statistic} {'<=' if goal.sense == 'at most' else '>='} {shown(goal.bound, unit)}"


def shown(value: float, unit: str) -> str:
    """A value with its unit, in the multiple of a second, byte or count that reads best."""
    steps = {"s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")), "B": ((1e6, "MB"), (1e3, "kB"), (1.0, "B"))}.get(unit)
    if steps is None:
        return f"{value:.4g} {unit}".rstrip()
    size, name = next((step for step in steps if abs(value) >= step[0]), steps[-1])
    return f"{value / size:.3g} {name}"
