"""An arm of spheres as the arrays that compiled kernels take: joints about z, groups of spheres, reaches and pairs.

Every radius is a little larger than given, by what float32 may be wrong by.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.chain import Chain
from cellctl.kinematics.compiled import COUNT, record, writes
from cellctl.model.pose import FloatArray
from cellctl.scene.spheres.lanes import SINGLE, SingleArray
from cellctl.scene.spheres.model import SphereArm

IntArray = NDArray[np.intp]

_ON_AXIS: Final = 1e-9
LARGEST_GROUP: Final = 8
"""Spheres behind one coarse sphere; 6 to 10 do equally well."""
ROUNDING_SHARE: Final = 1.2e-5
"""What float32 kinematics may put a point wrong by, as a share of the arm's reach: eight joints, each with half a unit
in the last place of its angle at 6.3 rad (2.4e-7), sine and cosine to 8e-7, and a dozen roundings of 6e-8.
"""


class ArmTables(NamedTuple):
    """What every kernel of spheres takes of an arm with d joints, g groups, s spheres, p group pairs, k sphere pairs.

    `joints` (d, 13): rotation by rows, translation and 1 for a prismatic joint, from frame to frame, each turned so
    that its axis is z. `groups` (g, 4), `spheres` (s, 4): centre and radius in their frames; `spans` (g, 4): frame,
    body and the first and last sphere of a group. `reach` (d, s), `group_reach` (d, g): the largest distance of the
    centres from each axis that moves them, in any posture (1 for a prismatic joint): a sphere that turns about itself
    stays where it is. `pair_spans` (p, 4): two groups, the nearer to the base first, and their sphere pairs, first and
    last; `pairs` (k, 2) spheres; `pair_reach` (d, p), `sphere_pair_reach` (d, k): reach of the second from the
    first. `order` (s,): which sphere of the arm each one is.
    """

    joints: SingleArray
    groups: SingleArray
    spans: IntArray
    spheres: SingleArray
    reach: SingleArray
    group_reach: SingleArray
    pair_spans: IntArray
    pair_reach: SingleArray
    pairs: IntArray
    sphere_pair_reach: SingleArray
    order: IntArray


ARM: Final[Any] = record(
    ArmTables,
    writes(2, SINGLE),
    writes(2, SINGLE),
    writes(2, COUNT),
    writes(2, SINGLE),
    writes(2, SINGLE),
    writes(2, SINGLE),
    writes(2, COUNT),
    writes(2, SINGLE),
    writes(2, COUNT),
    writes(2, SINGLE),
    writes(1, COUNT),
)


def arm_tables(arm: SphereArm, *, mixed: bool) -> ArmTables:
    """The tables of `arm`; `mixed` groups hold spheres of several bodies (their span's body is -1)."""
    steps, turns = _steps_about_z(arm.chain)
    placed = [
        _lowered(arm, steps, int(frame), turns[frame].T @ centre)
        for frame, centre in zip(arm.frames, arm.centres, strict=True)
    ]
    frames, centres = np.array([frame for frame, _ in placed]), np.array([centre for _, centre in placed])
    radii = arm.radii + ROUNDING_SHARE * _longest_reach(arm, steps, frames, centres)
    order, spans = _groups(frames, arm.bodies, centres, mixed)
    balls = [
        _Ball(
            int(frames[k]),
            _lifted(arm, steps, int(frames[k]), centres[k]),
            centres[k],
            float(radii[k]),
            int(arm.bodies[k]),
            _reach(arm, steps, int(frames[k]), centres[k]),
        )
        for k in order
    ]
    centres, radii = centres[order], radii[order]
    around = np.array([_ball_around(centres[a:b], radii[a:b]) for _, _, a, b in spans])
    reach = np.array([ball.reach for ball in balls]).T
    pair_spans, pairs, pair_reach = _pairs(arm, steps, spans, balls)
    joints = np.column_stack([steps[:, :3, :3].reshape(-1, 9), steps[:, :3, 3], arm.chain.prismatic.astype(np.float64)])
    return ArmTables(
        _single(joints),
        _single(np.column_stack([around[:, :3], _up(around[:, 3])])),
        spans,
        _single(np.column_stack([centres, _up(radii)])),
        _single(_up(reach)),
        _single(_up(_largest(reach, spans[:, 2:]))),
        pair_spans,
        _single(_up(_largest(pair_reach, pair_spans[:, 2:]))),
        pairs,
        _single(_up(pair_reach)),
        order,
    )


def _largest(reach: FloatArray, spans: IntArray) -> FloatArray:
    """The largest reach (dof, g) of what lies in each span (g, 2)."""
    return np.array([reach[:, a:b].max(axis=1) for a, b in spans]).reshape(-1, len(reach)).T


def _single(values: FloatArray) -> SingleArray:
    return np.ascontiguousarray(values, dtype=np.float32)


def _up(values: FloatArray) -> FloatArray:
    """Values that float32 does not round below the given ones."""
    return values * (1.0 + 2e-7)


def _steps_about_z(chain: Chain) -> tuple[FloatArray, FloatArray]:
    """Steps (dof, 4, 4) from frame to frame, each frame turned so that its axis is z, and the turns (dof + 1, 3, 3)."""
    turns = np.stack([np.eye(3), *(_turn_to(axis) for axis in chain.axes)])
    steps = np.array(chain.before)
    for k in range(len(steps)):
        steps[k, :3, :3] = turns[k].T @ steps[k, :3, :3] @ turns[k + 1]
        steps[k, :3, 3] = turns[k].T @ steps[k, :3, 3]
    return steps, turns


def _cross(axis: FloatArray) -> FloatArray:
    """The matrix (3, 3) that takes a vector to the cross product of `axis` (3,) with it."""
    x, y, z = axis
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def _turn_to(axis: FloatArray) -> FloatArray:
    """A rotation (3, 3) that takes z to the unit vector `axis` (3,); exact for the axes of the frame."""
    helper = np.eye(3)[(int(np.argmax(np.abs(axis))) + 1) % 3]
    x = helper - (helper @ axis) * axis
    x /= np.linalg.norm(x)
    return np.column_stack([x, _cross(axis) @ x, axis])


def _longest_reach(arm: SphereArm, steps: FloatArray, frames: IntArray, centres: FloatArray) -> float:
    """How far from the base any point of the arm can get (m), by the triangle inequality; at least 1."""
    travel = np.where(arm.chain.prismatic, np.maximum(np.abs(arm.lower), np.abs(arm.upper)), 0.0)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(steps[:, :3, 3], axis=1) + travel)])
    return max(1.0, float((along[frames] + np.linalg.norm(centres, axis=1) + arm.radii).max()))


