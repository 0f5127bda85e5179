"""A task to a plan, step by step: every weld with its approach and retract along the wire, free motion between.

Order as in the file. Proves nothing; a plan is only a proposal until `proof` has certified it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Literal

import numpy as np

from cellctl.errors import Finding, PlanningFailed
from cellctl.kinematics.arm_inverse import arm_inverse
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.cell import Axes, Mechanism
from cellctl.model.plan import Block, ContactAllowance, FixedSegment, ProcessEvent, SeamSection, SegmentKind
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline, interpolated
from cellctl.model.task import Grip, MoveJ, Release, Task, Weld, step_name
from cellctl.planning.carried_seam import explain_carried_seam
from cellctl.planning.explain import explain_seam, explain_state
from cellctl.planning.free.motion import free_at, free_way
from cellctl.planning.free.rounding import rounded
from cellctl.planning.handling import carrying_contacts, during_and_after, standing_segment
from cellctl.planning.laws.limits import MotionLimits, hardest_use
from cellctl.planning.laws.timing import (
    RAMP_KNOTS,
    constant_speed_law,
    process_law,
    stop_and_go_time,
    time_optimal_law,
)
from cellctl.planning.reuse import SAME, Earlier, earlier_path, earlier_way, same_seam
from cellctl.planning.seams.lines import reversed_path, wire_line
from cellctl.planning.seams.reach import SeamProblem, ladder_limits
from cellctl.planning.seams.stations import stations_of
from cellctl.planning.seams.way import SPIN_SPEED, SeamWay, seam_ways, spin_rate
from cellctl.processes.contacts import torch_contacts
from cellctl.processes.handling import Handling, cell_as_handled
from cellctl.processes.procedure import WeldSettings, weld_settings
from cellctl.processes.seam import seam_path
from cellctl.scene.bodies import CollisionModel, collision_model
from cellctl.scene.engine import EngineName
from cellctl.scene.packed import ScreenArrays, pack
from cellctl.scene.screen import states_free

Progress = Callable[[str, float | None], None]
Reuse = Literal["kept", "adapted", "planned"]
"""How a step came about: its earlier segments as they were, the earlier torch angles where the seam is now, or anew."""

RESERVE = 0.5e-3
"""What the planner keeps over every margin (m), so that the proof need not split finely."""
APPROACH_SPEED = 0.05
RETRACT_SPEED = 0.20
PROCESS_JOINT_SHARE = 0.70
WAYS_TRIED = 12
SHARPEST = 40.0
"""Most jerk that is made use of, as a multiple of the acceleration (1/s): the grid of a time law resolves no more."""
WAY_SEEDS = 3
ROUNDINGS = 7
SIX = 6
MOST_EXTERNAL = 2
"""Axes of a positioner that are planned with the arm."""
PATIENCE = 2.0
"""A law may take so many times what the way would take with a stop at every corner."""


@dataclass(frozen=True, slots=True, eq=False)
class _Arm:
    """What planning a step needs: the arm, the joints of its whole group, what can touch what, the seed, and who is
    asked what binds.
    """

    task: Task
    group: str
    mechanism: Mechanism
    axes: Axes
    model: CollisionModel
    screen: ScreenArrays
    limits: MotionLimits
    seed: int
    engine: EngineName | None
    earlier: Earlier = field(default_factory=Earlier)
    handling: Handling = field(default_factory=Handling)

    @property
    def attached(self) -> tuple[str, ...]:
        """The part in the gripper, if there is one."""
        return () if self.handling.carried is None else (self.handling.carried.part,)

    def margins(self, contacts: tuple[ContactAllowance, ...] = ()) -> FloatArray:
        """Margins (n_pairs,) with the planner's reserve."""
        margins = self.model.margins_with(contacts)
        return np.where(np.isfinite(margins), margins + RESERVE, margins)

    def process_limits(self) -> MotionLimits:
        """Limits with the process on: a share of the joint speeds."""
        return MotionLimits(PROCESS_JOINT_SHARE * self.limits.velocity, self.limits.acceleration, self.limits.jerk)


