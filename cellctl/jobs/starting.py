"""A new project: cell, part, procedure, task and tests, proved before they are written. Overwrites nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files as resource_files
from itertools import islice
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from cellctl.errors import CellctlError, FileError, Finding, Place, UsageError
from cellctl.files import library_robots, load_cell, load_robot
from cellctl.files.quantities import did_you_mean
from cellctl.files.robot_writing import plain_names
from cellctl.files.schemas import schema
from cellctl.jobs.checking import Checked, Progress, check_file
from cellctl.jobs.first_home import first_homes
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Robot
from cellctl.scene.engine import EngineName
from cellctl.units import deg, mm

DEFAULT_ARM: Final = "kuka_kr16_2"
TASK: Final = "tasks/tee.yaml"
ROBOT_FILE: Final = "robot.yaml"
FILES: Final = {
    "cellctl.yaml": "cellctl.yaml.in",
    "cell.yaml": "cell.yaml.in",
    "parts/tee.yaml": "tee.yaml.in",
    "wps/fillet.yaml": "fillet.yaml.in",
    TASK: "task.yaml.in",
    "tests/test_cell.py": "test_cell.py.in",
    ".github/workflows/cell-checks.yml": "workflow.yml.in",
    ".gitignore": "gitignore.in",
}
"""The files of a new project, and the templates beside this module that they are made of."""
PLACES: Final = ((0.6, 0.05), (0.5, 0.0), (0.7, 0.15))
"""Where the table is tried: its distance, and its height above the robot's base, as shares of the arm's reach."""
HOMES: Final = 3
"""How many homes are tried at each of them for an arm that names none."""


@dataclass(frozen=True, slots=True, eq=False)
class _Arm:
    """The arm of a new project: how its cell file names it, and the files that come with it."""

    robot: Robot
    model: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class StartedProject:
    """A project that was written into `folder`: its files, and the check of its task."""

    folder: Path
    files: tuple[str, ...]
    checked: Checked


def start_project(
    folder: str | Path,
    *,
    arm: str = DEFAULT_ARM,
    engine: EngineName | None = None,
    progress: Progress | None = None,
) -> StartedProject:
    """Write a small welding project with `arm` into `folder`, which may hold other files.

    `arm` is one of the library, or the path of a robot's folder, which is copied. One that names no `home` is given
    one. The task is planned and proved before anything is written. Raises UsageError: U618 for an arm that is not
    there, U690 where files would be written over, U691 where the arm cannot do the task; FileError F180 where nothing
    can be written, and for what is wrong with a robot's file; EnvironmentMissing without an engine.
    """
    target = Path(folder)
    _demand_free(target)
    checked: Checked | None = None
    for files in _projects(_project_name(target), _arm(arm), engine):
        with TemporaryDirectory() as trial:
            _put(files, Path(trial))
            checked = check_file(str(Path(trial) / TASK), 0, progress, engine=engine)
        if checked.certified is not None:
            _put(files, target)
            return StartedProject(target, tuple(files), checked)
    raise _cannot(arm, checked)


def _demand_free(target: Path) -> None:
    there = [name for name in (*FILES, "schemas") if (target / name).exists()]
    if target.exists() and not target.is_dir():
        raise UsageError(Finding("U690", f"'{target}' is a file", suggestion="name a folder"))
    if there:
        some = ", ".join(there[:3])
        hint = "name a new folder; nothing is written over"
        raise UsageError(Finding("U690", f"'{target}' holds {some} already", suggestion=hint))


def _arm(name: str) -> _Arm:
    """An arm of the library, or the one in a folder with that folder's files."""
    known, folder = library_robots(), Path(name)
    if name not in known and not (folder / ROBOT_FILE).is_file():
        hint = did_you_mean(name, known) or f"see `cellctl robots list`, or name a folder with a {ROBOT_FILE}"
        raise UsageError(Finding("U618", f"no arm is called '{name}'", suggestion=hint))
    robot = load_robot(f"lib:robots/{name}" if name in known else folder)
    if robot.kind != "arm":
        raise UsageError(Finding("U691", f"'{name}' is a {robot.kind}, which carries no torch"))
    if name in known:
        return _Arm(robot, f"lib:robots/{name}", {})
    model = f"robots/{folder.resolve().name}"
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return _Arm(robot, model, {f"{model}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in files})


def _project_name(target: Path) -> str:
    """The folder's name as a name in a file."""
    name = target.resolve().name or "cell"
    return plain_names([name])[name]


def _words(name: str, arm: _Arm, distance: float, height: float) -> dict[str, str]:
    """What the templates leave open."""
    reach = _reach(arm.robot)
    base, far = _round(0.35 * reach), _round(distance * reach)
    top = _round(0.35 * reach + height * reach)
    figures = {"base": base, "pedestal": base / 2.0, "distance": far, "table": top - 20.0, "top": top}
    return {key: f"{value:g}" for key, value in figures.items()} | {"name": name, "model": arm.model, "home": ""}


def _files(words: Mapping[str, str]) -> dict[str, bytes]:
    """The files of the project by their path, but for the arm's own."""
    here = resource_files("cellctl.jobs") / "first_project"
    texts = {path: Template((here / source).read_text("utf-8")).substitute(words) for path, source in FILES.items()}
    kinds = ("cell", "part", "project", "task", "wps")
    schemas = {f"schemas/{kind}.json": json.dumps(schema(kind), indent=2) + "\n" for kind in kinds}
    return {path: text.encode() for path, text in (texts | schemas).items()}


def _projects(name: str, arm: _Arm, engine: EngineName | None) -> Iterator[dict[str, bytes]]:
    """The projects to try, with the table at every place and, for an arm that names no `home`, some homes at each."""
    for distance, height in PLACES:
        words = _words(name, arm, distance, height)
        files = {**arm.files, **_files(words)}
        if "home" in arm.robot.configurations:
            yield files
            continue
        with TemporaryDirectory() as trial:
            _put(files, Path(trial))
            cell = load_cell(Path(trial) / "cell.yaml")
        above = np.array([float(words["distance"]), 0.0, float(words["top"])]) * mm
        for home in islice(first_homes(cell, above, _reach(arm.robot), engine), HOMES):
            yield files | _files(words | {"home": _home_lines(arm.robot, home)})


def _home_lines(robot: Robot, home: FloatArray) -> str:
    """Lines of the cell file that name joint values (dof,) `home`."""
    units = [(mm, "mm") if axis.kind == "prismatic" else (deg, "deg") for axis in robot.axes]
    values = [f"{value / unit:.1f} {word}" for value, (unit, word) in zip(home, units, strict=True)]
    return f"\n    configurations:\n      home: [{', '.join(values)}]"


def _reach(robot: Robot) -> float:
    """How far the flange gets from the axis of the base, m: the farthest of many random joint values."""
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    joints = np.random.default_rng(0).uniform(lower, upper, (1000, robot.dof))
    positions: FloatArray = flange_matrices(chain_of(robot), joints)[:, :2, 3]
    return float(np.linalg.norm(positions, axis=1).max())


def _round(length: float) -> float:
    """A length (m) in mm, to 10 mm."""
    return 10.0 * round(length / (10.0 * mm))


def _put(files: Mapping[str, bytes], folder: Path) -> None:
    """Write all of the files or none; a folder that is not there yet appears with all of them in it."""
    new = not folder.exists()
    target = folder.with_name(f".{folder.name}.new") if new else folder
    made: list[Path] = []
    try:
        if new:
            shutil.rmtree(target, ignore_errors=True)
        for name, data in files.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            made.append(path)
            path.write_bytes(data)
        if new:
            target.rename(folder)
        made.clear()
    except OSError as error:
        raise FileError(Finding("F180", f"cannot be written: {error.strerror or error}", Place(str(folder)))) from None
    finally:
        for path in made:
            path.unlink(missing_ok=True)
        if new:
            shutil.rmtree(target, ignore_errors=True)


def _cannot(arm: str, checked: Checked | None) -> CellctlError:
    """Why the arm cannot weld the part of a new project, as it was found at the last place that was tried."""
    if checked is None:
        why = "no joint values hold the torch over the part with everything clear of the arm"
    else:
        why = next(
            (finding.message for finding in checked.findings if finding.severity == "error"), "no plan was found"
        )
    hint = f"take another arm, such as {DEFAULT_ARM}, and change the cell file afterwards"
    return UsageError(
        Finding("U691", f"'{arm}' cannot weld the part of a new project with this torch: {why}", None, hint)
    )
