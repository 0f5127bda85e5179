"""A certified way from where an arm stands to where it is to go: a small task of one move, planned and proved.

It knows no run and moves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np

from cellctl.files import cell_from_inputs, task_from_inputs
from cellctl.jobs.proving import Progress, certify, plan
from cellctl.model.cell import Axes
from cellctl.model.inputs import Input, canonical_json
from cellctl.model.plan import CertifiedPlan
from cellctl.model.pose import FloatArray

HERE, THERE = "here", "there"
_TASK = "project:reposition.yaml"


def reposition(
    inputs: Iterable[Input], group: str, here: FloatArray, there: FloatArray, progress: Progress | None = None
) -> CertifiedPlan:
    """The certified move of `group` from joints `here` (dof,) to `there` (dof,) in the cell of `inputs`.

    Raises PlanningFailed where one of them is nearer to something than the cell's clearance, or no way is found, and
    NotCertified where the way does not hold.
    """
    standing = [item for item in inputs if item.kind != "task"]
    (cell,) = [item for item in standing if item.kind == "cell"]
    axes = cell_from_inputs(standing).axes(group)
    named = _with_configurations(cell, axes, {HERE: here, THERE: there})
    task = Input(
        _TASK,
        "task",
        canonical_json(
            {"cell": cell.reference, "name": "reposition", "start": HERE, "steps": [{"move_j": {"to": THERE}}]}
        ),
    )
    others = [item for item in standing if item is not cell]
    return certify(plan(task_from_inputs([*others, named, task]), progress=progress), progress)


def _with_configurations(cell: Input, axes: Axes, joints: dict[str, FloatArray]) -> Input:
    """The input of a cell with more named configurations of a group."""
    tree = json.loads(cell.content)
    for mechanism in axes.mechanisms:
        configurations = tree["mechanisms"][mechanism.name].setdefault("configurations", {})
        for name, values in joints.items():
            own = np.asarray(values)[axes.joints_of(mechanism.name)]
            configurations[name] = " ".join(repr(float(value)) for value in own) + " rad"
    return Input(cell.reference, cell.kind, canonical_json(tree))
