"""Gaps over continuous time: for every listed pair a certified lower bound, by adaptive subdivision.

On an interval of the path no point of a moving solid travels further than `displacement` from where it is at the middle
(a sum over the joints of joint travel times the largest distance from that joint's axis). A pair is proved where a
lower bound of its distance at the middle is at least the wanted gap plus that; elsewhere the interval is split, for
that pair only. The exact engine says which gap to want, whether a gap is broken, and what the smallest gap met is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cellctl.errors import Finding
from cellctl.model.certificate import Gap
from cellctl.model.plan import Segment
from cellctl.model.pose import FloatArray
from cellctl.proof.subdivision import subdivided
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.engine import DistanceEngine
from cellctl.scene.packed import ScreenArrays
from cellctl.scene.screen import state_bounds

FIRST_INTERVALS = 24
LOOKS = 49
FAR = 0.25
"""Gaps beyond this (m) and beyond their margin are not looked into: the certificate says that they are as large."""
SHARE = 0.95
"""The share of the smallest exact distance met that is then proved for the whole segment."""
TRIES = 24
TOUCHING = 1e-4
"""A gap under this (m), as of what rests on something, is not proved as such: its margin is."""
AGREEMENT = 0.5e-3
"""By how much (m) the exact engine and the compiled bounds may contradict each other."""


@dataclass(frozen=True, slots=True)
class ClearanceResult:
    """Smallest gap per margin of one segment, and what was found wrong."""

    gaps: tuple[Gap, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Checker:
    """What a proof of clearance asks: the listed pairs, the compiled bounds and the exact engine; `wanted` (m) is a gap
    beyond the margins that is worth some more splitting, where it is there.
    """

    model: CollisionModel
    screen: ScreenArrays
    engine: DistanceEngine
    wanted: float = 0.0


@dataclass(slots=True)
class _Nearest:
    """Pairs of one margin: the gap that is being proved (`goal`), and the smallest exact distance met, of which pair,
    where.
    """

    margin: float
    wanted: float = 0.0
    goal: float = FAR
    observed: float = np.inf
    pair: int = -1
    at: float = 0.0

    def __post_init__(self) -> None:
        self.goal = self.far

    @property
    def far(self) -> float:
        """Gaps beyond this (m) are not looked into: FAR, or the margin where that is more."""
        return max(FAR, self.margin)

    def note(self, distance: float, pair: int, at: float) -> None:
        """Remember a smaller exact distance; what is to be proved stays somewhat below it and not under the margin."""
        if distance < self.observed:
            self.observed, self.pair, self.at = distance, pair, at
            aim = max(SHARE * distance, self.wanted if self.wanted < distance else -np.inf)
            self.goal = max(self.margin, min(self.goal, aim))

    def ask_less(self) -> None:
        """What is to be proved comes nearer to the margin: a pair stays too near to it to be decided."""
        self.goal = max(self.margin, 0.9 * self.goal if self.goal > TOUCHING else self.margin)


def check_clearance(checker: Checker, segment: Segment, where: str) -> ClearanceResult:
    """The smallest gaps of `segment`, or the pairs and places that break their margin or cannot be proved (C301, C302),
    or where the two ways to measure a distance contradict each other (C331).

    Its path must be a clamped cubic, and its allowances must name listed pairs.
    """
    model = checker.model
    margins = model.margins_with(segment.contacts, segment.kind)
    nearest = {float(m): _Nearest(float(m), checker.wanted) for m in np.unique(margins) if m > -np.inf}
    doubts = _look(checker, segment, margins, nearest, where)
    outcome = _prove(checker, segment, margins, nearest)
    findings = [
        _violation(model, segment, where, k, distance, float(margins[k]), at)
        for k, (distance, at) in sorted(outcome.broken.items())
    ]
    findings += [
        _not_proven(model, segment, where, k, float(margins[k]), at)
        for k, at in sorted(outcome.undecided.items())
        if k not in outcome.broken
    ]
    doubts += [_disagreement(model, segment, where, *doubt) for doubt in outcome.doubts]
    unproved = {float(margins[k]) for k in (*outcome.broken, *outcome.undecided)}
    gaps = [_gap(model, nearest[m]) for m in sorted(nearest) if nearest[m].pair >= 0 and m not in unproved]
    return ClearanceResult(tuple(gaps), tuple(findings + doubts))


@dataclass(slots=True)
class _Outcome:
    """Per pair, what broke its margin (distance, where) and what was left undecided (where); and where the exact engine
    has a pair further apart than it can be: pair, distance, bound, where.
    """

    broken: dict[int, tuple[float, float]] = field(default_factory=dict)
    undecided: dict[int, float] = field(default_factory=dict)
    doubts: list[tuple[int, float, float, float]] = field(default_factory=list)


def _prove(checker: Checker, segment: Segment, margins: FloatArray, nearest: dict[float, _Nearest]) -> _Outcome:
    """Try to prove every pair's goal; where one is missed, ask the exact engine and try less, down to the margins.

    What is neither broken nor undecided in the end keeps its goal all along the path.
    """
    outcome = _Outcome()
    goals = np.full(len(margins), np.nan)
    for _ in range(TRIES):
        before = goals
        goals = np.array([nearest[m].goal if m > -np.inf else -np.inf for m in margins.tolist()])
        goals[list(outcome.broken)] = -np.inf
        if np.array_equal(goals, before):
            break
        near, undecided = subdivided(checker.screen, segment.path, goals, FIRST_INTERVALS)
        outcome.undecided = {pair: at for at, pair in (*undecided, *near)}
        for (at, pair), q in zip(near, segment.path([at for at, _ in near]), strict=True):
            margin = float(margins[pair])
            distance = _exact(checker, q, pair, nearest[margin].far)
            nearest[margin].note(distance, pair, at)
            if distance < min(margin, outcome.broken.get(pair, (np.inf, 0.0))[0]):
                outcome.broken[pair] = (distance, at)
            if distance > goals[pair]:
                nearest[margin].ask_less()
            if distance > goals[pair] + AGREEMENT:
                outcome.doubts.append((pair, distance, float(goals[pair]), at))
        for _, pair in undecided:
            nearest[float(margins[pair])].ask_less()
    return outcome


def _look(
    checker: Checker, segment: Segment, margins: FloatArray, nearest: dict[float, _Nearest], where: str
) -> list[Finding]:
    """Exact distances of the nearest pair of each margin at LOOKS places: what to try to prove over all of them.

    Returns where the exact distance is below what is proved to be a lower bound of it, which cannot be.
    """
    doubts = []
    bounds = np.empty(len(margins))
    pairs_of = {margin: np.flatnonzero(margins == margin) for margin in nearest}
    thresholds = np.full(len(margins), -np.inf)
    stations = np.linspace(segment.path.start, segment.path.end, LOOKS)
    for u, q in zip(stations.tolist(), segment.path(stations), strict=True):
        for margin, found in nearest.items():
            thresholds[pairs_of[margin]] = min(found.far, found.observed)
        state_bounds(checker.screen, q, thresholds, bounds)
        for margin, found in nearest.items():
            pair = int(pairs_of[margin][np.argmin(bounds[pairs_of[margin]])])
            if bounds[pair] < min(found.far, found.observed):
                distance = _exact(checker, q, pair, found.far)
                found.note(distance, pair, u)
                if distance < bounds[pair] - AGREEMENT and bounds[pair] > 0.0:
                    doubts.append(_disagreement(checker.model, segment, where, pair, distance, float(bounds[pair]), u))
    return doubts


def _exact(checker: Checker, q: FloatArray, pair: int, far: float) -> float:
    """The engine's distance of a pair at joint values `q` (dof,), m; `far` doubled where it is further apart."""
    contact = checker.engine.distance(pair, q, 2.0 * far)
    return 2.0 * far if contact is None else contact.distance


