"""What the executor needs beside the certified plan: joint limits, process times and lines. Values only; no file is
read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan, radians
from typing import Literal

import numpy as np

from cellctl.kinematics.chain import chain_of
from cellctl.model.bead import BeadProcedure
from cellctl.model.cell import Axes, Cell, Mechanism
from cellctl.model.plan import CertifiedPlan, FixedSegment, Plan, SeamSection
from cellctl.model.pose import FloatArray, frozen_array
from cellctl.model.tightening import TighteningProgram
from cellctl.model.wps import ArcEnd, ArcStart, SeamProcedure, Wps, arc_of
from cellctl.processes.power import PowerLine, power_line
from cellctl.scene.held import carried_reach

_LONGEST_WIRE = 0.030


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


def joint_envelope(axes: Axes) -> JointEnvelope:
    """The envelope of the moving joints of a group."""
    return JointEnvelope(
        names=tuple(joint.name for joint in axes.axes),
        lower=axes.limit_array("lower"),
        upper=axes.limit_array("upper"),
        velocity=axes.limit_array("velocity"),
        acceleration=axes.limit_array("acceleration"),
    )


def joint_reach(cell: Cell, axes: Axes) -> FloatArray:
    """How far each axis can throw the tool, what is fixed to its flange or the links beyond it, (dof,) m/rad; 1 for a
    prismatic joint.

    The lengths of everything that comes after an axis, laid end to end.
    """
    return np.concatenate([_reach(cell, mechanism) for mechanism in axes.mechanisms])


def _reach(cell: Cell, mechanism: Mechanism) -> FloatArray:
    chain = chain_of(mechanism.robot)
    tool = float(np.linalg.norm(mechanism.pose_flange_tip(_LONGEST_WIRE).position))
    tip = max(tool, carried_reach(cell, mechanism))
    lengths = [*np.linalg.norm(chain.before[1:, :3, 3], axis=1), np.linalg.norm(chain.after[:3, 3]) + tip]
    beyond = np.cumsum(np.array(lengths)[::-1])[::-1]
    return np.where(chain.prismatic, 1.0, beyond)


def arc_lines(cell: Cell) -> ArcLines | None:
    """The process channel of a cell: its signals `arc_on`, `arc_ok` and, where there are some, `gas`, `gas_ok` and
    `wire_stuck`.
    """
    on, ok = cell.output_line("arc_on"), cell.input_line("arc_ok")
    if on is None or ok is None:
        return None
    return ArcLines(on, ok, cell.output_line("gas"), cell.input_line("gas_ok"), cell.input_line("wire_stuck"))


def gripper_lines(cell: Cell, mechanism: Mechanism) -> GripperLines | None:
    """The gripper of a mechanism: the cell's signals `gripper`, `gripped` and `gripper_open`, and the tool's times."""
    gripper = None if mechanism.tool is None else mechanism.tool.gripper
    output = cell.output_line("gripper")
    if gripper is None or output is None:
        return None
    inputs = cell.input_line("gripped"), cell.input_line("gripper_open")
    return GripperLines(output, *inputs, gripper.stroke_time, gripper.timeout)


def screw_lines(cell: Cell) -> ScrewLines | None:
    """The screwdriver of a cell: its signals `driver_run`, `driver_tight` and, where there is one, `driver_failed`."""
    run, tight = cell.output_line("driver_run"), cell.input_line("driver_tight")
    if run is None or tight is None:
        return None
    return ScrewLines(run, tight, cell.input_line("driver_failed"), tuple(cell.tightening.values()))


def dispenser_lines(cell: Cell) -> DispenserLines | None:
    """The dispenser of a cell: its signals `dispenser_open` and `dispenser_ready`."""
    valve, ready = cell.output_line("dispenser_open"), cell.input_line("dispenser_ready")
    return None if valve is None or ready is None else DispenserLines(valve, ready)


def process_times(plan: Plan, cell: Cell) -> dict[int, ProcessTimes]:
    """Times of every step with an arc of `plan`, from the procedures of `cell`; raises KeyError for an unknown
    procedure.
    """
    found = ((step, arc_of(procedure)) for step, procedure, _ in _processes(plan, cell))
    return {step: ProcessTimes(arc.arc_start, arc.arc_end) for step, arc in found if arc is not None}


def weld_powers(plan: Plan, cell: Cell) -> dict[int, PowerLine]:
    """The power of every step with an arc of `plan` over its travel speed; raises KeyError for an unknown procedure."""
    found = ((step, arc_of(procedure), section) for step, procedure, section in _processes(plan, cell))
    return {step: power_line(arc, section.travel_speed) for step, arc, section in found if arc is not None}


def bead_procedures(plan: Plan, cell: Cell) -> dict[int, BeadProcedure]:
    """The procedure of every step of `plan` that lays a bead; raises KeyError for an unknown procedure."""
    found = _processes(plan, cell)
    return {step: procedure for step, procedure, _ in found if isinstance(procedure, BeadProcedure)}


def drawn_steps(plan: Plan, cell: Cell) -> frozenset[int]:
    """The steps of `plan` that a pen goes along; raises KeyError for an unknown procedure."""
    return frozenset(
        step for step, procedure, _ in _processes(plan, cell) if isinstance(procedure, Wps) and procedure.draws
    )


def _processes(plan: Plan, cell: Cell) -> list[tuple[int, SeamProcedure, SeamSection]]:
    """Index of the step, procedure and process of every segment along a seam."""
    sections = ((segment.step, segment.process) for segment in plan.segments)
    return [(step, cell.procedures[section.wps], section) for step, section in sections if section is not None]


def analog_signals(cell: Cell) -> AnalogSignals:
    """The analogue signals of a cell."""
    outputs = {signal.name: signal.analog_output for signal in cell.signals if signal.analog_output is not None}
    inputs = {signal.name: signal.analog_input for signal in cell.signals if signal.analog_input is not None}
    return AnalogSignals(outputs, inputs)
