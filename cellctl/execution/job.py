"""What the executor needs beside the certified plan: joint limits, process times and lines. Values only; no file is
read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan, radians
from typing import Literal

import numpy as np

from cellctl.model.bead import BeadProcedure
from cellctl.model.plan import CertifiedPlan, FixedSegment
from cellctl.model.pose import FloatArray, frozen_array
from cellctl.model.tightening import TighteningProgram
from cellctl.model.wps import ArcEnd, ArcStart
from cellctl.processes.power import PowerLine


@dataclass(frozen=True, slots=True, eq=False)
class JointEnvelope:
    """What no command may leave: joint `names` and `lower`, `upper`, `velocity`, `acceleration` (dof,), rad, /s,
    /s^2.
    """

    names: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    velocity: FloatArray
    acceleration: FloatArray

    def __post_init__(self) -> None:
        for name in ("lower", "upper", "velocity", "acceleration"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), (len(self.names),)))


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """Times of the arc start and end of one step, from its procedure."""

    start: ArcStart
    end: ArcEnd


@dataclass(frozen=True, slots=True)
class ArcLines:
    """Line numbers of the process channel: outputs `arc_on` and `gas` (if the executor switches it), input `arc_ok`.

    Where there are some, the inputs `gas_ok` (gas flows) and `wire_stuck` (the wire has frozen in the seam).
    """

    arc_on: int
    arc_ok: int
    gas: int | None = None
    gas_ok: int | None = None
    wire_stuck: int | None = None

    @property
    def on(self) -> int:
        """The output that sets it to work."""
        return self.arc_on

    @property
    def ok(self) -> int:
        """The input that says that it does."""
        return self.arc_ok


@dataclass(frozen=True, slots=True)
class DispenserLines:
    """Line numbers of a dispenser: the output that opens its `valve`, the input that says that it is `ready`."""

    valve: int
    ready: int

    @property
    def on(self) -> int:
        """The output that sets it to work."""
        return self.valve

    @property
    def ok(self) -> int:
        """The input that says that it can."""
        return self.ready


@dataclass(frozen=True, slots=True)
class GripperLines:
    """Line numbers of a gripper: its output, the inputs that confirm it where there are some; the time of a stroke, and
    how long a confirmation is waited for (s).
    """

    output: int
    gripped: int | None
    gripper_open: int | None
    stroke_time: float
    timeout: float


@dataclass(frozen=True, slots=True)
class ScrewLines:
    """Line numbers of a screwdriver: its output, the input that says tight, the one that says failed where there is
    one; and the tightening programs in the order in which the driver numbers them, from 1.
    """

    run: int
    tight: int
    failed: int | None
    programs: tuple[TighteningProgram, ...]


@dataclass(frozen=True, slots=True)
class AnalogSignals:
    """The channels of a cell's analogue outputs and inputs by name."""

    outputs: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, int] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, outputs first, as a trace has them."""
        return (*self.outputs, *self.inputs)

    def commanded(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """The outputs by channel; what is not among `values`, or no output of the cell, is 0 or left out."""
        by_channel = {self.outputs[name]: value for name, value in values.items() if name in self.outputs}
        return tuple(by_channel.get(channel, 0.0) for channel in range(max(self.outputs.values(), default=-1) + 1))

    def shown(self, name: str, inputs: tuple[float, ...]) -> float:
        """One input out of the measured ones (by channel); NaN where there is none."""
        channel = self.inputs.get(name)
        return nan if channel is None or channel >= len(inputs) else inputs[channel]


@dataclass(frozen=True, slots=True)
class Tolerances:
    """When measured and commanded motion no longer belong together; rad, rad/s, s.

    `following` is what remains after the arm's known lag is taken out; `arc_loss` is how long an arc may flicker;
    `late_cycles` in a row end the run.
    """

    start: float = radians(0.5)
    following: float = radians(2.0)
    goal: float = radians(0.5)
    goal_time: float = 2.0
    standstill: float = 0.01
    arc_loss: float = 0.2
    late_cycles: int = 3


ProcessMode = Literal["weld", "dry"]
"""Whether the process runs, or the same motion without it."""


@dataclass(frozen=True, slots=True)
class CutSeam:
    """A seam that was welded up to `s` (m) of its segment when its arc was cut; `strike` is where to strike again."""

    segment: int
    s: float
    strike: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """Where on its plan a run begins: segment and path parameter; `done` are segments whose seam is complete."""

    segment: int = 0
    s: float | None = None
    done: tuple[int, ...] = ()
    cut: CutSeam | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A certified plan with everything that its execution needs. `times`, `power` and `beads` are keyed by the index of
    the task's step; the steps in `drawn` go along their seam without a process. `lines` are those of what works along
    the seams: a plan welds or lays beads.

    `reach` (dof,) is how far each axis can throw the tool or a joint, m/rad (m/m for a prismatic joint); `resumes` is
    the record of the run that this one goes on with, as its own record names it, `part_id` the work piece, `started_by`
    the client.
    """

    certified: CertifiedPlan
    envelope: JointEnvelope
    times: Mapping[int, ProcessTimes] = field(default_factory=dict)
    lines: ArcLines | DispenserLines | None = None
    gripper: GripperLines | None = None
    screws: ScrewLines | None = None
    tolerances: Tolerances = field(default_factory=Tolerances)
    reach: FloatArray | None = None
    entry: Entry = field(default_factory=Entry)
    process: ProcessMode = "weld"
    resumes: str = ""
    part_id: str = ""
    started_by: str = ""
    drawn: frozenset[int] = frozenset()
    analog: AnalogSignals = field(default_factory=AnalogSignals)
    power: Mapping[int, PowerLine] = field(default_factory=dict)
    beads: Mapping[int, BeadProcedure] = field(default_factory=dict)

    def strikes(self, segment: FixedSegment) -> bool:
        """Whether an arc is struck or a bead laid in `segment` when the process runs."""
        return segment.process is not None and segment.step not in self.drawn

    @property
    def throws(self) -> FloatArray:
        """`reach`, or a metre for each axis where nothing is known of the arm's size."""
        return np.ones(len(self.envelope.names)) if self.reach is None else self.reach
