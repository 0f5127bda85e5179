"""The suite `mbm`: free motions among boxes and cylinders, from plain data to a proved path, and each checked again.

The clock starts before the obstacles are read from their dictionaries and stops with the finished path.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.mbm_check import STEP, PathCheck
from cellctl.bench.mbm_engines import refuted_by
from cellctl.bench.mbm_folder import MbmArm, Problem, read_folder
from cellctl.bench.suites import Progress
from cellctl.errors import Finding, LimitReached, Place, UsageError
from cellctl.planning.free.sphere_motion import ITERATIONS, FreeMotion, free_motion
from cellctl.scene.engine import EngineName
from cellctl.scene.spheres.obstacles import Obstacles, ball_row, box_row, cylinder_row, obstacles_of, turn_of
from cellctl.scene.spheres.tables import arm_tables

GOALS: Final = {"ur5": 6.8, "panda": 4.9}
"""Median length (rad) that a shortened path should not exceed."""


class Solved(NamedTuple):
    """One problem with one seed: the fastest of `seconds`, and the motion, None where none was found."""

    problem: Problem
    seconds: tuple[float, ...]
    motion: FreeMotion | None


@dataclass(frozen=True, slots=True, eq=False)
class MbmResult:
    """The figures, and every path found as JSON values: {arm: {scenario: [{index, seconds, path}]}}, rad."""

    suite: SuiteResult
    paths: dict[str, dict[str, list[dict[str, object]]]]


def mbm(folder: Path, *, seeds: int, repeats: int, engines: Sequence[EngineName] = (), say: Progress) -> MbmResult:
    """Every valid problem of a folder with seeds 0 to `seeds` - 1, each `repeats` times; paths are checked with a plain
    float64 checker, and by `engines`. Raises UsageError (U660, U661).
    """
    figures: list[Figure] = []
    paths: dict[str, dict[str, list[dict[str, object]]]] = {}
    for arm in read_folder(folder):
        say(f"planning with {arm.name}", None)
        solved = _solve(arm, seeds, repeats)
        figures += _figures(arm.name, solved)
        say(f"checking the paths of {arm.name}", None)
        figures += _checks(arm, solved, engines, say)
        paths[arm.name] = _paths(solved)
    note = f"seeds 0 to {seeds - 1}, fastest of {repeats} repeats, at most {ITERATIONS} iterations"
    return MbmResult(SuiteResult("mbm", tuple(figures), (note,)), paths)


def write_paths(paths: dict[str, dict[str, list[dict[str, object]]]], file: Path) -> None:
    """Write every path found as JSON; raises UsageError (U662)."""
    try:
        file.write_text(json.dumps(paths), "utf-8")
    except OSError as error:
        text = f"the paths cannot be written: {error.strerror}"
        raise UsageError(Finding("U662", text, place=Place(str(file)), suggestion="name another file")) from error


def obstacles_in(scene: dict[str, list[dict[str, Any]]]) -> Obstacles:
    """Boxes, cylinders and spheres of a scene, as a problem has them."""
    rows = [box_row(box["position"], turn_of(box["quat_xyzw"]), box["half_extents"]) for box in scene["box"]]
    rows += [
        cylinder_row(one["position"], turn_of(one["quat_xyzw"]), one["radius"], 0.5 * one["length"])
        for one in scene["cylinder"]
    ]
    rows += [ball_row(ball["position"], ball["radius"]) for ball in scene["sphere"]]
    return obstacles_of(rows)


def _solve(arm: MbmArm, seeds: int, repeats: int) -> list[Solved]:
    """Every problem with every seed."""
    tables = arm_tables(arm.arm, mixed=True)
    reach = 1.5 if arm.arm.dof <= 6 else 1.0
    solved = []
    gc.collect()
    gc.disable()
    try:
        for problem in arm.problems:
            for seed in range(seeds):
                seconds, motion = [], None
                for _ in range(repeats):
                    began = time.perf_counter()
                    try:
                        motion = free_motion(
                            arm.arm, tables, obstacles_in(problem.scene), problem.start, problem.goals,
                            seed=seed, reach=reach,
                        )  # fmt: skip
                    except LimitReached:
                        motion = None
                    seconds.append(time.perf_counter() - began)
                solved.append(Solved(problem, tuple(seconds), motion))
    finally:
        gc.enable()
    return solved


def _figures(name: str, solved: list[Solved]) -> Iterator[Figure]:
    """How many were solved, how fast and how long the paths are."""
    found = [(one, one.motion) for one in solved if one.motion is not None]
    yield Figure(f"{name}: solved", "%", (100.0 * len(found) / len(solved),), better="higher",
                 goal=Goal(100.0, sense="at least"))  # fmt: skip
    fastest = tuple(min(one.seconds) for one in solved)
    yield Figure(f"{name}: plan + simplify", "s", fastest, goal=Goal(0.5e-3, "median"))
    yield Figure(f"{name}: plan + simplify, p95", "s", (float(np.percentile(fastest, 95.0)),), goal=Goal(2.5e-3))
    yield Figure(f"{name}: plan + simplify, every repeat", "s", tuple(s for one in solved for s in one.seconds))
    for scenario in dict.fromkeys(one.problem.scenario for one in solved):
        values = tuple(min(one.seconds) for one in solved if one.problem.scenario == scenario)
        yield Figure(f"{name}: plan + simplify, {scenario}", "s", values)
    if found:
        goal = Goal(GOALS[name], "median") if name in GOALS else None
        yield Figure(f"{name}: length", "rad", tuple(motion.length for _, motion in found), goal=goal)
        yield Figure(f"{name}: length before shortening", "rad", tuple(motion.first_length for _, motion in found))
        yield Figure(f"{name}: iterations", "", tuple(float(motion.iterations) for _, motion in found))


def _checks(arm: MbmArm, solved: list[Solved], engines: Sequence[EngineName], say: Progress) -> Iterator[Figure]:
    """How many paths the plain checker and the engines refute, and the least clearance of any path."""
    found = [(one.problem, one.motion.way) for one in solved if one.motion is not None]
    if not found:
        return
    check = PathCheck(arm)
    depths = []
    for k, (problem, way) in enumerate(found):
        say(f"checking the paths of {arm.name}", k / len(found))
        depths.append(check.depth(problem.scene, way))
    none = Goal(0.0)
    yield Figure(f"{arm.name}: paths refuted at {STEP} rad", "", (float(sum(d > 0.0 for d in depths)),), goal=none)
    yield Figure(f"{arm.name}: least clearance of any path", "m", (-max(depths),), better="higher")
    for engine in engines:
        count = 0
        for k, (problem, way) in enumerate(found):
            say(f"asking {engine} about the paths of {arm.name}", k / len(found))
            count += refuted_by(engine, arm, problem.scene, way)
        yield Figure(f"{arm.name}: paths refuted by {engine} at {STEP} rad", "", (float(count),), goal=none)


def _paths(solved: list[Solved]) -> dict[str, list[dict[str, object]]]:
    paths: dict[str, list[dict[str, object]]] = {}
    for one in solved:
        if one.motion is not None:
            entry = {"index": one.problem.index, "seconds": min(one.seconds), "path": one.motion.way.tolist()}
            paths.setdefault(one.problem.scenario, []).append(entry)
    return paths
