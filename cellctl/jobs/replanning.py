"""A plan of a changed cell from an earlier one: what did not change is kept, and all of it is to be proved again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cellctl.errors import PlanningFailed
from cellctl.files import plan_inputs, task_from_inputs
from cellctl.jobs.proving import placed, versions
from cellctl.model.plan import Plan, Segment
from cellctl.model.task import Task
from cellctl.scene.engine import EngineName

if TYPE_CHECKING:
    from cellctl.planning.reuse import Reuse

Progress = Callable[[str, float | None], None]
OF_THE_ARM = ("robot", "tool", "hull")


def replan(
    task: Task, earlier: Plan, progress: Progress | None = None, *, engine: EngineName | None = None
) -> tuple[Plan, tuple[Reuse, ...]]:
    """Plan `task` with what an `earlier` plan still gives, and say of each step how it came about.

    Only what a change of the cell touches is planned anew; a plan made so is as valid as one from scratch, which its
    proof shows, but it depends on the earlier one. Nothing is taken for a step that is not the same in both tasks, or
    where the arm, its tool, its place or the budget of its speed is another one. Raises what `plan` raises.
    """
    from cellctl.planning.plan_task import replan_steps
    from cellctl.planning.reuse import Earlier

    kept = Earlier.of(_of_the_same(task, earlier))
    try:
        blocks, start, how = replan_steps(task, kept, earlier.seed, progress, engine=engine)
    except PlanningFailed as error:
        raise PlanningFailed(placed(error.findings, task)) from None
    return Plan(task.name, blocks, start, earlier.seed, plan_inputs(task), versions()), how


def _of_the_same(task: Task, earlier: Plan) -> tuple[Segment, ...]:
    """The segments of the steps that both tasks have, for the same arm in the same place."""
    then = task_from_inputs(earlier.inputs)
    if _arm(task) != _arm(then) or task.budget.tcp_speed != then.budget.tcp_speed:
        return ()
    shared = [index for index, (a, b) in enumerate(zip(then.steps, task.steps, strict=False)) if a == b]
    return tuple(segment for segment in earlier.segments if segment.step in shared)


def _arm(task: Task) -> tuple[object, ...]:
    """Everything that makes the motion of an arm what it is: its files, its tool's, and where it stands."""
    files = sorted((i.reference, i.sha256) for i in task.cell.inputs if i.kind in OF_THE_ARM)
    return *files, *((m.name, m.pose_world_base) for m in task.cell.mechanisms)
