"""Feetech STS and SMS servos: packets to bytes and back ("protocol 0"). It knows no servo and no port.

A packet, asked or answered:

    FF FF | id | length, 1 byte | instruction or error bits | parameters | checksum

`length` counts what follows it; the checksum is the inverted low byte of the sum from the id on. Numbers are
little-endian. Nothing tells a request from a reply, and the sum does not notice two bytes that change places: whoever
listens has to know what was asked for and what can be true.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.checksums import inverted_sum
from cellctl.model.wires.framing import FrameDecoder
from cellctl.model.wires.servo import Register, Reply

HEADER = b"\xff\xff"
BROADCAST = 0xFE
LARGEST_ID = 0xFC
LONGEST = 250
"""The largest `length` that is believed; more is taken for noise."""

_BEFORE_BODY = 4


class Instruction(IntEnum):
    """What a packet asks for."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: who is spoken to or speaks, the instruction (in an answer: the error bits), and its parameters."""

    id: int
    code: int
    parameters: bytes = b""


def encode(packet: Packet) -> bytes:
    """The bytes of a packet."""
    body = bytes([packet.id, len(packet.parameters) + 2, packet.code]) + packet.parameters
    return HEADER + body + bytes([inverted_sum(body)])


class Decoder(FrameDecoder[Packet]):
    """Finds packets in a stream of bytes; what has a wrong checksum is never given."""

    header, head_size = HEADER, _BEFORE_BODY

    def _end(self, head: bytes) -> int | None:
        return _BEFORE_BODY + head[3] if head[2] != 0xFF and 2 <= head[3] <= LONGEST else None

    def _sound(self, frame: bytes) -> bool:
        return inverted_sum(frame[2:-1]) == frame[-1]

    def _packet(self, frame: bytes) -> Packet:
        return Packet(frame[2], frame[4], frame[5:-1])


# What is asked --------------------------------------------------------------------------------------------------------


def ping(id: int) -> Packet:
    """Are you there?"""
    return Packet(id, Instruction.PING)


def read(id: int, address: int, length: int) -> Packet:
    """Read `length` bytes at `address`."""
    return Packet(id, Instruction.READ, bytes([address, length]))


def write(id: int, address: int, data: bytes) -> Packet:
    """Write `data` at `address`."""
    return Packet(id, Instruction.WRITE, bytes([address]) + data)


def sync_read(address: int, length: int, ids: Iterable[int]) -> Packet:
    """Read the same registers of several servos, which answer one after the other."""
    return Packet(BROADCAST, Instruction.SYNC_READ, bytes([address, length, *ids]))


def sync_write(address: int, data: Mapping[int, bytes]) -> Packet:
    """Write the same registers of several servos, `data` by id, all of one length; nobody answers."""
    (length,) = {len(item) for item in data.values()}
    body = b"".join(bytes([id]) + item for id, item in data.items())
    return Packet(BROADCAST, Instruction.SYNC_WRITE, bytes([address, length]) + body)


def wire_size(parameters: int) -> int:
    """Bytes on the wire of a packet with so many bytes of parameters."""
    return _BEFORE_BODY + 2 + parameters


class FeetechCodec:
    """The `Codec` of this protocol. It writes nothing into the EEPROM, and no torque but off and on."""

    ping_size = 0

    def decoder(self) -> Decoder:
        """A new decoder."""
        return Decoder()

    def replies(self, packet: Packet, size: int) -> Sequence[Reply]:
        """Every packet may be a reply, and one of another size is none."""
        return [Reply(packet.id, packet.code, packet.parameters)] if len(packet.parameters) == size else []

    def refused(self, reply: Reply) -> bool:
        """No servo says that it did not do what it was asked to."""
        return False

    def ping(self, id: int) -> bytes:
        """Are you there?"""
        return encode(ping(id))

    def read(self, ids: Sequence[int], address: int, size: int) -> bytes:
        """A read of one servo, a sync read of several."""
        return encode(read(ids[0], address, size) if len(ids) == 1 else sync_read(address, size, ids))

    def write(self, register: Register, values: Mapping[int, int]) -> bytes:
        """A sync write; raises ValueError for the EEPROM, and for a torque that is neither off (0) nor on (1): 128
        would make a servo call its pose the middle of its turn.
        """
        if register.address < reg.TORQUE_ENABLE.address:
            raise ValueError(f"{register.name} is in the EEPROM")
        if register.address == reg.TORQUE_ENABLE.address and not set(values.values()) <= {0, 1}:
            raise ValueError("torque is off (0) or on (1)")
        return encode(sync_write(register.address, {id: register.pack(value) for id, value in values.items()}))

    def request_size(self, count: int) -> int:
        """Bytes of a request to read `count` servos."""
        return wire_size(2 + count if count > 1 else 2)

    def reply_size(self, size: int) -> int:
        """Bytes of an answer."""
        return wire_size(size)
