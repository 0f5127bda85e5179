"""Go on after a crash, a stop or a fault: say what was done, find the arm again, bring it back, weld on or finish dry.

Nothing moves and nothing is struck unless the caller chose so. The plan is the one that was run, proved again; the pose
is read anew; the way back is the certified path itself, or a move that is planned and proved for it.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cellctl.drivers.waypoint_arm import Reference
from cellctl.errors import FileError, Finding, NotCertified, Place, UsageError
from cellctl.files import cell_from_inputs, write_plan
from cellctl.jobs.own_planner import finding_reference, moved
from cellctl.jobs.proving import verify
from cellctl.jobs.resuming_screws import ScrewStands, survey_with_screw, unfinished_screw
from cellctl.jobs.running import (
    PLAN_FILE,
    Running,
    connect,
    demand_driver,
    demand_empty,
    new_run_folder,
    raise_unless_done,
)
from cellctl.model.event import Event
from cellctl.model.plan import CertifiedPlan, FixedSegment
from cellctl.model.pose import FloatArray

if TYPE_CHECKING:
    from cellctl.execution.job import Entry
    from cellctl.execution.records.outcome import Outcome
    from cellctl.execution.records.survey import GripSurvey, Survey

ArcAfter = Literal["restart", "dry"]
"""What becomes of a seam that was cut: weld on with an overlap, or finish it without arc."""
GripperStands = Literal["closed", "open"]
"""How a person finds the gripper: about the part, or open."""
DEFAULT_OVERLAP = 5e-3
LEAST_OVERLAP = 3.5e-3
"""m: journal interval, one cycle and stopping distance, where the journal broke off while the arc burnt."""
LONGEST_OVERLAP = 0.1
ON_PATH = np.radians(0.1)
ON_PATH_AT_SEAM = np.radians(0.02)
"""How near to the path an arm must stand to go on from there, rad: away from the part, and where it may touch it."""
WAY_BACK = "way_back"
"""Folder in the new run's that holds the record of the move back to the path."""
_STANDS = "stands"


@dataclass(frozen=True, slots=True, eq=False)
class Interrupted:
    """A run that can be gone on with: its certified plan, what its journal says, and its folder."""

    folder: Path
    certified: CertifiedPlan
    survey: Survey

    @property
    def seam(self) -> str:
        """The seam that was cut, empty for none."""
        cut = self.survey.cut
        process = None if cut is None else self.certified.plan.segments[cut[0]].process
        return "" if process is None else process.seam

    @property
    def lays_beads(self) -> bool:
        """Whether the seams of its plan get beads, and no welds."""
        sections = (segment.process for segment in self.certified.plan.segments)
        return any(section.lays_bead for section in sections if section is not None)


def interrupted(folder: str | Path) -> Interrupted:
    """What there is to resume in a run folder; the plan in it is proved again.

    Raises FileError for no run or a damaged one, NotCertified for another plan than was run, UsageError for a run that
    was completed (X442), is in progress (X443), or was gone on with already (X446).
    """
    from cellctl.execution.records.survey import surveyed

    folder = Path(folder)
    if not (folder / PLAN_FILE).is_file():
        raise FileError(Finding("U612", f"this folder holds no {PLAN_FILE}, so it is no run", Place(str(folder))))
    survey = surveyed(folder)
    if survey.ending == "running":
        raise UsageError(Finding("X443", "this run is still in progress", Place(str(folder))))
    if survey.ending == "done":
        raise UsageError(Finding("X442", "this run was completed, there is nothing to resume", Place(str(folder))))
    if (later := _gone_on_with(folder)) is not None:
        text = f"this run was gone on with in '{later.name}', which knows what has been done since"
        raise UsageError(Finding("X446", text, Place(str(folder)), f"resume '{later}' if that was cut off too"))
    certified = verify(folder / PLAN_FILE)
    if certified.certificate.plan_sha256 != survey.plan_sha256:
        text = "the plan in this folder is not the one that the journal says was run"
        raise NotCertified(Finding("X441", text, Place(str(folder))))
    return Interrupted(folder, certified, survey)


def _gone_on_with(folder: Path) -> Path | None:
    """The run beside `folder` that went on with it, if there is one: its plan is run once, wherever it was cut."""
    from cellctl.execution.records.survey import surveyed

    own = folder.absolute()
    for journal in sorted(own.parent.glob("*/journal.jsonl")):
        with suppress(FileError):
            if journal.parent != own and Path(surveyed(journal.parent).resumes).name == own.name:
                return journal.parent
    return None


