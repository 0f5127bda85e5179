"""What an operator asks of a running motion, as the executor sees it once a cycle. It moves nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

Demand = Literal["run", "hold", "stop"]
Unit = Literal["segment", "step", "distance"]
ArcChoice = Literal["weld", "dry", "restart"]


@dataclass(frozen=True, slots=True)
class Stride:
    """How far to go at a time: to the next boundary of a segment or step, or `distance` m along the path."""

    unit: Unit
    distance: float = 0.0


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked for now: run, hold or stop and why, the `override` (0, 1], what becomes of a seam that was cut.

    `protective` marks a hold that nobody asked for. With a `stride` the run holds by itself after each one. `back` is a
    stride to retrace from standstill, done once for each value of `backs`. `go` counts how often somebody asked to go
    on. `overlap` (m) belongs to the arc `restart`.
    """

    demand: Demand = "run"
    override: float = 1.0
    arc: ArcChoice = "weld"
    overlap: float = 0.0
    stride: Stride | None = None
    back: Stride | None = None
    backs: int = 0
    go: int = 0
    protective: bool = False
    why: str = "on request"


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
        self.command = replace(self.command, demand="hold")

    def resume(self, *, arc: ArcChoice = "weld", overlap: float = 0.0) -> None:
        """Ask to go on."""
        self.command = replace(self.command, demand="run", arc=arc, overlap=overlap)

    def stop(self) -> None:
        """Ask for the end of the run."""
        self.command = replace(self.command, demand="stop")
