"""What a gripper changes in a cell: fingers anywhere between open and closed, a part that moves with the flange, parts
that stand elsewhere. Plans no grasp and judges none.

A part in the gripper is a part of the tool, so whatever asks about the arm's tool asks about it, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from cellctl.model.cell import Cell, Mechanism, PartPlacement
from cellctl.model.part import Part
from cellctl.model.plan import ContactAllowance
from cellctl.model.pose import Pose
from cellctl.model.robot import Finger, Gripper, Inertia, Tool
from cellctl.model.shapes import Box, Hull, Solid, corners
from cellctl.processes.contacts import owned_solid_names, solid_names

REST: Final = 1e-3
"""By how much (m) a part and what it stands on may seem to overlap: no pose is known better."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A part in the gripper: where it is in the flange's frame, and what it stood on, where, before it was gripped."""

    part: str
    pose_flange_part: Pose
    taken_from: str
    pose_world_taken: Pose


@dataclass(frozen=True, slots=True)
class Placed:
    """A part that was put somewhere: onto what, and where its frame is since."""

    part: str
    onto: str
    pose_world_part: Pose


@dataclass(frozen=True, slots=True)
class Handling:
    """What a gripper has done so far: its fingers are `open`, or anywhere `between` that and closed."""

    fingers: Literal["open", "between"] = "open"
    carried: Carried | None = None
    placed: tuple[Placed, ...] = ()


def closing(before: Handling) -> Handling:
    """While the gripper closes: the part still stands."""
    return replace(before, fingers="between")


def gripped(cell: Cell, before: Handling, part: str, pose_world_flange: Pose) -> Handling:
    """After the gripper has closed about `part`: it moves with the flange from here."""
    taken_from, pose_world = standing_place(cell, before, part)
    carried = Carried(part, pose_world_flange.inverse() @ pose_world, taken_from, pose_world)
    return Handling("between", carried, tuple(placed for placed in before.placed if placed.part != part))


def released(before: Handling, onto: str, pose_world_flange: Pose) -> Handling:
    """While the gripper opens: the part stands where the flange has brought it; raises ValueError where there is
    none.
    """
    carried = before.carried
    if carried is None:
        raise ValueError("the gripper holds nothing")
    placed = Placed(carried.part, onto or carried.taken_from, pose_world_flange @ carried.pose_flange_part)
    return Handling("between", None, (*before.placed, placed))


def opened(before: Handling) -> Handling:
    """After the gripper has opened."""
    return replace(before, fingers="open")


def standing_place(cell: Cell, handling: Handling, part: str) -> tuple[str, Pose]:
    """What a part stands on, and where its frame is; raises KeyError."""
    for placed in handling.placed:
        if placed.part == part:
            return placed.onto, placed.pose_world_part
    return cell.support(part), cell.placement(part).pose_world_part


def cell_as_handled(cell: Cell, mechanism: str, handling: Handling) -> Cell:
    """`cell` as it is then: fingers, the part on the flange as a part of the tool, and parts where they were put."""
    if handling == Handling():
        return cell
    arm = cell.mechanism(mechanism)
    carried = handling.carried
    changed = replace(arm, tool=_tool(cell, arm, handling))
    return replace(
        cell,
        mechanisms=tuple(changed if m.name == mechanism else m for m in cell.mechanisms),
        parts=tuple(_stands(p, handling) for p in cell.parts if carried is None or p.name != carried.part),
    )


def finger_contacts(cell: Cell, mechanism: Mechanism, part: str) -> tuple[ContactAllowance, ...]:
    """The fingers may touch the part that they close about or let go, while the arm stands."""
    tool, gripper = gripper_of(mechanism)
    placement = cell.placement(part)
    solids = [name for body in placement.part.bodies for name in solid_names(placement, body.name)]
    names = [f"{mechanism.name}.{tool.name}.{finger.solid}" for finger in gripper.fingers]
    return tuple(ContactAllowance(finger, solid, None) for finger in names for solid in solids)