def resume(
    found: Interrupted,
    *,
    arc: ArcAfter,
    overlap: float = DEFAULT_OVERLAP,
    gripper: GripperStands | None = None,
    screw: ScrewStands | None = None,
    driver: str = "sim",
    real_time: bool = False,
    wiring: str = "",
    io: str = "",
    io_file: str = "",
    reference: Reference | None = None,
    experimental: bool = False,
    folder: str | Path | None = None,
) -> Running:
    """Go on with an interrupted run and yield what happens; the record goes to a folder of its own.

    `overlap` (m) is how far before the cut the arc is struck again. `gripper` is how a person finds the gripper, asked
    for where something was gripped (X429); what it has not done yet is then done. `screw` is what a person has made of
    a screw that was begun (X447). A simulated arm is put where the record says that it stood; a real one is where it
    is; `reference` and `experimental` are as for `run`. Raises as `run` does, X444 for an overlap that may leave a gap,
    and PlanningFailed where no certified way leads back.
    """
    demand_driver(driver, io, io_file, experimental=experimental)
    _demand_overlap(found, arc, overlap)
    first = first_after_grips(found, gripper)
    found = replace(found, survey=survey_with_screw(found.survey, screw))
    plan = found.certified.plan
    target = new_run_folder(plan.task_name) if folder is None else Path(folder)
    demand_empty(target)
    cell = cell_from_inputs(plan.inputs)
    standing = ",".join(repr(float(q)) for q in last_pose(found))

    def begin(running: Running) -> Generator[Event, None, Outcome]:
        with (
            connect(
                cell,
                driver=driver,
                real_time=real_time,
                wiring=wiring,
                io=io,
                io_file=io_file,
                experimental=experimental,
                at=standing,
            ) as connected,
            running.attached(connected) as link,
        ):
            if reference is not None:
                yield from finding_reference(link, reference)
            here = link.joints()
            entry = entry_on_path(found, here, arc, overlap)
            if first is not None:
                entry = entry_between_grips(found, entry, first)
            if entry is None:
                entry = entry_at_boundary(found, arc, overlap)
                there = _boundary_joints(found, entry.segment)
                way = moved(link, plan.inputs, _group(found), here, there, folder=target / WAY_BACK)
                raise_unless_done((yield from way))
            plan_file = link.scratch / PLAN_FILE
            write_plan(plan, plan_file)
            outcome = yield from link.run(
                plan_file, target, entry=entry, resumes=found.folder, part_id=found.survey.part_id
            )
        raise_unless_done(outcome)
        return outcome

    return Running(begin)


def entry_on_path(found: Interrupted, here: FloatArray, arc: ArcAfter, overlap: float) -> Entry | None:
    """Where to go on from joints `here` (dof,) along the path itself; None where the arm stands off it, or beyond a
    seam that is to be restarted.
    """
    survey, segments = found.survey, found.certified.plan.segments
    around = range(max(survey.segment - 1, 0), min(survey.segment + 2, len(segments)))
    begun = unfinished_screw(survey)
    around = around if begun is None else range(around.start, begun.segment + 1)
    places = [(*_nearest(segments[index], here), index) for index in around]
    away, s, index = min(places, key=lambda place: (place[0], abs(place[2] - survey.segment)))
    if away > (ON_PATH_AT_SEAM if segments[index].contacts else ON_PATH):
        return None
    if arc == "restart" and survey.cut is not None and index > survey.cut[0]:
        return None
    return _entry(found, index, s, arc, overlap)


def entry_at_boundary(found: Interrupted, arc: ArcAfter, overlap: float) -> Entry:
    """Where to go on from the beginning of a segment that lies free: before the seam that is to be welded on or was
    not begun, else on the way to the next one.
    """
    survey, segments = found.survey, found.certified.plan.segments
    index = survey.segment
    if survey.cut is not None:
        seam = survey.cut[0] if arc == "restart" else None
    else:
        step = segments[index].step
        welds = [k for k, segment in enumerate(segments) if segment.step == step and segment.kind == "process"]
        seam = next((k for k in welds if k not in survey.done and segments[index].contacts), None)
    if seam is not None:
        while segments[seam - 1].contacts and segments[seam - 1].step == segments[seam].step:
            seam -= 1
        return _entry(found, seam, None, arc, overlap)
    while index + 1 < len(segments) and segments[index].contacts:
        index += 1
    return _entry(found, index, None, arc, overlap)


def last_grip(found: Interrupted) -> GripSurvey | None:
    """What the gripper was told last, in this run or before it, None where nothing."""
    from cellctl.execution.records.survey import GripSurvey

    if found.survey.grips:
        return found.survey.grips[-1]
    segments = found.certified.plan.segments[: found.survey.segment]
    earlier = [(k, segment.gripper) for k, segment in enumerate(segments) if segment.gripper is not None]
    return GripSurvey(earlier[-1][0], earlier[-1][1].command, earlier[-1][1].part, known=True) if earlier else None


