"""YAML, JSON and meshes to values and back; the only place with units other than SI.

Readers raise `FileError` with every finding at once, or `CheckFailed` where the files read well and what they say
fails a check of geometry or procedure. Nothing heavy is imported before a function is called.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cellctl.errors import Finding
    from cellctl.model.cell import Cell
    from cellctl.model.gcode_wiring import GcodeWiring
    from cellctl.model.inputs import Input
    from cellctl.model.link_faults import FaultScript
    from cellctl.model.plan import Plan
    from cellctl.model.process_wiring import ProcessWiring
    from cellctl.model.robot import Robot
    from cellctl.model.task import Task
    from cellctl.model.wiring import Wiring

KINDS: Final = (
    "bead",
    "cell",
    "faults",
    "gcode",
    "io",
    "part",
    "pen",
    "project",
    "robot",
    "task",
    "tool",
    "wiring",
    "wps",
)
"""The kinds of files that people write."""

__all__ = [
    "KINDS",
    "cell_from_inputs",
    "edited_inputs",
    "holds_nothing_else",
    "library_robots",
    "load_cell",
    "load_faults",
    "load_gcode_wiring",
    "load_io",
    "load_robot",
    "load_task",
    "load_wiring",
    "plan_content",
    "plan_inputs",
    "read_plan",
    "schema",
    "task_from_inputs",
    "task_input",
    "unlike_library",
    "write_plan",
]


def load_cell(path: str | Path, *, remarks: list[Finding] | None = None) -> Cell:
    """Read a cell file and all that it names; raises FileError with every finding. Warnings are added to `remarks`."""
    from cellctl.files import loading

    return loading.load_cell(path, remarks)


def load_task(path: str | Path, *, remarks: list[Finding] | None = None) -> Task:
    """Read a task file (YAML, or a Python script with a module-level `task`) and its cell; raises FileError.

    Warnings, which hold nothing up, are added to `remarks`.
    """
    from cellctl.files import loading

    return loading.load_task(path, remarks)


def load_robot(path: str | Path) -> Robot:
    """Read a robot by its library name, a `lib:` reference, or the path of its file or folder; raises FileError."""
    from cellctl.files import loading

    return loading.load_robot(path)


def load_wiring(path: str | Path) -> Wiring:
    """Read how an arm is wired, by the arm's library name, a `lib:` reference or a path; raises FileError."""
    from cellctl.files import loading

    return loading.load_wiring(path)


def load_gcode_wiring(path: str | Path) -> GcodeWiring:
    """Read how an arm lies on the axes of a G-code controller, by its library name, a `lib:` reference or a path;
    raises FileError.
    """
    from cellctl.files import loading

    return loading.load_gcode_wiring(path)


def load_io(path: str | Path) -> ProcessWiring:
    """Read which signals are on a process line, by a `lib:` reference or a path; raises FileError."""
    from cellctl.files import loading

    return loading.load_io(path)


def load_faults(path: str | Path) -> FaultScript:
    """Read a script of faults for an emulated controller; raises FileError."""
    from cellctl.files import loading

    return loading.load_faults(path)


def task_from_inputs(inputs: Iterable[Input]) -> Task:
    """The task that the inputs of a plan hold, without looking at the disk; raises FileError."""
    from cellctl.files import loading

    return loading.task_from_inputs(inputs)


def cell_from_inputs(inputs: Iterable[Input]) -> Cell:
    """The cell that the inputs of a plan hold, without looking at the disk; raises FileError."""
    from cellctl.files import loading

    return loading.cell_from_inputs(inputs)


def task_input(task: Task) -> Input:
    """The task as one input: the same tree for the same values, from YAML or from Python."""
    from cellctl.files.task_file import task_input as convert

    return convert(task)


def plan_inputs(task: Task) -> tuple[Input, ...]:
    """Everything that a plan of `task` was made from, by reference: the task, its cell and all that the cell names."""
    return tuple(sorted((*task.cell.inputs, task_input(task)), key=lambda item: item.reference))


def is_cell_file(path: str | Path) -> bool:
    """Whether what lies at `path` can be read and looks like a cell file, or is a folder with one."""
    from cellctl.files import uses

    return uses.is_cell_file(path)


def tasks_of(path: str | Path) -> tuple[str, ...]:
    """The task files of the project that are for the cell at `path`, as findings show them; sorted."""
    from cellctl.files import uses

    return uses.tasks_of(path)


def edited_inputs(path: str | Path) -> tuple[str, ...]:
    """References of the inputs in a plan file whose content is not what its name, its SHA-256, says."""
    from cellctl.files import plan_file

    return plan_file.edited_inputs(Path(path))


def unlike_library(inputs: Iterable[Input]) -> tuple[str, ...]:
    """References of the shipped files among `inputs` whose content is not what the installed library holds."""
    from cellctl.files import loading

    return loading.unlike_library(tuple(inputs))


def write_plan(plan: Plan, path: str | Path) -> None:
    """Write a plan file: the same bytes for equal plans."""
    from cellctl.files import plan_file

    plan_file.write_plan(plan, Path(path))


def read_plan(path: str | Path) -> Plan:
    """Read a plan file; nothing but its format version is checked. Raises FileError."""
    from cellctl.files import plan_file

    return plan_file.read_plan(Path(path))


def holds_nothing_else(path: str | Path, plan: Plan) -> bool:
    """Whether a plan file holds just what `plan` is written as; raises FileError."""
    from cellctl.files import plan_file

    return plan_file.holds_nothing_else(Path(path), plan)


def plan_content(plan: Plan) -> bytes:
    """Canonical JSON of a plan without its certificate: what a certificate's hash is over."""
    from cellctl.files import plan_file

    return plan_file.plan_content(plan)


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a file kind, one of `KINDS`; raises UsageError."""
    from cellctl.files import schemas

    return schemas.schema(kind)


def library_robots() -> tuple[str, ...]:
    """Names of the robots in the shipped library."""
    from cellctl.files import library

    return library.library_robots()
