"""Checks of states and setpoints that the executor makes: each returns a finding or None. They never correct
anything.
"""

from __future__ import annotations

from math import degrees

import numpy as np

from cellctl.drivers.driver import ArmIdentity
from cellctl.errors import Finding
from cellctl.execution.curve import TimedCurve
from cellctl.execution.job import DispenserLines, Job, JointEnvelope, Tolerances
from cellctl.model.plan import FixedSegment
from cellctl.model.pose import FloatArray

_SPEED_SLACK = 1.05
_PLACE_SLACK = 1e-6
_SIGNALS = (("is welded", "arc_on", "arc_ok"), ("gets a bead", "dispenser_open", "dispenser_ready"))
"""What is done along a seam and the signals that it needs: of a weld, of a bead."""
_EVENTS = (("arc_start", "arc_end"), ("bead_start", "bead_end"))


def unfit_job(job: Job, arm: ArmIdentity) -> Finding | None:
    """Why this job cannot run on this arm (X406), or None."""
    plan = job.certified.plan
    groups = {segment.group for segment in plan.segments}
    if len(groups) != 1 or groups != set(plan.start):
        return Finding("X406", f"the plan moves {len(groups)} groups; exactly one can be executed")
    if arm.joints != job.envelope.names:
        return Finding(
            "X406",
            f"the arm has the joints {', '.join(arm.joints)}; the plan was made for {', '.join(job.envelope.names)}",
        )
    if any(segment.path.dim != len(arm.joints) for segment in plan.segments):
        return Finding("X406", f"the plan does not hold {len(arm.joints)} joint values a point, as the arm needs")
    return (
        _unfit_form(job, arm)
        or _unfit_lines(job, arm)
        or _unfit_process(job)
        or _unfit_gripper(job)
        or _unfit_screws(job)
    )


def _unfit_lines(job: Job, arm: ArmIdentity) -> Finding | None:
    """Which signal of this job no line of the arm is, or None."""
    segments = job.certified.plan.segments
    needed: list[tuple[str, int | None, int | None]] = []
    if job.lines is not None and job.process == "weld" and any(job.strikes(segment) for segment in segments):
        needed += [("output", job.lines.on, arm.outputs), ("input", job.lines.ok, arm.inputs)]
    if job.gripper is not None and any(segment.gripper is not None for segment in segments):
        needed += [("output", job.gripper.output, arm.outputs), ("input", job.gripper.gripped, arm.inputs)]
    if job.screws is not None and job.process == "weld" and any(segment.screw is not None for segment in segments):
        needed += [("output", job.screws.run, arm.outputs), ("input", job.screws.tight, arm.inputs)]
    for kind, line, has in needed:
        if line is not None and has is not None and not has >> line & 1:
            text = f"the arm behind the driver '{arm.name}' has no {kind} {line}, which this job needs"
            hint = "wire it, or put the process on a line of its own: --io modbus:PORT"
            return Finding("X406", text, suggestion=hint)
    return None


def _unfit_screws(job: Job) -> Finding | None:
    """Why the screws of this job cannot be driven, or None."""
    for segment in job.certified.plan.segments:
        if segment.screw is None:
            continue
        what = f"'{segment.screw.hole}' gets a screw"
        if job.screws is None:
            return Finding("X406", f"{what}, but the cell has no signals 'driver_run' and 'driver_tight'")
        if segment.screw.program not in {program.name for program in job.screws.programs}:
            return Finding("X406", f"{what} after '{segment.screw.program}', which the cell does not know")
    return None


def _unfit_form(job: Job, arm: ArmIdentity) -> Finding | None:
    """Why an arm that plans by itself cannot be given this job, or any other arm (X406, X491); None where it can."""
    for index, segment in enumerate(job.certified.plan.segments):
        stands = bool(np.all(segment.path.control == segment.path.control[0]))
        if not stands and (segment.form == "lines") is not arm.plans:
            of = "what a controller makes of a plan by itself" if segment.form == "lines" else "setpoints"
            text = f"segment {index} is {of}, which is not what the driver '{arm.name}' takes"
            return Finding("X406", text, suggestion="run the task, or the plan as it was before, with this driver")
        if arm.plans and (finding := _unfit_deed(job, segment, arm)) is not None:
            return finding
    return None


def _unfit_deed(job: Job, segment: FixedSegment, arm: ArmIdentity) -> Finding | None:
    """What a segment does that an arm which plans by itself is not to do (X491); None where it only moves."""
    seldom = f"'{arm.name}' tells every {arm.period:g} s where it is"
    if segment.process is not None and job.process == "weld" and job.strikes(segment):
        does, *_ = _SIGNALS[segment.step in job.beads]
        text = f"'{segment.process.seam}' {does}, and {seldom} and nothing of its process"
        return Finding("X491", text, suggestion="do this with an arm that takes setpoints")
    if segment.gripper is not None:
        text = f"'{segment.gripper.part}' is gripped, and a stop of '{arm.name}' switches every output off"
        return Finding("X491", text, suggestion="grip with an arm whose gripper keeps its part at a stop")
    if segment.screw is not None:
        text = f"'{segment.screw.hole}' gets a screw, and {seldom}"
        return Finding("X491", text, suggestion="drive screws with an arm that takes setpoints")
    return None