def _reach(arm: SphereArm, steps: FloatArray, frame: int, centre: FloatArray) -> FloatArray:
    """Largest distance (dof,) of a sphere's centre from every axis that moves it, over all joint values.

    All places of the centre are kept within a cylinder about the axis at hand, from which the next one follows.
    """
    result = np.zeros(len(steps))
    across, low, high = float(np.hypot(centre[0], centre[1])), float(centre[2]), float(centre[2])
    for k in range(frame - 1, -1, -1):
        result[k] = across
        if arm.chain.prismatic[k]:
            result[k] = 1.0
            low, high = low + float(arm.lower[k]), high + float(arm.upper[k])
        axis = steps[k, :3, 2]
        ends = [steps[k, :3, 3] + axis * at for at in (low, high)]
        rise = across * float(np.hypot(axis[0], axis[1]))
        low, high = min(end[2] for end in ends) - rise, max(end[2] for end in ends) + rise
        across += max(float(np.hypot(end[0], end[1])) for end in ends)
    return result


def _groups(frames: IntArray, bodies: IntArray, centres: FloatArray, mixed: bool) -> tuple[IntArray, IntArray]:
    """An order (s,) of the spheres in which groups lie together, and the groups' `spans` (g, 4)."""
    order: list[int] = []
    spans: list[tuple[int, int, int, int]] = []
    keys = np.column_stack([frames, np.full_like(bodies, -1) if mixed else bodies])
    for frame, body in np.unique(keys, axis=0).tolist():
        for members in _halved(np.flatnonzero((keys == (frame, body)).all(axis=1)), centres):
            spans.append((frame, body, len(order), len(order) + len(members)))
            order += members.tolist()
    return np.array(order, dtype=np.intp), np.array(spans, dtype=np.intp).reshape(-1, 4)


def _halved(members: IntArray, centres: FloatArray) -> list[IntArray]:
    """Groups of at most LARGEST_GROUP, cut across the longest side of the box around the centres."""
    if len(members) <= LARGEST_GROUP:
        return [members]
    points = centres[members]
    side = int(np.argmax(np.ptp(points, axis=0)))
    ranked = members[np.argsort(points[:, side], kind="stable")]
    half = len(ranked) // 2
    return [*_halved(ranked[:half], centres), *_halved(ranked[half:], centres)]


