"""DYNAMIXEL protocol 2.0: packets to bytes and back (ROBOTIS e-Manual, "Protocol 2.0"). It knows no servo and no port.

A packet:

    FF FF FD 00 | id | length, 2 bytes | instruction | parameters | CRC-16, 2 bytes

All numbers are little-endian; `length` counts what follows it. Wherever instruction and parameters hold FF FF FD,
another FD is put behind it ("stuffing"), so that no packet holds the header of another one. A status packet carries an
error byte before its data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from cellctl.model.wires.checksums import crc16
from cellctl.model.wires.framing import FrameDecoder
from cellctl.model.wires.servo import Register, Reply

HEADER = b"\xff\xff\xfd\x00"
BROADCAST = 0xFE
LARGEST_ID = 252
LONGEST = 1024
"""Bytes that a packet may have after its length field; more is taken for noise."""

ALERT = 0x80
"""The bit of the error byte that says: look at the register `hardware_error`."""

_TRIGGER, _STUFFED = b"\xff\xff\xfd", b"\xff\xff\xfd\xfd"
_BEFORE_BODY = len(HEADER) + 3


class Instruction(IntEnum):
    """What a packet asks for; STATUS is the answer."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    REBOOT = 0x08
    CLEAR = 0x10
    STATUS = 0x55
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83
    FAST_SYNC_READ = 0x8A
    BULK_READ = 0x92
    BULK_WRITE = 0x93


class Error(IntEnum):
    """The low seven bits of the error byte: why an instruction was not carried out."""

    NONE = 0
    RESULT_FAIL = 1
    INSTRUCTION = 2
    CRC = 3
    DATA_RANGE = 4
    DATA_LENGTH = 5
    DATA_LIMIT = 6
    ACCESS = 7


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: who is spoken to or speaks, the instruction, and its parameters without stuffing."""

    id: int
    instruction: int
    parameters: bytes = b""


def alert(reply: Reply) -> bool:
    """True when the servo has a hardware error."""
    return bool(reply.error & ALERT)


def refusal(reply: Reply) -> int:
    """Why a servo did not do what it was asked to, 0 when it did (see `Error`)."""
    return reply.error & ~ALERT


def encode(packet: Packet) -> bytes:
    """The bytes of a packet."""
    body = bytes([packet.instruction]) + packet.parameters
    body = body.replace(_TRIGGER, _STUFFED)
    frame = HEADER + bytes([packet.id]) + (len(body) + 2).to_bytes(2, "little") + body
    return frame + crc16(frame).to_bytes(2, "little")


class Decoder(FrameDecoder[Packet]):
    """Finds packets in a stream of bytes; what has a wrong checksum is never given."""

    header, head_size = HEADER, _BEFORE_BODY

    def _end(self, head: bytes) -> int | None:
        length = int.from_bytes(head[5:7], "little")
        return _BEFORE_BODY + length if 3 <= length <= LONGEST else None

    def _sound(self, frame: bytes) -> bool:
        return crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")

    def _packet(self, frame: bytes) -> Packet:
        """Some peers do not stuff, so only FF FF FD FD is unstuffed."""
        body = frame[_BEFORE_BODY:-2].replace(_STUFFED, _TRIGGER)
        return Packet(frame[4], body[0], body[1:])


# What is asked -------------------------------------------------------------------------------------------------------


def ping(id: int = BROADCAST) -> Packet:
    """Who is there?"""
    return Packet(id, Instruction.PING)


def read(id: int, address: int, length: int) -> Packet:
    """Read `length` bytes at `address`."""
    return Packet(id, Instruction.READ, _two(address) + _two(length))


def write(id: int, address: int, data: bytes) -> Packet:
    """Write `data` at `address`."""
    return Packet(id, Instruction.WRITE, _two(address) + data)


def reboot(id: int) -> Packet:
    """Start the servo anew; its torque is off then."""
    return Packet(id, Instruction.REBOOT)


def sync_read(address: int, length: int, ids: Iterable[int], *, fast: bool = False) -> Packet:
    """Read the same registers of several servos: one status packet each, or with `fast` one for all."""
    instruction = Instruction.FAST_SYNC_READ if fast else Instruction.SYNC_READ
    return Packet(BROADCAST, instruction, _two(address) + _two(length) + bytes(ids))


def sync_write(address: int, data: Mapping[int, bytes]) -> Packet:
    """Write the same registers of several servos, `data` by id, all of one length; nobody answers."""
    (length,) = {len(item) for item in data.values()}
    body = b"".join(bytes([id]) + item for id, item in data.items())
    return Packet(BROADCAST, Instruction.SYNC_WRITE, _two(address) + _two(length) + body)


# What is answered ----------------------------------------------------------------------------------------------------


def status(reply: Reply) -> Packet:
    """The status packet of a reply."""
    return Packet(reply.id, Instruction.STATUS, bytes([reply.error]) + reply.data)


def reply_of(packet: Packet) -> Reply | None:
    """The reply in a status packet, None in any other."""
    if packet.instruction != Instruction.STATUS or not packet.parameters:
        return None
    return Reply(packet.id, packet.parameters[0], packet.parameters[1:])


def fast_status(replies: Sequence[Reply]) -> bytes:
    """The bytes of the one status packet that answers a fast sync read: each servo adds its part and a CRC so far."""
    length = 1 + sum(len(reply.data) + 4 for reply in replies)
    frame = HEADER + bytes([BROADCAST]) + _two(length) + bytes([Instruction.STATUS])
    for reply in replies:
        frame += bytes([reply.error, reply.id]) + reply.data
        frame += _two(crc16(frame))
    return frame


def fast_replies(packet: Packet, length: int) -> list[Reply]:
    """The replies, of `length` bytes of data each, in the status packet of a fast sync read; empty in any other."""
    if packet.id != BROADCAST or packet.instruction != Instruction.STATUS:
        return []
    size, body = length + 4, packet.parameters + b"\0\0"
    if len(body) % size:
        return []
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return [Reply(part[1], part[0], part[2:-2]) for part in parts]


def wire_size(parameters: int) -> int:
    """Bytes on the wire of a packet with so many bytes of parameters, without stuffing; a status has its error byte
    among them.
    """
    return len(HEADER) + 6 + parameters


class DynamixelCodec:
    """The `Codec` of this protocol."""

    ping_size = 3

    def decoder(self) -> Decoder:
        """A new decoder."""
        return Decoder()

    def replies(self, packet: Packet, size: int) -> Sequence[Reply]:
        """The replies in a packet; an echo and a request hold none."""
        reply = reply_of(packet)
        return fast_replies(packet, size) or ([reply] if reply else [])

    def refused(self, reply: Reply) -> bool:
        """True for a reply with the reason why nothing was done."""
        return bool(refusal(reply))

    def ping(self, id: int) -> bytes:
        """Who is there?"""
        return encode(ping(id))

    def read(self, ids: Sequence[int], address: int, size: int) -> bytes:
        """A read of one servo, a sync read of several."""
        return encode(read(ids[0], address, size) if len(ids) == 1 else sync_read(address, size, ids))

    def write(self, register: Register, values: Mapping[int, int]) -> bytes:
        """A sync write."""
        return encode(sync_write(register.address, {id: register.pack(value) for id, value in values.items()}))

    def request_size(self, count: int) -> int:
        """Bytes of a request to read `count` servos."""
        return wire_size(4 + count if count > 1 else 4)

    def reply_size(self, size: int) -> int:
        """Bytes of a status packet."""
        return wire_size(1 + size)


def _two(number: int) -> bytes:
    return number.to_bytes(2, "little")
