"""`cellctl run`: a task or a plan, run on a simulated arm. Ctrl-C stops the arm on its path and ends the record."""

from __future__ import annotations

import json
import signal
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from cellctl.cli.consent import demand_consent
from cellctl.cli.output import Outcome
from cellctl.cli.plan import planned_and_proved
from cellctl.cli.progress import ProgressCall, progress
from cellctl.cli.stepping import Step, ask_how_to_go_on, stands_after_a_stride, step_of
from cellctl.errors import CellctlError, EnvironmentMissing, Faulted, Finding, Stopped
from cellctl.scene.engine import EngineName

if TYPE_CHECKING:
    from cellctl.jobs import Running
    from cellctl.jobs.measuring import MeasuredWeld
    from cellctl.model.event import Event
    from cellctl.model.plan import CertifiedPlan

PICTURE = "cell.png"
Percent = Annotated[float, Parameter(validator=Number(gte=1, lte=100))]


def run(
    subject: str,
    *,
    driver: str = "sim",
    yes: Annotated[bool, Parameter(negative="")] = False,
    wiring: Path | None = None,
    io: str = "",
    io_file: Path | None = None,
    reference: Literal["home", "assume"] | None = None,
    experimental: Annotated[bool, Parameter(negative="")] = False,
    override: Percent = 100.0,
    step: str | None = None,
    part: str = "",
    real_time: Annotated[bool, Parameter(negative="")] = False,
    seed: int = 0,
    engine: EngineName | None = None,
    folder: Path | None = None,
) -> Outcome:
    """Plan and prove a task, or prove a plan again, and run it; on a simulated arm unless another driver is named.

    Args:
        subject: A task file, or a plan file.
        driver: `sim` is the simulated arm, a process of its own; `memory` obeys at once, for a dry run;
            `dynamixel:PORT`, `feetech:PORT`, `grbl:PORT`, `mycobot:PORT` are arms on a serial line.
        yes: The real arm that is named may move.
        wiring: How the real arm is wired; by default the library's file for it.
        io: The line of the process devices, `modbus:PORT`; a simulated arm is then kept to its period.
        io_file: Which of the cell's signals are on that line; by default where the emulated devices have them.
        reference: How an arm on a G-code controller gets to know where it is: it finds its switches and moves for it
            (`home`), or you vouch for what it counts (`assume`).
        experimental: Also a driver that is known for its dangers: `ar4:PORT`.
        override: Speed of the moves without arc, in percent of what was planned. The path stays the same.
        step: Hold after every `segment`, `step` or length such as `10mm` and ask how to go on; no weld is cut for it.
        part: Which work piece it is: a serial number or the like, for the record.
        real_time: Let the simulated arm run by the clock on the wall, not as fast as it can.
        seed: For planning a task; the same seed and inputs give the same plan.
        engine: Who answers for the exact distances of the proof; PyBullet where it is installed, else coal.
        folder: Where to write the record; a new folder in `runs` unless given.
    """
    from cellctl import jobs

    jobs.demand_driver(driver, io, "" if io_file is None else str(io_file.absolute()), experimental=experimental)
    stride = step_of(step)
    demand_consent(driver, yes=yes, io=io)
    with progress() as say:
        certified = certified_subject(subject, seed=seed, engine=engine, say=say)
        folder = folder or jobs.new_run_folder(certified.plan.task_name)
        with gone_if_empty(folder):
            running = jobs.run(
                certified,
                driver=driver,
                real_time=real_time,
                wiring="" if wiring is None else str(wiring.absolute()),
                io=io,
                io_file="" if io_file is None else str(io_file.absolute()),
                reference=reference,
                experimental=experimental,
                override=override / 100.0,
                stride=None if stride is None else stride.unit,
                distance=0.0 if stride is None else stride.distance,
                part_id=part,
                folder=folder,
            )
            ended = followed(running, certified, folder, say=say, step=stride)
            certified = running.certified or certified
        say("reading the welds back from the measured joints", None)
        welds = measured(folder, ended)
        say("drawing the cell", None)
        picture = drawn(certified, folder)
    return outcome_of_run(certified, folder, picture, welds, ended)


@contextmanager
def gone_if_empty(folder: Path) -> Iterator[None]:
    """Take the folder of a run away again where an error came before anything was written into it."""
    try:
        yield
    except CellctlError:
        with suppress(OSError):
            folder.rmdir()
        raise


def certified_subject(subject: str, *, seed: int, engine: EngineName | None, say: ProgressCall) -> CertifiedPlan:
    """The certified plan of a task file, or of a plan file, which is proved again; raises CellctlError."""
    from cellctl import jobs

    if Path(subject).is_file() and (subject.endswith(".zip") or zipfile.is_zipfile(subject)):
        say(f"reading {subject}", None)
        return jobs.verify(subject, engine=engine, progress=say)
    return planned_and_proved(subject, seed=seed, engine=engine, say=say)


def drawn(certified: CertifiedPlan, folder: Path) -> Path | None:
    """Write the picture of the cell into the folder of a run; None where it cannot be drawn or there is no room."""
    from cellctl.reports import picture

    path = folder / PICTURE
    try:
        picture.write_run_png(certified.plan, folder, path)
    except (EnvironmentMissing, OSError):
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return None
    return path