def support_contacts(cell: Cell, mechanism: Mechanism, part: str, support: str) -> tuple[ContactAllowance, ...]:
    """A carried part may be as near to its support as it is when it stands: where it is lifted off or set down."""
    tool, _ = gripper_of(mechanism)
    own = [f"{mechanism.name}.{tool.name}.{solid.name}" for solid in part_solids(cell.placement(part).part)]
    below = owned_solid_names(cell, support)
    return tuple(ContactAllowance(solid, name, -REST) for solid in own for name in below)


def gripper_of(mechanism: Mechanism) -> tuple[Tool, Gripper]:
    """The tool of a mechanism and the gripper that it is; raises ValueError where it is none."""
    tool = mechanism.tool
    if tool is None or tool.gripper is None:
        raise ValueError(f"mechanism '{mechanism.name}' carries no gripper")
    return tool, tool.gripper


def part_solids(part: Part) -> tuple[Solid, ...]:
    """The solids of a part in its frame, by the names that they have in a gripper: `PART.BODY`, or `PART.BODY.SOLID`
    where a body has several.
    """
    return tuple(
        Solid(
            f"{part.name}.{body.name}" if len(body.solids) == 1 else f"{part.name}.{body.name}.{solid.name}",
            solid.shape,
            body.pose @ solid.pose,
        )
        for body in part.bodies
        for solid in body.solids
    )


def _stands(placement: PartPlacement, handling: Handling) -> PartPlacement:
    for placed in handling.placed:
        if placed.part == placement.name:
            return replace(placement, frame=placed.onto, pose_world_part=placed.pose_world_part)
    return placement


def _tool(cell: Cell, mechanism: Mechanism, handling: Handling) -> Tool:
    """The tool with its fingers as they are, and with what it carries."""
    tool, gripper = gripper_of(mechanism)
    solids = tool.solids
    if handling.fingers == "between":
        fingers = {finger.solid: finger for finger in gripper.fingers}
        solids = tuple(_swept(s, fingers[s.name]) if s.name in fingers else s for s in solids)
    if handling.carried is None:
        return replace(tool, solids=solids)
    part, pose = cell.placement(handling.carried.part).part, handling.carried.pose_flange_part
    load = tuple(Solid(solid.name, solid.shape, pose @ solid.pose) for solid in part_solids(part))
    middle = np.mean([solid.pose.position for solid in load], axis=0)
    return replace(
        tool,
        solids=(*solids, *load),
        inertia=_laden(tool.inertia, part.mass, middle),
        carried=frozenset(solid.name for solid in load),
    )


def _swept(solid: Solid, finger: Finger) -> Solid:
    """Everything that a finger passes between open and closed: the hull of both."""
    shape = solid.shape
    assert isinstance(shape, Box | Hull)  # a file with another one is refused
    vertices = corners(shape.size) if isinstance(shape, Box) else shape.vertices
    closed = vertices + solid.pose.rotation.T @ np.array(finger.closing)
    return Solid(solid.name, Hull(np.vstack([vertices, closed])), solid.pose)


def _laden(inertia: Inertia, mass: float, at: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Inertia:
    """Mass, centre and moments of a tool with a part in it, the part taken as a point (Steiner's theorem)."""
    if mass == 0.0:
        return inertia
    total = inertia.mass + mass
    com = np.array(inertia.com)
    off = np.asarray(at) - com
    spread = inertia.mass * mass / total * (off @ off * np.eye(3) - np.outer(off, off))
    xx, xy, xz, yy, yz, zz = np.array(inertia.moments) + spread[np.triu_indices(3)]
    centre = com + mass / total * off
    return Inertia(
        total,
        (float(centre[0]), float(centre[1]), float(centre[2])),
        (float(xx), float(xy), float(xz), float(yy), float(yz), float(zz)),
    )