def plan_steps(
    task: Task, seed: int, progress: Progress | None = None, *, engine: EngineName | None = None
) -> tuple[tuple[Block, ...], dict[str, FloatArray]]:
    """Blocks of segments for `task` and the start joints per group; raises PlanningFailed with what binds.

    `engine` is asked what is too near where there is no plan.
    """
    blocks, start, _ = replan_steps(task, Earlier(), seed, progress, engine=engine)
    return blocks, start


def replan_steps(
    task: Task, earlier: Earlier, seed: int, progress: Progress | None = None, *, engine: EngineName | None = None
) -> tuple[tuple[Block, ...], dict[str, FloatArray], tuple[Reuse, ...]]:
    """The same with what an `earlier` plan of the same steps gives, where that still is free; and how each step came
    about.
    """
    _demand_one_arm(task)
    group = task.cell.groups[0].name
    arm = _arm_of(task, group, seed, engine, earlier)
    start = arm.axes.configuration(task.start)
    _demand_free(arm, start, "P206", f"the start '{task.start}'")
    segments: list[FixedSegment] = []
    ways: list[Reuse] = []
    q = start
    for index, step in enumerate(task.steps):
        if progress is not None:
            progress(f"planning step {index + 1} of {len(task.steps)}: {step_name(step)}", index / len(task.steps))
        if isinstance(step, Grip | Release):
            standing, arm = _gripper_segment(arm, task, index, step, q)
            segments.append(standing)
            ways.append("planned")
            continue
        following = task.steps[index + 1] if index + 1 < len(task.steps) else None
        contacts = carrying_contacts(task.cell, arm.mechanism, arm.handling, segments, following)
        new, how = _step_segments(arm, index, step, q, contacts)
        ways.append(how)
        segments += new
        if new:
            q = new[-1].path(new[-1].path.end)[0]
    return (Block(tuple(segments)),), {group: start}, tuple(ways)


def _step_segments(
    arm: _Arm, index: int, step: MoveJ | Weld, q: FloatArray, contacts: tuple[ContactAllowance, ...]
) -> tuple[list[FixedSegment], Reuse]:
    """The segments of one step from joints `q`, and how they came about; what stands against it carries the index.

    `contacts` are those of a part in the gripper.
    """
    with _about_step(index):
        kept = _kept_segments(arm, index, step, q, contacts)
        if kept is not None:
            return kept, "kept"
        if isinstance(step, Weld):
            return _weld_segments(arm, index, step, q)
        moves = _move_segments(arm, index, step, q, contacts)
        return moves, _how_moved(arm, index, moves)


@contextmanager
def _about_step(index: int) -> Iterator[None]:
    """Findings of a failure in here carry the index of the step."""
    try:
        yield
    except PlanningFailed as error:
        found = (replace(finding, data={**finding.data, "step": index}) for finding in error.findings)
        raise PlanningFailed(found) from None


def _gripper_segment(
    arm: _Arm, task: Task, index: int, step: Grip | Release, q: FloatArray
) -> tuple[FixedSegment, _Arm]:
    """The segment in which the arm stands at `q` while its gripper moves, and the arm as it is after that."""
    during, after = during_and_after(task.cell, arm.mechanism, arm.handling, step, q)
    moving = _arm_of(task, arm.group, arm.seed, arm.engine, arm.earlier, during)
    segment = standing_segment(moving.task.cell, moving.mechanism, arm.group, index, step, q)
    with _about_step(index):
        what = f"step {index + 1}, {step_name(step)}: the gripper where it is"
        _demand_free(moving, q, "P280", what, segment.contacts)
    return segment, _arm_of(task, arm.group, arm.seed, arm.engine, arm.earlier, after)


def _how_moved(arm: _Arm, index: int, moves: list[FixedSegment]) -> Reuse:
    """A bent path has the knots of the one that it was bent from."""
    earlier = arm.earlier.transit(index)
    if not moves:
        return "kept"
    return "adapted" if earlier is not None and np.array_equal(earlier.knots, moves[0].path.knots) else "planned"


