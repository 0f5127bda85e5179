"""Closed-form inverse of arms with axes 2, 3 and 4 parallel and 5 and 6 meeting, compiled: the UR family. No limits.

Also the arm of four axes that is given two more in the mind. Axis 1 may stand anywhere. The decomposition is that of
Elias and Wen (2022) for three parallel and two intersecting axes.

A configuration is a number 0..7 of three bits that changes only where the arm passes a singularity: 4 shoulder (which
side of axis 1 the wrist is on), 2 elbow, 1 wrist. Answers are verified by forward kinematics of the chain itself.
"""

from __future__ import annotations

from math import asin, pi, sqrt
from typing import Final

import numpy as np

from cellctl.kinematics.chain import BoolArray, Chain
from cellctl.kinematics.compiled import FLAG, NOTHING, REAL, compiled, reads, writes
from cellctl.kinematics.solvers.newton import wrapped
from cellctl.kinematics.solvers.screws import inverse_of, meeting_point, parallel, screws_of
from cellctl.kinematics.solvers.subproblems import REACH_SLACK, angle_to, angles_to_plane, dot, turn
from cellctl.kinematics.solvers.values import ParallelArrays
from cellctl.model.pose import FloatArray

_ARRAYS = (reads(2), reads(2), reads(1), reads(2))


NO_TURN: Final = 1e-11
"""Sine of axis 5 below which axis 6 turns about the same line as axes 2 to 4, and its angle is free."""
NEARLY: Final = 1e-3
"""Sine of axis 5 below which its angle is taken from the sine, since a cosine near 1 says little of it."""


@compiled(NOTHING, REAL, REAL, writes(1))
def _by_sine(sine: float, cosine: float, wrists: FloatArray) -> None:
    """Put `wrists` (2,), both angles of axis 5 by their cosine, where their sine says that they are."""
    top = 0.5 * (wrists[0] + wrists[1])
    away = asin(sine) if cosine > 0.0 else pi - asin(sine)
    wrists[0], wrists[1] = top + away, top - away


@compiled(REAL, reads(1), reads(1), reads(1), REAL)
def _free_turn(h: FloatArray, wrist: FloatArray, hand: FloatArray, square: float) -> float:
    """The sum of angles 2 to 4 that bends the elbow as near to a right angle as it can, where any sum will do.

    `square` is the sum of the squares of upper arm and forearm, the squared length that they have then.
    """
    up, out = dot(h, wrist), dot(h, hand)
    far, near = dot(wrist, wrist) - up * up, dot(hand, hand) - out * out
    largest = sqrt(max(0.0, far * near))
    height = min(largest, max(-largest, 0.5 * (far + near - square)))
    turns = np.empty(2)
    angles_to_plane(wrist, h, hand, height + up * out, REACH_SLACK, turns)
    return float(turns[0])


