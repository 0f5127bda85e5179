"""Opens a myCobot at a serial port. It asks the arm nothing."""

from __future__ import annotations

from cellctl.drivers.driver import ArmSetup
from cellctl.drivers.mycobot.arm import MycobotWaypointArm
from cellctl.drivers.serial_port import SerialPort
from cellctl.errors import Finding, UsageError

BAUD = 115_200


def open_mycobot_arm(port: str, setup: ArmSetup) -> MycobotWaypointArm:
    """The arm at a serial port; raises EnvironmentMissing, and UsageError U646 for a wiring file."""
    if setup.wiring:
        raise UsageError(Finding("U646", "a myCobot has no wiring: its joint values are what it calls its angles"))
    return MycobotWaypointArm(lambda: SerialPort(port, baud=BAUD), setup)
