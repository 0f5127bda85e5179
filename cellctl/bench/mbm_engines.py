"""Paths of an arm of spheres asked of the exact engines, sphere by sphere, in steps. It knows no planner.

An engine is asked about all pairs of solids but those whose boxes are apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cellctl.bench.mbm_check import STEP, sampled
from cellctl.bench.mbm_folder import MbmArm
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.shapes import Box, Cylinder, Sphere
from cellctl.scene.bodies import WORLD, CollisionModel, PlacedSolid
from cellctl.scene.engine import EngineName, open_engine


def refuted_by(engine: EngineName, arm: MbmArm, scene: dict[str, list[dict[str, Any]]], way: FloatArray) -> bool:
    """Whether an engine finds two solids of a problem to overlap anywhere on a polyline (k, dof), every STEP."""
    with open_engine(engine, collision_model_of(arm, scene)) as exact:
        return bool(exact.any_within(sampled(way, STEP), 0.0).any())


def collision_model_of(arm: MbmArm, scene: dict[str, list[dict[str, Any]]]) -> CollisionModel:
    """Every sphere and every obstacle as solids of their own, and the pairs that the problem is about."""
    spheres = arm.arm
    solids = [
        PlacedSolid(f"{spheres.names[body]}.{k}", Sphere(float(radius)), int(frame), Pose.of(centre))
        for k, (body, radius, frame, centre) in enumerate(
            zip(spheres.bodies, spheres.radii, spheres.frames, spheres.centres, strict=True)
        )
    ]
    moving = len(solids)
    solids += _obstacles(scene)
    listed = {frozenset(pair) for pair in spheres.pairs.tolist()}
    pairs = [
        (i, k)
        for i in range(moving)
        for k in range(i)
        if frozenset((int(spheres.bodies[i]), int(spheres.bodies[k]))) in listed
        and spheres.frames[i] != spheres.frames[k]
    ]
    pairs = _that_can_part(arm, pairs)
    pairs += [(i, k) for i in range(moving) if spheres.frames[i] > 0 for k in range(moving, len(solids))]
    table = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return CollisionModel(
        arm.name, arm.name, spheres.chain, Pose.identity(), tuple(solids), table, np.zeros(len(table))
    )


def _obstacles(scene: dict[str, list[dict[str, Any]]]) -> list[PlacedSolid]:
    solids = []
    for k, box in enumerate(scene["box"]):
        x, y, z = box["half_extents"]
        solids.append(PlacedSolid(f"box {k}", Box((2.0 * x, 2.0 * y, 2.0 * z)), WORLD, _pose(box)))
    for k, one in enumerate(scene["cylinder"]):
        solids.append(PlacedSolid(f"cylinder {k}", Cylinder(one["radius"], one["length"]), WORLD, _pose(one)))
    for k, ball in enumerate(scene["sphere"]):
        solids.append(PlacedSolid(f"sphere {k}", Sphere(ball["radius"]), WORLD, Pose.of(ball["position"])))
    return solids


def _pose(obstacle: dict[str, Any]) -> Pose:
    x, y, z, w = np.array(obstacle["quat_xyzw"]) / np.linalg.norm(obstacle["quat_xyzw"])
    rotation = np.eye(3) + 2.0 * (w * _cross(x, y, z) + _cross(x, y, z) @ _cross(x, y, z))
    return Pose.from_rotation(rotation, obstacle["position"])


def _cross(x: float, y: float, z: float) -> FloatArray:
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def _that_can_part(arm: MbmArm, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs of spheres but for those that touch at the starts and goals of all problems: no path can change that."""
    from cellctl.scene.spheres.contacts import sphere_centres

    spheres = arm.arm
    postures = np.array([q for problem in arm.problems[:64] for q in (problem.start, *problem.goals)])
    centres = np.array([sphere_centres(spheres, q) for q in postures])
    return [
        (i, k)
        for i, k in pairs
        if (np.linalg.norm(centres[:, i] - centres[:, k], axis=1) > spheres.radii[i] + spheres.radii[k]).any()
    ]
