"""What planning any step needs: the arm, what can touch what, its limits. Plans nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np

from cellctl.errors import Finding, PlanningFailed
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.jacobian import point_speeds
from cellctl.model.cell import Axes, Group, Mechanism
from cellctl.model.plan import ContactAllowance, FixedSegment, SeamSection, SegmentKind
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline
from cellctl.model.task import Grip, Release, Screw, Task
from cellctl.planning.laws.limits import MotionLimits
from cellctl.planning.laws.timing import FREE_RESERVE, stretched
from cellctl.planning.reuse import Earlier
from cellctl.processes.handling import Handling, cell_as_handled
from cellctl.processes.procedure import working_tip
from cellctl.scene.bodies import CollisionModel, collision_model
from cellctl.scene.engine import EngineName
from cellctl.scene.packed import ScreenArrays, pack

RESERVE = 0.5e-3
"""What the planner keeps over every margin (m), so that the proof need not split finely."""
PROCESS_JOINT_SHARE = 0.70
SPEED_RATE = 1000.0
"""Instants a second at which the speed of the working point is taken."""
SIX = 6
MOST_EXTERNAL = 2
"""Axes of a positioner that are planned with the arm."""


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
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

    def margins(self, contacts: tuple[ContactAllowance, ...] = (), kind: SegmentKind = "transit") -> FloatArray:
        """Margins (n_pairs,) of a segment with the planner's reserve."""
        margins = self.model.margins_with(contacts, kind)
        return np.where(np.isfinite(margins), margins + RESERVE, margins)

    def process_limits(self) -> MotionLimits:
        """Limits with the process on: a share of the joint speeds."""
        return MotionLimits(PROCESS_JOINT_SHARE * self.limits.velocity, self.limits.acceleration, self.limits.jerk)


def arm_of(
    task: Task,
    group: str,
    seed: int,
    engine: EngineName | None,
    earlier: Earlier | None = None,
    handling: Handling | None = None,
) -> Arm:
    """The arm of `group`, with what an `earlier` plan gives and what its gripper has done before this step."""
    handling = handling or Handling()
    name = task.cell.group(group).mechanisms[0]
    task = replace(task, cell=cell_as_handled(task.cell, name, handling))
    mechanism = task.cell.mechanism(name)
    model = collision_model(task.cell, group)
    axes = task.cell.axes(group)
    velocity, acceleration, jerk = (np.array(axes.limit_array(k)) for k in ("velocity", "acceleration", "jerk"))
    limits = MotionLimits(velocity, acceleration, jerk)
    return Arm(task, group, mechanism, axes, model, pack(model), limits, seed, engine, earlier or Earlier(), handling)


def demand_one_arm(task: Task) -> None:
    """Refuse a cell with mechanisms outside of the first group (P212): they would stand in the way unseen, or move on
    their own; and a group that is more than an arm of six axes and a positioner of one or two (P260).
    """
    names = [mechanism.name for mechanism in task.cell.mechanisms]
    group = task.cell.groups[0]
    if set(group.mechanisms) != set(names):
        text = f"the cell has the mechanisms {', '.join(names)}; a task can be planned where one group holds them all"
        raise PlanningFailed(Finding("P212", text, suggestion="leave the others out, as fixtures if they stand still"))
    if len(names) > 1:
        _demand_positioner(task, group)


def _demand_positioner(task: Task, group: Group) -> None:
    arm, *others = (task.cell.mechanism(name) for name in group.mechanisms)
    turned = [joint.kind == "revolute" for mechanism in others for joint in mechanism.robot.axes]
    if arm.robot.dof != SIX or len(others) > 1 or len(turned) > MOST_EXTERNAL or not all(turned):
        text = f"group '{group.name}' cannot be planned: beside an arm of six axes it may have one positioner"
        raise PlanningFailed(Finding("P260", text, suggestion="a positioner has one or two axes that turn"))
    if any(isinstance(step, Grip | Release | Screw) for step in task.steps):
        text = f"group '{group.name}' has a positioner, and a gripper or screwdriver beside one cannot be planned"
        raise PlanningFailed(Finding("P260", text, suggestion="weld only, or leave the positioner out of the group"))


def segment_of(
    arm: Arm,
    index: int,
    kind: SegmentKind,
    path: BSpline,
    law: BSpline,
    contacts: tuple[ContactAllowance, ...] = (),
    process: SeamSection | None = None,
) -> FixedSegment:
    """A segment of the step at `index`, with the arm's group and tool; slowed down to the task's budget of TCP speed
    where nothing else says how fast it is.
    """
    if kind != "process" and isfinite(arm.task.budget.tcp_speed):
        law = _within_speed(arm, path, law, arm.task.budget.tcp_speed)
    tool = arm.mechanism.tool
    name = "" if tool is None else tool.name
    return FixedSegment(index, kind, arm.group, name, path, law, contacts, arm.attached, process)


def _within_speed(arm: Arm, path: BSpline, law: BSpline, most: float) -> BSpline:
    """`law`, slowed down evenly where the tool's working point would be faster than `most` (m/s)."""
    mechanism = arm.mechanism
    t = np.linspace(0.0, law.end, max(2, int(law.end * SPEED_RATE)))
    s, own = law(t)[:, 0], slice(mechanism.robot.dof)
    joints, rates = (np.ascontiguousarray(values[:, own]) for values in (path(s), path(s, 1) * law(t, 1)))
    tip = working_tip(arm.task.cell, mechanism)
    fastest = point_speeds(chain_of(mechanism.robot), joints, rates, tip).max()
    return stretched(law, max(1.0, float(fastest) / (FREE_RESERVE * most)))
