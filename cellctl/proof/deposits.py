"""What a process leaves along its seam: heat input of a weld, cross-section of a bead. Reads no joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.model.pose import FloatArray
from cellctl.model.wps import Range, Wps
from cellctl.processes.procedure import heat_input
from cellctl.proof.gates import Gates, SeamFindings

BEAD_STEP = 1e-3
"""m over which the cross-section of a bead is taken."""
STANDS = 1e-6
"""m/s, or the share of a speed, that is as good as none."""


@dataclass(frozen=True, slots=True, eq=False)
class Executed:
    """How a weld or a bead was executed: the `rate` (n,) of path time that was commanded, the `power` (n,) of the arc,
    W, and the `flow` (n,) of the bead, m^3/s; 0 where there is none.
    """

    rate: FloatArray
    power: FloatArray
    flow: FloatArray


def heat_inputs(arc: Wps, speed: FloatArray, executed: Executed | None) -> FloatArray:
    """Heat input (n,) at each speed (n,), J/m: of the power that was measured, or of the procedure's nominal one."""
    power = arc.voltage.nominal * arc.current.nominal if executed is None else executed.power
    result: FloatArray = arc.heat_factor * power / np.maximum(speed, STANDS)
    return result


def typical_heat(
    arc: Wps, travel_speed: float, heat: FloatArray | None, inner: NDArray[np.bool_], executed: Executed | None
) -> float:
    """The heat input (J/m) of a plan, or the one in the middle of those (n,) of a run."""
    if heat is not None and executed is not None and inner.any():
        return float(np.median(heat[inner]))
    return heat_input(arc.voltage.nominal, arc.current.nominal, travel_speed, arc.heat_factor)


def cross_sections(t: FloatArray, s: FloatArray, flow: FloatArray, counted: NDArray[np.bool_]) -> FloatArray | None:
    """Cross-sections (k,) m^2 of a bead over every whole millimetre of what is `counted` (n,), from the `flow` (n,)
    m^3/s at times `t` (n,) and arc lengths `s` (n,); None where no flow was measured or nothing is counted.
    """
    furthest = np.maximum.accumulate(s)
    if not flow.any() or not counted.any():
        return None
    laid = np.concatenate([[0.0], np.cumsum(0.5 * (flow[1:] + flow[:-1]) * np.diff(t))])
    marks = np.arange(np.ceil(furthest[counted][0] / BEAD_STEP), np.floor(furthest[counted][-1] / BEAD_STEP) + 1)
    if len(marks) < 2:
        return None
    result: FloatArray = np.diff(np.interp(marks * BEAD_STEP, furthest, laid)) / BEAD_STEP
    return result


def check_cross_section(checks: SeamFindings, window: Range, used: tuple[float, float]) -> None:
    """Every millimetre of the bead has a cross-section in the window of its procedure (C367)."""
    if not (window.holds(used[0], 1e-12) and window.holds(used[1], 1e-12)):
        low, high = (value * 1e6 for value in used)
        allowed = f"{window.minimum * 1e6:.3g} to {window.maximum * 1e6:.3g} mm^2 is allowed"
        checks.say("C367", f"the bead has {low:.3g} to {high:.3g} mm^2 over a millimetre, {allowed}")


def check_heat(checks: SeamFindings, window: Range, typical: float, near: float, gates: Gates) -> None:
    """The typical heat input (J/m) lies in its window, and over as much of the length as the speed has to be held it is
    `near` to that: as near as the speed is to its own.
    """
    if not window.holds(typical, 0.005 * typical) or near < gates.speed_share:
        text = f"heat input is {typical * 1e-6:.3f} kJ/mm, the WPS says {window.minimum * 1e-6:.3g} to"
        checks.say("C340", f"{text} {window.maximum * 1e-6:.3g}, which is kept over {near * 100:.1f} % of the length")


def share_of_length(s: FloatArray, held: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float:
    """The share of the length that is `counted` (n,) over which something is `held` (n,), at arc lengths `s` (n,)."""
    ds = np.abs(np.gradient(s))
    total = float(ds[counted].sum())
    return float(ds[held].sum()) / total if total > 0.0 else 1.0