def measured(folder: Path, ended: Ended) -> Sequence[MeasuredWeld]:
    """The welds as measured; of a run that did not come to its end, none where its record does not reach so far."""
    from cellctl import jobs

    if ended.stopped is None:
        return jobs.measured_welds(folder)
    with suppress(CellctlError, OSError):
        return jobs.measured_welds(folder)
    return ()


def outcome_of_run(
    certified: CertifiedPlan,
    folder: Path,
    picture: Path | None,
    welds: Sequence[MeasuredWeld],
    ended: Ended,
) -> Outcome:
    """What a person and a machine are told at the end of a run, be it a good one or a stopped one."""
    from cellctl.jobs import measured_screws
    from cellctl.reports.tables import closing_line, proof_data, seam_tables

    measured = [weld.record for weld in welds]
    screws = _screws(folder)
    drawn_as = picture or "not drawn: no PyBullet, or no room"
    places = (*(f"screw   {line}" for line in screws), f"record  {folder}", f"picture {drawn_as}")
    data = {
        "record": str(folder),
        "completed": ended.stopped is None,
        "run_time": ended.time,
        "picture": None if picture is None else str(picture),
        "screws": screws,
        **proof_data(certified, measured),
    }
    if ended.stopped is not None:
        return Outcome(text=places, data=data, findings=ended.stopped.findings, exit_code=ended.stopped.exit_code)
    driven = measured_screws(folder)
    off = (*(f for weld in welds for f in weld.findings), *(f for screw in driven for f in screw.findings))
    table, last = seam_tables(certified, measured), closing_line(certified, ended.time)
    return Outcome(
        text=(*table, last, *places), data=data, findings=(*certified.warnings, *off), exit_code=1 if off else 0
    )


def _screws(folder: Path) -> tuple[str, ...]:
    """What became of the screws of a run, as far as its journal says."""
    from cellctl.execution.records.survey import surveyed
    from cellctl.jobs.run_figures import screw_lines

    with suppress(CellctlError):
        return screw_lines(surveyed(folder))
    return ()


def followed(
    events: Running, certified: CertifiedPlan, folder: Path, *, say: ProgressCall, step: Step | None = None
) -> Ended:
    """Run to the end and say where the arm is; why it stopped, if it did. Ctrl-C waits for the arm to stand."""
    from cellctl.model.event import Event

    where = _Where(certified)
    last = Event(0.0, "state")
    with _asked_to_end() as asked:
        try:
            for event in events:
                say(*where.at(event))
                last = event
                if asked:
                    break
                if step is not None and stands_after_a_stride(event):
                    ask_how_to_go_on(events, step)
        except Stopped as stopped:
            return Ended(last.time, stopped)
        if asked:
            say("stopping on the path", None)
            if close := getattr(events, "close", None):
                close()
            return Ended(last.time, _stopped_by(asked[0], str(where), folder))
    if last.kind in ("stopped", "fault"):
        return Ended(last.time, Stopped(Finding("U615", "the run was stopped before its end", data=dict(last.data))))
    return Ended(last.time, None)


def _stopped_by(name: str, where: str, folder: Path) -> Stopped:
    """What a stop that was asked for came to, as the executor wrote it down: perhaps a fault came first."""
    from cellctl.execution.service.protocol import outcome_from_json

    try:
        outcome = outcome_from_json(json.loads((folder / "outcome.json").read_text()))
    except (OSError, ValueError, TypeError, KeyError):
        text = f"stopped by {name} at {where}; the executor did not say how it ended, look at the arm"
        return Stopped(Finding("U614", text))
    if outcome.status == "faulted":
        return Faulted(outcome.findings)
    text = f"stopped by {name} at {where}; the arm stopped on its path and the record is complete"
    return Stopped(Finding("U614", text))


@dataclass(frozen=True, slots=True)
class ArmChoice:
    """The arm that a run is for: driver, pace of a simulated one, wiring of a real one."""

    driver: str
    real_time: bool
    wiring: str


@dataclass(frozen=True, slots=True)
class Ended:
    """When a run ended, s of the arm's clock, and why before its end."""

    time: float
    stopped: Stopped | None


class _Where:
    """Where in a plan the events of its run are, as words and as a share of the motion time."""

    def __init__(self, certified: CertifiedPlan) -> None:
        self._segments = certified.plan.segments
        self._total = max(certified.plan.cycle_time, 1e-9)
        self._text, self._share = "starting the arm", 0.0

    def __str__(self) -> str:
        return self._text

    def at(self, event: Event) -> tuple[str, float]:
        index = event.data.get("segment")
        if isinstance(index, int) and 0 <= index < len(self._segments):
            segment = self._segments[index]
            seam = f" {segment.process.seam}" if segment.process else ""
            self._text = f"running step {segment.step + 1}: {segment.kind}{seam}"
            self._share = sum(earlier.duration for earlier in self._segments[:index]) / self._total
        return self._text, self._share


@contextmanager
def _asked_to_end() -> Iterator[list[str]]:
    """Ctrl-C, a closing terminal and a polite kill are noted, not obeyed at once: the arm is to be stopped first.

    Noting more than one changes nothing; the stop that the first one leads to is short and sure.
    """
    names = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}
    asked: list[str] = []

    def note(number: int, frame: object) -> None:
        del frame
        asked.append(names[signal.Signals(number)])

    before = {number: signal.signal(number, note) for number in names}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
