"""Steps of a gripper as segments in which the arm stands, and what a carried part may touch on the way. Chooses no
grasp: the part is gripped where it stands, by the arm as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.cell import Cell, Mechanism
from cellctl.model.plan import ContactAllowance, FixedSegment, GripperAction
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.spline import BSpline
from cellctl.model.task import Grip, Release, Step
from cellctl.processes.handling import (
    Handling,
    closing,
    finger_contacts,
    gripped,
    gripper_of,
    opened,
    released,
    support_contacts,
)


def flange_pose(mechanism: Mechanism, q: FloatArray) -> Pose:
    """The flange in the world at joints `q` (dof,)."""
    return mechanism.pose_world_base @ Pose(flange_matrices(chain_of(mechanism.robot), q[None])[0])


def during_and_after(
    cell: Cell, mechanism: Mechanism, before: Handling, step: Grip | Release, q: FloatArray
) -> tuple[Handling, Handling]:
    """What the gripper has done while it moves at joints `q` (dof,), and once it has; `cell` is as it was read."""
    pose = flange_pose(mechanism, q)
    if isinstance(step, Grip):
        return closing(before), gripped(cell, before, step.part, pose)
    left = released(before, step.onto, pose)
    return left, opened(left)


def standing_segment(
    cell: Cell, mechanism: Mechanism, group: str, index: int, step: Grip | Release, q: FloatArray
) -> FixedSegment:
    """The segment of step `index` in which the arm stands at `q` (dof,) and the gripper closes or opens."""
    tool, gripper = gripper_of(mechanism)
    ends = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    path = BSpline(3, ends, np.tile(q, (4, 1)))
    law = BSpline(3, ends * gripper.stroke_time, np.array([[0.0], [0.0], [1.0], [1.0]]))
    action = GripperAction("close" if isinstance(step, Grip) else "open", step.part)
    return FixedSegment(
        index, "wait", group, tool.name, path, law, finger_contacts(cell, mechanism, step.part), gripper=action
    )


def carrying_contacts(
    cell: Cell, mechanism: Mechanism, handling: Handling, segments: Sequence[FixedSegment], following: Step | None
) -> tuple[ContactAllowance, ...]:
    """What a carried part may be as near to as when it stands: what it was taken from in the move that lifts it off,
    and what it is put onto in the move before its release.
    """
    carried = handling.carried
    if carried is None:
        return ()
    supports = [carried.taken_from] if segments and segments[-1].gripper is not None else []
    if isinstance(following, Release):
        supports.append(following.onto or carried.taken_from)
    contacts = (support_contacts(cell, mechanism, carried.part, support) for support in dict.fromkeys(supports))
    return tuple(contact for of_one in contacts for contact in of_one)
