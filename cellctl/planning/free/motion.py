"""Free motion between two configurations: a bidirectional rapidly-exploring random tree (Kuffner and LaValle 2000) over
edges that are proved free, straight interpolation first, then shortcuts. Deterministic for a seed; limited by
iterations.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from cellctl.kinematics.compiled import COUNT, FLAG, REAL, compiled, reads, writes
from cellctl.model.pose import FloatArray
from cellctl.scene.packed import SCREEN, ScreenArrays
from cellctl.scene.screen import edge_free, state_free

ITERATIONS = 20_000
NODES = 4096
REACH = 1.0
RESOLUTIONS = 2e-3, 2e-4
"""What an edge is proved with, coarse first; the fine one where an end is too near to its margins for the coarse."""
SHORTCUTS = 120
SHUT_IN = 1000
"""Iterations within which both trees have to grow."""


@compiled(REAL, writes(1, types.uint64))
def _random(state: NDArray[np.uint64]) -> float:
    """The next double in [0, 1) of a xorshift64* generator (Vigna 2016); `state` (1,) uint64 moves on."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@compiled(types.Tuple((COUNT, REAL)), writes(2), COUNT, reads(1))
def _nearest(nodes: FloatArray, count: int, q: FloatArray) -> tuple[int, float]:
    best = 0
    least = np.inf
    for i in range(count):
        distance = 0.0
        for j in range(len(q)):
            distance += (nodes[i, j] - q[j]) ** 2
        if distance < least:
            least = distance
            best = i
    return best, np.sqrt(least)


@compiled(types.Tuple((COUNT, FLAG)), SCREEN, writes(2), writes(1, COUNT), COUNT, reads(1), reads(1), REAL, REAL)
def _extend(
    screen: ScreenArrays,
    nodes: FloatArray,
    parents: NDArray[np.intp],
    count: int,
    q: FloatArray,
    margins: FloatArray,
    reach: float,
    resolution: float,
) -> tuple[int, bool]:
    """Grow a tree towards `q` by one edge of at most `reach`: (new count, reached q)."""
    near, distance = _nearest(nodes, count, q)
    if distance < 1e-9:
        return count, True
    share = min(1.0, reach / distance)
    target = nodes[near] + share * (q - nodes[near])
    if not edge_free(screen, nodes[near], target, margins, resolution):
        return count, False
    nodes[count] = target
    parents[count] = near
    return count + 1, share == 1.0


@compiled(writes(2), writes(3), writes(2, COUNT), writes(1, COUNT), COUNT)
def _way(nodes: FloatArray, parents: NDArray[np.intp], counts: NDArray[np.intp], side: int) -> FloatArray:
    """Both branches from the meeting point, start first. The tree that met ends at (or at a node equal to) it."""
    dof = nodes.shape[2]
    lengths = np.zeros(2, np.int64)
    ends = np.empty(2, np.int64)
    ends[side] = counts[side] - 1
    ends[1 - side], _ = _nearest(nodes[1 - side], counts[1 - side], nodes[side, counts[side] - 1])
    for k in range(2):
        i = ends[k]
        while i >= 0:
            lengths[k] += 1
            i = parents[k, i]
    way = np.empty((lengths[0] + lengths[1] - 1, dof))
    i = ends[0]
    row = lengths[0] - 1
    while i >= 0:
        way[row] = nodes[0, i]
        row -= 1
        i = parents[0, i]
    i = parents[1, ends[1]]
    row = lengths[0]
    while i >= 0:
        way[row] = nodes[1, i]
        row += 1
        i = parents[1, i]
    return way


