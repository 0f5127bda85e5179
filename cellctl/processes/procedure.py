"""What a step along a seam commands and allows: its own words where it has them, its procedure's elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

from cellctl.model.cell import Cell, Mechanism
from cellctl.model.plan import ProcessEvent
from cellctl.model.pose import Pose
from cellctl.model.task import Dispense, SeamStep
from cellctl.model.weave import Weave
from cellctl.model.wps import Range, SeamProcedure


@dataclass(frozen=True, slots=True)
class SeamSettings:
    """Commanded values and windows of one step along a seam, SI. `spin` is None where the turn about the tool's axis is
    free, `weave` (by its wavelength) where the tool does not swing.
    """

    ctwd: float
    travel_speed: float
    work: Range
    travel: Range
    spin: Range | None
    weave: Weave | None = None


def seam_settings(step: SeamStep, procedure: SeamProcedure) -> SeamSettings:
    """The settings of `step` under its `procedure`."""
    travel_speed = procedure.travel_speed.nominal if step.travel_speed is None else step.travel_speed
    weave = None if isinstance(step, Dispense) else step.weave
    return SeamSettings(
        ctwd=procedure.ctwd.nominal if step.ctwd is None else step.ctwd,
        travel_speed=travel_speed,
        work=step.work_angle or procedure.work_angle,
        travel=step.travel_angle or procedure.travel_angle,
        spin=step.spin,
        weave=None if weave is None else weave.at_speed(travel_speed),
    )


def working_tip(cell: Cell, mechanism: Mechanism) -> Pose:
    """Where the tool of `mechanism` works, in the frame of the flange: for a torch at the largest nominal ctwd of the
    procedures of `cell`.
    """
    return mechanism.pose_flange_tip(max((one.ctwd.nominal for one in cell.procedures.values()), default=0.0))


def seam_events(step: SeamStep, length: float) -> tuple[ProcessEvent, ProcessEvent]:
    """What the process does over a seam of `length` (m): it begins at its start and ends at its end."""
    if isinstance(step, Dispense):
        return ProcessEvent(0.0, "bead_start"), ProcessEvent(length, "bead_end")
    return ProcessEvent(0.0, "arc_start"), ProcessEvent(length, "arc_end")


def deposited_area(wire_diameter: float, wire_feed_speed: float, travel_speed: float) -> float:
    """Cross-section of the metal that a wire leaves, pi/4 d^2 w / v, without losses: m^2; m, m/s, m/s."""
    return pi / 4.0 * wire_diameter**2 * wire_feed_speed / travel_speed


def even_fillet(area: float) -> tuple[float, float]:
    """Leg and throat (m) of a flat fillet with equal legs between faces at right angles, of a cross-section (m^2)."""
    leg = sqrt(2.0 * area)
    return leg, leg / sqrt(2.0)


def arc_energy(voltage: float, current: float, travel_speed: float) -> float:
    """Arc energy E = U I / v per length of weld (ISO/TR 18491), J/m; V, A, m/s. 1e6 J/m is 1 kJ/mm."""
    return voltage * current / travel_speed


def heat_input(voltage: float, current: float, travel_speed: float, factor: float) -> float:
    """Heat input Q = k U I / v (EN 1011-1 form), J/m."""
    return factor * arc_energy(voltage, current, travel_speed)
