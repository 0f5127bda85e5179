"""Emulated servos on one bus: packets in, answers out, faults upon them. What a packet means is its protocol's; it
knows neither line nor port.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from cellctl.emulators.link.line import Said
from cellctl.emulators.servos.body import Body
from cellctl.emulators.servos.servo import EmulatedServo
from cellctl.model.link_faults import Fault
from cellctl.model.wires.servo import PacketDecoder

S = TypeVar("S", bound=EmulatedServo)
P = TypeVar("P")

_OVERHEATING, _OVERLOAD = 2, 5


class EmulatedBus(ABC, Generic[S, P]):
    """A `Controller` of servos by id, which move the `body` of an arm where they have one. Bytes with a wrong checksum
    are not heard.
    """

    busy = False
    byte_timeout: float
    """s without a byte after which a packet that is not whole is given up."""

    def __init__(self, servos: Iterable[S], decoder: PacketDecoder[P]) -> None:
        self.servos = {servo.id: servo for servo in sorted(servos, key=lambda servo: servo.id)}
        self.registered: dict[int, tuple[int, bytes]] = {}
        self.body: Body | None = None
        self._decoder = decoder
        self._heard_at = 0.0
        self._suffering: tuple[Fault, ...] = ()

    def servo(self, id: int) -> S:
        """The servo with this id."""
        return self.servos[id]

    @abstractmethod
    def obey(self, packet: P) -> list[Said]:
        """Do what a packet says; what is answered."""

    def hear(self, data: bytes, now: float) -> list[Said]:
        """Obey the packets that are whole with `data`; what was begun too long ago is forgotten."""
        if now - self._heard_at > self.byte_timeout:
            self._decoder.reset()
        self._heard_at = now
        return [said for packet in self._decoder.feed(data) for said in self.obey(packet)]

    def advance(self, now: float) -> Sequence[Said]:
        """Move all servos on to `now`, s."""
        if self.body is not None:
            self.body.advance(self.servos, now)
            return ()
        for servo in self.servos.values():
            servo.advance(now)
        return ()

    def suffer(self, faults: Sequence[Fault]) -> None:
        """Begin and end what ails the servos."""
        before, self._suffering = self._suffering, tuple(faults)
        for fault in before:
            if fault not in self._suffering:
                self._each(fault, begins=False)
        for fault in self._suffering:
            if fault not in before:
                self._each(fault, begins=True)

    def listening(self) -> list[S]:
        """The servos that hear and answer."""
        return [servo for servo in self.servos.values() if servo.answers]

    def asked(self, ids: Iterable[int]) -> list[S]:
        """Those of `ids` that hear and answer, in the order in which they were asked."""
        return [self.servos[id] for id in ids if id in self.servos and self.servos[id].answers]

    def _each(self, fault: Fault, *, begins: bool) -> None:
        for servo in self.servos.values():
            if fault.servo in (0, servo.id):
                _ail(fault, servo, begins=begins)


def _ail(fault: Fault, servo: EmulatedServo, *, begins: bool) -> None:
    match fault.kind:
        case "silent":
            servo.silent = begins
        case "stuck":
            servo.stuck = begins
        case "wrap":
            servo.turns = int(begins)
        case "brown_out":
            servo.powered = not begins
            if not begins:
                servo.reboot()
        case "reboot" if begins:
            servo.reboot()
        case "overheating" if begins:
            servo.fail(_OVERHEATING)
        case "overload" if begins:
            servo.fail(_OVERLOAD)
