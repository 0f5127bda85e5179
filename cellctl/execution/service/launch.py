"""The executor process from its arguments. It reads no plan and no cell by itself; it is told how."""

from __future__ import annotations

import argparse
import select
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellctl.drivers.driver import ArmSetup, open_driver
from cellctl.errors import EnvironmentMissing, Finding
from cellctl.execution.clock import MonotonicClock
from cellctl.execution.service.lease import TIME_TO_LIVE, Lease
from cellctl.execution.service.links import ClientLinks
from cellctl.execution.service.processes import CellFolder, remove_folder
from cellctl.execution.service.server import Executor, Load

_CONTROLLER_TIME = 60.0


@dataclass(frozen=True, slots=True)
class Launch:
    """What the process was told: where to listen, which driver (`NAME` or `NAME:PORT`), a file of packed inputs, and
    how long a lease lives without a sign of its holder (s).
    """

    socket: Path
    driver: str
    cell: Path
    mechanism: str
    at: str
    after: Path | None
    lease: float
    lifeline: bool
    wiring: str
    io: str
    io_file: str


def parsed(arguments: Sequence[str]) -> Launch:
    """The launch that a command line asks for; ends the process with its usage when it asks for nothing."""
    parser = argparse.ArgumentParser("python -m cellctl.execution", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="path of the local socket to listen on")
    parser.add_argument("--driver", required=True, help="the arm: memory, sim:SOCKET, or another NAME:PORT")
    parser.add_argument("--cell", type=Path, required=True, help="file of packed inputs that say what the cell is")
    parser.add_argument("--mechanism", default="", help="which arm of the cell; its only one by default")
    parser.add_argument("--at", default="home", help="the configuration in which an arm in memory stands at first")
    parser.add_argument(
        "--after", type=Path, help="wait for this file before the driver is opened: a controller's socket"
    )
    parser.add_argument("--lease", type=float, default=TIME_TO_LIVE, help="seconds a lease lives without a heartbeat")
    parser.add_argument("--wiring", default="", help="how a real arm is wired: a file; by default the library's")
    parser.add_argument("--io", default="", help="the line of the process devices: modbus:PORT; none by default")
    parser.add_argument("--io-file", default="", help="which signals are on that line: a file")
    parser.add_argument("--lifeline", action="store_true", help="stop and end when standard input closes")
    return Launch(**vars(parser.parse_args(arguments)))


def run(launch: Launch, setup: ArmSetup, load: Load) -> None:
    """Serve until the parent is gone or the process is asked to end; a first signal stops the arm on its path.

    Where the parent is gone nobody else is left to take the cell's private folder away.
    """
    lifeline = sys.stdin.fileno() if launch.lifeline else None
    if launch.after is not None:
        _wait_for(launch.after, lifeline)
    with open_driver(launch.driver, setup) as driver, ClientLinks(launch.socket, lifeline=lifeline) as links:
        log = None if launch.after is None else CellFolder(launch.after.parent).weld_source
        executor = Executor(driver, links, load, Lease(launch.lease), log=log)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: executor.end())
        executor.serve()
    if links.orphaned:
        remove_folder(CellFolder(launch.socket.parent))


def _wait_for(path: Path, lifeline: int | None) -> None:
    """Return when `path` is there; raises EnvironmentMissing (E530) when it does not come or the parent is gone."""
    clock = MonotonicClock()
    deadline = clock.now() + _CONTROLLER_TIME
    while not path.exists():
        parent_gone = lifeline is not None and bool(select.select([lifeline], [], [], 0.0)[0])
        if parent_gone or clock.now() > deadline:
            raise EnvironmentMissing(Finding("E530", f"no simulated arm answers at {path}"))
        clock.wait_until(clock.now() + 0.01)
