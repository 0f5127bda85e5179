"""What a run really did: welds and beads read back from measured joints by the code that judges plans.

A seam that was welded in several passes, in one run or in a run and the one that went on with it, is joined to one weld
before it is judged; what lies in the overlap of a restart counts once.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import CellctlError, Finding
from cellctl.execution.records.survey import surveyed
from cellctl.execution.records.trace import Trace, read_trace
from cellctl.files import read_plan, task_from_inputs
from cellctl.model.bead import BeadProcedure
from cellctl.model.certificate import SeamRecord
from cellctl.model.plan import SeamSection, Segment
from cellctl.model.pose import FloatArray
from cellctl.model.task import SeamStep, Task
from cellctl.model.wps import SeamProcedure, Wps, arc_of
from cellctl.processes.power import power_line
from cellctl.proof.conformance import check_seam
from cellctl.proof.deposits import Executed
from cellctl.proof.gates import EXECUTED

PLAN_FILE = "plan.zip"
TRACE_FILE = "trace.csv"
ESTABLISHED = 2
"""`arc` in a trace while the arc burns or a bead is laid."""
_JOIN_AFTER = 2e-3
_UP_TO_SPEED = 0.5e-3
_MOST_RUNS = 50
_OF_SPEED = ("C315", "C316")
"""What is not held against a pen: its speed makes no seam, and small arms measure it coarsely."""


@dataclass(frozen=True, slots=True)
class MeasuredWeld:
    """One weld or bead of a run as measured, with the executed gates that it breaks.

    `record` is None where no arc burnt and no bead was laid; its length is that of what was.
    """

    seam: str
    record: SeamRecord | None
    findings: tuple[Finding, ...]

    def verdict(self) -> tuple[Finding, ...]:
        """What keeps the seam from being welded to its procedure, C336 where it was not welded at all."""
        if self.record is not None:
            return self.findings
        return (Finding("C336", f"{self.seam}: nothing was done along it in this run"),)


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """One stretch of burning arc or of a bead: times (n,) s, path parameters (n,) m, measured joints (n, dof), the rate
    of path time, the power of the arc (n,) W and the flow of the bead (n,) m^3/s; 0 where nobody measured it.
    """

    t: FloatArray
    s: FloatArray
    q: FloatArray
    rate: FloatArray
    power: FloatArray
    flow: FloatArray

    def where(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Pass:
        """Some of its cycles."""
        return Pass(self.t[rows], self.s[rows], self.q[rows], self.rate[rows], self.power[rows], self.flow[rows])


def measured_welds(folder: str | Path) -> tuple[MeasuredWeld, ...]:
    """The welds and beads of a run folder from its measured joints, in the order of the plan; raises FileError for no
    run.

    Of a run that went on with an earlier one, the welds of both.
    """
    plan = read_plan(Path(folder) / PLAN_FILE)
    task = task_from_inputs(plan.inputs)
    traces = [read_trace(run / TRACE_FILE) for run in chain_of_runs(Path(folder))]
    return tuple(
        _measured(task, traces, index, segment)
        for index, segment in enumerate(plan.segments)
        if segment.process is not None
    )


def chain_of_runs(folder: Path) -> list[Path]:
    """The folders of a run and of those that it went on with, the earliest first, as far as they are there."""
    chain = [folder]
    with suppress(CellctlError):
        while (earlier := surveyed(chain[0]).resumes) and len(chain) < _MOST_RUNS:
            before = (chain[0] / earlier).resolve()
            if not (before / TRACE_FILE).is_file():
                break
            chain.insert(0, before)
    return chain


def _measured(task: Task, traces: list[Trace], index: int, segment: Segment) -> MeasuredWeld:
    """One weld or bead from the cycles in which its source worked and the path moved on."""
    section, step = segment.process, task.steps[segment.step]
    assert section is not None and isinstance(step, SeamStep)
    procedure = task.cell.procedures[section.wps]
    draws = isinstance(procedure, Wps) and procedure.draws
    passes = [
        burnt
        for trace in traces
        for burnt in (drawn_passes(trace, index, section) if draws else passes_of(trace, index))
        if len(burnt.t) >= 3
    ]
    if not passes:
        return MeasuredWeld(step.seam, None, ())
    whole = joined(passes, section.travel_speed)
    where = f"step {segment.step + 1}, {step.seam}, measured"
    executed = _executed(procedure, section.travel_speed, whole)
    record, findings = check_seam(task.cell, segment.group, step, section, whole.t, whole.q, EXECUTED, where, executed)
    if draws:
        findings = tuple(finding for finding in findings if finding.code not in _OF_SPEED)
    findings = (*findings, *(late_cycles(passes, where) if findings else ()))
    return MeasuredWeld(step.seam, replace(record, length=welded_length(passes)), findings)


def welded_length(passes: list[Pass]) -> float:
    """How much of a seam was welded, m: an overlap counts once, a gap not at all."""
    length = reached = 0.0
    for start, end in sorted((float(burnt.s.min()), float(burnt.s.max())) for burnt in passes):
        length += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return length


def drawn_passes(trace: Trace, segment: int, section: SeamSection) -> list[Pass]:
    """The stretch of a trace in which a pen went along its seam."""
    on = (trace.segment == segment) & (trace.s > section.begin) & (trace.s < section.end)
    return [_rows(trace, np.flatnonzero(on))]


def _rows(trace: Trace, rows: NDArray[np.intp]) -> Pass:
    whole = Pass(trace.time, trace.s, trace.measured, trace.rate, trace.arc_power, trace.bead_flow)
    return whole.where(rows)


def _executed(procedure: SeamProcedure, travel_speed: float, whole: Pass) -> Executed | None:
    """What was commanded and measured of an arc whose power went with its speed, or of a bead; None for a process that
    was not to be slowed down and of which nothing was measured.
    """
    if isinstance(procedure, BeadProcedure):
        return Executed(np.clip(whole.rate, procedure.slowest(travel_speed), 1.0), whole.power, whole.flow)
    arc = arc_of(procedure)
    if arc is None or (arc.override == "blocked" and not whole.power.any()):
        return None
    line = power_line(arc, travel_speed)
    rate = np.array([line.share(one) for one in whole.rate.tolist()])
    expected = [power.voltage * power.current for power in map(line.at, rate.tolist())]
    return Executed(rate, whole.power if whole.power.any() else np.array(expected), whole.flow)


def late_cycles(passes: list[Pass], where: str) -> tuple[Finding, ...]:
    """That cycles came late in an arc or a bead (X489), by the arm's own clock; nothing where all came in time."""
    gaps = np.concatenate([np.diff(burnt.t) for burnt in passes])
    period = float(np.median(gaps))
    late = gaps[gaps > 1.5 * period]
    if not len(late):
        return ()
    text = f"{where}: the host was late, {len(late)} cycles on this seam, the worst by"
    worst = f"{(late.max() - period) * 1e3:.0f} ms"
    return (Finding("X489", f"{text} {worst}", suggestion="take load off this machine", severity="note"),)


