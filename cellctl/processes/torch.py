"""Torch angles and wire directions, as one formula and its inverse. Knows no robot.

Tool +Z (`a`) points out of the nozzle along the wire towards the work. With the seam frame t (travel), n (free-side
bisector of the faces) and b = n x t, work angle w and travel angle p (push positive):

    a = cos p * (-(cos w n + sin w b)) + sin p * t
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from cellctl.model.pose import FloatArray, unit


def wire_directions(tangents: ArrayLike, normals: ArrayLike, work: ArrayLike, travel: ArrayLike) -> FloatArray:
    """Unit wire directions (n, 3) for seam frames (n, 3), (n, 3) and angles (n,), rad."""
    t, n = np.asarray(tangents, dtype=np.float64), np.asarray(normals, dtype=np.float64)
    w, p = np.asarray(work, dtype=np.float64)[..., None], np.asarray(travel, dtype=np.float64)[..., None]
    b = np.cross(n, t)
    result: FloatArray = np.cos(p) * -(np.cos(w) * n + np.sin(w) * b) + np.sin(p) * t
    return result


def torch_angles(tangents: ArrayLike, normals: ArrayLike, wires: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Work and travel angles (n,), (n,), rad, that unit wire directions (n, 3) make in seam frames: the inverse."""
    t, n, a = (np.asarray(v, dtype=np.float64) for v in (tangents, normals, wires))
    b = np.cross(n, t)
    along = np.clip(np.einsum("...i,...i", a, t), -1.0, 1.0)
    work = np.arctan2(-np.einsum("...i,...i", a, b), -np.einsum("...i,...i", a, n))
    travel: FloatArray = np.arcsin(along)
    return work, travel


def torch_rotations(wires: ArrayLike, references: ArrayLike, spins: ArrayLike) -> FloatArray:
    """Tool rotations (n, 3, 3) with +Z along `wires` (n, 3) and +X at `spins` (n,), rad, about it from `references`.

    A reference (n, 3) is any direction that is not along the wire; its part across the wire is spin zero.
    """
    z = np.asarray(wires, dtype=np.float64)
    r = np.asarray(references, dtype=np.float64)
    x0 = unit(r - np.einsum("...i,...i", r, z)[..., None] * z)
    y0 = np.cross(z, x0)
    c, s = np.cos(np.asarray(spins))[..., None], np.sin(np.asarray(spins))[..., None]
    x = c * x0 + s * y0
    return np.stack([x, np.cross(z, x), z], axis=-1)


def transported_references(wires: ArrayLike) -> FloatArray:
    """References (n, 3) carried along `wires` (n, 3) without turning about them (a rotation-minimising frame).

    The first is the world direction that lies most across the first wire. Double reflection would be one order
    better; parallel transport by the shortest rotation is exact on the samples and all that a spin zero needs.
    """
    z = np.asarray(wires, dtype=np.float64)
    result = np.empty_like(z)
    axis = np.zeros(3)
    axis[int(np.argmin(np.abs(z[0])))] = 1.0
    result[0] = unit(axis - (axis @ z[0]) * z[0])
    turns = _shortest_rotations(z[:-1], z[1:])
    for i in range(1, len(z)):
        moved = turns[i - 1] @ result[i - 1]
        moved -= (moved @ z[i]) * z[i]
        result[i] = moved / sqrt(moved @ moved)
    return result


def _shortest_rotations(first: FloatArray, second: FloatArray) -> FloatArray:
    """Rotations (n, 3, 3) about an axis across both that turn unit vectors (n, 3) into others that are not opposite."""
    axis = np.cross(first, second)
    skew = np.zeros((len(axis), 3, 3))
    skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0] = axis.T
    skew -= skew.transpose(0, 2, 1)
    cosines = np.einsum("ij,ij->i", first, second)
    result: FloatArray = np.eye(3) + skew + skew @ skew / (1.0 + cosines)[:, None, None]
    return result


def spin_offsets(tangents: ArrayLike, wires: ArrayLike, references: ArrayLike) -> FloatArray:
    """Angles (n,), rad, from the public spin zero (the travel tangent across the wire) to the references, about the
    wire.
    """
    t, z, r = (np.asarray(v, dtype=np.float64) for v in (tangents, wires, references))
    x0 = unit(t - np.einsum("...i,...i", t, z)[..., None] * z)
    y0 = np.cross(z, x0)
    offsets: FloatArray = np.arctan2(np.einsum("...i,...i", r, y0), np.einsum("...i,...i", r, x0))
    return offsets
