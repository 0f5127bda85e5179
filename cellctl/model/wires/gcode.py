"""The text of GRBL 1.1 and grblHAL, and the numbered lines of Marlin: lines to values and back. It knows no machine and
no port.

Every line that is sent is answered once, by `ok` or `error:N`; everything else that comes (status, alarms, messages,
settings, the banner) is pushed and answers nothing. Some single bytes act at once, wherever they stand in the stream,
so they may never be part of a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from cellctl.model.wires.checksums import xor

STATUS_REQUEST: Final = b"?"
FEED_HOLD: Final = b"!"
RESUME: Final = b"~"
SOFT_RESET: Final = b"\x18"
SAFETY_DOOR: Final = b"\x84"
"""Holds the motion and switches spindle and coolant off, which a feed hold alone does not."""
JOG_CANCEL: Final = b"\x85"
REALTIME: Final = frozenset(b"?!~\x18") | frozenset(range(0x80, 0x100))
"""Bytes that act at once."""

LONGEST_LINE: Final = 80
"""Bytes of a line with its end, on the smallest boards."""
LONGEST_REPLY: Final = 1024
AXES: Final = "XYZABC"


@dataclass(frozen=True, slots=True)
class Ok:
    """The line was taken."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The line was not taken: `error:N`."""

    number: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """The machine has locked itself: `ALARM:N`."""

    number: int


@dataclass(frozen=True, slots=True)
class Status:
    """A status report: `state` (`Run`, `Hold` ...) with its number after the colon, the machine position in the
    controller's units, and where told the blocks and bytes that are free, the pins that are active, and the feed rate.
    """

    state: str
    substate: int | None = None
    position: tuple[float, ...] = ()
    blocks_free: int | None = None
    bytes_free: int | None = None
    pins: str = ""
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Banner:
    """The controller has just started: `Grbl 1.1h ['$' for help]`."""

    version: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One of the settings that `$$` lists."""

    number: int
    value: float


@dataclass(frozen=True, slots=True)
class Message:
    """Words in brackets: `[MSG:...]`, `[OPT:...]`, `[VER:...]`; `kind` is what stands before the first colon."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything else, an `ok` with a letter missing among it."""

    text: str


Reply = Ok | Refused | Alarm | Status | Banner | Setting | Message | Unknown

ERRORS: Final[Mapping[int, str]] = {
    1: "a letter was expected",
    2: "a number is wrong",
    3: "no such $ command",
    5: "homing is not enabled",
    8: "only possible at rest",
    9: "locked by an alarm",
    11: "the line is too long",
    15: "a jog leaves the travel",
    16: "a jog is wrong",
    20: "no such command",
    22: "the feed rate is missing",
    24: "two commands want the axes",
    25: "a word stands twice",
    26: "no axis is named",
    33: "the target is wrong",
}
ALARMS: Final[Mapping[int, str]] = {
    1: "a limit switch was hit",
    2: "a target is outside the travel",
    3: "reset while moving",
    4: "the probe was not ready",
    5: "the probe found nothing",
    6: "reset while homing",
    7: "the door was opened while homing",
    8: "homing did not get off the switch",
    9: "homing found no switch",
}
POSITION_KEPT: Final = frozenset({2, 4, 5})
"""Alarms after which the position is still known."""

_NUMBER = re.compile(r"[-+]?\d{1,9}(\.\d{0,9})?|[-+]?\.\d{1,9}")
_SETTING = re.compile(r"\$(\d{1,4})=([-+.\d]{1,16})")
_COUNTED = re.compile(r"(error|ALARM):(\d{1,3})")
_STATE = re.compile(r"(Idle|Run|Hold|Jog|Alarm|Door|Check|Home|Sleep|Tool)(?::(\d{1,2}))?")
_BANNER = re.compile(r"Grbl(?:HAL)? (\S{1,20}) \[.*\]", re.IGNORECASE)


