"""What can be wrong with the screws of a task: names, drivers, signals. Reads no file."""

from __future__ import annotations

from collections.abc import Sequence

from cellctl.files.cell_file import CellReading
from cellctl.files.signal_checks import SignalNeeds, check_signals
from cellctl.files.step_report import StepReport, moved_by
from cellctl.model.cell import Cell
from cellctl.model.task import Screw, Step

SCREWDRIVER_SIGNALS = SignalNeeds(
    code="F198",
    who="a screw",
    needed=(("driver_run", "output"), ("driver_tight", "input")),
    optional=(
        ("driver_failed", "input"),
        ("driver_program", "analog_output"),
        ("driver_speed", "analog_output"),
        ("driver_torque", "analog_input"),
        ("driver_angle", "analog_input"),
    ),
    example="driver_run: {output: 1}, driver_tight: {input: 1}",
)


def check_screws(whole: StepReport, reports: Sequence[StepReport], steps: Sequence[Step], reading: CellReading) -> None:
    """Everything about the steps that drive a screw; nothing where there is none."""
    screws = [(at, step) for at, step in zip(reports, steps, strict=True) if isinstance(step, Screw)]
    if not screws:
        return
    check_signals(whole, reading.cell, SCREWDRIVER_SIGNALS)
    first: dict[str, int] = {}
    for at, step in screws:
        if first.setdefault(step.hole, at.index) != at.index:
            at.report("F199", f"step {first[step.hole] + 1} drives the screw of '{step.hole}' already", "hole")
        _check_names(at, step, reading)
        _check_tool(at, step, reading.cell)


def _check_names(at: StepReport, step: Screw, reading: CellReading) -> None:
    part, _, hole = step.hole.partition(".")
    holes = reading.holes.get(part, frozenset())
    if holes is not None and hole not in holes:
        known = [f"{name}.{one}" for name, names in reading.holes.items() for one in names or ()]
        at.unknown("hole", step.hole, known, "hole")
    if step.program not in reading.tightening:
        at.unknown("tightening program", step.program, reading.tightening, "program")
    near = reading.fixtures | (frozenset(reading.holes) - {part})
    for name in sorted(set(step.into) - near):
        at.unknown("fixture or part", name, sorted(near), "into")


def _check_tool(at: StepReport, step: Screw, cell: Cell) -> None:
    for mechanism in moved_by(cell, step.group)[:1]:
        if mechanism.tool is None or mechanism.tool.screwdriver is None:
            what = f"tool '{mechanism.tool.name}'" if mechanism.tool else "no tool at all"
            hint = "mount a tool whose file has a 'screwdriver'"
            at.report("F136", f"'{mechanism.name}' carries {what}, which is no screwdriver", "hole", hint)
