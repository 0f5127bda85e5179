"""What stands still in a cell and overlaps: a note, for no proof asks about two things that never move."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from cellctl.errors import Finding
from cellctl.model.cell import Cell
from cellctl.scene.bodies import WORLD, CollisionModel, collision_model, frozen_array_with_inf
from cellctl.scene.engine import EngineName, open_engine

DEEP = 1e-3
"""Fixtures and parts may overlap by as much (m): what rests on something, or is pressed by a clamp, touches it."""


def standing_overlaps(cell: Cell, engine: EngineName | None = None) -> tuple[Finding, ...]:
    """A note for every two fixtures or parts that overlap by more than a millimetre where they stand."""
    if not cell.groups or len(cell.fixtures) + len(cell.parts) < 2:
        return ()
    return tuple(_notes(cell, engine))


def _notes(cell: Cell, engine: EngineName | None) -> Iterator[Finding]:
    model = _still_pairs(cell)
    if not len(model.pairs):
        return
    worst: dict[tuple[str, str], float] = {}
    with open_engine(engine, model) as scene:
        for contact in scene.all_within(np.zeros(len(model.chain.axes)), -DEEP):
            owners = contact.first.partition(".")[0], contact.second.partition(".")[0]
            worst[owners] = min(worst.get(owners, 0.0), contact.distance)
    for (first, second), distance in sorted(worst.items()):
        message = f"'{first}' and '{second}' overlap by about {-1e3 * distance:.2g} mm where they stand"
        yield Finding("F178", message, suggestion="no proof asks about two things that stand still", severity="note")


def _still_pairs(cell: Cell) -> CollisionModel:
    """The solids that stand in the world, and every pair of them with two owners."""
    model = collision_model(cell, cell.groups[0].name)
    still = [solid for solid in model.solids if solid.frame == WORLD]
    pairs = [
        (i, j)
        for i, j in combinations(range(len(still)), 2)
        if still[i].name.partition(".")[0] != still[j].name.partition(".")[0]
    ]
    table = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    margins = frozen_array_with_inf(np.zeros(len(pairs)))
    return CollisionModel(
        model.group, model.mechanism, model.chain, model.pose_world_base, tuple(still), table, margins
    )
