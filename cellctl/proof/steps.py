"""Whether the segments of a plan do the steps of its task: all of them, once, in order, from where the task starts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cellctl.errors import Finding
from cellctl.model.cell import Axes
from cellctl.model.plan import Plan
from cellctl.model.task import MoveJ, Screw, SeamStep, Task, step_name
from cellctl.proof.limits import CONTINUITY

ROUNDED = 1e-4
"""rad by which a controller that plans by itself may be beside a configuration, for the digits on its wire."""


def check_steps(plan: Plan, task: Task, axes: Axes) -> tuple[Finding, ...]:
    """Where `plan`, which has passed `check_form`, does not do `task` (C324, C327): every seam once, moves to their
    end.
    """
    return (*_start_findings(plan, task, axes), *_step_findings(plan, task, axes))


def _start_findings(plan: Plan, task: Task, axes: Axes) -> Iterator[Finding]:
    declared = axes.configuration(task.start)
    (started,) = plan.start.values()
    if np.abs(started - declared).max() > _beside(plan):
        yield Finding("C324", f"the plan does not start at '{task.start}', where the task starts")


def _step_findings(plan: Plan, task: Task, axes: Axes) -> Iterator[Finding]:
    order = [segment.step for segment in plan.segments]
    if order != sorted(order):
        yield Finding("C327", "the segments are not in the order of the task's steps")
    (standing,) = plan.start.values()
    for index, step in enumerate(task.steps):
        of_step = [segment for segment in plan.segments if segment.step == index]
        if of_step:
            standing = of_step[-1].path.control[-1]
        if isinstance(step, SeamStep):
            if sum(segment.process is not None for segment in of_step) != 1:
                text = f"step {index + 1}, {step_name(step)}, is not done exactly once in this plan"
                yield Finding("C327", text)
        elif isinstance(step, Screw):
            if sum(segment.screw is not None for segment in of_step) != 1:
                yield Finding("C327", f"step {index + 1}: '{step.hole}' is not screwed exactly once in this plan")
        elif isinstance(step, MoveJ) and np.abs(standing - axes.configuration(step.target)).max() > _beside(plan):
            yield Finding("C327", f"step {index + 1}: the plan does not end at '{step.target}'")


def _beside(plan: Plan) -> float:
    """How far (rad) a plan may end beside a configuration."""
    return ROUNDED if any(segment.form == "lines" for segment in plan.segments) else CONTINUITY
