"""The first three axes of an arm to a point of its wrist, and the arm seen from its other end; compiled. No wrist.

Either the outer two of the three meet (a seven-axis arm whose last joint is held) or the inner two are parallel (the
usual industrial arm).
"""

from __future__ import annotations

import numpy as np

from cellctl.kinematics.compiled import NOTHING, REAL, compiled, reads, writes
from cellctl.kinematics.solvers.screws import MEETING, Screws, distance_to, inverse_of, meeting_point, parallel
from cellctl.kinematics.solvers.subproblems import angle_to, angles_to_plane, dot, turn
from cellctl.model.pose import FloatArray


@compiled(NOTHING, reads(2), reads(2), reads(1), REAL, writes(2))
def arm_of_meeting(axes: FloatArray, points: FloatArray, wrist: FloatArray, slack: float, out: FloatArray) -> None:
    """Fill `out` (4, 3) with angles 1..3 that put the wrist at `wrist` (3,), axes 1 and 2 meeting; NaN if none.

    Where it is out of reach by no more than `slack` (as a cosine), these are the angles of the stretched arm.
    """
    outer, wanted, bent, lifted = points[0] - points[2], wrist - points[0], np.empty(3), np.empty(3)
    hand = points[5] - points[2]
    elbows, lifts = np.empty(2), np.empty(2)
    out[:] = np.nan
    apart = 0.5 * (dot(hand, hand) + dot(outer, outer) - dot(wanted, wanted))
    if not angles_to_plane(outer, axes[2], hand, apart, slack, elbows):
        return
    for elbow in range(2):
        turn(axes[2], elbows[elbow], hand, bent)
        for i in range(3):
            bent[i] -= outer[i]
        if not angles_to_plane(axes[0], axes[1], bent, dot(axes[0], wanted), slack, lifts):
            continue
        for side in range(2):
            turn(axes[1], lifts[side], bent, lifted)
            row = 2 * side + elbow
            out[row, 0], out[row, 1] = angle_to(axes[0], lifted, wanted), lifts[side]
            out[row, 2] = elbows[elbow]


@compiled(NOTHING, reads(2), reads(2), REAL, reads(1), REAL, writes(2))
def arm_of_parallel(
    axes: FloatArray, points: FloatArray, sign: float, wrist: FloatArray, slack: float, out: FloatArray
) -> None:
    """Fill `out` (4, 3) as `arm_of_meeting` does, axes 2 and 3 parallel, axis 3 pointing as `sign` says against 2."""
    h, wanted, planar, bent = axes[1], wrist - points[0], np.empty(3), np.empty(3)
    upper, forearm = points[2] - points[1], points[5] - points[2]
    sides, elbows = np.empty(2), np.empty(2)
    out[:] = np.nan
    off = dot(h, forearm)
    for i in range(3):
        forearm[i] -= off * h[i]
    if not angles_to_plane(h, -axes[0], wanted, dot(h, points[5]) - dot(h, points[0]), slack, sides):
        return
    for side in range(2):
        turn(axes[0], -sides[side], wanted, planar)
        for i in range(3):
            planar[i] += points[0, i] - points[1, i]
        rise = dot(h, planar)
        for i in range(3):
            planar[i] -= rise * h[i]
        grown = 0.5 * (dot(planar, planar) - dot(upper, upper) - dot(forearm, forearm))
        if not angles_to_plane(upper, h, forearm, grown, slack, elbows):
            continue
        for elbow in range(2):
            turn(h, elbows[elbow], forearm, bent)
            for i in range(3):
                bent[i] += upper[i]
            row = 2 * side + elbow
            out[row, 0], out[row, 1] = sides[side], angle_to(h, bent, planar)
            out[row, 2] = sign * elbows[elbow]


@compiled(NOTHING, reads(2), REAL, reads(2), writes(2))
def carried(zero_inverse: FloatArray, backwards: float, target: FloatArray, out: FloatArray) -> None:
    """Fill `out` (4, 3) with what the six axes together do to reach `target` (4, 4): the images of x, y, z, then of the
    origin, seen from the end that the arm begins at.
    """
    for i in range(3):
        for j in range(3):
            image = 0.0
            for k in range(3):
                image += (target[k, i] if backwards else target[i, k]) * zero_inverse[k, j]
            out[j, i] = image
        origin = 0.0
        for k in range(3):
            if backwards:
                origin += target[k, i] * (zero_inverse[k, 3] - target[k, 3])
            else:
                origin += target[i, k] * zero_inverse[k, 3]
        out[3, i] = origin if backwards else origin + target[i, 3]


def from_the_flange(screws: Screws) -> Screws:
    """The same arm turned round: flange first, so that angles keep their signs when the axes change theirs."""
    back = inverse_of(screws.zero)
    axes = -screws.axes[::-1] @ back[:3, :3].T
    points = screws.points[::-1] @ back[:3, :3].T + back[:3, 3]
    return Screws(np.ascontiguousarray(axes), np.ascontiguousarray(points), back)


def points_to(screws: Screws, wrist: FloatArray) -> FloatArray | None:
    """Points (6, 3) on the axes as the kernels want them, 4 to 6 at `wrist` (3,); None without a form for 1 to 3."""
    points = screws.points.copy()
    points[3:] = wrist
    if parallel(screws, 1, 2) and not parallel(screws, 0, 1):
        h = screws.axes[1]
        points[2] += ((points[1] - points[2]) @ h) * h
        return points if distance_to(screws, 1, points[2]) > MEETING else None
    pair = meeting_point(screws, 0, 1)
    if pair is None or parallel(screws, 1, 2):
        return None
    points[:2] = pair
    return points


def pair_sign(screws: Screws) -> float:
    """The sign of axis 3 against axis 2 where they are parallel, else 0: which of the two kernels it is."""
    return float(np.sign(screws.axes[1] @ screws.axes[2])) if parallel(screws, 1, 2) else 0.0
