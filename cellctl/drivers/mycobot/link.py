"""Requests and answers of a myCobot controller: one at a time, every wait with its deadline. It knows no arm."""

from __future__ import annotations

from dataclasses import dataclass

from cellctl.drivers.port import Port
from cellctl.model.wires import mycobot as wire
from cellctl.model.wires.mycobot import Command, Decoder, Frame

_ANSWER_TIME = 0.1
_LONGEST_NOISE = 0.05
_QUIET = 0.002
_TRIES = 3


@dataclass(slots=True)
class LinkCounters:
    """What happened on a link since it was opened; `strange` answers had a wrong command, length or place."""

    requests: int = 0
    retries: int = 0
    timeouts: int = 0
    strange: int = 0


class MycobotLink:
    """A controller behind one open port. Everything raises PortLost when the port is gone."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.counters = LinkCounters()
        self._decoder = Decoder()

    def ask(self, frame: Frame, *, size: int) -> bytes | None:
        """The data, `size` bytes, of the answer to a question, which is asked up to three times; None when none
        comes.
        """
        for attempt in range(_TRIES):
            self.counters.retries += attempt > 0
            answer = self._once(frame, size)
            if answer is not None:
                return answer
        return None

    def tell(self, frame: Frame) -> None:
        """Send an order once. Newer firmware acknowledges it and older does not, so a missing answer means nothing."""
        self._once(frame, 1)

    def angles(self) -> tuple[float, ...] | None:
        """The angles of the joints, deg."""
        data = self.ask(Frame(Command.GET_ANGLES), size=2 * wire.JOINTS)
        return None if data is None else wire.unpack_angles(data)

    def number(self, command: Command) -> int | None:
        """The one byte that a question is answered with."""
        data = self.ask(Frame(command), size=1)
        return None if data is None else data[0]

    def _once(self, frame: Frame, size: int) -> bytes | None:
        self._wait_for_quiet()
        sent = wire.encode(frame)
        self.port.write(sent)
        self.counters.requests += 1
        deadline = self.port.now() + _ANSWER_TIME
        while True:
            data = self.port.read(deadline)
            for answer in self._decoder.feed(data):
                if answer.command == frame.command and len(answer.data) == size and answer != frame:
                    return answer.data
                self.counters.strange += 1
            if not data and self.port.now() >= deadline:
                self.counters.timeouts += 1
                return None

    def _wait_for_quiet(self) -> None:
        """Throw away what comes until nothing does."""
        until = self.port.now() + _LONGEST_NOISE
        while self.port.read(self.port.now() + _QUIET) and self.port.now() < until:
            pass
        self._decoder.reset()