def _kept_segments(
    arm: _Arm, index: int, step: MoveJ | Weld, q: FloatArray, carrying: tuple[ContactAllowance, ...]
) -> list[FixedSegment] | None:
    """The earlier segments of a step that starts where it did, does what it did, and still is free."""
    then = list(arm.earlier.steps.get(index, ()))
    if not then or np.abs(then[0].path.control[0] - q).max() > SAME:
        return None
    if isinstance(step, Weld):
        section, contacts = arm.earlier.section(index), torch_contacts(arm.task.cell, step)
        settings = weld_settings(step, arm.task.cell.procedures[step.wps])
        problem = _seam_problem(arm, step, settings, contacts, q)
        allowed = all(segment.contacts in ((), contacts) for segment in then)
        if section is None or section.seam != step.seam or not allowed or not same_seam(problem, section):
            return None
    elif (
        any((segment.contacts, segment.attached) != (carrying, arm.attached) for segment in then)
        or np.abs(then[-1].path.control[-1] - arm.axes.configuration(step.target)).max() > SAME
    ):
        return None
    return then if all(_path_free(arm, s.path, arm.margins(s.contacts)) for s in then) else None


def _demand_one_arm(task: Task) -> None:
    """Mechanisms outside of the first group would stand in the way unseen, or move on their own; neither is planned
    yet. Within it the first one is the arm, and the others are a positioner of one or two axes.
    """
    names = [mechanism.name for mechanism in task.cell.mechanisms]
    group = task.cell.groups[0]
    if set(group.mechanisms) != set(names):
        text = f"the cell has the mechanisms {', '.join(names)}; a task can be planned where one group holds them all"
        raise PlanningFailed(Finding("P212", text, suggestion="leave the others out, as fixtures if they stand still"))
    arm, *others = (task.cell.mechanism(name) for name in group.mechanisms)
    turned = [joint.kind for mechanism in others for joint in mechanism.robot.axes]
    six = arm.robot.dof == SIX or not others
    if len(others) > 1 or len(turned) > MOST_EXTERNAL or "prismatic" in turned or not six:
        text = f"group '{group.name}' cannot be planned: beside an arm of six axes it may have one positioner"
        raise PlanningFailed(Finding("P260", text, suggestion="a positioner has one or two axes that turn"))
    if others and any(isinstance(step, Grip | Release) for step in task.steps):
        text = f"group '{group.name}' has a positioner, and a gripper beside one cannot be planned"
        raise PlanningFailed(Finding("P260", text, suggestion="weld only, or leave the positioner out of the group"))


def _arm_of(
    task: Task,
    group: str,
    seed: int,
    engine: EngineName | None,
    earlier: Earlier | None = None,
    handling: Handling | None = None,
) -> _Arm:
    handling = handling or Handling()
    name = task.cell.group(group).mechanisms[0]
    task = replace(task, cell=cell_as_handled(task.cell, name, handling))
    mechanism = task.cell.mechanism(name)
    model = collision_model(task.cell, group)
    axes = task.cell.axes(group)
    velocity, acceleration, jerk = (np.array(axes.limit_array(k)) for k in ("velocity", "acceleration", "jerk"))
    limits = MotionLimits(velocity, acceleration, np.minimum(jerk, SHARPEST * acceleration))
    return _Arm(task, group, mechanism, axes, model, pack(model), limits, seed, engine, earlier or Earlier(), handling)


def _demand_free(arm: _Arm, q: FloatArray, code: str, what: str, contacts: tuple[ContactAllowance, ...] = ()) -> None:
    if not free_at(arm.screen, q, arm.margins(contacts)):
        findings = explain_state(arm.model, q, arm.margins(contacts) - RESERVE, code, what, engine=arm.engine)
        if findings:
            raise PlanningFailed(findings)


def _move_segments(
    arm: _Arm, index: int, step: MoveJ, q: FloatArray, contacts: tuple[ContactAllowance, ...]
) -> list[FixedSegment]:
    goal = arm.axes.configuration(step.target)
    if np.abs(goal - q).max() < 1e-9:
        return []
    where = f"step {index + 1}, move_j {step.target}"
    _demand_free(arm, goal, "P209", f"{where}: the configuration '{step.target}'", contacts)
    motion = _free_motion(arm, q, goal, arm.earlier.transit(index), contacts)
    if motion is None:
        raise PlanningFailed(_no_free_motion(where))
    return [_segment(arm, index, "transit", *motion, contacts)]


