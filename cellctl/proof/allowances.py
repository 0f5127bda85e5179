"""Which segments may let solids come nearer than the cell's clearance, and that they move as the allowance supposes.

Takes no plan's word for it: an allowance counts only where the step gives it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cellctl.errors import Finding
from cellctl.model.plan import ContactAllowance, Segment
from cellctl.model.pose import FloatArray
from cellctl.model.task import Screw, SeamStep, Task
from cellctl.processes.contacts import tip_contacts
from cellctl.processes.procedure import seam_settings
from cellctl.processes.screwing import bit_contacts
from cellctl.proof.readback import seen_from_part
from cellctl.proof.screwing import check_axis

OFF_LINE = 0.5e-3
"""Largest distance (m) of the working point from the line of the wire while the torch approaches or retracts."""
TURNED = np.radians(1.0)


def check_allowances(
    task: Task,
    segments: tuple[Segment, ...],
    index: int,
    where: str,
    handled: tuple[ContactAllowance, ...] = (),
) -> tuple[Finding, ...]:
    """Allowances of one segment that neither its step gives nor, by `handled`, what the gripper does (C330).

    A step along a seam lets the tip of its tool near the seam's own plates there, and on the straight lines along its
    axis that lead directly to the seam and away from it. A screw lets the bit near its hole on the axis of that.
    """
    segment = segments[index]
    if not segment.contacts:
        return ()
    step = task.steps[segment.step]
    lawful: tuple[ContactAllowance, ...] = ()
    if isinstance(step, SeamStep | Screw) and _at_process(segments, index):
        lawful = tip_contacts(task.cell, step) if isinstance(step, SeamStep) else bit_contacts(task.cell, step)
    known = {(frozenset((c.first, c.second)), c.margin) for c in (*lawful, *handled)}
    findings = [
        Finding("C330", f"{where}: {c.first} may not come nearer to {c.second} than the cell's clearance here")
        for c in segment.contacts
        if (frozenset((c.first, c.second)), c.margin) not in known
    ]
    if isinstance(step, SeamStep) and segment.kind != "process" and not findings:
        findings += _line_findings(task, step, segment, where)
    if isinstance(step, Screw) and segment.kind != "process" and not findings:
        findings += check_axis(task, step, segment, where)
    return tuple(findings)


def _at_process(segments: tuple[Segment, ...], index: int) -> bool:
    """True for a process, the approach right before one and the retract right after one, all of one step."""
    segment = segments[index]
    beside = {"approach": index + 1, "process": index, "retract": index - 1}.get(segment.kind, -1)
    if not 0 <= beside < len(segments):
        return False
    return segments[beside].kind == "process" and segments[beside].step == segment.step


def _line_findings(task: Task, step: SeamStep, segment: Segment, where: str) -> Iterator[Finding]:
    """The torch moves along its wire, no further than the step says, without turning."""
    ctwd = seam_settings(step, task.cell.procedures[step.procedure]).ctwd
    poses = seen_from_part(task.cell, segment.group, step.seam, ctwd, segment.path(_places(segment)))
    reach = step.retract
    if segment.kind == "approach":
        poses, reach = poses[::-1], step.approach
    wire = poses[0, :3, 2]
    offset = poses[:, :3, 3] - poses[0, :3, 3]
    back = -offset @ wire
    off_line = float(np.linalg.norm(offset + back[:, None] * wire, axis=1).max())
    turned = float(np.arccos(np.clip(poses[:, :3, 2] @ wire, -1.0, 1.0)).max())
    if off_line > OFF_LINE or back.min() < -OFF_LINE or back.max() > reach + OFF_LINE or turned > TURNED:
        yield Finding(
            "C330", f"{where}: the torch leaves the {reach * 1e3:g} mm along its wire where it may be near the plates"
        )


def _places(segment: Segment) -> FloatArray:
    """Path parameters (n,), eight in every span."""
    knots = np.unique(segment.path.knots)
    return np.interp(np.linspace(0.0, len(knots) - 1.0, 8 * (len(knots) - 1) + 1), np.arange(len(knots)), knots)
