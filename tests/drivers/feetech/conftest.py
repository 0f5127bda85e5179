"""An arm of five joints on an emulated Feetech bus: driver and servos in one process and in simulated time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from cellctl.drivers.driver import ArmSetup, ArmState, Setpoint
from cellctl.drivers.feetech.arm import FeetechArm
from cellctl.drivers.port import Port
from cellctl.emulators.feetech.bus import ServoBus, bus_of
from cellctl.emulators.link.line import Line
from cellctl.errors import EnvironmentMissing, Finding
from cellctl.files import load_robot, load_wiring
from cellctl.model.link_faults import Fault, FaultScript
from cellctl.model.wiring import Wiring

START = (0.3, -0.6, 0.4, 0.2, -0.5)


@dataclass
class Bench:
    """Driver and servos, and what the arm was and is like."""

    port_on: Callable[[Line], Port]
    line: Line
    bus: ServoBus
    wiring: Wiring
    setup: ArmSetup
    states: list[ArmState] = field(default_factory=list)
    arm: FeetechArm = field(init=False)

    def open(self) -> Bench:
        self.arm = FeetechArm(self._open, self.wiring, self.setup)
        return self

    def _open(self) -> Port:
        if self.line.unplugged:
            raise EnvironmentMissing(Finding("E550", "there is no port '/dev/simulated'"))
        return self.port_on(self.line)

    @property
    def now(self) -> float:
        return self.line.now

    @property
    def ids(self) -> list[int]:
        return sorted(self.wiring.models)

    def wait(self, seconds: float) -> None:
        self.line.advance(self.now + seconds)

    def pose(self) -> np.ndarray:
        """Where the servos really are, rad."""
        return np.array([axis.joint_value(self.bus.servo(axis.id).position) for axis in self.wiring.axes])

    def torques(self) -> list[bool]:
        return [self.bus.servo(id).torque for id in self.ids]

    def path(self, time: float) -> np.ndarray:
        """A slow swing of all joints that begins at rest where the arm stands."""
        return np.array(START) + 0.15 * (1.0 - np.cos(2.0 * time)) * np.array([1, -1, 1, 1, -1])

    def follow(self, seconds: float, *, outputs: int = 0, since: float = 0.0) -> list[ArmState]:
        """Cycle along the path in the executor's way: absolute deadlines, path time by what a cycle took."""
        period, tau = self.wiring.period, since
        self.states = states = []
        deadline, end = self.now, self.now + seconds
        while self.now < end:
            states.append(self.arm.exchange(Setpoint(self.path(tau), outputs)))
            tau += period
            deadline = max(deadline + period, self.now)
            self.line.advance(deadline)
        return states

    def stands(self, seconds: float = 0.5) -> bool:
        """True when the arm does not move in the time to come."""
        self.wait(0.2)
        before = self.pose()
        self.wait(seconds)
        return bool(np.abs(self.pose() - before).max() < 0.002)


@pytest.fixture
def bench(port_on) -> Callable[..., Bench]:
    """An arm on a line with the given faults."""

    def build(*faults: Fault, seed: int = 1, wiring: Wiring | None = None) -> Bench:
        robot = load_robot("so101")
        wiring = wiring or load_wiring("so101")
        bus = bus_of(wiring, START)
        line = Line(bus, baud=wiring.baud, script=FaultScript(faults, seed))
        setup = ArmSetup("so101", wiring.joints, np.array(START), limits=robot.axis_limits)
        return Bench(port_on, line, bus, wiring, setup).open()

    return build


@pytest.fixture
def run_random() -> Callable[[Callable[..., Bench], int], str]:
    """One run on a lying line, drawn from a seed and checked as for every servo arm; what ended it."""
    path = Path(__file__).parent.parent / "random_faults.py"
    spec = spec_from_file_location("random_faults_of_feetech", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn, module.FASTEST = module.drawn_faults, 3.0
    module.drawn_faults = lambda chance: [replace(fault, servo=max(fault.servo - 10, 0)) for fault in drawn(chance)]
    return module.run_once
