"""Mechanics that fail on demand: a joint that stands still, all joints trailing, noisy encoders, an obstacle. The
controller knows nothing of it.

It moves nothing by itself; what it is asked for is passed on to the true mechanics, changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellctl.emulators.simulated_arm.controller import Plant
from cellctl.model.pose import FloatArray


@dataclass(frozen=True, slots=True)
class PlantFault:
    """What fails, and after how many seconds: the axis `joint` stands still, everything lags by `lag` s, every encoder
    reads with `noise` (rad, standard deviation), something stands in the way of the arm, or its power is lost (which is
    the controller's to do).
    """

    kind: Literal["stuck", "lag", "noise", "contact", "power"]
    after: float
    joint: str = ""
    lag: float = 0.0
    noise: float = 0.0


def parsed_fault(text: str) -> PlantFault | None:
    """The fault that `stuck:JOINT:AFTER`, `lag:SECONDS:AFTER`, `noise:RAD:AFTER`, `contact:AFTER` or `power:AFTER`
    names, None for `none`; raises ValueError.
    """
    match text.split(":"):
        case ["none"]:
            return None
        case ["stuck", joint, after]:
            return PlantFault("stuck", float(after), joint=joint)
        case ["lag", lag, after]:
            return PlantFault("lag", float(after), lag=float(lag))
        case ["noise", noise, after]:
            return PlantFault("noise", float(after), noise=float(noise))
        case ["contact", after]:
            return PlantFault("contact", float(after))
        case ["power", after]:
            return PlantFault("power", float(after))
    raise ValueError(f"'{text}' is no fault of an arm")


class FaultyPlant:
    """A `Plant` in front of another one, stepped in steps of `time_step` s, that fails as it was told."""

    def __init__(self, plant: Plant, fault: PlantFault, joints: tuple[str, ...], *, time_step: float) -> None:
        self._plant, self._fault = plant, fault
        self._stuck = np.array([joint == fault.joint for joint in joints])
        self._blend = 1.0 - float(np.exp(-time_step / fault.lag)) if fault.lag else 0.0
        self._time_step = time_step
        self._left = fault.after
        self._chance = np.random.default_rng(0)
        self._behind: FloatArray | None = None

    def set_joints(self, q: FloatArray) -> None:
        """Put the joints (dof,) somewhere, at rest."""
        self._plant.set_joints(q)

    def step(self, q_set: FloatArray, qd_set: FloatArray) -> None:
        """One time step towards the targets (dof,), as far as the fault lets them through."""
        was_left, self._left = self._left, self._left - self._time_step
        if self._left <= 0.0 < was_left and self._fault.kind == "contact":
            self._plant.obstruct()
        if self._left > 0.0 or self._fault.kind not in ("stuck", "lag"):
            self._plant.step(q_set, qd_set)
            return
        behind = self._plant.read()[0] if self._behind is None else self._behind
        follows = behind + self._blend * (q_set - behind)
        self._behind = np.where(self._stuck, behind, follows) if self._blend else np.where(self._stuck, behind, q_set)
        self._plant.step(self._behind, (self._behind - behind) / self._time_step)

    def read(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Joints, velocities, torques (dof,), the joints as their encoders read them."""
        joints, velocities, torques = self._plant.read()
        if self._left <= 0.0 and self._fault.noise:
            joints = joints + self._chance.normal(0.0, self._fault.noise, joints.shape)
        return joints, velocities, torques

    def close_brakes(self) -> None:
        """Hold every joint where it is."""
        self._plant.close_brakes()

    def open_brakes(self) -> None:
        """Give the joints back to their motors."""
        self._plant.open_brakes()

    def obstruct(self) -> None:
        """Put something in the way of the moving arm."""
        self._plant.obstruct()
