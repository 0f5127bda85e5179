"""Requests and answers of a myCobot controller: one at a time, every wait with its deadline. It knows no arm."""

from __future__ import annotations

from cellctl.drivers.port import Port
from cellctl.drivers.resting_link import ANSWER_TIME, TRIES, LinkCounters, wait_for_quiet
from cellctl.model.wires import mycobot as wire
from cellctl.model.wires.mycobot import Command, Decoder, Frame


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
        for attempt in range(TRIES):
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
        wait_for_quiet(self.port)
        self._decoder.reset()
        sent = wire.encode(frame)
        self.port.write(sent)
        self.counters.requests += 1
        deadline = self.port.now() + ANSWER_TIME
        while True:
            data = self.port.read(deadline)
            for answer in self._decoder.feed(data):
                if answer.command == frame.command and len(answer.data) == size and answer != frame:
                    return answer.data
                self.counters.strange += 1
            if not data and self.port.now() >= deadline:
                self.counters.timeouts += 1
                return None
