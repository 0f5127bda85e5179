"""A weld read back from joint values: where the wire tip was, how the torch stood, how fast it went. Judges nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.groups import part_motions
from cellctl.kinematics.jacobian import CHARACTERISTIC_LENGTH, jacobians, least_sigma
from cellctl.model.cell import Cell, Mechanism
from cellctl.model.pose import FloatArray, Pose
from cellctl.processes.contacts import seam_tool_of
from cellctl.processes.seam import SeamPath
from cellctl.processes.torch import spin_offsets, torch_angles

SETTLED = 1e-12
"""Arc length (m) by which a nearest point of a seam may still be moved."""
SINGULARITY_EVERY = 5
"""Every how many samples the singular value is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Readback:
    """What joint samples say, per sample: arc length `s` of the nearest point of the seam, deviations from it along b,
    n and t (m; t is zero but past the ends), work and travel angle, spin from the travel tangent about the wire, tool
    rotation about the wire per second, speed along the seam (m/s), all (n,); `sigma` the least normalised singular
    value of some samples; `excepted` (n,) marks the ends.
    """

    s: FloatArray
    lateral: FloatArray
    height: FloatArray
    beyond: FloatArray
    work: FloatArray
    travel: FloatArray
    spin: FloatArray
    spin_rate: FloatArray
    speed: FloatArray
    sigma: float
    excepted: NDArray[np.bool_]


def tcp_matrices(mechanism: Mechanism, ctwd: float, joints: FloatArray) -> FloatArray:
    """TCP in the world (n, 4, 4), `ctwd` (m) from the contact tip, for joint values (n, dof) of an arm with a torch."""
    chain = chain_of(mechanism.robot)
    first = mechanism.pose_world_base.matrix @ chain.before[:1]
    whole = chain._replace(
        before=np.concatenate([first, chain.before[1:]]), after=chain.after @ _tcp(mechanism, ctwd).matrix
    )
    return flange_matrices(whole, joints)


def seen_from_part(cell: Cell, group: str, seam: str, ctwd: float, joints: FloatArray) -> FloatArray:
    """TCP (n, 4, 4) as the part of `PART.SEAM` sees it, in the world as the part lies in the cell, for joint values
    (n, dof) of a group: where the part stands still, just in the world.
    """
    arm, own = arm_joints(cell, group, joints)
    motions = part_motions(cell, group, seam.partition(".")[0], joints)
    result: FloatArray = np.linalg.inv(motions) @ tcp_matrices(arm, ctwd, own)
    return result


def arm_joints(cell: Cell, group: str, joints: FloatArray) -> tuple[Mechanism, FloatArray]:
    """The first mechanism of a group, which holds the torch, and its own columns of joint values (n, dof)."""
    arm = cell.mechanism(cell.group(group).mechanisms[0])
    return arm, np.ascontiguousarray(joints[:, : arm.robot.dof])


def _tcp(mechanism: Mechanism, ctwd: float) -> Pose:
    return seam_tool_of(mechanism)[1].tcp(ctwd)


STANDING = np.eye(4)[None]


def read_back(
    mechanism: Mechanism,
    ctwd: float,
    path: SeamPath,
    t: FloatArray,
    q: FloatArray,
    ends: float,
    motions: FloatArray = STANDING,
) -> Readback:
    """Read a weld back from joint values `q` (n, dof) of the arm at increasing times `t` (n,), TCP at `ctwd` from the
    contact tip.

    `motions` (n, 4, 4) are those of the seam's part from where it lies. All is as seen from the part, but for the turn
    of the tool about its wire, which is in the world.
    """
    held = tcp_matrices(mechanism, ctwd, q)
    tcp = np.linalg.inv(motions) @ held
    points, wires = tcp[:, :3, 3], tcp[:, :3, 2]
    s = nearest_arc_lengths(path, points)
    frames = path.frames(s)
    offset = points - frames.points
    b = np.cross(frames.normals, frames.tangents)
    work, travel = torch_angles(frames.tangents, frames.normals, wires)
    dt = np.gradient(t)
    excepted = (s < ends) | (s > path.length - ends)
    for corner in path.corners():
        excepted |= np.abs(s - corner) < ends
    return Readback(
        s=s,
        lateral=_dot(offset, b),
        height=_dot(offset, frames.normals),
        beyond=np.where((s <= 0.0) | (s >= path.length), _dot(offset, frames.tangents), 0.0),
        work=work,
        travel=travel,
        spin=spin_offsets(frames.tangents, wires, tcp[:, :3, 0]),
        spin_rate=_dot(held[:, :3, 1], np.gradient(held[:, :3, 0], axis=0)) / dt,
        speed=_dot(np.gradient(points, axis=0), frames.tangents) / dt,
        sigma=_least_sigma(mechanism, ctwd, q[::SINGULARITY_EVERY]),
        excepted=excepted,
    )


def _dot(first: FloatArray, second: FloatArray) -> FloatArray:
    """Products (n,) of the rows of two arrays (n, 3)."""
    return np.asarray(np.einsum("ij,ij->i", first, second), dtype=np.float64)


def _least_sigma(mechanism: Mechanism, ctwd: float, q: FloatArray) -> float:
    return least_sigma(jacobians(chain_of(mechanism.robot), q, _tcp(mechanism, ctwd)), CHARACTERISTIC_LENGTH)


def nearest_arc_lengths(path: SeamPath, points: FloatArray) -> FloatArray:
    """Arc length (n,) of the seam point nearest to each of `points` (n, 3), which follow the seam in order.

    A seam may pass a place twice, as a circle with an overlap does: the first point takes the earliest arc length, and
    from there on nobody gets further along the seam than the points have moved.
    """
    grid = np.linspace(0.0, path.length, max(16, int(path.length / 1e-3)) + 1)
    seam, _ = path.line(grid)
    spacing = float(grid[1])
    away = np.linalg.norm(seam - points[0], axis=1)
    at = int(np.flatnonzero(away <= away.min() + spacing)[0])
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    s = np.empty(len(points))
    for i in range(0, len(points), 64):
        block = points[i : i + 64]
        moved = travelled[i + len(block) - 1] - travelled[max(i - 1, 0)]
        reach = int(np.ceil(1.5 * moved / spacing)) + 3
        window = slice(max(0, at - reach), min(len(grid), at + reach + 1))
        nearest = np.argmin(np.linalg.norm(block[:, None] - seam[window], axis=2), axis=1) + window.start
        s[i : i + 64] = grid[nearest]
        at = int(nearest[-1])
    for _ in range(6):  # each time nearer by the distance from the seam over its radius
        on_seam, tangents = path.line(s)
        along = np.clip(_dot(points - on_seam, tangents), -spacing, spacing)
        nearer = np.clip(s + along, 0.0, path.length)
        settled = np.abs(nearer - s).max() < SETTLED
        s = nearer
        if settled:
            break
    return s