def _ball_around(centres: FloatArray, radii: FloatArray) -> FloatArray:
    """Centre and radius (4,) of a small ball around spheres, by the steps of Badoiu and Clarkson (2003)."""
    centre = 0.5 * ((centres - radii[:, None]).min(axis=0) + (centres + radii[:, None]).max(axis=0))
    if len(radii) == 1:
        return np.array([*centres[0], radii[0]])
    for step in range(1, 256):
        away = centres - centre
        far = np.linalg.norm(away, axis=1)
        k = int(np.argmax(far + radii))
        centre = centre + away[k] * ((far[k] + radii[k]) / max(far[k], 1e-12)) / (step + 1.0)
    return np.array([*centre, (np.linalg.norm(centres - centre, axis=1) + radii).max()])


class _Ball(NamedTuple):
    """One sphere: `frame` is the lowest one that carries its centre, `lifted` the highest, `reach` (dof,) as above."""

    frame: int
    lifted: int
    centre: FloatArray
    radius: float
    body: int
    reach: FloatArray


def _pairs(
    arm: SphereArm, steps: FloatArray, spans: IntArray, balls: list[_Ball]
) -> tuple[IntArray, IntArray, FloatArray]:
    """Group pairs (p, 4) as `ArmTables.pair_spans`, their sphere pairs (k, 2) and the reach of these (dof, k)."""
    listed = np.zeros((len(arm.names), len(arm.names)), dtype=np.bool_)
    listed[arm.pairs[:, 0], arm.pairs[:, 1]] = listed[arm.pairs[:, 1], arm.pairs[:, 0]] = True
    pair_spans: list[tuple[int, int, int, int]] = []
    pairs: list[tuple[int, int]] = []
    reach: list[FloatArray] = []
    for one, other in combinations(range(len(spans)), 2):
        first, second = (one, other) if spans[one, 0] <= spans[other, 0] else (other, one)
        known = len(pairs)
        for a in range(spans[first, 2], spans[first, 3]):
            for b in range(spans[second, 2], spans[second, 3]):
                low, high = balls[a], balls[b]
                if listed[low.body, high.body] and _can_change(arm, steps, low, high):
                    pairs.append((a, b))
                    reach.append(np.where(np.arange(arm.dof) < low.lifted, 0.0, high.reach))
        if len(pairs) > known:
            pair_spans.append((first, second, known, len(pairs)))
    return (
        np.array(pair_spans, dtype=np.intp).reshape(-1, 4),
        np.array(pairs, dtype=np.intp).reshape(-1, 2),
        np.array(reach).reshape(-1, arm.dof).T,
    )


def _can_change(arm: SphereArm, steps: FloatArray, low: _Ball, high: _Ball) -> bool:
    """Whether two spheres move against each other, and do not touch whatever the one joint between them does."""
    if low.lifted >= high.frame:
        return False
    if low.lifted + 1 < high.frame or arm.chain.prismatic[low.lifted]:
        return True
    seen = _in_next(steps, low.lifted, _risen(steps, low))
    height = seen[2] - high.centre[2]
    across = np.hypot(seen[0], seen[1]) + np.hypot(high.centre[0], high.centre[1])
    return bool(np.hypot(height, across) > low.radius + high.radius)


def _in_next(steps: FloatArray, frame: int, point: FloatArray) -> FloatArray:
    """A point of frame `frame` in the next one, with the joint between at zero."""
    result: FloatArray = steps[frame, :3, :3].T @ (point - steps[frame, :3, 3])
    return result


def _risen(steps: FloatArray, ball: _Ball) -> FloatArray:
    """Centre of a sphere in its `lifted` frame."""
    point = ball.centre
    for frame in range(ball.frame, ball.lifted):
        point = _in_next(steps, frame, point)
    return point


def _lowered(arm: SphereArm, steps: FloatArray, frame: int, centre: FloatArray) -> tuple[int, FloatArray]:
    """The lowest frame that carries a point, and the point there: one on the axis of its joint stands still with it."""
    while frame > 0 and not arm.chain.prismatic[frame - 1] and np.hypot(centre[0], centre[1]) < _ON_AXIS:
        frame -= 1
        centre = steps[frame, :3, :3] @ centre + steps[frame, :3, 3]
    return frame, centre


def _lifted(arm: SphereArm, steps: FloatArray, frame: int, centre: FloatArray) -> int:
    """The highest frame that carries a point."""
    while frame < arm.dof and not arm.chain.prismatic[frame]:
        centre = _in_next(steps, frame, centre)
        if np.hypot(centre[0], centre[1]) >= _ON_AXIS:
            break
        frame += 1
    return frame
