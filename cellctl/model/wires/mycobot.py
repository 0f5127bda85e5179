"""The frames of Elephant Robotics' myCobot arms: to bytes and back. It knows no arm and no port.

    FE FE | length | command | data | FA

`length` counts what follows it. There is no checksum: only the length and the last byte tell a frame from noise, and
whoever listens has to ask whether what it says can be true. Numbers are big-endian, angles in hundredths of a degree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import isfinite
from types import MappingProxyType
from typing import Final

from cellctl.model.wires.framing import FrameDecoder

HEADER: Final = b"\xfe\xfe"
END: Final = 0xFA
LONGEST: Final = 48
"""The largest `length` that is believed."""
JOINTS: Final = 6


class Command(IntEnum):
    """What a frame asks for; its answer carries the same number."""

    ERROR = 0x07
    CLEAR_ERROR = 0x08
    POWER_ON = 0x10
    POWER_OFF = 0x11
    IS_POWERED = 0x12
    RELEASE = 0x13
    FRESH_MODE = 0x16
    GET_ANGLES = 0x20
    SEND_ANGLE = 0x21
    SEND_ANGLES = 0x22
    PAUSE = 0x26
    RESUME = 0x28
    STOP = 0x29
    IS_MOVING = 0x2B
    FOCUS = 0x57


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, asked or answered."""

    command: int
    data: bytes = b""


class Decoder(FrameDecoder[Frame]):
    """Finds frames in a stream of bytes; what does not end as a frame should is never given."""

    header, head_size = HEADER, 3

    def _end(self, head: bytes) -> int | None:
        return 3 + head[2] if 2 <= head[2] <= LONGEST else None

    def _sound(self, frame: bytes) -> bool:
        return frame[-1] == END

    def _packet(self, frame: bytes) -> Frame:
        return Frame(frame[3], frame[4:-1])


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    return HEADER + bytes([len(frame.data) + 2, frame.command]) + frame.data + bytes([END])


def pack_angles(angles: Sequence[float]) -> bytes:
    """The bytes of angles, deg; raises ValueError for one that has no room."""
    raws = [round(100.0 * angle) if isfinite(angle) else 1 << 20 for angle in angles]
    if any(abs(raw) > 32_767 for raw in raws):
        raise ValueError("an angle has no room in a frame")
    return b"".join(raw.to_bytes(2, "big", signed=True) for raw in raws)


def unpack_angles(data: bytes) -> tuple[float, ...]:
    """The angles, deg, in the bytes of a frame."""
    return tuple(int.from_bytes(data[k : k + 2], "big", signed=True) / 100.0 for k in range(0, len(data) - 1, 2))


def send_angles(angles: Sequence[float], speed: int) -> Frame:
    """Go to `angles` (deg) with `speed` percent; raises ValueError for a speed that is not 1 to 100."""
    if not 1 <= speed <= 100:
        raise ValueError("a speed is 1 to 100 percent")
    return Frame(Command.SEND_ANGLES, pack_angles(angles) + bytes([speed]))


def send_angle(joint: int, angle: float, speed: int) -> Frame:
    """Move one joint, counted from 1."""
    return Frame(Command.SEND_ANGLE, bytes([joint]) + pack_angles([angle]) + bytes([speed]))


ERRORS: Final = MappingProxyType(
    {number: f"joint {number} is at its limit" for number in range(1, 7)}
    | {number: "collision protection" for number in range(16, 20)}
    | {32: "no inverse kinematics", 33: "no way on the straight line", 34: "no way on the straight line"}
)
"""What the number that `ERROR` answers means, as the vendor's library has it."""