@compiled(
    types.Tuple((writes(2), FLAG)),
    SCREEN, reads(1), reads(1), reads(1), reads(1), reads(1), COUNT, COUNT, COUNT, REAL, REAL,
)  # fmt: skip
def _connected(
    screen: ScreenArrays,
    start: FloatArray,
    goal: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    margins: FloatArray,
    seed: int,
    iterations: int,
    capacity: int,
    reach: float,
    resolution: float,
) -> tuple[FloatArray, bool]:
    """Way points (k, dof) from start to goal, empty where none was found; and whether a tree never left its root."""
    dof = len(start)
    if edge_free(screen, start, goal, margins, resolution):
        straight = np.empty((2, dof))
        straight[0] = start
        straight[1] = goal
        return straight, False
    nodes = np.empty((2, capacity, dof))
    parents = np.full((2, capacity), -1, np.int64)
    counts = np.ones(2, np.int64)
    nodes[0, 0] = start
    nodes[1, 0] = goal
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x1234567)
    sample = np.empty(dof)
    side = 0
    for iteration in range(iterations):
        if iteration == SHUT_IN and counts.min() == 1:
            break
        for j in range(dof):
            sample[j] = lower[j] + (upper[j] - lower[j]) * _random(state)
        before = counts[side]
        counts[side], _ = _extend(screen, nodes[side], parents[side], before, sample, margins, reach, resolution)
        if counts[side] > before:
            target = nodes[side, counts[side] - 1]
            other = 1 - side
            while counts[other] < capacity - 1:
                grown = counts[other]
                counts[other], met = _extend(
                    screen, nodes[other], parents[other], grown, target, margins, reach, resolution
                )
                if met:
                    return _way(nodes, parents, counts, side), False
                if counts[other] == grown:
                    break
        if counts[0] >= capacity - 1 or counts[1] >= capacity - 1:
            break
        side = 1 - side
    return np.empty((0, dof)), counts.min() == 1


@compiled(writes(2), reads(2))
def _without_repeats(points: FloatArray) -> FloatArray:
    kept = np.empty_like(points)
    kept[0] = points[0]
    count = 1
    for i in range(1, len(points)):
        if np.sum((points[i] - kept[count - 1]) ** 2) > 1e-12:
            kept[count] = points[i]
            count += 1
    return kept[:count]


@compiled(writes(2), SCREEN, writes(2), reads(1), COUNT, COUNT, REAL)
def _shortened(
    screen: ScreenArrays, way: FloatArray, margins: FloatArray, seed: int, tries: int, resolution: float
) -> FloatArray:
    """`way` with random shortcuts between any two of its points, each proved free, and needless points left out."""
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x7654321)
    points = way.copy()
    for attempt in range(tries):
        n = len(points)
        if n < 3:
            break
        i = int(_random(state) * (n - 1))
        k = int(_random(state) * (n - 1))
        if i > k:
            i, k = k, i
        if k - i < 1:
            continue
        a = points[i] + _random(state) * (points[i + 1] - points[i])
        b = points[k] + _random(state) * (points[k + 1] - points[k])
        if attempt % 2 == 0:
            a = points[i]
            b = points[k + 1]
        longer = np.sqrt(np.sum((points[i + 1] - a) ** 2)) + np.sqrt(np.sum((b - points[k]) ** 2))
        for m in range(i + 1, k):
            longer += np.sqrt(np.sum((points[m + 1] - points[m]) ** 2))
        if np.sqrt(np.sum((b - a) ** 2)) > 0.999 * longer:
            continue
        if edge_free(screen, a, b, margins, resolution):
            shorter = np.empty((i + 1 + 2 + n - k - 1, points.shape[1]))
            shorter[: i + 1] = points[: i + 1]
            shorter[i + 1] = a
            shorter[i + 2] = b
            shorter[i + 3 :] = points[k + 1 :]
            points = _without_repeats(shorter)
    return points


def free_way(
    screen: ScreenArrays,
    start: FloatArray,
    goal: FloatArray,
    limits: tuple[FloatArray, FloatArray],
    margins: FloatArray,
    seed: int,
) -> FloatArray | None:
    """Way points (k, dof) of a proved-free polyline from `start` to `goal`, or None within ITERATIONS.

    `limits` are lower and upper joint values (dof,); samples are drawn near the box of start and goal inside them.
    """
    lower = np.maximum(limits[0], np.minimum(start, goal) - 2.0)
    upper = np.minimum(limits[1], np.maximum(start, goal) + 2.0)
    for resolution in RESOLUTIONS:
        way, shut_in = _connected(
            screen, start, goal, lower, upper, margins, seed, ITERATIONS, NODES, REACH, resolution
        )
        if len(way) > 2:
            way = _shortened(screen, way, margins, seed, SHORTCUTS, resolution)
        if len(way):
            found: FloatArray = way
            return found
        if not shut_in:
            break
    return None


def free_at(screen: ScreenArrays, q: FloatArray, margins: FloatArray) -> bool:
    """True when the screen proves `q` free with these margins."""
    return bool(state_free(screen, q, margins))
