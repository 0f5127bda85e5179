"""Task scripts: a Python file with a module-level `task`, loaded by its path and checked like a task file."""

from __future__ import annotations

import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from cellctl.errors import CellctlError, FileError, Finding, Place
from cellctl.files.reading import raise_findings
from cellctl.files.sources import reference_of
from cellctl.files.task_checks import check_task, names_of
from cellctl.model.task import Task


def load_script(path: str | Path) -> Task:
    """The checked `task` of a script; raises FileError, also for what the script itself raises."""
    reference, source = reference_of(path)
    shown = source.shown(reference)
    value = _run(source.locate(reference), shown)
    if not isinstance(value, Task):
        hint = "write 'task = Task(...)' at its top level"
        raise FileError(Finding("U601", "the script has no module-level task", Place(shown), hint))
    here = Place(shown)
    places = (here,) * len(value.steps)
    task = Task(value.steps, value.cell, value.start, value.name, value.budget, reference, places, here, here)
    raise_findings(check_task(task, names_of(task.cell), lambda index, field: None))
    return task


def _run(file: Path, shown: str) -> object:
    """What the script calls `task`. Its module is loaded by path, and no other can import it by its name."""
    name = f"cellctl.tasks:{file}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise FileError(Finding("F101", "this is not a Python file", Place(shown)))
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except CellctlError:
        raise
    except (Exception, SystemExit) as error:
        line = _line_in(file, error)
        message = f"the script raised {type(error).__name__}: {' '.join(str(error).split())}"
        raise FileError(Finding("U602", message, Place(shown, line, 1 if line else 0))) from error
    finally:
        del sys.modules[name]
    return getattr(module, "task", None)


def _line_in(file: Path, error: BaseException) -> int:
    """The line of the script where `error` came from."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno or 0
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return (lines[-1] or 0) if lines else 0
