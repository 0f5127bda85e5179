"""The full names by which findings, allowances and margins call the things of a cell. Places nothing."""

from __future__ import annotations

from collections.abc import Iterator

from cellctl.model.cell import Cell
from cellctl.model.shapes import Solid


def named_solids(owner: str, solids: tuple[Solid, ...]) -> list[tuple[str, Solid]]:
    """Solids with their full names: a lone one goes by its owner's name, several by `owner.solid`."""
    if len(solids) == 1:
        return [(owner, solids[0])]
    return [(f"{owner}.{solid.name}", solid) for solid in solids]


def covers(name: str, solid: str) -> bool:
    """Whether `name` is the full name of a solid, or of something that it belongs to."""
    return solid == name or solid.startswith(f"{name}.")


def thing_names(cell: Cell) -> frozenset[str]:
    """Full names of all solids of a cell, and of all that they belong to: `r1`, `r1.torch`, `r1.torch.nozzle`."""
    return frozenset(name for solid in _solid_names(cell) for name in _with_owners(solid))


def _with_owners(name: str) -> Iterator[str]:
    words = name.split(".")
    return (".".join(words[:count]) for count in range(1, len(words) + 1))


def _solid_names(cell: Cell) -> Iterator[str]:
    for mechanism in cell.mechanisms:
        for link in mechanism.robot.links:
            yield from (name for name, _ in named_solids(f"{mechanism.name}.{link.name}", link.solids))
        if mechanism.tool is not None:
            yield from (f"{mechanism.name}.{mechanism.tool.name}.{solid.name}" for solid in mechanism.tool.solids)
    for fixture in cell.fixtures:
        yield from (name for name, _ in named_solids(fixture.name, fixture.body.solids))
    for placement in cell.parts:
        for body in placement.part.bodies:
            yield from (name for name, _ in named_solids(f"{placement.name}.{body.name}", body.solids))
