"""The process channel: which outputs are on, whether the arc stands, and what was welded. It moves nothing and waits
for nothing.
"""

from __future__ import annotations

from typing import Literal

from cellctl.execution.job import ArcLines
from cellctl.execution.records.outcome import WeldRun

ArcState = Literal["off", "igniting", "established"]
ARC_CODES: dict[ArcState, int] = {"off": 0, "igniting": 1, "established": 2}


class ArcChannel:
    """Outputs and inputs of one weld source. `cut` is where (segment, s) an arc was taken away before its seam was
    complete.
    """

    def __init__(self, lines: ArcLines | None) -> None:
        self._lines = lines
        self._began = (0, "", 0.0, 0.0)
        self._missing = 0.0
        self.state: ArcState = "off"
        self.outputs = 0
        self.cut: tuple[int, float] | None = None
        self.welds: list[WeldRun] = []

    @property
    def lines(self) -> ArcLines:
        """The lines; a job with a process and no lines is refused before it starts."""
        if self._lines is None:
            raise AssertionError("a process without lines")
        return self._lines

    def gas(self, state: Literal["on", "off"]) -> None:
        """Open or close the gas valve, where the executor has it."""
        if self._lines is not None and self._lines.gas is not None:
            bit = 1 << self._lines.gas
            self.outputs = self.outputs | bit if state == "on" else self.outputs & ~bit

    def ignite(self) -> None:
        """Ask for the arc."""
        self.outputs |= 1 << self.lines.arc_on
        self.state = "igniting"

    def stands(self, inputs: int) -> bool:
        """True when the weld source says that the arc stands."""
        return bool(inputs >> self.lines.arc_ok & 1)

    def gas_flows(self, inputs: int) -> bool:
        """False when the weld source has an input for it and says that no gas flows."""
        line = self.lines.gas_ok
        return line is None or bool(inputs >> line & 1)

    def stuck(self, inputs: int) -> bool:
        """True when the weld source says that the wire has frozen in the seam."""
        line = None if self._lines is None else self._lines.wire_stuck
        return line is not None and bool(inputs >> line & 1)

    def establish(self, *, segment: int, seam: str, s: float, time: float) -> None:
        """The arc stands: a stretch of the seam begins."""
        self.state = "established"
        self._missing = 0.0
        self._began = (segment, seam, s, time)

    def missing_for(self, inputs: int, dt: float) -> float:
        """How long an established arc has been missing without a break, s."""
        self._missing = 0.0 if self.state != "established" or self.stands(inputs) else self._missing + dt
        return self._missing

    def extinguish(self, *, s: float, time: float, complete: bool) -> ArcState:
        """Take the arc away in this very cycle; returns what it was before."""
        before = self.state
        if self._lines is not None:
            self.outputs &= ~(1 << self._lines.arc_on)
        if before == "established":
            segment, seam, start, since = self._began
            self.welds.append(WeldRun(segment, seam, start, s, time - since, complete))
            if not complete:
                self.cut = (segment, s)
        self.state = "off"
        return before
