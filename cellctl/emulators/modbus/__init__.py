"""Emulated process devices on a Modbus RTU line: gripper, weld source, screwdriver."""
