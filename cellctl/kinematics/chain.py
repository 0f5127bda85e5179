"""A robot's chain as plain arrays, which is what every compiled kernel takes. No kinematics is computed here.

Frame 0 is the base link; frame k (1..dof) moves with axis k and is the frame of that axis' child link. Fixed joints are
folded into the transforms between.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Robot

BoolArray = NDArray[np.bool_]


class Chain(NamedTuple):
    """Arrays of a serial chain: `before` (dof, 4, 4) from frame k - 1 to axis k at zero, `axes` (dof, 3) in that frame,
    `prismatic` (dof,) bool, `after` (4, 4) from frame dof to the flange.
    """

    before: FloatArray
    axes: FloatArray
    prismatic: BoolArray
    after: FloatArray


class LinkPlace(NamedTuple):
    """Where a link sits: `frame` 0..dof it moves with, and its constant pose in that frame."""

    frame: int
    pose: Pose


def chain_of(robot: Robot) -> Chain:
    """The chain of `robot` from its base link to its flange."""
    before, axes, prismatic = [], [], []
    pending = Pose.identity()
    for joint in robot.joints:
        pending = pending @ joint.origin
        if joint.kind == "fixed":
            continue
        before.append(pending.matrix)
        axes.append(joint.axis)
        prismatic.append(joint.kind == "prismatic")
        pending = Pose.identity()
    return Chain(
        np.ascontiguousarray(before, dtype=np.float64).reshape(-1, 4, 4),
        np.ascontiguousarray(axes, dtype=np.float64).reshape(-1, 3),
        np.array(prismatic, dtype=np.bool_),
        np.array(pending.matrix),
    )


def side_by_side(first: Chain, pose_first_second: Pose, second: Chain) -> Chain:
    """The joints of two chains end to end; those of the second one move in the base frame of the first.

    The flange is that of the first. Which frame a joint moves in is told by the `parents` that go with it.
    """
    before = second.before.copy()
    before[:1] = pose_first_second.matrix @ before[:1]
    return Chain(
        np.concatenate([first.before, before]),
        np.concatenate([first.axes, second.axes]),
        np.concatenate([first.prismatic, second.prismatic]),
        first.after,
    )


def link_places(robot: Robot) -> dict[str, LinkPlace]:
    """For every link of `robot`: the frame it moves with and its pose there. The flange link is at frame dof."""
    places = {robot.base: LinkPlace(0, Pose.identity())}
    for joint in robot.joints:
        frame, pose = places[joint.parent]
        if joint.kind == "fixed":
            places[joint.child] = LinkPlace(frame, pose @ joint.origin)
        else:
            places[joint.child] = LinkPlace(frame + 1, Pose.identity())
    return places
