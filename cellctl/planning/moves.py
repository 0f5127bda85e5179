"""A free move to a configuration: a way around what stands in the cell, rounded and timed. Welds nothing."""

from __future__ import annotations

import numpy as np

from cellctl.errors import Finding, PlanningFailed
from cellctl.model.plan import ContactAllowance, FixedSegment
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline
from cellctl.model.task import MoveJ
from cellctl.planning.arm import RESERVE, Arm, segment_of
from cellctl.planning.explain_state import explain_state
from cellctl.planning.free.motion import free_at, free_way
from cellctl.planning.free.rounding import rounded
from cellctl.planning.laws.timing import stop_and_go_time, time_optimal_law
from cellctl.planning.reuse import earlier_path
from cellctl.scene.screen import states_free

WAY_SEEDS = 3
ROUNDINGS = 7
PATIENCE = 2.0
"""A law may take so many times what the way would take with a stop at every corner."""


def demand_free(arm: Arm, q: FloatArray, code: str, what: str, contacts: tuple[ContactAllowance, ...] = ()) -> None:
    """Refuse joints `q` (dof,) where the exact engine finds something nearer than its margin."""
    margins = arm.margins(contacts)
    if not free_at(arm.screen, q, margins):
        findings = explain_state(arm.model, q, margins - RESERVE, code, what, reserve=0.0, engine=arm.engine)
        if findings:
            raise PlanningFailed(findings)


def move_segments(
    arm: Arm, index: int, step: MoveJ, q: FloatArray, contacts: tuple[ContactAllowance, ...] = ()
) -> list[FixedSegment]:
    """The free move of one step from joints `q` (dof,), nothing where the arm stands there; raises PlanningFailed.

    `contacts` are those of a part in the gripper.
    """
    goal = arm.axes.configuration(step.target)
    if np.abs(goal - q).max() < 1e-9:
        return []
    where = f"step {index + 1}, move_j {step.target}"
    demand_free(arm, goal, "P209", f"{where}: the configuration '{step.target}'", contacts)
    motion = free_motion(arm, q, goal, arm.earlier.transit(index), contacts)
    if motion is None:
        raise PlanningFailed(no_free_motion(where))
    return [segment_of(arm, index, "transit", *motion, contacts)]


def no_free_motion(where: str) -> Finding:
    """P205."""
    return Finding(
        "P205", f"{where}: no free motion was found", suggestion="add a configuration on the way, or make room"
    )


def free_motion(
    arm: Arm,
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
    if bent is not None and path_free(arm, bent, margins):
        return bent, time_optimal_law(bent, arm.limits)
    for seed in range(arm.seed, arm.seed + WAY_SEEDS):
        way = free_way(arm.screen, q, goal, limits, margins, seed)
        if way is None:
            continue
        patience = PATIENCE * stop_and_go_time(way, arm.limits)
        for halvings in range(ROUNDINGS):
            path = rounded(way, 0.5**halvings)
            if path_free(arm, path, margins):
                law = time_optimal_law(path, arm.limits)
                if law.end <= patience:
                    return path, law
                break
    return None


def path_free(arm: Arm, path: BSpline, margins: FloatArray) -> bool:
    """Whether a path keeps `margins` but for a little of the planner's reserve, at places along it."""
    u = np.linspace(path.start, path.end, max(40, int((path.end - path.start) / 0.01)))
    free = np.empty(len(u), dtype=np.bool_)
    states_free(arm.screen, path(u), margins - 0.6 * RESERVE, free)
    return bool(free.all())
