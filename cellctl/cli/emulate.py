"""`cellctl emulate`: the controller of an arm at a pseudoterminal, for drivers, SDKs and tests to talk to."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from cellctl.cli.output import Outcome
from cellctl.errors import EnvironmentMissing, Finding, UsageError

if TYPE_CHECKING:
    from cellctl.emulators.link.line import Controller
    from cellctl.emulators.link.terminal import Terminal
    from cellctl.model.wiring import Wiring

ProtocolName = Literal["dynamixel", "feetech"]
CONTROLLERS: dict[ProtocolName, tuple[str, str]] = {
    "dynamixel": ("cellctl.emulators.dynamixel.bus:bus_of", "open_manipulator_x"),
    "feetech": ("cellctl.emulators.feetech.bus:bus_of", "so101"),
}
"""What makes the controller of a wiring for each protocol, and the arm that is taken unless another one is named."""


def emulate(
    protocol: ProtocolName,
    *,
    arm: str | None = None,
    at: str | None = None,
    faults: Path | None = None,
    link: Path | None = None,
    until_closed: Annotated[bool, Parameter(negative="")] = False,
) -> Outcome:
    """Emulate the controller of an arm at a pseudoterminal until Ctrl-C; the port is printed first.

    Args:
        protocol: What it speaks.
        arm: An arm of the library, or a wiring file.
        at: Joint values at which the arm stands at first, such as "0 -60 60 0 deg"; all 0 unless given.
        faults: A script of what goes wrong on the line and at the servos.
        link: A name for the port that stays when the emulated cable is pulled and plugged in again.
        until_closed: End when standard input closes, too.
    """
    from cellctl import files
    from cellctl.emulators.link.line import Line
    from cellctl.emulators.link.terminal import Terminal

    if not hasattr(os, "openpty"):
        raise EnvironmentMissing(Finding("E555", "this system has no pseudoterminals"))
    make, default = CONTROLLERS[protocol]
    wiring = files.load_wiring(arm or default)
    if wiring.protocol != protocol:
        raise UsageError(Finding("U646", f"'{arm}' is wired for {wiring.protocol}, not for {protocol}"))
    script = files.load_faults(faults) if faults else None
    line = Line(_controller(make, wiring, _joints(wiring, at)), baud=wiring.baud, script=script)
    with Terminal(line, name=link) as terminal:
        _say_where(protocol, wiring, terminal)
        with _asked_to_end() as asked:
            terminal.serve(lambda: bool(asked) or (until_closed and _closed()))
    counts = dict(sorted(line.injector.counts.items()))
    said = ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "none"
    return Outcome(text=(f"ended; faults on the line: {said}",), data={"faults": counts})


def _controller(make: str, wiring: Wiring, joints: Sequence[float]) -> Controller:
    module, _, function = make.partition(":")
    controller: Controller = getattr(import_module(module), function)(wiring, joints)
    return controller


def _joints(wiring: Wiring, at: str | None) -> Sequence[float]:
    """The joint values of the option `--at`, rad."""
    from cellctl.files.quantities import FieldError, read_vector

    if at is None:
        return [0.0] * len(wiring.axes)
    try:
        return read_vector(at, "angle", size=len(wiring.axes))
    except FieldError as error:
        raise UsageError(Finding("U610", f"--at: {error.message}", suggestion=error.suggestion)) from None


def _say_where(protocol: str, wiring: Wiring, terminal: Terminal) -> None:
    """One line, at once: what opens the port must not have to wait for the end."""
    print(json.dumps({"protocol": protocol, "arm": wiring.name, "port": terminal.port}), flush=True)


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
