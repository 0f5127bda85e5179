"""Free motion of an arm of spheres among obstacles given as plain data: a proved way, or a finding that says why not.

A way is proved twice: leg by leg while it is searched, and as a whole with a quarter of the growth at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from cellctl.errors import Finding, LimitReached, PlanningFailed
from cellctl.model.pose import FloatArray
from cellctl.planning.free.sphere_search import GOALS_HIT, LEAST, NOT_FOUND, START_HIT, search
from cellctl.scene.spheres.blocks import Items
from cellctl.scene.spheres.contacts import nearest_at
from cellctl.scene.spheres.edges import all_items, motion_free_each
from cellctl.scene.spheres.model import SphereArm
from cellctl.scene.spheres.obstacles import Obstacles
from cellctl.scene.spheres.tables import ArmTables

ITERATIONS: Final = 100_000
NODES: Final = 16_384
ROUNDS: Final = 8
REACH: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class FreeMotion:
    """A proved polyline `way` (k, dof), rad or m, to goal number `goal`; `iterations` is 0 for a straight line, and
    `first_length` (rad) the length before it was shortened.
    """

    way: FloatArray
    goal: int
    iterations: int
    first_length: float

    @property
    def length(self) -> float:
        """Length of the way in joint space, rad."""
        return float(np.sqrt((np.diff(self.way, axis=0) ** 2).sum(axis=1)).sum())


def free_motion(
    arm: SphereArm,
    tables: ArmTables,
    obstacles: Obstacles,
    start: ArrayLike,
    goals: ArrayLike,
    *,
    seed: int = 0,
    items: Items | None = None,
    reach: float = REACH,
    iterations: int = ITERATIONS,
    names: Sequence[str] = (),
) -> FreeMotion:
    """A way of the arm of `tables` from `start` (dof,) to the goal (g, dof) that is met first, proved free.

    `items` are what is tested, everything with margin 0 unless given; `reach` is the longest edge of the trees (rad),
    `names` are those of the obstacles, for findings. Raises PlanningFailed (P250 to P255) where start, goals or limits
    are wrong, LimitReached (P256) where nothing was found within `iterations`.
    """
    first, lasts = np.array(start, dtype=np.float64), np.atleast_2d(np.array(goals, dtype=np.float64))
    _demand_shape(arm, first, lasts)
    limits = np.stack([arm.lower, arm.upper])
    if not ((first >= arm.lower) & (lasts >= arm.lower) & (first <= arm.upper) & (lasts <= arm.upper)).all():
        raise PlanningFailed(_wrong_values(arm, first, lasts))
    asked = all_items(tables, obstacles, np.float32(0.0)) if items is None else items
    found = search(tables, obstacles, asked, first, lasts, limits, reach, seed, iterations, NODES, ROUNDS)
    if found.goal in (START_HIT, GOALS_HIT):
        what, code, rows = ("the start", "P253", first[None]) if found.goal == START_HIT else ("goal", "P254", lasts)
        raise PlanningFailed([_hit(arm, tables, obstacles, row, names, code, what, k) for k, row in enumerate(rows)])
    if found.goal == NOT_FOUND or not _proved_again(tables, obstacles, asked, found.way):
        text = f"no free motion was found within {iterations} iterations"
        raise LimitReached(Finding("P256", text, suggestion="allow more of them, or make room"))
    return FreeMotion(*found)


def _proved_again(tables: ArmTables, obstacles: Obstacles, items: Items, way: FloatArray) -> bool:
    """Whether every leg is free with a quarter of the growth at which the search gives up."""
    legs = np.stack([way[:-1], way[1:]], axis=1).astype(np.float32)
    free = np.empty(len(legs), dtype=np.bool_)
    motion_free_each(tables, obstacles, items, legs, np.float32(0.25 * LEAST), free)
    return bool(free.all())


def _demand_shape(arm: SphereArm, start: FloatArray, goals: FloatArray) -> None:
    if start.shape != (arm.dof,) or goals.ndim != 2 or goals.shape[1] != arm.dof or len(goals) == 0:
        text = f"start and goals have shapes {start.shape} and {goals.shape}; the arm has {arm.dof} joints"
        hint = f"give a start ({arm.dof},) and at least one goal (g, {arm.dof})"
        raise PlanningFailed(Finding("P255", text, suggestion=hint))


def _wrong_values(arm: SphereArm, start: FloatArray, goals: FloatArray) -> list[Finding]:
    """Every limit that is reversed and every value that is no number or outside of its limits."""
    findings = [
        Finding("P251", f"{name}: the lower limit {low:g} is above the upper limit {high:g}")
        for name, low, high in zip(arm.joints, arm.lower, arm.upper, strict=True)
        if low > high
    ]
    for what, q in (("the start", start), *((f"goal {k + 1}", goal) for k, goal in enumerate(goals))):
        for name, value, low, high in zip(arm.joints, q, arm.lower, arm.upper, strict=True):
            if not np.isfinite(value):
                findings.append(Finding("P250", f"{what}: {name} is {value}, which is no joint value"))
            elif low <= high and not low <= value <= high:
                bound = f"below its lower limit {low:g}" if value < low else f"above its upper limit {high:g}"
                findings.append(Finding("P252", f"{what}: {name} at {value:g} is {bound}"))
    return findings


def _hit(
    arm: SphereArm,
    tables: ArmTables,
    obstacles: Obstacles,
    q: FloatArray,
    names: Sequence[str],
    code: str,
    what: str,
    k: int,
) -> Finding:
    """What touches what at `q`."""
    first, second, gap = nearest_at(arm, tables, obstacles, q, names)
    where = what if code == "P253" else f"{what} {k + 1}"
    return Finding(code, f"{where}: {first} and {second} are {gap * 1e3:.2f} mm apart, which is not proved free")
