"""Paths of an arm of spheres checked again in plain float64, densely. It uses nothing of the planner.

The tree of links is walked joint by joint with Rodrigues' formula, and every sphere is measured against every obstacle
and every listed other sphere. What is further apart in every eighth sample than the arm can move in between is not
measured in the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np

from cellctl.bench.mbm_folder import MbmArm, TreeJoint
from cellctl.model.pose import FloatArray
from cellctl.scene.spheres.tables import IntArray

STEP: Final = 0.002
_EVERY: Final = 8
_POSTURES: Final = 128
Gaps = Callable[[FloatArray], FloatArray]


class PathCheck:
    """One arm, ready to have paths of it checked."""

    def __init__(self, arm: MbmArm) -> None:
        self._arm = arm
        self._radii = np.concatenate([link.radii for link in arm.links])
        self._link = np.concatenate([np.full(len(link.radii), k) for k, link in enumerate(arm.links)])
        self._order = _from_the_root(arm)
        self._reach = _longest_reach(arm, self._order)
        postures = np.random.default_rng(0).uniform(arm.arm.lower, arm.arm.upper, (_POSTURES, arm.arm.dof))
        centres = self.centres(postures)
        self._moves = np.ptp(centres, axis=0).max(axis=1) > 1e-9
        self._pairs = self._listed_pairs(centres)

    def centres(self, q: FloatArray) -> FloatArray:
        """Centres (n, s, 3) of all spheres for joint values (n, dof), in the frame of the root link."""
        at = {name: (np.tile(np.eye(3), (len(q), 1, 1)), np.zeros((len(q), 3))) for name in self._roots()}
        for joint in self._order:
            rotation, position = at[joint.parent]
            turned = rotation @ joint.origin.rotation
            moved = position + rotation @ joint.origin.position
            if joint.column is not None and joint.kind == "prismatic":
                moved = moved + np.einsum("nij,j,n->ni", turned, np.array(joint.axis), q[:, joint.column])
            elif joint.column is not None:
                turned = turned @ _rodrigues(np.array(joint.axis), q[:, joint.column])
            at[joint.child] = turned, moved
        placed = [
            np.einsum("nij,sj->nsi", at[link.name][0], link.centres) + at[link.name][1][:, None]
            for link in self._arm.links
            if len(link.radii)
        ]
        return np.concatenate(placed, axis=1)

    def depth(self, scene: dict[str, list[dict[str, Any]]], way: FloatArray, step: float = STEP) -> float:
        """How deep (m) the arm gets into itself or an obstacle on a polyline (k, dof), in steps of at most `step`
        (rad); negative where it stays clear, by how much at least.
        """
        centres = self.centres(sampled(way, step))
        coarse = centres[np.unique(np.append(np.arange(0, len(centres), _EVERY), len(centres) - 1))]
        slack = 0.5 * (_EVERY + 1) * step * np.sqrt(way.shape[1]) * self._reach
        depth = -slack
        for gaps in _obstacles(scene):
            near = np.flatnonzero(self._moves & ((gaps(coarse) - self._radii).min(axis=0) < slack))
            if len(near):
                depth = max(depth, float((self._radii[near] - gaps(centres[:, near])).max()))
        a, b = self._pairs.T
        reach = self._radii[a] + self._radii[b]
        near = np.flatnonzero(np.linalg.norm(coarse[:, a] - coarse[:, b], axis=2).min(axis=0) - reach < slack)
        if len(near):
            apart = np.linalg.norm(centres[:, a[near]] - centres[:, b[near]], axis=2)
            depth = max(depth, float((reach[near] - apart).max()))
        return float(depth)

    def _roots(self) -> list[str]:
        children = {joint.child for joint in self._arm.joints}
        return [link.name for link in self._arm.links if link.name not in children]

    def _listed_pairs(self, centres: FloatArray) -> IntArray:
        """Pairs (p, 2) of spheres of links that must not touch, but for those that touch, or keep their distance, in
        every one of many postures: no path can change that.
        """
        names = [link.name for link in self._arm.links]
        pairs = [
            (i, k)
            for i in range(len(self._radii))
            for k in range(i)
            if self._link[i] != self._link[k]
            and frozenset((names[self._link[i]], names[self._link[k]])) not in self._arm.touching
        ]
        listed = np.array(pairs, dtype=np.intp).reshape(-1, 2)
        a, b = listed.T
        gaps = np.linalg.norm(centres[:, a] - centres[:, b], axis=2) - self._radii[a] - self._radii[b]
        changing: IntArray = listed[(gaps.max(axis=0) > 0.0) & (np.ptp(gaps, axis=0) > 1e-9)]
        return changing


def sampled(way: FloatArray, step: float) -> FloatArray:
    """Points (n, dof) along a polyline (k, dof), none further apart than `step` (rad), its corners among them."""
    legs = [
        a + (b - a) * np.linspace(0.0, 1.0, max(2, 1 + int(np.ceil(np.linalg.norm(b - a) / step))))[:, None]
        for a, b in pairwise(way)
    ]
    return np.concatenate(legs) if legs else way


def _from_the_root(arm: MbmArm) -> list[TreeJoint]:
    """The joints, each after the one that carries its parent."""
    waiting, ordered = list(arm.joints), list[TreeJoint]()
    known = {link.name for link in arm.links} - {joint.child for joint in arm.joints}
    while waiting:
        ready = [joint for joint in waiting if joint.parent in known]
        if not ready:
            raise ValueError("the joints form a ring, or hang on a link that is not there")
        ordered += ready
        known |= {joint.child for joint in ready}
        waiting = [joint for joint in waiting if joint.child not in known]
    return ordered


def _longest_reach(arm: MbmArm, ordered: list[TreeJoint]) -> float:
    """How far (m) the centre of any sphere can get from any axis that moves it, at least 1: the lengths along the tree
    from the first joint that moves.
    """
    along: dict[str, float] = {}
    for joint in ordered:
        travel = (
            max(abs(joint.lower), abs(joint.upper)) if joint.kind == "prismatic" and joint.column is not None else 0.0
        )
        if joint.parent in along:
            along[joint.child] = along[joint.parent] + float(np.linalg.norm(joint.origin.position)) + travel
        elif joint.column is not None:
            along[joint.child] = travel
    ends = [
        along[link.name] + float(np.linalg.norm(link.centres, axis=1).max())
        for link in arm.links
        if link.name in along and len(link.radii)
    ]
    return max(1.0, *ends)


def _rodrigues(axis: FloatArray, angles: FloatArray) -> FloatArray:
    """Rotations (n, 3, 3) about an axis by angles (n,), rad."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    sines, versines = np.sin(angles)[:, None, None], (1.0 - np.cos(angles))[:, None, None]
    turns: FloatArray = np.eye(3) + sines * cross + versines * (cross @ cross)
    return turns


