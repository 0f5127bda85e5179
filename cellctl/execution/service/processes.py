"""Start the controller and the executor of a cell as processes, and end them. It speaks to neither.

Each child has a lifeline: the pipe it gets as standard input. When the last writer of that pipe is gone, for whatever
reason, the child stops the arm and ends, so that no process is left behind.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cellctl.errors import CellctlError, EnvironmentMissing, Finding, UsageError
from cellctl.execution.clock import MonotonicClock
from cellctl.execution.service.lease import TIME_TO_LIVE
from cellctl.execution.service.protocol import error_of
from cellctl.model.inputs import pack_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cellctl.model.cell import Cell

_START_TIME = 60.0
_END_TIME = 20.0
_LONGEST_SOCKET_PATH = 100
_PREFIX = "cellctl-"

Pace = Literal["lock_step", "real_time"]


@dataclass(frozen=True, slots=True)
class Programs:
    """The modules or scripts that are run as controller and executor."""

    controller: tuple[str, ...] = ("-m", "cellctl.emulators.simulated_arm")
    executor: tuple[str, ...] = ("-m", "cellctl.execution")


@dataclass(frozen=True, slots=True)
class CellOptions:
    """How a cell is started: which driver, pace, mechanism, where the arm stands at first, and what the simulated weld
    source and gripper do.

    `at` is a configuration, or joints in rad with commas between. `arc_fault` and `gripper_fault` are `none`, `never`,
    or the seconds after which an arc or a part is lost; the arc also `miss` (it comes at the second attempt), `no_gas`,
    `stick` (of the wire) or `weak` (too little current); `screw_fault` is `none`, or `weak`, `strip`, `free`, `cross`
    or `fault`, with `:K` for the K-th screw alone; `bead_fault` is `none`, `never`, `weak` (too little material) or the
    seconds of material after which the pressure is lost; `arm_fault` is `none`, `stuck:JOINT:AFTER` or
    `lag:SECONDS:AFTER`, AFTER in s. `patience` (s) is how long the controller goes without a setpoint in real time,
    `period` (s) its control period, `lease` (s) how long the executor goes without a sign of who holds the lease.
    `wiring` is the file that says how a real arm is wired, by default the library's; `io` the line of its process
    devices, NAME:PORT, and `io_file` what is on it. With `setpoints` the simulated controller logs when each setpoint
    came, and the log is kept with the run.
    """

    driver: str = "sim"
    pace: Pace = "lock_step"
    mechanism: str = ""
    at: str = "home"
    arc_fault: str = "none"
    gripper_fault: str = "none"
    screw_fault: str = "none"
    bead_fault: str = "none"
    arm_fault: str = "none"
    patience: float = 0.020
    period: float = 0.004
    lease: float = TIME_TO_LIVE
    wiring: str = ""
    io: str = ""
    io_file: str = ""
    setpoints: bool = False


@dataclass(frozen=True, slots=True)
class CellFolder:
    """The private folder of a running cell: sockets, packed inputs, the weld source's log, what the processes
    complained.
    """

    path: Path

    @property
    def executor(self) -> Path:
        """The executor's socket."""
        return self.path / "executor"

    @property
    def controller(self) -> Path:
        """The controller's socket."""
        return self.path / "controller"

    @property
    def cell(self) -> Path:
        """The packed inputs."""
        return self.path / "cell.json"

    @property
    def weld_source(self) -> Path:
        """The weld source's own log."""
        return self.path / "weld_source.jsonl"

    @property
    def setpoints(self) -> Path:
        """The controller's own log of setpoints."""
        return self.path / "setpoints.csv"

    def complaints(self, who: str) -> Path:
        """What a process wrote to its standard error."""
        return self.path / f"{who}.log"


