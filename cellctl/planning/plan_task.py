"""A task to a plan, step by step, in the order of the file.

Proves nothing; a plan is only a proposal until `proof` has certified it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from cellctl.errors import PlanningFailed
from cellctl.model.plan import Block, ContactAllowance, FixedSegment
from cellctl.model.pose import FloatArray
from cellctl.model.task import Grip, MoveJ, Release, Screw, SeamStep, Task, step_name
from cellctl.planning.along_seam import seam_problem, seam_segments
from cellctl.planning.arm import Arm, arm_of, demand_one_arm
from cellctl.planning.handling import carrying_contacts, during_and_after, standing_segment
from cellctl.planning.moves import demand_free, move_segments, path_free
from cellctl.planning.reuse import SAME, Earlier, Reuse, same_seam
from cellctl.planning.screws import screw_segments
from cellctl.processes.contacts import tip_contacts
from cellctl.processes.procedure import seam_settings
from cellctl.scene.engine import EngineName

Progress = Callable[[str, float | None], None]


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
    demand_one_arm(task)
    group = task.cell.groups[0].name
    arm = arm_of(task, group, seed, engine, earlier)
    start = arm.axes.configuration(task.start)
    with _about(start=task.start):
        demand_free(arm, start, "P206", f"the start '{task.start}'")
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
    arm: Arm, index: int, step: MoveJ | SeamStep | Screw, q: FloatArray, contacts: tuple[ContactAllowance, ...]
) -> tuple[list[FixedSegment], Reuse]:
    """The segments of one step from joints `q`, and how they came about; what stands against it carries the index.

    `contacts` are those of a part in the gripper.
    """
    with _about(step=index):
        if isinstance(step, Screw):
            return screw_segments(arm, index, step, q), "planned"
        kept = _kept_segments(arm, index, step, q, contacts)
        if kept is not None:
            return kept, "kept"
        if isinstance(step, SeamStep):
            return seam_segments(arm, index, step, q)
        moves = move_segments(arm, index, step, q, contacts)
        return moves, _how_moved(arm, index, moves)


@contextmanager
def _about(**what: object) -> Iterator[None]:
    """Findings of a failure in here say what they are about: the index of the step, or the name of the start."""
    try:
        yield
    except PlanningFailed as error:
        found = (replace(finding, data={**finding.data, **what}) for finding in error.findings)
        raise PlanningFailed(found) from None


def _gripper_segment(arm: Arm, task: Task, index: int, step: Grip | Release, q: FloatArray) -> tuple[FixedSegment, Arm]:
    """The segment in which the arm stands at `q` while its gripper moves, and the arm as it is after that."""
    during, after = during_and_after(task.cell, arm.mechanism, arm.handling, step, q)
    moving = arm_of(task, arm.group, arm.seed, arm.engine, arm.earlier, during)
    segment = standing_segment(moving.task.cell, moving.mechanism, arm.group, index, step, q)
    with _about(step=index):
        what = f"step {index + 1}, {step_name(step)}: the gripper where it is"
        demand_free(moving, q, "P280", what, segment.contacts)
    return segment, arm_of(task, arm.group, arm.seed, arm.engine, arm.earlier, after)


def _how_moved(arm: Arm, index: int, moves: list[FixedSegment]) -> Reuse:
    """A bent path has the knots of the one that it was bent from."""
    earlier = arm.earlier.transit(index)
    if not moves:
        return "kept"
    return "adapted" if earlier is not None and np.array_equal(earlier.knots, moves[0].path.knots) else "planned"


def _kept_segments(
    arm: Arm, index: int, step: MoveJ | SeamStep, q: FloatArray, carrying: tuple[ContactAllowance, ...]
) -> list[FixedSegment] | None:
    """The earlier segments of a step that starts where it did, does what it did, and still is free."""
    then = list(arm.earlier.steps.get(index, ()))
    if not then or np.abs(then[0].path.control[0] - q).max() > SAME:
        return None
    if isinstance(step, SeamStep):
        section, contacts = arm.earlier.section(index), tip_contacts(arm.task.cell, step)
        settings = seam_settings(step, arm.task.cell.procedures[step.procedure])
        problem = seam_problem(arm, step, settings, contacts, q)
        allowed = all(segment.contacts in ((), contacts) for segment in then)
        if section is None or section.seam != step.seam or not allowed or not same_seam(problem, section):
            return None
    elif (
        any((segment.contacts, segment.attached) != (carrying, arm.attached) for segment in then)
        or np.abs(then[-1].path.control[-1] - arm.axes.configuration(step.target)).max() > SAME
    ):
        return None
    return then if all(path_free(arm, s.path, arm.margins(s.contacts, s.kind)) for s in then) else None
