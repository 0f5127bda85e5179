"""A hole in the world, where the bit goes at it, and what the bit may come near there. Plans nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.model.cell import Cell, Mechanism
from cellctl.model.plan import ContactAllowance, ScrewAction
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Screwdriver, Tool
from cellctl.model.task import Screw
from cellctl.model.tightening import TighteningProgram
from cellctl.processes.contacts import owned_solid_names
from cellctl.processes.handling import REST


@dataclass(frozen=True, slots=True, eq=False)
class HolePlace:
    """A hole in the world: the `point` (3,) of its face, the unit `axis` (3,) out of it, and the program of its
    screw.
    """

    point: FloatArray
    axis: FloatArray
    program: TighteningProgram

    def tip(self, left: float) -> FloatArray:
        """Where the tip of the bit is (3,) when the screw still has `left` m to go."""
        tip: FloatArray = self.point + (self.program.head + left) * self.axis
        return tip


def hole_place(cell: Cell, step: Screw) -> HolePlace:
    """Where the hole of a step is, and its program; raises KeyError."""
    placement, hole = cell.hole(step.hole)
    pose = placement.pose_world_part
    point, axis = np.array(hole.point), np.array(hole.axis)
    return HolePlace(pose.apply(point), pose.rotate(axis), cell.tightening[step.program])


def screw_action(step: Screw) -> ScrewAction:
    """What a step asks of the segment in which the screw goes in."""
    return ScrewAction(step.hole, step.program)


def screwdriver_of(mechanism: Mechanism) -> tuple[Tool, Screwdriver]:
    """The tool of a mechanism and the screwdriver that it is; raises ValueError where it is none."""
    tool = mechanism.tool
    if tool is None or tool.screwdriver is None:
        raise ValueError(f"mechanism '{mechanism.name}' carries no screwdriver")
    return tool, tool.screwdriver


def bit_contacts(cell: Cell, step: Screw) -> tuple[ContactAllowance, ...]:
    """The bit may come as near as touching to the part of the hole, and to what the step names beside it.

    It holds while the bit approaches, drives and retracts, and nowhere else.
    """
    mechanism = cell.mechanism(cell.group(step.group or cell.groups[0].name).mechanisms[0])
    tool, screwdriver = screwdriver_of(mechanism)
    around = [name for owner in (step.hole.partition(".")[0], *step.into) for name in owned_solid_names(cell, owner)]
    bits = [f"{mechanism.name}.{tool.name}.{solid}" for solid in screwdriver.bit]
    return tuple(ContactAllowance(bit, solid, -REST) for bit in bits for solid in around)
