"""Which solids may come near each other while a tool is at its seam: allowed contacts as data, for one step."""

from __future__ import annotations

from cellctl.model.cell import Cell, Mechanism, PartPlacement
from cellctl.model.names import named_solids
from cellctl.model.plan import ContactAllowance
from cellctl.model.robot import Dispenser, Tool, Torch
from cellctl.model.task import SeamStep


def tip_contacts(cell: Cell, step: SeamStep) -> tuple[ContactAllowance, ...]:
    """The wire may touch the seam's own plates, the nozzle may come as near to them as the cell's margin says; and
    both as near to what the plates lie on, where the step names it.

    They hold while the tool approaches, goes along the seam and retracts, and nowhere else.
    """
    placement, seam = cell.seam(step.seam)
    mechanism = cell.mechanism(cell.group(step.group or cell.groups[0].name).mechanisms[0])
    tool, tip = seam_tool_of(mechanism)
    plates = [name for body in seam.bodies for name in solid_names(placement, body)]
    prefix = f"{mechanism.name}.{tool.name}"
    wires = [ContactAllowance(f"{prefix}.{w}", plate, None) for w in tip.wire for plate in plates]
    margin = cell.margins.nozzle_to_plates
    nozzles = [ContactAllowance(f"{prefix}.{n}", plate, margin) for n in tip.nozzle for plate in plates]
    behind = [name for fixture in step.backing for name in fixture_solid_names(cell, fixture)]
    tips = (*tip.wire, *tip.nozzle)
    backed = [ContactAllowance(f"{prefix}.{one}", name, margin) for one in tips for name in behind]
    return (*wires, *nozzles, *backed)


def seam_tool_of(mechanism: Mechanism) -> tuple[Tool, Torch | Dispenser]:
    """The tool of a mechanism and what of it goes along seams; raises ValueError where it is no such tool."""
    tool = mechanism.tool
    if tool is None or tool.seam_tool is None:
        raise ValueError(f"mechanism '{mechanism.name}' carries no torch and no dispenser")
    return tool, tool.seam_tool


def solid_names(placement: PartPlacement, body_name: str) -> list[str]:
    """Full names of the solids of one body of a placed part."""
    body = next(b for b in placement.part.bodies if b.name == body_name)
    return [name for name, _ in named_solids(f"{placement.name}.{body.name}", body.solids)]


def owned_solid_names(cell: Cell, owner: str) -> list[str]:
    """Full names of the solids of a fixture or of a placed part."""
    if any(fixture.name == owner for fixture in cell.fixtures):
        return fixture_solid_names(cell, owner)
    placement = cell.placement(owner)
    return [name for body in placement.part.bodies for name in solid_names(placement, body.name)]


def fixture_solid_names(cell: Cell, fixture_name: str) -> list[str]:
    """Full names of the solids of one fixture."""
    fixture = next(f for f in cell.fixtures if f.name == fixture_name)
    return [name for name, _ in named_solids(fixture.name, fixture.body.solids)]
