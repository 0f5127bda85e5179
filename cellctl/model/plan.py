"""What was planned: blocks of segments, each a geometry q(s) and a time law s(t) kept apart. Only `proof` makes a
`CertifiedPlan`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from cellctl.errors import Finding
from cellctl.model.certificate import Certificate
from cellctl.model.inputs import Input
from cellctl.model.pose import FloatArray, frozen_array
from cellctl.model.spline import BSpline
from cellctl.model.weave import Weave
from cellctl.model.wps import Range

if TYPE_CHECKING:
    from pathlib import Path

SegmentKind = Literal["transit", "approach", "process", "retract", "blend", "wait"]
SegmentForm = Literal["fixed", "lines"]
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ContactAllowance:
    """A pair of solids that may come nearer than the cell's clearance, in the one segment that holds this value.

    `first` and `second` are full solid names. `margin` (m) is the smallest gap they must keep, None where they may
    touch.
    """

    first: str
    second: str
    margin: float | None


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """Something the process does at path parameter `at` (m of arc length from the segment's start)."""

    at: float
    name: Literal["arc_start", "arc_end", "bead_start", "bead_end"]


@dataclass(frozen=True, slots=True)
class GripperAction:
    """What the gripper does while the arm stands: close about `part`, or open and leave it."""

    command: Literal["close", "open"]
    part: str


@dataclass(frozen=True, slots=True)
class ScrewAction:
    """The screw that goes in along a segment: into which hole (`PART.HOLE`), after which tightening program."""

    hole: str
    program: str


@dataclass(frozen=True, slots=True, eq=False)
class SeamSection:
    """The process of one segment: which seam, which part of it, after which procedure (`wps`, also that of a bead), and
    what is commanded and allowed on it.

    Path parameter s of the segment is arc length from the trimmed start; `stations` (n,) are samples of it, `points`,
    `tangents`, `normals` (n, 3) the seam frame there in the world, `work_angles`, `travel_angles`, `spins` (n,) what
    the planner commanded (rad). `weave` (by its wavelength) is what the torch swings across that, None for nothing.
    """

    seam: str
    wps: str
    length: float
    travel_speed: float
    ctwd: float
    work_window: Range
    travel_window: Range
    stations: FloatArray
    points: FloatArray
    tangents: FloatArray
    normals: FloatArray
    work_angles: FloatArray
    travel_angles: FloatArray
    spins: FloatArray
    events: tuple[ProcessEvent, ...]
    weave: Weave | None = None

    def __post_init__(self) -> None:
        n = len(self.stations)
        for name in ("stations", "work_angles", "travel_angles", "spins"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), (n,)))
        for name in ("points", "tangents", "normals"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), (n, 3)))

    @property
    def lays_bead(self) -> bool:
        """Whether a bead is laid, and nothing welded or drawn."""
        return any(event.name == "bead_start" for event in self.events)

    @property
    def begin(self) -> float:
        """Where its process begins, m of arc length."""
        return min(event.at for event in self.events)

    @property
    def end(self) -> float:
        """Where its process ends, m of arc length."""
        return max(event.at for event in self.events)


@dataclass(frozen=True, slots=True)
class FixedSegment:
    """A motion whose geometry is fixed: `path` q(s) (C2, joint values of `group`) and `law` s(t), from rest to rest.

    `step` is the index of the task's step. The parameter of `law` starts at 0 s, its value runs from path.start to
    path.end. `attached` names the parts that move along, `gripper` what is done in a segment that stands (`wait`),
    `screw` what is driven in along it.

    One with the form `lines` is what a controller that plans by itself makes of waypoints: straight lines in joint
    space with corners between them, phases of constant acceleration (`cellctl.model.line_motion`).
    """

    step: int
    kind: SegmentKind
    group: str
    tool: str
    path: BSpline
    law: BSpline
    contacts: tuple[ContactAllowance, ...] = ()
    attached: tuple[str, ...] = ()
    process: SeamSection | None = None
    gripper: GripperAction | None = None
    screw: ScrewAction | None = None
    form: SegmentForm = "fixed"

    @property
    def duration(self) -> float:
        """Time of the segment at full override, s."""
        return self.law.end

    @property
    def is_done_once(self) -> bool:
        """Whether something is gripped, let go or screwed in here: it is not gone over again."""
        return self.gripper is not None or self.screw is not None

    def joints_at(self, t: FloatArray | float) -> FloatArray:
        """Joint values (n, dof) at times `t` (n,) from the segment's start."""
        return self.path(self.law(t)[:, 0])


Segment = FixedSegment
"""Open for `GuardedSegment`: a nominal curve with a deviation tube, force limits and end conditions."""


@dataclass(frozen=True, slots=True)
class Block:
    """Segments that follow one another. `on_failure` will name the block of a bounded recovery; a plan is a straight
    list.
    """

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A planned task: not executable until it is proved. `start` holds joint values (dof,) per group."""

    task_name: str
    blocks: tuple[Block, ...]
    start: Mapping[str, FloatArray]
    seed: int
    inputs: tuple[Input, ...]
    versions: Mapping[str, str]
    certificate: Certificate | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", {k: frozen_array(v) for k, v in self.start.items()})

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All segments in order."""
        return tuple(segment for block in self.blocks for segment in block.segments)

    @property
    def cycle_time(self) -> float:
        """Motion time at full override without process waits, s."""
        return float(np.sum([segment.duration for segment in self.segments]))

    def save(self, path: str | Path) -> None:
        """Write the plan file (and its certificate, if it has one). (Writes through `cellctl.files`.)"""
        from importlib import import_module

        import_module("cellctl.files").write_plan(self, path)

    @staticmethod
    def load(path: str | Path) -> Plan:
        """Read a plan file; nothing but its format version is checked. (Reads through `cellctl.files`.)"""
        from importlib import import_module

        plan: Plan = import_module("cellctl.files").read_plan(path)
        return plan


@dataclass(frozen=True, slots=True, eq=False)
class CertifiedPlan:
    """A plan with the proof that it holds. Made by `cellctl.proof` alone; the only thing that can be executed.

    `warnings` is what the proof noticed that does not refute the plan.
    """

    plan: Plan
    certificate: Certificate
    warnings: tuple[Finding, ...] = ()
