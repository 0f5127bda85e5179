"""One screw to its four segments: the free move there, the approach, the way in with its thread, the retract. Proves
nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellctl.errors import Finding, PlanningFailed
from cellctl.kinematics.arm_inverse import ArmInverse, arm_inverse
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.plan import ContactAllowance, FixedSegment, SegmentKind
from cellctl.model.pose import FloatArray, rotation_about, unit
from cellctl.model.spline import BSpline
from cellctl.model.task import Screw
from cellctl.planning.arm import RESERVE, Arm, segment_of
from cellctl.planning.explain_state import explain_state
from cellctl.planning.laws.timing import process_law
from cellctl.planning.lines_at_seam import approach_law, first_blocked, retract_law, shut_in
from cellctl.planning.moves import free_motion, no_free_motion
from cellctl.planning.seams.columns import nearest_joints
from cellctl.planning.seams.lines import reversed_path, wire_line
from cellctl.processes.screwing import HolePlace, bit_contacts, hole_place, screw_action, screwdriver_of

SPINS = 36
"""Turns of the driver about the axis of the hole that are looked at."""


def screw_segments(arm: Arm, index: int, step: Screw, q: FloatArray) -> list[FixedSegment]:
    """The segments of one screw from joints `q` (dof,); raises PlanningFailed: out of reach (P270), or too near to
    something all around (P271).
    """
    where = f"step {index + 1}, screw {step.hole}"
    cell = arm.task.cell
    hole, contacts = hole_place(cell, step), bit_contacts(cell, step)
    _, screwdriver = screwdriver_of(arm.mechanism)
    inverse = arm_inverse(arm.mechanism.robot, screwdriver.bit_tip)
    seated = _seated_joints(arm, inverse, hole, q)
    against: list[Finding] = []
    for joints in seated:
        lines = _lines(inverse, arm, hole, step, joints)
        if lines is None:
            continue
        segments, finding = _driven(arm, index, step, lines, contacts, hole, q, where)
        if finding is None:
            return segments
        against.append(finding)
    if against:
        raise PlanningFailed(against[0])
    text = f"{where}: the bit cannot be brought to the hole along its axis"
    hint = "move the part or the arm, or shorten 'approach' and 'retract'"
    raise PlanningFailed(Finding("P270", text, suggestion=hint))


def _seated_joints(arm: Arm, inverse: ArmInverse, hole: HolePlace, q: FloatArray) -> list[FloatArray]:
    """Joints (dof,) with the bit where the screw is seated, for every turn about its axis, those nearest to `q`
    first.
    """
    _, screwdriver = screwdriver_of(arm.mechanism)
    z = -hole.axis
    x = unit(np.cross(z, np.eye(3)[np.abs(z).argmin()]))
    pose = np.eye(4)
    pose[:3, 3] = hole.tip(0.0)
    poses = np.empty((SPINS, 4, 4))
    base, tip = arm.mechanism.pose_world_base.inverse().matrix, screwdriver.bit_tip.inverse().matrix
    for k in range(SPINS):
        turned = rotation_about(z, 2.0 * np.pi * k / SPINS) @ x
        pose[:3, :3] = np.column_stack([turned, np.cross(z, turned), z])
        poses[k] = base @ pose @ tip
    joints = nearest_joints(inverse, poses, np.tile(q, (SPINS, 1)))
    reached = [row for row in joints if np.isfinite(row).all()]
    return sorted(reached, key=lambda row: float(np.abs(row - q).max()))


def _lines(
    inverse: ArmInverse, arm: Arm, hole: HolePlace, step: Screw, seated: FloatArray
) -> tuple[BSpline, BSpline, BSpline] | None:
    """The paths of approach, way in and retract to and from `seated` (dof,), None where a joint would jump or end."""
    inwards = arm.mechanism.pose_world_base.inverse().rotate(-hole.axis)

    def line(q: FloatArray, length: float) -> BSpline | None:
        flange = flange_matrices(chain_of(arm.mechanism.robot), q[None])[0]
        return wire_line(inverse, flange, inwards, q, length)

    way_in = line(seated, hole.program.length)
    retract = line(seated, step.retract)
    approach = None if way_in is None else line(way_in.control[-1], step.approach)
    if way_in is None or approach is None or retract is None:
        return None
    return reversed_path(approach), reversed_path(way_in), retract


def _driven(
    arm: Arm,
    index: int,
    step: Screw,
    lines: tuple[BSpline, BSpline, BSpline],
    contacts: tuple[ContactAllowance, ...],
    hole: HolePlace,
    q: FloatArray,
    where: str,
) -> tuple[list[FixedSegment], Finding | None]:
    """The four segments along one set of lines, or none and what stands against it."""
    approach, way_in, retract = lines
    finding = _against(arm, lines, contacts, where, goes_on=index + 1 < len(arm.task.steps))
    if finding is not None:
        return [], finding
    law = process_law(way_in, hole.program.feed, arm.process_limits())
    if law is None or not np.all(np.diff(law.knots[law.degree : -law.degree]) > 0.0):
        text = f"{where}: the feed of {hole.program.feed * 1e3:.3g} mm/s cannot be held over {way_in.end * 1e3:.3g} mm"
        return [], Finding("P270", text, suggestion="run the screw down more slowly")
    transit = free_motion(arm, q, approach(approach.start)[0], arm.earlier.transit(index))
    if transit is None:
        return [], no_free_motion(f"{where}, on the way there")
    drive = segment_of(arm, index, "process", way_in, law, contacts)
    return [
        segment_of(arm, index, "transit", *transit),
        segment_of(arm, index, "approach", approach, approach_law(arm, approach), contacts),
        replace(drive, screw=screw_action(step)),
        segment_of(arm, index, "retract", retract, retract_law(arm, retract), contacts),
    ], None


def _against(
    arm: Arm,
    lines: tuple[BSpline, BSpline, BSpline],
    contacts: tuple[ContactAllowance, ...],
    where: str,
    *,
    goes_on: bool,
) -> Finding | None:
    """What stands against one of the lines (P271), or against free motion to or from their far ends (P281)."""
    approach, way_in, retract = lines
    on_line: tuple[tuple[SegmentKind, BSpline], ...]
    on_line = ("approach", approach), ("process", way_in), ("retract", retract)
    for kind, line in on_line:
        margins = arm.margins(contacts, kind)
        blocked = first_blocked(arm, line, margins)
        if blocked is not None:
            what = f"{where}: {blocked * 1e3:.0f} mm along the {kind}"
            there = line(blocked)[0]
            found = explain_state(arm.model, there, margins, "P271", what, reserve=RESERVE, engine=arm.engine)
            return found[0] if found else Finding("P271", f"{what}: the driver comes too near to something")
    begins = shut_in(arm, approach(approach.start)[0], "approach", where)
    if begins is not None or not goes_on:
        return begins
    return shut_in(arm, retract(retract.end)[0], "retract", where)
