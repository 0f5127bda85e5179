"""A compiled conservative screen: distances of listed pairs never more than the true ones, of states and whole motions.

"Free" is a proof within float64 rounding; "not free" only says that this screen could not prove it. No engine is asked.
Every kernel takes the arrays of `pack`, and arrays that are C-contiguous float64.
"""

from __future__ import annotations

from math import ceil, inf, sqrt
from typing import Final

import numpy as np

from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, REAL, compiled, reads, several, writes
from cellctl.kinematics.forward import branched_frames
from cellctl.model.pose import FloatArray
from cellctl.scene.packed import SCREEN, IntArray, ScreenArrays, pack
from cellctl.scene.support import ROUNDING, separation

__all__ = [
    "ScreenArrays",
    "edge_free",
    "fill_radii",
    "motion_radii",
    "pack",
    "pair_bounds",
    "pair_displacement",
    "pair_displacements",
    "place",
    "sphere_gap",
    "state_bounds",
    "state_free",
]

_FIRST_SPLIT: Final = 0.3
"""Largest joint change (rad or m) of one interval before an edge is tried."""


@compiled(NOTHING, SCREEN, reads(1), writes(3), writes(3), writes(2), late=True)
def place(screen: ScreenArrays, q: FloatArray, frames: FloatArray, places: FloatArray, centres: FloatArray) -> None:
    """Put the solids where `q` (dof,) has them, in the world.

    Fills the chain's `frames` (dof + 1, 4, 4), in its base frame, the upper rows `places` (n, 3, 4) of the poses of the
    solids, and the `centres` (n, 3) of their spheres.
    """
    branched_frames(screen.before, screen.axes, screen.prismatic, screen.parents, q, frames)
    base, poses = screen.base, screen.poses
    carrier = np.empty((3, 4))
    carried = -1
    for k in range(screen.frames.shape[0]):
        frame = screen.frames[k]
        if frame >= 0 and frame != carried:
            carried = frame
            for i in range(3):
                for j in range(4):
                    carrier[i, j] = (
                        base[i, 0] * frames[frame, 0, j]
                        + base[i, 1] * frames[frame, 1, j]
                        + base[i, 2] * frames[frame, 2, j]
                    )
                carrier[i, 3] += base[i, 3]
        for i in range(3):
            for j in range(4):
                if frame < 0:
                    places[k, i, j] = poses[k, i, j]
                else:
                    places[k, i, j] = (
                        carrier[i, 0] * poses[k, 0, j] + carrier[i, 1] * poses[k, 1, j] + carrier[i, 2] * poses[k, 2, j]
                    )
            if frame >= 0:
                places[k, i, 3] += carrier[i, 3]
            centres[k, i] = (
                places[k, i, 0] * screen.spheres[k, 0]
                + places[k, i, 1] * screen.spheres[k, 1]
                + places[k, i, 2] * screen.spheres[k, 2]
                + places[k, i, 3]
            )


@compiled(REAL, SCREEN, reads(2), COUNT, late=True)
def sphere_gap(screen: ScreenArrays, centres: FloatArray, pair: int) -> float:
    """Lower bound (m) on the distance of a pair from the spheres around its solids; small enough to be inlined."""
    a, b = screen.pairs[pair, 0], screen.pairs[pair, 1]
    x, y, z = centres[b, 0] - centres[a, 0], centres[b, 1] - centres[a, 1], centres[b, 2] - centres[a, 2]
    return sqrt(x * x + y * y + z * z) - float(screen.spheres[a, 3] + screen.spheres[b, 3]) - ROUNDING


