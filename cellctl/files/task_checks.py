"""What can be wrong with a task in its cell: names, trims, and values outside the procedure. Reads no file.

The same checks hold for a task from a file and for one made in Python; `place` says where a value stands, if anywhere.
"""

from __future__ import annotations

from cellctl.errors import Finding
from cellctl.files.cell_file import CellReading
from cellctl.files.handling_checks import check_handling
from cellctl.files.quantities import Kind, shown_quantity
from cellctl.files.screw_checks import check_screws
from cellctl.files.signal_checks import SignalNeeds, check_signals
from cellctl.files.step_report import PlaceOf, StepReport
from cellctl.model.bead import BeadProcedure
from cellctl.model.cell import Cell
from cellctl.model.part import Part, Seam
from cellctl.model.task import Dispense, MoveJ, SeamStep, Step, Task, Weld
from cellctl.model.wps import POWER_SIGNALS, Range, SeamProcedure, Wps, arc_of

ARC_SIGNALS = SignalNeeds(
    code="F116",
    who="a weld",
    needed=(("arc_on", "output"), ("arc_ok", "input")),
    optional=(),
    example="arc_on: {output: 1}, arc_ok: {input: 1}",
)
DISPENSER_SIGNALS = SignalNeeds(
    code="F203",
    who="a bead",
    needed=(("dispenser_open", "output"), ("dispenser_ready", "input")),
    optional=(("dispenser_flow", "analog_output"), ("dispenser_meter", "analog_input")),
    example="dispenser_open: {output: 1}, dispenser_ready: {input: 1}",
)
MIN_LENGTH = 1e-3
_SLACK = 1e-9


def check_task(task: Task, reading: CellReading, place: PlaceOf) -> list[Finding]:
    """Every finding about `task` in the cell of `reading`."""
    findings: list[Finding] = []
    whole = StepReport(-1, f"task '{task.name}'", place, findings)
    groups = {group for step in task.steps if (group := _group(step, reading)) is not None}
    if len(groups) > 1:
        message = f"the steps move {len(groups)} groups, one task moves one"
        whole.report("F165", message, "steps", "write one task per group")
    for group in sorted(groups) or sorted(reading.groups)[:1]:
        _check_configuration(whole, reading, task.start, group, "start")
    arcless = {name for name, procedure in reading.cell.procedures.items() if arc_of(procedure) is None}
    if any(isinstance(step, Weld) and step.wps not in arcless for step in task.steps):
        check_signals(whole, reading.cell, ARC_SIGNALS)
    if any(isinstance(step, Dispense) for step in task.steps):
        check_signals(whole, reading.cell, DISPENSER_SIGNALS)
    reports = [StepReport(index, f"step {index + 1}", place, findings) for index in range(len(task.steps))]
    for at, step in zip(reports, task.steps, strict=True):
        _check_step(at, step, reading)
    check_handling(whole, reports, task.steps, reading)
    check_screws(whole, reports, task.steps, reading)
    return findings


def names_of(cell: Cell) -> CellReading:
    """The names of a cell that was read without a finding."""
    return CellReading(
        cell,
        frozenset(mechanism.name for mechanism in cell.mechanisms),
        frozenset(group.name for group in cell.groups),
        {mechanism.name: frozenset(mechanism.configurations) for mechanism in cell.mechanisms},
        {placement.name: frozenset(seam.name for seam in placement.part.seams) for placement in cell.parts},
        {placement.name: frozenset(hole.name for hole in placement.part.holes) for placement in cell.parts},
        frozenset(cell.procedures),
        frozenset(cell.tightening),
        frozenset(fixture.name for fixture in cell.fixtures),
        frozenset(mechanism.name for mechanism in cell.mechanisms if mechanism.tool is not None),
    )


def _group(step: Step, reading: CellReading) -> str | None:
    """The group that a step moves; None when it names none and there is not exactly one."""
    if step.group:
        return step.group if step.group in reading.groups else None
    return next(iter(reading.groups)) if len(reading.groups) == 1 else None


