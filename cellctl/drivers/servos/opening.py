"""Opens arms of serial servos by what they speak. It asks them nothing."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from types import MappingProxyType

from cellctl.drivers.driver import ArmSetup
from cellctl.drivers.dynamixel.servos import DynamixelServos
from cellctl.drivers.feetech.servos import FeetechServos
from cellctl.drivers.port import Port
from cellctl.drivers.serial_port import SerialPort
from cellctl.drivers.servos.arm import ServoArm, ServosOn
from cellctl.drivers.servos.servos import Servos
from cellctl.errors import Finding, UsageError
from cellctl.files import load_wiring
from cellctl.model.robot import JointLimits
from cellctl.model.wiring import Protocol, Wiring

SERVOS: Mapping[Protocol, ServosOn] = MappingProxyType({"dynamixel": DynamixelServos, "feetech": FeetechServos})
"""What makes the servos of a wiring, for each protocol."""


def open_dynamixel_arm(port: str, setup: ArmSetup) -> ServoArm:
    """The DYNAMIXEL arm at a serial port; raises FileError, UsageError or EnvironmentMissing."""
    return _opened("dynamixel", port, setup)


def open_feetech_arm(port: str, setup: ArmSetup) -> ServoArm:
    """The Feetech arm at a serial port; raises FileError, UsageError or EnvironmentMissing."""
    return _opened("feetech", port, setup)


def servos_at(port: Port, wiring: Wiring) -> Servos:
    """The servos of an arm whose limits nobody asked for: to look at them or to let them go, not to move them."""
    return SERVOS[wiring.protocol](port, wiring, (JointLimits(-inf, inf, inf, inf, inf, inf),) * len(wiring.axes))


def _opened(protocol: Protocol, port: str, setup: ArmSetup) -> ServoArm:
    wiring = load_wiring(setup.wiring or setup.robot)
    if wiring.protocol != protocol or wiring.joints != setup.joints:
        message = f"the wiring '{wiring.name}' is one of {wiring.protocol} servos for {', '.join(wiring.joints)}"
        hint = f"this arm needs {protocol} servos for {', '.join(setup.joints)}"
        raise UsageError(Finding("U646", message, suggestion=hint))
    return ServoArm(lambda: SerialPort(port, baud=wiring.baud), SERVOS[protocol], wiring, setup)
