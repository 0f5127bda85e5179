"""The valve of a dispenser over a bead: opened and shut so much earlier that the material comes and stops in place."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

from cellctl.errors import Finding
from cellctl.execution.source import SourceChannel
from cellctl.execution.source_procedure import Bystander, SourceProcedure
from cellctl.execution.telling import Events
from cellctl.model.bead import BeadProcedure
from cellctl.model.event import Event


class ValveProcedure(SourceProcedure):
    """How a bead begins and ends, with its procedure by the index of the step. The nozzle stands at the start of the
    bead until the material comes, and the valve is shut on the way, before its end. `lag` (s) is that of the arm.
    """

    def __init__(self, valve: SourceChannel, run: Bystander, beads: Mapping[int, BeadProcedure], *, lag: float) -> None:
        super().__init__(valve, run)
        self._beads, self._lag = beads, lag

    def start(self, step: int, establish: Callable[[], None]) -> Generator[Event, None, bool]:
        """Wait until the dispenser is ready (X498), open, stand for the lead; True when the bead begins then.

        A hold before that begins the attempt again.
        """
        run, bead = self._run, self._beads[step]
        while True:
            if not (yield from run.stand(bead.ready_timeout, until=self._stands)):
                continue
            if not self._stands():
                yield from run.end_with(self._not_ready(bead))
                return False
            if not (yield from run.announce("bead_intent")):
                continue
            self._source.switch_on(run.now())
            yield run.tell("bead_on")
            if (yield from run.stand(max(bead.open_lead - self._lag, 0.0))):
                break
        establish()
        yield run.tell("bead_established")
        return True

    def along(self, step: int) -> None:
        """Shut the valve once the material that still comes will do."""
        if self._source.state == "established" and self._run.left() <= self._beads[step].close_lead:
            self._source.switch_off()

    def end(self, step: int) -> Events:
        """The bead is complete."""
        del step
        if self._source.state == "established":
            yield from self.extinguish("seam_end")

    def _not_ready(self, bead: BeadProcedure) -> Finding:
        text = f"the dispenser was not ready within {bead.ready_timeout:g} s, {self._run.where()}"
        return Finding("X498", text, suggestion="look at its pressure, its material and its own display")
