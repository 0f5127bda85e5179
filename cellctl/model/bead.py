"""How a bead of adhesive or sealant is laid along a seam. Nothing is said of whether it sticks."""

from __future__ import annotations

from dataclasses import dataclass

from cellctl.model.wps import Range, SeamProcedure


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadProcedure(SeamProcedure):
    """A bead of `material` through a nozzle of `bore` (m), with the window of its `cross_section` (m^2).

    The material comes `open_lead` (s) after the valve was told to open, and stops `close_lead` (s) after it was told to
    close. The dispenser is ready within `ready_timeout` (s), or nothing is laid.
    """

    material: str
    bore: float
    cross_section: Range
    open_lead: float
    close_lead: float
    ready_timeout: float

    def flow(self, speed: float) -> float:
        """The volume flow (m^3/s) of the nominal bead at a travel speed (m/s)."""
        return self.cross_section.nominal * speed

    def slowest(self, speed: float) -> float:
        """The slowest share of a travel speed (m/s) that the window of the procedure allows."""
        return min(self.travel_speed.minimum / speed, 1.0)
