"""Which places of a positioner's axes hold the face of a seam up, at stages along it. Knows no arm.

The face shall look up (position PA of ISO 6947): places where it leans too far are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.groups import carried_motions
from cellctl.kinematics.solvers.opw import BRANCHES
from cellctl.model.cell import Mechanism
from cellctl.model.pose import FloatArray
from cellctl.planning.seams.lattice import IntArray
from cellctl.planning.seams.reach import SeamProblem

BoolArray = NDArray[np.bool_]

GRID = np.radians(15.0)
"""Between neighbouring places of an axis; the seam turns no more from stage to stage, so that the axis can follow."""
SPINS = 24
STAGE = 20e-3
LEANS = tuple(np.radians((20.0, 30.0, 45.0, 60.0, 75.0)))
"""How far the face may lean from up (rad): the least that every station has places for."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """A grid of joint values of the carrier: `joints` (p, k), `index` (p, k) on the grid, what it carries has moved by
    `motions` (p, 4, 4) there.
    """

    joints: FloatArray
    index: IntArray
    motions: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Where a way through the grid may go: stations of the stages (m,), the places at each that hold the face up
    enough, and which nodes (places, spins, branches) of each are blocked. `tilt` (2,) are the work and travel angle all
    along it, `tips` (n, 4, 4) the TCP at every station at these and without spin, as the part lies in the world.
    """

    tilt: FloatArray
    tips: FloatArray
    stages: IntArray
    places: tuple[Places, ...]
    blocked: tuple[BoolArray, ...]
    lean: float


def lattice_of(problem: SeamProblem, carrier: Mechanism, tilt: FloatArray) -> Lattice | None:
    """The lattice at a work and travel angle `tilt` (2,), of the least lean that every stage has places for; None where
    the face cannot be held up at all.
    """
    stages = _stages(problem)
    grid = _grid(carrier)
    normals = problem.stations.frames.normals[stages]
    ups = np.einsum("pj,nj->np", grid.motions[:, 2, :3], normals)
    for lean in LEANS:
        upright = ups >= np.cos(lean)
        if upright.any(axis=1).all():
            places = tuple(Places(grid.joints[row], grid.index[row], grid.motions[row]) for row in upright)
            blocked = tuple(np.zeros((len(at.joints), SPINS, BRANCHES), dtype=np.bool_) for at in places)
            return Lattice(tilt, _unspun(problem, tilt), stages, places, blocked, lean)
    return None


def _unspun(problem: SeamProblem, tilt: FloatArray) -> FloatArray:
    zeros = np.zeros(len(problem.stations))
    return problem.stations.tip_poses(zeros, zeros + tilt[0], zeros + tilt[1])


def _stages(problem: SeamProblem) -> IntArray:
    """Stations (m,) no further apart than STAGE and than a turn of the seam's frame by GRID, both ends among them."""
    frames, s = problem.stations.frames, problem.stations.s
    turns = [np.einsum("ij,ij->i", axis[1:], axis[:-1]) for axis in (frames.tangents, frames.normals)]
    turned = np.maximum(*(np.arccos(np.clip(turn, -1.0, 1.0)) for turn in turns))
    steps = np.maximum(np.diff(s) / STAGE, turned / GRID)
    passed = np.concatenate([[0.0], np.cumsum(steps)])
    count = int(np.ceil(passed[-1])) + 1
    return np.unique(np.searchsorted(passed, np.linspace(0.0, passed[-1], count) - 1e-12)).astype(np.intp)


def _grid(carrier: Mechanism) -> Places:
    """Every multiple of GRID inside the limits, of all axes."""
    limits = carrier.robot.axis_limits
    index = [np.arange(np.ceil(limit.lower / GRID), np.floor(limit.upper / GRID) + 1.0) for limit in limits]
    grid = np.stack(np.meshgrid(*index, indexing="ij"), axis=-1).reshape(-1, len(limits))
    return Places(grid * GRID, grid.astype(np.intp), carried_motions(carrier, grid * GRID))
