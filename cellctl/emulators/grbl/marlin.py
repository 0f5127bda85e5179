"""An emulated controller that speaks Marlin's dialect: numbered lines with a checksum, one `ok` each, requests to send
again. It knows neither line nor port.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from cellctl.emulators.grbl.interpreter import Interpreter, Move, Objection
from cellctl.emulators.grbl.motion import MotionQueue
from cellctl.emulators.link.line import Said
from cellctl.kinematics.lookahead import FirmwareLimits
from cellctl.model.link_faults import Fault
from cellctl.model.pose import FloatArray
from cellctl.model.wires.gcode import LineDecoder, numbered_line_of

_BLOCKS = 16


class MarlinMachine:
    """A `Controller` of axes at `position` (n,), deg. `resends` counts what it asked for again, `heard` holds the lines
    that it took, in order.
    """

    def __init__(self, position: FloatArray, limits: FirmwareLimits) -> None:
        self.resends = 0
        self.heard: list[str] = []
        self.motion = MotionQueue(position, limits, size=_BLOCKS)
        self._parser = Interpreter(np.array(position, dtype=np.float64))
        self._decoder = LineDecoder()
        self._waiting: deque[str] = deque()
        self._last = 0
        self._silent = False

    @property
    def busy(self) -> bool:
        """True while something moves or waits."""
        return self.motion.moves or bool(self._waiting)

    def hear(self, data: bytes, now: float) -> list[Said]:
        """Take lines; each is answered when there is room for what it asks."""
        self.motion.advance(now)
        if not self._silent:
            self._waiting.extend(self._decoder.feed(data))
        return self._work()

    def advance(self, now: float) -> list[Said]:
        """Move on to `now`, s."""
        self.motion.advance(now)
        return self._work()

    def suffer(self, faults: Sequence[Fault]) -> None:
        """`silent` says nothing."""
        self._silent = any(fault.kind == "silent" for fault in faults)

    def _work(self) -> list[Said]:
        said: list[str] = []
        while self._waiting and self.motion.free and not (self._waits_for_rest() and self.motion.moves):
            said += self._take(self._waiting.popleft())
        return [Said(0.0, text.encode("ascii") + b"\n") for text in said]

    def _waits_for_rest(self) -> bool:
        return "M400" in self._waiting[0]

    def _take(self, line: str) -> list[str]:
        """What is said to one line."""
        text = line
        if "*" in line and not line.startswith("N"):
            return self._again("No Line Number with checksum")
        if line.startswith("N"):
            numbered = numbered_line_of(line)
            reset = numbered is not None and numbered.text.startswith("M110")
            if numbered is None:
                return self._again("checksum mismatch")
            if not reset and numbered.number != self._last + 1:
                return self._again("Line Number is not Last Line Number+1")
            self._last, text = numbered.number, numbered.text
        return self._obey(text)

    def _again(self, why: str) -> list[str]:
        self.resends += 1
        return [f"Error:{why}, Last Line: {self._last}", f"Resend: {self._last + 1}", "ok"]

    def _obey(self, text: str) -> list[str]:
        self.heard.append(text)
        word = text.split(" ")[0]
        if word == "M114":
            place = " ".join(f"{axis}:{value:.2f}" for axis, value in zip("XYZABC", self.motion.position, strict=False))
            return [f"{place} Count", "ok"]
        if word == "M410":
            self.motion.clear()
            self._parser.position = self.motion.position.copy()
        if word.startswith("G"):
            try:
                for order in self._parser.orders(text):
                    if isinstance(order, Move):
                        self.motion.add(order.target, order.duration)
            except Objection:
                return [f'echo:Unknown command: "{text}"', "ok"]
        return ["ok"]
