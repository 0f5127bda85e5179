"""Bead files: how a bead of adhesive or sealant is laid, and the `BeadProcedure` that it becomes."""

from __future__ import annotations

from typing import Literal

from cellctl.errors import Place
from cellctl.files.fields import (
    AngleWindow,
    AreaWindow,
    LengthWindow,
    PositiveLength,
    PositiveShortTime,
    SpeedWindow,
    Time,
)
from cellctl.files.reading import Reading
from cellctl.files.strict_model import FileModel
from cellctl.model.bead import BeadProcedure


class BeadFile(FileModel):
    """How a bead is laid along a seam: the material, the bead, the windows of the nozzle, and the lead of its valve."""

    process: Literal["bead"]
    """It lays a bead."""
    material: str
    """What is laid."""
    nozzle_bore: PositiveLength
    """The bore of the nozzle, which the dispenser is checked against."""
    cross_section: AreaWindow
    """The cross-section of the bead: its volume over every millimetre of its length."""
    travel_speed: SpeedWindow
    """Travel speed."""
    stand_off: LengthWindow
    """How far the tip of the nozzle is from the seam."""
    work_angle: AngleWindow
    """Tilt of the nozzle across the seam, from the bisector of its faces."""
    travel_angle: AngleWindow
    """Tilt of the nozzle along the seam; push is positive."""
    open_lead: Time
    """How long before the bead begins the valve is told to open."""
    close_lead: Time
    """How long before the bead ends the valve is told to close."""
    ready_timeout: PositiveShortTime
    """How long the dispenser is waited for to be ready."""


def read_bead(reading: Reading, reference: str, name: str, asked: Place | None = None) -> BeadProcedure | None:
    """The bead procedure described at `reference`, called `name` in its cell."""
    file = reading.open(BeadFile, "wps", reference, asked)
    if file is None:
        return None
    bead = file.model
    for key in ("cross_section", "travel_speed", "stand_off"):
        if getattr(bead, key).minimum <= 0.0:
            file.report("F123", f"'{key}' must be more than 0", (key,))
    return BeadProcedure(
        name=name,
        travel_speed=bead.travel_speed,
        ctwd=bead.stand_off,
        work_angle=bead.work_angle,
        travel_angle=bead.travel_angle,
        material=bead.material,
        bore=bead.nozzle_bore,
        cross_section=bead.cross_section,
        open_lead=bead.open_lead,
        close_lead=bead.close_lead,
        ready_timeout=bead.ready_timeout,
    )
