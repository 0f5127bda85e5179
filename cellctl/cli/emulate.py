"""`cellctl emulate`: the controller of an arm at a pseudoterminal, for drivers, SDKs and tests to talk to."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from cellctl.cli.output import Outcome
from cellctl.errors import EnvironmentMissing, Finding, UsageError

if TYPE_CHECKING:
    from cellctl.emulators.link.line import Line
    from cellctl.emulators.link.terminal import Terminal
    from cellctl.model.cell import Cell
    from cellctl.model.link_faults import FaultScript
    from cellctl.model.wiring import Wiring

ProtocolName = Literal["ar4", "dynamixel", "feetech", "grbl", "modbus", "mycobot"]
SERVOS: dict[ProtocolName, tuple[str, str]] = {
    "dynamixel": ("cellctl.emulators.dynamixel.bus:bus_of", "open_manipulator_x"),
    "feetech": ("cellctl.emulators.feetech.bus:bus_of", "so101"),
}
"""What makes the servos of a wiring for each protocol, and the arm that is taken unless another one is named."""
MACHINES: dict[ProtocolName, tuple[str, str]] = {
    "ar4": ("cellctl.emulators.ar4.controller:ar4_of", "annin_ar4_mk3"),
    "grbl": ("cellctl.emulators.grbl.machine:machine_of", "generic_gcode_6axis"),
    "mycobot": ("cellctl.emulators.mycobot.arm:mycobot_of", "generic_gcode_6axis"),
}
"""The same for controllers that know their arm by its joints alone."""
PROCESS = "cellctl.emulators.modbus.line:process_line"
_BAUD, _AXES = 115_200, 6


def emulate(
    protocol: ProtocolName,
    *,
    arm: str | None = None,
    at: str | None = None,
    cell: Path | None = None,
    faults: Path | None = None,
    link: Path | None = None,
    until_closed: Annotated[bool, Parameter(negative="")] = False,
    experimental: Annotated[bool, Parameter(negative="")] = False,
    ahead: Annotated[bool, Parameter(negative="")] = False,
) -> Outcome:
    """Emulate the controller of an arm at a pseudoterminal until Ctrl-C; the port is printed first.

    Args:
        protocol: What it speaks.
        arm: An arm of the library, or a wiring file (for ar4, grbl and mycobot a robot file).
        at: Joint values at which the arm stands at first, such as "0 -60 60 0 deg"; all 0, or the home of its cell,
            unless given.
        cell: A cell with that arm, whose servos then move it in PyBullet, with its masses and its tool.
        faults: A script of what goes wrong on the line and at the servos.
        link: A name for the port that stays when the emulated cable is pulled and plugged in again.
        until_closed: End when standard input closes, too.
        experimental: Also what is known for its dangers: ar4.
        ahead: Run ahead of other programs, where the system permits it.
    """
    from cellctl import files
    from cellctl.drivers.driver import demand_agreed
    from cellctl.emulators.link.terminal import Terminal
    from cellctl.realtime import going_first

    if not hasattr(os, "openpty"):
        raise EnvironmentMissing(Finding("E555", "this system has no pseudoterminals"))
    demand_agreed(protocol, experimental=experimental)
    script = files.load_faults(faults) if faults else None
    with ExitStack() as stack:
        if cell is None:
            name, line = _line(protocol, arm, at, script)
        else:
            name, line = _line_in_cell(protocol, arm, at, files.load_cell(cell), script, stack)
        terminal = stack.enter_context(Terminal(line, name=link))
        asked = stack.enter_context(_asked_to_end())
        _say_where(protocol, name, terminal)
        stack.enter_context(going_first() if ahead else nullcontext())
        terminal.serve(lambda: bool(asked) or (until_closed and _closed()))
    counts = dict(sorted(line.injector.counts.items()))
    said = ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "none"
    return Outcome(text=(f"ended; faults on the line: {said}",), data={"faults": counts})


def _line(protocol: ProtocolName, arm: str | None, at: str | None, script: FaultScript | None) -> tuple[str, Line]:
    """The line of an emulated controller, and what is at its end."""
    from cellctl import files
    from cellctl.emulators.link.line import Line

    if protocol in SERVOS:
        make, default = SERVOS[protocol]
        wiring = _wiring(protocol, arm or default)
        return wiring.name, Line(_made(make, wiring, joint_values(wiring, at)), baud=wiring.baud, script=script)
    if protocol in MACHINES:
        make, default = MACHINES[protocol]
        robot = files.load_robot(arm or default)
        if robot.dof > _AXES or (robot.dof < _AXES and protocol != "grbl"):
            text = f"'{robot.name}' has {robot.dof} axes, a controller of {protocol} has {_AXES}"
            raise UsageError(Finding("U646", text, suggestion="name another arm"))
        return robot.name, Line(_made(make, robot, _joint_values(robot.dof, at)), baud=_BAUD, script=script)
    if arm is not None or at is not None:
        raise UsageError(Finding("U646", "there is no arm on a Modbus line: leave out --arm and --at"))
    return "gripper, screwdriver, weld_source", Line(_made(PROCESS), baud=_BAUD, script=script)


def _wiring(protocol: ProtocolName, arm: str) -> Wiring:
    """The wiring of an arm; raises UsageError U646 where it is one for another protocol."""
    from cellctl import files

    wiring = files.load_wiring(arm)
    if wiring.protocol != protocol:
        raise UsageError(Finding("U646", f"'{arm}' is wired for {wiring.protocol}, not for {protocol}"))
    return wiring


def _line_in_cell(
    protocol: ProtocolName, arm: str | None, at: str | None, cell: Cell, script: FaultScript | None, stack: ExitStack
) -> tuple[str, Line]:
    """The line of servos that move the arm of a cell; its mechanics end with `stack`."""
    from cellctl.emulators.link.line import Line
    from cellctl.emulators.servos.body import Body
    from cellctl.scene.bullet.dynamics import ArmDynamics

    if protocol not in SERVOS:
        raise UsageError(Finding("U646", f"--cell is for the servos of {' and '.join(SERVOS)}, not for {protocol}"))
    axes = cell.controlled()
    mechanism, *beside = axes.mechanisms
    wiring = _wiring(protocol, arm or mechanism.robot.name)
    if beside or wiring.joints != tuple(joint.name for joint in axes.axes):
        text = f"the cell '{cell.name}' has the joints {', '.join(joint.name for joint in axes.axes)}"
        hint = f"name a cell whose arm has {', '.join(wiring.joints)}"
        raise UsageError(Finding("U646", text, suggestion=hint))
    home = mechanism.configurations.get("home", (0.0,) * axes.dof)
    joints = home if at is None else joint_values(wiring, at)
    bus = _made(SERVOS[protocol][0], wiring, joints)
    plant = ArmDynamics(mechanism.robot, mechanism.tool, mechanism.pose_world_base, time_step=0.001)
    bus.body = Body(stack.enter_context(plant), wiring, joints)
    return wiring.name, Line(bus, baud=wiring.baud, script=script)


def _made(make: str, *what: object) -> Any:
    """The controller that a function makes; raises EnvironmentMissing E570 when its library is not there."""
    module, _, function = make.partition(":")
    try:
        return getattr(import_module(module), function)(*what)
    except ModuleNotFoundError as error:
        if error.name != "pymodbus":
            raise
        hint = "pip install 'cellctl[modbus]'"
        raise EnvironmentMissing(Finding("E570", "package pymodbus is missing", suggestion=hint)) from None


def joint_values(wiring: Wiring, at: str | None) -> Sequence[float]:
    """The joint values of the option `--at`, rad; raises UsageError U610."""
    return _joint_values(len(wiring.axes), at)


def _joint_values(count: int, at: str | None) -> Sequence[float]:
    from cellctl.files.quantities import FieldError, read_vector

    if at is None:
        return [0.0] * count
    try:
        return read_vector(at, "angle", size=count)
    except FieldError as error:
        raise UsageError(Finding("U610", f"--at: {error.message}", suggestion=error.suggestion)) from None


def _say_where(protocol: str, name: str, terminal: Terminal) -> None:
    """One line, at once: what opens the port must not have to wait for the end."""
    print(json.dumps({"protocol": protocol, "arm": name, "port": terminal.port}), flush=True)


def _closed() -> bool:
    """True when standard input has come to its end."""
    import select
    import sys

    return bool(select.select([sys.stdin], [], [], 0.0)[0]) and not os.read(sys.stdin.fileno(), 4096)


@contextmanager
def _asked_to_end() -> Iterator[list[int]]:
    """Ctrl-C and a polite kill are noted; the loop ends at its next turn."""
    asked: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda number, _: asked.append(number)) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
