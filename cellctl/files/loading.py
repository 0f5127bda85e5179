"""Whole loads: a task, cell or robot by its path or from stored inputs. Raises what the findings call for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from cellctl.errors import FileError, Finding, Place
from cellctl.files.cell_file import read_cell
from cellctl.files.faults_file import read_faults
from cellctl.files.gcode_file import read_gcode_wiring
from cellctl.files.io_file import read_io
from cellctl.files.library import PROJECT_FILE, library_robots
from cellctl.files.project_file import ProjectFile
from cellctl.files.reading import Reading, with_file
from cellctl.files.robot_file import read_robot
from cellctl.files.sources import ArchiveSource, DiskSource, LibrarySource, reference_of
from cellctl.files.task_file import read_task
from cellctl.files.wiring_file import read_wiring
from cellctl.model.cell import Cell
from cellctl.model.gcode_wiring import GcodeWiring
from cellctl.model.inputs import Input
from cellctl.model.link_faults import FaultScript
from cellctl.model.process_wiring import ProcessWiring
from cellctl.model.robot import Robot
from cellctl.model.task import Task
from cellctl.model.wiring import Wiring

_T = TypeVar("_T")


def load_cell(path: str | Path, remarks: list[Finding] | None = None) -> Cell:
    """Read a cell file and all that it names; raises FileError with every finding. Warnings go to `remarks`."""
    reference, reading = _opened(path)
    found = read_cell(reading, with_file(reference, "cell"))
    return _finished(reading, None if found is None else found.cell, remarks)


def load_task(path: str | Path, remarks: list[Finding] | None = None) -> Task:
    """Read a task file (YAML, or a Python script with a module-level `task`) and its cell; raises FileError.

    Warnings go to `remarks`; a script has none.
    """
    if str(path).endswith(".py"):
        from cellctl.files.task_script import load_script

        return load_script(path)
    reference, reading = _opened(path)
    return _finished(reading, read_task(reading, reference), remarks)


def load_robot(path: str | Path) -> Robot:
    """Read a robot by its library name, a `lib:` reference, or the path of its file or folder; raises FileError."""
    if path in library_robots():
        path = f"lib:robots/{path}"
    reference, reading = _opened(path)
    return _finished(reading, read_robot(reading, with_file(reference, "robot")))


def load_wiring(path: str | Path) -> Wiring:
    """Read how an arm is wired, by the arm's library name, a `lib:` reference or a path; raises FileError."""
    reference, reading = _opened(_of_library(path, "wiring.yaml", "servos"))
    return _finished(reading, read_wiring(reading, with_file(reference, "wiring")))


def load_gcode_wiring(path: str | Path) -> GcodeWiring:
    """Read how an arm lies on the axes of a G-code controller, by its library name, a `lib:` reference or a path;
    raises FileError.
    """
    reference, reading = _opened(_of_library(path, "gcode.yaml", "the axes of a G-code controller"))
    return _finished(reading, read_gcode_wiring(reading, with_file(reference, "gcode")))


def _of_library(path: str | Path, file: str, what: str) -> str | Path:
    """The reference of an arm of the library that has such a `file`, any other path as it is; raises FileError F207."""
    if path not in library_robots():
        return path
    known = library_robots(file)
    if path not in known:
        hint = f"arms of the library that are: {', '.join(known)}; or name a file that says how yours is wired"
        raise FileError(Finding("F207", f"'{path}' is not wired to {what}", suggestion=hint))
    return f"lib:robots/{path}"


def load_io(path: str | Path) -> ProcessWiring:
    """Read which signals are on a process line, by a `lib:` reference or a path; raises FileError."""
    reference, reading = _opened(path)
    return _finished(reading, read_io(reading, with_file(reference, "io")))


def load_faults(path: str | Path) -> FaultScript:
    """Read a script of faults for an emulated controller; raises FileError."""
    reference, reading = _opened(path)
    return _finished(reading, read_faults(reading, reference))


def task_from_inputs(inputs: Iterable[Input]) -> Task:
    """The task that the inputs of a plan hold, without looking at the disk; raises FileError."""
    inputs = tuple(inputs)
    reading = Reading(ArchiveSource(inputs))
    return _finished(reading, read_task(reading, _only(inputs, "task").reference))


def cell_from_inputs(inputs: Iterable[Input]) -> Cell:
    """The cell that the inputs of a plan hold, without looking at the disk; raises FileError."""
    inputs = tuple(inputs)
    reading = Reading(ArchiveSource(inputs))
    found = read_cell(reading, _only(inputs, "cell").reference)
    return _finished(reading, None if found is None else found.cell)


def unlike_library(inputs: tuple[Input, ...]) -> tuple[str, ...]:
    """References of the shipped files among `inputs` whose content is not what the library or a package holds here.

    The cell is read again with the shipped files of the disk. A task is not compared: it is stored as its values are
    written, not as its file is.
    """
    shipped = {i.reference: i for i in inputs if i.reference.startswith(("lib:", "pkg:")) and i.kind != "task"}
    own = [item for item in inputs if item.reference not in shipped]
    reading = Reading(LibrarySource(own, DiskSource(Path.cwd())))
    read_cell(reading, _only(inputs, "cell").reference)
    here = reading.inputs
    return tuple(name for name, item in shipped.items() if name not in here or here[name].content != item.content)


def _opened(path: str | Path) -> tuple[str, Reading]:
    reference, source = reference_of(path)
    reading = Reading(source)
    _check_project(reading, source)
    return reference, reading


def _check_project(reading: Reading, source: DiskSource) -> None:
    """The project's own file must read well; it is no input of a plan."""
    if (source.root / PROJECT_FILE).is_file():
        reading.open(ProjectFile, "project", f"project:{PROJECT_FILE}")
        reading.inputs.clear()


def _only(inputs: tuple[Input, ...], kind: str) -> Input:
    found = [item for item in inputs if item.kind == kind]
    if len(found) != 1:
        message = f"the plan holds {len(found)} inputs of kind '{kind}', it must hold one"
        raise FileError(Finding("F183", message, Place("plan")))
    return found[0]


def _finished(reading: Reading, value: _T | None, remarks: list[Finding] | None = None) -> _T:
    reading.finish(remarks)
    if value is None:
        raise AssertionError("a value that could not be read has no finding")
    return value
