"""What differs between two plans: their motion step by step, their figures, and what they were made from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cellctl.errors import CellctlError, Finding, NotCertified, Place, Severity
from cellctl.files import plan_content, task_from_inputs
from cellctl.jobs.proving import bound
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.cell import Axes, Mechanism
from cellctl.model.certificate import Certificate
from cellctl.model.inputs import Input
from cellctl.model.plan import Plan, Segment
from cellctl.model.pose import FloatArray
from cellctl.model.task import Task, step_name
from cellctl.proof import certified

SPACING = 1e-3
"""Distance (m) of the points at which two paths of a tip are compared."""
MOST_POINTS = 4000
UNPROVED = "X410"
"""The code of a plan without a certificate, which is as good a plan to compare as any."""


@dataclass(frozen=True, slots=True)
class StepFigures:
    """One step of one plan, SI: what it does, its time, the smallest gap that its certificate proves among the pairs of
    the cell's own margin, and how far its joints stay from their limits (rad or m). None where it cannot be said.
    """

    name: str
    time: float
    clearance: float | None
    joint_margin: float | None


@dataclass(frozen=True, slots=True)
class StepDifference:
    """One step of two plans; `first` or `second` is None where a plan has no such step.

    `weld` and `moves` are the largest distances (m) from any point of the one path of the contact tip (the flange,
    without a torch) to the other path, with and without the arc; `joints` the largest difference of a joint (rad or m)
    at the same share of the same motion. None where only one plan has such a motion.
    """

    index: int
    first: StepFigures | None
    second: StepFigures | None
    weld: float | None
    moves: float | None
    joints: float | None


@dataclass(frozen=True, slots=True)
class InputDifference:
    """One input of two plans: `added`, `removed`, or `changed` with the values that are not the same, as written."""

    reference: str
    kind: str
    what: str
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """Everything in which two plans differ. `same` says that their content is the same, byte for byte."""

    same: bool
    steps: tuple[StepDifference, ...]
    inputs: tuple[InputDifference, ...]
    settings: tuple[tuple[str, str, str], ...]
    cycle_time: tuple[float, float]


def not_as_proved(path: Path) -> tuple[Finding, ...]:
    """What a plan file says for itself: that it was changed after it was proved, or (a warning) that it never was."""
    try:
        bound(path)
    except NotCertified as error:
        return tuple(_said_of(finding, path) for finding in error.findings)
    return ()


def _said_of(finding: Finding, path: Path) -> Finding:
    severity: Severity = "warning" if finding.code == UNPROVED else finding.severity
    return replace(finding, place=Place(str(path)), severity=severity)


def differences(first: Plan, second: Plan) -> PlanDifference:
    """Compare two plans from their files alone; clearance is that of their certificates, where these are theirs."""
    tasks = task_from_inputs(first.inputs), task_from_inputs(second.inputs)
    count = max(len(task.steps) for task in tasks)
    return PlanDifference(
        same=plan_content(first) == plan_content(second),
        steps=tuple(_step_difference((first, second), tasks, index) for index in range(count)),
        inputs=tuple(_input_differences(first.inputs, second.inputs)),
        settings=tuple(_setting_differences(first, second)),
        cycle_time=(first.cycle_time, second.cycle_time),
    )


def _step_difference(plans: tuple[Plan, Plan], tasks: tuple[Task, Task], index: int) -> StepDifference:
    figures = [_figures(plan, task, index) for plan, task in zip(plans, tasks, strict=True)]
    segments = [[segment for segment in plan.segments if segment.step == index] for plan in plans]
    weld, moves = (_tips_apart(tasks, segments, welding=welding) for welding in (True, False))
    return StepDifference(index, figures[0], figures[1], weld, moves, _joints_apart(segments[0], segments[1]))


def _tips_apart(tasks: tuple[Task, Task], segments: list[list[Segment]], *, welding: bool) -> float | None:
    """How far the tip's paths of one step are apart, with or without the arc; None where not both have such a path."""
    first, second = (
        _tip_points(task, [segment for segment in own if (segment.process is not None) == welding])
        for task, own in zip(tasks, segments, strict=True)
    )
    return None if first is None or second is None else _apart(first, second)


def _figures(plan: Plan, task: Task, index: int) -> StepFigures | None:
    if index >= len(task.steps):
        return None
    step = task.steps[index]
    own = [segment for segment in plan.segments if segment.step == index]
    margins = [_joint_margin(task.cell.axes(segment.group), segment) for segment in own]
    certificate = _own_certificate(plan)
    clearance = None
    if certificate is not None:
        gaps = (gap for record in certificate.segments if record.step == index for gap in record.gaps)
        wanted = task.cell.margins.clearance
        clearance = min((gap.proved for gap in gaps if gap.margin == wanted), default=None)
    return StepFigures(step_name(step), sum(segment.duration for segment in own), clearance, min(margins, default=None))


def _own_certificate(plan: Plan) -> Certificate | None:
    """The certificate of a plan that is for just this plan."""
    try:
        return certified(plan).certificate
    except CellctlError:
        return None


