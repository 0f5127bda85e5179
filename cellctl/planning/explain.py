"""Why there is no plan: which step, which stretch of the seam, what binds. Asks the exact engine for distances."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import Finding
from cellctl.model.pose import FloatArray
from cellctl.model.wps import Range
from cellctl.planning.reach import (
    AS_COMMANDED,
    Reach,
    SeamProblem,
    angles_of,
    nominal_tilt,
    reach_of,
    rungs_of,
    window_tilts,
)
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.engine import EngineName, open_engine
from cellctl.scene.screen import states_free


def explain_state(
    model: CollisionModel, q: FloatArray, margins: FloatArray, code: str, what: str, *, engine: EngineName | None
) -> tuple[Finding, ...]:
    """What is too near at joints `q` (dof,): one finding per pair, nearest first; empty when the exact engine finds
    nothing.
    """
    contacts = _contacts(model, q, margins, engine)
    return tuple(
        Finding(code, f"{what}: {first} and {second} are {_gap_text(distance)}, the margin is {margin * 1e3:g} mm")
        for distance, first, second, margin in contacts[:5]
    )


def _contacts(
    model: CollisionModel, q: FloatArray, margins: FloatArray, engine: EngineName | None
) -> list[tuple[float, str, str, float]]:
    found = []
    with open_engine(engine, model) as exact:
        exact.move(q)
        for pair in np.flatnonzero(margins > -np.inf):
            contact = exact.query(int(pair), float(margins[pair]))
            if contact is not None and contact.distance < margins[pair]:
                found.append((contact.distance, *model.pair_names(int(pair)), float(margins[pair])))
    return sorted(found)


def _gap_text(distance: float) -> str:
    return f"{-distance * 1e3:.1f} mm inside each other" if distance < 0.0 else f"{distance * 1e3:.1f} mm apart"


def explain_seam(
    problem: SeamProblem, model: CollisionModel, where: str, *, engine: EngineName | None
) -> tuple[Finding, ...]:
    """The first thing that binds on a seam without a way: reach, a joint limit, a collision, or continuity."""
    for tilts in (window_tilts(problem.settings), nominal_tilt(problem.settings)):
        reach = reach_of(problem, tilts)
        unchosen = _unchosen(problem, reach, tilts, where)
        if unchosen:
            return unchosen
        for finding in (_unreached(problem, reach, where), _limited(problem, reach, where)):
            if finding is not None:
                return (finding,)
        blocked = _blocked(problem, model, reach_of(problem, nominal_tilt(problem.settings)), where, engine)
        if blocked:
            return blocked
    text = f"{where}: no configuration leads from one end of the seam to the other without a jump"
    return (Finding("P204", text, suggestion="split the seam, or allow more tilt, or move the part"),)


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
            text = f"{lacks} {what}: at {_stretch(problem, bad)} it comes out at {comes} deg, {allowed} are allowed"
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
    text = f"{where}: no joint values put the torch at {_stretch(problem, bad)}; {far}"
    return Finding("P201", text, suggestion="move the part or the arm nearer to each other")


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
    text = f"{where}: joint limits keep the torch from {_stretch(problem, bad)}: {binding}"
    return Finding("P202", text, suggestion="move the part, or turn the seam's angles")


def _blocked(
    problem: SeamProblem, model: CollisionModel, reach: Reach, where: str, engine: EngineName | None
) -> tuple[Finding, ...]:
    """P203: stations where every inverse inside the limits is in collision; the pairs that bind most often there."""
    n = len(problem.stations)
    candidates: list[list[FloatArray]] = [[] for _ in range(n)]
    free_somewhere = np.zeros(n, dtype=np.bool_)
    for configuration in range(reach.valid.shape[2]):
        rungs = rungs_of(problem, reach, configuration)
        station, spin, slot = np.nonzero(np.arange(rungs.costs.shape[2])[None, None] < rungs.counts[:, :, None])
        if not len(station):
            continue
        keep = _first_of_pose(station, spin, reach.spins)
        station, spin, slot = station[keep], spin[keep], slot[keep]
        q = np.ascontiguousarray(rungs.joints[station, spin, slot])
        free = np.empty(len(q), dtype=np.bool_)
        states_free(problem.screen, q, problem.margins, free)
        free_somewhere[station[free]] = True
        for i, joints in zip(station[~free], q[~free], strict=True):
            candidates[i].append(joints)
    bad = ~free_somewhere
    if not bad.any():
        return ()
    first, last = _runs(bad)[0]
    return _binding_pairs(problem, model, candidates[(first + last) // 2], where, _stretch(problem, bad), engine)


def _first_of_pose(station: NDArray[np.intp], spin: NDArray[np.intp], spins: int) -> NDArray[np.intp]:
    first: NDArray[np.intp] = np.unique(station * spins + spin, return_index=True)[1]
    return first


def _binding_pairs(
    problem: SeamProblem,
    model: CollisionModel,
    candidates: list[FloatArray],
    where: str,
    stretch: str,
    engine: EngineName | None,
) -> tuple[Finding, ...]:
    """The pair that is too near in most of the candidates, with the candidate where it is least wrong."""
    count: Counter[tuple[str, str]] = Counter()
    best: dict[tuple[str, str], tuple[float, float]] = {}
    with open_engine(engine, model) as exact:
        for q in candidates[:: max(1, len(candidates) // 60)]:
            exact.move(q)
            for pair in np.flatnonzero(problem.margins > -np.inf):
                contact = exact.query(int(pair), float(problem.margins[pair]))
                if contact is None or contact.distance >= problem.margins[pair]:
                    continue
                names = model.pair_names(int(pair))
                count[names] += 1
                if contact.distance > best.get(names, (-np.inf, 0.0))[0]:
                    best[names] = (contact.distance, float(problem.margins[pair]))
    findings = []
    for names, _ in sorted(count.items(), key=lambda item: (-item[1], item[0]))[:3]:
        distance, margin = best[names]
        text = f"{where}: in collision in every way to hold the torch at {stretch}: {names[0]} and {names[1]}"
        findings.append(
            Finding(
                "P203",
                f"{text}, at best {_gap_text(distance)} (margin {(margin - problem.reserve) * 1e3:g} mm, "
                f"and {problem.reserve * 1e3:g} mm that the planner keeps over it)",
                suggestion="make room, trim the seam, allow more tilt, or name what the plates lie on as 'backing'",
            )
        )
    return tuple(findings)


def _stretch(problem: SeamProblem, bad: NDArray[np.bool_]) -> str:
    """`0.0 to 12.5 mm and 80.0 to 81.0 mm of the seam`: at most three stretches, then how many more."""
    s = problem.stations.s * 1e3
    runs = _runs(bad)
    texts = [f"{s[a]:.1f} to {s[b]:.1f} mm" if b > a else f"{s[a]:.1f} mm" for a, b in runs[:3]]
    more = f" (and {len(runs) - 3} more stretches)" if len(runs) > 3 else ""
    return f"{' and '.join(texts)} of the seam{more}"


def _runs(bad: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    marked = np.concatenate([[False], bad, [False]])
    starts, ends = np.flatnonzero(~marked[:-1] & marked[1:]), np.flatnonzero(marked[:-1] & ~marked[1:]) - 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
