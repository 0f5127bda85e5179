"""`python -m cellctl.emulators.simulated_arm`: the simulated arm of a cell, with PyBullet's dynamics."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

import numpy as np

from cellctl.emulators.simulated_arm.controller import ArmFigures
from cellctl.emulators.simulated_arm.dispenser import DispenserSettings
from cellctl.emulators.simulated_arm.gripper import GripperSettings
from cellctl.emulators.simulated_arm.launch import parsed, run
from cellctl.emulators.simulated_arm.screwdriver import ScrewdriverSettings
from cellctl.emulators.simulated_arm.weld_source import WeldSourceSettings
from cellctl.files import cell_from_inputs
from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.bead import BeadProcedure
from cellctl.model.cell import Axes, Cell, Mechanism, standing_joints
from cellctl.model.inputs import unpack_inputs
from cellctl.model.pose import FloatArray, frozen_array
from cellctl.model.wps import arc_of
from cellctl.scene.bullet.dynamics import ArmDynamics


def main() -> None:
    """Read the cell, build the arm, serve."""
    launch = parsed(sys.argv[1:])
    cell = cell_from_inputs(unpack_inputs(launch.cell.read_bytes()))
    axes = cell.controlled(launch.mechanism)
    arm, *beside = axes.mechanisms
    with ArmDynamics(arm.robot, arm.tool, arm.pose_world_base, beside, time_step=0.001) as plant:
        figures = _figures(axes, launch.at)
        gripper, screwdriver = _gripper(cell, arm), _screwdriver(cell)
        run(
            launch,
            figures,
            plant,
            source=_source(cell),
            gripper=gripper,
            screwdriver=screwdriver,
            dispenser=_dispenser(_bead(cell), cell),
            tip=partial(_tip, chain_of(arm.robot), arm, _bead(cell)),
        )


def _figures(axes: Axes, at: str) -> ArmFigures:
    return ArmFigures(
        robot=axes.mechanisms[0].robot.name,
        joints=tuple(joint.name for joint in axes.axes),
        lower=axes.limit_array("lower"),
        upper=axes.limit_array("upper"),
        velocity=axes.limit_array("velocity"),
        acceleration=axes.limit_array("acceleration"),
        start=frozen_array(standing_joints(axes, at)),
    )


def _source(cell: Cell) -> WeldSourceSettings:
    return WeldSourceSettings(
        cell.output_line("arc_on"),
        cell.input_line("arc_ok"),
        gas=cell.output_line("gas"),
        gas_ok=cell.input_line("gas_ok"),
        wire_stuck=cell.input_line("wire_stuck"),
        wire_feed=cell.analog_output("wire_feed"),
        voltage=cell.analog_output("voltage"),
        current=cell.analog_input("current"),
        arc_voltage=cell.analog_input("arc_voltage"),
        currents=_currents(cell),
    )


def _currents(cell: Cell) -> tuple[tuple[float, float], ...]:
    """The line of wire feed (m/s) and current (A) of the cell's first procedure with an arc."""
    for wps in map(arc_of, cell.procedures.values()):
        if wps is not None:
            feed, current = wps.wire_feed_speed, wps.current
            return tuple((getattr(feed, end), getattr(current, end)) for end in ("minimum", "nominal", "maximum"))
    return ((0.0, 0.0),)


def _screwdriver(cell: Cell) -> ScrewdriverSettings:
    return ScrewdriverSettings(
        run=cell.output_line("driver_run"),
        tight=cell.input_line("driver_tight"),
        failed=cell.input_line("driver_failed"),
        program=cell.analog_output("driver_program"),
        speed=cell.analog_output("driver_speed"),
        torque=cell.analog_input("driver_torque"),
        angle=cell.analog_input("driver_angle"),
        programs=tuple(cell.tightening.values()),
    )


def _bead(cell: Cell) -> BeadProcedure | None:
    """The cell's first bead procedure."""
    return next((procedure for procedure in cell.procedures.values() if isinstance(procedure, BeadProcedure)), None)


def _dispenser(bead: BeadProcedure | None, cell: Cell) -> DispenserSettings:
    """The cell's dispenser; its valve has the delays that the bead procedure has as leads."""
    return DispenserSettings(
        valve=cell.output_line("dispenser_open"),
        ready=cell.input_line("dispenser_ready"),
        flow=cell.analog_output("dispenser_flow"),
        meter=cell.analog_input("dispenser_meter"),
        open_delay=0.0 if bead is None else bead.open_lead,
        close_delay=0.0 if bead is None else bead.close_lead,
        own_flow=0.0 if bead is None else bead.flow(bead.travel_speed.nominal),
    )


def _tip(chain: Chain, arm: Mechanism, bead: BeadProcedure | None, joints: Sequence[float]) -> FloatArray:
    """Where the bead is laid (3,) m, in front of the nozzle, in the frame of the arm's base, with the group at `joints`
    (dof,).
    """
    own = np.array(joints[: arm.robot.dof])[None]
    pose_flange_tcp = arm.pose_flange_tip(0.0 if bead is None else bead.ctwd.nominal)
    tip: FloatArray = (flange_matrices(chain, own)[0] @ pose_flange_tcp.matrix)[:3, 3]
    return tip


def _gripper(cell: Cell, arm: Mechanism) -> GripperSettings:
    gripper = None if arm.tool is None else arm.tool.gripper
    if gripper is None:
        return GripperSettings()
    lines = (cell.output_line("gripper"), cell.input_line("gripped"), cell.input_line("gripper_open"))
    return GripperSettings(*lines, stroke_time=gripper.stroke_time)


if __name__ == "__main__":
    main()
