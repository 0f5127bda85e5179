"""Requests and replies on a bus of servos: one request at a time, every wait with its deadline. It knows no arm.

No protocol here has a number by which a reply could be told from a late one. So the line must have been quiet before
each request, what comes back word for word is taken for an echo, and a reply counts only when id and length are those
that were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from cellctl.drivers.port import Port
from cellctl.model.wires.servo import Codec, Register, Reply

P = TypeVar("P")

_BITS_PER_BYTE = 10
_ANSWER_TIME = 0.05
"""s: what servos, adapter and operating system may take to begin an answer when nothing moves; twice that when it is
asked again, and twice again.
"""
_TRIES, _LONGEST = 3, 0.5
"""How often a request is made, and s after which no more servos are asked alone."""
_QUIET_BYTES, _LONGEST_NOISE = 2, 0.02
"""Times of a byte that a line must be quiet before a request, and s for which one that never is is listened to."""
_QUIET, _LATE_ONES = 0.02, 10
"""s, and how often at most: silence that is waited for after an answer that did not come."""


@dataclass(slots=True)
class LinkCounters:
    """What happened on a link since it was opened; `strange` replies had a wrong id, length or time.

    `fallbacks` says how often reading all servos in one packet was given up for reading one packet each, `echoes` how
    often an adapter sent back what it was to send on.
    """

    requests: int = 0
    replies: int = 0
    retries: int = 0
    timeouts: int = 0
    broken: int = 0
    strange: int = 0
    echoes: int = 0
    fallbacks: int = 0


def _any(reply: Reply) -> bool:
    return True


class ServoBus(Generic[P]):
    """The servos behind one open port. Everything raises PortLost when the port is gone."""

    def __init__(self, port: Port, codec: Codec[P], *, baud: int) -> None:
        self.port, self.codec = port, codec
        self.counters = LinkCounters()
        self._byte_time = _BITS_PER_BYTE / baud
        self._quiet = _QUIET_BYTES * self._byte_time
        self._decoder = codec.decoder()

    def wire_time(self, size: int) -> float:
        """Seconds that so many bytes take."""
        return size * self._byte_time

    def read_time(self, count: int, size: int) -> float:
        """Seconds on the wire that reading `size` bytes of `count` servos takes."""
        return self.wire_time(self.codec.request_size(count) + count * self.codec.reply_size(size))

    def tell(self, data: bytes) -> None:
        """Send what nobody answers, at once."""
        self.port.write(data)

    def ask(
        self,
        request: bytes,
        ids: Iterable[int],
        *,
        size: int,
        deadline: float,
        first: bytes = b"",
        fresh: Callable[[Reply], bool] = _any,
    ) -> dict[int, Reply]:
        """The replies of `ids` with `size` bytes of data, or with a refusal, that came in time, by id.

        `first` is sent together with the request; nobody answers it. A reply that is not `fresh` is passed over.
        """
        self._wait_for_quiet()
        self.port.write(first + request)
        self.counters.requests += 1
        missing, replies, echo = set(ids), dict[int, Reply](), _Echo(first + request)
        while missing:
            data = self.port.read(deadline)
            for reply in self._replies(echo.taken_from(data), size):
                if reply is None or reply.id not in missing or not (self._whole(reply, size) and fresh(reply)):
                    self.counters.strange += 1
                    continue
                missing.discard(reply.id)
                replies[reply.id] = reply
            if not data and self.port.now() >= deadline:
                self.counters.timeouts += 1
                break
        self._quiet = _QUIET_BYTES * self._byte_time
        if missing:
            self._quiet += self.wire_time(self.codec.reply_size(size))
        self.counters.echoes += echo.came
        self.counters.replies += len(replies)
        self.counters.broken = self._decoder.broken
        return replies

    def _replies(self, data: bytes, size: int) -> Iterator[Reply | None]:
        """The replies that are whole with `data`; None for a packet that is none."""
        for packet in self._decoder.feed(data):
            yield from self.codec.replies(packet, size) or (None,)

    def _whole(self, reply: Reply, size: int) -> bool:
        return len(reply.data) == size or self.codec.refused(reply)

    # While nothing moves ---------------------------------------------------------------------------------------------

    def read(self, id: int, address: int, size: int) -> Reply | None:
        """`size` bytes at `address` of one servo, asked for up to three times; None when it does not answer."""
        return self.insist(self.codec.read((id,), address, size), (id,), size).get(id)

    def read_register(self, id: int, register: Register) -> Reply | None:
        """One register of one servo, as `read` does it."""
        return self.read(id, register.address, register.size)

    def read_all(self, address: int, size: int, ids: Iterable[int]) -> dict[int, Reply]:
        """The same registers of several servos; those that answered, by id. Who misses is asked once more, alone."""
        ids = tuple(ids)
        until = self.port.now() + _LONGEST
        replies = self.insist(self.codec.read(ids, address, size), ids, size)
        for id in ids if replies else ():
            if id not in replies and self.port.now() < until:
                replies |= self.insist(self.codec.read((id,), address, size), (id,), size)
        return replies

    def answers(self, id: int) -> bool:
        """True when a servo answers a ping."""
        return bool(self.insist(self.codec.ping(id), (id,), self.codec.ping_size))

    def write_all(self, register: Register, values: Mapping[int, int]) -> None:
        """Write one register of several servos at once; nobody acknowledges that. Raises ValueError for what must not
        be written so.
        """
        data = self.codec.write(register, values)
        self._wait_for_quiet()
        self.tell(data)

    def insist(self, request: bytes, ids: tuple[int, ...], size: int) -> dict[int, Reply]:
        """The replies to a request that is made again, up to three times, until somebody answers."""
        time = self.read_time(len(ids), size)
        for attempt in range(_TRIES):
            deadline = self.port.now() + time + _ANSWER_TIME * 2**attempt
            replies = self.ask(request, ids, size=size, deadline=deadline)
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

    def _wait_for_quiet(self) -> None:
        """Throw away what comes until nothing does."""
        until = self.port.now() + _LONGEST_NOISE
        while self.port.read(self.port.now() + self._quiet) and self.port.now() < until:
            pass
        self._decoder.reset()


class _Echo:
    """Takes the echo of what was `sent` off the front of what comes; `came` says that there was one."""

    def __init__(self, sent: bytes) -> None:
        self._sent, self._held = sent, b""
        self.came = False

    def taken_from(self, data: bytes) -> bytes:
        """What of `data` is certainly no echo; the rest is held back until that is clear."""
        received, self._held = self._held + data, b""
        if not self._sent:
            return received
        if received.startswith(self._sent):
            received, self._sent, self.came = received[len(self._sent) :], b"", True
        elif self._sent.startswith(received):
            received, self._held = b"", received
        else:
            self._sent = b""
        return received