def first_after_grips(found: Interrupted, gripper: GripperStands | None) -> int | None:
    """The first segment after everything that the gripper has done for good, None where it has done nothing.

    Raises UsageError (X429) where nobody has said how the gripper stands, or it stands as it cannot go on.
    """
    last = last_grip(found)
    if last is None:
        return None
    if gripper is None:
        text = f"the gripper was told to {last.command} ('{last.part}'), and a grip is not repeated by itself"
        hint = "look at it, then say --gripper closed (it holds the part) or --gripper open"
        raise UsageError(Finding("X429", text, suggestion=hint))
    has_done_it = (gripper == "closed") is (last.command == "close")
    if has_done_it:
        return last.segment + 1
    if last.known:
        text = f"the gripper has {'closed about' if last.command == 'close' else 'let go'} '{last.part}'"
        raise UsageError(Finding("X429", f"{text}, and is {gripper} now: the plan does not go on from that"))
    return last.segment


def entry_between_grips(found: Interrupted, entry: Entry | None, first: int) -> Entry:
    """The entry, no earlier than what the gripper has done and no later than what it has not done yet.

    Raises UsageError (X429) off the path: no way back is planned for an arm that may hold a part.
    """
    if entry is None:
        text = "the arm does not stand on its path, and its gripper has handled parts: no certified way leads back"
        raise UsageError(Finding("X429", text, suggestion="clear the cell and begin the task anew"))
    segments = found.certified.plan.segments
    due = next((k for k in range(first, len(segments)) if segments[k].gripper is not None), len(segments) - 1)
    index = min(max(entry.segment, first), due)
    return entry if index == entry.segment else replace(entry, segment=index, s=None)


def last_pose(found: Interrupted) -> FloatArray:
    """Where the arm stood at last, as its own controller's log says; else as the trace does; else the plan's start."""
    from cellctl.execution.records.record import TRACE
    from cellctl.execution.records.trace import read_trace

    with suppress(OSError):
        for line in reversed((found.folder / "weld_source.jsonl").read_text().splitlines()):
            with suppress(ValueError, KeyError, TypeError):
                said = json.loads(line)
                if said["event"] == _STANDS:
                    return np.array(said["joints"], dtype=np.float64)
                break
    with suppress(FileError):
        trace = read_trace(found.folder / TRACE)
        if len(trace):
            last: FloatArray = trace.measured[-1]
            return last
    (start,) = found.certified.plan.start.values()
    return start


def _entry(found: Interrupted, index: int, s: float | None, arc: ArcAfter, overlap: float) -> Entry:
    from cellctl.execution.job import CutSeam, Entry

    cut = found.survey.cut
    if cut is None:
        return Entry(index, s, found.survey.done)
    process = found.certified.plan.segments[cut[0]].process
    first = process.begin if process else 0.0
    strike = max(cut[1] - overlap, first) if arc == "restart" else None
    return Entry(index, s, found.survey.done, CutSeam(cut[0], cut[1], strike))


def _nearest(segment: FixedSegment, here: FloatArray) -> tuple[float, float]:
    """The largest joint distance (rad) of `here` from the nearest point of a segment, and its path parameter."""
    low, high = segment.path.start, segment.path.end
    away, s = np.inf, low
    for _ in range(4):
        places = np.linspace(low, high, 400)
        distance = np.abs(segment.path(places) - here).max(axis=1)
        best = int(distance.argmin())
        away, s = float(distance[best]), float(places[best])
        low, high = float(places[max(best - 2, 0)]), float(places[min(best + 2, 399)])
    return away, s


def _boundary_joints(found: Interrupted, index: int) -> FloatArray:
    segment = found.certified.plan.segments[index]
    joints: FloatArray = segment.path(segment.path.start)[0]
    return joints


def _group(found: Interrupted) -> str:
    (group,) = found.certified.plan.start
    return group


def _demand_overlap(found: Interrupted, arc: ArcAfter, overlap: float) -> None:
    least = LEAST_OVERLAP if found.survey.doubtful else 0.0
    if arc == "restart" and not least <= overlap <= LONGEST_OVERLAP:
        why = ", for the journal does not say to the last millimetre how far the seam got" if least else ""
        text = f"an overlap lies between {least * 1e3:g} and {LONGEST_OVERLAP * 1e3:g} mm here{why}"
        raise UsageError(Finding("X444", f"{text}; it is {overlap * 1e3:g} mm"))
