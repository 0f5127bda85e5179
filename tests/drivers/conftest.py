"""An arm of four joints on an emulated bus, driver and servos in one process and in simulated time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from cellctl.drivers.driver import ArmSetup, ArmState, Setpoint
from cellctl.drivers.dynamixel.arm import DynamixelArm
from cellctl.drivers.port import PortLost
from cellctl.emulators.dynamixel.bus import ServoBus, bus_of
from cellctl.emulators.link.line import Line
from cellctl.errors import EnvironmentMissing, Finding
from cellctl.files import load_wiring
from cellctl.model.link_faults import Fault, FaultScript
from cellctl.model.robot import JointLimits
from cellctl.model.wiring import Wiring

START = (0.3, -0.6, 0.4, 0.2)
LIMITS = tuple(JointLimits(-1.5, 1.5, 4.8, 16.0, 160.0, 4.1) for _ in START)


@dataclass
class SimulatedPort:
    """A `Port` whose far end is an emulated line; waiting costs no time."""

    line: Line
    name: str = "/dev/simulated"
    closed: bool = False

    def now(self) -> float:
        return self.line.now

    def write(self, data: bytes) -> None:
        self._demand()
        self.line.send(data, self.line.now)

    def read(self, deadline: float) -> bytes:
        while True:
            self._demand()
            data = self.line.receive()
            if data or self.line.now >= deadline:
                return data
            self.line.advance(min(self.line.next_event, deadline))

    def wait_until(self, time: float) -> None:
        self.line.advance(max(time, self.line.now))

    def close(self) -> None:
        self.closed = True

    def _demand(self) -> None:
        if self.line.unplugged or self.closed:
            raise PortLost("it hung up")


@dataclass
class Bench:
    """Driver and servos, and what the arm was and is like."""

    line: Line
    bus: ServoBus
    wiring: Wiring
    setup: ArmSetup
    ports: list[SimulatedPort] = field(default_factory=list)
    arm: DynamixelArm = field(init=False)

    def __post_init__(self) -> None:
        self.arm = DynamixelArm(self._open, self.wiring, self.setup)

    def _open(self) -> SimulatedPort:
        if self.line.unplugged:
            raise EnvironmentMissing(Finding("E550", "there is no port '/dev/simulated'"))
        self.ports.append(SimulatedPort(self.line))
        return self.ports[-1]

    @property
    def now(self) -> float:
        return self.line.now

    def wait(self, seconds: float) -> None:
        self.line.advance(self.now + seconds)

    def pose(self) -> np.ndarray:
        """Where the servos really are, rad."""
        return np.array([axis.joint_value(self.bus.servo(axis.id).position) for axis in self.wiring.axes])

    def torques(self) -> list[bool]:
        return [self.bus.servo(id).torque for id in self.wiring.leaders]

    def path(self, time: float) -> np.ndarray:
        """A slow swing of all joints that begins at rest where the arm stands."""
        swing = 0.15 * (1.0 - np.cos(2.0 * time))
        return self.setup.start + swing * np.resize([1, -1, 1, 1], len(self.setup.start))

    def follow(self, seconds: float, *, outputs: int = 0, since: float = 0.0) -> list[ArmState]:
        """Cycle along the path in the executor's way: absolute deadlines, path time by what a cycle took."""
        period, states, tau = self.wiring.period, [], since
        deadline = self.now
        end = self.now + seconds
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


def new_bench(*faults: Fault, seed: int = 1, wiring: Wiring | None = None) -> Bench:
    """An arm on a line with the given faults."""
    wiring = wiring or load_wiring("open_manipulator_x")
    start = np.resize(START, len(wiring.axes))
    bus = bus_of(wiring, start.tolist())
    line = Line(bus, baud=wiring.baud, script=FaultScript(faults, seed))
    limits = LIMITS[:1] * len(wiring.axes)
    return Bench(line, bus, wiring, ArmSetup(wiring.name, wiring.joints, start, limits=limits))


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Makes an arm on a line with the given faults."""
    return new_bench


@pytest.fixture
def port_on() -> Callable[[Line], SimulatedPort]:
    """A port whose far end is a line."""
    return SimulatedPort
