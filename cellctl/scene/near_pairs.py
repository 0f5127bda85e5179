"""Which listed pairs may be near each other at many joint values: boxes around the solids, compiled. Asks no engine.

It is what stands between thousands of states and an exact engine; it shares nothing with the screens but the frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

import numpy as np

from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, REAL, compiled, reads, writes
from cellctl.kinematics.forward import branched_frames
from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Box, Cylinder, Shape, Sphere
from cellctl.scene.bodies import WORLD, CollisionModel
from cellctl.scene.packed import IntArray
from cellctl.scene.support import ROUNDING

CHUNK = 512
"""States that are looked at together."""


class Near(NamedTuple):
    """Pairs that may be near: `rows` and `pairs` (m,), in order, and the world `frames` (n, dof + 1, 4, 4) of the n
    states that the rows are among.
    """

    rows: IntArray
    pairs: IntArray
    frames: FloatArray


class NearPairs:
    """The boxes around the solids of one collision model, which tell what is far apart."""

    def __init__(self, model: CollisionModel) -> None:
        boxes = [box_around(solid.shape) for solid in model.solids]
        self._model = model
        self._frames = np.array([solid.frame for solid in model.solids], dtype=np.intp)
        self._places = np.array([solid.pose.matrix for solid in model.solids]).reshape(-1, 4, 4)
        middles = np.array([0.5 * (low + high) for low, high in boxes]).reshape(-1, 3)
        self._places[:, :3, 3] += np.einsum("nij,nj->ni", self._places[:, :3, :3], middles)
        self._halves = np.array([0.5 * (high - low) for low, high in boxes]).reshape(-1, 3)

    def at(self, joints: FloatArray, within: float) -> Iterator[tuple[slice, Near]]:
        """For joint values (n, dof), some at a time, the pairs that may be nearer than `within` (m) there; any other
        pair is further apart.
        """
        model, chain = self._model, self._model.chain
        still = np.ascontiguousarray(model.pose_world_base.matrix)
        for first in range(0, len(joints), CHUNK):
            some = np.ascontiguousarray(joints[first : first + CHUNK], dtype=np.float64)
            frames = np.empty((len(some), len(chain.axes) + 1, 4, 4))
            near = np.zeros((len(some), len(model.pairs)), dtype=np.bool_)
            arm = (chain.before, chain.axes, chain.prismatic, model.frame_parents)
            boxes = (self._frames, self._places, self._halves, model.pairs)
            _fill_near(*arm, still, *boxes, within + ROUNDING, some, frames, near)
            rows, pairs = np.nonzero(near)
            yield slice(first, first + len(some)), Near(rows, pairs, frames)


def box_around(shape: Shape) -> tuple[FloatArray, FloatArray]:
    """Lower and upper corner (3,) of the box around `shape` in its own frame, m."""
    match shape:
        case Sphere(radius):
            half = np.full(3, radius)
        case Box(size):
            half = 0.5 * np.array(size)
        case Cylinder(radius, length):
            half = np.array([radius, radius, 0.5 * length])
        case _:
            return shape.vertices.min(axis=0), shape.vertices.max(axis=0)
    return -half, half


@compiled(FLAG, reads(2), reads(2), reads(1), reads(1), REAL, late=True)
def _far_by_faces(first: FloatArray, second: FloatArray, half: FloatArray, other: FloatArray, within: float) -> bool:
    """Whether two boxes, poses (4, 4) and half edges (3,), are further apart than `within` (m) across a face of the
    first.
    """
    x, y, z = second[0, 3] - first[0, 3], second[1, 3] - first[1, 3], second[2, 3] - first[2, 3]
    for k in range(3):
        away = abs(first[0, k] * x + first[1, k] * y + first[2, k] * z) - half[k]
        for j in range(3):
            along = first[0, k] * second[0, j] + first[1, k] * second[1, j] + first[2, k] * second[2, j]
            away -= abs(along) * other[j]
        if away > within:
            return True
    return False


@compiled(
    NOTHING,
    reads(3),
    reads(2),
    reads(1, FLAG),
    reads(1, COUNT),
    reads(2),
    reads(1, COUNT),
    reads(3),
    reads(2),
    reads(2, COUNT),
    REAL,
    reads(2),
    writes(4),
    writes(2, FLAG),
    late=True,
)
def _fill_near(
    before: FloatArray,
    axes: FloatArray,
    prismatic: BoolArray,
    parents: IntArray,
    base: FloatArray,
    carriers: IntArray,
    boxes: FloatArray,
    halves: FloatArray,
    pairs: IntArray,
    within: float,
    joints: FloatArray,
    frames: FloatArray,
    near: BoolArray,
) -> None:
    """Fill `frames` (n, dof + 1, 4, 4) with those of every row of `joints` (n, dof) in the world, and say which pairs
    are `near` (n, p): whose boxes are not proved to be further apart than `within`.
    """
    local = np.empty((axes.shape[0] + 1, 4, 4))
    places = np.empty(boxes.shape)
    radii = np.empty(boxes.shape[0])
    for k in range(boxes.shape[0]):
        radii[k] = sqrt(halves[k, 0] ** 2 + halves[k, 1] ** 2 + halves[k, 2] ** 2)
        places[k] = boxes[k]
    for n in range(joints.shape[0]):
        branched_frames(before, axes, prismatic, parents, joints[n], local)
        for k in range(local.shape[0]):
            _multiply(base, local[k], frames[n, k])
        for k in range(boxes.shape[0]):
            if carriers[k] != WORLD:
                _multiply(frames[n, carriers[k]], boxes[k], places[k])
        for p in range(pairs.shape[0]):
            i, j = pairs[p, 0], pairs[p, 1]
            x, y = places[j, 0, 3] - places[i, 0, 3], places[j, 1, 3] - places[i, 1, 3]
            z = places[j, 2, 3] - places[i, 2, 3]
            if sqrt(x * x + y * y + z * z) > radii[i] + radii[j] + within:
                continue
            far = _far_by_faces(places[i], places[j], halves[i], halves[j], within)
            near[n, p] = not (far or _far_by_faces(places[j], places[i], halves[j], halves[i], within))


@compiled(NOTHING, reads(2), reads(2), writes(2), late=True)
def _multiply(first: FloatArray, second: FloatArray, out: FloatArray) -> None:
    """Fill `out` (4, 4) with the product of two poses."""
    for i in range(3):
        for j in range(4):
            out[i, j] = first[i, 0] * second[0, j] + first[i, 1] * second[1, j] + first[i, 2] * second[2, j]
        out[i, 3] += first[i, 3]
        out[3, i] = 0.0
    out[3, 3] = 1.0
