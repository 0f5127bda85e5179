"""A collision model as arrays for compiled kernels. Values only; nothing is asked about them here."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import COUNT, FLAG, record, writes
from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere, corners
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.support import SOLIDS, Solids

IntArray = NDArray[np.intp]


class ScreenArrays(NamedTuple):
    """A `CollisionModel` as arrays, n solids and p pairs: what every kernel here takes.

    `solids` in their own frames; `frames` (n,) the chain frame that carries each, -1 for the world; `poses` (n, 4, 4)
    the solid in that frame; around each and in its own frame, `spheres` (n, 4), centre and radius, and `boxes` (n, 6),
    lower and upper corner; `pairs` (p, 2); the chain, the frames (dof,) that its joints move in, and its base in the
    world.
    """

    solids: Solids
    frames: IntArray
    poses: FloatArray
    spheres: FloatArray
    boxes: FloatArray
    pairs: IntArray
    before: FloatArray
    axes: FloatArray
    prismatic: BoolArray
    parents: IntArray
    base: FloatArray


SCREEN: Final[Any] = record(
    ScreenArrays,
    SOLIDS,
    writes(1, COUNT),
    writes(3),
    writes(2),
    writes(2),
    writes(2, COUNT),
    writes(3),
    writes(2),
    writes(1, FLAG),
    writes(1, COUNT),
    writes(2),
)


def pack(model: CollisionModel) -> ScreenArrays:
    """The arrays of `model`."""
    covers = [_cover(solid.shape) for solid in model.solids]
    vertices = [cover.vertices for cover in covers]
    first = np.concatenate([[0], np.cumsum([len(v) for v in vertices])]).astype(np.intp)
    solids = Solids(
        np.concatenate([np.empty((0, 3)), *vertices]),
        first,
        np.array([cover.disc for cover in covers], dtype=np.float64),
        np.array([cover.ball for cover in covers], dtype=np.float64),
    )
    return ScreenArrays(
        solids,
        np.array([solid.frame for solid in model.solids], dtype=np.intp),
        np.array([solid.pose.matrix for solid in model.solids]).reshape(-1, 4, 4),
        np.array([_sphere_around(cover) for cover in covers]).reshape(-1, 4),
        np.array([_box_around(cover) for cover in covers]).reshape(-1, 6),
        np.array(model.pairs, dtype=np.intp),
        np.array(model.chain.before),
        np.array(model.chain.axes),
        np.array(model.chain.prismatic),
        np.array(model.frame_parents, dtype=np.intp),
        np.array(model.pose_world_base.matrix),
    )


class _Cover(NamedTuple):
    """One solid in its own frame: the hull of `vertices` (n, 3), plus a disc about z, plus a ball (radii, m)."""

    vertices: FloatArray
    disc: float = 0.0
    ball: float = 0.0


def _cover(shape: Shape) -> _Cover:
    match shape:
        case Box(size):
            return _Cover(corners(size))
        case Cylinder(radius, length):
            return _Cover(np.array([[0.0, 0.0, -0.5 * length], [0.0, 0.0, 0.5 * length]]), disc=radius)
        case Sphere(radius):
            return _Cover(np.zeros((1, 3)), ball=radius)
        case Hull(vertices):
            return _Cover(np.array(vertices))


def _sphere_around(cover: _Cover) -> FloatArray:
    """Centre and radius (4,) of a small sphere around a solid, by the steps of Badoiu and Clarkson (2003)."""
    centre = 0.5 * (cover.vertices.min(axis=0) + cover.vertices.max(axis=0))
    if len(cover.vertices) > 8:
        for step in range(1, 64):
            away = cover.vertices - centre
            centre = centre + away[np.argmax((away**2).sum(axis=1))] / (step + 1.0)
    heights = cover.vertices - centre
    radius = np.sqrt(((np.hypot(heights[:, 0], heights[:, 1]) + cover.disc) ** 2 + heights[:, 2] ** 2).max())
    return np.array([*centre, radius + cover.ball])


def _box_around(cover: _Cover) -> FloatArray:
    """Lower and upper corner (6,) of the axis-parallel box around a solid in its own frame."""
    grow = np.array([cover.disc, cover.disc, 0.0]) + cover.ball
    return np.concatenate([cover.vertices.min(axis=0) - grow, cover.vertices.max(axis=0) + grow])
