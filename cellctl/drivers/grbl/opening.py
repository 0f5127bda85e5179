"""Opens the arm on a G-code controller at a serial port, by its wiring. It asks the controller nothing."""

from __future__ import annotations

from cellctl.drivers.driver import ArmSetup
from cellctl.drivers.grbl.arm import GrblArm
from cellctl.drivers.serial_port import SerialPort
from cellctl.model.gcode_wiring import homed_wiring


def open_grbl_arm(port: str, setup: ArmSetup) -> GrblArm:
    """The arm at a serial port, homed to its upper limits; raises EnvironmentMissing."""
    wiring = homed_wiring(setup.joints, setup.limits)
    return GrblArm(lambda: SerialPort(port, baud=wiring.baud), wiring, setup)
