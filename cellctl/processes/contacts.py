"""Which solids may come near each other while a torch is at its seam: allowed contacts as data, for one weld step."""

from __future__ import annotations

from cellctl.model.cell import Cell, PartPlacement
from cellctl.model.names import named_solids
from cellctl.model.plan import ContactAllowance
from cellctl.model.task import Weld


def torch_contacts(cell: Cell, weld: Weld) -> tuple[ContactAllowance, ...]:
    """The wire may touch the seam's own plates, the nozzle may come as near to them as the cell's margin says; and
    both as near to what the plates lie on, where the step names it.

    They hold while the torch approaches, welds and retracts, and nowhere else.
    """
    placement, seam = cell.seam(weld.seam)
    mechanism = cell.mechanism(cell.group(weld.group or cell.groups[0].name).mechanisms[0])
    tool = mechanism.tool
    if tool is None or tool.torch is None:
        raise ValueError(f"mechanism '{mechanism.name}' carries no torch")
    plates = [name for body in seam.bodies for name in solid_names(placement, body)]
    prefix = f"{mechanism.name}.{tool.name}"
    wires = [ContactAllowance(f"{prefix}.{w}", plate, None) for w in tool.torch.wire for plate in plates]
    margin = cell.margins.nozzle_to_plates
    nozzles = [ContactAllowance(f"{prefix}.{n}", plate, margin) for n in tool.torch.nozzle for plate in plates]
    behind = [name for fixture in weld.backing for name in fixture_solid_names(cell, fixture)]
    tips = (*tool.torch.wire, *tool.torch.nozzle)
    backed = [ContactAllowance(f"{prefix}.{tip}", name, margin) for tip in tips for name in behind]
    return (*wires, *nozzles, *backed)


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
