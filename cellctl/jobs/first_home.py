"""Joint values for an arm that names none to begin a new project with. Searches a few poses; it plans no motion."""

from __future__ import annotations

from collections.abc import Iterator
from math import pi

import numpy as np

from cellctl.kinematics.inverse import solve
from cellctl.model.cell import Cell, Mechanism
from cellctl.model.pose import FloatArray, Pose, rotation_about
from cellctl.scene.bodies import collision_model
from cellctl.scene.engine import EngineName, open_engine

HEIGHTS = (0.3, 0.2, 0.4)
"""How far above the work the tool's tip is tried, as shares of the arm's reach."""
TILTS = (0.0, -pi / 9.0, pi / 9.0)
"""How far the tool leans from straight down, about the world's y axis (rad)."""
SPINS = 12


def first_homes(cell: Cell, above: FloatArray, reach: float, engine: EngineName | None = None) -> Iterator[FloatArray]:
    """Joint values (dof,) with the tool over the point `above` (3,), in the world frame (m), and the arm clear of
    everything in `cell` by its margins; first those with the joints nearest to the middle of their ranges.
    """
    mechanism = cell.mechanisms[0]
    found = np.array([q for pose in _poses(above, reach) for q in _answers(mechanism, pose)])
    model = collision_model(cell, cell.groups[0].name)
    with open_engine(engine, model) as scene:
        for q in found[np.argsort(_strain(mechanism, found), kind="stable")] if len(found) else found:
            if not scene.all_within(q, model.margins):
                yield q


def _poses(above: FloatArray, reach: float) -> Iterator[Pose]:
    """World poses of the tool's tip to try."""
    down = rotation_about(np.array([1.0, 0.0, 0.0]), pi)
    for height in HEIGHTS:
        for tilt in TILTS:
            for spin in np.arange(SPINS) * (2.0 * pi / SPINS):
                leaning = rotation_about(np.array([0.0, 1.0, 0.0]), tilt) @ down
                rotation = leaning @ rotation_about(np.array([0.0, 0.0, 1.0]), float(spin))
                yield Pose.from_rotation(rotation, above + np.array([0.0, 0.0, height * reach]))


def _answers(mechanism: Mechanism, pose_world_tcp: Pose) -> FloatArray:
    """Joint values (n, dof) of every answer for one pose."""
    assert mechanism.tool is not None and mechanism.tool.torch is not None  # a new project's arm carries a torch
    pose_flange_tcp = mechanism.tool.torch.contact_tip
    pose_base_flange = mechanism.pose_world_base.inverse() @ pose_world_tcp @ pose_flange_tcp.inverse()
    return solve(mechanism.robot, pose_base_flange, pose_flange_tcp=pose_flange_tcp).joints


def _strain(mechanism: Mechanism, joints: FloatArray) -> FloatArray:
    """How far the worst joint of each row (n, dof) is from the middle of its range: 1 at a limit."""
    lower, upper = mechanism.robot.limit_array("lower"), mechanism.robot.limit_array("upper")
    strain: FloatArray = np.abs(2.0 * (joints - lower) / (upper - lower) - 1.0).max(axis=1)
    return strain