def _mechanism(task: Task, segment: Segment) -> Mechanism:
    return task.cell.mechanism(task.cell.group(segment.group).mechanisms[0])


def _joint_margin(axes: Axes, segment: Segment) -> float:
    """The smallest distance of a joint from its limit along a segment."""
    q = segment.path(np.linspace(segment.path.start, segment.path.end, 400))
    return float(np.minimum(q - axes.limit_array("lower"), axes.limit_array("upper") - q).min())


def _tip_points(task: Task, segments: list[Segment]) -> FloatArray | None:
    """Points (n, 3) of the tip in the world along `segments`, SPACING apart; None for no segments."""
    points = [_tips(_mechanism(task, segment), segment) for segment in segments]
    return np.vstack(points) if points else None


def _tips(mechanism: Mechanism, segment: Segment) -> FloatArray:
    path, tip = segment.path, mechanism.pose_flange_tip().position

    def at(count: int) -> FloatArray:
        own = path(np.linspace(path.start, path.end, count))[:, : mechanism.robot.dof]
        flange = flange_matrices(chain_of(mechanism.robot), own)
        return mechanism.pose_world_base.apply(flange[:, :3, :3] @ tip + flange[:, :3, 3])

    coarse = at(64)
    length = float(np.linalg.norm(np.diff(coarse, axis=0), axis=1).sum())
    return at(int(np.clip(length / SPACING, 2, MOST_POINTS)) + 1)


def _apart(first: FloatArray, second: FloatArray) -> float:
    """The Hausdorff distance of two polylines (n, 3): the largest distance from a point of one to the other."""
    return max(_directed(first, second), _directed(second, first))


def _directed(points: FloatArray, line: FloatArray) -> float:
    from scipy.spatial import KDTree

    _, nearest = KDTree(line).query(points)
    best = np.full(len(points), np.inf)
    for shift in (-1, 0):  # the pieces of the line before and after its nearest point
        start = np.clip(nearest + shift, 0, len(line) - 2)
        a, along = line[start], line[start + 1] - line[start]
        share = np.einsum("ij,ij->i", points - a, along) / np.maximum(np.einsum("ij,ij->i", along, along), 1e-18)
        best = np.minimum(best, np.linalg.norm(points - a - np.clip(share, 0.0, 1.0)[:, None] * along, axis=1))
    return float(best.max())


def _joints_apart(first: list[Segment], second: list[Segment]) -> float | None:
    if not first or [s.kind for s in first] != [s.kind for s in second]:
        return None
    shares = np.linspace(0.0, 1.0, 200)
    worst = 0.0
    for a, b in zip(first, second, strict=True):
        if a.path.dim != b.path.dim:
            return None
        q = [s.path(s.path.start + shares * (s.path.end - s.path.start)) for s in (a, b)]
        worst = max(worst, float(np.abs(q[0] - q[1]).max()))
    return worst


def _input_differences(first: tuple[Input, ...], second: tuple[Input, ...]) -> Iterator[InputDifference]:
    before, after = ({item.reference: item for item in items} for items in (first, second))
    for reference in sorted(before.keys() | after.keys()):
        old, new = before.get(reference), after.get(reference)
        if old is None or new is None:
            kind = old.kind if old is not None else new.kind if new is not None else ""
            yield InputDifference(reference, kind, "added" if old is None else "removed")
        elif old.content != new.content:
            yield InputDifference(reference, new.kind, "changed", tuple(_changes(old, new)))


def _changes(old: Input, new: Input) -> Iterator[tuple[str, str, str]]:
    """`(where, before, after)` for every value of two inputs that is not the same; a mesh is one value."""
    if new.kind == "hull":
        yield "mesh", old.sha256[:12], new.sha256[:12]
        return
    try:
        before, after = (dict(_leaves(json.loads(item.content), "")) for item in (old, new))
    except ValueError:
        yield "content", old.sha256[:12], new.sha256[:12]
        return
    for where in sorted(before.keys() | after.keys()):
        if before.get(where) != after.get(where):
            yield where, before.get(where, "-"), after.get(where, "-")


def _leaves(tree: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every value of a JSON tree with the way to it: `parts.tray.at.xyz`, `steps[2].weld.to`."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from _leaves(value, f"{where}.{key}" if where else str(key))
    elif isinstance(tree, list) and any(isinstance(item, dict | list) for item in tree):
        for index, value in enumerate(tree):
            yield from _leaves(value, f"{where}[{index}]")
    else:
        yield where, tree if isinstance(tree, str) else json.dumps(tree)


def _setting_differences(first: Plan, second: Plan) -> Iterator[tuple[str, str, str]]:
    if first.seed != second.seed:
        yield "seed", str(first.seed), str(second.seed)
    for name in sorted(first.versions.keys() | second.versions.keys()):
        versions = first.versions.get(name, "-"), second.versions.get(name, "-")
        if versions[0] != versions[1]:
            yield name, *versions