class LineDecoder:
    """Lines in a stream of bytes, however it is cut. Never raises; bytes that are no printable ASCII are dropped, and
    lines that never end are given up.

    `dropped` counts bytes that belong to no line.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """The lines that are whole with `data`, without their ends; empty ones are left out."""
        clean = bytes(byte for byte in data if 32 <= byte < 127 or byte in b"\r\n")
        self.dropped += len(data) - len(clean)
        self._buffer += clean.replace(b"\r", b"\n")
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = bytearray(rest)
        if len(rest) > LONGEST_REPLY:
            self.reset()
        return [line.decode("ascii") for line in lines if line and len(line) <= LONGEST_REPLY]

    def reset(self) -> None:
        """Forget what is not a whole line yet."""
        self.dropped += len(self._buffer)
        self._buffer.clear()


def reply_of(line: str) -> Reply:
    """What a line of the controller says; never raises."""
    if line == "ok":
        return Ok()
    if found := _COUNTED.fullmatch(line):
        return Refused(int(found[2])) if found[1] == "error" else Alarm(int(found[2]))
    if line.startswith("<") and line.endswith(">"):
        return _status(line[1:-1]) or Unknown(line)
    if found := _SETTING.fullmatch(line):
        value = number_of(found[2])
        return Unknown(line) if value is None else Setting(int(found[1]), value)
    if line.startswith("[") and line.endswith("]"):
        kind, _, text = line[1:-1].partition(":")
        return Message(kind, text)
    if found := _BANNER.fullmatch(line):
        return Banner(found[1])
    return Unknown(line)


def number_of(text: str) -> float | None:
    """The number that a text is, None when it is none."""
    return float(text) if _NUMBER.fullmatch(text) else None


def _status(text: str) -> Status | None:
    """The status in a report, None for one that is damaged."""
    state, *fields = text.split("|")
    found = _STATE.fullmatch(state)
    if found is None:
        return None
    said = {name: value for name, _, value in (item.partition(":") for item in fields)}
    numbers = {name: [*map(number_of, said[name].split(","))] for name in ("MPos", "Bf", "FS") if name in said}
    if any(value is None for values in numbers.values() for value in values):
        return None
    position = tuple(value for value in numbers.get("MPos", ()) if value is not None)
    free = [int(value) for value in numbers.get("Bf", ()) if value is not None]
    return Status(
        state=found[1],
        substate=int(found[2]) if found[2] else None,
        position=position,
        blocks_free=free[0] if len(free) == 2 else None,
        bytes_free=free[1] if len(free) == 2 else None,
        pins=said.get("Pn", ""),
        rate=next(iter(numbers.get("FS", ())), None),
    )


# What is sent ---------------------------------------------------------------------------------------------------------


def encode(line: str, *, longest: int = LONGEST_LINE) -> bytes:
    """The bytes of a line with its end; raises ValueError where it is too long or holds a byte that acts at once."""
    data = line.encode("ascii", "strict")
    if len(data) >= longest:
        raise ValueError(f"a line of {len(data)} bytes is too long")
    if any(byte in REALTIME or not 32 <= byte < 127 for byte in data):
        raise ValueError("a line holds a byte that may not stand there")
    return data + b"\n"


def straight_move(target: Sequence[float], *, duration: float) -> str:
    """A straight move to `target` (controller units, at most six axes) in `duration` s, by inverse time (G93)."""
    if not 1 <= len(target) <= len(AXES) or not all(map(isfinite, target)) or not duration > 0.0:
        raise ValueError("a move needs finite targets of at most six axes and a time above 0")
    words = "".join(f"{letter}{_plain(value)}" for letter, value in zip(AXES, target, strict=False))
    return f"G1{words}F{60.0 / duration:.3f}"


def spoken_duration(duration: float) -> float:
    """The time of a straight move, s, as its line says it; raises ValueError for one that is too long to be said."""
    rate = round(60.0 / duration, 3)
    if not rate > 0.0:
        raise ValueError(f"{duration:g} s is too long for one line")
    return 60.0 / rate


def rounded(value: float) -> float:
    """A coordinate as it stands in a line: three decimals."""
    return round(value, 3) + 0.0


def _plain(value: float) -> str:
    return f"{rounded(value):.3f}".rstrip("0").rstrip(".")


# Marlin ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A line with its number."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Resend:
    """Marlin asks for a line again, and for all that came after it."""

    number: int


@dataclass(frozen=True, slots=True)
class MarlinSaid:
    """Anything else that Marlin says: `ok` (with what it adds), `busy`, `Error`, `start`, or `echo` for the rest."""

    kind: str
    text: str = field(default="", compare=False)


_NUMBERED = re.compile(r"N(-?\d{1,9}) ?(.*?)\*(\d{1,3})")
_RESEND = re.compile(r"(?:Resend|rs):? ?N?(\d{1,9})", re.IGNORECASE)


def encode_numbered(line: NumberedLine) -> bytes:
    """`N2 G1 X20*80`: number, text, and all bytes before the star by exclusive or."""
    body = f"N{line.number} {line.text}".encode("ascii")
    if b"\n" in body or b"*" in body:
        raise ValueError("a numbered line holds a star or an end")
    return body + b"*%d\n" % xor(body)


def numbered_line_of(text: str) -> NumberedLine | None:
    """The numbered line in a text; None when it has no number or a wrong checksum."""
    found = _NUMBERED.fullmatch(text)
    if found is None or xor(text[: found.end(2)].encode("ascii", "replace")) != int(found[3]):
        return None
    return NumberedLine(int(found[1]), found[2])


def marlin_reply_of(line: str) -> Resend | MarlinSaid:
    """What a line of Marlin says; never raises."""
    if found := _RESEND.match(line):
        return Resend(int(found[1]))
    for kind in ("ok", "Error", "start"):
        if line == kind or line.startswith((kind + " ", kind + ":")):
            return MarlinSaid(kind, line)
    return MarlinSaid("busy" if "busy:" in line else "echo", line)