def passes_of(trace: Trace, segment: int) -> list[Pass]:
    """The stretches of a trace in which the arc burnt without a break in `segment`."""
    burning = np.flatnonzero((trace.segment == segment) & (trace.arc == ESTABLISHED))
    if not len(burning):
        return []
    pieces = np.split(burning, np.flatnonzero(np.diff(burning) > 1) + 1)
    return [_rows(trace, rows) for rows in pieces]


def joined(passes: list[Pass], speed: float) -> Pass:
    """Several passes as one: each later one takes over just behind where it was struck, at `speed` (m/s)."""
    whole = passes[0]
    for later in passes[1:]:
        strike = float(later.s[0])
        kept = whole.s <= strike + _JOIN_AFTER
        if not kept.any():
            whole = later
            continue
        last = float(whole.s[kept][-1])
        new = later.s > max(last, strike + _UP_TO_SPEED)
        if not new.any():
            continue
        shift = whole.t[kept][-1] + (later.s[new][0] - last) / speed - later.t[new][0]
        first, second = whole.where(kept), later.where(new)
        whole = Pass(
            np.concatenate([first.t, second.t + shift]),
            np.concatenate([first.s, second.s]),
            np.vstack([first.q, second.q]),
            np.concatenate([first.rate, second.rate]),
            np.concatenate([first.power, second.power]),
            np.concatenate([first.flow, second.flow]),
        )
    return whole
