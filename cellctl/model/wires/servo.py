"""What protocols of serial servos have in common: registers are read and written by id, each servo replies for itself.
It knows no bytes of any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

P = TypeVar("P")
P_co = TypeVar("P_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """What one servo says: its error byte and its data."""

    id: int
    error: int
    data: bytes


class Register(Protocol):
    """One entry of a servo's table."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def address(self) -> int:
        """Its first byte."""
        ...

    @property
    def size(self) -> int:
        """Its bytes."""
        ...

    def pack(self, value: int) -> bytes:
        """The bytes of a value."""
        ...

    def unpack(self, data: bytes | bytearray, start: int = 0) -> int:
        """The value in `data`, which was read from address `start`."""
        ...


class PacketDecoder(Protocol, Generic[P_co]):
    """Finds packets in a stream of bytes; `broken` counts those with a wrong checksum."""

    broken: int

    def feed(self, data: bytes) -> Sequence[P_co]:
        """The packets that are whole with `data`."""
        ...

    def reset(self) -> None:
        """Forget what is not a whole packet yet."""
        ...


class Codec(Protocol, Generic[P]):
    """How requests look as bytes, and what packets say. Pure: the same answer for the same question."""

    ping_size: int
    """Bytes of data in the answer to a ping."""

    def decoder(self) -> PacketDecoder[P]:
        """A new decoder."""
        ...

    def replies(self, packet: P, size: int) -> Sequence[Reply]:
        """The replies in a packet that was expected to hold `size` bytes of data each; empty for what is no reply."""
        ...

    def refused(self, reply: Reply) -> bool:
        """True for a reply without data because its servo did not do what it was asked to."""
        ...

    def ping(self, id: int) -> bytes:
        """Are you there?"""
        ...

    def read(self, ids: Sequence[int], address: int, size: int) -> bytes:
        """Read the same registers of one servo or of several."""
        ...

    def write(self, register: Register, values: Mapping[int, int]) -> bytes:
        """Write one register of several servos at once; nobody acknowledges that. Raises ValueError for what must not
        be written so.
        """
        ...

    def request_size(self, count: int) -> int:
        """Bytes of a request to read `count` servos."""
        ...

    def reply_size(self, size: int) -> int:
        """Bytes of a reply with `size` bytes of data."""
        ...
