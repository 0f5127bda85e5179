"""What a job takes from the cell and the plan that it is for: envelope, reach, lines, process times. Reads no file."""

from __future__ import annotations

import numpy as np

from cellctl.execution.job import (
    AnalogSignals,
    ArcLines,
    DispenserLines,
    GripperLines,
    JointEnvelope,
    ProcessTimes,
    ScrewLines,
)
from cellctl.kinematics.chain import chain_of
from cellctl.model.bead import BeadProcedure
from cellctl.model.cell import Axes, Cell, Mechanism
from cellctl.model.plan import Plan, SeamSection
from cellctl.model.pose import FloatArray
from cellctl.model.wps import SeamProcedure, Wps, arc_of
from cellctl.processes.power import PowerLine, power_line
from cellctl.scene.held import carried_reach

_LONGEST_WIRE = 0.030


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
