"""A serial line in time: bytes take as long as their baud rate says, and may suffer on the way. It knows no clock of
its own; whoever drives it says what time it is.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from math import inf
from typing import NamedTuple, Protocol

from cellctl.emulators.link.faults import Injector
from cellctl.model.link_faults import Fault, FaultScript, Way

_BITS_PER_BYTE = 10
_STEP, _BUSY_STEP = 5e-3, 1e-3
"""s: time is not skipped further at once, so that faults begin and end when they should."""


class Said(NamedTuple):
    """A message of a controller: how long after now it begins, s, and its bytes."""

    delay: float
    data: bytes


class Controller(Protocol):
    """The far end of a line."""

    @property
    def busy(self) -> bool:
        """True while it may say something without being asked, so that its time must not be skipped."""
        ...

    def hear(self, data: bytes, now: float) -> Sequence[Said]:
        """Take bytes that have come; returns what it answers."""
        ...

    def advance(self, now: float) -> Sequence[Said]:
        """Let time pass up to `now`, s; returns what it says by itself."""
        ...

    def suffer(self, faults: Sequence[Fault]) -> None:
        """The faults that hold from now on, until the next call."""
        ...


class Arrival(NamedTuple):
    """Bytes that arrive at `time`, s, going `way`; `order` keeps those of one moment in order."""

    time: float
    order: int
    way: Way
    data: bytes


class Line:
    """One line with a controller at its end, half-duplex: replies follow one another."""

    def __init__(self, controller: Controller, *, baud: int, script: FaultScript | None = None) -> None:
        self.injector = Injector(script or FaultScript())
        self.now = 0.0
        self._controller = controller
        self._byte_time = _BITS_PER_BYTE / baud
        self._under_way: list[Arrival] = []
        self._order = 0
        self._free = 0.0
        self._heard: float | None = None
        self._behind: dict[Way, float] = {"commands": 0.0, "replies": 0.0}
        self._received = bytearray()

    @property
    def age(self) -> float:
        """Seconds since the first byte of the host, 0 before."""
        return 0.0 if self._heard is None else self.now - self._heard

    @property
    def unplugged(self) -> Fault | None:
        """The fault that has the cable out now."""
        return None if self._heard is None else self.injector.unplugged(self.age)

    @property
    def next_event(self) -> float:
        """When to look again at the latest, s."""
        coming = self._under_way[0].time if self._under_way else inf
        return min(coming, self.now + (_BUSY_STEP if self._controller.busy else _STEP))

    def send(self, data: bytes, now: float) -> None:
        """The host sends."""
        self.advance(now)
        if self._heard is None:
            self._heard = now
        if self.unplugged:
            return
        end = max(now, self._free) + len(data) * self._byte_time
        self._free = end
        if self.injector.echoes(self.age):
            self._put(end, "replies", data)
        for chunk in self.injector.passed(data, "commands", self.age):
            self._put(end + chunk.delay, "commands", chunk.data)

    def advance(self, now: float) -> None:
        """Let time pass up to `now`, s."""
        while self.next_event <= now:
            self._pass_to(self.next_event)
        self._pass_to(max(now, self.now))

    def receive(self) -> bytes:
        """What has come to the host by now."""
        data = bytes(self._received)
        self._received.clear()
        return data

    def _pass_to(self, time: float) -> None:
        self.now = time
        self._controller.suffer(self.injector.servo_faults(self.age) if self._heard is not None else ())
        self._say(self._controller.advance(time))
        while self._under_way and self._under_way[0].time <= time:
            arrival = heapq.heappop(self._under_way)
            if self.unplugged:
                continue
            if arrival.way == "replies":
                self._received += arrival.data
            else:
                self._say(self._controller.hear(arrival.data, time))

    def _say(self, messages: Sequence[Said]) -> None:
        for said in messages:
            self._free = max(self._free, self.now + said.delay) + len(said.data) * self._byte_time
            for chunk in self.injector.passed(said.data, "replies", self.age):
                self._put(self._free + chunk.delay, "replies", chunk.data)

    def _put(self, time: float, way: Way, data: bytes) -> None:
        """Let bytes arrive at `time`, or behind what went before them: nothing overtakes on a wire."""
        time = self._behind[way] = max(time, self._behind[way])
        self._order += 1
        heapq.heappush(self._under_way, Arrival(time, self._order, way, data))
