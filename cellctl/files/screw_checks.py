"""What can be wrong with the screws of a task: names, drivers, signals. Reads no file."""

from __future__ import annotations

from collections.abc import Sequence

from cellctl.files.cell_file import CellReading
from cellctl.files.step_report import StepReport, moved_by
from cellctl.model.cell import Cell, Signal
from cellctl.model.task import Screw, Step

NEEDED = (("driver_run", "output"), ("driver_tight", "input"))
OPTIONAL = (
    ("driver_failed", "input"),
    ("driver_program", "analog_output"),
    ("driver_speed", "analog_output"),
    ("driver_torque", "analog_input"),
    ("driver_angle", "analog_input"),
)
"""Lines of a screwdriver by name, and what they have to be."""


def check_screws(whole: StepReport, reports: Sequence[StepReport], steps: Sequence[Step], reading: CellReading) -> None:
    """Everything about the steps that drive a screw; nothing where there is none."""
    screws = [(at, step) for at, step in zip(reports, steps, strict=True) if isinstance(step, Screw)]
    if not screws:
        return
    _check_signals(whole, reading.cell)
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


def _check_signals(at: StepReport, cell: Cell) -> None:
    """A screw switches the output `driver_run` and waits for the input `driver_tight`."""
    lines = {signal.name: signal for signal in cell.signals}
    hint = "write 'signals: {driver_run: {output: 1}, driver_tight: {input: 1}}' into the cell file"
    if not lines:
        message = "the cell has no signals: this task can be planned and proved, and not be run"
        at.warn("F198", message, "cell", hint)
        return
    for name, kind in (*NEEDED, *OPTIONAL):
        if name in lines and _number(lines[name], kind) is None:
            message = f"signal '{name}' of the cell is no {kind}, and a screwdriver needs it as one"
            at.report("F198", message, "cell", f"write '{name}: {{{kind}: 1}}', with its number, under 'signals'")
    for name, kind in NEEDED:
        if name not in lines:
            at.report("F198", f"the cell has no {kind} '{name}', which a screw needs", "cell", hint)


def _number(signal: Signal, kind: str) -> int | None:
    number: int | None = getattr(signal, kind)
    return number
