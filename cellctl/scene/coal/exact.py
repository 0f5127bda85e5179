"""Exact distances between the listed pairs of a cell, asked of coal. Decides nothing about margins and contacts.

coal proposes a direction that separates two shapes; what is reported is how far apart the shapes are along it, by
support functions of our own. That is never more than the true distance, whatever coal did, and coal's own distance
where it is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Cylinder
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.coal.library import coal
from cellctl.scene.coal.solids import coal_solid
from cellctl.scene.engine import PAD, Contact
from cellctl.scene.placed_scene import PlacedScene

_TOLERANCE = 1e-10
_DEPTH_TOLERANCE = 1e-8
_ITERATIONS = 1000
"""coal's own settings leave up to 50 um between its distance and what its direction proves; these leave 10 nm."""


class CoalScene(PlacedScene):
    """Distances of the pairs of one collision model: place it with `move`, then ask `query`. A context manager.

    Boxes, spheres, cylinders and hulls are what they are; nothing stands for them.
    """

    name = "coal"

    def __init__(self, model: CollisionModel) -> None:
        super().__init__(model)
        library = coal()
        self.version = str(library.__version__)
        self._ask = library.distance
        self._request = distance_request()
        self._result = library.DistanceResult()
        self._solids = [coal_solid(solid.shape) for solid in model.solids]
        self._at = [library.Transform3s() for _ in model.solids]
        self._rotations = [np.eye(3) for _ in model.solids]
        self._positions = [np.zeros(3) for _ in model.solids]
        self._pairs: list[tuple[int, int]] = [(int(i), int(j)) for i, j in model.pairs]
        self._round = [isinstance(solid.shape, Cylinder) for solid in model.solids]
        self._place_still()

    def query(self, pair: int, within: float) -> Contact | None:
        """The contact of a listed pair where it is now; None proves that it is further apart than `within` (m)."""
        i, j = self._pairs[pair]
        claimed, apart = self._asked(i, j, self._solids[i].geometry, self._solids[j].geometry)
        # Where cylinders touch or overlap, the direction may be far off; that of polyhedra never was.
        if (claimed < 0.0 or claimed - apart > PAD) and (self._round[i] or self._round[j]):
            _, again = self._asked(i, j, self._solids[i].facetted, self._solids[j].facetted)
            apart = max(apart, again)
        distance = apart - PAD
        if distance > within:
            return None
        a, b = self._result.getNearestPoint1().tolist(), self._result.getNearestPoint2().tolist()
        return Contact(pair, self._names[i], self._names[j], distance, tuple(a), tuple(b))

    def close(self) -> None:
        """Let go of the solids; closing twice does nothing."""
        self._solids = []

    def _asked(self, i: int, j: int, first: Any, second: Any) -> tuple[float, float]:
        """What coal claims the distance of two geometries to be, at the places of solids `i` and `j`, and how far
        apart those solids are along the direction it found, m.
        """
        # A result that is not cleared keeps the smallest distance, and its points, of all earlier questions.
        self._result.clear()
        claimed: float = self._ask(first, self._at[i], second, self._at[j], self._request, self._result)
        return claimed, self._apart(i, j, _unit(self._result.normal))

    def _apart(self, i: int, j: int, direction: FloatArray) -> float:
        """How far solid `j` lies beyond solid `i` along a unit vector (3,): a lower bound of their distance, m."""
        first = self._solids[i].support.reach(direction @ self._rotations[i])
        second = self._solids[j].support.reach(-direction @ self._rotations[j])
        return float(direction @ (self._positions[j] - self._positions[i])) - first - second

    def _ready(self, poses_world: FloatArray) -> Iterable[tuple[FloatArray, FloatArray]]:
        """Rotations and positions."""
        return zip(poses_world[:, :3, :3].copy(), poses_world[:, :3, 3].copy(), strict=True)

    def _put(self, index: int, ready: tuple[FloatArray, FloatArray]) -> None:
        """Put the solid at `index` to a rotation and a position."""
        self._rotations[index], self._positions[index] = rotation, position = ready
        self._at[index].setRotation(rotation)
        self._at[index].setTranslation(position)


def distance_request() -> Any:
    """What is asked of coal: signed distances, from a guess that no earlier question has changed."""
    request = coal().DistanceRequest()
    request.gjk_tolerance = _TOLERANCE
    request.gjk_max_iterations = _ITERATIONS
    request.epa_tolerance = _DEPTH_TOLERANCE
    request.epa_max_iterations = _ITERATIONS
    return request


def _unit(direction: FloatArray) -> FloatArray:
    """`direction` (3,) at length 1; along x where it has none, for any direction gives a lower bound."""
    length = math.hypot(*direction.tolist())
    if not 0.5 < length < 2.0:
        return np.array([1.0, 0.0, 0.0])
    return direction / length
