"""What every exact engine shares: placing the solids of a model and asking all its pairs. Imports no engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellctl.kinematics.chain import BoolArray
from cellctl.model.pose import FloatArray
from cellctl.scene.bodies import WORLD, CollisionModel
from cellctl.scene.engine import BoundingSpheres, Contact, contacts_within, nearest_contact

if TYPE_CHECKING:
    from cellctl.scene.near_pairs import Near

Indices = NDArray[np.intp]


class PlacedScene(ABC):
    """The solids of one collision model in an engine: place them with `move`, then ask `query`. A context manager.

    A subclass makes its bodies, calls `_place_still`, and fills in `name`, `_ready`, `_put`, `query` and `close`.
    """

    name: str
    version: str

    def __init__(self, model: CollisionModel) -> None:
        self.model = model
        self._names = [solid.name for solid in model.solids]
        self._frame = np.array([solid.frame for solid in model.solids], dtype=np.intp)
        self._local = np.array([solid.pose.matrix for solid in model.solids]).reshape(-1, 4, 4)
        self._spheres = BoundingSpheres(model)
        self._frames_world = np.full((len(model.chain.axes) + 1, 4, 4), np.nan)

    @property
    def pair_count(self) -> int:
        """Number of listed pairs."""
        return len(self.model.pairs)

    def move(self, q: ArrayLike) -> None:
        """Place every solid for joint values `q` (dof,), rad or m."""
        from cellctl.kinematics.forward import tree_frames

        self.move_to_frames(tree_frames(self.model.chain, self.model.frame_parents, q))

    def move_to_frames(self, frames: FloatArray) -> None:
        """Place every solid for chain frames (dof + 1 or more, 4, 4) in the base frame; what did not move is left
        alone.
        """
        frames_world = self.model.pose_world_base.matrix @ frames[: len(self._frames_world)]
        changed = (frames_world != self._frames_world).any(axis=(1, 2))
        if not changed.any():
            return
        self._frames_world = frames_world
        self._spheres.move(frames_world)
        moved = np.flatnonzero((self._frame != WORLD) & changed[self._frame])
        self._place(moved, frames_world[self._frame[moved]] @ self._local[moved])

    @abstractmethod
    def query(self, pair: int, within: float) -> Contact | None:
        """The contact of a listed pair where it is now; None proves that it is further apart than `within` (m)."""

    def distance(self, pair: int, q: ArrayLike, within: float) -> Contact | None:
        """`query` of a listed pair at joint values `q` (dof,), for which its two solids alone are placed. Before any
        other question comes `move`.
        """
        from cellctl.kinematics.forward import tree_frames

        solids = self.model.pairs[pair]
        moved = solids[self._frame[solids] != WORLD]
        frames = tree_frames(self.model.chain, self.model.frame_parents, q)[self._frame[moved]]
        self._frames_world[:] = np.nan
        self._place(moved, self.model.pose_world_base.matrix @ frames @ self._local[moved])
        return self.query(pair, within)

    def all_within(self, q: ArrayLike, within: ArrayLike) -> list[Contact]:
        """Contacts at `q` (dof,) of all pairs nearer than `within`, a number or one a pair (n,), in order of pairs."""
        self.move(q)
        return self.query_all(within)

    def query_all(self, within: ArrayLike) -> list[Contact]:
        """`all_within` where the solids are now."""
        return contacts_within(self, self._spheres.lower_bounds(), within)

    def any_within(self, joints: FloatArray, within: float) -> BoolArray:
        """For every row of `joints` (n, dof) whether any pair is nearer there than `within` (m): `all_within` of many,
        asked of the pairs alone whose boxes are that near. Before any other question comes `move`.
        """
        from cellctl.scene.near_pairs import NearPairs

        hit = np.zeros(len(joints), dtype=np.bool_)
        for some, near in NearPairs(self.model).at(joints, within):
            self._ask_near(near, within, hit[some])
        self._frames_world[:] = np.nan
        return hit

    def _ask_near(self, near: Near, within: float, hit: BoolArray) -> None:
        """Say of the rows of `near` whether they are hit; asks nothing more of one that is."""
        count = len(self._names)
        solids = self.model.pairs[near.pairs]
        placed = np.unique((near.rows[:, None] * count + solids)[self._frame[solids] != WORLD])
        row, solid = np.divmod(placed, count)
        ready = self._ready(near.frames[row, self._frame[solid]] @ self._local[solid])
        waiting = dict(zip(placed.tolist(), ready, strict=True))
        for at, pair, both in zip(near.rows.tolist(), near.pairs.tolist(), solids.tolist(), strict=True):
            if hit[at]:
                continue
            for index in both:
                place = waiting.pop(at * count + index, None)
                if place is not None:
                    self._put(index, place)
            hit[at] = self.query(pair, within) is not None

    def nearest(self, q: ArrayLike, limit: float = 1.0) -> Contact | None:
        """The nearest pair at `q` (dof,), or None when all are further apart than `limit` (m)."""
        self.move(q)
        return self.query_nearest(limit)

    def query_nearest(self, limit: float = 1.0) -> Contact | None:
        """`nearest` where the solids are now."""
        return nearest_contact(self, self._spheres.lower_bounds(), limit)

    @abstractmethod
    def close(self) -> None:
        """Give the engine's bodies back; closing twice does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _place_still(self) -> None:
        """Put the solids that stand in the world to their place, once."""
        still = np.flatnonzero(self._frame == WORLD)
        self._place(still, self._local[still])

    def _place(self, indices: Indices, poses_world: FloatArray) -> None:
        """Put the solids at `indices` (n,) to `poses_world` (n, 4, 4)."""
        for index, ready in zip(indices.tolist(), self._ready(poses_world), strict=True):
            self._put(index, ready)

    @abstractmethod
    def _ready(self, poses_world: FloatArray) -> Iterable[Any]:
        """Poses (n, 4, 4) in the world as `_put` takes them, one by one."""

    @abstractmethod
    def _put(self, index: int, ready: Any) -> None:
        """Put the solid at `index` to a pose that `_ready` has given."""
