"""A welding procedure as ranges (field set after ISO 15609-1, simplified). No judgement of weld metal is made from
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Range:
    """A quantity with its window, SI: minimum <= nominal <= maximum."""

    minimum: float
    nominal: float
    maximum: float

    def __post_init__(self) -> None:
        if not self.minimum <= self.nominal <= self.maximum:
            raise ValueError(
                f"a range needs minimum <= nominal <= maximum, got {self.minimum}, {self.nominal}, {self.maximum}"
            )

    def holds(self, value: float, slack: float = 0.0) -> bool:
        """True when `value` lies in the window widened by `slack` on both sides."""
        return self.minimum - slack <= value <= self.maximum + slack


@dataclass(frozen=True, slots=True, kw_only=True)
class SeamProcedure:
    """What a tool keeps along a seam, whatever it does there: its windows, rad, m/s and m.

    `ctwd` is how far the seam is from the tip of the tool, along its axis: the contact-tip-to-work distance of a torch,
    the stand-off of a nozzle.
    """

    name: str
    travel_speed: Range
    ctwd: Range
    work_angle: Range
    travel_angle: Range


PEN = "pen"
POWER_SIGNALS = ("wire_feed", "voltage")
"""Analogue outputs without which an override waits while an arc stands, whatever the procedure says."""


@dataclass(frozen=True, slots=True)
class ArcStart:
    """Gas preflow, ignition time-out and dwell before the torch travels, s; number of retries, and how far along the
    seam each of them scratches (m, 0 for standing).
    """

    preflow: float
    ignition_timeout: float
    dwell: float
    retries: int = 0
    scratch: float = 0.0


@dataclass(frozen=True, slots=True)
class ArcEnd:
    """Crater fill, burn-back and gas postflow, s, with the torch standing at the seam's end."""

    crater_fill: float
    burnback: float
    postflow: float


@dataclass(frozen=True, slots=True)
class WeaveWindow:
    """How far (amplitude, m) and how often (Hz) a torch may weave."""

    amplitude: Range
    frequency: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Wps(SeamProcedure):
    """A procedure: what is welded with what, and the windows that planned and executed values are held against.

    `process` is the ISO 4063 number ("131" is MIG), or PEN for one that only draws, whose figures of arc, joint and
    material are empty. Current A, voltage V, wire feed m/s. `heat_factor` is k of Q = k U I / v (EN 1011-1),
    `heat_input` the window of Q (J/m), None where it is not judged. With the `override` "blocked" a weld is never
    slowed down, with "scaled" the arc's power goes with the travel speed. `weave` is None where it allows no weave.
    """

    process: str
    material_group: str
    thickness: Range
    joint_types: tuple[str, ...]
    positions: tuple[str, ...]
    filler: str
    wire_diameter: float
    shielding_gas: str
    current: Range
    voltage: Range
    wire_feed_speed: Range
    arc_start: ArcStart
    arc_end: ArcEnd
    heat_factor: float = 0.8
    heat_input: Range | None = None
    override: Literal["blocked", "scaled"] = "blocked"
    weave: WeaveWindow | None = None

    @property
    def draws(self) -> bool:
        """True where there is no arc: the tool goes along the seam, and that is all."""
        return self.process == PEN


def arc_of(procedure: SeamProcedure) -> Wps | None:
    """The procedure where it strikes an arc; None for that of a bead or a pen."""
    return procedure if isinstance(procedure, Wps) and not procedure.draws else None
