"""Lines to an AR4's controller and its replies: one at a time, every wait with its deadline. It knows no arm."""

from __future__ import annotations

from typing import TypeVar

from cellctl.drivers.port import Port
from cellctl.drivers.resting_link import ANSWER_TIME, TRIES, LinkCounters, wait_for_quiet
from cellctl.model.wires import ar4
from cellctl.model.wires.ar4 import Complaint, MoveTaken, Positions, Reply, Started, Strange
from cellctl.model.wires.gcode import LineDecoder

R = TypeVar("R", Started, Positions, MoveTaken)


class Ar4Link:
    """A controller behind one open port. Everything raises PortLost when the port is gone."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.counters = LinkCounters()
        self._decoder = LineDecoder()

    def ask(self, line: str, kind: type[R]) -> R | Complaint | None:
        """The reply of a `kind` to a question, which is asked up to three times, or what the controller complains
        about; None when neither comes.
        """
        for attempt in range(TRIES):
            self.counters.retries += attempt > 0
            reply = self.tell(line, kind)
            if reply is not None:
                return reply
        return None

    def tell(self, line: str, kind: type[R]) -> R | Complaint | None:
        """The same, said once."""
        wait_for_quiet(self.port)
        self._decoder.reset()
        self.port.write(f"{line}\n".encode("ascii"))
        self.counters.requests += 1
        deadline = self.port.now() + ANSWER_TIME
        while True:
            data = self.port.read(deadline)
            for heard in self._decoder.feed(data):
                reply: Reply = ar4.reply_of(heard)
                if isinstance(reply, kind | Complaint):
                    return reply
                self.counters.strange += isinstance(reply, Strange)
            if not data and self.port.now() >= deadline:
                self.counters.timeouts += 1
                return None
