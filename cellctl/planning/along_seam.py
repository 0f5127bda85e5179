"""A step along a seam to its four segments: the free move there, the approach, the seam, the retract. No proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from cellctl.errors import Finding, PlanningFailed
from cellctl.kinematics.arm_inverse import arm_inverse
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.jacobian import jacobians, least_sigma, normalised_sigma_min
from cellctl.model.cell import Mechanism
from cellctl.model.plan import ContactAllowance, FixedSegment, SeamSection
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline, interpolated
from cellctl.model.task import SeamStep
from cellctl.planning.arm import RESERVE, Arm, segment_of
from cellctl.planning.carried_seam import explain_carried_seam
from cellctl.planning.explain_seam import explain_seam
from cellctl.planning.explain_state import explain_state
from cellctl.planning.laws.limits import hardest_use
from cellctl.planning.laws.timing import RAMP_KNOTS, constant_speed_law, process_law
from cellctl.planning.lines_at_seam import approach_law, lines_at, retract_law
from cellctl.planning.moves import free_motion, no_free_motion
from cellctl.planning.reuse import Reuse, earlier_way
from cellctl.planning.seams.columns import SPIN_SPEED
from cellctl.planning.seams.reach import SeamProblem, ladder_limits
from cellctl.planning.seams.stations import stations_of
from cellctl.planning.seams.way import SeamWay, seam_ways, spin_rate
from cellctl.planning.seams.weaving import Course, seam_course
from cellctl.processes.contacts import tip_contacts
from cellctl.processes.procedure import SeamSettings, seam_events, seam_settings
from cellctl.processes.seam import seam_path
from cellctl.scene.screen import states_free

WAYS_TRIED = 12
LEAST_SIGMA = 0.022
"""How near to a singularity a seam may come: the least singular value, metres over half a metre."""
SINGULAR_STEP = 0.5e-3


def seam_segments(arm: Arm, index: int, step: SeamStep, q: FloatArray) -> tuple[list[FixedSegment], Reuse]:
    """Transit, approach, process, retract; the first way along the seam that all four can be had for."""
    settings = seam_settings(step, arm.task.cell.procedures[step.procedure])
    contacts = tip_contacts(arm.task.cell, step)
    problem = seam_problem(arm, step, settings, contacts, q)
    where = f"step {index + 1}, {step.seam}"
    failed: Finding | None = None
    searched = [seam_ways(roomier, q) for roomier in (*_with_room(problem), problem)]
    for way in islice(chain(_earlier_ways(arm, index, step, problem), *searched), WAYS_TRIED):
        segments, failed = _segments_along(arm, index, step, problem, way, contacts, q, where)
        if segments:
            return segments, "planned" if way.configuration >= 0 else "adapted"
    if failed is not None:
        raise PlanningFailed(failed)
    if problem.carrier is not None:
        raise PlanningFailed(explain_carried_seam(problem, problem.carrier, arm.model, q, where, engine=arm.engine))
    raise PlanningFailed(explain_seam(problem, arm.model, where, engine=arm.engine))


def _with_room(problem: SeamProblem) -> tuple[SeamProblem, ...]:
    """The problem with room at every station for the weave, if there is one: the torch swings so far from there."""
    weave = problem.settings.weave
    return () if weave is None else (replace(problem, margins=problem.margins + weave.amplitude),)


def _earlier_ways(arm: Arm, index: int, step: SeamStep, problem: SeamProblem) -> Iterator[SeamWay]:
    """The way along the seam that an earlier plan took, where it still is free."""
    segment = arm.earlier.process(index)
    same = segment is not None and segment.process is not None and segment.process.seam == step.seam
    way = earlier_way(problem, segment) if segment is not None and same else None
    if way is not None:
        free = np.empty(len(way.torches.q), dtype=np.bool_)
        states_free(arm.screen, np.ascontiguousarray(way.torches.q), problem.margins, free)
        if free.all():
            yield way


def seam_problem(
    arm: Arm, step: SeamStep, settings: SeamSettings, contacts: tuple[ContactAllowance, ...], q: FloatArray
) -> SeamProblem:
    """What the seam of a step asks of the arm, standing at `q` (dof,) before."""
    path = seam_path(arm.task.cell, step)
    pose_flange_tcp = arm.mechanism.pose_flange_tip(settings.ctwd)
    stations = stations_of(
        path, arm.mechanism.pose_world_base, pose_flange_tcp, settings.work.nominal, settings.travel.nominal
    )
    robot = arm.mechanism.robot
    inverse = arm_inverse(robot, pose_flange_tcp)
    margins = arm.margins(contacts, "process")
    limits = ladder_limits(robot, q[: robot.dof])
    carrier = _carrier(arm, step)
    return SeamProblem(robot, inverse, stations, settings, arm.screen, margins, RESERVE, *limits, carrier)


def _carrier(arm: Arm, step: SeamStep) -> Mechanism | None:
    """The positioner that carries the seam of `step`; None where there is none in the group."""
    carrier = arm.task.cell.carrier(step.seam.partition(".")[0], arm.group)
    if carrier is None and len(arm.axes.mechanisms) > 1:
        text = f"'{step.seam}' is on a part that stands still, and '{arm.axes.mechanisms[1].name}' does not carry it"
        hint = "fix the part to the flange of the positioner, or leave that out of the group"
        raise PlanningFailed(Finding("P261", text, suggestion=hint))
    return carrier


def _segments_along(
    arm: Arm,
    index: int,
    step: SeamStep,
    problem: SeamProblem,
    way: SeamWay,
    contacts: tuple[ContactAllowance, ...],
    q: FloatArray,
    where: str,
) -> tuple[list[FixedSegment], Finding | None]:
    """The four segments along one way, or none and what stood against it."""
    settings = problem.settings
    rate = spin_rate(problem, way.torches)
    if rate > SPIN_SPEED:
        return [], _spin_finding(problem, rate, where)
    course = seam_course(arm.task.cell, step, problem, way)
    if course is None:
        return [], _no_weave(where)
    path = interpolated(course.s, course.q)
    blocked = None if settings.weave is None else _blocked_weave(arm, problem, course, where)
    if blocked is not None:
        return [], blocked
    singular = _singular(arm, problem, path, where)
    if singular is not None:
        return [], singular
    law = process_law(path, settings.travel_speed, arm.process_limits())
    if law is None:
        return [], _speed_finding(arm, path, settings, where)
    if not np.all(np.diff(law.knots[law.degree : -law.degree]) > 0.0):
        return [], _too_short(path.end, settings, where)
    goes_on = index + 1 < len(arm.task.steps)
    lines = lines_at(arm, problem, course.q, step, contacts, where, goes_on=goes_on)
    if isinstance(lines, Finding):
        return [], lines
    approach, retract = lines
    transit = free_motion(arm, q, approach(approach.start)[0], arm.earlier.transit(index))
    if transit is None:
        return [], no_free_motion(f"{where}, on the way there")
    section = _section(step, problem, way)
    return [
        segment_of(arm, index, "transit", *transit),
        segment_of(arm, index, "approach", approach, approach_law(arm, approach), contacts),
        segment_of(arm, index, "process", path, law, contacts, section),
        segment_of(arm, index, "retract", retract, retract_law(arm, retract), contacts),
    ], None


def _section(step: SeamStep, problem: SeamProblem, way: SeamWay) -> SeamSection:
    stations, settings = problem.stations, problem.settings
    length = float(stations.s[-1])
    spins = way.torches.z[:, 0] + stations.offsets
    return SeamSection(
        seam=step.seam,
        wps=step.procedure,
        length=length,
        travel_speed=settings.travel_speed,
        ctwd=settings.ctwd,
        work_window=settings.work,
        travel_window=settings.travel,
        stations=stations.s,
        points=stations.frames.points,
        tangents=stations.frames.tangents,
        normals=stations.frames.normals,
        work_angles=way.torches.z[:, 1],
        travel_angles=way.torches.z[:, 2],
        spins=spins,
        events=seam_events(step, length),
        weave=settings.weave,
    )


def _no_weave(where: str) -> Finding:
    """P224: the torch reaches the seam and not what it would swing to beside it."""
    text = f"{where}: beside the seam a joint would leave its limits or jump where the torch weaves"
    return Finding("P224", text, suggestion="weave less wide, or move the part")


def _blocked_weave(arm: Arm, problem: SeamProblem, course: Course, where: str) -> Finding | None:
    """P224: what the torch comes too near to where it weaves; None where nothing."""
    margins = problem.margins - 0.6 * RESERVE
    free = np.empty(len(course.q), dtype=np.bool_)
    states_free(arm.screen, course.q, margins, free)
    if free.all():
        return None
    at = int(np.argmin(free))
    what = f"{where}: weaving at {course.s[at] * 1e3:.1f} mm"
    found = explain_state(arm.model, course.q[at], margins, "P224", what, reserve=0.4 * RESERVE, engine=arm.engine)
    return found[0] if found else Finding("P224", f"{what}: the torch comes too near to something")


def _singular(arm: Arm, problem: SeamProblem, path: BSpline, where: str) -> Finding | None:
    """P282: where along the seam the arm comes too near to a singularity; None where it does not."""
    s = np.linspace(path.start, path.end, max(2, int((path.end - path.start) / SINGULAR_STEP)))
    q = np.ascontiguousarray(path(s)[:, : arm.mechanism.robot.dof])
    tip = arm.mechanism.pose_flange_tip(problem.settings.ctwd)
    there = jacobians(chain_of(arm.mechanism.robot), q, tip)
    if least_sigma(there) >= LEAST_SIGMA:
        return None
    sigmas = normalised_sigma_min(there)
    at, least = s[np.argmin(sigmas)], float(sigmas.min())
    text = f"{where}: at {at * 1e3:.1f} mm the arm is too near to a singularity: sigma_min is {least:.3f}"
    hint = "allow more spin or tilt, or another work or travel angle; or move the part"
    data = {"sigma_min": least, "at": float(at), "joints": q[np.argmin(sigmas)].tolist()}
    return Finding("P282", f"{text}, at least {LEAST_SIGMA:g} is wanted", suggestion=hint, data=data)


def _spin_finding(problem: SeamProblem, rate: float, where: str) -> Finding:
    """That the torch would turn about its wire too fast, and the travel speed at which it would not."""
    possible = problem.settings.travel_speed * SPIN_SPEED / rate * 1e3
    text = f"{where}: the torch would turn about its wire at {np.degrees(rate):.0f} deg/s, at most 45 will do"
    return Finding("P223", text, suggestion=f"weld at {possible:.2g} mm/s, or allow more spin or tilt")


def _speed_finding(arm: Arm, path: BSpline, settings: SeamSettings, where: str) -> Finding:
    """Which joint is asked for too much, where, and the travel speed that would do."""
    law = constant_speed_law(path.end, settings.travel_speed, RAMP_KNOTS[-1])
    use = hardest_use(path, law, arm.process_limits())
    joint = arm.axes.axes[use.joint].name
    speed, possible = settings.travel_speed * 1e3, settings.travel_speed / use.slowdown * 1e3
    asks = f"it asks {use.slowdown**use.power:.1f} times the {use.quantity} of {joint} at {use.at * 1e3:.1f} mm"
    text = f"{where}: {speed:g} mm/s cannot be held, {asks}; {possible:.2g} mm/s could"
    hint = "weld slower, allow more spin or tilt, or split the seam where it has a corner"
    return Finding("P208", text, suggestion=hint)


def _too_short(length: float, settings: SeamSettings, where: str) -> Finding:
    """P231: there is no stretch of constant speed between starting and stopping."""
    text = f"{where}: {length * 1e3:.1f} mm are too short to come to {settings.travel_speed * 1e3:g} mm/s and to stop"
    return Finding("P231", text, suggestion="trim less, or make it a part of a longer weld")
