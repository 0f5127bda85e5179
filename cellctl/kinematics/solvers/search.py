"""Numeric inverse of any six joints, compiled: searches from many starts, answers merged. No closed form, no limits.

Levenberg and Marquardt's damped steps. That every answer is found is likely, not certain; what is found is verified by
forward kinematics. Answers have no order, and the same call gives the same bytes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cellctl.kinematics.chain import BoolArray, Chain
from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, compiled, reads, writes
from cellctl.kinematics.forward import link_frames
from cellctl.kinematics.jacobian import fill_jacobian
from cellctl.kinematics.solvers.newton import CHAIN, pose_error, solve_in_place, verified, wrapped
from cellctl.kinematics.solvers.values import SAME, SearchArrays
from cellctl.model.pose import FloatArray

STARTS: Final = 60
ROUNDS: Final = 40
NEAR: Final = 1e-6
"""Error (m, rad) below which the last steps are undamped."""
LONGEST_STEP: Final = 0.6


@compiled(FLAG, *CHAIN, reads(2), writes(1))
def approach(
    before: FloatArray, axes: FloatArray, prismatic: BoolArray, after: FloatArray, target: FloatArray, q: FloatArray
) -> bool:
    """Move `q` (6,) to where the flange is at `target` (4, 4), by damped steps; whether it arrived."""
    frames, point = np.empty((8, 4, 4)), np.empty(3)
    twist, ahead, step, tried = np.empty(6), np.empty(6), np.empty(6), np.empty(6)
    jacobian, normal = np.empty((6, 6)), np.empty((6, 6))
    damping = 1e-2
    link_frames(before, axes, prismatic, after, q, frames)
    error = pose_error(target, frames[7], twist)
    for _ in range(ROUNDS):
        if error < NEAR:
            return verified(before, axes, prismatic, after, target, q)
        for i in range(3):
            point[i] = frames[7, i, 3]
        fill_jacobian(frames, axes, prismatic, point, jacobian)
        reached = error
        for _ in range(6):
            for i in range(6):
                step[i] = 0.0
                for k in range(6):
                    step[i] += jacobian[k, i] * twist[k]
                for j in range(6):
                    normal[i, j] = damping if i == j else 0.0
                    for k in range(6):
                        normal[i, j] += jacobian[k, i] * jacobian[k, j]
            solve_in_place(normal, step)
            longest = np.abs(step).max()
            shorter = min(1.0, LONGEST_STEP / longest) if longest > 0.0 else 1.0
            for j in range(6):
                tried[j] = q[j] + shorter * step[j]
            link_frames(before, axes, prismatic, after, tried, frames)
            reached = pose_error(target, frames[7], ahead)
            if reached < error:
                damping = max(1e-9, 0.1 * damping)
                break
            damping = min(1e3, 10.0 * damping)
        if not reached < error:
            return False
        error = reached
        for j in range(6):
            q[j] = tried[j]
            twist[j] = ahead[j]
    return False


@compiled(COUNT, reads(1), reads(1, FLAG), COUNT, writes(2))
def kept(q: FloatArray, prismatic: BoolArray, count: int, out: FloatArray) -> int:
    """Put `q` (6,) into `out` (capacity, 6) after `count` others unless it is among them; the new count."""
    for k in range(count):
        apart = 0.0
        for j in range(6):
            difference = q[j] - out[k, j]
            apart = max(apart, abs(difference if prismatic[j] else wrapped(difference)))
        if apart < SAME:
            return count
    if count == out.shape[0]:
        return count
    for j in range(6):
        out[count, j] = q[j] if prismatic[j] else wrapped(q[j])
    return count + 1


@compiled(NOTHING, reads(2), *CHAIN, reads(3), writes(3), writes(2, FLAG))
def search_bulk(
    starts: FloatArray,
    before: FloatArray,
    axes: FloatArray,
    prismatic: BoolArray,
    after: FloatArray,
    targets: FloatArray,
    out: FloatArray,
    valid: BoolArray,
) -> None:
    """Fill `out` (n, CAPACITY, 6) and `valid` (n, CAPACITY) for every one of `targets` (n, 4, 4).

    Every search begins at one of `starts` or at an answer for the target before.
    """
    q = np.empty(6)
    before_count = 0
    for n in range(targets.shape[0]):
        count = 0
        for k in range(before_count + starts.shape[0]):
            for j in range(6):
                q[j] = out[n - 1, k, j] if k < before_count else starts[k - before_count, j]
            if approach(before, axes, prismatic, after, targets[n], q):
                count = kept(q, prismatic, count, out[n])
        for k in range(out.shape[1]):
            valid[n, k] = k < count
        before_count = count


def search_arrays(chain: Chain, lower: FloatArray, upper: FloatArray) -> SearchArrays:
    """Six joints of `chain` for the search, its starts spread between `lower` and `upper` (6,)."""
    starts = np.random.default_rng(0).uniform(lower, upper, (STARTS, 6))
    return SearchArrays(starts, *chain)
