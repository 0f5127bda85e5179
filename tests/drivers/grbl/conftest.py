"""The generic arm on an emulated GRBL controller: driver and controller in one process and in simulated time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from cellctl.drivers.driver import ArmSetup
from cellctl.drivers.grbl.arm import GrblArm
from cellctl.drivers.port import Port
from cellctl.emulators.grbl.machine import GrblMachine, MachineSettings
from cellctl.emulators.link.line import Line
from cellctl.errors import EnvironmentMissing, Finding
from cellctl.files import load_robot
from cellctl.model.gcode_wiring import GcodeOutput, GcodeWiring, homed_wiring, travel_of
from cellctl.model.link_faults import Fault, FaultScript

TORCH = GcodeOutput("torch", line=0, on=8, off=9)


@dataclass
class Bench:
    """Driver and controller, and what the arm was and is like."""

    port_on: Callable[[Line], Port]
    line: Line
    machine: GrblMachine
    wiring: GcodeWiring
    setup: ArmSetup
    arm: GrblArm = field(init=False)

    def open(self) -> Bench:
        self.arm = GrblArm(self._open, self.wiring, self.setup)
        return self

    def _open(self) -> Port:
        if self.line.unplugged:
            raise EnvironmentMissing(Finding("E550", "there is no port '/dev/simulated'"))
        return self.port_on(self.line)

    @property
    def now(self) -> float:
        return self.line.now

    def wait(self, seconds: float) -> None:
        self.line.advance(self.now + seconds)

    def pose(self) -> np.ndarray:
        """Where the machine really is, rad."""
        return self.wiring.joint_values(self.machine.motion.position)

    def swing(self, seconds: float, *, step: float = 0.05, amplitude: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
        """Waypoints that swing all joints from where the arm stands and back, and the times of their lines."""
        times = np.arange(0.0, seconds + 1e-9, step)
        way = amplitude * (1.0 - np.cos(2.0 * np.pi * times / seconds))
        directions = np.array([1.0, -1.0, 0.5, 1.0, -0.7, 0.3])
        start = self.arm.read().joints
        return start + way[:, None] * directions, np.diff(times)

    def stands(self, seconds: float = 0.5) -> bool:
        """True when the arm does not move in the time to come."""
        before = self.pose()
        self.wait(seconds)
        return bool(np.abs(self.pose() - before).max() < 1e-6)


@pytest.fixture
def bench(port_on) -> Callable[..., Bench]:
    """A homed arm on a line with the given faults."""

    def build(*faults: Fault, seed: int = 1, homed: bool = True, **settings: object) -> Bench:
        robot = load_robot("generic_gcode_6axis")
        wiring = homed_wiring(robot, (TORCH,))
        rate = np.degrees(robot.limit_array("velocity")) * 60.0
        acceleration = np.degrees(robot.limit_array("acceleration"))
        machine = GrblMachine(
            MachineSettings(rate, acceleration, travel_of(robot), **settings), -0.5 * travel_of(robot)
        )
        line = Line(machine, baud=wiring.baud, script=FaultScript(faults, seed))
        setup = ArmSetup(robot.name, wiring.joints, np.zeros(6), limits=robot.axis_limits)
        b = Bench(port_on, line, machine, wiring, setup).open()
        if homed:
            b.arm.home()
        return b

    return build
