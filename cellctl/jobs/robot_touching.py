"""Which solids of an arm are always near each other, and whether their gap ever changes. It writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cellctl.model.cell import Cell, Group, Margins, Mechanism
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Robot
from cellctl.scene.bodies import CollisionModel, collision_model

STEADY: Final = 0.2e-3
"""A gap that changes by less (m) is the same at all joint values: hulls of round bodies have corners."""


@dataclass(frozen=True, slots=True)
class LastingNearness:
    """Two links, or solids of theirs as `LINK.SOLID`, that were within the margin at all joint values tried.

    Their gap was between `least` and `most` (m); below 0 an estimate of how deep they overlap.
    """

    first: str
    second: str
    least: float
    most: float

    @property
    def steady(self) -> bool:
        """Whether the gap is the same at all joint values, so that nobody needs to ask about it."""
        return self.most - self.least < STEADY


def lasting_nearness(robot: Robot, joints: FloatArray) -> tuple[LastingNearness, ...]:
    """The pairs that are within the margin of a cell at all of the joint values (n, dof), in the order of the solids.

    Raises EnvironmentMissing without an engine.
    """
    from cellctl.scene.engine import open_engine

    model = alone(robot)
    gaps: dict[int, list[float]] = {pair: [] for pair in range(len(model.pairs))}
    if not gaps:
        return ()
    with open_engine(None, model) as scene:
        for q in joints:
            scene.move(q)
            for pair in tuple(gaps):
                contact = scene.query(pair, Margins().clearance)
                if contact is None:
                    del gaps[pair]
                else:
                    gaps[pair].append(contact.distance)
    found = []
    for pair, distances in gaps.items():
        first, second = (name.partition(".")[2] for name in model.pair_names(pair))
        found.append(LastingNearness(first, second, min(distances), max(distances)))
    return tuple(found)


def alone(robot: Robot) -> CollisionModel:
    """The robot in an empty cell."""
    mechanism = Mechanism("r", robot, Pose.identity(), None, {})
    return collision_model(Cell("alone", (mechanism,), (Group("r", ("r",)),), (), (), margins=Margins()), "r")
