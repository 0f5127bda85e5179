"""A cell's collision model as spheres among primitives: built once, asked with the margins of the moment.

It is conservative twice, by the covers and by float32: free here is free in the exact engines, the rest is theirs to
decide. Bodies are the model's solids; a pair that may touch is left out of what is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cellctl.model.pose import FloatArray
from cellctl.model.robot import Robot
from cellctl.model.shapes import Shape
from cellctl.scene.bodies import WORLD, CollisionModel, PlacedSolid
from cellctl.scene.engine import bounding_sphere
from cellctl.scene.spheres.blocks import Items
from cellctl.scene.spheres.cover import cover_of
from cellctl.scene.spheres.edges import within_reach
from cellctl.scene.spheres.model import SphereArm
from cellctl.scene.spheres.obstacles import Obstacles, obstacles_from
from cellctl.scene.spheres.tables import ArmTables, arm_tables

WASTE_SHARE: Final = 0.08
"""How far the cover of a solid may stand out of it, as a share of the radius of the ball around it."""
LEAST_WASTE: Final = 6e-3
MOST_WASTE: Final = 50e-3


@dataclass(frozen=True, slots=True, eq=False)
class SphereCell:
    """One group of a cell: its arm as spheres, the tables of it, and what stands around it.

    `moving` (b,) and `still` (o,) are the model's solids that are bodies and obstacles; `waste` is how far any cover
    stands out of its solid (m).
    """

    arm: SphereArm
    tables: ArmTables
    obstacles: Obstacles
    moving: NDArray[np.intp]
    still: NDArray[np.intp]
    waste: float

    def items(self, model: CollisionModel, margins: FloatArray) -> Items:
        """What is to be asked so that every pair of `model` keeps its margin (p,); -inf lets a pair touch."""
        body = {int(solid): k for k, solid in enumerate(self.moving)}
        obstacle = {int(solid): k for k, solid in enumerate(self.still)}
        kept: dict[tuple[int, int], float] = {}
        around: dict[tuple[int, int], float] = {}
        for (first, second), margin in zip(model.pairs.tolist(), margins.tolist(), strict=True):
            if margin == -np.inf:
                continue
            if second in obstacle:
                around[body[first], obstacle[second]] = margin
            else:
                kept[body[first], body[second]] = kept[body[second], body[first]] = margin
        return _items(self.tables, self.obstacles, around, kept)


def sphere_cell(model: CollisionModel, robot: Robot, *, mixed: bool = False, waste: float | None = None) -> SphereCell:
    """The solids of `model` that move as covering spheres, those that stand as primitives in the base frame.

    `waste` (m) is how far the covers may stand out, by size unless given. `mixed` groups hold spheres of several
    solids, and can only be asked with one margin for all. Raises ValueError for a group of several mechanisms.
    """
    if model.parents is not None:
        raise ValueError(f"group '{model.group}' has several mechanisms, the spheres are those of one arm")
    moving = [k for k, solid in enumerate(model.solids) if solid.frame != WORLD]
    still = [k for k, solid in enumerate(model.solids) if solid.frame == WORLD]
    body = {solid: k for k, solid in enumerate(moving)}
    covers = [_placed_cover(model.solids[k], waste) for k in moving]
    pairs = [(body[int(a)], body[int(b)]) for a, b in model.pairs if int(b) in body]
    arm = SphereArm(
        model.chain,
        np.concatenate(
            [np.full(len(radii), model.solids[k].frame) for k, (_, radii, _) in zip(moving, covers, strict=True)]
        ),
        np.concatenate([centres for centres, _, _ in covers]),
        np.concatenate([radii for _, radii, _ in covers]),
        np.concatenate([np.full(len(radii), k) for k, (_, radii, _) in enumerate(covers)]),
        tuple(model.solids[k].name for k in moving),
        np.array(pairs, dtype=np.intp).reshape(-1, 2),
        tuple(joint.name for joint in robot.axes),
        np.array(robot.limit_array("lower")),
        np.array(robot.limit_array("upper")),
    )
    pose_base_world = model.pose_world_base.inverse()
    obstacles = obstacles_from((model.solids[k].shape, pose_base_world @ model.solids[k].pose) for k in still)
    largest = max(one for _, _, one in covers)
    return SphereCell(arm, arm_tables(arm, mixed=mixed), obstacles, np.array(moving), np.array(still, np.intp), largest)


def waste_for(shape: Shape) -> float:
    """How far the cover of `shape` may stand out of it (m)."""
    return float(np.clip(WASTE_SHARE * 2.0 * bounding_sphere(shape)[1], LEAST_WASTE, MOST_WASTE))


def _placed_cover(solid: PlacedSolid, waste: float | None) -> tuple[FloatArray, FloatArray, float]:
    """Centres in the solid's frame of the chain, radii, and the waste."""
    cover = cover_of(solid.shape, waste_for(solid.shape) if waste is None else waste)
    return solid.pose.apply(cover.centres), cover.radii, cover.waste


def _items(
    tables: ArmTables,
    obstacles: Obstacles,
    around: dict[tuple[int, int], float],
    kept: dict[tuple[int, int], float],
) -> Items:
    env = [
        (g, k, around[int(body), k])
        for g, (frame, body, _, _) in enumerate(tables.spans)
        for k in range(len(obstacles.kinds))
        if frame > 0
        and (int(body), k) in around
        and within_reach(tables, g, obstacles, k, np.float32(around[int(body), k]))
    ]
    own = [
        (p, kept[int(tables.spans[first, 1]), int(tables.spans[second, 1])])
        for p, (first, second, _, _) in enumerate(tables.pair_spans)
        if (int(tables.spans[first, 1]), int(tables.spans[second, 1])) in kept
    ]
    return Items(
        np.array([(g, k) for g, k, _ in env], dtype=np.intp).reshape(-1, 2),
        np.array([margin for _, _, margin in env], dtype=np.float32),
        np.array([p for p, _ in own], dtype=np.intp),
        np.array([margin for _, margin in own], dtype=np.float32),
    )
