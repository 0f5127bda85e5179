"""How an emulated GRBL controller is set, and how it tells that. Nothing moves here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.kinematics.lookahead import FirmwareLimits
from cellctl.model.gcode_wiring import travel_of
from cellctl.model.pose import FloatArray, frozen_array
from cellctl.model.robot import Robot


@dataclass(frozen=True, slots=True, eq=False)
class MachineSettings:
    """What `$$` tells, in controller units (deg and minutes, as `$110` has them): top speed (n,) deg/min, acceleration
    (n,) deg/s^2, travel (n,) deg; positions run from -travel to 0 once the machine is homed.
    """

    rate: FloatArray
    acceleration: FloatArray
    travel: FloatArray
    junction_deviation: float = 0.01
    soft_limits: bool = True
    homing: bool = True
    blocks: int = 15
    receive_buffer: int = 128

    def __post_init__(self) -> None:
        for name in ("rate", "acceleration", "travel"):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))

    @property
    def limits(self) -> FirmwareLimits:
        """What the planner goes by, in controller units."""
        return FirmwareLimits(self.rate / 60.0, self.acceleration, self.junction_deviation, slowest=1.0 / 60.0)

    def leaves_travel(self, target: FloatArray) -> bool:
        """Whether a position (n,) is one that soft limits forbid."""
        outside = (target > 1e-9) | (target < -self.travel - 1e-9)
        return self.soft_limits and bool(outside.any())

    def listed(self) -> list[str]:
        """The lines of `$$`."""
        table = [(11, self.junction_deviation), (20, self.soft_limits), (22, self.homing)]
        for base, values in ((110, self.rate), (120, self.acceleration), (130, self.travel)):
            table += [(base + k, float(value)) for k, value in enumerate(values)]
        return [f"${number}={value:g}" for number, value in table]

    def built(self) -> list[str]:
        """The lines of `$I`."""
        return ["[VER:1.1h.20190825:]", f"[OPT:V,{self.blocks},{self.receive_buffer}]"]


def settings_of(robot: Robot) -> MachineSettings:
    """The settings that give a robot its own limits."""
    return MachineSettings(
        rate=60.0 * np.degrees(robot.limit_array("velocity")),
        acceleration=np.degrees(robot.limit_array("acceleration")),
        travel=travel_of(robot),
    )
