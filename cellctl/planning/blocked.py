"""Which pairs stand in the way of a seam that every way to hold the torch collides at. Asks the exact engine."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import Finding
from cellctl.model.pose import FloatArray
from cellctl.planning.explain_state import gap_text, margin_text
from cellctl.planning.seams.reach import Reach, SeamProblem, rungs_of
from cellctl.planning.seams.stretches import runs_of, stretch_of
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.engine import Contact, EngineName, open_engine
from cellctl.scene.screen import state_bounds, states_free

MOST_POSES = 240
"""How many ways to hold the torch the exact engine is asked about."""


def blocked(
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
    first, last = runs_of(bad)[0]
    return _binding_pairs(problem, model, candidates[(first + last) // 2], where, stretch_of(problem, bad), engine)


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
                f"{text}, at best {gap_text(distance)} ({margin_text(blame.margin, problem.reserve)})",
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