@compiled(several(4), SCREEN, reads(3), reads(2), COUNT, COUNT, late=True)
def _gap_to_box(
    screen: ScreenArrays, places: FloatArray, centres: FloatArray, ball: int, box: int
) -> tuple[float, float, float, float]:
    """Distance of the sphere around solid `ball` to the box around solid `box`, and the unit direction to it.

    The direction is zero where the centre is inside the box.
    """
    x, y, z = (
        centres[ball, 0] - places[box, 0, 3],
        centres[ball, 1] - places[box, 1, 3],
        centres[ball, 2] - places[box, 2, 3],
    )
    u = places[box, 0, 0] * x + places[box, 1, 0] * y + places[box, 2, 0] * z
    v = places[box, 0, 1] * x + places[box, 1, 1] * y + places[box, 2, 1] * z
    w = places[box, 0, 2] * x + places[box, 1, 2] * y + places[box, 2, 2] * z
    u = min(max(u, screen.boxes[box, 0]), screen.boxes[box, 3]) - u
    v = min(max(v, screen.boxes[box, 1]), screen.boxes[box, 4]) - v
    w = min(max(w, screen.boxes[box, 2]), screen.boxes[box, 5]) - w
    length = sqrt(u * u + v * v + w * w)
    if length < 1e-9:
        return -screen.spheres[ball, 3], 0.0, 0.0, 0.0
    x = (places[box, 0, 0] * u + places[box, 0, 1] * v + places[box, 0, 2] * w) / length
    y = (places[box, 1, 0] * u + places[box, 1, 1] * v + places[box, 1, 2] * w) / length
    z = (places[box, 2, 0] * u + places[box, 2, 1] * v + places[box, 2, 2] * w) / length
    return length - screen.spheres[ball, 3], x, y, z


@compiled(several(2), SCREEN, reads(3), reads(2), COUNT, REAL, writes(1), late=True)
def pair_bounds(
    screen: ScreenArrays, places: FloatArray, centres: FloatArray, pair: int, threshold: float, direction: FloatArray
) -> tuple[float, float]:
    """A lower and an upper bound (m) on the distance of a pair, refined while that can help to reach `threshold`.

    `direction` (3,) is where to start looking, zero for anywhere, and becomes the best one found.
    """
    a, b = screen.pairs[pair, 0], screen.pairs[pair, 1]
    lower = sphere_gap(screen, centres, pair)
    gap, u, v, w = _gap_to_box(screen, places, centres, a, b)
    back, x_back, y_back, z_back = _gap_to_box(screen, places, centres, b, a)
    if back > gap:
        gap, u, v, w = back, -x_back, -y_back, -z_back
    lower = max(lower, gap - ROUNDING)
    if lower >= threshold:
        return lower, inf
    if direction[0] == 0.0 and direction[1] == 0.0 and direction[2] == 0.0:
        if u == 0.0 and v == 0.0 and w == 0.0:
            u = 1.0
        direction[0], direction[1], direction[2] = u, v, w
    refined, upper = separation(screen.solids, places, a, b, threshold, direction)
    return max(lower, refined), upper


@compiled(NOTHING, SCREEN, reads(1), reads(1), writes(1))
def state_bounds(screen: ScreenArrays, q: FloatArray, thresholds: FloatArray, out: FloatArray) -> None:
    """Fill `out` (p,) with a lower bound (m) on the distance of every listed pair at `q` (dof,).

    A bound is refined until it reaches its threshold (p,) or cannot any more, so a far pair costs next to nothing; an
    infinite threshold refines it to 1 um where the two are apart. Where they overlap it is not positive.
    """
    frames = np.empty((screen.axes.shape[0] + 1, 4, 4))
    places = np.empty((screen.frames.shape[0], 3, 4))
    centres = np.empty((screen.frames.shape[0], 3))
    direction = np.empty(3)
    place(screen, q, frames, places, centres)
    for pair in range(screen.pairs.shape[0]):
        out[pair] = sphere_gap(screen, centres, pair)
        if out[pair] < thresholds[pair]:
            direction[:] = 0.0
            out[pair] = pair_bounds(screen, places, centres, pair, thresholds[pair], direction)[0]


@compiled(FLAG, SCREEN, reads(1), reads(1), late=True)
def state_free(screen: ScreenArrays, q: FloatArray, margins: FloatArray) -> bool:
    """Whether every listed pair is proved to keep its margin (p,) at `q` (dof,); pairs with margin -inf may touch."""
    frames = np.empty((screen.axes.shape[0] + 1, 4, 4))
    places = np.empty((screen.frames.shape[0], 3, 4))
    centres = np.empty((screen.frames.shape[0], 3))
    direction = np.empty(3)
    place(screen, q, frames, places, centres)
    for pair in range(screen.pairs.shape[0]):
        if sphere_gap(screen, centres, pair) < margins[pair]:
            direction[:] = 0.0
            if pair_bounds(screen, places, centres, pair, margins[pair], direction)[0] < margins[pair]:
                return False
    return True


