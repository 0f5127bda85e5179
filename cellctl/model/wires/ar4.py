"""Text lines of an Annin AR4 with the firmware of ar4_ros_driver 2.1.0: commands and replies, with their defects kept
out. Nothing is sent here.

A line has no checksum and no number. The firmware takes a move that lacks a joint for one to 0 deg from there on, and
lets negative values past its own range check; so a move is only made whole, and within limits that are given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

JOINTS = 6
FIRMWARE, MODEL = "2.1.0", "mk3"
TOP_SPEED, ACCELERATION = 60.0, 30.0
"""deg/s and deg/s^2 of every joint: constants of the firmware, which no line changes."""
ZEROS = (-170.0, 42.0, 89.0, 180.0, 105.0, 180.0)
"""deg that a controller counts where the joints of an mk3 are at 0 (joint_offsets/mk3.yaml of ar4_ros_driver ff1c63f,
with the other sign): its own 0 is an end of their range.
"""
UNMOVED = 0.02
"""deg (two steps of the coarsest encoder, rounded up) by which a goal has to differ from where a joint is, or the
joint keeps the goal that it had.
"""
DANGERS = "lines without checksum or number; a move that is cut off takes joints to the end of their range"
ASK_POSITION = "JP"
CLEAR_STOP = "RE"
LETTERS = "ABCDEF"
_NUMBER = r"(-?\d{1,4}\.\d{6})"
_POSITIONS = re.compile("JP" + "".join(letter + _NUMBER for letter in LETTERS))
_STARTED = re.compile(r"STA([01])B([\w.]{1,16})C([01])D(\w{1,16})")


@dataclass(frozen=True, slots=True)
class Started:
    """Who answers: its firmware and model, and whether it takes them for those it was asked for."""

    firmware: str
    model: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the joints are, deg."""

    joints: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class MoveTaken:
    """A move was taken; `stopped` where the emergency stop is pressed, and then it is not done."""

    stopped: bool


@dataclass(frozen=True, slots=True)
class Complaint:
    """The firmware complains. After a move it says that it took it as well, so one reply too many is on its way."""

    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """The firmware says something on the side; the reply is still to come."""

    text: str


@dataclass(frozen=True, slots=True)
class Strange:
    """Anything else."""

    text: str


Reply = Started | Positions | MoveTaken | Complaint | Remark | Strange


def ask_who(firmware: str = FIRMWARE, model: str = MODEL) -> str:
    """The line that begins a conversation."""
    return f"STA{firmware}B{model}"


def move(joints: Sequence[float], *, lower: Sequence[float], upper: Sequence[float]) -> str:
    """The line of a move to `joints` (6,), deg; raises ValueError for one that is not whole or leaves the limits."""
    if not len(joints) == len(lower) == len(upper) == JOINTS or not all(map(isfinite, joints)):
        raise ValueError(f"a move needs {JOINTS} finite joint values")
    if any(not low <= joint <= high for joint, low, high in zip(joints, lower, upper, strict=True)):
        raise ValueError("a move leaves the limits of its joints")
    return "MT" + "".join(f"{letter}{value:.6f}" for letter, value in zip(LETTERS, joints, strict=True))


def reply_of(line: str) -> Reply:
    """What a line of the controller says; never raises, and a line that lacks anything is strange."""
    if found := _POSITIONS.fullmatch(line):
        return Positions(tuple(map(float, found.groups())))
    if found := _STARTED.fullmatch(line):
        return Started(found[2], found[4], found[1] == found[3] == "1")
    if line in ("ES0", "ES1"):
        return MoveTaken(line == "ES1")
    if line.startswith("ER:"):
        return Complaint(line[3:].strip())
    return Remark(line[3:].strip()) if line.startswith(("DB:", "WN:")) else Strange(line)
