"""What an arm on a G-code controller has to complain about, in words. Nothing is decided here."""

from __future__ import annotations

from math import degrees

from cellctl.drivers.driver import ArmState
from cellctl.drivers.last_pose import last_pose
from cellctl.errors import Finding
from cellctl.model.wires import gcode

_HOME = "home it again"


def no_answer(port: str, baud: int) -> Finding:
    """Nobody answers when the port is opened."""
    message = f"no G-code controller answered at {port} with {baud} baud"
    return Finding("E560", message, suggestion="look at power, cable and baud rate", data={"port": port})


def unfit(port: str, what: str) -> Finding:
    """The controller is not one for this arm."""
    message = f"the controller at {port} does not fit: {what}"
    return Finding("E561", message, suggestion="see whether this is the arm that was meant")


def lost(port: str, why: str, joints: tuple[str, ...], last: ArmState | None) -> Finding:
    """The controller is gone, or says nothing any more."""
    return Finding(
        "X471",
        f"the controller at {port} was lost: {why}{last_pose(joints, last)}",
        suggestion=f"look at the arm and its cable, clear the fault, then {_HOME}",
        data={"port": port, "joints": None if last is None else last.joints.tolist()},
    )


def refused(line: str, number: int) -> Finding:
    """The controller did not take a line."""
    words = gcode.ERRORS.get(number, "no words for it here")
    return Finding("X472", f"the controller refused the line '{line}': error {number}, {words}", data={"error": number})


def alarmed(number: int) -> Finding:
    """The controller has locked itself."""
    words = gcode.ALARMS.get(number, "no words for it here")
    kept = number in gcode.POSITION_KEPT
    what = "it still knows where it is" if kept else "it no longer knows where it is"
    return Finding(
        "X473",
        f"the controller has locked itself: alarm {number}, {words}; {what}",
        suggestion="find the cause, then clear the fault" + ("" if kept else f" and {_HOME}"),
        data={"alarm": number, "position_kept": kept},
    )


def restarted() -> Finding:
    """The controller has started anew by itself."""
    return Finding(
        "X473",
        "the controller has started anew by itself and no longer knows where it is",
        suggestion=f"look at its power supply and for interference, clear the fault, then {_HOME}",
        data={"position_kept": False},
    )


def out_of_step(what: str) -> Finding:
    """Lines or answers were lost."""
    return Finding("X474", f"lines and answers no longer match: {what}", suggestion="look at the line for interference")


def off_path(joint: str, error: float) -> Finding:
    """The controller is not where its own planner should have brought it."""
    return Finding(
        "X475",
        f"{joint} is {degrees(error):.1f} deg off the motion that the controller was to make",
        suggestion="a line may have been lost, or the settings of the controller were changed",
        data={"joint": joint, "error": error},
    )


def may_not_go_on(what: str) -> Finding:
    """Something that must not be done from here."""
    return Finding("X476", what, suggestion="stop, and begin again from where the arm stands")


def not_possible(what: str) -> Finding:
    """Waypoints that the controller cannot be given."""
    return Finding("X478", what)
