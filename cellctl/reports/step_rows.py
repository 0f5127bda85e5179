"""A check step by step: what a report says about each step of a task, and what belongs to none. Judges nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from cellctl.errors import Finding, Place
from cellctl.jobs.checking import Checked
from cellctl.model.bead import BeadProcedure
from cellctl.model.certificate import Gap, SegmentRecord
from cellctl.model.task import SeamStep, Step, Task, step_name
from cellctl.model.wps import Wps
from cellctl.processes.procedure import deposited_area, even_fillet, heat_input, seam_settings

FILLETS = ("t", "lap")
"""Joints whose seam is a fillet between faces at right angles."""
Outcome = Literal["passed", "failed", "not proved"]


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a checked task, SI. `time` is its motion at full override; `clearance` the smallest gap that was
    proved among the pairs of the cell's own margin, `nearest` the gap with the least above its margin, of any pair. A
    weld has the heat input (J/m) and the cross-section of its metal (m^2) that follow from its procedure's nominal
    values, and a fillet the throat (m) of an even one of that cross-section; a bead has its own cross-section.
    """

    index: int
    name: str
    place: Place | None
    outcome: Outcome
    time: float | None
    clearance: float | None
    nearest: Gap | None
    findings: tuple[Finding, ...]
    heat_input: float | None = None
    deposited_area: float | None = None
    fillet_throat: float | None = None

    @property
    def title(self) -> str:
        """`step 2: weld tray.left`."""
        return f"step {self.index + 1}: {self.name}"


def step_rows(checked: Checked) -> tuple[StepRow, ...]:
    """One row for every step of the task, in order; none where the task could not be read."""
    task = checked.task
    if task is None:
        return ()
    of_step: dict[int, list[Finding]] = {index: [] for index in range(len(task.steps))}
    for finding in checked.findings:
        step = step_of(finding)
        if step in of_step:
            of_step[step].append(finding)
    return tuple(_row(checked, index, tuple(found)) for index, found in of_step.items())


def row_data(row: StepRow) -> dict[str, object]:
    """A row as JSON values, SI; of its findings the codes."""
    return {**asdict(row), "findings": [finding.code for finding in row.findings]}


def step_of(finding: Finding) -> int | None:
    """The index of the step that a finding is about, None where it is about no single one."""
    step = finding.data.get("step")
    return step if isinstance(step, int) else None


def other_findings(checked: Checked) -> tuple[Finding, ...]:
    """What was found about no single step: the files, the start, the plan as a whole."""
    return tuple(finding for finding in checked.findings if step_of(finding) is None or checked.task is None)


def _row(checked: Checked, index: int, findings: tuple[Finding, ...]) -> StepRow:
    task = checked.task
    assert task is not None
    records = [record for record in checked.records if record.step == index]
    failed = any(finding.severity == "error" for finding in findings)
    outcome: Outcome = "failed" if failed else "passed" if checked.records else "not proved"
    return StepRow(
        index=index,
        name=step_name(task.steps[index]),
        place=task.places[index] if index < len(task.places) else None,
        outcome=outcome,
        time=sum(record.duration for record in records) if checked.records else None,
        clearance=clearance_of(records, task.cell.margins.clearance),
        nearest=_nearest(records),
        findings=findings,
        **_deposit(task, task.steps[index]),
    )


def _deposit(task: Task, step: Step) -> dict[str, float]:
    if not isinstance(step, SeamStep):
        return {}
    wps = task.cell.procedures[step.procedure]
    speed = seam_settings(step, wps).travel_speed
    if isinstance(wps, BeadProcedure):
        return {"deposited_area": wps.cross_section.nominal}
    if not isinstance(wps, Wps):
        return {}
    area = deposited_area(wps.wire_diameter, wps.wire_feed_speed.nominal, speed)
    fillet = {"fillet_throat": even_fillet(area)[1]} if task.cell.seam(step.seam)[1].joint_type in FILLETS else {}
    return {
        "heat_input": heat_input(wps.voltage.nominal, wps.current.nominal, speed, wps.heat_factor),
        "deposited_area": area,
        **fillet,
    }


def clearance_of(records: list[SegmentRecord], margin: float) -> float | None:
    """The smallest gap (m) that was proved among the pairs that must keep `margin`, None where none came near."""
    return min((gap.proved for record in records for gap in record.gaps if gap.margin == margin), default=None)


def _nearest(records: list[SegmentRecord]) -> Gap | None:
    gaps = (gap for record in records for gap in record.gaps)
    return min(gaps, key=lambda gap: gap.proved - gap.margin, default=None)
