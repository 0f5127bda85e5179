"""What a run really did: welds read back from measured joints by the code that judges plans."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellctl.errors import Finding
from cellctl.execution.trace import Trace, read_trace
from cellctl.files import read_plan, task_from_inputs
from cellctl.model.certificate import SeamRecord
from cellctl.model.plan import Segment
from cellctl.model.task import Task, Weld
from cellctl.proof.conformance import EXECUTED, check_weld

PLAN_FILE = "plan.zip"
TRACE_FILE = "trace.csv"
ESTABLISHED = 2
"""`arc` in a trace while the arc burns."""


@dataclass(frozen=True, slots=True)
class MeasuredWeld:
    """One weld of a run as measured, with the executed gates that it breaks; `record` is None where no arc burnt."""

    seam: str
    record: SeamRecord | None
    findings: tuple[Finding, ...]

    def verdict(self) -> tuple[Finding, ...]:
        """What keeps the seam from being welded to its procedure, C336 where it was not welded at all."""
        if self.record is not None:
            return self.findings
        return (Finding("C336", f"{self.seam}: no arc burnt on it in this run"),)


def measured_welds(folder: str | Path) -> tuple[MeasuredWeld, ...]:
    """The welds of a run folder from its measured joints, in the order of the plan; raises FileError for no run."""
    plan = read_plan(Path(folder) / PLAN_FILE)
    task = task_from_inputs(plan.inputs)
    trace = read_trace(Path(folder) / TRACE_FILE)
    return tuple(
        _measured(task, trace, index, segment)
        for index, segment in enumerate(plan.segments)
        if segment.process is not None
    )


def _measured(task: Task, trace: Trace, index: int, segment: Segment) -> MeasuredWeld:
    """One weld from the cycles in which its arc burnt and the path moved on."""
    section, step = segment.process, task.steps[segment.step]
    assert section is not None and isinstance(step, Weld)
    burning = np.flatnonzero((trace.segment == index) & (trace.arc == ESTABLISHED))
    if len(burning) < 3:
        return MeasuredWeld(step.seam, None, ())
    t, q = trace.time[burning], trace.measured[burning]
    where = f"step {segment.step + 1}, {step.seam}, measured"
    record, findings = check_weld(task.cell, segment.group, step, section, t, q, EXECUTED, where)
    return MeasuredWeld(step.seam, record, findings)