def _no_free_motion(where: str) -> Finding:
    return Finding(
        "P205", f"{where}: no free motion was found", suggestion="add a configuration on the way, or make room"
    )


def _weld_segments(arm: _Arm, index: int, step: Weld, q: FloatArray) -> tuple[list[FixedSegment], Reuse]:
    """Transit, approach, process, retract; the first way along the seam that all four can be had for."""
    wps = arm.task.cell.procedures[step.wps]
    settings = weld_settings(step, wps)
    contacts = torch_contacts(arm.task.cell, step)
    problem = _seam_problem(arm, step, settings, contacts, q)
    where = f"step {index + 1}, {step.seam}"
    failed: Finding | None = None
    for way in islice(chain(_earlier_ways(arm, index, step, problem), seam_ways(problem, q)), WAYS_TRIED):
        segments, failed = _weld_along(arm, index, step, problem, way, contacts, q, where)
        if segments:
            return segments, "planned" if way.configuration >= 0 else "adapted"
    if failed is not None:
        raise PlanningFailed(failed)
    if problem.carrier is not None:
        raise PlanningFailed(explain_carried_seam(problem, problem.carrier, arm.model, q, where))
    raise PlanningFailed(explain_seam(problem, arm.model, where, engine=arm.engine))


def _earlier_ways(arm: _Arm, index: int, step: Weld, problem: SeamProblem) -> Iterator[SeamWay]:
    """The way along the seam that an earlier plan took, where it still is free."""
    segment = arm.earlier.process(index)
    same = segment is not None and segment.process is not None and segment.process.seam == step.seam
    way = earlier_way(problem, segment) if segment is not None and same else None
    if way is not None:
        free = np.empty(len(way.torches.q), dtype=np.bool_)
        states_free(arm.screen, np.ascontiguousarray(way.torches.q), problem.margins, free)
        if free.all():
            yield way


def _seam_problem(
    arm: _Arm, step: Weld, settings: WeldSettings, contacts: tuple[ContactAllowance, ...], q: FloatArray
) -> SeamProblem:
    tool = arm.mechanism.tool
    assert tool is not None and tool.torch is not None
    path = seam_path(arm.task.cell, step)
    pose_flange_tcp = tool.torch.tcp(settings.ctwd)
    stations = stations_of(
        path, arm.mechanism.pose_world_base, pose_flange_tcp, settings.work.nominal, settings.travel.nominal
    )
    robot = arm.mechanism.robot
    inverse = arm_inverse(robot, pose_flange_tcp)
    margins = arm.margins(contacts)
    limits = ladder_limits(robot, q[: robot.dof])
    carrier = _carrier(arm, step)
    return SeamProblem(robot, inverse, stations, settings, arm.screen, margins, RESERVE, *limits, carrier)


def _carrier(arm: _Arm, step: Weld) -> Mechanism | None:
    """The positioner that carries the seam of `step`; None where there is none in the group."""
    carrier = arm.task.cell.carrier(step.seam.partition(".")[0], arm.group)
    if carrier is None and len(arm.axes.mechanisms) > 1:
        text = f"'{step.seam}' is on a part that stands still, and '{arm.axes.mechanisms[1].name}' does not carry it"
        hint = "fix the part to the flange of the positioner, or leave that out of the group"
        raise PlanningFailed(Finding("P261", text, suggestion=hint))
    return carrier


