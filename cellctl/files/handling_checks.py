"""What can be wrong with the grips and releases of a task: names, grippers, signals, and their order. Reads no file."""

from __future__ import annotations

from collections.abc import Sequence

from cellctl.files.cell_file import CellReading
from cellctl.files.signal_checks import SignalNeeds, check_signals
from cellctl.files.step_report import StepReport, moved_by
from cellctl.model.cell import Cell
from cellctl.model.task import Grip, Release, SeamStep, Step

GRIPPER_SIGNALS = SignalNeeds(
    code="F118",
    who="a grip",
    needed=(("gripper", "output"),),
    optional=(("gripped", "input"), ("gripper_open", "input")),
    example="gripper: {output: 2}, gripped: {input: 3}",
)


def check_handling(
    whole: StepReport, reports: Sequence[StepReport], steps: Sequence[Step], reading: CellReading
) -> None:
    """Everything about the steps that handle a part; nothing where there is none."""
    handling = [(at, step) for at, step in zip(reports, steps, strict=True) if isinstance(step, Grip | Release)]
    if not handling:
        return
    check_signals(whole, reading.cell, GRIPPER_SIGNALS)
    for at, step in handling:
        _check_names(at, step, reading)
        _check_gripper(at, step, reading.cell)
    _check_order(list(zip(reports, steps, strict=True)))


def _check_names(at: StepReport, step: Grip | Release, reading: CellReading) -> None:
    parts = frozenset(reading.seams)
    if step.part not in parts:
        at.unknown("part", step.part, parts, "part")
    fixtures = {fixture.name for fixture in reading.cell.fixtures}
    if isinstance(step, Release) and step.onto and step.onto not in fixtures | (parts - {step.part}):
        at.unknown("fixture or part", step.onto, sorted(fixtures | (parts - {step.part})), "onto")
    built = {placement.name for placement in reading.cell.parts}
    if isinstance(step, Grip) and step.part in built and not reading.cell.support(step.part):
        message = f"part '{step.part}' stands in no fixture and on no part, so nothing says what it may touch"
        at.report("F132", message, "part", "give its place in the frame of what it stands on: {frame: table.top}")


def _check_gripper(at: StepReport, step: Grip | Release, cell: Cell) -> None:
    for mechanism in moved_by(cell, step.group):
        if mechanism.tool is None or mechanism.tool.gripper is None:
            what = f"tool '{mechanism.tool.name}'" if mechanism.tool else "no tool at all"
            hint = "mount a tool whose file has a 'gripper'"
            at.report("F119", f"'{mechanism.name}' carries {what}, which is no gripper", "part", hint)


def _check_order(steps: Sequence[tuple[StepReport, Step]]) -> None:
    """One part at a time: it is gripped before it is released, and no weld comes between."""
    held = ""
    for at, step in steps:
        if isinstance(step, Grip):
            if held:
                at.report("F132", f"the gripper holds '{held}' already", "part", f"release '{held}' first")
            held = step.part
        elif isinstance(step, Release):
            if step.part != held:
                holds = f"holds '{held}'" if held else "holds nothing"
                at.report("F132", f"'{step.part}' cannot be released, the gripper {holds}", "part", "grip it first")
            held = ""
        elif isinstance(step, SeamStep) and held:
            at.report("F132", f"the gripper holds '{held}' while a seam is to be welded", "seam", "release it first")