@compiled(NOTHING, SCREEN, reads(3), reads(2), writes(2), late=True)
def fill_radii(screen: ScreenArrays, frames: FloatArray, centres: FloatArray, out: FloatArray) -> None:
    """Fill `out` (n, dof) as `motion_radii`, for solids that `place` has put somewhere."""
    base = screen.base
    for j in range(screen.axes.shape[0]):
        ux, uy, uz, ox, oy, oz = 0.0, 0.0, 0.0, base[0, 3], base[1, 3], base[2, 3]
        for i in range(3):
            along = (
                frames[j + 1, i, 0] * screen.axes[j, 0]
                + frames[j + 1, i, 1] * screen.axes[j, 1]
                + frames[j + 1, i, 2] * screen.axes[j, 2]
            )
            origin = frames[j + 1, i, 3]
            ux += base[0, i] * along
            uy += base[1, i] * along
            uz += base[2, i] * along
            ox += base[0, i] * origin
            oy += base[1, i] * origin
            oz += base[2, i] * origin
        for k in range(screen.frames.shape[0]):
            x, y, z = centres[k, 0] - ox, centres[k, 1] - oy, centres[k, 2] - oz
            a, b, c = uy * z - uz * y, uz * x - ux * z, ux * y - uy * x
            turned = sqrt(a * a + b * b + c * c) + screen.spheres[k, 3]
            out[k, j] = 1.0 if screen.prismatic[j] else turned


@compiled(NOTHING, SCREEN, reads(1), writes(2), late=True)
def motion_radii(screen: ScreenArrays, q: FloatArray, out: FloatArray) -> None:
    """Fill `out` (n, dof) with the largest distance (m) of any point of each solid from each axis at `q` (dof,).

    Taken over the sphere around the solid, so never too small; 1 for a prismatic joint.
    """
    frames = np.empty((screen.axes.shape[0] + 1, 4, 4))
    places = np.empty((screen.frames.shape[0], 3, 4))
    centres = np.empty((screen.frames.shape[0], 3))
    place(screen, q, frames, places, centres)
    fill_radii(screen, frames, centres, out)


@compiled(REAL, SCREEN, reads(2), COUNT, reads(1), late=True)
def pair_displacement(screen: ScreenArrays, radii: FloatArray, pair: int, half_steps: FloatArray) -> float:
    """One entry of `pair_displacements`, for `radii` (n, dof) of `motion_radii`."""
    a, b = screen.pairs[pair, 0], screen.pairs[pair, 1]
    on_a, on_b = max(screen.frames[a], 0), max(screen.frames[b], 0)
    of_a, of_b, of_both = 0.0, 0.0, 0.0
    while on_a != on_b:
        j = max(on_a, on_b) - 1
        of_a += half_steps[j] * radii[a, j]
        of_b += half_steps[j] * radii[b, j]
        if on_a > on_b:
            of_both += half_steps[j] * radii[a, j]
            on_a = screen.parents[j]
        else:
            of_both += half_steps[j] * radii[b, j]
            on_b = screen.parents[j]
    return min(of_a, of_b, of_both)


@compiled(NOTHING, SCREEN, reads(1), reads(1), writes(1), late=True)
def pair_displacements(screen: ScreenArrays, q_mid: FloatArray, half_steps: FloatArray, out: FloatArray) -> None:
    """Fill `out` (p,) with how much nearer (m) each pair can come while joint j stays within half_steps[j] of q_mid[j].

    Let joints k, k + 1 ... carry a point; in the frame before joint k it is R(t) y(t), and

        |R(t) y(t) - R(0) y(0)| <= |y(t) - y(0)| + |R(t) y(0) - R(0) y(0)| <= (the same from joint k + 1 on) + D_k r_k

    with r_k its distance from axis k at `q_mid`. So the sum of D_k r_k over the joints between the two solids bounds
    the motion of either as seen from the other, with nothing left out; and where they are on two branches, that of
    each as seen from where these part. The smallest of these views counts.
    """
    radii = np.empty((screen.frames.shape[0], screen.axes.shape[0]))
    motion_radii(screen, q_mid, radii)
    for pair in range(screen.pairs.shape[0]):
        out[pair] = pair_displacement(screen, radii, pair, half_steps)