def _obstacles(scene: dict[str, list[dict[str, Any]]]) -> Iterator[Gaps]:
    """Signed distances (...,) of points (..., 3) from each obstacle of a scene; 0 or less inside."""
    for box in scene["box"]:
        yield _box_gaps(_turn(box), np.array(box["position"]), np.array(box["half_extents"]))
    for cylinder in scene["cylinder"]:
        centre = np.array(cylinder["position"])
        yield _cylinder_gaps(_turn(cylinder), centre, float(cylinder["radius"]), 0.5 * float(cylinder["length"]))
    for ball in scene["sphere"]:
        yield _ball_gaps(np.array(ball["position"]), float(ball["radius"]))


def _turn(obstacle: dict[str, Any]) -> FloatArray:
    """Rotation (3, 3) of a quaternion by the product of its left and right matrices."""
    x, y, z, w = np.array(obstacle["quat_xyzw"]) / np.linalg.norm(obstacle["quat_xyzw"])
    v = np.array([x, y, z])
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    result: FloatArray = np.outer(v, v) + w * w * np.eye(3) + 2.0 * w * cross + cross @ cross
    return result


def _box_gaps(turn: FloatArray, centre: FloatArray, half: FloatArray) -> Gaps:
    def gaps(points: FloatArray) -> FloatArray:
        beyond = np.abs((points - centre) @ turn) - half
        outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=-1)
        result: FloatArray = outside + np.minimum(beyond.max(axis=-1), 0.0)
        return result

    return gaps


def _cylinder_gaps(turn: FloatArray, centre: FloatArray, radius: float, half: float) -> Gaps:
    def gaps(points: FloatArray) -> FloatArray:
        local = (points - centre) @ turn
        across = np.hypot(local[..., 0], local[..., 1]) - radius
        along = np.abs(local[..., 2]) - half
        outside: FloatArray = np.hypot(np.maximum(across, 0.0), np.maximum(along, 0.0))
        return outside + np.minimum(np.maximum(across, along), 0.0)

    return gaps


def _ball_gaps(centre: FloatArray, radius: float) -> Gaps:
    def gaps(points: FloatArray) -> FloatArray:
        apart: FloatArray = np.linalg.norm(points - centre, axis=-1)
        return apart - radius

    return gaps