def new_folder(packed: bytes) -> CellFolder:
    """A new private folder (0700) with a cell's packed inputs, at a path that is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    if len(str(folder)) > _LONGEST_SOCKET_PATH - len("/controller~"):
        folder.rmdir()
        finding = Finding("E532", f"the path of the temporary folder is too long for a socket: {folder.parent}")
        raise EnvironmentMissing(finding)
    cell = CellFolder(folder)
    cell.cell.write_bytes(packed)
    return cell


def remove_folder(folder: CellFolder) -> None:
    """Take a private folder that `new_folder` made away, with all that is in it; nothing for any other folder."""
    if folder.path.name.startswith(_PREFIX) and folder.cell.exists():
        shutil.rmtree(folder.path, ignore_errors=True)


def packed_cell(cell: Cell) -> bytes:
    """The inputs of a cell for another process; raises UsageError (U641) for a cell that was not read from files."""
    if not cell.inputs:
        raise UsageError(Finding("U641", f"cell '{cell.name}' was not read from files, so no process can be given it"))
    return pack_inputs(cell.inputs)


def controller_command(folder: CellFolder, options: CellOptions, programs: Programs) -> list[str]:
    """The command line of the controller process."""
    return [
        *_python(programs.controller),
        *("--socket", str(folder.controller), "--cell", str(folder.cell), "--log", str(folder.weld_source)),
        *("--mechanism", options.mechanism, f"--at={options.at}"),
        *("--arc-fault", options.arc_fault, "--gripper-fault", options.gripper_fault),
        *("--screw-fault", options.screw_fault, "--bead-fault", options.bead_fault),
        *("--arm-fault", options.arm_fault),
        *("--patience", str(options.patience), "--period", str(options.period)),
        *(("--setpoints", str(folder.setpoints)) if options.setpoints else ()),
        "--real-time" if options.pace == "real_time" else "--lock-step",
        "--lifeline",
    ]


def executor_command(folder: CellFolder, options: CellOptions, programs: Programs) -> list[str]:
    """The command line of the executor process."""
    simulated = ("--driver", f"sim:{folder.controller}", "--after", str(folder.controller))
    return [
        *_python(programs.executor),
        *("--socket", str(folder.executor), "--cell", str(folder.cell)),
        *(simulated if options.driver == "sim" else ("--driver", options.driver)),
        *("--mechanism", options.mechanism, f"--at={options.at}", "--lease", str(options.lease)),
        *("--wiring", options.wiring, "--io", options.io, "--io-file", options.io_file),
    ]


class Child(subprocess.Popen[bytes]):
    """A process that may outlive the one that started it: its lifeline ends it, so nobody need wait for it."""

    def __del__(self) -> None:
        """Leave a child that still runs to its lifeline."""


def spawn(command: Sequence[str], *, complaints: Path, stdin: int, keep: Sequence[int] = ()) -> Child:
    """A process in a session of its own, so that Ctrl-C reaches only the client. `keep` are pipe ends it shall hold
    open.
    """
    environment = os.environ | {"PYTHONPATH": import_path()}
    with complaints.open("ab") as log:
        return Child(
            command, stdin=stdin, stdout=log, stderr=log, start_new_session=True, pass_fds=tuple(keep), env=environment
        )


def wait_for(socket: Path, process: Child, *, who: str, complaints: Path) -> None:
    """Return when the process listens; raises what it ended with, EnvironmentMissing (E533) where it did
    not say or takes too long.
    """
    clock = MonotonicClock()
    deadline = clock.now() + _START_TIME
    while not socket.exists():
        if process.poll() is not None or clock.now() > deadline:
            last = complaints.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise _told(last[0]) or EnvironmentMissing(Finding("E533", f"the {who} did not start: {last[0]}"))
        clock.wait_until(clock.now() + 0.01)


def _told(line: str) -> CellctlError | None:
    """The error that a process gave as the reason of its end; None where its last words are no such reason."""
    try:
        return error_of(json.loads(line))
    except (ValueError, KeyError, TypeError):
        return None


@contextmanager
def running(folder: CellFolder, options: CellOptions, programs: Programs) -> Iterator[None]:
    """Both processes of a cell for as long as the context lasts; they, and the folder, are gone after it."""
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder.path, ignore_errors=True)
        commands = {"executor": [*executor_command(folder, options, programs), "--lifeline"]}
        if options.driver == "sim":
            commands = {"controller": controller_command(folder, options, programs)} | commands
        started = {who: _entered(stack, command, folder.complaints(who)) for who, command in commands.items()}
        for who, process in started.items():
            wait_for(folder.path / who, process, who=who, complaints=folder.complaints(who))
        yield


def _entered(stack: ExitStack, command: Sequence[str], complaints: Path) -> Child:
    """A child that is ended with the stack."""
    process = spawn(command, complaints=complaints, stdin=subprocess.PIPE)
    stack.callback(_end, process)
    return process


def _end(process: Child) -> None:
    """Close the lifeline; a process that does not end by itself is ended."""
    if process.stdin is not None:
        process.stdin.close()
    for insist in (_nothing, process.terminate, process.kill):
        insist()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_TIME)
            return


def _nothing() -> None:
    """The first way to insist."""


def _python(program: tuple[str, ...]) -> list[str]:
    """The running Python, without the working directory on its path."""
    return [sys.executable, "-P", *program]


def import_path() -> str:
    """Where this very package lies, and what the path was."""
    here = str(Path(__file__).resolve().parents[3])
    return os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
