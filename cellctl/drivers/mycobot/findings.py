"""What a myCobot arm has to complain about, in words. Nothing is decided here."""

from __future__ import annotations

from cellctl.errors import Finding
from cellctl.model.wires.mycobot import ERRORS, JOINTS


def no_answer(port: str, joints: int) -> Finding:
    """Nobody answers when the port is opened, or the arm is another one."""
    what = f"no myCobot answered at {port}"
    if joints != JOINTS:
        what = f"a myCobot has {JOINTS} joints, the arm of the cell {joints}"
    return Finding("E572", what, suggestion="look at power, cable and baud rate", data={"port": port})


def reported(number: int) -> Finding:
    """The arm reports an error."""
    words = ERRORS.get(number, "no words for it here")
    message = f"the arm reports error {number}: {words}"
    return Finding("X486", message, suggestion="find the cause, then clear the fault", data={"error": number})


def not_powered() -> Finding:
    """The motors of the arm are off."""
    return Finding("X486", "the motors of the arm are off, and it was to move", suggestion="look at its power supply")
