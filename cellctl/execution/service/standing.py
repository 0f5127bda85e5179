"""Cells that stay up between commands: start one, find it again, stop it. A state file that has outlived its cell is
taken away.

The state file says where the executor listens and which instance it is; only an executor that answers with that very
instance is believed, so neither a stale file nor another process with the same number is ever mistaken for the cell.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cellctl.errors import CellctlError, EnvironmentMissing, Finding, UsageError
from cellctl.execution.clock import MonotonicClock
from cellctl.execution.service.client import ExecutorClient
from cellctl.execution.service.processes import (
    CellFolder,
    CellOptions,
    Programs,
    controller_command,
    executor_command,
    new_folder,
    packed_cell,
    spawn,
    wait_for,
)
from cellctl.model.inputs import canonical_json

if TYPE_CHECKING:
    from cellctl.model.cell import Cell

_END_TIME = 20.0


@dataclass(frozen=True, slots=True)
class StandingCell:
    """A cell that is up: its name, private folder, and the instance of its executor."""

    name: str
    folder: str
    instance: str

    @property
    def socket(self) -> Path:
        """Where its executor listens."""
        return CellFolder(Path(self.folder)).executor


@dataclass(frozen=True, slots=True)
class StandingStatus:
    """What a standing cell does: its arm, pace, execution state, and who has the lease."""

    name: str
    robot: str
    pace: str
    state: str
    lease: str | None

    def __str__(self) -> str:
        held = f", lease held by {self.lease}" if self.lease else ""
        return f"{self.robot}, {self.pace}, {self.state}{held}"


def start(cell: Cell, options: CellOptions | None = None) -> StandingCell:
    """Start a cell that stays up; raises UsageError (U642) when one of its name is up already."""
    return stand(cell.name, packed_cell(cell), options or CellOptions(), Programs())


def stop(cell: Cell) -> None:
    """Stop what runs in a standing cell and end it; raises EnvironmentMissing (E534) when it is not up."""
    take_down(cell.name)


def status(cell: Cell) -> StandingStatus | None:
    """What a standing cell does, None when it is not up."""
    with suppress(EnvironmentMissing):
        return ask_status(cell.name)
    return None


def stand(name: str, packed: bytes, options: CellOptions, programs: Programs) -> StandingCell:
    """The same from packed inputs."""
    if _answers(name):
        message = f"cell '{name}' is up already"
        raise UsageError(Finding("U642", message, suggestion="stop it first: cellctl sim stop CELL"))
    folder = new_folder(packed)
    try:
        _start_processes(folder, options, programs)
        with ExecutorClient(folder.executor, name="start") as client:
            cell = StandingCell(name, str(folder.path), str(client.hello["instance"]))
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    _state_file(name).write_bytes(canonical_json(asdict(cell)))
    return cell


def find_standing_cell(name: str) -> StandingCell:
    """The cell of that name that is up; raises EnvironmentMissing (E534) when there is none, and removes a stale
    state file.
    """
    path = _state_file(name)
    try:
        cell = StandingCell(**json.loads(path.read_bytes()))
        with ExecutorClient(cell.socket, name="find") as client:
            if client.hello["instance"] == cell.instance:
                return cell
    except (OSError, ValueError, TypeError, CellctlError):
        pass
    path.unlink(missing_ok=True)
    raise EnvironmentMissing(
        Finding("E534", f"no cell '{name}' is up", suggestion="start it with: cellctl sim start CELL")
    )


def ask_status(name: str) -> StandingStatus:
    """What the executor of a standing cell says about itself; raises EnvironmentMissing (E534)."""
    with ExecutorClient(find_standing_cell(name).socket, name="status") as client:
        said = client.ask("status")
        return StandingStatus(name, client.hello["arm"]["robot"], client.hello["pace"], said["state"], said["lease"])


def take_down(name: str) -> None:
    """Stop what runs and end the cell; returns when it is gone. Raises EnvironmentMissing (E534) when it was not up."""
    cell = find_standing_cell(name)
    with ExecutorClient(cell.socket, name="stop") as client:
        client.ask("shutdown")
    clock = MonotonicClock()
    deadline = clock.now() + _END_TIME
    while any(_listens(path) for path in (cell.socket, CellFolder(Path(cell.folder)).controller)):
        if clock.now() > deadline:
            raise EnvironmentMissing(Finding("E535", f"cell '{name}' did not end within {_END_TIME:g} s"))
        clock.wait_until(clock.now() + 0.02)
    shutil.rmtree(cell.folder, ignore_errors=True)
    _state_file(name).unlink(missing_ok=True)


def _listens(path: Path) -> bool:
    """Whether a process listens at a socket path; one that was killed leaves the path and nobody behind it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _answers(name: str) -> bool:
    try:
        find_standing_cell(name)
    except EnvironmentMissing:
        return False
    return True


def _start_processes(folder: CellFolder, options: CellOptions, programs: Programs) -> None:
    """The controller lives as long as the executor, which holds the other end of its lifeline and knows nothing of
    it.
    """
    theirs, ours = os.pipe()
    children = {}
    try:
        if options.driver == "sim":
            command = controller_command(folder, options, programs)
            children["controller"] = spawn(command, complaints=folder.complaints("controller"), stdin=theirs)
        command = executor_command(folder, options, programs)
        complaints = folder.complaints("executor")
        children["executor"] = spawn(command, complaints=complaints, stdin=subprocess.DEVNULL, keep=[ours])
    finally:
        os.close(theirs)
        os.close(ours)
    for who, child in children.items():
        wait_for(folder.path / who, child, who=who, complaints=folder.complaints(who))


def _state_file(name: str) -> Path:
    """The state file of a cell, in a folder of this user alone."""
    if not name.replace("_", "").replace("-", "").isalnum():
        raise UsageError(Finding("U643", f"'{name}' cannot name a cell: letters, digits, - and _ can"))
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "cellctl" if base else Path(tempfile.gettempdir()) / f"cellctl-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise EnvironmentMissing(Finding("E536", f"{folder} is not a folder of this user alone"))
    return folder / f"{name}.json"