def _weld_along(
    arm: _Arm,
    index: int,
    step: Weld,
    problem: SeamProblem,
    way: SeamWay,
    contacts: tuple[ContactAllowance, ...],
    q: FloatArray,
    where: str,
) -> tuple[list[FixedSegment], Finding | None]:
    """The four segments along one way, or none and what stood against it."""
    stations, settings = problem.stations, problem.settings
    rate = spin_rate(problem, way.torches)
    if rate > SPIN_SPEED:
        return [], _spin_finding(problem, rate, where)
    path = interpolated(stations.s, way.torches.q)
    law = process_law(path, settings.travel_speed, arm.process_limits())
    if law is None:
        return [], _speed_finding(arm, path, settings, where)
    if not np.all(np.diff(law.knots[law.degree : -law.degree]) > 0.0):
        return [], _too_short(path.end, settings, where)
    ends = [_line_at(arm, problem, way, k, length) for k, length in ((0, step.approach), (-1, step.retract))]
    if ends[0] is None:
        return [], _no_line(arm, problem, way, 0, step.approach, f"{where}: the approach")
    if ends[1] is None:
        return [], _no_line(arm, problem, way, -1, step.retract, f"{where}: the retract")
    away, back = ends[0], ends[1]
    for name, line in (("approach", away), ("retract", back)):
        blocked = _line_blocked(arm, line, contacts)
        if blocked is not None:
            what = f"{where}: {blocked * 1e3:.0f} mm from the seam on the {name}"
            found = explain_state(arm.model, line(blocked)[0], arm.margins(contacts), "P207", what, engine=arm.engine)
            return [], found[0] if found else Finding("P207", f"{what}: the torch comes too near to something")
    transit = _free_motion(arm, q, away(away.end)[0], arm.earlier.transit(index))
    if transit is None:
        return [], _no_free_motion(f"{where}, on the way there")
    section = _section(step, problem, way)
    approach = reversed_path(away)
    return [
        _segment(arm, index, "transit", *transit),
        _segment(arm, index, "approach", approach, _line_law(arm, approach, APPROACH_SPEED), contacts),
        _segment(arm, index, "process", path, law, contacts, section),
        _segment(arm, index, "retract", back, _line_law(arm, back, RETRACT_SPEED), contacts),
    ], None


def _section(step: Weld, problem: SeamProblem, way: SeamWay) -> SeamSection:
    stations, settings = problem.stations, problem.settings
    length = float(stations.s[-1])
    spins = way.torches.z[:, 0] + stations.offsets
    return SeamSection(
        seam=step.seam,
        wps=step.wps,
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
        events=(ProcessEvent(0.0, "arc_start"), ProcessEvent(length, "arc_end")),
    )


def _spin_finding(problem: SeamProblem, rate: float, where: str) -> Finding:
    """That the torch would turn about its wire too fast, and the travel speed at which it would not."""
    possible = problem.settings.travel_speed * SPIN_SPEED / rate * 1e3
    text = f"{where}: the torch would turn about its wire at {np.degrees(rate):.0f} deg/s, at most 45 will do"
    return Finding("P223", text, suggestion=f"weld at {possible:.2g} mm/s, or allow more spin or tilt")


def _speed_finding(arm: _Arm, path: BSpline, settings: WeldSettings, where: str) -> Finding:
    """Which joint is asked for too much, where, and the travel speed that would do."""
    law = constant_speed_law(path.end, settings.travel_speed, RAMP_KNOTS[-1])
    use = hardest_use(path, law, arm.process_limits())
    joint = arm.axes.axes[use.joint].name
    speed, possible = settings.travel_speed * 1e3, settings.travel_speed / use.slowdown * 1e3
    asks = f"it asks {use.slowdown**use.power:.1f} times the {use.quantity} of {joint} at {use.at * 1e3:.1f} mm"
    text = f"{where}: {speed:g} mm/s cannot be held, {asks}; {possible:.2g} mm/s could"
    hint = "weld slower, allow more spin or tilt, or split the seam where it has a corner"
    return Finding("P208", text, suggestion=hint)


def _too_short(length: float, settings: WeldSettings, where: str) -> Finding:
    """P231: there is no stretch of constant speed between starting and stopping."""
    text = f"{where}: {length * 1e3:.1f} mm are too short to come to {settings.travel_speed * 1e3:g} mm/s and to stop"
    return Finding("P231", text, suggestion="trim less, or make it a part of a longer weld")


