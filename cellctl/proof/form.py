"""What a plan must be before anything about it can be computed: numbers, names and splines that fit its own task.

Judges no motion. What passes here cannot make a later check stumble.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from cellctl.errors import Finding
from cellctl.model.cell import Mechanism
from cellctl.model.line_motion import is_line_law, is_line_path, meet
from cellctl.model.plan import GripperAction, Plan, SeamSection, Segment
from cellctl.model.spline import BSpline
from cellctl.model.task import Dispense, Grip, Release, Screw, SeamStep, Task, Weld, step_name
from cellctl.processes.screwing import screw_action

CUBIC = 3
LONGEST = 3600.0
"""Longest segment (s) that is sampled."""
COMMANDS: Final[Mapping[type, Literal["close", "open"]]] = MappingProxyType({Grip: "close", Release: "open"})
LARGEST = 1e6
"""Largest number that a path, law or seam may hold; beyond it no figure in rad, m or s means anything."""


def task_group(task: Task) -> str:
    """The group that a task moves: the one its steps name, else the first of the cell."""
    return next((step.group for step in task.steps if step.group), task.cell.groups[0].name)


def check_form(plan: Plan, task: Task) -> tuple[Finding, ...]:
    """Everything that keeps `plan` from being examined at all (C323, C327, C332)."""
    group = task_group(task)
    members = task.cell.group(group).mechanisms
    mechanism, dof = task.cell.mechanism(members[0]), task.cell.axes(group).dof
    findings = list(_cell_findings(task, mechanism, members))
    start = plan.start.get(group)
    if start is None or start.shape != (dof,) or len(plan.start) != 1:
        findings.append(_foreign(f"the plan must start with {dof} joint values of '{group}' alone"))
    for index, segment in enumerate(plan.segments):
        where = f"segment {index} ({segment.kind})"
        findings += _segment_findings(task, mechanism, dof, group, segment, where)
        findings += _process_findings(task, segment, where)
    return (*findings, *_gripper_findings(task, plan.segments))


def _foreign(text: str) -> Finding:
    return Finding("C332", text, suggestion="plan the task again")


def _cell_findings(task: Task, mechanism: Mechanism, members: tuple[str, ...]) -> Iterator[Finding]:
    others = [other.name for other in task.cell.mechanisms if other.name not in members]
    if others:
        yield _foreign(f"'{others[0]}' is not in the group that moves, gaps between groups are not proved")
    if len(members) > 1 and any(isinstance(step, Grip | Release | Screw) for step in task.steps):
        yield _foreign(f"'{mechanism.name}' grips or drives screws beside '{members[1]}', which is not proved")
    torch = None if mechanism.tool is None else mechanism.tool.torch
    if torch is None and any(isinstance(step, Weld) for step in task.steps):
        yield _foreign(f"the task welds and '{mechanism.name}' carries no torch")
    dispenser = None if mechanism.tool is None else mechanism.tool.dispenser
    if dispenser is None and any(isinstance(step, Dispense) for step in task.steps):
        yield _foreign(f"the task lays beads and '{mechanism.name}' carries no dispenser")
    screwdriver = None if mechanism.tool is None else mechanism.tool.screwdriver
    if screwdriver is None and any(isinstance(step, Screw) for step in task.steps):
        yield _foreign(f"the task drives screws and '{mechanism.name}' carries no screwdriver")


def _segment_findings(
    task: Task, mechanism: Mechanism, dof: int, group: str, segment: Segment, where: str
) -> Iterator[Finding]:
    tool = "" if mechanism.tool is None else mechanism.tool.name
    if not 0 <= segment.step < len(task.steps):
        yield _foreign(f"{where} belongs to step {segment.step + 1} of a task of {len(task.steps)}")
    if segment.group != group:
        yield _foreign(f"{where} moves '{segment.group}', the task moves '{group}'")
    if segment.tool != tool:
        yield _foreign(f"{where} is for tool '{segment.tool}', '{mechanism.name}' carries '{tool}'")
    lines = segment.form == "lines"
    path_fits, law_fits = (is_line_path, is_line_law) if lines else (_smooth, _smooth)
    for name, spline, dim, fits in (("path", segment.path, dof, path_fits), ("time law", segment.law, 1, law_fits)):
        if spline.dim != dim:
            yield _foreign(f"the {name} of {where} has {spline.dim} values a point, {dim} are needed")
            continue
        if not fits(spline):
            made = "made of lines and even phases" if lines else "a C2 cubic"
            yield Finding("C323", f"the {name} of {where} is not {made} from end to end")
        if max(np.abs(spline.knots).max(), np.abs(spline.control).max()) > LARGEST:
            yield _foreign(f"the {name} of {where} holds a number over {LARGEST:g}")
    if lines and is_line_path(segment.path) and is_line_law(segment.law) and not meet(segment.path, segment.law):
        yield Finding("C323", f"a phase of {where} goes over a corner of its path")
    if segment.law.start != 0.0:
        yield Finding("C323", f"the time law of {where} starts at {segment.law.start:g} s")
    if segment.law.end > LONGEST:
        yield _foreign(f"{where} takes {segment.law.end:g} s, at most {LONGEST:g} s are examined")


def _smooth(spline: BSpline) -> bool:
    """True for a clamped cubic with simple inner knots."""
    if spline.degree != CUBIC or len(spline.control) <= CUBIC:
        return False
    knots = spline.knots
    clamped = bool(np.all(knots[:CUBIC] == knots[CUBIC]) and np.all(knots[-CUBIC:] == knots[-CUBIC - 1]))
    return clamped and bool(np.all(np.diff(knots[CUBIC:-CUBIC]) > 0.0))


def _process_findings(task: Task, segment: Segment, where: str) -> Iterator[Finding]:
    """A process belongs to segments of that kind, these belong to steps that have one, and both have what to compare
    with.
    """
    if sum(does is not None for does in (segment.process, segment.screw)) != (segment.kind == "process"):
        does = "has a process" if segment.process or segment.screw else "has no process"
        yield Finding("C327", f"{where} {does}, which its kind forbids")
    if not 0 <= segment.step < len(task.steps):
        return
    step = task.steps[segment.step]
    if isinstance(step, Grip | Release):
        return
    if segment.kind != "transit" and segment.kind != "wait" and not isinstance(step, SeamStep | Screw):
        yield Finding("C327", f"{where} belongs to step {segment.step + 1}, which goes along nothing")
    if segment.process is not None and not isinstance(step, SeamStep):
        yield Finding("C327", f"{where} goes along a seam, and step {segment.step + 1} does not ask for it")
    if segment.screw is not None and (not isinstance(step, Screw) or segment.screw != screw_action(step)):
        yield Finding("C327", f"{where} does not do what step {segment.step + 1}, {step_name(step)}, asks for")
    if segment.process is not None and _largest(segment.process) > LARGEST:
        yield _foreign(f"the process of {where} holds a number over {LARGEST:g}")
    if segment.process is not None and len(segment.process.stations) < 2:
        yield Finding("C327", f"{where} has no stations along its seam")


def _gripper_findings(task: Task, segments: tuple[Segment, ...]) -> Iterator[Finding]:
    """Every grip and release is done once, in order, in a segment of its own in which the arm stands; and what is said
    to be carried is what was gripped.
    """
    held: tuple[str, ...] = ()
    for index, segment in enumerate(segments):
        where, action = f"segment {index} ({segment.kind})", segment.gripper
        carried = () if action is not None else held
        if segment.attached != carried:
            wrong = (*segment.attached, *carried)[0]
            has = "which no step has attached" if wrong in segment.attached else "and does not say so"
            yield _foreign(f"{where} carries '{wrong}', {has}")
        if action is not None:
            held = (action.part,) if action.command == "close" else ()
        if not 0 <= segment.step < len(task.steps):
            continue
        step = task.steps[segment.step]
        asked = GripperAction(COMMANDS[type(step)], step.part) if isinstance(step, Grip | Release) else None
        if action != asked or (action is not None and not _stands(segment)):
            yield Finding("C327", f"{where} does not do what step {segment.step + 1}, {step_name(step)}, asks for")
    wanted = [index for index, step in enumerate(task.steps) if isinstance(step, Grip | Release)]
    if [segment.step for segment in segments if segment.gripper is not None] != wanted:
        yield Finding("C327", "the gripper does not close and open once for every step that asks for it, in order")


def _stands(segment: Segment) -> bool:
    return segment.kind == "wait" and bool(np.all(segment.path.control == segment.path.control[0]))


def _largest(section: SeamSection) -> float:
    """The largest number of a process, by its size."""
    arrays = (
        section.stations,
        section.points,
        section.tangents,
        section.normals,
        section.work_angles,
        section.travel_angles,
        section.spins,
        np.array([section.length, section.travel_speed, section.ctwd, *(event.at for event in section.events)]),
    )
    return float(max((np.abs(array).max() for array in arrays if array.size), default=0.0))
