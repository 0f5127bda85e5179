"""Requests and replies on a bus of Feetech servos: one request at a time, every wait with its deadline. It knows no
arm.

Nothing tells a reply from a late one or from the echo of a request. So the line must have been quiet before each
request, what comes back word for word is taken for an echo, and a reply counts only when id and length are those that
were asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cellctl.drivers.port import Port
from cellctl.model.wires import feetech as wire
from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.feetech import Decoder, Packet
from cellctl.model.wires.feetech_registers import Register

_BITS_PER_BYTE = 10
_ANSWER_TIME = 0.05
"""s: what servos, adapter and operating system may take to begin an answer when nothing moves."""
_LONGEST_NOISE = 0.02
"""s for which a line that is never quiet is listened to before a request."""
_QUIET_BYTES = 2
_TRIES = 3


@dataclass(slots=True)
class LinkCounters:
    """What happened on a link since it was opened; `strange` replies had a wrong id or length or could not be true."""

    requests: int = 0
    replies: int = 0
    retries: int = 0
    timeouts: int = 0
    broken: int = 0
    strange: int = 0
    echoes: int = 0


class FeetechBus:
    """The servos behind one open port. Everything raises PortLost when the port is gone."""

    def __init__(self, port: Port, *, baud: int) -> None:
        self.port = port
        self.counters = LinkCounters()
        self._byte_time = _BITS_PER_BYTE / baud
        self._quiet = _QUIET_BYTES * self._byte_time
        self._decoder = Decoder()

    def wire_time(self, size: int) -> float:
        """Seconds that so many bytes take."""
        return size * self._byte_time

    def ask(
        self, packet: Packet, ids: Iterable[int], *, size: int, deadline: float, first: Packet | None = None
    ) -> dict[int, Packet]:
        """The replies of `ids` with `size` bytes of data that came in time, by id.

        `first` is sent together with the request; nobody answers it.
        """
        self._wait_for_quiet()
        sent = (wire.encode(first) if first else b"") + wire.encode(packet)
        self.port.write(sent)
        self.counters.requests += 1
        missing, replies, held = set(ids), dict[int, Packet](), b""
        while missing:
            data = self.port.read(deadline)
            held, fresh = self._without_echo(sent, held + data) if sent else (b"", data)
            sent = b"" if fresh else sent
            for reply in self._decoder.feed(fresh):
                if reply.id in missing and len(reply.parameters) == size:
                    missing.discard(reply.id)
                    replies[reply.id] = reply
                else:
                    self.counters.strange += 1
            if not data and self.port.now() >= deadline:
                self.counters.timeouts += 1
                break
        reply_time = self.wire_time(wire.wire_size(size))
        self._quiet = _QUIET_BYTES * self._byte_time + (reply_time if missing else 0.0)
        self.counters.replies += len(replies)
        self.counters.broken = self._decoder.broken
        return replies

    # While nothing moves -------------------------------------------------------------------------------------------

    def ping(self, id: int) -> Packet | None:
        """The answer of one servo to a ping; None when there is none."""
        return self._insist(wire.ping(id), (id,), 0).get(id)

    def read(self, id: int, address: int, size: int) -> Packet | None:
        """`size` bytes at `address` of one servo, asked for up to three times; None when it does not answer."""
        return self._insist(wire.read(id, address, size), (id,), size).get(id)

    def read_all(self, address: int, size: int, ids: Iterable[int]) -> dict[int, Packet]:
        """The same registers of several servos; those that answered, by id. Who misses is asked once more, alone."""
        ids = tuple(ids)
        replies = self._insist(wire.sync_read(address, size, ids), ids, size)
        for id in ids if replies else ():
            reply = None if id in replies else self.read(id, address, size)
            if reply is not None:
                replies[id] = reply
        return replies

    def write_all(self, register: Register, values: Mapping[int, int]) -> None:
        """Write one register of several servos at once; nobody acknowledges that.

        Raises ValueError for the EEPROM, and for a torque that is neither off (0) nor on (1): 128 would make a servo
        call its pose the middle of its turn.
        """
        if register.permanent:
            raise ValueError(f"{register.name} is in the EEPROM: use write_permanently")
        if register == reg.TORQUE_ENABLE and not set(values.values()) <= {0, 1}:
            raise ValueError("torque is off (0) or on (1)")
        self._wait_for_quiet()
        self.port.write(
            wire.encode(wire.sync_write(register.address, {id: register.pack(value) for id, value in values.items()}))
        )

    def write_permanently(self, id: int, register: Register, value: int) -> bool:
        """Write one register of the EEPROM of a servo without torque: unlock, write, lock, read back; False when it
        does not hold it. Only for a person who asked for it.
        """
        torque = self.read(id, reg.TORQUE_ENABLE.address, reg.TORQUE_ENABLE.size)
        if torque is None or torque.parameters != b"\0":
            return False
        for item, what in ((reg.LOCK, 0), (register, value), (reg.LOCK, 1)):
            self._insist(wire.write(id, item.address, item.pack(what)), (id,), 0)
        held = [self.read(id, item.address, item.size) for item in (register, reg.LOCK)]
        return [packet.parameters if packet else b"" for packet in held] == [register.pack(value), reg.LOCK.pack(1)]

    def _insist(self, packet: Packet, ids: tuple[int, ...], size: int) -> dict[int, Packet]:
        request, reply = wire.wire_size(len(packet.parameters)), wire.wire_size(size)
        time = _ANSWER_TIME + self.wire_time(request + len(ids) * reply)
        for attempt in range(_TRIES):
            replies = self.ask(packet, ids, size=size, deadline=self.port.now() + time)
            if replies:
                return replies
            self.counters.retries += attempt + 1 < _TRIES
        return {}

    def _without_echo(self, sent: bytes, received: bytes) -> tuple[bytes, bytes]:
        """What is to be held back because it may become an echo of `sent`, and what is certainly something else."""
        if received.startswith(sent):
            self.counters.echoes += 1
            return b"", received[len(sent) :]
        if sent.startswith(received):
            return received, b""
        return b"", received

    def _wait_for_quiet(self) -> None:
        """Throw away what comes until nothing does."""
        until = self.port.now() + _LONGEST_NOISE
        while self.port.read(self.port.now() + self._quiet) and self.port.now() < until:
            pass
        self._decoder.reset()