def _gap(model: CollisionModel, found: _Nearest) -> Gap:
    first, second = model.pair_names(found.pair)
    return Gap(first, second, found.margin, found.goal, found.observed, found.at)


def _violation(
    model: CollisionModel, segment: Segment, where: str, pair: int, distance: float, margin: float, at: float
) -> Finding:
    first, second = model.pair_names(pair)
    state = f"{-distance * 1e3:.1f} mm inside each other" if distance < 0.0 else f"{distance * 1e3:.1f} mm apart"
    return Finding(
        "C301",
        f"{where}{_at(segment, at)}: {first} and {second} are {state}, the margin is {margin * 1e3:g} mm",
        data={"first": first, "second": second, "distance": distance, "at": at},
    )


def _disagreement(
    model: CollisionModel, segment: Segment, where: str, pair: int, distance: float, bound: float, at: float
) -> Finding:
    first, second = model.pair_names(pair)
    side = "at least" if distance < bound else "at most"
    return Finding(
        "C331",
        f"{where}{_at(segment, at)}: the exact engine has {first} and {second} {distance * 1e3:.2f} mm apart, "
        f"where the compiled bound is {side} {bound * 1e3:.2f} mm",
        suggestion="run cellctl doctor",
        data={"first": first, "second": second, "distance": distance, "bound": bound, "at": at},
    )


def _not_proven(model: CollisionModel, segment: Segment, where: str, pair: int, margin: float, at: float) -> Finding:
    first, second = model.pair_names(pair)
    return Finding(
        "C302",
        f"{where}{_at(segment, at)}: the gap of {first} and {second} is too near its margin of {margin * 1e3:g} mm "
        "to be proved",
        data={"first": first, "second": second, "at": at},
    )


def _at(segment: Segment, at: float) -> str:
    if segment.process is not None:
        return f" at {at * 1e3:.1f} mm of the seam"
    share = (at - segment.path.start) / (segment.path.end - segment.path.start)
    return f" at {100.0 * share:.0f} % of the way"
