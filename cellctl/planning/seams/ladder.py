"""The ladder graph of a seam: at every station all spins, tilts and turns of one configuration; dynamic programming
finds the cheapest way through. Layout and rejection order after the usual Descartes-type planners; knows no obstacles
but the cost of a node, which the caller may set to infinity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from cellctl.kinematics.compiled import COUNT, REAL, compiled, reads, writes
from cellctl.model.pose import FloatArray

NODES = types.Tuple((writes(4), writes(3), writes(3, types.int16), writes(2, types.int32)))
CHOICE = types.Tuple((writes(1, types.int32), writes(1, types.int32), REAL, COUNT))


class Rungs(NamedTuple):
    """Nodes of one configuration: `joints` (n, spins, slots, dof), `costs` (n, spins, slots), `counts` (n, spins).

    A slot is one tilt with one set of turns; `tilts` (n, spins, slots) says which tilt. Slots past the count are
    unused.
    """

    joints: FloatArray
    costs: FloatArray
    tilts: NDArray[np.int16]
    counts: NDArray[np.int32]


@compiled(COUNT, reads(1), reads(1), reads(1), writes(2), writes(1, types.intp))
def _turned_values(
    q: FloatArray, lower: FloatArray, upper: FloatArray, turned: FloatArray, choices: NDArray[np.intp]
) -> int:
    """All values of each joint inside its limits into `turned` (dof, 3), their number into `choices`; the product of
    those.
    """
    ways = 1
    for j in range(len(q)):
        choices[j] = 0
        for turn in range(-1, 2):
            value = q[j] + 2.0 * np.pi * turn
            if lower[j] <= value <= upper[j]:
                turned[j, choices[j]] = value
                choices[j] += 1
        ways *= choices[j]
    return ways


@compiled(NODES, reads(4), reads(3, types.boolean), reads(1), reads(1), COUNT, COUNT, COUNT)
def fill_rungs(
    joints: FloatArray,
    valid: NDArray[np.bool_],
    lower: FloatArray,
    upper: FloatArray,
    branch: int,
    tilts: int,
    slots: int,
) -> tuple[FloatArray, FloatArray, NDArray[np.int16], NDArray[np.int32]]:
    """Rungs of one branch from IK answers `joints` (n, spins * tilts, branches, dof) and `valid` (n, spins * tilts,
    branches).

    Every turn of a joint by -2 pi, 0 or 2 pi that is inside the limits is a node of its own; a node costs more near a
    limit.
    """
    n, variants, _, dof = joints.shape
    spins = variants // tilts
    out = np.zeros((n, spins, slots, dof))
    costs = np.full((n, spins, slots), np.inf)
    tilt_of = np.zeros((n, spins, slots), np.int16)
    counts = np.zeros((n, spins), np.int32)
    turned = np.empty((dof, 3))
    choices = np.empty(dof, np.int64)
    for i in range(n):
        for v in range(variants):
            if not valid[i, v, branch]:
                continue
            k = v // tilts
            ways = _turned_values(joints[i, v, branch], lower, upper, turned, choices)
            for way in range(ways):
                c = counts[i, k]
                if c == slots:
                    break
                rest = way
                penalty = 0.0
                for j in range(dof):
                    value = turned[j, rest % choices[j]]
                    rest //= choices[j]
                    out[i, k, c, j] = value
                    room = min(value - lower[j], upper[j] - value)
                    if room < 0.17:
                        penalty += (0.17 - room) * (0.17 - room)
                costs[i, k, c] = penalty
                tilt_of[i, k, c] = v % tilts
                counts[i, k] = c + 1
    return out, costs, tilt_of, counts


@compiled(CHOICE, reads(4), reads(3), reads(2, types.int32), reads(1), reads(1))
def cheapest_way(
    joints: FloatArray, costs: FloatArray, counts: NDArray[np.int32], weights: FloatArray, gate: FloatArray
) -> tuple[NDArray[np.int32], NDArray[np.int32], float, int]:
    """Dynamic programming over the rungs: the way of least sum of weights * dq^2 + node cost.

    Neighbours differ by at most one spin (a ring) and by `gate` (dof,) a joint. Returns the chosen spin and slot per
    station, the cost (infinite where there is none) and the furthest station that any way reaches.
    """
    n, spins, slots, dof = joints.shape
    best = np.full((spins, slots), np.inf)
    parent = np.full((n, spins, slots), -1, np.int32)
    for k in range(spins):
        for a in range(counts[0, k]):
            best[k, a] = costs[0, k, a]
    reached = 0
    for i in range(1, n):
        following = np.full((spins, slots), np.inf)
        alive = False
        for k in range(spins):
            for a in range(counts[i, k]):
                node = costs[i, k, a]
                if node == np.inf:
                    continue
                least = np.inf
                least_from = -1
                for shift in range(-1, 2):
                    m = (k + shift) % spins
                    for b in range(counts[i - 1, m]):
                        sofar = best[m, b]
                        if sofar >= least:
                            continue
                        for j in range(dof - 1, -1, -1):
                            step = joints[i, k, a, j] - joints[i - 1, m, b, j]
                            if step > gate[j] or step < -gate[j]:
                                sofar = np.inf
                                break
                            sofar += weights[j] * step * step
                        if sofar < least:
                            least = sofar
                            least_from = m * slots + b
                if least_from >= 0:
                    following[k, a] = least + node
                    parent[i, k, a] = least_from
                    alive = True
        best = following
        if not alive:
            break
        reached = i
    chosen_spin = np.full(n, -1, np.int32)
    chosen_slot = np.full(n, -1, np.int32)
    total = np.inf
    if reached == n - 1:
        for k in range(spins):
            for a in range(counts[n - 1, k]):
                if best[k, a] < total:
                    total = best[k, a]
                    chosen_spin[n - 1] = k
                    chosen_slot[n - 1] = a
    if total < np.inf:
        for i in range(n - 1, 0, -1):
            code = parent[i, chosen_spin[i], chosen_slot[i]]
            chosen_spin[i - 1] = code // slots
            chosen_slot[i - 1] = code % slots
    return chosen_spin, chosen_slot, total, reached
