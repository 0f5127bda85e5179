"""What to do, in the words of the trade: steps that name configurations, seams and procedures. No joint values are
planned here.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from math import inf
from typing import TYPE_CHECKING

from cellctl.errors import Place
from cellctl.model.cell import Cell
from cellctl.model.weave import Weave
from cellctl.model.wps import Range

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class MoveJ:
    """A free move to a named configuration; the way there is planned around what stands in the cell."""

    target: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class AlongSeam:
    """What a step along a seam has, whatever is done there. What is left None is the procedure's value or window.

    `seam` is `PART.SEAM`. `from_` and `to` trim the seam: metres from its start, or, where negative, from its end.
    A closed seam takes `start` (angle from the seam's own start, rad), `overlap` (m) and `reverse`.
    `work_angle` is measured from the bisector of the faces, `travel_angle` is push-positive (rad); `spin` is the window
    of the free turn about the tool's own axis (rad), None for free. `approach` and `retract` run along that axis (m).
    `backing` names fixtures that the plates lie on behind the seam; the tip may come as near to them as to the plates.
    """

    seam: str
    _: KW_ONLY
    from_: float = 0.0
    to: float = 0.0
    start: float = 0.0
    overlap: float = 0.0
    reverse: bool = False
    travel_speed: float | None = None
    work_angle: Range | None = None
    travel_angle: Range | None = None
    spin: Range | None = None
    approach: float = 0.050
    retract: float = 0.080
    backing: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Weld(AlongSeam):
    """Weld a seam after the procedure `wps`. `weave` is how the torch swings across the seam, None for not at all."""

    wps: str
    _: KW_ONLY
    ctwd: float | None = None
    weave: Weave | None = None

    @property
    def procedure(self) -> str:
        """The name of its procedure."""
        return self.wps


@dataclass(frozen=True, slots=True)
class Dispense(AlongSeam):
    """Lay a bead along a seam after the procedure `bead`, with the nozzle `stand_off` (m) from it."""

    bead: str
    _: KW_ONLY
    stand_off: float | None = None

    @property
    def procedure(self) -> str:
        """The name of its procedure."""
        return self.bead

    @property
    def ctwd(self) -> float | None:
        """The stand-off, in the word that a seam has for it."""
        return self.stand_off


SeamStep = Weld | Dispense
"""A step along a seam."""


@dataclass(frozen=True, slots=True)
class Grip:
    """Close the gripper about a part, where the arm stands. From then on the part moves with the flange."""

    part: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """Open the gripper and leave the part where it is. `onto` names the fixture or part that it then stands on, empty
    for the one that it was taken from.
    """

    part: str
    onto: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Screw:
    """Drive a screw into a hole, `PART.HOLE`, after a tightening program of the cell.

    The screw is at the bit already. `into` names the fixtures and parts beside the hole's own that the bit comes near.
    `approach` and `retract` run along the axis of the hole (m).
    """

    hole: str
    program: str
    into: tuple[str, ...] = ()
    approach: float = 0.030
    retract: float = 0.050
    group: str = ""


Step = MoveJ | Weld | Dispense | Grip | Release | Screw


def step_name(step: Step) -> str:
    """A step in two words: `weld tray.left`, `move_j home`, `grip bracket`."""
    match step:
        case Weld():
            return f"weld {step.seam}"
        case Dispense():
            return f"dispense {step.seam}"
        case MoveJ():
            return f"move_j {step.target}"
        case Grip():
            return f"grip {step.part}"
        case Release():
            return f"release {step.part}"
        case Screw():
            return f"screw {step.hole}"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a plan must not exceed or undercut: cycle time s, clearance m, speed of the working point m/s."""

    cycle_time: float = inf
    clearance: float = 0.0
    tcp_speed: float = inf


@dataclass(frozen=True, slots=True)
class Task:
    """Steps for one cell, from a named start configuration. `cell` is the loaded cell, or its reference until it is
    loaded. `places` say where the steps stand in their file, if anywhere, `start_place` and `budget_place` where start
    and budget do; a plan does not depend on them.
    """

    steps: tuple[Step, ...]
    cell: Cell
    start: str = "home"
    name: str = "task"
    budget: Budget = field(default_factory=Budget)
    reference: str = ""
    places: tuple[Place, ...] = field(default=(), compare=False, repr=False)
    start_place: Place | None = field(default=None, compare=False, repr=False)
    budget_place: Place | None = field(default=None, compare=False, repr=False)

    @staticmethod
    def load(path: str | Path) -> Task:
        """Read a task file and its cell; raises FileError with every finding in it. (Reads through `cellctl.files`.)"""
        from importlib import import_module

        task: Task = import_module("cellctl.files").load_task(path)
        return task
