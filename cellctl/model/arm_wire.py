"""The wire between the driver and the controller of the simulated arm: bytes to values and back. It opens no socket.

Both ends of a wire have to agree and neither may import the other, so its form stands here, below both.

A frame, all little-endian, over a local stream socket:

    offset  size  field
    0       4     magic, the bytes "CSA1"; the digit is the version
    4       1     kind, see `Kind`
    5       1     number of joints n, 0 where the payload holds none
    6       2     zero
    8       4     sequence number of the request; a reply repeats it
    12      4     length of the payload, bytes, at most 65,536
    16      4     CRC-32 of the 16 bytes before and of the payload
    20            payload

Payloads:

    IDENTIFY, READ, STOP, CLEAR   none
    POWER_OFF, POWER_ON           none
    SETPOINT                      n float64 joints (rad), uint32 outputs, float64 analogue outputs (at most 16)
    IDENTITY                      canonical JSON: robot, joints, period, pace, lag
    STATE                         float64 time (s), n float64 joints, n velocities, n torques, uint32 inputs,
                                  uint16 fault (0 for none, see `Fault`), uint16 condition (see `Condition`),
                                  float64 stalled (s), float64 analogue inputs (at most 16)
    REFUSED                       UTF-8 text: why the controller hangs up

Every request is answered by one frame. A SETPOINT is answered when the controller's period has passed, in lock-step at
once; a STOP when the arm stands.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from cellctl.model.pose import FloatArray

MAGIC = b"CSA1"
HEADER_SIZE = 20
LONGEST_PAYLOAD = 65_536
ANALOG_CHANNELS = 16
"""Analogue values that a frame holds at most, channel by channel from 0; a channel beyond them is not set."""
_HEAD = struct.Struct("<4sBBHII")
_CRC = struct.Struct("<I")
_OUTPUTS = struct.Struct("<I")
_TIME = struct.Struct("<d")
_STATUS = struct.Struct("<IHHd")


class Kind(IntEnum):
    """What a frame is: requests below 128, replies from there."""

    IDENTIFY = 1
    READ = 2
    SETPOINT = 3
    STOP = 4
    CLEAR = 5
    POWER_OFF = 6
    POWER_ON = 7
    IDENTITY = 129
    STATE = 130
    REFUSED = 131


class Fault(IntEnum):
    """Why the controller stopped on its own and waits for CLEAR."""

    NONE = 0
    WATCHDOG = 1
    DISCONNECTED = 2
    NOT_FINITE = 3
    TOO_FAST = 4
    OUT_OF_LIMITS = 5
    WRONG_JOINTS = 6
    NO_POWER = 7


class Condition(IntEnum):
    """What the controller does: it stands under power, follows setpoints, slows down, stands with its brakes closed
    after a fault, or has no power.
    """

    STANDING = 0
    STREAMING = 1
    STOPPING = 2
    BRAKED = 3
    OFF = 4


class WireError(ValueError):
    """Bytes that are no frame of this wire."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its kind, sequence number, number of joints and payload."""

    kind: Kind
    sequence: int
    joints: int
    payload: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a STATE frame says; arrays (n,), SI. `stalled` is how long its clock has stood because the host did not let
    it run; `analog` holds the analogue inputs by channel.
    """

    time: float
    joints: FloatArray
    velocities: FloatArray
    torques: FloatArray
    inputs: int
    fault: Fault
    condition: Condition
    stalled: float = 0.0
    analog: tuple[float, ...] = ()


def pack(kind: Kind, sequence: int, payload: bytes = b"", *, joints: int = 0) -> bytes:
    """The bytes of a frame."""
    head = _HEAD.pack(MAGIC, kind, joints, 0, sequence, len(payload))
    return head + _CRC.pack(zlib.crc32(payload, zlib.crc32(head))) + payload


def unpack(buffer: bytes | bytearray) -> tuple[Frame | None, int]:
    """The first frame in `buffer` and the bytes it takes, (None, 0) while it is not whole; raises WireError for
    noise.
    """
    if len(buffer) < HEADER_SIZE:
        if not MAGIC.startswith(bytes(buffer[:4])):
            raise WireError("a frame does not begin with its magic")
        return None, 0
    magic, kind, joints, zero, sequence, length = _HEAD.unpack_from(buffer)
    if magic != MAGIC or zero or length > LONGEST_PAYLOAD:
        raise WireError("a frame does not begin with its magic, or is too long")
    end = HEADER_SIZE + length
    if len(buffer) < end:
        return None, 0
    payload = bytes(buffer[HEADER_SIZE:end])
    if _CRC.unpack_from(buffer, 16)[0] != zlib.crc32(payload, zlib.crc32(bytes(buffer[:16]))):
        raise WireError("a frame has a wrong checksum")
    try:
        return Frame(Kind(kind), sequence, joints, payload), end
    except ValueError:
        raise WireError(f"no frame is of kind {kind}") from None


def pack_setpoint(sequence: int, joints: FloatArray, outputs: int, analog: tuple[float, ...] = ()) -> bytes:
    """The bytes of a SETPOINT frame."""
    payload = joints.astype("<f8").tobytes() + _OUTPUTS.pack(outputs) + _analog_bytes(analog)
    return pack(Kind.SETPOINT, sequence, payload, joints=len(joints))


def setpoint_of(frame: Frame) -> tuple[FloatArray, int, tuple[float, ...]]:
    """Joints (n,), outputs and analogue outputs of a SETPOINT frame; raises WireError."""
    end = 8 * frame.joints + 4
    analog = _analog_of(frame.payload, end, "a setpoint")
    return np.frombuffer(frame.payload, "<f8", frame.joints), _OUTPUTS.unpack_from(frame.payload, end - 4)[0], analog


def _analog_bytes(analog: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(analog)}d", *analog)


def _analog_of(payload: bytes, start: int, what: str) -> tuple[float, ...]:
    """The analogue values behind byte `start` of a payload; raises WireError where it has another length."""
    count, rest = divmod(len(payload) - start, 8)
    if rest or not 0 <= count <= ANALOG_CHANNELS:
        raise WireError(f"{what} has a wrong length")
    return struct.unpack_from(f"<{count}d", payload, start)


def pack_report(sequence: int, report: Report) -> bytes:
    """The bytes of a STATE frame."""
    arrays: Sequence[FloatArray] = (report.joints, report.velocities, report.torques)
    status = _STATUS.pack(report.inputs, report.fault, report.condition, report.stalled)
    payload = _TIME.pack(report.time) + np.concatenate(arrays).astype("<f8").tobytes() + status
    payload += _analog_bytes(report.analog)
    return pack(Kind.STATE, sequence, payload, joints=len(report.joints))


def report_of(frame: Frame) -> Report:
    """What a STATE frame says; raises WireError."""
    n = frame.joints
    analog = _analog_of(frame.payload, 8 + 24 * n + _STATUS.size, "a state")
    inputs, fault, condition, stalled = _STATUS.unpack_from(frame.payload, 8 + 24 * n)
    values = np.frombuffer(frame.payload, "<f8", 3 * n, offset=8)
    try:
        return Report(
            time=_TIME.unpack_from(frame.payload)[0],
            joints=values[:n],
            velocities=values[n : 2 * n],
            torques=values[2 * n :],
            inputs=inputs,
            fault=Fault(fault),
            condition=Condition(condition),
            stalled=stalled,
            analog=analog,
        )
    except ValueError as error:
        raise WireError(str(error)) from None
