"""Opens the arm on a G-code controller at a serial port, by its wiring. It asks the controller nothing."""

from __future__ import annotations

from cellctl.drivers.driver import ArmSetup
from cellctl.drivers.grbl.arm import GrblArm
from cellctl.drivers.serial_port import SerialPort
from cellctl.errors import Finding, UsageError
from cellctl.files import load_gcode_wiring
from cellctl.model.gcode_wiring import homed_wiring


def open_grbl_arm(port: str, setup: ArmSetup) -> GrblArm:
    """The arm at a serial port; raises FileError, UsageError or EnvironmentMissing.

    Without a wiring file it is one that is homed to its upper limits.
    """
    wiring = load_gcode_wiring(setup.wiring) if setup.wiring else homed_wiring(setup.joints, setup.limits)
    if wiring.joints != setup.joints:
        message = f"the wiring is one of a G-code controller for {', '.join(wiring.joints)}"
        hint = f"this arm needs one for {', '.join(setup.joints)}"
        raise UsageError(Finding("U646", message, suggestion=hint))
    return GrblArm(lambda: SerialPort(port, baud=wiring.baud), wiring, setup)