@compiled(
    COUNT, SCREEN, reads(1), reads(1), reads(1), COUNT, reads(2, COUNT), COUNT, writes(2), writes(2, COUNT), late=True
)
def _fill_unproved(
    screen: ScreenArrays,
    qa: FloatArray,
    qb: FloatArray,
    margins: FloatArray,
    intervals: int,
    work: IntArray,
    items: int,
    directions: FloatArray,
    rest: IntArray,
) -> int:
    """Try the first `items` rows of `work` (w, 2), interval and pair, of an edge cut into `intervals`; how many remain.

    Fills `rest` (2 w, 2) with the halves of what is not proved; -1 says that a pair violates its margin at a middle.
    """
    dof, solids = screen.axes.shape[0], screen.frames.shape[0]
    frames, places, centres = np.empty((dof + 1, 4, 4)), np.empty((solids, 3, 4)), np.empty((solids, 3))
    radii, q, half_steps = np.empty((solids, dof)), np.empty(dof), np.empty(dof)
    for j in range(dof):
        half_steps[j] = abs(qb[j] - qa[j]) * 0.5 / intervals
    left, item = 0, 0
    while item < items:
        interval, run = work[item, 0], left
        for j in range(dof):
            q[j] = qa[j] + (qb[j] - qa[j]) * (interval + 0.5) / intervals
        place(screen, q, frames, places, centres)
        fill_radii(screen, frames, centres, radii)
        while item < items and work[item, 0] == interval:
            pair = work[item, 1]
            item += 1
            reach = float(margins[pair]) + pair_displacement(screen, radii, pair, half_steps)
            if sphere_gap(screen, centres, pair) >= reach:
                continue
            lower, upper = pair_bounds(screen, places, centres, pair, reach, directions[pair])
            if upper < margins[pair]:
                return -1
            if lower < reach:
                rest[left, 0], rest[left, 1] = 2 * interval, pair
                left += 1
        for k in range(run, left):
            rest[left, 0], rest[left, 1] = 2 * interval + 1, rest[k, 1]
            left += 1
    return left


@compiled(FLAG, SCREEN, reads(1), reads(1), reads(1), REAL, late=True)
def edge_free(
    screen: ScreenArrays, qa: FloatArray, qb: FloatArray, margins: FloatArray, resolution_limit: float
) -> bool:
    """Whether every listed pair is proved to keep its margin (p,) along the straight joint motion from `qa` to `qb`.

    An interval proves a pair when its distance at the middle exceeds the margin by what the pair can come nearer within
    the interval (`pair_displacements`); else it is halved for that pair, until the largest joint change of half an
    interval falls below `resolution_limit` (rad or m), which counts as not proved. A pair that violates its margin at
    a middle ends the search. Intervals are tried coarse ones first.
    """
    longest = 0.0
    for j in range(qa.shape[0]):
        longest = max(longest, abs(qb[j] - qa[j]))
    intervals = max(1, ceil(longest / _FIRST_SPLIT))
    work = np.empty((intervals * screen.pairs.shape[0], 2), dtype=np.intp)
    items = 0
    for interval in range(intervals):
        for pair in range(screen.pairs.shape[0]):
            if margins[pair] > -inf:
                work[items, 0], work[items, 1] = interval, pair
                items += 1
    directions = np.zeros((screen.pairs.shape[0], 3))
    while items > 0:
        rest = np.empty((2 * items, 2), dtype=np.intp)
        items = _fill_unproved(screen, qa, qb, margins, intervals, work, items, directions, rest)
        if items < 0 or (items > 0 and 0.5 * longest / intervals < resolution_limit):
            return False
        work = rest
        intervals *= 2
    return True


@compiled(NOTHING, SCREEN, reads(2), reads(1), writes(1, FLAG), late=True)
def states_free(screen: ScreenArrays, joints: FloatArray, margins: FloatArray, out: BoolArray) -> None:
    """`state_free` for every row of `joints` (n, dof), into `out` (n,)."""
    for i in range(joints.shape[0]):
        out[i] = state_free(screen, joints[i], margins)
