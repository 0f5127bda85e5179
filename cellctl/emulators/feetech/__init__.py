"""Emulated Feetech STS servos on one bus, as the wire shows them: tables, errors, EEPROM lock, motion."""
