"""Which solids may come near each other while a torch is at its seam: allowed contacts as data, for one weld step."""

from __future__ import annotations

from cellctl.model.cell import Cell, PartPlacement
from cellctl.model.plan import ContactAllowance
from cellctl.model.task import Weld


def torch_contacts(cell: Cell, weld: Weld) -> tuple[ContactAllowance, ...]:
    """The wire may touch the seam's own plates, the nozzle may come as near to them as the cell's margin says.

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
    return (*wires, *nozzles)


def solid_names(placement: PartPlacement, body_name: str) -> list[str]:
    """Full names of the solids of one body of a placed part."""
    body = next(b for b in placement.part.bodies if b.name == body_name)
    owner = f"{placement.name}.{body.name}"
    if len(body.solids) == 1:
        return [owner]
    return [f"{owner}.{solid.name}" for solid in body.solids]
