"""Scenes with narrow ways for an arm of 0.9 m that stands at the origin, and states on either side of them."""

from __future__ import annotations

import numpy as np

from cellctl.kinematics.forward import flange_matrices
from cellctl.model.pose import FloatArray, Pose, rotation_about
from cellctl.model.shapes import Box, Cylinder, Shape
from cellctl.scene.spheres.edges import all_items, spheres_free_each
from cellctl.scene.spheres.model import SphereArm
from cellctl.scene.spheres.obstacles import obstacles_from
from cellctl.scene.spheres.tables import ArmTables

Scene = list[tuple[Shape, Pose]]
FLOOR: Scene = [(Box((3.0, 3.0, 0.05)), Pose.of((0.0, 0.0, -0.07)))]


def cage(seed: int) -> Scene:
    """Upright and lying bars around a cube of 0.44 m in front of the arm, with gaps that the gripper passes."""
    draw = np.random.default_rng(seed)
    x, y, z, half = 0.72 + draw.uniform(-0.03, 0.03), draw.uniform(-0.05, 0.05), 0.42, 0.22
    scene = list(FLOOR)
    for side in (-half, half):
        scene += [(Cylinder(0.012, 2 * half), Pose.of((x + side, y + at, z))) for at in np.linspace(-half, half, 3)]
        scene += [(Cylinder(0.012, 2 * half), Pose.of((x + at, y + side, z))) for at in (-half, 0.0, half)]
        for height in (z - half, z + half):
            scene.append((Box((2 * half, 0.024, 0.024)), Pose.of((x, y + side, height))))
            scene.append((Box((0.024, 2 * half, 0.024)), Pose.of((x + side, y, height))))
    return scene


def box(seed: int) -> Scene:
    """An open box, turned a little, that the arm must reach into from above."""
    draw = np.random.default_rng(seed)
    turn = rotation_about((0.0, 0.0, 1.0), draw.uniform(-0.4, 0.4))
    pose = Pose.from_rotation(turn, (0.55 + draw.uniform(-0.04, 0.04), draw.uniform(-0.1, 0.1), 0.12))
    walls: Scene = [(Box((0.5, 0.5, 0.02)), Pose.of((0.0, 0.0, -0.12)))]
    for side in (-0.24, 0.24):
        walls += [
            (Box((0.02, 0.5, 0.26)), Pose.of((side, 0.0, 0.0))),
            (Box((0.5, 0.02, 0.26)), Pose.of((0.0, side, 0.0))),
        ]
    return [*FLOOR, *((shape, pose @ at) for shape, at in walls)]


def thin_shelf(seed: int) -> Scene:
    """A shelf of three thin boards with cans on them."""
    draw = np.random.default_rng(seed)
    x = 0.75 + draw.uniform(-0.03, 0.03)
    scene = list(FLOOR)
    scene += [(Box((0.3, 0.8, 0.01)), Pose.of((x, 0.0, z))) for z in (0.25, 0.53, 0.81)]
    scene += [(Box((0.3, 0.01, 0.6)), Pose.of((x, y, 0.53))) for y in (-0.4, 0.0, 0.4)]
    scene += [
        (Cylinder(0.025, 0.11), Pose.of((x + draw.uniform(-0.1, 0.1), y, z)))
        for z in (0.31, 0.59)
        for y in (-0.28, -0.1, 0.1, 0.28)
    ]
    return scene


def inside(scene: str, points: FloatArray) -> np.ndarray:
    """Which points (n, 3) of the tool are well within the narrow part."""
    x, y, z = points.T
    if scene == "cage":
        return (abs(x - 0.72) < 0.15) & (abs(y) < 0.12) & (abs(z - 0.42) < 0.15)
    if scene == "box":
        return (abs(x - 0.55) < 0.16) & (abs(y) < 0.14) & (z < 0.16)
    return (abs(x - 0.75) < 0.1) & (abs(y) < 0.34) & (z > 0.28) & (z < 0.78)


HOME = np.array([0.0, -0.9, 0.6, 0.0, 1.2, 0.0])


def problems(arm: SphereArm, tables: ArmTables, name: str, count: int) -> list[tuple[Scene, FloatArray]]:
    """Scenes with a free goal inside, from in front, drawn with seeds 0, 1, 2 ...; the start is HOME."""
    make = {"cage": cage, "box": box, "thin_shelf": thin_shelf}[name]
    found = []
    for seed in range(count):
        scene = make(seed)
        obstacles = obstacles_from(scene)
        lower, upper = np.maximum(arm.lower, -1.5), np.minimum(arm.upper, 1.5)
        q = np.random.default_rng(seed).uniform(lower, upper, (20_000, arm.dof))
        flanges = flange_matrices(arm.chain, q)
        q = np.vstack([HOME, q[inside(name, flanges[:, :3, 3] + 0.12 * flanges[:, :3, 0])]])
        free = np.zeros(len(q), np.bool_)
        spheres_free_each(tables, obstacles, all_items(tables, obstacles, np.float32(0.0)), q.astype(np.float32), free)
        if free[0] and free[1:].any():
            found.append((scene, q[1:][free[1:]][0]))
    return found
