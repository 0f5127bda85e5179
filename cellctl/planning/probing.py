"""Whether one weld of a task has a way along its seam, asked without planning anything else. Explains nothing."""

from __future__ import annotations

from cellctl.model.task import Task, Weld
from cellctl.planning.arm import arm_of, demand_one_arm
from cellctl.planning.seams.way import seam_ways
from cellctl.planning.welds import seam_problem
from cellctl.processes.contacts import torch_contacts
from cellctl.processes.procedure import weld_settings


def seam_has_way(task: Task, index: int) -> bool:
    """True where the weld at `index` has a smooth way along its seam, free of what stands in the cell.

    Approach, retract, speed and the free motion to it are not asked about. Raises PlanningFailed for a cell that cannot
    be planned at all.
    """
    demand_one_arm(task)
    step = task.steps[index]
    if not isinstance(step, Weld):
        raise TypeError(f"step {index + 1} welds nothing")
    arm = arm_of(task, step.group or task.cell.groups[0].name, 0, None)
    settings = weld_settings(step, task.cell.procedures[step.wps])
    near = arm.axes.configuration(task.start)
    problem = seam_problem(arm, step, settings, torch_contacts(task.cell, step), near)
    return next(iter(seam_ways(problem, near)), None) is not None
