"""Gaps over continuous time: for every listed pair a certified lower bound, by adaptive subdivision.

On an interval of the path no point of a moving solid travels further than `displacement` from where it is at the middle
(a sum over the joints of joint travel times the largest distance from that joint's axis). A pair is proved where the
exact distance at the middle is at least the margin plus that; elsewhere the interval is split, for that pair only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import Finding
from cellctl.model.certificate import Gap
from cellctl.model.plan import Segment
from cellctl.model.pose import FloatArray
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.engine import DistanceEngine
from cellctl.scene.screen import ScreenArrays, pair_displacements, state_bounds

FIRST_INTERVALS = 24
SMALLEST_HALF = 2.0**-18
FAR = 0.25


@dataclass(frozen=True, slots=True)
class ClearanceResult:
    """Smallest gap per margin of one segment, and what was found wrong."""

    gaps: tuple[Gap, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Checker:
    """What a proof of clearance asks: the listed pairs, the compiled bounds and the exact engine."""

    model: CollisionModel
    screen: ScreenArrays
    engine: DistanceEngine


@dataclass(slots=True)
class _Class:
    """Pairs of one margin: `goal` is the gap that is being proved, `observed` the smallest exact distance met so far."""

    margin: float
    goal: float
    observed: float
    pair: int
    at: float


def check_clearance(checker: Checker, segment: Segment, where: str) -> ClearanceResult:
    """The smallest gaps of `segment`, or the pairs and places that break their margin or cannot be proved."""
    margins = checker.model.margins_with(segment.contacts)
    active = np.flatnonzero(margins > -np.inf)
    classes = _first_look(checker, segment, margins, active)
    findings: list[Finding] = []
    worst: dict[int, tuple[float, float]] = {}
    unproved: dict[int, float] = {}
    path = segment.path
    slopes = path.derivative()
    edges = np.linspace(path.start, path.end, FIRST_INTERVALS + 1)
    smallest = SMALLEST_HALF * (path.end - path.start)
    queue = [(0.5 * (a + b), 0.5 * (b - a), active) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    displacement = np.empty(len(margins))
    bounds = np.empty(len(margins))
    while queue:
        middle, half, pairs = queue.pop()
        q = path(middle)[0]
        low, high = slopes.bounds(middle - half, middle + half)
        pair_displacements(checker.screen, q, np.maximum(np.abs(low), np.abs(high)) * half, displacement)
        thresholds = np.full(len(margins), -np.inf)
        thresholds[pairs] = [classes[margins[k]].goal for k in pairs]
        thresholds[pairs] += displacement[pairs]
        state_bounds(checker.screen, q, thresholds, bounds)
        doubtful = pairs[bounds[pairs] < thresholds[pairs]]
        if not len(doubtful):
            continue
        checker.engine.move(q)
        again = []
        for k in doubtful:
            contact = checker.engine.query(int(k), thresholds[k])
            if contact is None:
                continue
            gap_class = classes[margins[k]]
            distance = contact.distance
            if distance < gap_class.observed:
                gap_class.observed, gap_class.pair, gap_class.at = distance, int(k), middle
                gap_class.goal = _goal(distance, gap_class.margin)
            if distance < margins[k]:
                if distance < worst.get(int(k), (np.inf, 0.0))[0]:
                    worst[int(k)] = (distance, middle)
            elif distance < gap_class.goal + displacement[k]:
                again.append(k)
        if again:
            if half <= smallest:
                unproved.update({int(k): middle for k in again})
            else:
                rest = np.array(again, dtype=np.intp)
                queue += [(middle - 0.5 * half, 0.5 * half, rest), (middle + 0.5 * half, 0.5 * half, rest)]
    for k, (distance, at) in sorted(worst.items()):
        findings.append(_violation(checker.model, segment, where, k, distance, float(margins[k]), at))
    for k, at in sorted(unproved.items()):
        if k not in worst:
            findings.append(_not_proven(checker.model, segment, where, k, float(margins[k]), at))
    gaps = tuple(_gap(checker.model, c) for _, c in sorted(classes.items()) if c.pair >= 0)
    return ClearanceResult(gaps, tuple(findings))


def _first_look(
    checker: Checker, segment: Segment, margins: FloatArray, active: NDArray[np.intp]
) -> dict[float, _Class]:
    """The smallest gap of each margin at a few places: what to try to prove over the whole segment."""
    classes = {float(m): _Class(float(m), FAR, np.inf, -1, segment.path.start) for m in np.unique(margins[active])}
    bounds = np.empty(len(margins))
    thresholds = np.full(len(margins), -np.inf)
    thresholds[active] = FAR
    for u in np.linspace(segment.path.start, segment.path.end, 2 * FIRST_INTERVALS + 1):
        state_bounds(checker.screen, segment.path(u)[0], thresholds, bounds)
        for margin, gap_class in classes.items():
            pairs = active[margins[active] == margin]
            nearest = int(pairs[np.argmin(bounds[pairs])])
            if bounds[nearest] < gap_class.goal:
                gap_class.goal, gap_class.pair, gap_class.at = float(bounds[nearest]), nearest, float(u)
    for gap_class in classes.values():
        if gap_class.pair >= 0:
            checker.engine.move(segment.path(gap_class.at)[0])
            contact = checker.engine.query(gap_class.pair, 2.0 * FAR)
            gap_class.observed = np.inf if contact is None else contact.distance
            gap_class.goal = _goal(gap_class.observed, gap_class.margin)
    return classes


def _goal(distance: float, margin: float) -> float:
    """The gap to prove when `distance` has been seen: a tenth below it, at least 0.2 mm, and never under the margin."""
    return max(margin, min(FAR, distance - max(0.2e-3, 0.1 * distance)))


def _gap(model: CollisionModel, gap_class: _Class) -> Gap:
    first, second = model.pair_names(gap_class.pair)
    return Gap(first, second, gap_class.margin, gap_class.goal, gap_class.observed, gap_class.at)


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


def _not_proven(model: CollisionModel, segment: Segment, where: str, pair: int, margin: float, at: float) -> Finding:
    first, second = model.pair_names(pair)
    return Finding(
        "C302",
        f"{where}{_at(segment, at)}: the gap of {first} and {second} is too near its margin of {margin * 1e3:g} mm to be proved",
        data={"first": first, "second": second, "at": at},
    )


def _at(segment: Segment, at: float) -> str:
    if segment.process is not None:
        return f" at {at * 1e3:.1f} mm of the seam"
    share = (at - segment.path.start) / (segment.path.end - segment.path.start)
    return f" at {100.0 * share:.0f} % of the way"
