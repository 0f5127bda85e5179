"""Frames in a stream of bytes, however it is cut. What a frame looks like is its protocol's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

P = TypeVar("P")


class FrameDecoder(ABC, Generic[P]):
    """Finds frames that begin with `header`. Never raises; a frame that is not sound is never given.

    `broken` counts frames that were not sound, `noise` bytes that belong to no frame.
    """

    header: bytes
    head_size: int
    """Bytes up to and with the length of a frame."""

    def __init__(self) -> None:
        self.broken = self.noise = 0
        self._buffer = bytearray()

    @abstractmethod
    def _end(self, head: bytes) -> int | None:
        """Bytes of the whole frame that begins with `head`; None for a length that is not believed."""

    @abstractmethod
    def _sound(self, frame: bytes) -> bool:
        """Whether a whole frame has the checksum, or the end, that it should have."""

    @abstractmethod
    def _packet(self, frame: bytes) -> P:
        """What a sound frame says."""

    def feed(self, data: bytes) -> list[P]:
        """The frames that are whole with `data`."""
        self._buffer += data
        packets: list[P] = []
        while self._skip_to_header():
            end = self._end(bytes(self._buffer[: self.head_size]))
            if end is None:
                self._drop(1)
                continue
            if len(self._buffer) < end:
                break
            frame = bytes(self._buffer[:end])
            if self._sound(frame):
                packets.append(self._packet(frame))
                del self._buffer[:end]
            else:
                self.broken += 1
                self._drop(1)
        return packets

    def reset(self) -> None:
        """Forget what is not a whole frame yet."""
        self._drop(len(self._buffer))

    def _skip_to_header(self) -> bool:
        """Drop what comes before a header; True when one with its length is there."""
        start = self._buffer.find(self.header)
        if start < 0:
            begun = next(k for k in range(len(self.header) - 1, -1, -1) if self._buffer.endswith(self.header[:k]))
            start = len(self._buffer) - begun
        self._drop(start)
        return len(self._buffer) >= self.head_size

    def _drop(self, count: int) -> None:
        self.noise += count
        del self._buffer[:count]
