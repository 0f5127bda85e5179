"""Do to the bytes of a line what a script of faults says, the same for the same seed and traffic. It opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from cellctl.model.link_faults import LINE_FAULTS, SERVO_FAULTS, Fault, FaultScript, Way


class Chunk(NamedTuple):
    """Bytes that arrive `delay` s later than they would on a good line."""

    delay: float
    data: bytes


class Injector:
    """What goes wrong on one line. Times are s after the first byte of the host.

    `counts` says how often each kind of fault on the line has happened.
    """

    def __init__(self, script: FaultScript) -> None:
        self.counts: dict[str, int] = {}
        self._chance = Random(script.seed)
        self._faults = script.faults
        self._left = {fault: fault.times for fault in script.faults}
        self._held: dict[Way, bytes] = {"commands": b"", "replies": b""}

    def passed(self, data: bytes, way: Way, time: float) -> list[Chunk]:
        """What arrives of one message that goes `way`."""
        chunks = [Chunk(0.0, data)]
        for fault in self._faults:
            if fault.way == way and fault.kind in LINE_FAULTS and fault.holds_at(time) and self._strikes(fault):
                chunks = (
                    self._glued(chunks, way) if fault.kind == "glue" else _applied(fault, chunks, self._chance, time)
                )
        if self._held[way] and chunks:
            chunks[0] = Chunk(chunks[0].delay, self._held[way] + chunks[0].data)
            self._held[way] = b""
        return chunks

    def echoes(self, time: float) -> bool:
        """True while the adapter sends the host's own bytes back to it."""
        return any(f.kind == "echo" and f.holds_at(time) and self._strikes(f) for f in self._faults)

    def servo_faults(self, time: float) -> tuple[Fault, ...]:
        """What ails the servos now."""
        return tuple(fault for fault in self._faults if fault.kind in SERVO_FAULTS and fault.holds_at(time))

    def unplugged(self, time: float) -> Fault | None:
        """The fault that has the cable out now."""
        return next((fault for fault in self._faults if fault.kind == "hang_up" and fault.holds_at(time)), None)

    def _strikes(self, fault: Fault) -> bool:
        """Whether a fault that may happen does."""
        left = self._left[fault]
        if left == 0 or (fault.share < 1.0 and self._chance.random() >= fault.share):
            return False
        self._left[fault] = None if left is None else left - 1
        self.counts[fault.kind] = self.counts.get(fault.kind, 0) + 1
        return True

    def _glued(self, chunks: list[Chunk], way: Way) -> list[Chunk]:
        """Hold a message back; the next one brings it."""
        if self._held[way]:
            return chunks
        self._held[way] = b"".join(chunk.data for chunk in chunks)
        return []


def _applied(fault: Fault, chunks: list[Chunk], chance: Random, time: float) -> list[Chunk]:
    if fault.kind == "stall":
        return [Chunk(max(chunk.delay, fault.end - time), chunk.data) for chunk in chunks]
    return [broken for chunk in chunks for broken in _DEEDS[fault.kind](fault, chunk, chance)]


def _lose(fault: Fault, chunk: Chunk, chance: Random) -> list[Chunk]:
    return []


def _drop_byte(fault: Fault, chunk: Chunk, chance: Random) -> list[Chunk]:
    at = chance.randrange(len(chunk.data))
    return [Chunk(chunk.delay, chunk.data[:at] + chunk.data[at + 1 :])]


def _flip_bit(fault: Fault, chunk: Chunk, chance: Random) -> list[Chunk]:
    data = bytearray(chunk.data)
    bit = chance.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    return [Chunk(chunk.delay, bytes(data))]


def _swap_bytes(fault: Fault, chunk: Chunk, chance: Random) -> list[Chunk]:
    if len(chunk.data) < 2:
        return [chunk]
    data = bytearray(chunk.data)
    at = chance.randrange(len(data) - 1)
    data[at], data[at + 1] = data[at + 1], data[at]
    return [Chunk(chunk.delay, bytes(data))]


def _split(fault: Fault, chunk: Chunk, chance: Random) -> list[Chunk]:
    return [Chunk(chunk.delay + k * fault.by, bytes([byte])) for k, byte in enumerate(chunk.data)]


def _noise(fault: Fault, chunk: Chunk, chance: Random) -> list[Chunk]:
    return [Chunk(chunk.delay, chance.randbytes(chance.randint(1, 12)) + chunk.data)]


def _late(fault: Fault, chunk: Chunk, chance: Random) -> list[Chunk]:
    return [Chunk(chunk.delay + fault.by, chunk.data)]


def _unchanged(fault: Fault, chunk: Chunk, chance: Random) -> list[Chunk]:
    return [chunk]


_DEEDS: dict[str, Callable[[Fault, Chunk, Random], list[Chunk]]] = {
    "lose": _lose,
    "drop_byte": _drop_byte,
    "flip_bit": _flip_bit,
    "swap_bytes": _swap_bytes,
    "split": _split,
    "noise": _noise,
    "late": _late,
    "echo": _unchanged,
}
