"""What is proved to have no way has none; where something can be passed, or nothing stands, nothing is proved."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.bench.no_way import no_way
from cellctl.kinematics.chain import Chain
from cellctl.model.pose import Pose
from cellctl.model.shapes import Box, Cylinder, Shape, Sphere
from cellctl.scene.spheres.model import SphereArm
from cellctl.scene.spheres.obstacles import obstacles_from

LINK = 0.3
ABOVE, BELOW = np.array([1.2, 0.0, 0.0]), np.array([-1.2, 0.0, 0.0])


@pytest.fixture(scope="module")
def arm() -> SphereArm:
    """Three links in a plane, each three spheres of 40 mm along 0.3 m."""
    step = np.eye(4)
    step[0, 3] = LINK
    chain = Chain(
        np.stack([np.eye(4), step, step]), np.tile([0.0, 0.0, 1.0], (3, 1)), np.zeros(3, dtype=np.bool_), np.eye(4)
    )
    frames = np.repeat([1, 2, 3], 3)
    centres = np.tile([[0.1, 0.0, 0.0], [0.2, 0.0, 0.0], [0.3, 0.0, 0.0]], (3, 1))
    limits = np.array([1.5, 2.6, 2.6])
    return SphereArm(
        chain, frames, centres, np.full(9, 0.04), frames - 1, ("first", "second", "third"),
        np.empty((0, 2), dtype=np.intp), ("a", "b", "c"), -limits, limits,
    )  # fmt: skip


@pytest.mark.parametrize("shape", [Box((0.06, 0.06, 0.06)), Cylinder(0.03, 0.06), Sphere(0.03)])
def test_what_the_first_link_cannot_pass_parts_two_states_and_what_folded_links_can_does_not(
    arm: SphereArm, shape: Shape
) -> None:
    turned = (0.0, 0.0, 0.4)
    assert no_way(arm, obstacles_from([(shape, Pose.of((0.25, 0.0, 0.0), turned))]), ABOVE, BELOW)
    assert not no_way(arm, obstacles_from([(shape, Pose.of((0.7, 0.0, 0.0), turned))]), ABOVE, BELOW)


def test_what_is_on_one_side_of_both_states_parts_nothing(arm: SphereArm) -> None:
    wall = obstacles_from([(Box((0.06, 0.06, 0.06)), Pose.of((0.25, 0.0, 0.0)))])
    assert not no_way(arm, wall, ABOVE, ABOVE - [0.4, 0.0, 0.0])


def test_folded_links_that_no_longer_pass_are_parted_by_their_third(arm: SphereArm) -> None:
    short = SphereArm(
        arm.chain, arm.frames, arm.centres, arm.radii, arm.bodies, arm.names, arm.pairs, arm.joints,
        np.array([-1.5, -0.3, -0.3]), np.array([1.5, 0.3, 0.3]),
    )  # fmt: skip
    assert no_way(short, obstacles_from([(Box((0.06, 0.06, 0.06)), Pose.of((0.8, 0.0, 0.0)))]), ABOVE, BELOW)
