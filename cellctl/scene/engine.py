"""What an exact distance engine answers, whichever library stands behind it, and which of them to open."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellctl.errors import EnvironmentMissing, Finding
from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Box, Cylinder, Shape, Sphere
from cellctl.scene.bodies import WORLD, CollisionModel

if TYPE_CHECKING:
    from cellctl.scene.placed_scene import PlacedScene

EngineName = Literal["bullet", "coal"]
Point = tuple[float, float, float]

PAD = 1e-5
"""What every reported distance is reduced by (m), so that rounding in an engine errs on the safe side."""


class Contact(NamedTuple):
    """The distance (m) of one pair of solids, never more than the true one; below 0 an estimate of their overlap.

    `pair` indexes `CollisionModel.pairs`, `first` and `second` are the full names of its solids, the points lie on
    them to within what the distance was reduced by.
    """

    pair: int
    first: str
    second: str
    distance: float
    point_first_world: Point
    point_second_world: Point


class DistanceEngine(Protocol):
    """Exact distances between the listed pairs of one collision model. Placed once, then asked many times."""

    @property
    def name(self) -> str:
        """The engine as a certificate names it."""
        ...

    @property
    def version(self) -> str:
        """The version of the library behind it."""
        ...

    def move(self, q: ArrayLike) -> None:
        """Place every solid for joint values `q` (dof,), rad or m."""
        ...

    def move_to_frames(self, frames: FloatArray) -> None:
        """Place every solid for chain frames (dof + 1 or more, 4, 4) in the base frame: base, then after each axis."""
        ...

    def query(self, pair: int, within: float) -> Contact | None:
        """The contact of a pair, or None, which proves that it is further apart than `within` (m)."""
        ...

    def distance(self, pair: int, q: ArrayLike, within: float) -> Contact | None:
        """`query` of a pair at joint values `q` (dof,)."""
        ...

    def close(self) -> None:
        """Give the engine's bodies back."""
        ...


def open_engine(name: EngineName | None, model: CollisionModel) -> PlacedScene:
    """The solids of `model` in the engine called `name`, or in the one that `engine_used` takes; raises like it."""
    if engine_used(name) == "bullet":
        from cellctl.scene.bullet.exact import ExactScene

        return ExactScene(model)
    from cellctl.scene.coal.exact import CoalScene

    return CoalScene(model)


def engine_used(name: EngineName | None) -> EngineName:
    """The engine called `name`; where none is named PyBullet if it is installed, else coal.

    Raises EnvironmentMissing: E501 without PyBullet, E505 without coal, E506 when neither is here.
    """
    from cellctl.scene.bullet.client import bullet
    from cellctl.scene.coal.library import coal

    if name is not None:
        (bullet if name == "bullet" else coal)()
        return name
    with suppress(EnvironmentMissing):
        bullet()
        return "bullet"
    with suppress(EnvironmentMissing):
        coal()
        return "coal"
    raise EnvironmentMissing(
        Finding("E506", "neither PyBullet nor coal is installed", suggestion="pip install 'cellctl[coal]'")
    )


class BoundingSpheres:
    """A sphere round every solid of a model: a cheap lower bound of each pair's distance, which tells whom to ask."""

    def __init__(self, model: CollisionModel) -> None:
        spheres = [bounding_sphere(solid.shape) for solid in model.solids]
        self._centres = np.array([solid.pose.apply(c) for solid, (c, _) in zip(model.solids, spheres, strict=True)])
        self._frame = np.array([solid.frame for solid in model.solids], dtype=np.intp)
        self._moving = np.flatnonzero(self._frame != WORLD)
        self._first, self._second = np.ascontiguousarray(model.pairs.T)
        radii = np.array([radius for _, radius in spheres])
        self._reach = radii[self._first] + radii[self._second]
        self._world = self._centres.copy()

    def move(self, frames_world: FloatArray) -> None:
        """Place the spheres for chain frames (dof + 1, 4, 4) in the world."""
        at = frames_world[self._frame[self._moving]]
        self._world[self._moving] = np.einsum("nij,nj->ni", at[:, :3, :3], self._centres[self._moving]) + at[:, :3, 3]

    def lower_bounds(self) -> FloatArray:
        """Lower bounds (n,) of the distances of the listed pairs, m."""
        apart = self._world[self._first] - self._world[self._second]
        result: FloatArray = np.sqrt(np.einsum("ni,ni->n", apart, apart)) - self._reach
        return result


def bounding_sphere(shape: Shape) -> tuple[FloatArray, float]:
    """Centre (3,) in the shape's frame and radius (m) of a sphere that contains `shape`."""
    if isinstance(shape, Sphere):
        return np.zeros(3), shape.radius
    if isinstance(shape, Box):
        return np.zeros(3), float(np.linalg.norm(shape.size)) / 2.0
    if isinstance(shape, Cylinder):
        return np.zeros(3), float(np.hypot(shape.radius, shape.length / 2.0))
    centre = (shape.vertices.min(axis=0) + shape.vertices.max(axis=0)) / 2.0
    return centre, float(np.linalg.norm(shape.vertices - centre, axis=1).max())


def contacts_within(engine: DistanceEngine, bounds: FloatArray, within: ArrayLike) -> list[Contact]:
    """Contacts of every pair nearer than `within`, one number or one a pair (n,), in the order of the pairs.

    `bounds` (n,) are lower bounds of the distances; a pair whose bound exceeds `within` is not asked.
    """
    limits = np.broadcast_to(np.asarray(within, dtype=np.float64), bounds.shape)
    asked: NDArray[np.intp] = np.flatnonzero(bounds <= limits)
    contacts = (engine.query(int(pair), float(limits[pair])) for pair in asked)
    return [contact for contact in contacts if contact is not None]


def nearest_contact(engine: DistanceEngine, bounds: FloatArray, limit: float) -> Contact | None:
    """The nearest contact among all pairs, the first of equals; None proves that every pair is further than `limit`."""
    best: Contact | None = None
    for pair in np.argsort(bounds, kind="stable"):
        within = limit if best is None else best.distance
        if bounds[pair] > within:
            break
        contact = engine.query(int(pair), within)
        if contact is not None and (best is None or contact.distance < best.distance):
            best = contact
    return best
