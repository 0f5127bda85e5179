"""What can touch what: the convex solids of a cell and the listed pairs of them. Values only; no engine is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.chain import Chain, chain_of, side_by_side
from cellctl.model.cell import Cell, PairMargin
from cellctl.model.names import covers
from cellctl.model.plan import ContactAllowance, SegmentKind
from cellctl.model.pose import FloatArray, Pose, frozen_array
from cellctl.scene.held import WORLD as WORLD
from cellctl.scene.held import Held, held_by, still_solids
from cellctl.scene.held import PlacedSolid as PlacedSolid


@dataclass(frozen=True, slots=True, eq=False)
class CollisionModel:
    """The solids and listed pairs of one group in one cell.

    `pairs` (n, 2) are indices into `solids`, the first one always moving; `margins` (n,) the smallest gap each must
    keep where nothing says otherwise (m), and `own` the indices of pairs that have margins of their own, the weakest
    word first. `chain` has the joints of the group end to end, and joint k moves in frame `parents[k]` (dof,); None is
    one chain, each joint in the frame before it. `pose_world_base` places chain frame 0, the base of the group's first
    `mechanism`.
    """

    group: str
    mechanism: str
    chain: Chain
    pose_world_base: Pose
    solids: tuple[PlacedSolid, ...]
    pairs: NDArray[np.intp]
    margins: FloatArray
    own: tuple[tuple[int, PairMargin], ...] = ()
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
            if margins[pair] >= 0.0 and (not own.phases or kind in own.phases):
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
    part in a gripper or on a flange does not), pairs the robot file lists as touching (links, or single solids), and a
    base with the fixture that carries it.
    """
    members = [cell.mechanism(name) for name in cell.group(group).mechanisms]
    base = members[0].pose_world_base
    chain, parents, moving = chain_of(members[0].robot), list(range(members[0].robot.dof)), held_by(cell, members[0], 0)
    for mechanism in members[1:]:
        place, dof = base.inverse() @ mechanism.pose_world_base, len(parents)
        moving += held_by(cell, mechanism, dof, place)
        chain = side_by_side(chain, place, chain_of(mechanism.robot))
        parents += [0, *range(dof + 1, dof + mechanism.robot.dof)]
    still = still_solids(cell, {mechanism.name for mechanism in members})
    solids = (*(held.solid for held in moving), *(solid for _, solid in still))
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
    called = [*(_called(held) for held in moving), *((solid.name,) for _, solid in still)]
    own = _own_margins(cell, [(called[i], called[j]) for i, j in pairs])
    margins = np.full(len(pairs), cell.margins.clearance)
    for pair, margin in own:
        if not margin.phases:
            margins[pair] = margin.gap
    return CollisionModel(
        group,
        members[0].name,
        chain,
        base,
        solids,
        table,
        frozen_array(margins),
        own,
        None if len(members) == 1 else np.array(parents, dtype=np.intp),
    )


def _called(held: Held) -> tuple[str, ...]:
    """The names of a solid: of one in a gripper also that which it has where it stands, without arm and tool."""
    name = held.solid.name
    gripped = held.beside == 0 and name.startswith(f"{held.mechanism}.")
    return (name, name.split(".", 2)[2]) if gripped else (name,)


def _may_meet(first: Held, second: Held, touching: Mapping[str, set[frozenset[str]]]) -> bool:
    """Whether two solids that mechanisms hold can move against each other, and are not meant to touch."""
    if first.mechanism != second.mechanism:
        return first.frame > 0 or second.frame > 0
    labels = _label_pairs(first.labels, second.labels)
    apart = abs(first.frame - second.frame)
    return apart > min(first.beside, second.beside) and touching[first.mechanism].isdisjoint(labels)


def _own_margins(
    cell: Cell, pairs: list[tuple[tuple[str, ...], tuple[str, ...]]]
) -> tuple[tuple[int, PairMargin], ...]:
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


def _is_about(margin: PairMargin, first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    names = ((first, second), (second, first))
    return any(_among(margin.first, some) and _among(margin.second, others) for some, others in names)


def _among(name: str, solids: tuple[str, ...]) -> bool:
    return any(covers(name, solid) for solid in solids)


def _label_pairs(first: tuple[str, ...], second: tuple[str, ...]) -> Iterator[frozenset[str]]:
    """Every pair of names by which a robot file may list two solids: link or LINK.SOLID."""
    return (frozenset((a, b)) for a in first for b in second)
