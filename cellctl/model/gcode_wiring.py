"""How the joints of an arm lie on the axes of a G-code controller. Nothing is spoken here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import degrees
from typing import Literal

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.robot import JointLimits, Robot


@dataclass(frozen=True, slots=True)
class GcodeAxis:
    """One joint: the controller's position `zero` (deg) at joint value 0, and the `sign` of the joint along it."""

    joint: str
    zero: float = 0.0
    sign: Literal[-1, 1] = 1


@dataclass(frozen=True, slots=True)
class GcodeOutput:
    """A digital output: its line, and the M words that switch it on and off."""

    name: str
    line: int
    on: int
    off: int


@dataclass(frozen=True, slots=True)
class GcodeWiring:
    """The axes of a controller in the order X Y Z A B C, its outputs, its baud rate, and how often it is asked where it
    is (s).
    """

    axes: tuple[GcodeAxis, ...]
    outputs: tuple[GcodeOutput, ...] = ()
    baud: int = 115_200
    status_period: float = 0.1

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the joints, in order."""
        return tuple(axis.joint for axis in self.axes)

    def machine_values(self, joints: FloatArray) -> FloatArray:
        """Controller positions (..., n), deg, of joint values (..., n), rad."""
        signs, zeros = self._maps()
        result: FloatArray = zeros + signs * np.degrees(joints)
        return result

    def joint_values(self, machine: FloatArray) -> FloatArray:
        """Joint values (..., n), rad, of controller positions (..., n), deg."""
        signs, zeros = self._maps()
        result: FloatArray = np.radians(signs * (np.asarray(machine) - zeros))
        return result

    def _maps(self) -> tuple[FloatArray, FloatArray]:
        return np.array([axis.sign for axis in self.axes]), np.array([axis.zero for axis in self.axes])


def homed_wiring(
    joints: Sequence[str], limits: Sequence[JointLimits], outputs: tuple[GcodeOutput, ...] = ()
) -> GcodeWiring:
    """The wiring of an arm that is homed to its upper limits, so that its controller counts from -travel to 0, as GRBL
    does.
    """
    pairs = zip(joints, limits, strict=True)
    return GcodeWiring(tuple(GcodeAxis(joint, zero=-degrees(limit.upper)) for joint, limit in pairs), outputs)


def homed_robot(robot: Robot, outputs: tuple[GcodeOutput, ...] = ()) -> GcodeWiring:
    """The same for the joints of a robot."""
    return homed_wiring([joint.name for joint in robot.axes], robot.axis_limits, outputs)


def travel_of(robot: Robot) -> FloatArray:
    """The travel of each axis (n,), deg."""
    return np.array([degrees(limit.upper - limit.lower) for limit in robot.axis_limits])
