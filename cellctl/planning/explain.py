"""Why there is no plan: which step, which stretch of the seam, what binds. Asks the exact engine for distances."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import Finding
from cellctl.model.pose import FloatArray
from cellctl.model.wps import Range
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
    rungs_of,
    window_tilts,
)
from cellctl.planning.seams.way import furthest_station, grid_ways
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.engine import Contact, EngineName, open_engine
from cellctl.scene.screen import state_bounds, states_free

MOST_POSES = 240
"""How many ways to hold the torch the exact engine is asked about."""


def explain_state(
    model: CollisionModel, q: FloatArray, margins: FloatArray, code: str, what: str, *, engine: EngineName | None
) -> tuple[Finding, ...]:
    """What is too near at joints `q` (dof,): one finding per pair, nearest first; empty when the exact engine finds
    nothing.
    """
    contacts = _contacts(model, q, margins, engine)
    return tuple(
        Finding(
            code,
            f"{what}: {first} and {second} are {_gap_text(distance)}, the margin is {margin * 1e3:g} mm",
            data={"pair": (first, second), "distance": distance, "margin": margin, "joints": q.tolist()},
        )
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
    blocked = _blocked(problem, model, reaches[0], where, engine)
    return blocked or (_broken_off(problem, reaches[0], where),)


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
    if _reached_otherwise(problem, reach, bad):
        text = f"{where}: no joint values put the torch at {_stretch(problem, bad)} inside its spin window"
        return Finding("P201", text, suggestion="allow more spin")
    text = f"{where}: no joint values put the torch at {_stretch(problem, bad)}; {far}"
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
        keep = _first_of_pose(station, spin, rungs.tilts[station, spin, slot])
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


def _first_of_pose(station: NDArray[np.intp], spin: NDArray[np.intp], tilt: NDArray[np.int16]) -> NDArray[np.intp]:
    """Indices of one node of every pose; its turns stand where it stands."""
    pose = np.stack([station, spin, tilt.astype(np.intp)], axis=1)
    first: NDArray[np.intp] = np.sort(np.unique(pose, axis=0, return_index=True)[1])
    return first


@dataclass(slots=True)
class _Blame:
    """How often a pair is too near, how often it is the only one, how often all that is too near is near to the same
    thing; and where it is least wrong, alone before together.
    """

    count: int = 0
    alone: int = 0
    same: int = 0
    best: tuple[bool, float] = (False, -np.inf)
    margin: float = 0.0
    joints: FloatArray | None = None

    def note(self, contact: Contact, near: list[Contact], margin: float, q: FloatArray) -> None:
        alone = len(near) == 1
        self.count += 1
        self.alone += alone
        self.same += all(other.second == contact.second for other in near)
        if (alone, contact.distance) > self.best:
            self.best, self.margin, self.joints = (alone, contact.distance), margin, q

    @property
    def rank(self) -> tuple[int, int, int]:
        return -self.alone, -self.same, -self.count


def _binding_pairs(
    problem: SeamProblem,
    model: CollisionModel,
    candidates: list[FloatArray],
    where: str,
    stretch: str,
    engine: EngineName | None,
) -> tuple[Finding, ...]:
    """The pairs that bind, each with the candidate where it is least wrong: first those that alone stand against most
    of the candidates, then those of one thing that does, then those that are in most of them.
    """
    blames = _blames(problem, model, candidates[:: max(1, len(candidates) // MOST_POSES)], engine)
    ranked = sorted(blames.items(), key=lambda item: (item[1].rank, item[0]))
    binding = [item for item in ranked if item[1].alone or item[1].same] or ranked
    findings = []
    for names, blame in binding[:3]:
        distance = blame.best[1]
        text = f"{where}: in collision in every way to hold the torch at {stretch}: {names[0]} and {names[1]}"
        findings.append(
            Finding(
                "P203",
                f"{text}, at best {_gap_text(distance)} (margin {(blame.margin - problem.reserve) * 1e3:g} mm, "
                f"and {problem.reserve * 1e3:g} mm that the planner keeps over it)",
                suggestion="make room, trim the seam, allow more tilt, or name what the plates lie on as 'backing'",
                data={
                    "pair": names,
                    "distance": distance,
                    "margin": blame.margin - problem.reserve,
                    "joints": [] if blame.joints is None else blame.joints.tolist(),
                },
            )
        )
    return tuple(findings)


def _blames(
    problem: SeamProblem, model: CollisionModel, candidates: list[FloatArray], engine: EngineName | None
) -> dict[tuple[str, str], _Blame]:
    blames: dict[tuple[str, str], _Blame] = defaultdict(_Blame)
    bounds = np.empty(len(problem.margins))
    with open_engine(engine, model) as exact:
        for q in candidates:
            state_bounds(problem.screen, q, problem.margins, bounds)
            exact.move(q)
            asked = np.flatnonzero((problem.margins > -np.inf) & (bounds < problem.margins))
            contacts = [exact.query(int(pair), float(problem.margins[pair])) for pair in asked]
            near = [c for c in contacts if c is not None and c.distance < problem.margins[c.pair]]
            for contact in near:
                margin = float(problem.margins[contact.pair])
                blames[model.pair_names(contact.pair)].note(contact, near, margin, q)
    return blames


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
