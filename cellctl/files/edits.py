"""Edits of a task and of what it was read from, as values: what would be written where, and the task that it gives.

Writes no file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import atan2, hypot
from typing import Any

import numpy as np

from cellctl.errors import Finding, UsageError
from cellctl.files.cell_file import read_cell
from cellctl.files.quantities import FieldError, Kind, did_you_mean, read_vector, shown_quantity
from cellctl.files.reading import Reading, raise_findings
from cellctl.files.sources import ArchiveSource, DiskSource, LibrarySource, Source
from cellctl.files.task_checks import check_task, names_of
from cellctl.files.task_file import WEAVE_WORDS, seam_words
from cellctl.model.inputs import Input, canonical_json
from cellctl.model.pose import Pose
from cellctl.model.task import Grip, MoveJ, Release, Screw, Step, Task, Weld
from cellctl.model.weave import Weave
from cellctl.model.wps import Range


@dataclass(frozen=True, slots=True)
class Edit:
    """One value of the file `reference`: the keys that lead to it, and the text that would stand there."""

    reference: str
    where: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        keys = (key if key.isidentifier() else f"'{key}'" for key in self.where)
        return f"{'.'.join(keys)}: {self.text}"


def cell_reference(task: Task) -> str:
    """The reference of the cell file of `task`; raises KeyError for a cell that was not read from a file."""
    for item in task.cell.inputs:
        if item.kind == "cell":
            return item.reference
    raise KeyError("the cell was not read from a file")


def written_value(task: Task, reference: str, where: Iterable[str]) -> Any:
    """What stands at `where` in the file `reference` of a task, None where nothing does."""
    item = next(item for item in task.cell.inputs if item.reference == reference)
    node: Any = json.loads(item.content)
    for key in where:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def edited_task(
    task: Task, edits: Iterable[Edit] = (), steps: tuple[Step, ...] | None = None, *, disk: DiskSource | None = None
) -> Task:
    """`task` with the values of `edits` in its cell's files and with other `steps`; raises FileError, CheckFailed.

    The files are those that the task was read from, as they were then; `disk` gives what an edit asks for beside them.
    """
    changed = list(edits)
    cell = task.cell
    if changed:
        inputs = {item.reference: item for item in cell.inputs}
        for edit in changed:
            inputs[edit.reference] = _edited(inputs[edit.reference], edit)
        archive = inputs.values()
        source: Source = ArchiveSource(archive) if disk is None else LibrarySource(archive, disk)
        reading = Reading(source)
        found = read_cell(reading, cell_reference(task))
        reading.finish()
        assert found is not None  # a cell that could not be read has a finding
        cell = found.cell
    places = task.places if steps is None or len(steps) == len(task.steps) else ()
    new = replace(task, cell=cell, steps=task.steps if steps is None else steps, places=places)
    raise_findings(check_task(new, names_of(cell), lambda index, field: None))
    return new


def _edited(item: Input, edit: Edit) -> Input:
    tree = json.loads(item.content)
    node = tree
    for key in edit.where[:-1]:
        node = node.setdefault(key, {})
    node[edit.where[-1]] = edit.text
    return replace(item, content=canonical_json(tree))


def moved(task: Task, kind: str, name: str, offset: tuple[float, float, float]) -> Edit:
    """The edit that moves the part, fixture, frame or mechanism `name` by `offset` (m) in the frame it stands in."""
    reference, where = cell_reference(task), (*_stands_at(kind, name), "xyz")
    written = written_value(task, reference, where)
    old = (0.0, 0.0, 0.0) if written is None else read_vector(written, "length", size=3)
    return Edit(reference, where, shown_vector([a + b for a, b in zip(old, offset, strict=True)], "length"))


SHIFTED = ("parts", "fixtures", "frames", "mechanisms")
"""What of a cell may be shifted."""


def shifted(task: Task, name: str, shift: Pose) -> tuple[Edit, ...]:
    """The edits that shift the part, fixture, frame or mechanism `name` by a measured `shift`: along the axes of the
    frame that it stands in, and turned about its own origin. Raises UsageError (U653) for an unknown name.
    """
    reference = cell_reference(task)
    known = {key: kind for kind in SHIFTED for key in written_value(task, reference, (kind,)) or {}}
    if name not in known:
        raise UsageError(Finding("U653", f"nothing to shift is called '{name}'", suggestion=did_you_mean(name, known)))
    where = _stands_at(known[name], name)
    written = written_value(task, reference, where) or {}
    xyz = read_vector(written.get("xyz", "0 0 0 mm"), "length", size=3)
    rpy = read_vector(written.get("rpy", "0 0 0 deg"), "angle", size=3)
    turned = shift.rotation @ Pose.of((0.0, 0.0, 0.0), rpy).rotation
    position = [a + b for a, b in zip(xyz, shift.position, strict=True)]
    edits = [Edit(reference, (*where, "xyz"), shown_vector(position, "length"))]
    if not np.array_equal(shift.rotation, np.eye(3)):
        edits.append(Edit(reference, (*where, "rpy"), shown_vector(_rpy_of(turned), "angle")))
    return tuple(edits)


def _stands_at(kind: str, name: str) -> tuple[str, ...]:
    return (kind, name) if kind == "frames" else (kind, name, "at")


def read_shift(text: str) -> tuple[str, Pose]:
    """Name and pose of `tray=1.5 0 -0.4 mm, 0 0 0.3 deg`, where one of the two may be left out. Raises UsageError."""
    name, sign, values = text.partition("=")
    parts = [part.strip() for part in values.split(",") if part.strip()]
    hint = "write tray='1.5 0 -0.4 mm, 0 0 0.3 deg'"
    if not sign or not name.strip() or not 0 < len(parts) < 3:
        raise UsageError(Finding("U653", f"'{text}' is no shift", suggestion=hint))
    vectors: dict[Kind, tuple[float, ...]] = {}
    for part in parts:
        kind: Kind = "angle" if part.endswith(("deg", "rad")) else "length"
        try:
            vectors[kind] = read_vector(part, kind, size=3)
        except FieldError as error:
            raise UsageError(Finding("U653", f"'{text}' is no shift: {error.message}", suggestion=hint)) from None
    if len(vectors) != len(parts):
        raise UsageError(Finding("U653", f"'{text}' says the same twice", suggestion=hint))
    return name.strip(), Pose.of(vectors.get("length", (0.0,) * 3), vectors.get("angle", (0.0,) * 3))


def _rpy_of(rotation: Any) -> tuple[float, float, float]:
    """Fixed-axis roll, pitch, yaw (rad) of a rotation matrix (3, 3); roll is 0 where pitch is 90 deg."""
    pitch = atan2(-rotation[2, 0], hypot(rotation[0, 0], rotation[1, 0]))
    if hypot(rotation[0, 0], rotation[1, 0]) < 1e-12:
        return 0.0, pitch, atan2(-rotation[0, 1], rotation[1, 1])
    return atan2(rotation[2, 1], rotation[2, 2]), pitch, atan2(rotation[1, 0], rotation[0, 0])


def shown_vector(values: Iterable[float], kind: Kind) -> str:
    """Numbers that share one unit as a person writes them: `400 0 300 mm`, to a nanometre."""
    unit = {"length": ("mm", 1e3), "angle": ("deg", 180.0 / 3.141592653589793)}[kind]
    return " ".join([*(f"{round(value * unit[1], 9) + 0.0:.12g}" for value in values), unit[0]])


def shown_range(window: Range, kind: Kind) -> str:
    """A window as a person writes it: `-3 .. 10 .. 23 deg`, or `10 deg` where it leaves no room."""
    if window.minimum == window.maximum:
        return shown_quantity(window.nominal, kind)
    values = [shown_quantity(value, kind) for value in (window.minimum, window.nominal, window.maximum)]
    unit = values[0].partition(" ")[2]
    return " .. ".join(value.partition(" ")[0] for value in values) + f" {unit}"


def _screw_words(step: Screw) -> list[str]:
    default = Screw(step.hole, step.program)
    words = [f"hole: {step.hole}", f"program: {step.program}"]
    words += [f"into: [{', '.join(step.into)}]"] if step.into else []
    for name in ("approach", "retract"):
        if getattr(step, name) != getattr(default, name):
            words.append(f"{name}: {shown_quantity(getattr(step, name), 'length')}")
    return [*words, *([f"group: {step.group}"] if step.group else [])]


def step_text(step: Step) -> str:
    """A step as it stands in a task file, on one line: `- weld: {seam: tray.left, wps: mig, from: 15 mm}`."""
    if isinstance(step, MoveJ):
        return f"- move_j: {{to: {step.target}, group: {step.group}}}" if step.group else f"- move_j: {step.target}"
    if isinstance(step, Grip | Release):
        kind, onto = type(step).__name__.lower(), step.onto if isinstance(step, Release) else ""
        more = {"onto": onto, "group": step.group}
        words = [f"part: {step.part}", *(f"{key}: {value}" for key, value in more.items() if value)]
        return f"- {kind}: {{{', '.join(words)}}}" if words[1:] else f"- {kind}: {step.part}"
    if isinstance(step, Screw):
        return f"- screw: {{{', '.join(_screw_words(step))}}}"
    written, default = seam_words(step), type(step)(step.seam, step.procedure)
    words = [f"seam: {step.seam}", f"{written.procedure}: {step.procedure}"]
    for key, name, kind in written.quantities:
        value = getattr(step, name)
        if value != getattr(default, name):
            words.append(
                f"{key}: {shown_range(value, kind) if isinstance(value, Range) else shown_quantity(value, kind)}"
            )
    words += ["reverse: true"] if step.reverse else []
    words += [f"backing: [{', '.join(step.backing)}]"] if step.backing else []
    words += [f"weave: {{{_weave_words(step.weave)}}}"] if isinstance(step, Weld) and step.weave else []
    words += [f"group: {step.group}"] if step.group else []
    return f"- {written.key}: {{{', '.join(words)}}}"


def _weave_words(weave: Weave) -> str:
    said = ((key, shown_quantity(value, kind)) for key, kind in WEAVE_WORDS if (value := getattr(weave, key)))
    return ", ".join(f"{key}: {text}" for key, text in [("shape", weave.shape), *said])
