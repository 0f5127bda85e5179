"""Exact distances between the listed pairs of a cell, asked of PyBullet. Decides nothing about margins and contacts."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from cellctl.model.pose import FloatArray
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.bullet.client import bullet_version, distance_client
from cellctl.scene.bullet.solids import MILLIMETRES, add_solid, remove_solids
from cellctl.scene.engine import PAD, Contact, Point
from cellctl.scene.placed_scene import PlacedScene

_DISTANCE = itemgetter(8)


class ExactScene(PlacedScene):
    """Distances of the pairs of one collision model: place it with `move`, then ask `query`. A context manager.

    Every solid is a convex body that covers it, or a body whose measured miss is taken off the distance. All scenes of
    a process share one client; a scene belongs to one thread.
    """

    name = "bullet"

    def __init__(self, model: CollisionModel) -> None:
        super().__init__(model)
        self.version = bullet_version()
        self._client = distance_client()
        self._closest = self._client.bullet.getClosestPoints
        self._id = self._client.id
        self._solids = [add_solid(self._client, solid.shape) for solid in model.solids]
        self._pairs = [self._pair(int(i), int(j)) for i, j in model.pairs]
        self._place_still()

    def query(self, pair: int, within: float) -> Contact | None:
        """The contact of a listed pair where it is now; None proves that it is further apart than `within` (m)."""
        first, second, body_first, body_second, slack = self._pairs[pair]
        reach = max(within + slack, 0.0) * MILLIMETRES
        points = self._closest(body_first, body_second, reach, physicsClientId=self._id)
        if not points:
            return None
        nearest = points[0] if len(points) == 1 else min(points, key=_DISTANCE)
        distance = nearest[8] / MILLIMETRES - slack
        if distance > within:
            return None
        a, b = (nearest[5], nearest[6]) if nearest[1] == body_first else (nearest[6], nearest[5])
        return Contact(pair, self._names[first], self._names[second], distance, _metres(a), _metres(b))

    def close(self) -> None:
        """Take the scene's bodies out of the client; closing twice does nothing."""
        if self._solids:
            remove_solids(self._client, self._solids)
        self._solids = []

    def _pair(self, i: int, j: int) -> tuple[int, int, int, int, float]:
        """What a query of solids `i` and `j` needs: themselves, their bodies, what is taken off their distance (m)."""
        first, second = self._solids[i], self._solids[j]
        return i, j, first.body, second.body, PAD + first.miss + second.miss

    def _ready(self, poses_world: FloatArray) -> Iterable[tuple[list[float], list[float]]]:
        """Positions in the engine's unit, and quaternions."""
        from cellctl.scene.bullet.quaternions import quats_xyzw

        positions = (poses_world[:, :3, 3] * MILLIMETRES).tolist()
        return zip(positions, quats_xyzw(poses_world).tolist(), strict=True)

    def _put(self, index: int, ready: tuple[list[float], list[float]]) -> None:
        """Put the solid at `index` to a position and a quaternion."""
        self._client.bullet.resetBasePositionAndOrientation(self._solids[index].body, *ready, physicsClientId=self._id)


def _metres(point: Point) -> Point:
    return point[0] / MILLIMETRES, point[1] / MILLIMETRES, point[2] / MILLIMETRES
