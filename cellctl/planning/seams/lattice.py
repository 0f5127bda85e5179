"""The ladder of a seam that a positioner carries: at every stage all places of its axes, spins and branches.

Dynamic programming rolls through the stages; what is kept of them is where each node came from. It knows no obstacles
but the cost of a node.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from cellctl.kinematics.compiled import COUNT, NOTHING, REAL, compiled, reads, writes
from cellctl.model.pose import FloatArray

SHIFTS: Final = (0, -1, 1)
"""Neighbouring spins in the order that they are tried."""
UNREACHED: Final = 255
_TURN: Final = 2.0 * np.pi

IntArray = NDArray[np.intp]
ByteArray = NDArray[np.uint8]


@compiled(
    NOTHING,
    reads(4),
    reads(3),
    reads(4),
    reads(3),
    reads(2, COUNT),
    reads(2),
    reads(1),
    REAL,
    REAL,
    writes(3),
    writes(3, types.uint8),
)
def advance(
    joints_before: FloatArray,
    sums_before: FloatArray,
    joints: FloatArray,
    costs: FloatArray,
    neighbours: IntArray,
    moves: FloatArray,
    weights: FloatArray,
    spin_cost: float,
    gate: float,
    sums: FloatArray,
    origins: ByteArray,
) -> None:
    """One stage further: the least sum of costs up to every node (places, spins, branches), and its origin.

    `joints` (places, spins, branches, dof) differ by whole turns at will; a step costs weights (dof,) times the square
    of the way that every joint has the short way round, at most `gate` (rad). `neighbours` (places, m) are places
    before, -1 for none, at a cost of `moves` (places, m). An origin is 3 times the neighbour plus the shift of spin.
    """
    places, spins, branches, dof = joints.shape
    for e in range(places):
        for k in range(spins):
            for b in range(branches):
                sums[e, k, b], origins[e, k, b] = np.inf, UNREACHED
                if costs[e, k, b] == np.inf:
                    continue
                least, origin = np.inf, UNREACHED
                for m in range(neighbours.shape[1]):
                    f = neighbours[e, m]
                    if f < 0:
                        continue
                    for shift in range(3):
                        i = (k + SHIFTS[shift]) % spins
                        sofar = sums_before[f, i, b] + moves[e, m]
                        if shift > 0:
                            sofar += spin_cost
                        if sofar >= least:
                            continue
                        for j in range(dof):
                            step = joints[e, k, b, j] - joints_before[f, i, b, j]
                            step -= _TURN * np.rint(step / _TURN)
                            if step > gate or step < -gate:
                                sofar = np.inf
                                break
                            sofar += weights[j] * step * step
                        if sofar < least:
                            least, origin = sofar, 3 * m + shift
                sums[e, k, b] = least + costs[e, k, b]
                origins[e, k, b] = origin


def traced(
    origins: list[ByteArray], neighbours: list[IntArray], end: tuple[int, int, int]
) -> tuple[list[int], list[int]]:
    """The place and the spin at every stage of the way that ends at `end` (place, spin, branch)."""
    place, spin, branch = end
    places, spins = [place], [spin]
    for stage in range(len(origins) - 1, 0, -1):
        move, shift = divmod(int(origins[stage][place, spin, branch]), 3)
        place = int(neighbours[stage][place, move])
        spin = (spin + SHIFTS[shift]) % origins[stage].shape[1]
        places.append(place)
        spins.append(spin)
    return places[::-1], spins[::-1]