def _check_step(at: StepReport, step: Step, reading: CellReading) -> None:
    if step.group and step.group not in reading.groups:
        at.unknown("group", step.group, reading.groups, "group")
    elif not step.group and len(reading.groups) > 1:
        known = ", ".join(sorted(reading.groups))
        at.report("F165", "the cell has several groups", "", f"add 'group:', one of {known}")
    group = _group(step, reading)
    if isinstance(step, MoveJ):
        if group is not None:
            _check_configuration(at, reading, step.target, group, "to")
    elif isinstance(step, SeamStep):
        _check_along_seam(at, step, reading, group)


def _check_configuration(at: StepReport, reading: CellReading, name: str, group: str, field: str) -> None:
    members = {g.name: g.mechanisms for g in reading.cell.groups}.get(group, (group,))
    for mechanism in members:
        known = reading.configurations.get(mechanism)
        if known is None or name in known:
            continue
        if known:
            at.unknown("configuration", name, known, field)
        else:
            hint = f"write 'configurations: {{{name}: JOINT VALUES deg}}' under '{mechanism}' in the cell file"
            at.report("F130", f"unknown configuration '{name}', for '{mechanism}' has none", field, hint)


def _check_along_seam(at: StepReport, step: SeamStep, reading: CellReading, group: str | None) -> None:
    seam, key = _seam(at, step, reading), "bead" if isinstance(step, Dispense) else "wps"
    if step.procedure not in reading.procedures:
        at.unknown(key, step.procedure, reading.procedures, key)
    for name in sorted(set(step.backing) - reading.fixtures):
        at.unknown("fixture", name, reading.fixtures, "backing")
    if seam is not None:
        _check_trim(at, step, seam[1])
    procedure = reading.cell.procedures.get(step.procedure)
    fits = procedure is None or isinstance(procedure, BeadProcedure) is isinstance(step, Dispense)
    if not fits:
        hint = "name one whose file has 'process: bead'" if key == "bead" else "lay the bead with 'dispense'"
        at.report("F204", f"procedure '{step.procedure}' is not for what this step does", key, hint)
    _check_seam_tool(at, step, reading, group, procedure if fits else None)
    if procedure is None or not fits:
        return
    _check_windows(at, step, procedure)
    if isinstance(step, Weld) and isinstance(procedure, Wps):
        _check_weave(at, step, procedure, None if seam is None else seam[1])
        _check_override(at, reading.cell, procedure)
    if seam is not None and (arc := arc_of(procedure)) is not None:
        _check_joint(at, *seam, arc)


def _seam(at: StepReport, weld: SeamStep, reading: CellReading) -> tuple[Part, Seam] | None:
    part, dot, name = weld.seam.partition(".")
    if part not in reading.seams or not dot:
        known = [f"{p}.{s}" for p, seams in reading.seams.items() for s in seams or ()]
        at.unknown("seam", weld.seam, known, "seam")
        return None
    seams = reading.seams[part]
    if seams is None:
        return None
    if name not in seams:
        at.unknown("seam", weld.seam, [f"{part}.{seam}" for seam in seams], "seam")
        return None
    try:
        placement, seam = reading.cell.seam(weld.seam)
    except KeyError:
        return None
    return placement.part, seam


