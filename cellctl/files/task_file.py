"""Task files: the `Task` that a file becomes, and the tree that a `Task` is stored as. Plans nothing."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Final

from cellctl.errors import Finding, Place, UsageError
from cellctl.files.cell_file import CellReading, read_cell
from cellctl.files.quantities import Kind, write_quantity
from cellctl.files.reading import File, Reading
from cellctl.files.task_checks import check_task
from cellctl.files.task_fields import (
    AlongSeamField,
    DispenseField,
    GripField,
    MoveJField,
    ReleaseField,
    ScrewField,
    StepField,
    StitchField,
    TaskFile,
    WeldField,
)
from cellctl.model.inputs import Input, canonical_json
from cellctl.model.stitches import stitched
from cellctl.model.task import Budget, Dispense, Grip, MoveJ, Release, Screw, SeamStep, Step, Task, Weld
from cellctl.model.weave import Weave
from cellctl.model.wps import Range


def read_task(reading: Reading, reference: str) -> Task | None:
    """The task described at `reference` with its cell; what is wrong is reported."""
    file = reading.open(TaskFile, "task", reference)
    if file is None:
        return None
    del reading.inputs[reference]  # a task is stored as `task_input` writes it, and the cell's inputs are without it
    cell_reference = file.joined(file.model.cell, ("cell",), "cell")
    cell = None if cell_reference is None else read_cell(reading, cell_reference, file.place("cell"))
    if cell is None:
        return None
    written = _steps(file, cell)
    origins = [index for index, _ in written]
    task = _task(file, cell, written)

    def place(index: int, field: str) -> Place | None:
        if index < 0:
            return file.place(field)
        (kind,) = file.model.steps[origins[index]].model_fields_set
        return file.place("steps", origins[index], kind, *([field] if field else []))

    reading.findings += check_task(task, cell, place)
    return task


def _steps(file: File[TaskFile], cell: CellReading) -> list[tuple[int, Step]]:
    """The steps with their index in the file; a weld in stitches is as many of them."""
    steps: list[tuple[int, Step]] = []
    for index, field in enumerate(file.model.steps):
        step = _step(field)
        stitch = None if field.weld is None else field.weld.stitch
        if stitch is None or not isinstance(step, Weld):
            steps.append((index, step))
        else:
            steps += [(index, one) for one in _stitched(file, cell, index, step, stitch)]
    return steps


def _stitched(file: File[TaskFile], cell: CellReading, index: int, weld: Weld, stitch: StitchField) -> tuple[Weld, ...]:
    """The welds of the stitches; the weld alone where these do not fit, or its seam is not known."""
    path = ("steps", index, "weld", "stitch")
    try:
        curve = cell.cell.seam(weld.seam)[1].curve
        if curve.closed:
            file.report("F167", f"seam '{weld.seam}' is closed, stitches are for open ones", path)
            return (weld,)
        return stitched(weld, curve.length, count=stitch.count, length=stitch.length, gap=stitch.gap)
    except KeyError:
        return (weld,)
    except ValueError as error:
        file.report("F156", f"{error} of seam '{weld.seam}'", path, "fewer or shorter ones")
        return (weld,)


def _task(file: File[TaskFile], cell: CellReading, written: list[tuple[int, Step]]) -> Task:
    model = file.model
    most = model.budget
    budget = Budget(most.cycle_time or inf, most.clearance or 0.0, most.tcp_speed or inf)
    name = model.name or posixpath.basename(file.reference.partition(":")[2]).partition(".")[0]
    steps = tuple(step for _, step in written)
    places = tuple(file.place("steps", index) for index, _ in written)
    start, limits = file.place("start"), file.place("budget")
    return Task(steps, cell.cell, model.start, name, budget, file.reference, places, start, limits)


def _step(written: StepField) -> Step:
    match written.field:
        case MoveJField() as move:
            return MoveJ(move.to, move.group or "")
        case GripField() as grip:
            return Grip(grip.part, grip.group or "")
        case ReleaseField() as release:
            return Release(release.part, release.onto or "", release.group or "")
        case ScrewField() as screw:
            ways = screw.approach, screw.retract
            return Screw(screw.hole, screw.program, tuple(screw.into), *ways, screw.group or "")
        case DispenseField() as bead:
            return Dispense(bead.seam, bead.bead, stand_off=bead.stand_off, **_along_seam(bead))
    weld = written.field
    assert isinstance(weld, WeldField)  # the model holds exactly one of them
    weave = None if weld.weave is None else weld.weave.weave
    return Weld(weld.seam, weld.wps, ctwd=weld.ctwd, weave=weave, **_along_seam(weld))


def _along_seam(field: AlongSeamField) -> dict[str, Any]:
    """What every step along a seam has beside it."""
    return {
        "from_": field.from_,
        "to": field.to,
        "start": field.start,
        "overlap": field.overlap,
        "reverse": field.reverse,
        "travel_speed": field.travel_speed,
        "work_angle": field.work_angle,
        "travel_angle": field.travel_angle,
        "spin": field.spin,
        "approach": field.approach,
        "retract": field.retract,
        "backing": tuple(field.backing),
        "group": field.group or "",
    }


def task_input(task: Task) -> Input:
    """The task as an input: one tree for the same values, whether they came from a file or from Python.

    Quantities are in SI and references absolute. Raises UsageError when the cell was not read from a file.
    """
    cell = [item.reference for item in task.cell.inputs if item.kind == "cell"]
    if len(cell) != 1:
        message = f"the cell '{task.cell.name}' of task '{task.name}' was not read from a file"
        raise UsageError(Finding("U604", message, suggestion="write it to a file and use Cell.load"))
    tree: dict[str, object] = {
        "name": task.name,
        "cell": cell[0],
        "start": task.start,
        "steps": [_step_tree(step) for step in task.steps],
    }
    budget = {}
    if isfinite(task.budget.cycle_time):
        budget["cycle_time"] = write_quantity(task.budget.cycle_time, "time")
    if task.budget.clearance:
        budget["clearance"] = write_quantity(task.budget.clearance, "length")
    if isfinite(task.budget.tcp_speed):
        budget["tcp_speed"] = write_quantity(task.budget.tcp_speed, "speed")
    if budget:
        tree["budget"] = budget
    return Input(task.reference or f"task:{task.name}", "task", canonical_json(tree))


_SEAM_WORDS: Final[tuple[tuple[str, str, Kind], ...]] = (
    ("from", "from_", "length"),
    ("to", "to", "length"),
    ("start", "start", "angle"),
    ("overlap", "overlap", "length"),
    ("travel_speed", "travel_speed", "speed"),
    ("work_angle", "work_angle", "angle"),
    ("travel_angle", "travel_angle", "angle"),
    ("spin", "spin", "angle"),
    ("approach", "approach", "length"),
    ("retract", "retract", "length"),
)


@dataclass(frozen=True, slots=True)
class SeamWords:
    """How a step along a seam is written: its key, the key of its procedure, and the `quantities` of the step (key in a
    file, field of the value, kind).
    """

    key: str
    procedure: str
    quantities: tuple[tuple[str, str, Kind], ...]


def seam_words(step: SeamStep) -> SeamWords:
    """How this step is written."""
    if isinstance(step, Dispense):
        return SeamWords("dispense", "bead", (*_SEAM_WORDS, ("stand_off", "stand_off", "length")))
    return SeamWords("weld", "wps", (*_SEAM_WORDS, ("ctwd", "ctwd", "length")))


def _step_tree(step: Step) -> dict[str, object]:
    """A step as its file would have it; what is at its default is left out."""
    group = {"group": step.group} if step.group else {}
    if isinstance(step, MoveJ):
        return {"move_j": {"to": step.target, **group}}
    if isinstance(step, Grip):
        return {"grip": {"part": step.part, **group}}
    if isinstance(step, Release):
        onto = {"onto": step.onto} if step.onto else {}
        return {"release": {"part": step.part, **onto, **group}}
    if isinstance(step, Screw):
        return {"screw": _screw_tree(step) | group}
    words, default = seam_words(step), type(step)(step.seam, step.procedure)
    tree: dict[str, object] = {"seam": step.seam, words.procedure: step.procedure, **group}
    if step.reverse:
        tree["reverse"] = True
    if step.backing:
        tree["backing"] = list(step.backing)
    if isinstance(step, Weld) and step.weave:
        tree["weave"] = _weave_tree(step.weave)
    for key, name, kind in words.quantities:
        value = getattr(step, name)
        if value != getattr(default, name):
            tree[key] = _range_tree(value, kind) if isinstance(value, Range) else write_quantity(value, kind)
    return {words.key: tree}


def _screw_tree(step: Screw) -> dict[str, object]:
    default = Screw(step.hole, step.program)
    tree: dict[str, object] = {"hole": step.hole, "program": step.program}
    if step.into:
        tree["into"] = list(step.into)
    for name in ("approach", "retract"):
        if getattr(step, name) != getattr(default, name):
            tree[name] = write_quantity(getattr(step, name), "length")
    return tree


WEAVE_WORDS: Final[tuple[tuple[str, Kind], ...]] = (
    ("amplitude", "length"),
    ("frequency", "frequency"),
    ("wavelength", "length"),
)
"""Words of a weave in a file, which are those of `Weave`, and their kinds."""


def _weave_tree(weave: Weave) -> dict[str, str]:
    words = {key: write_quantity(value, kind) for key, kind in WEAVE_WORDS if (value := getattr(weave, key))}
    return {"shape": weave.shape, **words}


def _range_tree(value: Range, kind: Kind) -> dict[str, str]:
    ends = {"min": value.minimum, "nominal": value.nominal, "max": value.maximum}
    return {key: write_quantity(number, kind) for key, number in ends.items()}