@compiled(NOTHING, *_ARRAYS, reads(2), writes(2), writes(1, FLAG))
def parallel_branches(
    axes: FloatArray,
    points: FloatArray,
    signs: FloatArray,
    zero_inverse: FloatArray,
    target: FloatArray,
    out: FloatArray,
    valid: BoolArray,
) -> None:
    """Fill `out` (8, 6) and `valid` (8,) with branches for the flange `target` (4, 4), base frame, not yet verified."""
    h, wrist_point = axes[1], points[5]
    carried, turned = np.empty((3, 3)), np.empty((3, 3))
    wanted, wrist, planar, reached, passing = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    upper, forearm, across = points[2] - points[1], points[3] - points[2], np.empty(3)
    shoulders, wrists, elbows = np.empty(2), np.empty(2), np.empty(2)
    hand = wrist_point - points[3]
    upright = abs(dot(h, axes[4])) < 1e-6 and abs(dot(axes[5], axes[4])) < 1e-6
    least = 0
    for i in range(3):
        if abs(h[i]) < abs(h[least]):
            least = i
    for i in range(3):
        across[i] = (1.0 if i == least else 0.0) - h[least] * h[i]
    for k in range(8):
        valid[k] = False
    for j in range(3):
        for i in range(3):
            carried[j, i] = (
                target[i, 0] * zero_inverse[0, j]
                + target[i, 1] * zero_inverse[1, j]
                + target[i, 2] * zero_inverse[2, j]
            )
    for i in range(3):
        moved = target[i, 3] - points[0, i]
        for j in range(3):
            moved += target[i, j] * zero_inverse[j, 3] + carried[j, i] * wrist_point[j]
        wanted[i] = moved
    height = dot(h, wrist_point) - dot(h, points[0])
    if not angles_to_plane(h, -axes[0], wanted, height, REACH_SLACK, shoulders):
        return
    for shoulder in range(2):
        first = shoulders[shoulder]
        turn(axes[0], -first, wanted, wrist)
        for j in range(3):
            turn(axes[0], -first, carried[j], turned[j])
        for i in range(3):
            wrist[i] += points[0, i] - points[1, i]
            reached[i] = turned[0, i] * axes[5, 0] + turned[1, i] * axes[5, 1] + turned[2, i] * axes[5, 2]
        if not angles_to_plane(h, axes[4], axes[5], dot(h, reached), REACH_SLACK, wrists):
            continue
        cosine = dot(h, reached)
        sine = sqrt(
            (reached[0] - cosine * h[0]) ** 2 + (reached[1] - cosine * h[1]) ** 2 + (reached[2] - cosine * h[2]) ** 2
        )
        if upright and sine < NEARLY:
            _by_sine(sine, cosine, wrists)
        for bend in range(2):
            fifth = wrists[bend]
            if upright and sine < NO_TURN:
                whole = _free_turn(h, wrist, hand, dot(upper, upper) + dot(forearm, forearm))
                for i in range(3):
                    planar[i] = turned[0, i] * axes[4, 0] + turned[1, i] * axes[4, 1] + turned[2, i] * axes[4, 2]
                turn(h, -whole, planar, passing)
                turn(axes[4], -fifth, passing, planar)
                sixth = angle_to(axes[5], axes[4], planar)
            else:
                turn(axes[4], -fifth, h, passing)
                for j in range(3):
                    reached[j] = dot(turned[j], h)
                sixth = -angle_to(axes[5], passing, reached)
                turn(axes[4], -fifth, across, passing)
                turn(axes[5], -sixth, passing, planar)
                for i in range(3):
                    reached[i] = turned[0, i] * planar[0] + turned[1, i] * planar[1] + turned[2, i] * planar[2]
                whole = angle_to(h, across, reached)
            turn(h, whole, hand, passing)
            for i in range(3):
                planar[i] = wrist[i] - passing[i]
            rise = dot(h, planar)
            for i in range(3):
                planar[i] -= rise * h[i]
            grown = 0.5 * (dot(planar, planar) - dot(upper, upper) - dot(forearm, forearm))
            if not angles_to_plane(upper, h, forearm, grown, REACH_SLACK, elbows):
                continue
            for elbow in range(2):
                third = elbows[elbow]
                turn(h, third, forearm, passing)
                for i in range(3):
                    passing[i] += upper[i]
                second = angle_to(h, passing, planar)
                k = 4 * shoulder + 2 * elbow + bend
                out[k, 0], out[k, 1], out[k, 2] = wrapped(first), wrapped(second), wrapped(signs[2] * third)
                out[k, 3], out[k, 4] = wrapped(signs[3] * (whole - second - third)), wrapped(fifth)
                out[k, 5] = wrapped(sixth)
                valid[k] = True


@compiled(NOTHING, *_ARRAYS, reads(3), writes(3), writes(2, FLAG))
def parallel_branches_bulk(
    axes: FloatArray,
    points: FloatArray,
    signs: FloatArray,
    zero_inverse: FloatArray,
    targets: FloatArray,
    out: FloatArray,
    valid: BoolArray,
) -> None:
    """`parallel_branches` for every one of `targets` (n, 4, 4): fills `out` (n, 8, 6) and `valid` (n, 8)."""
    for n in range(targets.shape[0]):
        parallel_branches(axes, points, signs, zero_inverse, targets[n], out[n], valid[n])


def parallel_arrays(chain: Chain) -> ParallelArrays | None:
    """The closed form of `chain`, or None where its geometry is another one."""
    if len(chain.axes) != 6 or chain.prismatic.any():
        return None
    screws = screws_of(chain)
    if not (parallel(screws, 1, 2) and parallel(screws, 2, 3)):
        return None
    meeting = meeting_point(screws, 4, 5)
    if meeting is None or parallel(screws, 0, 1) or parallel(screws, 3, 4):
        return None
    h = screws.axes[1]
    points = screws.points.copy()
    points[2:4] += np.outer((points[1] - points[2:4]) @ h, h)
    points[4] = points[5] = meeting
    if np.linalg.norm(points[2] - points[1]) < 1e-6 or np.linalg.norm(points[3] - points[2]) < 1e-6:
        return None
    signs = np.ones(6)
    signs[2:4] = np.sign(screws.axes[2:4] @ h)
    return ParallelArrays(screws.axes, points, signs, inverse_of(screws.zero), *chain)
