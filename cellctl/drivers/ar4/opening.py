"""Opens an AR4 at a serial port, by its wiring. It asks the controller nothing."""

from __future__ import annotations

from cellctl.drivers.ar4.arm import Ar4Arm, calibrated_wiring
from cellctl.drivers.driver import ArmSetup
from cellctl.drivers.serial_port import SerialPort
from cellctl.errors import Finding, UsageError
from cellctl.files import load_gcode_wiring


def open_ar4_arm(port: str, setup: ArmSetup) -> Ar4Arm:
    """The arm at a serial port; raises FileError, UsageError or EnvironmentMissing.

    Without a wiring file it is an mk3 with the offsets that its driver has for it.
    """
    wiring = load_gcode_wiring(setup.wiring) if setup.wiring else calibrated_wiring(setup.joints)
    if wiring.joints != setup.joints:
        message = f"the wiring is one for {', '.join(wiring.joints)}"
        raise UsageError(Finding("U646", message, suggestion=f"this arm needs one for {', '.join(setup.joints)}"))
    return Ar4Arm(lambda: SerialPort(port, baud=wiring.baud), wiring, setup)