def _check_seam_tool(
    at: StepReport, step: SeamStep, reading: CellReading, group: str | None, procedure: SeamProcedure | None
) -> None:
    """The arm carries a torch for a weld, a dispenser for a bead, of the wire or bore that the procedure is for."""
    members = {g.name: g.mechanisms for g in reading.cell.groups}.get(group or "", ())
    lays, what = isinstance(step, Dispense), "dispenser" if isinstance(step, Dispense) else "torch"
    for mechanism in (m for m in reading.cell.mechanisms if m.name in members[:1]):
        tool = mechanism.tool
        if tool is None and mechanism.name in reading.tooled:
            continue  # what is wrong with its tool stands where the tool is named
        if tool is None:
            at.report("F164", f"'{mechanism.name}' carries no tool", "seam", f"mount a {what} on it in the cell file")
        elif (tool.dispenser if lays else tool.torch) is None:
            lacks = "no nozzle" if lays else "no contact tip"
            hint = f"mount a tool whose file has a '{what}'"
            at.report("F164", f"tool '{tool.name}' of '{mechanism.name}' has {lacks}", "seam", hint)
        elif isinstance(procedure, BeadProcedure) and tool.dispenser is not None:
            _check_diameter(at, "dispenser has a nozzle", tool.dispenser.bore, procedure.bore, procedure.name, "bead")
        elif isinstance(procedure, Wps) and tool.torch is not None:
            wire = tool.torch.wire_diameter
            _check_diameter(at, "torch has wire", wire, procedure.wire_diameter, procedure.name, "wps")


def _check_diameter(at: StepReport, what: str, has: float, needs: float, procedure: str, key: str) -> None:
    if abs(has - needs) > 1e-6:
        shown, needed = (shown_quantity(diameter, "length") for diameter in (has, needs))
        at.report("F168", f"the {what} of {shown}, procedure '{procedure}' needs {needed}", key)


def _check_windows(at: StepReport, step: SeamStep, procedure: SeamProcedure) -> None:
    """Commanded values and windows must lie inside the procedure's."""
    p, distance = procedure, ("stand-off", "stand_off") if isinstance(step, Dispense) else ("ctwd", "ctwd")
    _check_value(at, "F160", "travel speed", "travel_speed", step.travel_speed, p.travel_speed, "speed", p.name)
    _check_value(at, "F161", *distance, step.ctwd, p.ctwd, "length", p.name)
    _check_window(at, "F162", "work angle", "work_angle", step.work_angle, p.work_angle, p.name)
    _check_window(at, "F163", "travel angle", "travel_angle", step.travel_angle, p.travel_angle, p.name)


def _check_value(
    at: StepReport, code: str, what: str, field: str, value: float | None, window: Range, kind: Kind, wps: str
) -> None:
    if value is not None and not window.holds(value, _SLACK):
        message = f"{what} {shown_quantity(value, kind)} lies outside procedure '{wps}'"
        at.report(code, message, field, f"it allows {_shown_window(window, kind)}")


def _check_window(
    at: StepReport, code: str, what: str, field: str, value: Range | None, window: Range, wps: str
) -> None:
    if value is not None and not (window.holds(value.minimum, _SLACK) and window.holds(value.maximum, _SLACK)):
        message = f"{what} {_shown_window(value, 'angle')} lies outside procedure '{wps}'"
        at.report(code, message, field, f"it allows {_shown_window(window, 'angle')}")


def _check_override(at: StepReport, cell: Cell, wps: Wps) -> None:
    """What scales its power with the override needs outputs to set that by (F200); without them it waits."""
    missing = [name for name in POWER_SIGNALS if cell.analog_output(name) is None]
    if wps.override == "scaled" and cell.signals and missing:
        outputs = " and ".join(f"'{name}'" for name in missing)
        message = f"procedure '{wps.name}' scales its power, and the cell has no analog_output {outputs} to set it by"
        hint = f"write '{missing[0]}: {{analog_output: 1}}' under 'signals'; until then an override waits for the arc"
        at.warn("F200", message, "wps", hint)


