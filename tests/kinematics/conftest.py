"""Arms of three makers for the tests; figures as their public descriptions give them, lengths m, angles rad."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from cellctl.model.pose import Pose
from cellctl.model.robot import Inertia, Joint, JointLimits, Link, OpwParameters, Robot

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
NX, NY, NZ = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)
Vector = tuple[float, float, float]
Axis = tuple[Vector, Vector, float, float]


def arm(name: str, axes: tuple[Axis, ...], flange: Pose, opw: OpwParameters | None) -> Robot:
    """A 6-axis arm from (xyz, axis, lower, upper) of its joints and the flange in the last link."""
    names = [f"link_{k}" for k in range(len(axes) + 1)]
    joints = [
        Joint(
            f"joint_{k + 1}",
            "revolute",
            names[k],
            names[k + 1],
            Pose.of(xyz),
            axis,
            JointLimits(lower, upper, 3.0, 10.0, 100.0, 100.0),
        )
        for k, (xyz, axis, lower, upper) in enumerate(axes)
    ]
    joints.append(Joint("flange", "fixed", names[-1], "flange", flange))
    links = tuple(
        Link(link, Inertia(1.0, (0.0, 0.0, 0.0), (0.01, 0.0, 0.0, 0.01, 0.0, 0.01))) for link in [*names, "flange"]
    )
    return Robot(name, name, tuple(joints), links, names[0], "flange", 10.0, opw)


KR16 = arm(
    "kuka_kr16_2",
    (
        ((0.0, 0.0, 0.675), NZ, -3.228859, 3.228859),
        ((0.26, 0.0, 0.0), Y, -2.70526, 0.610865),
        ((0.68, 0.0, 0.0), Y, -2.268928, 2.687807),
        ((0.67, 0.0, -0.035), NX, -6.108652, 6.108652),
        ((0.0, 0.0, 0.0), Y, -2.268928, 2.268928),
        ((0.0, 0.0, 0.0), NX, -6.108652, 6.108652),
    ),
    Pose.of((0.158, 0.0, 0.0), (0.0, pi / 2, 0.0)),
    OpwParameters(
        0.26, 0.035, 0.0, 0.675, 0.68, 0.67, 0.158, (0.0, -pi / 2, 0.0, 0.0, 0.0, 0.0), (-1, 1, 1, -1, 1, -1)
    ),
)

IRB2400 = arm(
    "abb_irb2400_12_155",
    (
        ((0.0, 0.0, 0.0), Z, -3.1416, 3.1416),
        ((0.1, 0.0, 0.615), Y, -1.7453, 1.9199),
        ((0.0, 0.0, 0.705), Y, -1.0472, 1.1345),
        ((0.258, 0.0, 0.135), X, -3.49, 3.49),
        ((0.497, 0.0, 0.0), Y, -2.0944, 2.0944),
        ((0.085, 0.0, 0.0), X, -6.9813, 6.9813),
    ),
    Pose.of((0.0, 0.0, 0.0), (0.0, pi / 2, 0.0)),
    OpwParameters(0.1, -0.135, 0.0, 0.615, 0.705, 0.755, 0.085, (0.0, 0.0, -pi / 2, 0.0, 0.0, 0.0), (1, 1, 1, 1, 1, 1)),
)

M10IA = arm(
    "fanuc_m10ia",
    (
        ((0.0, 0.0, 0.45), Z, -3.14, 3.14),
        ((0.15, 0.0, 0.0), Y, -1.57, 2.79),
        ((0.0, 0.0, 0.6), NY, -3.14, 4.61),
        ((0.0, 0.0, 0.2), NX, -3.31, 3.31),
        ((0.64, 0.0, 0.0), NY, -3.31, 3.31),
        ((0.1, 0.0, 0.0), NX, -6.28, 6.28),
    ),
    Pose.of((0.0, 0.0, 0.0), (pi, -pi / 2, 0.0)),
    OpwParameters(0.15, -0.2, 0.0, 0.45, 0.6, 0.64, 0.1, (0.0, 0.0, -pi / 2, 0.0, 0.0, -pi), (1, 1, -1, -1, -1, -1)),
)

ARMS = (KR16, IRB2400, M10IA)
PUBLISHED = {
    "kuka_kr16_2": (
        ((0.0, 0.0, 0.0, 0.0, 0.0, 0.0), ((0.0, 0.0, 1.0, 1.768), (0.0, 1.0, 0.0, 0.0), (-1.0, 0.0, 0.0, 0.64))),
        (
            (0.4, -1.2, 1.3, 0.5, 0.8, -0.6),
            (
                (-0.528281, 0.722073, 0.446687, 1.147814),
                (0.462038, 0.685854, -0.562251, -0.544284),
                (-0.712348, -0.09064, -0.695949, 1.097113),
            ),
        ),
    ),
    "abb_irb2400_12_155": (
        ((0.0, 0.0, 0.0, 0.0, 0.0, 0.0), ((0.0, 0.0, 1.0, 0.94), (0.0, 1.0, 0.0, 0.0), (-1.0, 0.0, 0.0, 1.455))),
        (
            (0.4, 0.3, -0.2, 0.5, 0.8, -0.6),
            (
                (-0.528281, -0.722073, 0.446687, 1.026311),
                (-0.462038, 0.685854, 0.562251, 0.465656),
                (-0.712348, 0.09064, -0.695949, 1.288308),
            ),
        ),
    ),
    "fanuc_m10ia": (
        ((0.0, 0.0, 0.0, 0.0, 0.0, 0.0), ((0.0, 0.0, 1.0, 0.89), (0.0, -1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 1.25))),
        (
            (0.4, 0.3, -0.2, 0.5, 0.8, -0.6),
            (
                (-0.050585, 0.705185, 0.707217, 0.977829),
                (-0.260071, -0.692994, 0.672401, 0.450759),
                (0.964263, -0.149913, 0.218454, 0.913731),
            ),
        ),
    ),
}
"""Joint values and flange poses (3, 4) that the makers' descriptions give, six decimals."""


@pytest.fixture
def kr16() -> Robot:
    """KUKA KR 16-2."""
    return KR16


@pytest.fixture(params=ARMS, ids=lambda robot: robot.name)
def robot(request: pytest.FixtureRequest) -> Robot:
    """Each of three arms with different signs and offsets in their closed form."""
    return request.param


@pytest.fixture
def published(robot: Robot) -> list[tuple[np.ndarray, np.ndarray]]:
    """Joint values (6,) and flange (3, 4) of `robot` from its description."""
    return [(np.array(q), np.array(pose)) for q, pose in PUBLISHED[robot.name]]


@pytest.fixture
def random_joints(robot: Robot) -> np.ndarray:
    """1,000 seeded joint values (n, 6) inside the limits of `robot`."""
    return np.random.default_rng(7).uniform(robot.limit_array("lower"), robot.limit_array("upper"), (1000, 6))