def _line_at(arm: _Arm, problem: SeamProblem, way: SeamWay, station: int, length: float) -> BSpline | None:
    robot = arm.mechanism.robot
    q, others = np.split(way.torches.q[station], [robot.dof])
    flange = flange_matrices(chain_of(robot), q[None])[0]
    tcp = flange @ np.linalg.inv(problem.stations.pose_tcp_flange)
    line = wire_line(problem.inverse, flange, tcp[:3, 2], q, length)
    if line is None or not len(others):
        return line
    return BSpline(line.degree, line.knots, np.column_stack([line.control, np.tile(others, (len(line.control), 1))]))


def _no_line(arm: _Arm, problem: SeamProblem, way: SeamWay, station: int, length: float, what: str) -> Finding:
    """P207: how far the torch gets along its wire before a joint would leave its limits or jump."""
    shares = np.linspace(0.95, 0.05, 19)
    possible = next((s * length for s in shares if _line_at(arm, problem, way, station, s * length) is not None), 0.0)
    text = f"{what} of {length * 1e3:g} mm along the wire ends after {possible * 1e3:.0f} mm"
    hint = f"write a length of {possible * 1e3:.0f} mm, or move the part" if possible else "move the part"
    return Finding("P207", f"{text}, where a joint would leave its limits or jump", suggestion=hint)


def _line_blocked(arm: _Arm, path: BSpline, contacts: tuple[ContactAllowance, ...]) -> float | None:
    """The first distance (m) along a line where the torch is too near to something; None where the line is free."""
    u = np.linspace(path.start, path.end, 2 * len(path.control))
    free = np.empty(len(u), dtype=np.bool_)
    states_free(arm.screen, path(u), arm.margins(contacts), free)
    return None if free.all() else float(u[np.argmin(free)])


def _line_law(arm: _Arm, path: BSpline, speed: float) -> BSpline:
    return time_optimal_law(path, arm.limits, speed_cap=speed)


def _free_motion(
    arm: _Arm,
    q: FloatArray,
    goal: FloatArray,
    earlier: BSpline | None = None,
    contacts: tuple[ContactAllowance, ...] = (),
) -> tuple[BSpline, BSpline] | None:
    """A rounded free path and its law; corners are tightened until the rounding is free as well.

    An `earlier` path is bent to the new ends first, and taken where it is free. A way whose corners are so tight that
    stopping at every one would be far quicker is left for that of another seed.
    """
    limits = arm.axes.limit_array("lower"), arm.axes.limit_array("upper")
    margins = arm.margins(contacts)
    bent = None if earlier is None else earlier_path(earlier, q, goal)
    if bent is not None and _path_free(arm, bent, margins):
        return bent, time_optimal_law(bent, arm.limits)
    for seed in range(arm.seed, arm.seed + WAY_SEEDS):
        way = free_way(arm.screen, q, goal, limits, margins, seed)
        if way is None:
            continue
        patience = PATIENCE * stop_and_go_time(way, arm.limits)
        for halvings in range(ROUNDINGS):
            path = rounded(way, 0.5**halvings)
            if _path_free(arm, path, margins):
                law = time_optimal_law(path, arm.limits)
                if law.end <= patience:
                    return path, law
                break
    return None


def _path_free(arm: _Arm, path: BSpline, margins: FloatArray) -> bool:
    """Whether a path keeps `margins` but for a little of the planner's reserve, at places along it."""
    u = np.linspace(path.start, path.end, max(40, int((path.end - path.start) / 0.01)))
    free = np.empty(len(u), dtype=np.bool_)
    states_free(arm.screen, path(u), margins - 0.6 * RESERVE, free)
    return bool(free.all())


def _segment(
    arm: _Arm,
    index: int,
    kind: SegmentKind,
    path: BSpline,
    law: BSpline,
    contacts: tuple[ContactAllowance, ...] = (),
    process: SeamSection | None = None,
) -> FixedSegment:
    tool = arm.mechanism.tool
    return FixedSegment(
        index, kind, arm.group, "" if tool is None else tool.name, path, law, contacts, arm.attached, process
    )
