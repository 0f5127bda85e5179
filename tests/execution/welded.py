"""What was welded, by the weld source's own log: the truth that journals and resumed runs are held against."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from cellctl.execution.records.survey import Survey
from cellctl.jobs.resuming import LEAST_OVERLAP
from cellctl.model.plan import Plan

BIN = 1e-4
END = 1e-4
"""m: how far the measured joints of an arc's begin or end may lie from the place on the path that they stand for."""

Stretches = dict[int, list[tuple[float, float]]]
"""Where the arc stood, from and to (m), by segment."""


def source_log(folder: Path) -> list[dict[str, object]]:
    """The weld source's log in a run folder; nothing where there is none."""
    path = folder / "weld_source.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def burnt(log: Sequence[dict[str, object]], plan: Plan) -> Stretches:
    """Where the arc stood, each stretch of it."""
    found: Stretches = {}
    since: tuple[int, float] | None = None
    for said in log:
        if said["event"] == "arc_established":
            since = place_of(plan, np.array(said["joints"]))
        elif said["event"] in ("arc_off", "arc_lost") and since is not None:
            end = place_of(plan, np.array(said["joints"]))
            assert end[0] == since[0], "an arc burnt from one seam to another"
            found.setdefault(since[0], []).append((since[1], end[1]))
            since = None
    assert since is None, "the arc still burns"
    return found


def place_of(plan: Plan, joints: np.ndarray) -> tuple[int, float]:
    """The segment with a process, and the path parameter on it, that is nearest to `joints` (dof,)."""
    best = (np.inf, 0, 0.0)
    for index, (s, path) in _seams(id(plan), plan).items():
        away = np.abs(path - joints).max(axis=1)
        best = min(best, (float(away.min()), index, float(s[away.argmin()])))
    return best[1], best[2]


@lru_cache(maxsize=4)
def _seams(_: int, plan: Plan) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for index, segment in enumerate(plan.segments):
        if segment.process is not None:
            s = np.linspace(segment.path.start, segment.path.end, 20_001)
            found[index] = (s, segment.path(s))
    return found


def demand_true_survey(survey: Survey, log: Sequence[dict[str, object]], plan: Plan) -> None:
    """The journal claims what was welded, never more, and less only where it says so and within the least overlap."""
    claimed: Stretches = {}
    for weld in survey.welds:
        claimed.setdefault(weld.segment, []).append((weld.start, weld.end))
    for segment, stretches in burnt(log, plan).items():
        if segment not in claimed:
            assert survey.struck == segment, "an arc that the journal does not know"
            assert sum(end - start for start, end in stretches) < LEAST_OVERLAP
            continue
        (start, end), (said_start, said_end) = stretches[-1], claimed[segment][-1]
        assert abs(start - said_start) < END
        assert said_end <= end + END, "the journal claims more than was welded"
        assert end - said_end < LEAST_OVERLAP, "the arc burnt further than the journal may leave open"
        assert survey.doubtful or end - said_end < 4 * END, "the journal was sure and is wrong"


def demand_welded_once(
    plan: Plan,
    stretches: Sequence[Stretches],
    overlaps: Sequence[tuple[int, float, float]],
    *,
    through: int | None = None,
) -> None:
    """Every place of every seam, up to that of segment `through`, is welded, and once but in the overlaps (segment,
    from, to), where once more each.
    """
    for index, segment in enumerate(plan.segments):
        if segment.process is None:
            continue
        at = np.arange(segment.path.start + 0.5e-3, segment.path.end - 0.5e-3, BIN)
        counts = np.zeros(len(at), dtype=int)
        for low, high in (one for each in stretches for one in each.get(index, ())):
            counts += (at >= low - END) & (at <= high + END)
        allowed = np.ones(len(at), dtype=int)
        for low, high in ((low, high) for which, low, high in overlaps if which == index):
            allowed += (at > low - 2 * END) & (at < high + 2 * END)
        assert (counts >= 1).all() or (through is not None and index > through), (
            f"a gap in segment {index} at {at[counts < 1] * 1e3} mm"
        )
        assert (counts <= allowed).all(), f"segment {index} was welded twice at {at[counts > allowed] * 1e3} mm"
