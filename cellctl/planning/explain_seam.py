"""Why a seam has no way along it: which stretch, and what binds first. Plans nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import Finding
from cellctl.model.pose import FloatArray
from cellctl.model.wps import Range
from cellctl.planning.blocked import blocked
from cellctl.planning.seams.continuity import what_interrupts
from cellctl.planning.seams.reach import (
    AS_COMMANDED,
    Reach,
    SeamProblem,
    angles_of,
    grid_spins,
    is_whole,
    nominal_tilt,
    reach_of,
    window_tilts,
)
from cellctl.planning.seams.stretches import stretch_of
from cellctl.planning.seams.way import furthest_station, grid_ways
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.engine import EngineName


def explain_seam(
    problem: SeamProblem, model: CollisionModel, where: str, *, engine: EngineName | None
) -> tuple[Finding, ...]:
    """The first thing that binds on a seam without a way: reach, a joint limit, a collision, or continuity.

    Every finding says in its data whether the search left nothing of its grid out (`exhaustive`), and what that was.
    """
    said = {"exhaustive": is_whole(problem), "grid": _grid(problem)}
    return tuple(replace(found, data={**found.data, **said}) for found in _bound(problem, model, where, engine))


def _grid(problem: SeamProblem) -> str:
    tilts = len(window_tilts(problem.settings))
    return (
        f"{len(problem.stations)} stations, {len(grid_spins(problem))} spins, {tilts} tilts inside the windows, "
        "all configurations and turns inside the joint limits"
    )


def _bound(problem: SeamProblem, model: CollisionModel, where: str, engine: EngineName | None) -> tuple[Finding, ...]:
    reaches = [reach_of(problem, tilts) for tilts in (window_tilts(problem.settings), nominal_tilt(problem.settings))]
    if any(grid_ways(problem, reach) for reach in reaches):
        text = f"{where}: there is a way along the seam, but no smooth one that stays clear of everything was found"
        return (Finding("P230", text, suggestion="allow more tilt or spin, make room, or trim the seam"),)
    unchosen = _unchosen(problem, reaches[0], window_tilts(problem.settings), where)
    if unchosen:
        return unchosen
    for find in (_unreached, _limited):
        found = find(problem, reaches[0], where)
        if found is not None:
            return (found,)
    return blocked(problem, model, reaches[0], where, engine) or (_broken_off(problem, reaches[0], where),)


def _broken_off(problem: SeamProblem, reach: Reach, where: str) -> Finding:
    """P204: every station can be held, and no configuration leads over all of them without a jump of a joint."""
    at = float(problem.stations.s[furthest_station(problem, reach)])
    length = float(problem.stations.s[-1])
    text = (
        f"{where}: each point of the seam can be reached, but from its start the arm gets no further than "
        f"{at * 1e3:.1f} of {length * 1e3:.1f} mm before a joint would have to jump"
    )
    why = what_interrupts(problem, reach)
    hint = "split the seam there, give a closed one another 'start', allow more tilt or spin, or move the part"
    return Finding("P204", f"{text}: {why}" if why else text, suggestion=hint, data={"at": at})


def _unchosen(problem: SeamProblem, reach: Reach, tilts: FloatArray, where: str) -> tuple[Finding, ...]:
    """P220, P221: stations that an arm of fewer than six axes reaches, but not with the angles that the step allows."""
    if not problem.inverse.freed:
        return ()
    loose = reach_of(problem, tilts, judged=False)
    bad: NDArray[np.bool_] = loose.valid.any(axis=(1, 2)) & np.logical_not(reach.valid.any(axis=(1, 2)))
    if not bad.any():
        return ()
    at, variant, branch = np.nonzero(loose.valid & bad[:, None, None])
    angles = angles_of(problem, loose.joints[at, variant, branch], at)
    angles[:, 0] = np.angle(np.exp(1j * (angles[:, 0] + problem.stations.offsets[at])))
    settings = problem.settings
    windows = (settings.spin, settings.work, settings.travel)
    lacks = f"{where}: an arm of {problem.robot.dof} axes cannot choose"
    asked = [(k, window) for k, window in enumerate(windows) if window is not None]
    misses = [_missed(angles[:, k], at, window) for k, window in asked]
    found = []
    for (k, window), (miss, comes) in zip(asked, misses, strict=True):
        if miss > AS_COMMANDED:
            code, what, words = _WORDS[k]
            allowed = f"{np.degrees(window.minimum):g} to {np.degrees(window.maximum):g} deg"
            text = f"{lacks} {what}: at {stretch_of(problem, bad)} it comes out at {comes} deg, {allowed} are allowed"
            found.append(Finding(code, text, suggestion=words))
    return tuple(found)


def _missed(angles: FloatArray, at: NDArray[np.intp], window: Range) -> tuple[float, str]:
    """By how much (rad) the best answer of the worst station misses a window, and what it comes out at (deg)."""
    outside = np.maximum(window.minimum - angles, angles - window.maximum)
    stations = np.unique(at)
    best = [int(np.flatnonzero(at == station)[np.argmin(outside[at == station])]) for station in stations]
    worst = max(best, key=lambda k: float(outside[k]))
    values = np.degrees(angles[best])
    return float(outside[worst]), f"{values.min():.1f} to {values.max():.1f}"


_WORDS = (
    ("P220", "the spin about the wire", "write 'spin: free', or a window that holds it"),
    (
        "P221",
        "the work angle",
        "widen 'work_angle' within the procedure, or turn the part so that the torch leans in the arm's own plane",
    ),
    (
        "P221",
        "the travel angle",
        "widen 'travel_angle' within the procedure, or turn the part so that the torch leans in the arm's own plane",
    ),
)
"""Code, angle, and the words that free it: spin, work angle, travel angle."""


def _unreached(problem: SeamProblem, reach: Reach, where: str) -> Finding | None:
    """P201: stations where no spin and tilt has any inverse, whatever the joint limits say."""
    bad: NDArray[np.bool_] = np.logical_not(reach.valid.any(axis=(1, 2)))
    if not bad.any():
        return None
    at = problem.stations.s[np.flatnonzero(bad)]
    point = problem.stations.frames.points[np.flatnonzero(bad)[0]]
    base = np.linalg.inv(problem.stations.pose_base_world)[:3, 3]
    distance = float(np.linalg.norm(point - base))
    far = f"the point at {at[0] * 1e3:.1f} mm is {distance:.2f} m from the base of the arm"
    if _reached_otherwise(problem, reach, bad):
        text = f"{where}: no joint values put the torch at {stretch_of(problem, bad)} inside its spin window"
        return Finding("P201", text, suggestion="allow more spin")
    text = f"{where}: no joint values put the torch at {stretch_of(problem, bad)}; {far}"
    return Finding("P201", text, suggestion="move the part or the arm nearer to each other")


def _reached_otherwise(problem: SeamProblem, reach: Reach, bad: NDArray[np.bool_]) -> bool:
    """True where the torch could be put at all of the `bad` stations with another spin."""
    if problem.settings.spin is None:
        return False
    free = replace(problem, settings=replace(problem.settings, spin=None))
    tilts = np.unique(reach.z[: reach.tilts, 1:3], axis=0)
    reached: NDArray[np.bool_] = np.any(reach_of(free, tilts).valid, axis=(1, 2))
    return bool(reached[bad].all())


def _limited(problem: SeamProblem, reach: Reach, where: str) -> Finding | None:
    """P202: stations where inverses exist, but each has a joint outside its limits; the joints that alone would free
    them.
    """
    lower, upper = problem.robot.limit_array("lower"), problem.robot.limit_array("upper")
    excess = np.full(reach.joints.shape, np.inf)
    for turn in (-1, 0, 1):
        value = reach.joints + 2.0 * np.pi * turn
        excess = np.minimum(excess, np.maximum(np.maximum(lower - value, value - upper), 0.0))
    outside = excess > 0.0
    usable = reach.valid & np.logical_not(outside.any(axis=3))
    bad: NDArray[np.bool_] = np.logical_not(usable.any(axis=(1, 2)))
    if not bad.any():
        return None
    needs = []
    for j, joint in enumerate(problem.robot.axes):
        alone = reach.valid & outside[..., j] & (outside.sum(axis=3) == 1)
        least = np.where(alone, excess[..., j], np.inf)[bad].min(axis=(1, 2)).max()
        if np.isfinite(least) and joint.limits is not None:
            window = f"{np.degrees(joint.limits.lower):.1f} to {np.degrees(joint.limits.upper):.1f} deg"
            needs.append((float(least), f"{joint.name} ({window}) is {np.degrees(least):.1f} deg short"))
    binding = ", or ".join(text for _, text in sorted(needs)[:3]) or "several joints are outside their limits at once"
    text = f"{where}: joint limits keep the torch from {stretch_of(problem, bad)}: {binding}"
    return Finding("P202", text, suggestion="move the part, or turn the seam's angles")
