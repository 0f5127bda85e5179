"""What a known trap of an engine comes to: the truth, the engine alone, and cellctl over it. Knows no trap itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellctl.kinematics.chain import Chain
from cellctl.model.pose import Pose
from cellctl.model.shapes import Shape
from cellctl.scene.bodies import WORLD, CollisionModel, PlacedSolid
from cellctl.scene.engine import EngineName, open_engine

Placed = tuple[Shape, Pose]


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """One trap: what is true, what the raw engine and what cellctl over it answer, as text with units.

    `shown` tells whether the raw engine still falls into it, `passed` whether cellctl does not.
    """

    name: str
    truth: str
    raw: str
    ours: str
    shown: bool
    passed: bool


def distance_between(
    engine: EngineName, first: Sequence[Placed], second: Sequence[Placed], limit: float = 1.0
) -> float | None:
    """The smallest distance (m) that `engine` finds between two groups of placed shapes, None beyond `limit`."""
    solids = [PlacedSolid(f"a{i}", shape, WORLD, pose) for i, (shape, pose) in enumerate(first)]
    solids += [PlacedSolid(f"b{i}", shape, WORLD, pose) for i, (shape, pose) in enumerate(second)]
    pairs = np.array([(i, len(first) + j) for i in range(len(first)) for j in range(len(second))], dtype=np.intp)
    still = Chain(np.zeros((0, 4, 4)), np.zeros((0, 3)), np.zeros(0, dtype=np.bool_), np.eye(4))
    model = CollisionModel("", "", still, Pose.identity(), tuple(solids), pairs.reshape(-1, 2), np.zeros(len(pairs)))
    with open_engine(engine, model) as scene:
        contact = scene.query_nearest(limit)
    return None if contact is None else contact.distance


def compared(name: str, truth: float, raw: float | None, ours: float | None, *, slack: float = 1e-4) -> SelfTestResult:
    """Raw falls in when it is off by more than 10 um; ours must never exceed the truth, nor miss it by `slack`."""
    shown = raw is None or abs(raw - truth) > 1e-5
    return SelfTestResult(name, said(truth), said(raw), said(ours), shown, close(ours, truth, slack))


def overlapping(name: str, raw: float | None, ours: float | None) -> SelfTestResult:
    """The truth is an overlap: raw falls in when it sees none, ours must see it."""
    return SelfTestResult(
        name, "overlap", said(raw), said(ours), raw is None or raw > 0.0, ours is not None and ours < 0.0
    )


def close(ours: float | None, truth: float, slack: float = 1e-4) -> bool:
    """Whether a distance is not above the truth, nor below it by more than `slack` (m)."""
    return ours is not None and truth - slack <= ours <= truth


def said(distance: float | None) -> str:
    """A distance (m) in words."""
    return "no answer" if distance is None else f"{distance * 1e3:.3f} mm"