def _unfit_gripper(job: Job) -> Finding | None:
    """Why the grips of this job cannot be executed, or None."""
    grips = [segment.gripper.part for segment in job.certified.plan.segments if segment.gripper is not None]
    if grips and job.gripper is None:
        return Finding("X406", f"'{grips[0]}' is gripped, but the cell has no signal 'gripper'")
    if grips and job.process == "dry":
        text = f"a plan that grips is not run dry: it was proved with '{grips[0]}' where the gripper brings it"
        return Finding("X406", text)
    return None


def _unfit_process(job: Job) -> Finding | None:
    """Why the process of this job cannot be executed, or None."""
    for index, segment in enumerate(job.certified.plan.segments):
        if segment.process is None or not job.strikes(segment):
            continue
        seam, lays = segment.process.seam, segment.step in job.beads
        if job.lines is None:
            does, on, ok = _SIGNALS[lays]
            return Finding("X406", f"'{seam}' {does}, but the cell has no signals '{on}' and '{ok}'")
        if isinstance(job.lines, DispenserLines) is not lays:
            return Finding("X406", f"'{seam}' is not done with the tool of the other seams of this plan")
        if not lays and segment.step not in job.times:
            return Finding("X406", f"no arc start and end times are known for step {segment.step}, seam '{seam}'")
        unsound = _unsound_events(segment, f"segment {index}, '{seam}'", _EVENTS[lays])
        if unsound is not None:
            return unsound
        curve = TimedCurve(segment)
        for event in segment.process.events:
            if abs(curve.speed(curve.time_at(event.at))) > 1e-4:
                where = f"segment {index}, {event.at * 1e3:.1f} mm along '{seam}'"
                return Finding(
                    "X406", f"{event.name} lies where the tool moves: {where}", suggestion="let the law rest there"
                )
    return None


def _unsound_events(segment: FixedSegment, where: str, names: tuple[str, str]) -> Finding | None:
    """Why the process of this segment would never begin, never end, or go on behind its end; None where it does
    not.
    """
    events = sorted(segment.process.events, key=lambda event: event.at) if segment.process else []
    if tuple(event.name for event in events) != names or events[0].at >= events[1].at:
        text = f"a seam has one {names[0]} and then one {names[1]}, {where} has not"
        return Finding("X406", text, suggestion="plan the task again")
    if events[0].at < segment.path.start - _PLACE_SLACK or events[1].at > segment.path.end + _PLACE_SLACK:
        return Finding("X406", f"the process would begin or end beyond {where}", suggestion="plan the task again")
    return None


def start_finding(joints: FloatArray, *, start: FloatArray, job: Job) -> Finding | None:
    """Whether the arm stands where the plan starts (X401 otherwise)."""
    error = np.abs(joints - start)
    worst = int(error.argmax())
    tolerance = job.tolerances.start
    if error[worst] <= tolerance:
        return None
    name = job.envelope.names[worst]
    return Finding(
        "X401",
        f"the arm does not stand where the plan starts: {name} is at {degrees(joints[worst]):.3f} deg, "
        f"the plan starts at {degrees(start[worst]):.3f} deg (tolerance {degrees(tolerance):.2f} deg)",
        suggestion="move there with a certified approach, or plan from where the arm stands",
        data={"joint": name, "error": float(error[worst]), "tolerance": tolerance},
    )


def setpoint_finding(
    joints: FloatArray, *, previous: FloatArray, dt: float, envelope: JointEnvelope, where: str
) -> Finding | None:
    """Whether a setpoint may be sent (X408 otherwise): finite, inside the limits, no faster than its joints."""
    if not np.all(np.isfinite(joints)):
        return Finding("X408", f"a setpoint is not finite, {where}")
    outside = np.maximum(envelope.lower - joints, joints - envelope.upper)
    worst = int(outside.argmax())
    if outside[worst] > 1e-9:
        name = envelope.names[worst]
        return Finding("X408", f"a setpoint leaves the limits of {name} by {degrees(outside[worst]):.4f} deg, {where}")
    use = np.abs(joints - previous) / (envelope.velocity * dt * _SPEED_SLACK)
    worst = int(use.argmax())
    if use[worst] > 1.0:
        return Finding("X408", f"a setpoint asks {envelope.names[worst]} for {use[worst]:.2f} times its speed, {where}")
    return None


def following_finding(
    measured: FloatArray, *, expected: FloatArray, envelope: JointEnvelope, tolerances: Tolerances, where: str
) -> Finding | None:
    """Whether the arm is where its commands and its known lag put it (X402 otherwise)."""
    error = np.abs(measured - expected)
    worst = int(error.argmax())
    if error[worst] <= tolerances.following:
        return None
    return Finding(
        "X402",
        f"{envelope.names[worst]} does not follow: {degrees(error[worst]):.2f} deg from where its command puts it "
        f"(tolerance {degrees(tolerances.following):.2f} deg), {where}",
        data={"joint": envelope.names[worst], "error": float(error[worst]), "tolerance": tolerances.following},
    )


def goal_finding(
    measured: FloatArray, *, goal: FloatArray, envelope: JointEnvelope, tolerances: Tolerances, where: str
) -> Finding:
    """The finding of an arm that did not come to rest at `goal` in time (X405)."""
    error = np.abs(measured - goal)
    worst = int(error.argmax())
    return Finding(
        "X405",
        f"{envelope.names[worst]} stands {degrees(error[worst]):.3f} deg from its goal or still moves after "
        f"{tolerances.goal_time:g} s (tolerance {degrees(tolerances.goal):.2f} deg), {where}",
        data={"joint": envelope.names[worst], "error": float(error[worst]), "tolerance": tolerances.goal},
    )
