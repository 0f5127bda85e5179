"""Requests and replies on a DYNAMIXEL bus: one request at a time, every wait with its deadline. It knows no arm.

The protocol has no number by which a reply could be told from a late one, so before each request whatever has come is
thrown away, and a reply counts only when id and length are those that were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cellctl.drivers.port import Port
from cellctl.model.wires import dynamixel as wire
from cellctl.model.wires.dynamixel import Decoder, Packet, Reply
from cellctl.model.wires.dynamixel_registers import Register

_BITS_PER_BYTE = 10
_ANSWER_TIME = 0.05
"""s: what servos, adapter and operating system may take to begin an answer when nothing moves; twice that when it is
asked again, and twice again.
"""
_TRIES, _LONGEST = 3, 0.5
"""How often a request is made, and s after which no more servos are asked alone."""
_QUIET, _LATE_ONES = 0.02, 10
"""s, and how often at most: silence that is waited for after an answer that did not come."""


@dataclass(slots=True)
class LinkCounters:
    """What happened on a link since it was opened; `strange` replies had a wrong id, length or time.

    `fallbacks` says how often reading all servos in one packet was given up for reading one packet each.
    """

    requests: int = 0
    replies: int = 0
    retries: int = 0
    timeouts: int = 0
    broken: int = 0
    strange: int = 0
    fallbacks: int = 0


def _any(reply: Reply) -> bool:
    return True


def _whole(reply: Reply, size: int) -> bool:
    """True for a reply with all of its data, or with the reason why it has none."""
    return len(reply.data) == size or bool(reply.refused)


class DynamixelBus:
    """The servos behind one open port. Everything raises PortLost when the port is gone."""

    def __init__(self, port: Port, *, baud: int) -> None:
        self.port = port
        self.counters = LinkCounters()
        self._byte_time = _BITS_PER_BYTE / baud
        self._decoder = Decoder()

    def wire_time(self, size: int) -> float:
        """Seconds that so many bytes take."""
        return size * self._byte_time

    def tell(self, packet: Packet) -> None:
        """Send what nobody answers."""
        self.port.write(wire.encode(packet))

    def ask(
        self,
        packet: Packet,
        ids: Iterable[int],
        *,
        size: int,
        deadline: float,
        first: Packet | None = None,
        fresh: Callable[[Reply], bool] = _any,
    ) -> dict[int, Reply]:
        """The replies of `ids` with `size` bytes of data, or with a refusal, that came in time, by id.

        `first` is sent together with the request; nobody answers it. A reply that is not `fresh` is passed over.
        """
        self._throw_away()
        self.port.write((wire.encode(first) if first else b"") + wire.encode(packet))
        self.counters.requests += 1
        missing, replies = set(ids), dict[int, Reply]()
        while missing:
            data = self.port.read(deadline)
            for reply in self._replies(data, size):
                if reply is None or reply.id not in missing or not (_whole(reply, size) and fresh(reply)):
                    self.counters.strange += 1
                    continue
                missing.discard(reply.id)
                replies[reply.id] = reply
            if not data and self.port.now() >= deadline:
                self.counters.timeouts += 1
                break
        self.counters.replies += len(replies)
        self.counters.broken = self._decoder.broken
        return replies

    def _replies(self, data: bytes, size: int) -> Iterator[Reply | None]:
        """The replies that are whole with `data`; None for a packet that is none, such as an echo."""
        for packet in self._decoder.feed(data):
            together: list[Reply | None] = [*wire.fast_replies(packet, size)]
            yield from together or [wire.reply_of(packet)]

    # While nothing moves -------------------------------------------------------------------------------------------

    def read(self, id: int, address: int, size: int) -> Reply | None:
        """`size` bytes at `address` of one servo, asked for up to three times; None when it does not answer."""
        return self._insist(wire.read(id, address, size), (id,), size).get(id)

    def read_all(self, address: int, size: int, ids: Iterable[int]) -> dict[int, Reply]:
        """The same registers of several servos; those that answered, by id. Who misses is asked once more, alone."""
        ids = tuple(ids)
        until = self.port.now() + _LONGEST
        replies = self._insist(wire.sync_read(address, size, ids), ids, size)
        for id in ids if replies else ():
            if id not in replies and self.port.now() < until:
                replies |= self._insist(wire.read(id, address, size), (id,), size)
        return replies

    def ping(self, id: int) -> Reply | None:
        """Model and firmware of one servo; None when it does not answer."""
        return self._insist(wire.ping(id), (id,), 3).get(id)

    def write(self, id: int, register: Register, value: int) -> Reply | None:
        """Write one register; its acknowledgement, None when none came. What it holds is for the caller to read."""
        return self._insist(wire.write(id, register.address, register.pack(value)), (id,), 0).get(id)

    def write_all(self, register: Register, values: Mapping[int, int]) -> None:
        """Write one register of several servos at once; nobody acknowledges that."""
        self.tell(wire.sync_write(register.address, {id: register.pack(value) for id, value in values.items()}))

    def reboot(self, id: int) -> None:
        """Start a servo anew."""
        self.ask(wire.reboot(id), (id,), size=0, deadline=self._deadline(1, 0))

    def _insist(self, packet: Packet, ids: tuple[int, ...], size: int) -> dict[int, Reply]:
        for attempt in range(_TRIES):
            deadline = self._deadline(len(ids), size, patience=_ANSWER_TIME * 2**attempt)
            replies = self.ask(packet, ids, size=size, deadline=deadline)
            if replies:
                return replies
            self._let_late_ones_come()
            self.counters.retries += attempt + 1 < _TRIES
        return {}

    def _let_late_ones_come(self) -> None:
        """Wait until the line is quiet, so that no late reply is taken for one to what is asked next."""
        for _ in range(_LATE_ONES):
            if not self.port.read(self.port.now() + _QUIET):
                return

    def _deadline(self, count: int, size: int, *, patience: float = _ANSWER_TIME) -> float:
        request, reply = wire.wire_size(4 + count), wire.wire_size(1 + size)
        return self.port.now() + patience + self.wire_time(request + count * reply)

    def _throw_away(self) -> None:
        while self.port.read(self.port.now()):
            pass
        self._decoder.reset()
