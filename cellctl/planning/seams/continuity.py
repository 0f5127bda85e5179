"""Which joint would have to turn further for a seam that no configuration leads along without a jump."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellctl.planning.seams.ladder import cheapest_way
from cellctl.planning.seams.reach import Reach, SeamProblem, rungs_of
from cellctl.planning.seams.way import GATE
from cellctl.scene.screen import states_free

FURTHER = (10.0, 20.0, 40.0, 80.0)
"""How much further than its limits a joint is let turn to see whether that would do (deg)."""


def what_interrupts(problem: SeamProblem, reach: Reach) -> str:
    """The joint that needs the least more than its limits for a way among the obstacles; empty where no one is it."""
    free = _free_of_obstacles(problem, reach)
    found: list[tuple[float, str]] = []
    for j, joint in enumerate(problem.robot.axes):
        if joint.kind != "revolute" or not _leads_through(_let_turn(problem, j, FURTHER[-1]), free):
            continue
        least = next(further for further in FURTHER if _leads_through(_let_turn(problem, j, further), free))
        low, high = np.degrees(problem.lower[j]), np.degrees(problem.upper[j])
        found.append((least, f"{joint.name} ({low:.0f} to {high:.0f} deg) is up to {least:.0f} deg short"))
    return min(found)[1] if found else ""


def _free_of_obstacles(problem: SeamProblem, reach: Reach) -> Reach:
    """The answers that are free, whatever turn their joints are in."""
    free = np.zeros(reach.valid.shape, dtype=np.bool_)
    at = np.flatnonzero(reach.valid)
    answers = np.empty(len(at), dtype=np.bool_)
    q = np.ascontiguousarray(reach.joints.reshape(-1, reach.joints.shape[3])[at])
    states_free(problem.screen, q, problem.margins, answers)
    free.reshape(-1)[at] = answers
    return replace(reach, valid=free)


def _let_turn(problem: SeamProblem, joint: int, further: float) -> SeamProblem:
    """The problem with one joint let turn `further` (deg) both ways."""
    extra = np.where(np.arange(len(problem.lower)) == joint, np.radians(further), 0.0)
    return replace(problem, lower=problem.lower - extra, upper=problem.upper + extra)


def _leads_through(problem: SeamProblem, reach: Reach) -> bool:
    """Whether some configuration has a way along the seam."""
    weights = 1.0 / problem.robot.limit_array("velocity") ** 2
    gate = np.full(problem.robot.dof, GATE)
    for configuration in range(reach.valid.shape[2]):
        if reach.valid[:, :, configuration].any(axis=1).all():
            rungs = rungs_of(problem, reach, configuration)
            if np.isfinite(cheapest_way(rungs.joints, rungs.costs, rungs.counts, weights, gate)[2]):
                return True
    return False
