"""Convex shapes, the solids made of them, and what a picture shows. Lengths in metres, masses nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from cellctl.model.pose import FloatArray, Pose, frozen_array

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A box centred on its frame, full edge lengths `size` (x, y, z)."""

    size: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Cylinder:
    """A cylinder centred on its frame, axis along z."""

    radius: float
    length: float


@dataclass(frozen=True, slots=True)
class Sphere:
    """A sphere centred on its frame."""

    radius: float


@dataclass(frozen=True, slots=True, eq=False)
class Hull:
    """The convex hull of `vertices` (n, 3)."""

    vertices: FloatArray

    def __post_init__(self) -> None:
        vertices = frozen_array(self.vertices)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or len(vertices) < 4:
            raise ValueError("a hull needs at least four points (n, 3)")
        object.__setattr__(self, "vertices", vertices)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hull) and np.array_equal(self.vertices, other.vertices)

    def __hash__(self) -> int:
        return hash(self.vertices.tobytes())


Shape = Box | Cylinder | Sphere | Hull


@dataclass(frozen=True, slots=True)
class Solid:
    """One convex collision part: `shape` at `pose` in the frame of the body that owns it.

    `name` is unique within its body (`nozzle`, `wall_left`); the full name in findings and pairs is `owner.name`.
    """

    name: str
    shape: Shape
    pose: Pose = field(default_factory=Pose.identity)


@dataclass(frozen=True, slots=True)
class Visual:
    """What a picture shows: a shape, or a mesh file by its reference (`pkg:rtbdata/...`), at `pose` in its body's
    frame.
    """

    shape: Shape | None = None
    mesh: str | None = None
    pose: Pose = field(default_factory=Pose.identity)
    colour: Colour = (0.7, 0.7, 0.7)
    scale: float = 1.0


def frustum(radius_bottom: float, radius_top: float, length: float, sides: int = 24) -> Hull:
    """A cone frustum along z from z = 0 to `length`, as the hull of two polygons that *contain* the two circles."""
    angles = (np.arange(sides) + 0.5) * (2.0 * np.pi / sides)
    grow = 1.0 / np.cos(np.pi / sides)
    ring = np.stack([np.cos(angles), np.sin(angles), np.zeros(sides)], axis=1) * grow
    bottom = ring * radius_bottom
    top = ring * radius_top + (0.0, 0.0, length)
    return Hull(np.vstack([bottom, top]))


def corners(size: ArrayLike) -> FloatArray:
    """The eight corners (8, 3) of a box of full edge lengths `size` (3,)."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    result: FloatArray = signs * (np.asarray(size, dtype=np.float64) / 2.0)
    return result
