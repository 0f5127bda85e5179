"""Arms on emulated controllers that plan by themselves, in one process and in simulated time: an AR4 on its own, the
generic arm on the others. It judges nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from cellctl.bench.serial.simulated import LineBench, shipped_robot
from cellctl.drivers.ar4.arm import Ar4Arm, calibrated_wiring
from cellctl.drivers.driver import ArmSetup
from cellctl.drivers.grbl.arm import GrblArm
from cellctl.drivers.mycobot.arm import MycobotWaypointArm
from cellctl.drivers.waypoint_arm import WaypointArm
from cellctl.emulators.ar4.controller import Ar4Controller, ar4_of
from cellctl.emulators.grbl.machine import GrblMachine
from cellctl.emulators.grbl.settings import settings_of
from cellctl.emulators.link.line import Line
from cellctl.emulators.mycobot.arm import MycobotArm
from cellctl.model.gcode_wiring import GcodeOutput, GcodeWiring, homed_robot, travel_of
from cellctl.model.link_faults import Fault, FaultScript
from cellctl.model.pose import FloatArray

A = TypeVar("A", bound=WaypointArm)

ROBOT, AR4 = "generic_gcode_6axis", "annin_ar4_mk3"
TORCH = GcodeOutput("torch", line=0, on=8, off=9)
BAUD = 115_200
SOMEWHERE = np.radians([10.0, -10.0, 20.0, -40.0, 50.0, -60.0])
_DIRECTIONS = np.array([1.0, -1.0, 0.5, 1.0, -0.7, 0.3])


@dataclass
class WaypointBench(LineBench, Generic[A]):
    """An arm that goes from waypoint to waypoint on a lying line, and what it is like."""

    settling: ClassVar[float] = 0.0
    wobble: ClassVar[float] = 1e-6

    setup: ArmSetup
    arm: A = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    @abstractmethod
    def open(self) -> None:
        """Open the arm, or open it again."""

    def swing(self, seconds: float, *, step: float = 0.05, amplitude: float = 0.25) -> tuple[FloatArray, FloatArray]:
        """Waypoints (n + 1, dof), rad, that swing all joints from where the arm stands and back, and the times of their
        lines (n,), s.
        """
        times = np.arange(0.0, seconds + 1e-9, step)
        way = amplitude * (1.0 - np.cos(2.0 * np.pi * times / seconds))
        return self.arm.read().joints + way[:, None] * _DIRECTIONS, np.diff(times)


@dataclass
class Ar4Bench(WaypointBench[Ar4Arm]):
    """An AR4 on its controller."""

    settling: ClassVar[float] = 1.0
    far_end: Ar4Controller
    wiring: GcodeWiring

    def open(self) -> None:
        """Open the arm, or open it again."""
        self.arm = Ar4Arm(self.open_port, self.wiring, self.setup)

    def pose(self) -> FloatArray:
        """Where the arm really is, rad."""
        return self.wiring.joint_values(self.far_end.shafts)


@dataclass
class GrblBench(WaypointBench[GrblArm]):
    """The generic arm on a GRBL controller."""

    machine: GrblMachine
    wiring: GcodeWiring

    def open(self) -> None:
        """Open the arm, or open it again."""
        self.arm = GrblArm(self.open_port, self.wiring, self.setup)

    def pose(self) -> FloatArray:
        """Where the machine really is, rad."""
        return self.wiring.joint_values(self.machine.motion.position)


@dataclass
class MycobotBench(WaypointBench[MycobotWaypointArm]):
    """The generic arm on a myCobot's controller."""

    far_end: MycobotArm

    def open(self) -> None:
        """Open the arm, or open it again."""
        self.arm = MycobotWaypointArm(self.open_port, self.setup)

    def pose(self) -> FloatArray:
        """Where the arm really is, rad."""
        result: FloatArray = np.radians(self.far_end.angles)
        return result


def ar4_bench(*faults: Fault, seed: int = 1, vouched_for: bool = True, at: FloatArray | None = None) -> Ar4Bench:
    """An arm whose position is vouched for on a line with the given faults, at joint values (dof,) or somewhere."""
    robot = shipped_robot(AR4)
    start = SOMEWHERE if at is None else at
    wiring = calibrated_wiring([joint.name for joint in robot.axes])
    far_end = ar4_of(robot, start.tolist())
    line = Line(far_end, baud=wiring.baud, script=FaultScript(faults, seed))
    setup = ArmSetup(robot.name, wiring.joints, start, limits=robot.axis_limits)
    bench = Ar4Bench(line, setup, far_end, wiring)
    if vouched_for:
        bench.arm.assume_position()
    return bench


def grbl_bench(
    *faults: Fault, seed: int = 1, homed: bool = True, at: FloatArray | None = None, **settings: Any
) -> GrblBench:
    """A homed arm on a line with the given faults, at joint values (dof,) or in the middle; `settings` are those of the
    machine.
    """
    robot = shipped_robot(ROBOT)
    wiring = homed_robot(robot, (TORCH,))
    position = -0.5 * travel_of(robot) if at is None else wiring.machine_values(at)
    machine = GrblMachine(replace(settings_of(robot), **settings), position)
    line = Line(machine, baud=wiring.baud, script=FaultScript(faults, seed))
    setup = ArmSetup(robot.name, wiring.joints, np.zeros(robot.dof), limits=robot.axis_limits)
    bench = GrblBench(line, setup, machine, wiring)
    if homed:
        bench.arm.home()
    return bench


def mycobot_bench(*faults: Fault, seed: int = 1, at: FloatArray | None = None) -> MycobotBench:
    """An arm on a line with the given faults, at joint values (dof,) or somewhere."""
    robot = shipped_robot(ROBOT)
    start = np.radians([10.0, -20.0, 30.0, -40.0, 50.0, -60.0]) if at is None else at
    far_end = MycobotArm(
        np.degrees(start),
        lower=np.degrees(robot.limit_array("lower")),
        upper=np.degrees(robot.limit_array("upper")),
        top=np.degrees(robot.limit_array("velocity")),
        acceleration=np.degrees(robot.limit_array("acceleration")),
    )
    line = Line(far_end, baud=BAUD, script=FaultScript(faults, seed))
    joints = tuple(joint.name for joint in robot.axes)
    return MycobotBench(line, ArmSetup(robot.name, joints, start, limits=robot.axis_limits), far_end)
