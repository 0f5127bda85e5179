"""What works along a seam, a weld source or a dispenser: its lines, whether it works, and what it has done. It moves
nothing and waits for nothing.
"""

from __future__ import annotations

from typing import Literal

from cellctl.execution.job import ArcLines, DispenserLines
from cellctl.execution.records.outcome import WeldRun

SourceState = Literal["off", "igniting", "established"]
"""Of a dispenser: shut, opened with nothing laid yet, and laying."""
SOURCE_CODES: dict[SourceState, int] = {"off": 0, "igniting": 1, "established": 2}


class SourceChannel:
    """Output and input of one source. `cut` is where (segment, s) it was taken away before its seam was complete,
    `welds` are the stretches that it worked over, `on_since` the time (s) at which it was switched on last.
    """

    def __init__(self, lines: ArcLines | DispenserLines | None) -> None:
        self._lines = lines
        self._began = (0, "", 0.0, 0.0)
        self._missing = self._sound = 0.0
        self.state: SourceState = "off"
        self.on_since = 0.0
        self.outputs = 0
        self.cut: tuple[int, float] | None = None
        self.welds: list[WeldRun] = []

    @property
    def lines(self) -> ArcLines | DispenserLines:
        """The lines; a job with a process and no lines is refused before it starts."""
        if self._lines is None:
            raise AssertionError("a process without lines")
        return self._lines

    @property
    def word(self) -> Literal["arc", "bead"]:
        """What it makes, as records and events begin with it."""
        return "bead" if isinstance(self._lines, DispenserLines) else "arc"

    def switch_on(self, time: float) -> None:
        """On with the next cycle; nothing is done yet."""
        self.on_since = time
        self.outputs |= 1 << self.lines.on
        self.state = "igniting"

    def switch_off(self) -> None:
        """Off with the next cycle, while what comes of it goes on."""
        if self._lines is not None:
            self.outputs &= ~(1 << self._lines.on)

    def stands(self, inputs: int) -> bool:
        """True when its input says that the arc stands, or that the dispenser is ready."""
        return bool(inputs >> self.lines.ok & 1)

    def establish(self, *, segment: int, seam: str, s: float, time: float) -> None:
        """It works: a stretch of the seam begins."""
        self.state = "established"
        self._missing, self._sound = 0.0, s
        self._began = (segment, seam, s, time)

    def missing_for(self, inputs: int, dt: float, *, s: float) -> float:
        """How long its input has been missing without a break while it works, s; asked once a cycle, with the place
        `s` (m) of the tool.
        """
        if self.state != "established" or self.stands(inputs):
            self._missing, self._sound = 0.0, s
        else:
            self._missing += dt
        return self._missing

    def reached(self, s: float) -> float:
        """How far it is known to have worked with the tool at `s` (m): to where its input stood last."""
        return min(s, self._sound) if self._missing else s

    def extinguish(self, *, s: float, time: float, complete: bool) -> SourceState:
        """Take it away in this very cycle; returns what it was before."""
        before = self.state
        self.switch_off()
        if before == "established":
            segment, seam, start, since = self._began
            self.welds.append(WeldRun(segment, seam, start, s, time - since, complete))
            if not complete:
                self.cut = (segment, s)
        self.state = "off"
        return before
