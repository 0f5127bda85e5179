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
from cellctl.errors import FileError, Finding, UsageError
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


def _wiring_of(protocol: Protocol, setup: ArmSetup) -> Wiring:
    """The wiring that was named, or the library's for the arm; raises UsageError U654 where it has none."""
    if setup.wiring:
        return load_wiring(setup.wiring)
    try:
        return load_wiring(setup.robot)
    except FileError as error:
        if error.findings[0].code not in ("F101", "F207"):
            raise
        message = f"the arm of this cell is a {setup.robot}, and nothing says how {protocol} servos would drive it"
        hint = "is this the task for the arm at the port? else name its wiring with --wiring FILE"
        raise UsageError(Finding("U654", message, suggestion=hint)) from None


def _opened(protocol: Protocol, port: str, setup: ArmSetup) -> ServoArm:
    wiring = _wiring_of(protocol, setup)
    if wiring.protocol != protocol or wiring.joints != setup.joints:
        message = f"the wiring '{wiring.name}' is one of {wiring.protocol} servos for {', '.join(wiring.joints)}"
        hint = f"this arm needs {protocol} servos for {', '.join(setup.joints)}"
        raise UsageError(Finding("U646", message, suggestion=hint))
    return ServoArm(lambda: SerialPort(port, baud=wiring.baud), SERVOS[protocol], wiring, setup)
