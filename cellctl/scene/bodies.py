"""What can touch what: the convex solids of a cell and the listed pairs of them. Values only; no engine is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.chain import Chain, LinkPlace, chain_of, link_places, side_by_side
from cellctl.model.cell import Cell, Mechanism
from cellctl.model.plan import ContactAllowance
from cellctl.model.pose import FloatArray, Pose, frozen_array
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


@dataclass(frozen=True, slots=True, eq=False)
class CollisionModel:
    """The solids and listed pairs of one group in one cell.

    `pairs` (n, 2) are indices into `solids`, the first one always moving; `margins` (n,) the smallest gap each must
    keep in general (m). `chain` has the joints of the group end to end, and joint k moves in frame `parents[k]` (dof,);
    None is one chain, each joint in the frame before it. `pose_world_base` places chain frame 0, the base of the
    group's first `mechanism`.
    """

    group: str
    mechanism: str
    chain: Chain
    pose_world_base: Pose
    solids: tuple[PlacedSolid, ...]
    pairs: NDArray[np.intp]
    margins: FloatArray
    parents: NDArray[np.intp] | None = None

    @property
    def frame_parents(self) -> NDArray[np.intp]:
        """The frame (dof,) that every joint moves in."""
        return np.arange(len(self.chain.axes), dtype=np.intp) if self.parents is None else self.parents

    def index(self, name: str) -> int:
        """Index of the solid with this full name; raises KeyError."""
        for i, solid in enumerate(self.solids):
            if solid.name == name:
                return i
        raise KeyError(name)

    def pair_names(self, pair: int) -> tuple[str, str]:
        """Full names of the two solids of a pair."""
        first, second = self.pairs[pair]
        return self.solids[first].name, self.solids[second].name

    def margins_with(self, contacts: Iterable[ContactAllowance]) -> FloatArray:
        """Margins (n,) with the allowances of a segment put in: -inf where the pair may touch."""
        margins = np.array(self.margins)
        index = {frozenset(self.pair_names(k)): k for k in range(len(self.pairs))}
        for contact in contacts:
            pair = index[frozenset((contact.first, contact.second))]
            margins[pair] = -np.inf if contact.margin is None else contact.margin
        return frozen_array_with_inf(margins)


def frozen_array_with_inf(values: FloatArray) -> FloatArray:
    """A read-only copy; unlike `frozen_array` it lets infinities through."""
    result = np.array(values)
    result.setflags(write=False)
    return result


@dataclass(frozen=True, slots=True)
class _Moving:
    """A solid that a mechanism holds: its base, its links, its tool, or what is fixed to its flange.

    `frame` counts along that mechanism alone; `labels` are the names by which its file lists what touches; `beside` is
    how many joints further the next link is that it may touch.
    """

    solid: PlacedSolid
    mechanism: str
    frame: int
    labels: tuple[str, ...] = ()
    beside: int = 1


def collision_model(cell: Cell, group: str) -> CollisionModel:
    """The solids of `cell` and the pairs that the motion of `group` can bring together.

    Left out: pairs that never move against each other, links that share a joint (a tool counts as the last link, a
    part in a gripper or on a flange does not), pairs the robot file lists as touching (links, or single solids), and a
    base with the fixture that carries it.
    """
    members = [cell.mechanism(name) for name in cell.group(group).mechanisms]
    base = members[0].pose_world_base
    chain, parents, moving = chain_of(members[0].robot), list(range(members[0].robot.dof)), _held(cell, members[0], 0)
    for mechanism in members[1:]:
        place, dof = base.inverse() @ mechanism.pose_world_base, len(parents)
        moving += _held(cell, mechanism, dof, place)
        chain = side_by_side(chain, place, chain_of(mechanism.robot))
        parents += [0, *range(dof + 1, dof + mechanism.robot.dof)]
    still = _still_solids(cell, {mechanism.name for mechanism in members})
    touching = {mechanism.name: {frozenset(pair) for pair in mechanism.robot.touching} for mechanism in members}
    pairs = [
        (i, j)
        for i in range(len(moving))
        for j in range(i + 1, len(moving))
        if _may_meet(moving[i], moving[j], touching)
    ]
    carried_by = {fixture.name: fixture.carries for fixture in cell.fixtures}
    pairs += [
        (i, len(moving) + j)
        for i, held in enumerate(moving)
        for j, (owner, _) in enumerate(still)
        if held.frame > 0 and not (held.frame == 1 and carried_by.get(owner) == held.mechanism)
    ]
    table = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    table.setflags(write=False)
    return CollisionModel(
        group,
        members[0].name,
        chain,
        base,
        (*(held.solid for held in moving), *(solid for _, solid in still)),
        table,
        frozen_array(np.full(len(pairs), cell.margins.clearance)),
        None if len(members) == 1 else np.array(parents, dtype=np.intp),
    )


def _may_meet(first: _Moving, second: _Moving, touching: Mapping[str, set[frozenset[str]]]) -> bool:
    """Whether two solids that mechanisms hold can move against each other, and are not meant to touch."""
    if first.mechanism != second.mechanism:
        return first.frame > 0 or second.frame > 0
    labels = _label_pairs(first.labels, second.labels)
    apart = abs(first.frame - second.frame)
    return apart > min(first.beside, second.beside) and touching[first.mechanism].isdisjoint(labels)


def _held(cell: Cell, mechanism: Mechanism, joints: int, pose_base: Pose | None = None) -> list[_Moving]:
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
        held.append(_Moving(PlacedSolid(name, shape, frame, local), mechanism.name, place.frame, labels, beside))

    for link in robot.links:
        for name, solid in _named_solids(f"{mechanism.name}.{link.name}", link.solids):
            add(name, solid.shape, places[link.name], solid.pose, (link.name, f"{link.name}.{solid.name}"))
    flange = places[robot.flange]
    for solid in () if mechanism.tool is None else mechanism.tool.solids:
        assert mechanism.tool is not None
        name = f"{mechanism.name}.{mechanism.tool.name}.{solid.name}"
        add(name, solid.shape, flange, solid.pose, beside=0 if solid.name in mechanism.tool.carried else 1)
    pose_flange_world = (mechanism.pose_world_base @ robot.pose_base_flange).inverse()
    for _, name, solid, pose in _placed_bodies(cell, {mechanism.name}):
        add(name, solid.shape, flange, pose_flange_world @ pose, beside=0)
    return held


def _label_pairs(first: tuple[str, ...], second: tuple[str, ...]) -> Iterator[frozenset[str]]:
    """Every pair of names by which a robot file may list two solids: link or LINK.SOLID."""
    return (frozenset((a, b)) for a in first for b in second)


def _still_solids(cell: Cell, moved: Collection[str]) -> list[tuple[str, PlacedSolid]]:
    """Solids that stand in the world while the mechanisms `moved` move, with the name of the fixture or part that owns
    them.
    """
    owners = {fixture.moves_with for fixture in cell.fixtures} | {part.moves_with for part in cell.parts}
    bodies = _placed_bodies(cell, owners - set(moved))
    return [(owner, PlacedSolid(name, solid.shape, WORLD, pose)) for owner, name, solid, pose in bodies]


def _placed_bodies(cell: Cell, carriers: Collection[str]) -> Iterator[tuple[str, str, Solid, Pose]]:
    """Owner, full name, solid and pose in the world of every fixture and part that moves with one of `carriers`, all
    joints of these at zero; the carrier of what stands still is empty.
    """
    for fixture in cell.fixtures:
        for name, solid in _named_solids(fixture.name, fixture.body.solids):
            if fixture.moves_with in carriers:
                yield fixture.name, name, solid, fixture.pose_world @ solid.pose
    for placement in cell.parts:
        for body in placement.part.bodies:
            pose = placement.pose_world_part @ body.pose
            for name, solid in _named_solids(f"{placement.name}.{body.name}", body.solids):
                if placement.moves_with in carriers:
                    yield placement.name, name, solid, pose @ solid.pose


def carried_reach(cell: Cell, mechanism: Mechanism) -> float:
    """How far (m) what is fixed to the flange of `mechanism` reaches from it at most; 0 where nothing is."""
    pose_flange_world = (mechanism.pose_world_base @ mechanism.robot.pose_base_flange).inverse()
    held = _placed_bodies(cell, {mechanism.name})
    points = [(pose_flange_world @ pose).apply(_points_around(solid.shape)) for _, _, solid, pose in held]
    return max((float(np.linalg.norm(of_one, axis=1).max()) for of_one in points), default=0.0)


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


def _named_solids(owner: str, solids: tuple[Solid, ...]) -> list[tuple[str, Solid]]:
    """A lone solid goes by its owner's name, several by `owner.solid`."""
    if len(solids) == 1:
        return [(owner, solids[0])]
    return [(f"{owner}.{solid.name}", solid) for solid in solids]
