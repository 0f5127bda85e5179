"""The arc procedure: gas, ignition, retries, dwell, crater fill, burn-back, postflow, with the torch standing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

from cellctl.errors import Finding
from cellctl.execution.arc import ArcChannel
from cellctl.execution.job import ProcessTimes
from cellctl.execution.source_procedure import Bystander, SourceProcedure
from cellctl.execution.telling import Events
from cellctl.model.event import Event


class ArcProcedure(SourceProcedure):
    """How an arc begins and ends, with its `times` by the index of the step. A hold before the arc stands begins the
    attempt again.
    """

    def __init__(self, arc: ArcChannel, run: Bystander, times: Mapping[int, ProcessTimes]) -> None:
        super().__init__(arc, run)
        self._arc, self._times = arc, times

    def start(self, step: int, establish: Callable[[], None]) -> Generator[Event, None, bool]:
        """Gas, arc on, wait for the arc, dwell; True when the arc stands then. `establish` is called when it does.

        A retry scratches along the seam where the procedure says so, and comes back. No gas (X428): nothing is struck.
        """
        arc, run, times = self._arc, self._run, self._times[step]
        attempts = times.start.retries + 1
        while attempts and arc.state != "established":
            arc.gas("on")
            if not (yield from run.stand(times.start.preflow)):
                continue
            if not arc.gas_flows(run.inputs()):
                yield from run.end_with(self._no_gas(times))
                return False
            if not (yield from run.announce("arc_intent")):
                continue
            arc.switch_on(run.now())
            yield run.tell("arc_on")
            if attempts <= times.start.retries and times.start.scratch:
                yield from run.scratch(times.start.scratch, until=self._stands)
            if not (yield from run.stand(times.start.ignition_timeout, until=self._stands)):
                continue
            attempts -= 1
            if self._stands():
                establish()
                yield run.tell("arc_established")
            elif attempts:
                yield from self.extinguish("no_arc")
        if arc.state != "established":
            yield from run.end_with(self._missing(times))
            return False
        yield from run.stand(times.start.dwell)
        return True

    def end(self, step: int) -> Events:
        """Crater fill and burn-back, arc off, postflow; the wire is free then, or the run ends (X427). A seam that was
        cut is only left.
        """
        times = self._times[step]
        if self._arc.state != "established":
            return
        if not (yield from self._run.stand(times.end.crater_fill + times.end.burnback)):
            return
        yield from self.extinguish("seam_end")
        self._arc.gas("on")
        yield from self._run.stand(times.end.postflow)
        self._arc.gas("off")
        stuck = self.stuck()
        if stuck is not None:
            yield from self._run.end_with(stuck)

    def stuck(self) -> Finding | None:
        """X427 where the wire has frozen in the seam: the torch must not be moved."""
        if not self._arc.stuck(self._run.inputs()):
            return None
        text = f"the wire sticks in the seam, {self._run.where()}"
        return Finding("X427", text, suggestion="cut the wire before anything moves")

    def extinguish(self, why: str, *, confirmed: bool = True) -> Events:
        """Arc and gas off with the next command, whatever they were; `confirmed` is False where no command arrives."""
        self._arc.gas("off")
        yield from super().extinguish(why, confirmed=confirmed)

    def _no_gas(self, times: ProcessTimes) -> Finding:
        text = f"no gas flows after {times.start.preflow:g} s of preflow, {self._run.where()}"
        return Finding("X428", text, suggestion="look at bottle, valve and hose")

    def _missing(self, times: ProcessTimes) -> Finding:
        tries = times.start.retries + 1
        return Finding(
            "X403",
            f"the arc was never established: {tries} attempt{'s' if tries > 1 else ''} of "
            f"{times.start.ignition_timeout:g} s, {self._run.where()}",
            suggestion="look at wire, gas, ground and the weld source",
        )
