"""Tool files: what is mounted on a flange, and the `Tool` that it becomes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cellctl.errors import Place
from cellctl.files.body_values import body_solids, body_visuals
from cellctl.files.fields import LocalAt, Name, Position, PositiveLength, PositiveTime, SourceField
from cellctl.files.reading import File, Reading
from cellctl.files.robot_file import inertia_of
from cellctl.files.shape_fields import BodyField, InertiaField
from cellctl.files.strict_model import FileModel
from cellctl.model.robot import Dispenser, Finger, Gripper, Screwdriver, Tool, Torch
from cellctl.model.shapes import Box, Hull, Solid


class TorchField(FileModel):
    """What makes a tool a torch: the contact tip (+Z along the wire towards the work) and the solids by the seam."""

    contact_tip: LocalAt
    """The contact tip in the flange's frame, +Z along the wire towards the work."""
    wire_diameter: PositiveLength
    """The wire that it feeds, which procedures are checked against."""
    nozzle: list[Name]
    """The solids that may come as near to the seam's plates as the cell's margins say."""
    wire: list[Name] = Field(default_factory=list)
    """The solids that may touch the seam's plates."""


class GripperField(FileModel):
    """What makes a tool a gripper: its fingers and its times. The solids show them open."""

    fingers: dict[Name, Position]
    """The solids that are fingers (boxes or hulls), and how each moves from open to closed, in the flange's frame."""
    stroke_time: PositiveTime
    """The time from open to closed or back; where nothing confirms it, this is waited for."""
    timeout: PositiveTime
    """How long a confirmation is waited for."""


class ScrewdriverField(FileModel):
    """What makes a tool a screwdriver: the tip of its bit (+Z along it towards the work) and the solids by the hole."""

    bit_tip: LocalAt
    """The tip of the bit in the flange's frame, +Z along the bit towards the work."""
    bit: Annotated[list[Name], Field(min_length=1)]
    """The solids that may come near the work around a hole."""


class DispenserField(FileModel):
    """What makes a tool a dispenser: the tip of its nozzle (+Z out of it to the work) and the solids by the bead."""

    nozzle_tip: LocalAt
    """The tip of the nozzle in the flange's frame, +Z out of it towards the work."""
    bore: PositiveLength
    """The bore of the nozzle, which procedures are checked against."""
    nozzle: Annotated[list[Name], Field(min_length=1)]
    """The solids that may come as near to the seam's plates as the cell's margins say."""


class ToolFile(BodyField):
    """A tool in the flange frame: inertia, convex solids, pictures, and what makes it a torch, gripper or the like."""

    title: str
    """The tool in words."""
    inertia: InertiaField
    """Mass, centre of mass and inertia in the flange's frame."""
    torch: TorchField | None = None
    """What makes it a welding torch."""
    gripper: GripperField | None = None
    """What makes it a gripper."""
    screwdriver: ScrewdriverField | None = None
    """What makes it a screwdriver."""
    dispenser: DispenserField | None = None
    """What makes it a dispenser."""
    sources: dict[str, SourceField] = Field(default_factory=dict)
    """Where each group of figures comes from."""


def read_tool(reading: Reading, reference: str, name: str, asked: Place | None = None) -> Tool | None:
    """The tool described at `reference`, called `name` in its cell."""
    file = reading.open(ToolFile, "tool", reference, asked)
    if file is None:
        return None
    tool = file.model
    solids = body_solids(file, tool, ())
    sources = {figure: str(source) for figure, source in tool.sources.items()}
    visuals = body_visuals(file, tool, ())
    return Tool(
        name,
        inertia_of(tool.inertia),
        solids,
        visuals,
        _torch(file),
        sources,
        _gripper(file, solids),
        screwdriver=_screwdriver(file),
        dispenser=_dispenser(file),
    )


def _screwdriver(file: File[ToolFile]) -> Screwdriver | None:
    screwdriver = file.model.screwdriver
    if screwdriver is None:
        return None
    _check_solids(file, "screwdriver", "bit", screwdriver.bit)
    return Screwdriver(screwdriver.bit_tip.pose, tuple(screwdriver.bit))


def _dispenser(file: File[ToolFile]) -> Dispenser | None:
    dispenser = file.model.dispenser
    if dispenser is None:
        return None
    if file.model.torch is not None:
        file.report("F115", "a tool goes along seams as a torch or as a dispenser, not as both", ("dispenser",))
    _check_solids(file, "dispenser", "nozzle", dispenser.nozzle)
    return Dispenser(dispenser.nozzle_tip.pose, dispenser.bore, tuple(dispenser.nozzle))


def _check_solids(file: File[ToolFile], kind: str, key: str, names: list[str]) -> None:
    """The names of solids in a list are known."""
    known = file.names("solids")
    for index, solid in enumerate(names):
        if solid not in known:
            file.unknown("solid", solid, known, (kind, key, index))


def _gripper(file: File[ToolFile], solids: tuple[Solid, ...]) -> Gripper | None:
    gripper = file.model.gripper
    if gripper is None:
        return None
    if not gripper.fingers:
        file.report("F112", "a gripper needs at least one finger", ("gripper", "fingers"))
    shapes = {solid.name: solid.shape for solid in solids}
    known = file.names("solids")
    for name in gripper.fingers:
        path = ("gripper", "fingers", name)
        if name not in known:
            file.unknown("solid", name, known, path)
        elif name in shapes and not isinstance(shapes[name], Box | Hull):
            file.report("F112", f"finger '{name}' is no box and no hull", path, "write it as one of these")
    if file.model.visuals:
        message = "a gripper with 'visuals' would be shown with fingers that do not move"
        file.report("F112", message, ("visuals",), "leave them out; the solids are shown")
    fingers = tuple(Finger(name, closing) for name, closing in gripper.fingers.items())
    return Gripper(fingers, gripper.stroke_time, gripper.timeout)


def _torch(file: File[ToolFile]) -> Torch | None:
    torch = file.model.torch
    if torch is None:
        return None
    for key in ("nozzle", "wire"):
        _check_solids(file, "torch", key, getattr(torch, key))
    return Torch(torch.contact_tip.pose, torch.wire_diameter, tuple(torch.nozzle), tuple(torch.wire))
