"""Arms of spheres and things around them for tests, from numbers alone."""

from __future__ import annotations

import numpy as np

from cellctl.kinematics.chain import Chain
from cellctl.model.pose import FloatArray, Pose, rotation_about
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere
from cellctl.scene.bodies import WORLD, CollisionModel, PlacedSolid
from cellctl.scene.spheres.model import SphereArm


def chain(*joints: tuple[tuple[float, float, float], tuple[float, float, float], bool]) -> Chain:
    """A chain from (xyz, axis, prismatic) of its joints."""
    return Chain(
        np.array([Pose.of(xyz).matrix for xyz, _, _ in joints]),
        np.array([axis for _, axis, _ in joints]),
        np.array([prismatic for _, _, prismatic in joints]),
        np.eye(4),
    )


def six_axis_arm(radius: float = 0.07) -> SphereArm:
    """An articulated arm of 0.9 m with a spherical wrist and a gripper, of spheres along its links."""
    z, y, x = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
    joints = chain(
        ((0.0, 0.0, 0.2), z, False),
        ((0.05, 0.0, 0.1), y, False),
        ((0.0, 0.0, 0.4), y, False),
        ((0.1, 0.0, 0.05), x, False),
        ((0.3, 0.0, 0.0), y, False),
        ((0.08, 0.0, 0.0), x, False),
    )
    spheres = [(0, (0.0, 0.0, 0.1), 1.5), (1, (0.0, 0.0, 0.0), 1.3), (1, (0.05, 0.02, 0.1), 1.2)]
    spheres += [(2, (0.0, 0.0, height), 1.0) for height in np.linspace(0.0, 0.4, 5)]
    spheres += [(3, (0.0, 0.0, 0.05), 1.0), (3, (0.1, 0.0, 0.05), 0.9)]
    spheres += [(4, (along, 0.0, 0.0), 0.8) for along in np.linspace(0.06, 0.3, 4)]
    spheres += [(5, (0.03, 0.0, 0.0), 0.7), (6, (0.03, 0.0, 0.0), 0.6)]
    spheres += [(6, (along, side, 0.0), 0.25) for side in (-0.04, 0.04) for along in np.linspace(0.07, 0.15, 5)]
    frames = np.array([frame for frame, _, _ in spheres], dtype=np.intp)
    pairs = [(a, b) for a in range(7) for b in range(a + 2, 7)]
    return SphereArm(
        joints,
        frames,
        np.array([centre for _, centre, _ in spheres]),
        radius * np.array([size for _, _, size in spheres]),
        frames.copy(),
        tuple(f"link_{k}" for k in range(7)),
        np.array(pairs, dtype=np.intp),
        tuple(f"joint_{k + 1}" for k in range(6)),
        np.array([-3.1, -2.0, -2.4, -3.1, -2.0, -6.2]),
        np.array([3.1, 2.0, 2.4, 3.1, 2.0, 6.2]),
    )


def arm_with_slides() -> SphereArm:
    """A slide, a turn, a slide and a turn: axes askew, spheres off them."""
    skew = np.array([0.6, 0.0, 0.8])
    joints = chain(
        ((0.0, 0.1, 0.2), (1.0, 0.0, 0.0), True),
        ((0.0, 0.0, 0.1), (0.0, 0.0, 1.0), False),
        ((0.2, 0.0, 0.0), tuple(skew), True),
        ((0.1, 0.0, 0.05), (0.0, -1.0, 0.0), False),
    )
    frames = np.array([0, 1, 2, 2, 3, 4, 4], dtype=np.intp)
    centres = np.array(
        [(0, 0, 0), (0, 0, 0.05), (0.05, 0, 0), (0.2, 0.03, 0), (0.1, 0, 0.1), (0.1, 0, 0), (0.25, 0.05, 0.05)],
        dtype=np.float64,
    )
    pairs = np.array([(0, 2), (0, 3), (0, 4), (1, 3), (1, 4), (2, 4)], dtype=np.intp)
    names = tuple(f"link_{k}" for k in range(5))
    lower, upper = np.array([-0.5, -3.0, 0.0, -3.0]), np.array([0.5, 3.0, 0.3, 3.0])
    axes = ("slide_1", "turn_1", "slide_2", "turn_2")
    return SphereArm(joints, frames, centres, np.full(7, 0.04), frames.copy(), names, pairs, axes, lower, upper)


def random_pose(draw: np.random.Generator, low: float, high: float) -> Pose:
    """A pose at a distance from `low` to `high` (m) from the origin."""
    axis, away = draw.normal(size=3), draw.normal(size=3)
    away *= draw.uniform(low, high) / np.linalg.norm(away)
    turn = rotation_about(axis / np.linalg.norm(axis), draw.uniform(-3.0, 3.0))
    return Pose.from_rotation(turn if draw.integers(2) else rotation_about((0.0, 0.0, 1.0), draw.uniform(-3, 3)), away)


def random_shape(draw: np.random.Generator) -> Shape:
    match draw.integers(4):
        case 0:
            x, y, z = draw.uniform(0.02, 0.4, 3)
            return Box((x, y, z))
        case 1:
            return Cylinder(draw.uniform(0.01, 0.15), draw.uniform(0.01, 0.4))
        case 2:
            return Sphere(draw.uniform(0.01, 0.2))
        case _:
            points = draw.normal(size=(30, 3))
            return Hull(points / np.linalg.norm(points, axis=1, keepdims=True) * draw.uniform(0.05, 0.2, 3))


def random_scene(seed: int, count: int = 12, low: float = 0.35) -> list[tuple[Shape, Pose]]:
    """Obstacles of every kind around an arm that stands at the origin."""
    draw = np.random.default_rng(seed)
    return [(random_shape(draw), random_pose(draw, low, 1.0)) for _ in range(count)]


def collision_model(arm: SphereArm, scene: list[tuple[Shape, Pose]]) -> CollisionModel:
    """The same for the exact engines."""
    solids = [
        PlacedSolid(f"s{k}", Sphere(float(arm.radii[k])), int(arm.frames[k]), Pose.of(arm.centres[k]))
        for k in range(len(arm.radii))
    ]
    moving = len(solids)
    solids += [PlacedSolid(f"o{k}", shape, WORLD, pose) for k, (shape, pose) in enumerate(scene)]
    listed = {frozenset(pair) for pair in arm.pairs.tolist()}
    pairs = [
        (i, k) for i in range(moving) for k in range(i) if frozenset((int(arm.bodies[i]), int(arm.bodies[k]))) in listed
    ]
    pairs += [(i, k) for i in range(moving) if arm.frames[i] > 0 for k in range(moving, len(solids))]
    table = np.array(pairs, dtype=np.intp)
    return CollisionModel("arm", "arm", arm.chain, Pose.identity(), tuple(solids), table, np.zeros(len(table)))


def postures(arm: SphereArm, count: int, seed: int = 0) -> FloatArray:
    """Random joint values (n, dof) inside the limits."""
    result: FloatArray = np.random.default_rng(seed).uniform(arm.lower, arm.upper, (count, arm.dof))
    return result
