"""What an AR4 has to complain about, in words. Nothing is decided here."""

from __future__ import annotations

from cellctl.errors import Finding
from cellctl.model.wires.ar4 import FIRMWARE, JOINTS, MODEL


def no_answer(port: str, joints: int) -> Finding:
    """Nobody answers when the port is opened, or the arm is another one."""
    what = f"no AR4 answered at {port}"
    if joints != JOINTS:
        what = f"an AR4 has {JOINTS} joints, the arm of the cell {joints}"
    return Finding("E573", what, suggestion="look at power, cable and the firmware of the arm", data={"port": port})


def other_firmware(firmware: str, model: str) -> Finding:
    """Somebody answers who is another one."""
    what = f"an AR4 '{model}' with the firmware '{firmware}' answered; known is '{MODEL}' with '{FIRMWARE}'"
    return Finding("E574", what, suggestion="the firmware is that of ar4_ros_driver; the vendor's own is another one")


def emergency_stop() -> Finding:
    """The emergency stop is pressed, or was and is latched."""
    text = "the emergency stop is pressed, or was pressed and nobody has cleared it"
    return Finding("X486", text, suggestion="see why, let the switch go, then clear the fault")


def refused(line: str, text: str) -> Finding:
    """The controller complains about a line that was whole when it was sent; it makes such a move all the same."""
    what = f"the controller complains about '{line}': {text}"
    hint = "the line was damaged on its way; look at the cable, and at where the arm went"
    return Finding("X472", what, suggestion=hint)


def started_anew(text: str) -> Finding:
    """The controller no longer knows who asks, so it no longer knows where the arm is."""
    what = f"the controller has started anew: {text}"
    hint = "reset it, let its own program calibrate the arm, then vouch for its position"
    return Finding("X473", what, suggestion=hint)


def too_slow(joint: str, angle: float) -> Finding:
    """Waypoints that were to be passed more slowly than the controller can."""
    text = f"{joint} would have to stop every {angle:.3f} deg to be so slow: its ramps are the firmware's own"
    return Finding("X488", text, suggestion="ask for more speed")
