"""The masses of an arm and its tool, joined to one rigid lump for each frame of the chain. Nothing moves here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cellctl.kinematics.chain import link_places
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Inertia, Robot, Tool

STANDARD_GRAVITY = 9.80665
"""m/s^2, CGPM 1901."""

_LEAST_MASS = 1e-3
_LEAST_INERTIA = 1e-6


class Lump(NamedTuple):
    """What moves as one: `mass` (kg), its centre `com` (3,) in the chain frame, inertia (3, 3) about it, kg m^2."""

    mass: float
    com: FloatArray
    inertia: FloatArray


def lumped(robot: Robot, tool: Tool | None) -> list[Lump]:
    """For each chain frame 0..dof what moves with it, the tool with the last; at least a gram each."""
    pieces: list[list[tuple[Inertia, Pose]]] = [[] for _ in range(robot.dof + 1)]
    places = link_places(robot)
    for link in robot.links:
        frame, pose = places[link.name]
        pieces[frame].append((link.inertia, pose))
    if tool is not None:
        frame, pose = places[robot.flange]
        pieces[frame].append((tool.inertia, pose))
    return [_lump(piece) for piece in pieces]


def masses_are_estimates(robot: Robot, tool: Tool | None) -> bool:
    """Whether any mass that moves was estimated rather than published."""
    places = link_places(robot)
    inertias = [link.inertia for link in robot.links if places[link.name].frame > 0]
    if tool is not None:
        inertias.append(tool.inertia)
    return any(inertia.basis == "estimate" for inertia in inertias if inertia.mass > 0.0)


def _lump(pieces: list[tuple[Inertia, Pose]]) -> Lump:
    """Masses joined rigidly (Steiner's theorem)."""
    mass = sum(inertia.mass for inertia, _ in pieces)
    if mass < _LEAST_MASS:
        return Lump(_LEAST_MASS, np.zeros(3), _LEAST_INERTIA * np.eye(3))
    centres = [pose.apply(inertia.com) for inertia, pose in pieces]
    com = np.average(centres, axis=0, weights=[inertia.mass for inertia, _ in pieces])
    total = np.zeros((3, 3))
    for (inertia, pose), centre in zip(pieces, centres, strict=True):
        xx, xy, xz, yy, yz, zz = inertia.moments
        own = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        off = centre - com
        total += pose.rotation @ own @ pose.rotation.T + inertia.mass * (off @ off * np.eye(3) - np.outer(off, off))
    return Lump(float(mass), com, total + _LEAST_INERTIA * np.eye(3))
