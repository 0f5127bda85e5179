"""What is too near with the arm standing still: the pairs, by the exact engine's distances, and the words for them."""

from __future__ import annotations

import numpy as np

from cellctl.errors import Finding
from cellctl.model.pose import FloatArray
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.engine import EngineName, open_engine


def explain_state(
    model: CollisionModel,
    q: FloatArray,
    margins: FloatArray,
    code: str,
    what: str,
    *,
    reserve: float,
    engine: EngineName | None,
) -> tuple[Finding, ...]:
    """What is too near at joints `q` (dof,): one finding per pair, nearest first; empty when the exact engine finds
    nothing. `reserve` (m) of the `margins` (n_pairs,) is what the planner keeps over those of the cell.
    """
    contacts = _contacts(model, q, margins, engine)
    return tuple(
        Finding(
            code,
            f"{what}: {first} and {second} are {gap_text(distance)}, {margin_text(margin, reserve)}",
            data={"pair": (first, second), "distance": distance, "margin": margin - reserve, "joints": q.tolist()},
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


def gap_text(distance: float) -> str:
    """A distance (m) in words."""
    return f"{-distance * 1e3:.1f} mm inside each other" if distance < 0.0 else f"{distance * 1e3:.1f} mm apart"


def margin_text(margin: float, reserve: float) -> str:
    """A margin (m) in words, of which `reserve` is the planner's own."""
    own = f", and {reserve * 1e3:g} mm that the planner keeps over it" if reserve else ""
    return f"the margin is {(margin - reserve) * 1e3:g} mm{own}"
