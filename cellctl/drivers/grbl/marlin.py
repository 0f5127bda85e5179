"""Lines to a Marlin controller: numbered, with a checksum, one at a time, and again when it asks. It knows no arm.

A line is sent again only when the controller says that it did not take it; a line whose answer is missing may have been
taken, so the controller is not told it twice but asked for nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cellctl.drivers.grbl import findings
from cellctl.drivers.port import Port
from cellctl.errors import Faulted
from cellctl.model.wires import gcode
from cellctl.model.wires.gcode import LineDecoder, MarlinSaid, NumberedLine, Resend

_ANSWER_TIME = 2.0
_MOST_RESENDS = 5


@dataclass(slots=True)
class LinkCounters:
    """What happened on a link since it was opened."""

    lines: int = 0
    resends: int = 0


class MarlinLink:
    """A controller behind one open port. Everything raises PortLost when the port is gone."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.counters = LinkCounters()
        self._decoder = LineDecoder()
        self._number = 0

    def begin(self) -> None:
        """Let the controller count from 0; raises Faulted X474."""
        self._number = 0
        self._insist(NumberedLine(0, "M110 N0"))

    def send(self, lines: Iterable[str]) -> None:
        """Send lines, each when the one before is taken; raises Faulted X474 when one cannot be brought over."""
        for line in lines:
            self._number += 1
            self._insist(NumberedLine(self._number, line))

    def ask(self, line: str) -> list[str]:
        """What the controller says to a line before it takes it; raises Faulted X474."""
        self._number += 1
        return self._insist(NumberedLine(self._number, line))

    def position(self) -> tuple[float, ...]:
        """Where the controller counts itself to be, its units; empty when it does not say."""
        for said in self.ask("M114"):
            parts = [part.partition(":")[2] for part in said.partition(" Count")[0].split(" ")]
            values = [gcode.number_of(part) for part in parts]
            if values and all(value is not None for value in values):
                return tuple(value for value in values if value is not None)
        return ()

    def _insist(self, line: NumberedLine) -> list[str]:
        self.counters.lines += 1
        for attempt in range(_MOST_RESENDS):
            self.counters.resends += attempt > 0
            self.port.write(gcode.encode_numbered(line))
            taken, said = self._answer(line)
            if taken:
                return said
        raise Faulted(findings.out_of_step(f"line {line.number} was asked for {_MOST_RESENDS} times"))

    def _answer(self, line: NumberedLine) -> tuple[bool, list[str]]:
        """Whether the line was taken, and what was said before that."""
        deadline, said, again = self.port.now() + _ANSWER_TIME, list[str](), False
        while True:
            for text in self._decoder.feed(self.port.read(deadline)):
                match gcode.marlin_reply_of(text):
                    case Resend(number):
                        if number != line.number:
                            raise Faulted(findings.out_of_step(f"line {number} is asked for, {line.number} was sent"))
                        again = True
                    case MarlinSaid("ok"):
                        return not again, said
                    case MarlinSaid("busy"):
                        deadline = self.port.now() + _ANSWER_TIME
                    case MarlinSaid("start"):
                        raise Faulted(findings.restarted())
                    case _:
                        said.append(text)
            if self.port.now() >= deadline:
                raise Faulted(findings.out_of_step(f"no answer to line {line.number}"))
