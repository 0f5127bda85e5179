"""What planning any step needs: the arm, what can touch what, its limits. Plans nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from cellctl.errors import Finding, PlanningFailed
from cellctl.model.cell import Mechanism
from cellctl.model.plan import ContactAllowance, FixedSegment, SeamSection, SegmentKind
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline
from cellctl.model.task import Task
from cellctl.planning.laws.limits import MotionLimits
from cellctl.planning.reuse import Earlier
from cellctl.processes.handling import Handling, cell_as_handled
from cellctl.scene.bodies import CollisionModel, collision_model
from cellctl.scene.engine import EngineName
from cellctl.scene.packed import ScreenArrays, pack

RESERVE = 0.5e-3
"""What the planner keeps over every margin (m), so that the proof need not split finely."""
PROCESS_JOINT_SHARE = 0.70
SHARPEST = 40.0
"""Most jerk that is made use of, as a multiple of the acceleration (1/s): the grid of a time law resolves no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """What planning a step needs: the arm, what can touch what, the seed, and who is asked what binds."""

    task: Task
    group: str
    mechanism: Mechanism
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
    robot = mechanism.robot
    velocity, acceleration, jerk = (np.array(robot.limit_array(k)) for k in ("velocity", "acceleration", "jerk"))
    limits = MotionLimits(velocity, acceleration, np.minimum(jerk, SHARPEST * acceleration))
    return Arm(task, group, mechanism, model, pack(model), limits, seed, engine, earlier or Earlier(), handling)


def demand_one_arm(task: Task) -> None:
    """Refuse a cell with several mechanisms (P212): others would stand in the way unseen, or move at once."""
    names = [mechanism.name for mechanism in task.cell.mechanisms]
    if len(names) != 1:
        text = f"the cell has the mechanisms {', '.join(names)}; a task for a cell with one arm can be planned"
        raise PlanningFailed(Finding("P212", text, suggestion="leave the others out, as fixtures if they stand still"))


def segment_of(
    arm: Arm,
    index: int,
    kind: SegmentKind,
    path: BSpline,
    law: BSpline,
    contacts: tuple[ContactAllowance, ...] = (),
    process: SeamSection | None = None,
) -> FixedSegment:
    """A segment of the step at `index`, with the arm's group and tool."""
    tool = arm.mechanism.tool
    name = "" if tool is None else tool.name
    return FixedSegment(index, kind, arm.group, name, path, law, contacts, arm.attached, process)
