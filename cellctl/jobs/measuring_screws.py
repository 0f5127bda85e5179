"""What a run really did to its screws, read back from measured joints by the code that judges plans: not the torque."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellctl.errors import Finding
from cellctl.execution.records.trace import Trace, read_trace
from cellctl.files import read_plan, task_from_inputs
from cellctl.jobs.measuring import PLAN_FILE, TRACE_FILE, chain_of_runs
from cellctl.model.cell import Cell
from cellctl.model.plan import Segment
from cellctl.model.task import Screw
from cellctl.proof.screwing import check_driven


@dataclass(frozen=True, slots=True)
class MeasuredScrew:
    """One screw of a run as measured while its driver was on: how far the bit was off the axis (`aside`, m), how much
    it leant (`lean`, rad), how far the screw went (`depth`, m), and the gates that it breaks. All None where nothing
    was driven.
    """

    hole: str
    aside: float | None
    lean: float | None
    depth: float | None
    findings: tuple[Finding, ...]

    def verdict(self) -> tuple[Finding, ...]:
        """What keeps the screw from being driven as planned, C368 where it was not driven at all."""
        if self.aside is not None:
            return self.findings
        return (Finding("C368", f"{self.hole}: no screw was driven into it in this run"),)


def measured_screws(folder: str | Path) -> tuple[MeasuredScrew, ...]:
    """The screws of a run folder from its measured joints, in the order of the plan; raises FileError for no run.

    Of a run that went on with an earlier one, each as it was driven last.
    """
    plan = read_plan(Path(folder) / PLAN_FILE)
    if all(segment.screw is None for segment in plan.segments):
        return ()
    task = task_from_inputs(plan.inputs)
    traces = [read_trace(run / TRACE_FILE) for run in chain_of_runs(Path(folder))]
    screws = []
    for index, segment in enumerate(plan.segments):
        step = task.steps[segment.step]
        if segment.screw is not None and isinstance(step, Screw):
            screws.append(_measured(task.cell, traces, index, segment, step))
    return tuple(screws)


def _measured(cell: Cell, traces: list[Trace], index: int, segment: Segment, step: Screw) -> MeasuredScrew:
    """One screw from the cycles in which its driver was on, of the last run that drove it."""
    line = cell.output_line("driver_run")
    for trace in reversed(traces):
        on = np.zeros(len(trace), dtype=np.bool_) if line is None else (trace.outputs >> line & 1).astype(np.bool_)
        rows = np.flatnonzero(on & (trace.segment == index))
        if len(rows):
            shown = trace.analog.get("driver_angle", np.full(len(trace), np.nan))[rows]
            where = f"step {segment.step + 1}, {step.hole}, measured"
            back, findings = check_driven(cell, segment.group, step, trace.measured[rows], shown, where)
            worst = float(back.aside.max()), float(back.lean.max()), float(back.left[0] - back.left.min())
            return MeasuredScrew(step.hole, *worst, findings)
    return MeasuredScrew(step.hole, None, None, None, ())