def _check_weave(at: StepReport, weld: Weld, wps: Wps, seam: Seam | None) -> None:
    """A weave lies inside what its procedure allows (F177), on a stretch without corners that holds a period (F179)."""
    if weld.weave is None:
        return
    speed = wps.travel_speed.nominal if weld.travel_speed is None else weld.travel_speed
    weave, allowed = weld.weave.at_speed(speed), wps.weave
    if allowed is None:
        hint = "weld without, or after a procedure that has a window for it"
        at.report("F177", f"procedure '{wps.name}' allows no weave", "weave", hint)
    else:
        frequency, how = weld.weave.frequency_at(speed), "of the weave"
        _check_value(at, "F177", f"amplitude {how}", "weave", weave.amplitude, allowed.amplitude, "length", wps.name)
        _check_value(at, "F177", f"frequency {how}", "weave", frequency, allowed.frequency, "frequency", wps.name)
    if seam is None:
        return
    begin, end = (0.0, seam.curve.length) if seam.curve.closed else trimmed(weld, seam.curve.length)
    if any(begin < corner < end for corner in seam.curve.corners()):
        at.report("F179", f"seam '{weld.seam}' has corners, where a weave would jump", "weave", "split it there")
    if weave.wavelength > end - begin:
        long = shown_quantity(weave.wavelength, "length")
        at.report("F179", f"one period of the weave takes {long}, and what is welded is shorter", "weave")


def _shown_window(window: Range, kind: Kind) -> str:
    return f"{shown_quantity(window.minimum, kind)} to {shown_quantity(window.maximum, kind)}"


def _check_trim(at: StepReport, weld: SeamStep, seam: Seam) -> None:
    length = seam.curve.length
    if seam.curve.closed:
        if weld.from_ or weld.to:
            field = "from" if weld.from_ else "to"
            message = f"seam '{weld.seam}' is closed and has no ends to trim"
            at.report("F167", message, field, "write 'start' and 'overlap'")
        if weld.overlap > length:
            at.report("F167", "the overlap is longer than the seam", "overlap")
        return
    for field, value in (("overlap", weld.overlap), ("start", weld.start)):
        if value:
            at.report("F167", f"'{field}' is for closed seams, '{weld.seam}' is open", field, "write 'from' and 'to'")
    begin, end = trimmed(weld, length)
    if end - begin < MIN_LENGTH or begin < -_SLACK or end > length + _SLACK:
        left = f"{shown_quantity(begin, 'length')} to {shown_quantity(end, 'length')}"
        message = f"trimming leaves {left} of seam '{weld.seam}', which is {shown_quantity(length, 'length')} long"
        at.report("F156", message, "from" if weld.from_ else "to", "trim less")


def trimmed(weld: SeamStep, length: float) -> tuple[float, float]:
    """Where an open seam of `length` starts and ends after its trims, m from its own start."""
    begin = weld.from_ if weld.from_ >= 0.0 else length + weld.from_
    end = weld.to if weld.to > 0.0 else length + weld.to
    return begin, end


def _check_joint(at: StepReport, part: Part, seam: Seam, wps: Wps) -> None:
    """Joint type, material and thickness must be what the procedure is for."""
    procedure = f"procedure '{wps.name}' is for"
    groups = wps.material_group.replace("/", " ").replace(",", " ").split()
    if seam.joint_type not in wps.joint_types:
        allowed = ", ".join(wps.joint_types)
        at.report("F166", f"seam '{seam.name}' is a {seam.joint_type} joint, {procedure} {allowed}", "wps")
    for key, value in (("thickness", part.thickness), ("material_group", part.material_group)):
        if not value:
            message = f"part '{part.name}' gives no '{key}', so this is not checked against procedure '{wps.name}'"
            at.warn("F169", message, "wps", f"write '{key}:' into the part file")
    if part.thickness and not wps.thickness.holds(part.thickness, _SLACK):
        thick = shown_quantity(part.thickness, "length")
        allowed = _shown_window(wps.thickness, "length")
        at.report("F166", f"part '{part.name}' is {thick} thick, {procedure} {allowed}", "wps")
    if part.material_group and part.material_group not in groups:
        what = f"part '{part.name}' is of material group {part.material_group}"
        at.report("F166", f"{what}, {procedure} {wps.material_group}", "wps")
