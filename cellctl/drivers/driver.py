"""What the executor asks of an arm, and the table of arms it can open. No protocol and no motion logic lives here.

A driver is blocking and belongs to one thread. Joints are in rad (m for a prismatic joint), digital lines are bits of
an integer (line 3 is bit 3), times are the arm's own monotonic clock. A driver that loses its arm raises `Faulted`
(X407).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import inf
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self, cast, runtime_checkable

from cellctl.errors import Finding, UsageError
from cellctl.model.cell import Signal, standing_joints
from cellctl.model.pose import FloatArray, frozen_array
from cellctl.model.robot import JointLimits
from cellctl.model.wires import ar4

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from cellctl.model.cell import Cell

Pace = Literal["lock_step", "arm", "executor"]
"""Who keeps the period: nobody (as fast as it goes, the arm's clock counts cycles), the arm's `exchange`, or the
executor.
"""


@dataclass(frozen=True, slots=True)
class ArmIdentity:
    """Which arm answers: the driver's `name`, the robot model, its joints in order, and the control period, s.

    `lag` is the time by which the arm is known to trail its setpoints, s; `slip` is by how much a joint that is in
    order may come away from where its commands and that lag put it within three cycles, rad, unlimited where nobody
    knows. An arm that `falls` without power keeps it after a fault. One that is `analog` takes and shows analogue
    values; the others ignore them. One that `plans` by itself takes whole motions and no setpoints: it is a
    `WaypointArm`. `outputs` and `inputs` are the digital lines that it has, as bits, None where it has any that the
    cell names.
    """

    name: str
    robot: str
    joints: tuple[str, ...]
    period: float
    pace: Pace
    lag: float = 0.0
    slip: float = inf
    falls: bool = False
    analog: bool = False
    plans: bool = False
    outputs: int | None = None
    inputs: int | None = None

    @property
    def lock_step(self) -> bool:
        """True when the arm's clock stands still between two exchanges."""
        return self.pace == "lock_step"


@dataclass(frozen=True, slots=True, eq=False)
class ArmState:
    """What the arm measured at `time` (s): `joints`, `velocities`, `torques` (dof,), the digital `inputs` as bits, and
    the analogue inputs by channel, as far as there are any.

    Where no measurement could be had in time, the last one stands in and is `age` s old at `time`. `trouble` is a fault
    that still lets the arm slow down on its path. `stalled` is how long the clock of a simulated arm has stood so far
    because its host did not let it run, s. `outputs_heard` is False where nobody can see what the outputs do.
    """

    time: float
    joints: FloatArray
    velocities: FloatArray
    torques: FloatArray
    inputs: int
    age: float = 0.0
    trouble: Finding | None = None
    stalled: float = 0.0
    analog: tuple[float, ...] = ()
    outputs_heard: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Setpoint:
    """What the arm shall do for the next period: `joints` (dof,), the digital `outputs` as bits, and the analogue
    outputs by channel.
    """

    joints: FloatArray
    outputs: int = 0
    analog: tuple[float, ...] = ()


class Driver(Protocol):
    """One arm. A context manager: leaving it stops and closes."""

    def identify(self) -> ArmIdentity:
        """Which arm this is; asked once, moves nothing."""
        ...

    def read(self) -> ArmState:
        """The measured state now; moves nothing, and does not count as a cycle."""
        ...

    def exchange(self, setpoint: Setpoint) -> ArmState:
        """One cycle: send a setpoint, return the state measured after it. The first one begins the arm's watchdog."""
        ...

    def stop(self) -> ArmState:
        """Decelerate to standstill, hold, process outputs off, end the stream of setpoints; returns when the arm
        stands.
        """
        ...

    def power(self, state: Literal["off", "on"]) -> None:
        """`off`: take the power at once wherever the arm is, process outputs off, brakes closed where it has some.

        `on`: give it back, with the arm holding where it is measured. Moves nothing by itself.
        """
        ...

    def clear(self) -> None:
        """Acknowledge latched faults whose cause is gone; moves nothing."""
        ...

    def close(self) -> None:
        """Let go of the arm. An arm that still moves is stopped by its own controller."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class ArmSetup:
    """What a driver that has no controller of its own must be told: model, joints, where the arm stands, its process
    lines, the limits of its joints, and for an arm on a serial line the file that says how it is wired (by default
    that of the library).

    `io` is the address of a process line, NAME:PORT, or empty; `io_file` says which of the cell's `signals` are on it.
    """

    robot: str
    joints: tuple[str, ...]
    start: FloatArray
    arc_on: int | None = None
    arc_ok: int | None = None
    limits: tuple[JointLimits, ...] = ()
    wiring: str = ""
    gripper: int | None = None
    gripped: int | None = None
    gripper_open: int | None = None
    driver_run: int | None = None
    driver_tight: int | None = None
    dispenser_ready: int | None = None
    signals: tuple[Signal, ...] = ()
    io: str = ""
    io_file: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", frozen_array(self.start, (len(self.joints),)))


def arm_setup(
    cell: Cell, mechanism: str = "", at: str = "home", *, wiring: str = "", io: str = "", io_file: str = ""
) -> ArmSetup:
    """The setup of one arm of `cell` (by default of its first group, a positioner in it included), standing at the
    configuration called `at`.
    """
    axes = cell.controlled(mechanism)
    return ArmSetup(
        robot=axes.mechanisms[0].robot.name,
        joints=tuple(joint.name for joint in axes.axes),
        start=frozen_array(standing_joints(axes, at)),
        arc_on=cell.output_line("arc_on"),
        arc_ok=cell.input_line("arc_ok"),
        limits=tuple(limits for one in axes.mechanisms for limits in one.robot.axis_limits),
        wiring=wiring,
        gripper=cell.output_line("gripper"),
        gripped=cell.input_line("gripped"),
        gripper_open=cell.input_line("gripper_open"),
        driver_run=cell.output_line("driver_run"),
        driver_tight=cell.input_line("driver_tight"),
        dispenser_ready=cell.input_line("dispenser_ready"),
        signals=cell.signals,
        io=io,
        io_file=io_file,
    )


@runtime_checkable
class CountsLink(Protocol):
    """A driver that counts what happens on its link."""

    @property
    def counters(self) -> DataclassInstance:
        """What happened since the link was opened: whole numbers by name."""
        ...


OpenArm = Callable[[str, ArmSetup], Driver]
"""Opens an arm at a port (a device, a socket path or empty), given what the cell says about it."""

_ARMS = {
    "ar4": "cellctl.drivers.ar4.opening:open_ar4_arm",
    "dynamixel": "cellctl.drivers.servos.opening:open_dynamixel_arm",
    "feetech": "cellctl.drivers.servos.opening:open_feetech_arm",
    "grbl": "cellctl.drivers.grbl.opening:open_grbl_arm",
    "memory": "cellctl.drivers.memory:open_memory_arm",
    "mycobot": "cellctl.drivers.mycobot.opening:open_mycobot_arm",
    "sim": "cellctl.drivers.simulated:open_simulated_arm",
}


_LINES = {"modbus": "cellctl.drivers.modbus.opening:open_modbus_line"}
"""What opens a process line, by what is spoken on it."""
_WITHOUT_PORT = ("memory", "sim")
EXPERIMENTAL = {"ar4": ar4.DANGERS}
"""Arms that only who asks for what is experimental is given, and their dangers."""


def open_driver(address: str, setup: ArmSetup) -> Driver:
    """Open the arm at `NAME` or `NAME:PORT`, and its process line where it has one; raises UsageError (U640) for a name
    that is not known.
    """
    demand_address(address)
    arm = cast(Driver, _opened(_ARMS, address, setup))
    if not setup.io:
        return arm
    from cellctl.drivers.process_line import ArmWithProcessLine, ProcessLine

    try:
        demand_line(setup.io)
        if arm.identify().plans:
            text = (
                f"the controller behind '{address}' plans by itself: there are no cycles in which a line could be told"
            )
            raise UsageError(Finding("U656", text, suggestion="leave --io out"))
        return ArmWithProcessLine(arm, cast(ProcessLine, _opened(_LINES, setup.io, setup)), setup.signals)
    except BaseException:
        arm.close()
        raise


def _opened(table: Mapping[str, str], address: str, setup: ArmSetup) -> object:
    name, _, port = address.partition(":")
    module, _, function = table[name].partition(":")
    return getattr(import_module(module), function)(port, setup)


def demand_address(address: str) -> None:
    """Look whether `NAME` or `NAME:PORT` can name an arm; raises UsageError U640 or U644."""
    _demand(address, _ARMS, _WITHOUT_PORT)


def demand_agreed(address: str, *, experimental: bool) -> None:
    """Raise UsageError U658 for an arm that is `experimental` where nobody asked for it."""
    name = address.partition(":")[0]
    if name in EXPERIMENTAL and not experimental:
        text = f"'{name}' is experimental: {EXPERIMENTAL[name]}"
        raise UsageError(Finding("U658", text, suggestion="read its page in the manual, then add --experimental"))


def demand_line(address: str) -> None:
    """Look whether `NAME:PORT` can name a process line; raises UsageError U640 or U644."""
    _demand(address, _LINES)


def _demand(address: str, table: Mapping[str, str], without_port: Sequence[str] = ()) -> None:
    name, _, port = address.partition(":")
    if name not in table:
        known = ", ".join(sorted(table))
        raise UsageError(Finding("U640", f"no driver is called '{name}'", suggestion=f"known drivers: {known}"))
    if not port and name not in without_port:
        raise UsageError(
            Finding(
                "U644", f"the driver '{name}' needs a port", suggestion=f"write {name}:PORT, as {name}:/dev/ttyUSB0"
            )
        )
