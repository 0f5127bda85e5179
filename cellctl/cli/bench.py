"""`cellctl bench`: measured figures, as a table or as JSON. What is measured stands in `cellctl.bench`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from cellctl.cli.bench_table import shown, suite_table
from cellctl.cli.output import Outcome
from cellctl.cli.progress import progress
from cellctl.errors import Finding, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from cellctl.bench.figures import SuiteResult
    from cellctl.bench.suites import Progress

LONGEST_STREAM = 24.0 * 60.0
"""min."""
Repeats = Annotated[
    int,
    Parameter(name="--repeats", help="How often each call is measured; the table shows the fastest and the median."),
]
Minutes = Annotated[float, Parameter(name="--minutes")]


def every_suite(*, repeats: Repeats = 5) -> Outcome:
    """Measure how fast and how good cellctl is on this machine."""
    from cellctl.bench.suites import SUITES

    return _suites(*SUITES, repeats=repeats)


def screen(*, repeats: Repeats = 5) -> Outcome:
    """Measure collision tests of states and motions of an arm among boxes, and covers in the `tray_cell`."""
    return _suites("screen", repeats=repeats)


def ik(*, repeats: Repeats = 5) -> Outcome:
    """Measure the closed-form inverse kinematics in bulk: time, error, and branches that a peer finds."""
    return _suites("ik", repeats=repeats)


def timing(*, repeats: Repeats = 5) -> Outcome:
    """Measure time-optimal profiles and laws inside jerk limits, and how well limits hold."""
    return _suites("timing", repeats=repeats)


def seam(*, repeats: Repeats = 5) -> Outcome:
    """Measure the planning of a closed seam: ladder, tilts, refinement, bodies, positioner, memory, length."""
    return _suites("seam", repeats=repeats)


def job(*, repeats: Repeats = 5) -> Outcome:
    """Measure the first job from task to certified plan: warm, in a new process, with nothing compiled yet."""
    return _suites("job", repeats=repeats)


def proof(*, repeats: Repeats = 5) -> Outcome:
    """Measure the proof of a plan of a minute, and of a plan file in a new process."""
    return _suites("proof", repeats=repeats)


def narrow(*, repeats: Repeats = 5) -> Outcome:
    """Measure free motions into narrow places: a cage, a box, a thin shelf, below a table."""
    return _suites("narrow", repeats=repeats)


def mbm(
    folder: Path,
    *,
    repeats: Repeats = 5,
    seeds: Annotated[int, Parameter(name="--seeds")] = 5,
    paths: Annotated[Path | None, Parameter(name="--paths")] = None,
    check: Annotated[tuple[Literal["coal", "bullet"], ...], Parameter(name="--check")] = (),
) -> Outcome:
    """Measure free motions on problem sets laid out like MotionBenchMaker's.

    Args:
        folder: Where `ARM_*.json.gz`, `ARM_spherized.urdf` and `ARM.srdf` lie.
        repeats: How often each call is measured; the table shows the fastest and the median.
        seeds: With how many seeds each problem is planned.
        paths: A file for every path found, as JSON.
        check: An exact engine that checks every path again; may be given twice.
    """
    if seeds < 1:
        text = f"a problem cannot be planned with {seeds} seeds"
        raise UsageError(Finding("U663", text, suggestion="write cellctl bench mbm FOLDER --seeds 5"))

    def measure(say: Progress) -> SuiteResult:
        from cellctl.bench.mbm import mbm as measured
        from cellctl.bench.mbm import write_paths

        result = measured(folder, seeds=seeds, repeats=repeats, engines=check, say=say)
        if paths is not None:
            write_paths(result.paths, paths)
        return result.suite

    return _measured(measure, repeats=repeats)


def faults(
    *,
    runs: Annotated[int, Parameter(validator=Number(gte=1))] = 100,
    first: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
) -> Outcome:
    """Run arms on lying serial lines, in simulated time, and count how the runs end.

    Args:
        runs: How many runs each protocol makes.
        first: The seed of the first run.
    """
    from cellctl.bench.serial.faults import faults as measure

    return _measured(partial(measure, runs, first))


def serial(*, minutes: Minutes = 10.0) -> Outcome:
    """Measure how fast emulated controllers are served over pseudoterminals, in real time.

    Args:
        minutes: How long setpoints are sent to each arm.
    """
    _demand_time(minutes)
    from cellctl.bench.serial.throughput import serial as measure

    return _measured(partial(measure, minutes))


def stream(
    *, minutes: Minutes = 10.0, beside: Annotated[bool, Parameter(name="--beside", negative="")] = False
) -> Outcome:
    """Stream setpoints to a simulated arm at 500 Hz in real time; count what is lost or late.

    Args:
        minutes: How long setpoints are sent.
        beside: With a process that draws and one that plans beside, both niced.
    """
    _demand_time(minutes)
    from cellctl.bench.stream import stream as measure
    from cellctl.jobs import demand_driver

    demand_driver("sim")
    return _measured(lambda say: measure(minutes, company=beside, say=say))


def soak(
    *,
    states: Annotated[int, Parameter(validator=Number(gte=0))] = 20_000,
    motions: Annotated[int, Parameter(validator=Number(gte=0))] = 200,
) -> Outcome:
    """Ask the exact engines about random states and motions that a screen calls free.

    Args:
        states: How many random states are asked.
        motions: How many random motions are asked.
    """
    from cellctl.bench.soak import soak as measure

    return _measured(partial(measure, states, motions))


def _suites(*names: str, repeats: int) -> Outcome:
    from cellctl.bench.suites import suite

    return _measured(*(partial(suite(name), repeats) for name in names), repeats=repeats)


def _measured(*suites: Callable[[Progress], SuiteResult], repeats: int = 5) -> Outcome:
    """What the suites measure, with the machine and its speed beside."""
    if repeats < 1:
        raise UsageError(Finding("U665", f"a call cannot be measured {repeats} times", suggestion="write --repeats 5"))
    from cellctl.bench.machine import calibration, this_machine

    machine = this_machine()
    with progress() as say:
        speed = calibration(repeats)
        results = [measure(say) for measure in suites]
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


def _demand_time(minutes: float) -> None:
    """Raise UsageError where setpoints cannot be sent for so long."""
    if not 0.0 < minutes <= LONGEST_STREAM:
        wrong = f"setpoints cannot be streamed for {minutes:g} minutes"
        raise UsageError(Finding("U665", wrong, suggestion="write --minutes 10"))
