"""Drivers: speak to one arm each, behind the `Driver` protocol. They know no plan."""

from cellctl.drivers.driver import ArmIdentity, ArmSetup, ArmState, Driver, Setpoint, arm_setup, open_driver

__all__ = ["ArmIdentity", "ArmSetup", "ArmState", "Driver", "Setpoint", "arm_setup", "open_driver"]
