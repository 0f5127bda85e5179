"""How a GRBL controller is set, as it tells when its port is opened. Nothing is changed in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.drivers.grbl import findings
from cellctl.drivers.grbl.link import GrblLink
from cellctl.errors import EnvironmentMissing
from cellctl.kinematics.lookahead import FirmwareLimits
from cellctl.model.gcode_wiring import GcodeWiring
from cellctl.model.pose import FloatArray
from cellctl.model.wires import gcode

AT_REST = ("Idle", "Alarm", "Check", "Sleep")
"""States in which a controller moves nothing and holds nothing back."""
_LEAST_SIZES = (15, gcode.LONGEST_LINE + 1)
"""Lines of the planner and bytes of the receive buffer of a controller that does not tell them."""
_JUNCTION_DEVIATION, _SOFT_LIMITS, _RATE, _ACCELERATION, _TRAVEL = 11, 20, 110, 120, 130


@dataclass(frozen=True, slots=True, eq=False)
class GrblSettings:
    """What the planner goes by (`limits`, rad), the `travel` (n,), deg, that is not left, None where nothing watches
    over it, and the `room` for bytes that are not answered yet.
    """

    limits: FirmwareLimits
    travel: FloatArray | None
    room: int


def settings_of(link: GrblLink, wiring: GcodeWiring) -> GrblSettings:
    """Who is there, and how is it set? Raises EnvironmentMissing E560 where nobody answers, E561 where it does not fit
    the arm.
    """
    name, axes = link.port.name, len(wiring.axes)
    status = link.status()
    if status is None:
        raise EnvironmentMissing(findings.no_answer(name, wiring.baud))
    if len(status.position) != axes:
        raise EnvironmentMissing(findings.unfit(name, f"it has {len(status.position)} axes, the arm {axes}"))
    if status.state not in AT_REST:
        raise EnvironmentMissing(findings.unfit(name, f"it is in the state {status.state}; let it come to rest"))
    blocks, room = link.sizes() or _LEAST_SIZES
    table, bases = link.settings(), (_RATE, _ACCELERATION, _TRAVEL)
    wanted = [base + k for base in bases for k in range(axes)]
    missing = [number for number in (_JUNCTION_DEVIATION, *wanted) if number not in table]
    if missing:
        raise EnvironmentMissing(findings.unfit(name, f"it does not tell its setting ${missing[0]}"))
    rate, acceleration, travel = (
        np.array([table[b + k] for k in range(axes)]) for b in (_RATE, _ACCELERATION, _TRAVEL)
    )
    deviation = float(np.radians(table[_JUNCTION_DEVIATION]))
    limits = FirmwareLimits(np.radians(rate) / 60.0, np.radians(acceleration), deviation, blocks=blocks)
    return GrblSettings(limits, travel if table.get(_SOFT_LIMITS) else None, room - 1)
