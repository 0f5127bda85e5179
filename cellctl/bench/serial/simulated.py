"""A driver and the emulated controller at the other end of its line, in one process and in simulated time. It judges
nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from cellctl.drivers.driver import ArmSetup, ArmState, Setpoint
from cellctl.drivers.port import Port, PortLost
from cellctl.drivers.servos.arm import ServoArm
from cellctl.drivers.servos.opening import SERVOS
from cellctl.emulators.dynamixel import bus as dynamixel
from cellctl.emulators.feetech import bus as feetech
from cellctl.emulators.link.line import Line
from cellctl.emulators.servos.bus import EmulatedBus
from cellctl.errors import EnvironmentMissing, Finding
from cellctl.files import load_robot, load_wiring
from cellctl.model.link_faults import Fault, FaultScript
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Robot
from cellctl.model.wiring import Protocol, Wiring

ARMS: MappingProxyType[Protocol, str] = MappingProxyType({"dynamixel": "open_manipulator_x", "feetech": "so101"})
"""An arm of the library for each protocol of servos."""
BUSES: MappingProxyType[Protocol, Callable[[Wiring, Sequence[float]], EmulatedBus[Any, Any]]] = MappingProxyType(
    {"dynamixel": dynamixel.bus_of, "feetech": feetech.bus_of}
)
wired: Callable[[Protocol], Wiring] = cache(lambda protocol: load_wiring(ARMS[protocol]))
"""The wiring of the arm for a protocol of servos, read once."""
shipped_robot: Callable[[str], Robot] = cache(load_robot)
"""A robot of the library, read once."""
START = (0.3, -0.6, 0.4, 0.2, -0.5)
_DIRECTIONS = (1.0, -1.0, 1.0, 1.0, -1.0)


@dataclass
class SimulatedPort:
    """A `Port` whose far end is an emulated line; waiting costs no time."""

    line: Line
    name: str = "/dev/simulated"
    closed: bool = False

    def now(self) -> float:
        """The line's time, s."""
        return self.line.now

    def write(self, data: bytes) -> None:
        """Send `data`; raises PortLost while the cable is out."""
        self._demand()
        self.line.send(data, self.line.now)

    def read(self, deadline: float) -> bytes:
        """What has come; simulated time passes until something does, or until `deadline`."""
        while True:
            self._demand()
            data = self.line.receive()
            if data or self.line.now >= deadline:
                return data
            self.line.advance(min(self.line.next_event, deadline))

    def wait_until(self, time: float) -> None:
        """Let the line's time pass."""
        self.line.advance(max(time, self.line.now))

    def close(self) -> None:
        """Nothing can be sent any more."""
        self.closed = True

    def _demand(self) -> None:
        if self.line.unplugged or self.closed:
            raise PortLost("it hung up")


@dataclass
class LineClock:
    """The executor's clock, which is the line's."""

    line: Line

    def now(self) -> float:
        """The line's time, s."""
        return self.line.now

    def wait_until(self, deadline: float) -> None:
        """Let the line's time pass."""
        self.line.advance(max(deadline, self.line.now))


@dataclass
class LineBench(ABC):
    """A line, and the ports that were opened on it."""

    settling: ClassVar[float] = 0.2
    """s after which the arm is at rest when it was told to stop."""
    wobble: ClassVar[float] = 0.002
    """rad by which an arm may move that stands."""

    line: Line
    ports: list[SimulatedPort] = field(default_factory=list, kw_only=True)

    def open_port(self) -> Port:
        """A new port; raises EnvironmentMissing (E550) while the cable is out."""
        if self.line.unplugged:
            raise EnvironmentMissing(Finding("E550", "there is no port '/dev/simulated'"))
        self.ports.append(SimulatedPort(self.line))
        return self.ports[-1]

    @property
    def now(self) -> float:
        """The line's time, s."""
        return self.line.now

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.line.advance(self.now + seconds)

    @abstractmethod
    def pose(self) -> FloatArray:
        """Where the arm really is (dof,), rad."""

    def stands(self, seconds: float = 0.5) -> bool:
        """True when the arm does not move any more, once it has had the time to come to rest."""
        self.wait(self.settling)
        before = self.pose()
        self.wait(seconds)
        return bool(np.abs(self.pose() - before).max() < self.wobble)


@dataclass
class ServoBench(LineBench):
    """An arm of servos on a lying line, and what it was and is like."""

    bus: EmulatedBus[Any, Any]
    wiring: Wiring
    setup: ArmSetup
    arm: ServoArm = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Open the arm, or open it again."""
        self.arm = ServoArm(self.open_port, SERVOS[self.wiring.protocol], self.wiring, self.setup)

    @property
    def fastest(self) -> float:
        """What the quickest joint can do, rad/s."""
        return max(limit.velocity for limit in self.setup.limits)

    def pose(self) -> FloatArray:
        """Where the servos really are, rad."""
        return np.array([axis.joint_value(self.bus.servo(axis.id).position) for axis in self.wiring.axes])

    def torques(self) -> list[bool]:
        """Which of the leading servos hold."""
        return [self.bus.servo(id).torque for id in self.wiring.leaders]

    def path(self, time: float) -> FloatArray:
        """A slow swing of all joints that begins at rest where the arm stands."""
        swing = 0.15 * (1.0 - np.cos(2.0 * time))
        result: FloatArray = self.setup.start + swing * np.resize(_DIRECTIONS, len(self.setup.start))
        return result

    def follow(self, seconds: float, *, outputs: int = 0, since: float = 0.0) -> list[ArmState]:
        """Cycle along the path in the executor's way: absolute deadlines, path time by what a cycle took."""
        period, states, tau = self.wiring.period, list[ArmState](), since
        deadline = self.now
        end = self.now + seconds
        while self.now < end:
            states.append(self.arm.exchange(Setpoint(self.path(tau), outputs)))
            tau += period
            deadline = max(deadline + period, self.now)
            self.line.advance(deadline)
        return states


def servo_bench(
    protocol: Protocol,
    *faults: Fault,
    seed: int = 1,
    wiring: Wiring | None = None,
    at: Sequence[float] = START,
) -> ServoBench:
    """The library's arm for a protocol of servos, or the one that `wiring` is for, standing `at` joint values (rad) on
    a line with the given faults.
    """
    wiring = wiring or wired(protocol)
    limits = shipped_robot(wiring.name).axis_limits
    start = np.resize(at, len(wiring.axes))
    bus = BUSES[wiring.protocol](wiring, start.tolist())
    line = Line(bus, baud=wiring.baud, script=FaultScript(faults, seed))
    return ServoBench(line, bus, wiring, ArmSetup(wiring.name, wiring.joints, start, limits=limits))
