"""What can touch what: the convex solids of a cell and the listed pairs of them. Values only; no engine is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.chain import Chain, chain_of, link_places
from cellctl.model.cell import Cell, PairMargin
from cellctl.model.names import covers, named_solids
from cellctl.model.plan import ContactAllowance, SegmentKind
from cellctl.model.pose import FloatArray, Pose, frozen_array
from cellctl.model.shapes import Shape

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
    keep where nothing says otherwise (m), and `own` the indices of pairs that have margins of their own, the weakest
    word first. `pose_world_base` places chain frame 0.
    """

    group: str
    mechanism: str
    chain: Chain
    pose_world_base: Pose
    solids: tuple[PlacedSolid, ...]
    pairs: NDArray[np.intp]
    margins: FloatArray
    own: tuple[tuple[int, PairMargin], ...] = ()

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

    def margins_with(self, contacts: Iterable[ContactAllowance] = (), kind: SegmentKind = "transit") -> FloatArray:
        """Margins (n,) of a segment of some `kind` with its allowances put in: -inf where the pair may touch.

        A pair that has a margin of its own keeps that, whatever an allowance says, unless it may touch.
        """
        margins = np.array(self.margins)
        index = {frozenset(self.pair_names(k)): k for k in range(len(self.pairs))}
        for contact in contacts:
            pair = index[frozenset((contact.first, contact.second))]
            margins[pair] = -np.inf if contact.margin is None else contact.margin
        for pair, own in self.own:
            if margins[pair] > -np.inf and (not own.phases or kind in own.phases):
                margins[pair] = own.gap
        return frozen_array_with_inf(margins)


def frozen_array_with_inf(values: FloatArray) -> FloatArray:
    """A read-only copy; unlike `frozen_array` it lets infinities through."""
    result = np.array(values)
    result.setflags(write=False)
    return result


def collision_model(cell: Cell, group: str) -> CollisionModel:
    """The solids of `cell` and the pairs that the motion of `group` can bring together.

    Left out: pairs that never move against each other, links that share a joint (a tool counts as the last link, a
    part in a gripper does not), pairs the robot file lists as touching (links, or single solids), and a base with the
    fixture that carries it.
    """
    mechanism = cell.mechanism(cell.group(group).mechanisms[0])
    robot = mechanism.robot
    moving: list[PlacedSolid] = []
    labels: list[tuple[str, ...]] = []
    carried: set[int] = set()
    places = link_places(robot)
    for link in robot.links:
        frame, pose = places[link.name]
        for name, solid in named_solids(f"{mechanism.name}.{link.name}", link.solids):
            moving.append(PlacedSolid(name, solid.shape, frame, pose @ solid.pose))
            labels.append((link.name, f"{link.name}.{solid.name}"))
    if mechanism.tool is not None:
        flange = places[robot.flange]
        for solid in mechanism.tool.solids:
            name = f"{mechanism.name}.{mechanism.tool.name}.{solid.name}"
            moving.append(PlacedSolid(name, solid.shape, flange.frame, flange.pose @ solid.pose))
            labels.append(())
            if solid.name in mechanism.tool.carried:
                carried.add(len(moving) - 1)
    still = _still_solids(cell)
    touching = {frozenset(pair) for pair in robot.touching}
    pairs = [
        (i, j)
        for i in range(len(moving))
        for j in range(i + 1, len(moving))
        if abs(moving[i].frame - moving[j].frame) > (0 if j in carried else 1)
        and touching.isdisjoint(_label_pairs(labels[i], labels[j]))
    ]
    carriers = {f.name for f in cell.fixtures if f.carries == mechanism.name}
    pairs += [
        (i, len(moving) + j)
        for i, solid in enumerate(moving)
        for j, (owner, _) in enumerate(still)
        if solid.frame > 0 and not (solid.frame == 1 and owner in carriers)
    ]
    solids = (*moving, *(solid for _, solid in still))
    table = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    table.setflags(write=False)
    own = _own_margins(cell, [(solids[i].name, solids[j].name) for i, j in pairs])
    margins = np.full(len(pairs), cell.margins.clearance)
    for pair, margin in own:
        if not margin.phases:
            margins[pair] = margin.gap
    return CollisionModel(
        group,
        mechanism.name,
        chain_of(robot),
        mechanism.pose_world_base,
        solids,
        table,
        frozen_array(margins),
        own,
    )


def _own_margins(cell: Cell, pairs: list[tuple[str, str]]) -> tuple[tuple[int, PairMargin], ...]:
    """Which pairs have margins of their own, the weakest word first: names of more parts, then those for a phase, then
    the larger gap, outdo the others.
    """

    def strength(margin: PairMargin) -> tuple[int, bool, float]:
        return margin.first.count(".") + margin.second.count("."), bool(margin.phases), margin.gap

    return tuple(
        (pair, margin)
        for margin in sorted(cell.margins.pairs, key=strength)
        for pair, names in enumerate(pairs)
        if _is_about(margin, *names)
    )


def _is_about(margin: PairMargin, first: str, second: str) -> bool:
    names = ((first, second), (second, first))
    return any(covers(margin.first, one) and covers(margin.second, other) for one, other in names)


def _label_pairs(first: tuple[str, ...], second: tuple[str, ...]) -> Iterator[frozenset[str]]:
    """Every pair of names by which a robot file may list two solids: link or LINK.SOLID."""
    return (frozenset((a, b)) for a in first for b in second)


def _still_solids(cell: Cell) -> list[tuple[str, PlacedSolid]]:
    """Solids that stand in the world, with the name of the fixture or part that owns them."""
    still = []
    for fixture in cell.fixtures:
        for name, solid in named_solids(fixture.name, fixture.body.solids):
            still.append((fixture.name, PlacedSolid(name, solid.shape, WORLD, fixture.pose_world @ solid.pose)))
    for placement in cell.parts:
        for body in placement.part.bodies:
            pose = placement.pose_world_part @ body.pose
            for name, solid in named_solids(f"{placement.name}.{body.name}", body.solids):
                still.append((placement.name, PlacedSolid(name, solid.shape, WORLD, pose @ solid.pose)))
    return still
