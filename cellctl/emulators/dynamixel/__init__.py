"""Emulated DYNAMIXEL servos on one bus, as the wire shows them: registers, errors, watchdog, motion."""
