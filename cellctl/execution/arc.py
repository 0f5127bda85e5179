"""The weld source of a run: arc, gas, and whether the wire is free. It moves nothing and waits for nothing."""

from __future__ import annotations

from typing import Literal

from cellctl.execution.job import ArcLines
from cellctl.execution.source import SourceChannel


class ArcChannel(SourceChannel):
    """Outputs and inputs of one weld source."""

    def __init__(self, lines: ArcLines | None) -> None:
        super().__init__(lines)
        self._arc = lines

    def gas(self, state: Literal["on", "off"]) -> None:
        """Open or close the gas valve, where the executor has it."""
        if self._arc is not None and self._arc.gas is not None:
            bit = 1 << self._arc.gas
            self.outputs = self.outputs | bit if state == "on" else self.outputs & ~bit

    def gas_flows(self, inputs: int) -> bool:
        """False when the weld source has an input for it and says that no gas flows."""
        line = None if self._arc is None else self._arc.gas_ok
        return line is None or bool(inputs >> line & 1)

    def stuck(self, inputs: int) -> bool:
        """True when the weld source says that the wire has frozen in the seam."""
        line = None if self._arc is None else self._arc.wire_stuck
        return line is not None and bool(inputs >> line & 1)
