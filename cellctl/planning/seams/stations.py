"""Stations along a seam and the flange poses that put the torch there. Knows no joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.model.pose import FloatArray, Pose
from cellctl.planning.seams.torch_poses import fill_torch_poses
from cellctl.processes.seam import SeamFrames, SeamPath
from cellctl.processes.torch import spin_offsets, torch_angles, transported_references, wire_directions

LARGEST_STEP = 2.5e-3
LARGEST_TURN = np.radians(4.0)
STANDING = np.eye(4)


@dataclass(frozen=True, slots=True, eq=False)
class Stations:
    """Samples of a seam at arc lengths `s` (n,): its frames, and for each a spin reference (n, 3) that does not turn.

    `offsets` (n,) lead from the public spin zero (travel tangent) to the reference, rad, continuous along the seam.
    """

    s: FloatArray
    frames: SeamFrames
    references: FloatArray
    offsets: FloatArray
    pose_base_world: FloatArray
    pose_tcp_flange: FloatArray

    def __len__(self) -> int:
        return len(self.s)

    def flange_poses(
        self, spins: FloatArray, work: FloatArray, travel: FloatArray, motions: FloatArray | None = None
    ) -> FloatArray:
        """Flange poses (n, 4, 4) in the robot's base for spins from the reference and angles, all (n,), rad; the part
        has moved by `motions` (n, 4, 4) from where it lies in the world.
        """
        if motions is None:
            return self._poses(spins, work, travel, self.pose_base_world, self.pose_tcp_flange)
        result: FloatArray = (
            self.pose_base_world @ motions @ self._poses(spins, work, travel, STANDING, self.pose_tcp_flange)
        )
        return result

    def angles(self, flanges: FloatArray, station: NDArray[np.intp]) -> FloatArray:
        """Spin from the reference, work and travel angle (n, 3), rad, of flange poses (n, 4, 4) in the robot's base at
        stations (n,): the inverse of `flange_poses`.
        """
        tcp = np.linalg.inv(self.pose_base_world) @ flanges @ np.linalg.inv(self.pose_tcp_flange)
        wires = tcp[:, :3, 2]
        work, travel = torch_angles(self.frames.tangents[station], self.frames.normals[station], wires)
        along, across = self.references[station], np.cross(wires, self.references[station])
        spin = np.arctan2(*(np.einsum("ij,ij->i", tcp[:, :3, 0], axis) for axis in (across, along)))
        return np.stack([spin, work, travel], axis=1)

    def spun_flange_poses(self, spins: FloatArray, first: FloatArray, work: float, travel: float) -> FloatArray:
        """Flange poses (n, k, 4, 4) as `flange_poses` has them, for every one of `spins` (k,) from `first` (n,) on."""
        n = len(self)
        tip = self.pose_base_world @ self.tip_poses(first, np.full(n, work), np.full(n, travel))
        turned = np.tile(np.eye(4), (len(spins), 1, 1))
        turned[:, 0, 0] = turned[:, 1, 1] = np.cos(spins)
        turned[:, 1, 0] = np.sin(spins)
        turned[:, 0, 1] = -turned[:, 1, 0]
        after = (turned @ self.pose_tcp_flange).transpose(1, 0, 2).reshape(4, -1)
        return (tip @ after).reshape(n, 4, len(spins), 4).transpose(0, 2, 1, 3)

    def tip_poses(self, spins: FloatArray, work: FloatArray, travel: FloatArray) -> FloatArray:
        """Poses (n, 4, 4) of the TCP in the world, the part as it lies."""
        return self._poses(spins, work, travel, STANDING, STANDING)

    def _poses(
        self, spins: FloatArray, work: FloatArray, travel: FloatArray, before: FloatArray, after: FloatArray
    ) -> FloatArray:
        """Poses (n, 4, 4): `before` @ that of the TCP in the world @ `after`."""
        frames, poses = self.frames, np.empty((len(spins), 4, 4))
        seam = (frames.points, frames.tangents, frames.normals, self.references)
        fill_torch_poses(*seam, np.stack([spins, work, travel], axis=1), before, after, poses)
        return poses


def stations_of(path: SeamPath, pose_world_base: Pose, pose_flange_tcp: Pose, work: float, travel: float) -> Stations:
    """Stations no further apart than LARGEST_STEP, and than LARGEST_TURN of the seam frame; references for nominal
    angles.
    """
    count = max(8, int(np.ceil(path.length / LARGEST_STEP)) + 1)
    probe = path.frames(np.linspace(0.0, path.length, count))
    turn = np.arccos(np.clip(np.einsum("ij,ij->i", probe.tangents[1:], probe.tangents[:-1]), -1.0, 1.0))
    turn += np.arccos(np.clip(np.einsum("ij,ij->i", probe.normals[1:], probe.normals[:-1]), -1.0, 1.0))
    count = max(count, int(np.ceil((count - 1) * turn.max() / LARGEST_TURN)) + 1)
    s = np.linspace(0.0, path.length, count)
    base, tcp = pose_world_base.inverse().matrix, pose_flange_tcp.inverse().matrix
    return stations_at(s, path.frames(s), base, tcp, work, travel)


def stations_at(
    s: FloatArray,
    frames: SeamFrames,
    pose_base_world: FloatArray,
    pose_tcp_flange: FloatArray,
    work: float,
    travel: float,
) -> Stations:
    """Stations at arc lengths `s` (n,) with `frames`; references for nominal angles."""
    wires = wire_directions(frames.tangents, frames.normals, np.full(len(s), work), np.full(len(s), travel))
    references = transported_references(wires)
    offsets = np.unwrap(spin_offsets(frames.tangents, wires, references))
    return Stations(s, frames, references, offsets, pose_base_world, pose_tcp_flange)
