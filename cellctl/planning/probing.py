"""Whether one step of a task has a way along its seam, asked without planning anything else. Explains nothing."""

from __future__ import annotations

from cellctl.model.task import SeamStep, Task
from cellctl.planning.along_seam import seam_problem
from cellctl.planning.arm import arm_of, demand_one_arm
from cellctl.planning.seams.way import seam_ways
from cellctl.processes.contacts import tip_contacts
from cellctl.processes.procedure import seam_settings


def seam_has_way(task: Task, index: int) -> bool:
    """True where the step at `index` has a smooth way along its seam, free of what stands in the cell.

    Approach, retract, speed and the free motion to it are not asked about. Raises PlanningFailed for a cell that cannot
    be planned at all.
    """
    demand_one_arm(task)
    step = task.steps[index]
    if not isinstance(step, SeamStep):
        raise TypeError(f"step {index + 1} goes along no seam")
    arm = arm_of(task, step.group or task.cell.groups[0].name, 0, None)
    settings = seam_settings(step, task.cell.procedures[step.procedure])
    near = arm.axes.configuration(task.start)
    problem = seam_problem(arm, step, settings, tip_contacts(task.cell, step), near)
    return next(iter(seam_ways(problem, near)), None) is not None
