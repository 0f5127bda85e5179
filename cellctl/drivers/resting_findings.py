"""What there is to complain about in arms that rest at every waypoint, in words. Nothing is decided here."""

from __future__ import annotations

from math import degrees

from cellctl.drivers.driver import ArmState
from cellctl.drivers.last_pose import last_pose
from cellctl.errors import Finding


def lost(port: str, why: str, joints: tuple[str, ...], last: ArmState | None) -> Finding:
    """The port is gone, or the arm says nothing any more."""
    return Finding(
        "X484",
        f"the arm at {port} was lost: {why}{last_pose(joints, last)}",
        suggestion="look at the arm and its cable, then clear the fault",
        data={"port": port, "joints": None if last is None else last.joints.tolist()},
    )


def implausible(joint: str) -> Finding:
    """Angles that cannot be true, again and again."""
    return Finding(
        "X485", f"{joint} reports angles that it cannot have", suggestion="look at the line", data={"joint": joint}
    )


def off_line(joint: str, error: float) -> Finding:
    """The arm is not where it should be."""
    return Finding(
        "X487",
        f"{joint} is {degrees(error):.1f} deg off the line that the arm was to go",
        suggestion="look at the arm, then begin again from where it stands",
        data={"joint": joint, "error": error},
    )


def not_there(joint: str, error: float) -> Finding:
    """The arm does not arrive."""
    message = f"{joint} did not come to rest where it was to in time ({degrees(error):.1f} deg off)"
    return Finding("X487", message, data={"joint": joint})


def not_still() -> Finding:
    """The arm was told to stop and goes on."""
    return Finding("X487", "the arm did not come to rest after it was told to stop", suggestion="take its power away")


def not_possible(what: str) -> Finding:
    """What the arm cannot be told."""
    return Finding("X488", what)
