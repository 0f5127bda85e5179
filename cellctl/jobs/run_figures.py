"""Key figures of a run: cycle time against the plan, arc-on ratio, waiting, energy. They judge nothing.

Energy is an estimate: joint work comes from the simulated motors' torques, which rest on the masses of the robot file,
and arc energy from measured voltage and current where the cell shows them, else from the procedure's nominal ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellctl.execution.records.record import EVENTS, JOURNAL, OUTCOME, TRACE
from cellctl.execution.records.survey import ScrewSurvey, Survey, surveyed
from cellctl.execution.records.trace import Trace, read_trace
from cellctl.files import read_plan, task_from_inputs
from cellctl.model.plan import Plan
from cellctl.model.pose import FloatArray
from cellctl.model.wps import arc_of

PLAN_FILE = "plan.zip"
_STANDS = 1e-9
_BURNS = 2


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One run in figures, SI. `began` is wall time, s; `codes` are those of the findings that ended it.

    `run_time` is what passed on the arm's clock, `planned` the motion time of the plan, `arc_time` how long the arc
    burnt or a bead was laid, `waiting` how long the arm stood without either, `held` how often it was held.
    `joint_work` is the mechanical work of the motors (J, estimated), `arc_energy` that of the arc (J, estimated).
    `late` is the histogram of the executor's cycles; `stalls` is how often the clock of a simulated arm stood because
    its host did not let it run, and `stalled` for how long. `screws` says what became of each that was begun,
    `bead_volume` is what went through the dispenser's meter (m^3). `part_id` is the work piece as who ran it called it.
    """

    folder: str
    task: str
    plan_sha256: str
    wps: str
    began: float
    status: str
    codes: tuple[str, ...]
    run_time: float
    planned: float
    arc_time: float
    waiting: float
    held: int
    joint_work: float
    arc_energy: float
    resumes: str
    operator: tuple[str, ...]
    late: tuple[int, ...]
    stalls: int
    stalled: float
    screws: tuple[str, ...] = ()
    bead_volume: float = 0.0
    part_id: str = ""

    @property
    def arc_on_ratio(self) -> float:
        """Share of the run in which the arc burnt."""
        return self.arc_time / self.run_time if self.run_time > 0.0 else 0.0


def run_figures(folder: str | Path) -> RunFigures:
    """The figures of a run folder; raises FileError for no run or a damaged one."""
    folder = Path(folder)
    plan = read_plan(folder / PLAN_FILE)
    survey = surveyed(folder)
    trace = read_trace(folder / TRACE)
    outcome = _outcome(folder)
    burns = trace.arc == _BURNS
    dt = np.diff(trace.time, prepend=trace.time[:1])
    stands = np.abs(np.diff(trace.commanded, axis=0, prepend=trace.commanded[:1])).max(axis=1, initial=0.0) < _STANDS
    return RunFigures(
        folder=folder.name,
        task=plan.task_name,
        plan_sha256=survey.plan_sha256,
        wps=" ".join(sorted({segment.process.wps for segment in plan.segments if segment.process})),
        began=_began(folder),
        status=str(outcome.get("status", survey.ending)),
        codes=tuple(finding["code"] for finding in outcome.get("findings", ())),
        run_time=float(trace.time[-1]) if len(trace) else 0.0,
        planned=plan.cycle_time,
        arc_time=float(dt[burns].sum()),
        waiting=float(dt[stands & ~burns].sum()),
        held=_count_of_state(folder, "held"),
        joint_work=float(positive_work(trace.measured, trace.torques)),
        arc_energy=_arc_energy(plan, trace, dt),
        resumes=survey.resumes,
        operator=tuple(f"{action.get('what')} by {action.get('who')}" for action in survey.actions),
        late=tuple(outcome.get("lateness", ())),
        stalls=int(outcome.get("stalls", 0)),
        stalled=float(outcome.get("stalled", 0.0)),
        screws=screw_lines(survey),
        bead_volume=float((trace.bead_flow * dt).sum()),
        part_id=survey.part_id,
    )


def screw_lines(survey: Survey) -> tuple[str, ...]:
    """What became of each screw that was begun in a run, in words."""
    return tuple(f"{screw.hole} {_screw_words(screw)}" for screw in survey.screws)


def _screw_words(screw: ScrewSurvey) -> str:
    """What became of a screw, and its figures as far as there are any."""
    said = "is tight" if screw.done else f"is not known to be sound{f' ({screw.code})' if screw.code else ''}"
    torque = "" if screw.torque is None else f", {screw.torque:.2f} Nm"
    return said + torque + ("" if screw.angle is None else f", {np.degrees(screw.angle):.0f} deg since snug")


def net_work(q: FloatArray, torques: FloatArray) -> float:
    """Work of the motors over joints `q` (n, dof) with `torques` (n, dof), J: what they gave less what they took."""
    return float(_works(q, torques).sum())


def positive_work(q: FloatArray, torques: FloatArray) -> float:
    """The work that the motors gave, J; what they took when braking is not given back."""
    return float(np.maximum(_works(q, torques), 0.0).sum())


def _works(q: FloatArray, torques: FloatArray) -> FloatArray:
    """Work of each joint over each interval (n - 1, dof), J, by the trapezoidal rule."""
    if len(q) < 2:
        return np.zeros((0, q.shape[1]))
    result: FloatArray = 0.5 * (torques[1:] + torques[:-1]) * np.diff(q, axis=0)
    return result


def _arc_energy(plan: Plan, trace: Trace, dt: FloatArray) -> float:
    task = task_from_inputs(plan.inputs)
    energy = 0.0
    for index, segment in enumerate(plan.segments):
        arc = None if segment.process is None else arc_of(task.cell.procedures[segment.process.wps])
        if arc is not None:
            burns = (trace.segment == index) & (trace.arc == _BURNS)
            nominal = arc.voltage.nominal * arc.current.nominal
            power = trace.arc_power if trace.arc_power.any() else np.full(len(trace), nominal)
            energy += float((power * dt)[burns].sum())
    return energy


def _outcome(folder: Path) -> dict[str, Any]:
    try:
        said = json.loads((folder / OUTCOME).read_text())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _began(folder: Path) -> float:
    first = (folder / JOURNAL).read_bytes().partition(b"\n")[0]
    return float(json.loads(first)["wall"])


def _count_of_state(folder: Path, state: str) -> int:
    count = 0
    for line in (folder / EVENTS).read_bytes().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        count += event.get("kind") == "state" and event["data"].get("state") == state
    return count
