"""What an operator asks of a running motion, as the executor sees it once a cycle. It moves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Demand = Literal["run", "hold", "stop"]


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked for now: run, hold or stop, the `override` (0, 1], and whether a seam whose arc was cut may be
    finished dry.
    """

    demand: Demand = "run"
    override: float = 1.0
    arc: Literal["weld", "dry"] = "weld"


class Control(Protocol):
    """Where commands come from."""

    def poll(self, *, patience: float) -> Command:
        """The command now; may wait up to `patience` s for a new one, and never waits when that is 0."""
        ...


class Switch:
    """A control that holds what it was set to."""

    def __init__(self, command: Command | None = None) -> None:
        self.command = command or Command()

    def poll(self, *, patience: float) -> Command:
        """What it was set to, at once."""
        del patience
        return self.command

    def hold(self) -> None:
        """Ask for standstill on the path."""
        self.command = Command("hold", self.command.override)

    def resume(self, *, arc: Literal["weld", "dry"] = "weld") -> None:
        """Ask to go on."""
        self.command = Command("run", self.command.override, arc)

    def stop(self) -> None:
        """Ask for the end of the run."""
        self.command = Command("stop", self.command.override)
