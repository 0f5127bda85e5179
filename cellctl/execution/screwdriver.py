"""The screwdriver of a run: its lines, the torque and angle that it shows, and the handshake of a screw. It moves no
arm.

A screw is announced and driven once. A hold switches the driver off with the arm's motion; a screw that is held while
it is tightened is lost, for nobody knows its angle.
"""

from __future__ import annotations

from collections.abc import Callable
from math import degrees, isnan, nan
from typing import Protocol

from cellctl.errors import Finding
from cellctl.execution.job import ScrewLines
from cellctl.execution.source_procedure import Bystander
from cellctl.execution.telling import Events
from cellctl.model.plan import ScrewAction
from cellctl.model.tightening import TighteningProgram

TIGHTENING = 0.1
"""The share of the speed of the run-down at which a screw is tightened with the arm standing."""
SCREW_SIGNALS = frozenset({"driver_speed"})
"""The analogue output of a cell without which an override waits while a screw goes in."""


class ScrewChannel:
    """Output and inputs of one screwdriver, and what it has shown of the screw in hand: `torque` (Nm) and `angle`
    (rad), NaN where it shows none.
    """

    def __init__(self, lines: ScrewLines | None) -> None:
        self._lines = lines
        self._runs = self._fresh = False
        self._snug_at = nan
        self.program: TighteningProgram | None = None
        self.torque = self.angle = nan

    @property
    def lines(self) -> ScrewLines:
        """The lines; a job that drives screws and has none is refused before it starts."""
        if self._lines is None:
            raise AssertionError("a screw without lines")
        return self._lines

    @property
    def outputs(self) -> int:
        """The digital output as a bit."""
        return 1 << self.lines.run if self._runs else 0

    @property
    def number(self) -> int:
        """The number of the program, as the driver knows it."""
        assert self.program is not None
        return self.lines.programs.index(self.program) + 1

    @property
    def since_snug(self) -> float:
        """The angle since the torque was snug (rad), NaN before that."""
        return self.angle - self._snug_at

    @property
    def figures(self) -> dict[str, float]:
        """Torque and angle since snug as far as there are any, for journal and events."""
        both = {"torque": self.torque, "angle": self.since_snug}
        return {name: value for name, value in both.items() if not isnan(value)}

    def take_up(self, name: str) -> TighteningProgram:
        """A new screw, after the program called `name`."""
        self.program = next(program for program in self.lines.programs if program.name == name)
        self.torque = self.angle = self._snug_at = nan
        self._fresh = False
        return self.program

    def run(self) -> None:
        """On with the next cycle."""
        self._runs = self.program is not None

    def stop(self) -> None:
        """Off with the next cycle; the screw is still in hand."""
        self._runs = False

    def let_go(self) -> None:
        """Off, and the screw is out of hand."""
        self._runs, self.program = False, None

    def tight(self, inputs: int) -> bool:
        """Whether the driver says that it has shut off."""
        return bool(inputs >> self.lines.tight & 1)

    def failed(self, inputs: int) -> bool:
        """Whether the driver says that it has failed."""
        line = self.lines.failed
        return line is not None and bool(inputs >> line & 1)

    def show(self, inputs: int, *, torque: float, angle: float) -> None:
        """What the driver has measured in this cycle. What it may still show of the screw before does not count."""
        snug = self.program is not None and torque >= self.program.snug
        self._fresh = self._fresh or not (snug or self.tight(inputs))
        if not self._fresh:
            return
        self.torque, self.angle = torque, angle
        if snug and isnan(self._snug_at):
            self._snug_at = angle

    def decided(self, inputs: int) -> bool:
        """Whether nothing more can come of turning on."""
        over = self.program is not None and self.since_snug > self.program.angle.maximum
        return self.tight(inputs) or self.failed(inputs) or over

    def trouble(self, inputs: int, left: float, where: str) -> Finding | None:
        """What goes wrong while the screw goes in with `left` m still to go, None for nothing; asked once a cycle."""
        if self.program is None or not self._runs or not self._fresh:
            return None
        if self.failed(inputs):
            return _driver_fault(where)
        if left > 0.5 * self.program.pitch and (self.tight(inputs) or self.torque >= self.program.snug):
            text = f"the screw is tight {left * 1e3:.1f} mm before its head sits{self._shown()}, {where}"
            return Finding("X438", text, suggestion="take it out and look at the thread before another is driven")
        return None

    def verdict(self, inputs: int, where: str) -> Finding | None:
        """What is wrong with a screw that nothing more can come of; None for a sound one."""
        program = self.program
        assert program is not None
        if self.failed(inputs):
            return _driver_fault(where)
        if self.since_snug > program.angle.maximum:
            text = f"{degrees(self.since_snug):.1f} deg since snug, at most {degrees(program.angle.maximum):.1f}"
            return Finding("X437", f"the screw was turned too far: {text}{self._shown()}, {where}")
        if not self.tight(inputs):
            text = f"the screw did not get tight within {program.timeout:g} s{self._shown()}, {where}"
            return Finding("X436", text, suggestion="look at screw, bit and thread")
        if not isnan(self.torque) and not program.torque.holds(self.torque):
            window = f"{program.torque.minimum:.3g} to {program.torque.maximum:.3g} Nm"
            return Finding("X436", f"the final torque is {self.torque:.2f} Nm, the program allows {window}, {where}")
        if self.since_snug < program.angle.minimum:
            text = f"{degrees(self.since_snug):.1f} deg after snug, at least {degrees(program.angle.minimum):.1f}"
            return Finding("X438", f"the screw was tight too early: {text}{self._shown()}, {where}")
        return None

    def _shown(self) -> str:
        return "" if isnan(self.torque) else f" with {self.torque:.2f} Nm"


class Feeder(Bystander, Protocol):
    """What driving a screw needs of the run that it is a part of."""

    def feed(self, each: Callable[[], None]) -> Events:
        """Move to the end of the segment; `each` is called in every cycle in which the run may move."""
        ...


class ScrewProcedure:
    """How a screw is driven: announce, run down with the arm's feed, tighten with the arm standing, judge."""

    def __init__(self, channel: ScrewChannel, run: Feeder) -> None:
        self._channel, self._run = channel, run

    def drive(self, action: ScrewAction) -> Events:
        """Drive one screw along the segment from where the arm stands; one that does not come out sound ends the run
        (X436 to X439).
        """
        channel, run = self._channel, self._run
        said = {"hole": action.hole, "program": action.program}
        while not (yield from run.announce("screw_intent", **said)):
            pass  # it was held meanwhile: what is on the disk is what comes next, not what was asked for before
        program = channel.take_up(action.program)
        yield run.tell("screw", **said)
        yield from run.feed(channel.run)
        stood = yield from run.stand(program.timeout, until=lambda: channel.decided(run.inputs()))
        finding = channel.verdict(run.inputs(), run.where()) if stood else self._interrupted()
        figures = channel.figures
        channel.let_go()
        if finding is not None:
            run.note("screw_failed", **said, code=finding.code, **figures)
            yield from run.end_with(finding)
            return
        run.note("screw_done", **said, **figures)
        yield run.tell("screw_done", **said, **figures)

    def _interrupted(self) -> Finding:
        text = f"the screw was held while it was tightened, so nobody knows its angle, {self._run.where()}"
        return Finding("X439", text, suggestion="take it out, and drive another one")


def _driver_fault(where: str) -> Finding:
    return Finding("X439", f"the screwdriver reports a fault, {where}", suggestion="look at its own display")
