"""What a weld step commands and allows: the step's own words where it has them, its procedure's elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

from cellctl.model.cell import Cell, Mechanism
from cellctl.model.pose import Pose
from cellctl.model.task import Weld
from cellctl.model.weave import Weave
from cellctl.model.wps import Range, Wps


@dataclass(frozen=True, slots=True)
class WeldSettings:
    """Commanded values and windows of one weld step, SI. `spin` is None where the turn about the wire is free, `weave`
    (by its wavelength) where the torch does not swing.
    """

    ctwd: float
    travel_speed: float
    work: Range
    travel: Range
    spin: Range | None
    weave: Weave | None = None


def weld_settings(weld: Weld, wps: Wps) -> WeldSettings:
    """The settings of `weld` under `wps`."""
    travel_speed = wps.travel_speed.nominal if weld.travel_speed is None else weld.travel_speed
    return WeldSettings(
        ctwd=wps.ctwd.nominal if weld.ctwd is None else weld.ctwd,
        travel_speed=travel_speed,
        work=weld.work_angle or wps.work_angle,
        travel=weld.travel_angle or wps.travel_angle,
        spin=weld.spin,
        weave=None if weld.weave is None else weld.weave.at_speed(travel_speed),
    )


def working_tip(cell: Cell, mechanism: Mechanism) -> Pose:
    """Where the tool of `mechanism` works, in the frame of the flange: for a torch at the largest nominal ctwd of the
    procedures of `cell`.
    """
    return mechanism.pose_flange_tip(max((wps.ctwd.nominal for wps in cell.procedures.values()), default=0.0))


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
