"""From a plan file to a job: read, check that its certificate binds, hold it against this cell, have it proved again.

Nothing is executed that was not proved: a plan whose content and certificate were both written anew binds, but its
proof fails. The proof runs in a process of its own, so that the executor loads no kernels and no engine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from cellctl.errors import FileError, Finding, NotCertified, Place, UsageError
from cellctl.execution.from_cell import (
    analog_signals,
    arc_lines,
    bead_procedures,
    dispenser_lines,
    drawn_steps,
    gripper_lines,
    joint_envelope,
    joint_reach,
    process_times,
    screw_lines,
    weld_powers,
)
from cellctl.execution.job import Job
from cellctl.execution.service.processes import import_path
from cellctl.execution.service.protocol import finding_from_json
from cellctl.files import cell_from_inputs, read_plan
from cellctl.model.inputs import Input
from cellctl.proof.binding import certified


class PlanLoader:
    """Loads jobs for one cell, given by its inputs; remembers which plans it has seen proved."""

    def __init__(self, inputs: Iterable[Input]) -> None:
        self._inputs = tuple(inputs)
        self._proved: set[str] = set()

    def load(self, path: Path) -> Job:
        """The job of a plan file; raises what `load_job`, `demand_same_cell` and `demand_proof` raise."""
        job = load_job(path)
        demand_same_cell(job.certified.plan.inputs, self._inputs)
        digest = job.certified.certificate.plan_sha256
        if digest not in self._proved:
            demand_proof(path, digest)
            self._proved.add(digest)
        return job


def load_job(path: Path) -> Job:
    """The job of a plan file; raises FileError for no plan and NotCertified where plan and certificate do not belong
    together.
    """
    plan = read_plan(path)
    proved = certified(plan)
    cell = cell_from_inputs(plan.inputs)
    if len(plan.start) != 1:
        text = f"the plan moves {len(plan.start)} groups; exactly one can be executed"
        raise FileError(Finding("X406", text, Place(str(path))))
    (group,) = plan.start
    try:
        axes = cell.axes(group)
        times, drawn, power = process_times(plan, cell), drawn_steps(plan, cell), weld_powers(plan, cell)
        beads = bead_procedures(plan, cell)
    except KeyError as error:
        text = f"the plan names {error}, which is not in its cell"
        raise FileError(Finding("X406", text, Place(str(path)))) from None
    return Job(
        proved,
        joint_envelope(axes),
        times,
        dispenser_lines(cell) if beads else arc_lines(cell),
        gripper_lines(cell, axes.mechanisms[0]),
        screw_lines(cell),
        reach=joint_reach(cell, axes),
        drawn=drawn,
        analog=analog_signals(cell),
        power=power,
        beads=beads,
    )


def demand_same_cell(planned: Iterable[Input], own: Iterable[Input]) -> None:
    """Raise UsageError (X417) where a plan was made for another cell than this one.

    The task and the named configurations may differ: they are what a plan is about, not what stands in the cell.
    """
    theirs, ours = _standing(planned), _standing(own)
    differ = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
    if differ:
        text = f"the plan was made for another cell than this one: {differ[0]} differs"
        more = f" and {len(differ) - 1} more" if len(differ) > 1 else ""
        raise UsageError(Finding("X417", text + more, suggestion="plan the task again for the cell as it is"))


def demand_proof(path: Path, digest: str) -> None:
    """Prove a plan file in a process of its own; raises NotCertified: what that says, X418 where it says nothing."""
    command = [sys.executable, "-P", "-m", "cellctl.execution.prove", str(path)]
    environment = os.environ | {"PYTHONPATH": import_path()}
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment)
    try:
        said = json.loads(ended.stdout)
        findings = [finding_from_json(finding) for finding in said["findings"]]
    except (ValueError, KeyError, TypeError):
        last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"it ended with {ended.returncode}"]
        raise NotCertified(Finding("X418", f"the plan could not be proved again: {last[0]}")) from None
    if findings:
        raise NotCertified(findings)
    if said["plan"] != digest:
        raise NotCertified(Finding("C320", "the plan file was changed while it was loaded"))


def _standing(inputs: Iterable[Input]) -> dict[str, str]:
    """Digests of what stands in a cell, by reference."""
    found = {}
    for item in inputs:
        if item.kind == "cell":
            found[item.reference] = _without_configurations(item)
        elif item.kind != "task":
            found[item.reference] = item.sha256
    return found


def _without_configurations(cell: Input) -> str:
    tree = json.loads(cell.content)
    for mechanism in tree.get("mechanisms", {}).values():
        mechanism.pop("configurations", None)
    return json.dumps(tree, sort_keys=True)
