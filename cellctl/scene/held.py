"""Which solids a mechanism of a cell holds and which stand, with the frame that carries each. It lists no pairs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from cellctl.kinematics.chain import LinkPlace, link_places
from cellctl.model.cell import Cell, Mechanism
from cellctl.model.names import named_solids
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Solid, Sphere, corners

WORLD = -1


@dataclass(frozen=True, slots=True)
class PlacedSolid:
    """One convex solid: `frame` is WORLD or the chain frame 0..dof that carries it, `pose` its pose there.

    `name` is the full name that findings use: `r1.link_3`, `r1.torch.nozzle`, `clamp_1.arm`, `tray.wall_left`.
    """

    name: str
    shape: Shape
    frame: int
    pose: Pose


@dataclass(frozen=True, slots=True)
class Held:
    """A solid that a mechanism holds: its base, its links, its tool, or what is fixed to its flange.

    `frame` counts along that mechanism alone; `labels` are the names by which its file lists what touches; `beside` is
    how many joints further the next link is that it may touch.
    """

    solid: PlacedSolid
    mechanism: str
    frame: int
    labels: tuple[str, ...] = ()
    beside: int = 1


def held_by(cell: Cell, mechanism: Mechanism, joints: int, pose_base: Pose | None = None) -> list[Held]:
    """The solids that `mechanism` holds; its joints come after `joints` others, its base is at `pose_base` in frame
    0.
    """
    robot, held = mechanism.robot, []
    places = link_places(robot)

    def add(
        name: str, shape: Shape, place: LinkPlace, pose: Pose, labels: tuple[str, ...] = (), beside: int = 1
    ) -> None:
        local, frame = place.pose @ pose, place.frame + joints
        if pose_base is not None and place.frame == 0:
            local, frame = pose_base @ local, 0
        held.append(Held(PlacedSolid(name, shape, frame, local), mechanism.name, place.frame, labels, beside))

    for link in robot.links:
        for name, solid in named_solids(f"{mechanism.name}.{link.name}", link.solids):
            add(name, solid.shape, places[link.name], solid.pose, (link.name, f"{link.name}.{solid.name}"))
    flange, tool = places[robot.flange], mechanism.tool
    if tool is not None:
        for solid in tool.solids:
            name = f"{mechanism.name}.{tool.name}.{solid.name}"
            add(name, solid.shape, flange, solid.pose, beside=0 if solid.name in tool.carried else 1)
    for name, shape, pose in carried_solids(cell, mechanism):
        add(name, shape, flange, pose, beside=0)
    return held


def still_solids(cell: Cell, moved: Collection[str]) -> list[tuple[str, PlacedSolid]]:
    """Solids that stand in the world while the mechanisms `moved` move, with the name of the fixture or part that owns
    them.
    """
    owners = {fixture.moves_with for fixture in cell.fixtures} | {part.moves_with for part in cell.parts}
    bodies = _placed_bodies(cell, owners - set(moved))
    return [(owner, PlacedSolid(name, solid.shape, WORLD, pose)) for owner, name, solid, pose in bodies]


def carried_solids(cell: Cell, mechanism: Mechanism) -> Iterator[tuple[str, Shape, Pose]]:
    """Full name, shape and pose in the flange frame of every solid that is fixed to the flange of `mechanism`."""
    pose_flange_world = (mechanism.pose_world_base @ mechanism.robot.pose_base_flange).inverse()
    for _, name, solid, pose in _placed_bodies(cell, {mechanism.name}):
        yield name, solid.shape, pose_flange_world @ pose


def carried_reach(cell: Cell, mechanism: Mechanism) -> float:
    """How far (m) what is fixed to the flange of `mechanism` reaches from it at most; 0 where nothing is."""
    points = [pose.apply(_points_around(shape)) for _, shape, pose in carried_solids(cell, mechanism)]
    return max((float(np.linalg.norm(of_one, axis=1).max()) for of_one in points), default=0.0)


def _placed_bodies(cell: Cell, carriers: Collection[str]) -> Iterator[tuple[str, str, Solid, Pose]]:
    """Owner, full name, solid and pose in the world of every fixture and part that moves with one of `carriers`, all
    joints of these at zero; the carrier of what stands still is empty.
    """
    for fixture in cell.fixtures:
        if fixture.moves_with in carriers:
            for name, solid in named_solids(fixture.name, fixture.body.solids):
                yield fixture.name, name, solid, fixture.pose_world @ solid.pose
    for placement in cell.parts:
        if placement.moves_with not in carriers:
            continue
        for body in placement.part.bodies:
            pose = placement.pose_world_part @ body.pose
            for name, solid in named_solids(f"{placement.name}.{body.name}", body.solids):
                yield placement.name, name, solid, pose @ solid.pose


def _points_around(shape: Shape) -> FloatArray:
    """Points (n, 3) whose hull holds a shape, in its own frame."""
    match shape:
        case Box(size):
            return corners(size)
        case Cylinder(radius, length):
            return corners((2.0 * radius, 2.0 * radius, length))
        case Sphere(radius):
            return corners((2.0 * radius, 2.0 * radius, 2.0 * radius))
        case Hull(vertices):
            return np.array(vertices)
