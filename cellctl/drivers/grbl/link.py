"""Lines to a GRBL controller and what it says: bytes are counted so that its buffer never overflows. It knows no arm.

Every line is answered once, in order. What is pushed in between (status, alarms, messages) is kept apart from answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from cellctl.drivers.port import Port
from cellctl.model.wires import gcode
from cellctl.model.wires.gcode import Alarm, Banner, LineDecoder, Message, Ok, Refused, Reply, Setting, Status, Unknown

_ANSWER_TIME = 0.5
_TRIES = 3
_INSISTENCE, _SHORT_ANSWER_TIME = 5, 0.1


@dataclass(slots=True)
class LinkCounters:
    """What happened on a link since it was opened; `strange` lines said nothing that is known, `starved` are reports of
    a planner with one line or none while more were to come.
    """

    lines: int = 0
    answers: int = 0
    strange: int = 0
    dropped: int = 0
    unasked: int = 0
    starved: int = 0


class GrblLink:
    """A controller behind one open port. Everything raises PortLost when the port is gone."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.counters = LinkCounters()
        self.room = gcode.LONGEST_LINE
        """Bytes that the controller takes before they are answered."""
        self._decoder = LineDecoder()
        self._unanswered: deque[str] = deque()

    @property
    def unanswered(self) -> int:
        """Lines that were sent and not answered yet."""
        return len(self._unanswered)

    @property
    def oldest(self) -> str:
        """The line that the next answer is for."""
        return self._unanswered[0] if self._unanswered else ""

    def act(self, byte: bytes) -> None:
        """Send a byte that acts at once."""
        self.port.write(byte)

    def insist(self, byte: bytes, *, until: Collection[str]) -> None:
        """Say a byte that acts at once, a few times at most, until the controller says that it is in one of some
        states: a byte may be lost.
        """
        for _ in range(_INSISTENCE):
            self.act(byte)
            self.act(gcode.STATUS_REQUEST)
            end = self.port.now() + _SHORT_ANSWER_TIME
            while self.port.now() < end:
                if any(isinstance(reply, Status) and reply.state in until for reply, _ in self.hear(end)):
                    return

    def fits(self, line: str) -> bool:
        """True when the controller has room for a line now."""
        return sum(len(waiting) + 1 for waiting in self._unanswered) + len(line) + 1 <= self.room

    def send(self, line: str) -> None:
        """Send a line that fits."""
        self.port.write(gcode.encode(line))
        self._unanswered.append(line)
        self.counters.lines += 1

    def hear(self, deadline: float) -> list[tuple[Reply, str]]:
        """What has come until `deadline` at the latest, each with the line that it answers, if it answers one."""
        replies = [gcode.reply_of(text) for text in self._decoder.feed(self.port.read(deadline))]
        self.counters.dropped = self._decoder.dropped
        return [(reply, self._answered(reply)) for reply in replies]

    def forget(self) -> None:
        """No line waits for an answer any more: the controller has started anew."""
        self._unanswered.clear()
        self._decoder.reset()

    # While nothing moves -------------------------------------------------------------------------------------------

    def status(self, axes: int | None = None) -> Status | None:
        """A status report, asked for up to three times; None when none comes. One without a place for every one of
        `axes` was damaged on its way.
        """
        for _ in range(_TRIES):
            self.act(gcode.STATUS_REQUEST)
            end = self.port.now() + _ANSWER_TIME
            while self.port.now() < end:
                for reply, _ in self.hear(end):
                    if isinstance(reply, Status) and axes in (None, len(reply.position)):
                        return reply
        return None

    def ask(self, line: str, *, patience: float = _ANSWER_TIME) -> tuple[Reply | None, list[Reply]]:
        """Send a line, wait for its own answer; the answer (None when none came in time) and what came with it."""
        self.send(line)
        end, pushed = self.port.now() + patience, list[Reply]()
        while self.port.now() < end:
            for reply, answered in self.hear(end):
                if isinstance(reply, Ok | Refused) and answered == line and not self._unanswered:
                    return reply, pushed
                pushed.append(reply)
                if isinstance(reply, Alarm | Banner):
                    self.forget()
                    return reply, pushed
        self.forget()
        return None, pushed

    def settings(self) -> dict[int, float]:
        """The settings by number, empty when they cannot be had."""
        for _ in range(_TRIES):
            answer, pushed = self.ask("$$", patience=4 * _ANSWER_TIME)
            if isinstance(answer, Ok):
                return {reply.number: reply.value for reply in pushed if isinstance(reply, Setting)}
        return {}

    def sizes(self) -> tuple[int, int] | None:
        """Lines that the planner holds and bytes of the receive buffer as `$I` tells them, None when it does not."""
        _, pushed = self.ask("$I")
        for reply in pushed:
            if isinstance(reply, Message) and reply.kind == "OPT":
                sizes = [number for part in reply.text.split(",")[1:] if (number := gcode.number_of(part)) is not None]
                if len(sizes) > 1 and sizes[0] > 1 and sizes[1] >= gcode.LONGEST_LINE:
                    return int(sizes[0]), int(sizes[1])
        return None

    def _answered(self, reply: Reply) -> str:
        if isinstance(reply, Unknown):
            self.counters.strange += 1
        if not isinstance(reply, Ok | Refused):
            return ""
        self.counters.answers += 1
        if not self._unanswered:
            self.counters.unasked += 1
            return ""
        return self._unanswered.popleft()
