"""`cellctl resume`: what an interrupted run did, and, when it is said how, going on with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from cellctl.cli.consent import demand_consent
from cellctl.cli.output import Outcome
from cellctl.cli.progress import progress
from cellctl.cli.run import drawn, followed, gone_if_empty, measured, outcome_of_run
from cellctl.errors import Finding, UsageError

if TYPE_CHECKING:
    from cellctl.jobs import Interrupted


def resume(
    run: Path,
    *,
    arc: Literal["restart", "dry"] | None = None,
    overlap: str | None = None,
    gripper: Literal["closed", "open"] | None = None,
    screw: Literal["again", "done"] | None = None,
    driver: str = "sim",
    yes: Annotated[bool, Parameter(negative="")] = False,
    wiring: Path | None = None,
    io: str = "",
    io_file: Path | None = None,
    reference: Literal["home", "assume"] | None = None,
    experimental: Annotated[bool, Parameter(negative="")] = False,
    real_time: Annotated[bool, Parameter(negative="")] = False,
    folder: Path | None = None,
) -> Outcome:
    """Say what an interrupted run did and where it stopped; with `--arc`, go on with it.

    Nothing moves without `--arc`. The plan is proved again, the pose is read anew, and the way back to the seam is
    certified.

    Args:
        run: The folder of the run.
        arc: `restart` welds or lays the bead on from an overlap before the cut; `dry` finishes the cut seam without.
        overlap: How far before the cut `--arc restart` begins again; 5 mm unless given.
        gripper: How you find the gripper of a run that gripped something: `closed` about the part, or `open`.
        screw: What you made of a screw that was begun: took it out and put a new one to the bit to drive it `again`,
            or drove it by hand, so that it is `done`.
        driver: `sim` is the simulated arm, put where the record says that it stood; `memory` obeys at once;
            `NAME:PORT` is a real arm, which is where it is.
        yes: The real arm that is named may move.
        wiring: How the real arm is wired; by default the library's file for it.
        io: The line of the process devices, `modbus:PORT`; a simulated arm is then kept to its period.
        io_file: Which of the cell's signals are on that line; by default where the emulated devices have them.
        reference: How an arm on a G-code controller gets to know where it is: it finds its switches and moves for it
            (`home`), or you vouch for what it counts (`assume`).
        experimental: Also a driver that is known for its dangers: `ar4:PORT`.
        real_time: Let the simulated arm run by the clock on the wall, not as fast as it can.
        folder: Where to write the record; a new folder in `runs` unless given.
    """
    from cellctl import jobs
    from cellctl.jobs.resuming import DEFAULT_OVERLAP

    if overlap is not None and arc != "restart":
        hint = "write --arc restart --overlap 5mm"
        raise UsageError(Finding("U674", "an overlap belongs to an arc that is struck again", suggestion=hint))
    length = DEFAULT_OVERLAP if overlap is None else _length(overlap)
    with progress() as say:
        say("proving the plan again", None)
        found = jobs.interrupted(run)
        if arc is None:
            return Outcome(text=said_of(found), data=survey_data(found))
        demand_consent(driver, yes=yes, io=io)
        folder = folder or jobs.new_run_folder(found.certified.plan.task_name)
        with gone_if_empty(folder):
            running = jobs.resume(
                found,
                arc=arc,
                overlap=length,
                gripper=gripper,
                screw=screw,
                driver=driver,
                real_time=real_time,
                wiring="" if wiring is None else str(wiring.absolute()),
                io=io,
                io_file="" if io_file is None else str(io_file.absolute()),
                reference=reference,
                experimental=experimental,
                folder=folder,
            )
            ended = followed(running, found.certified, folder, say=say)
        welds = measured(folder, ended)
        picture = drawn(found.certified, folder)
    return outcome_of_run(found.certified, folder, picture, welds, ended)


_ASKED = "the arc was asked for and did not stand yet"


def said_of(found: Interrupted) -> tuple[str, ...]:
    """What a person is told about an interrupted run, line by line."""
    from cellctl.jobs.resuming import last_grip
    from cellctl.jobs.resuming_screws import unfinished_screw
    from cellctl.jobs.run_figures import screw_lines

    survey, segments = found.survey, found.certified.plan.segments
    endings = {"lost": "broke off", "stopped": "was stopped", "faulted": "ended with a fault"}
    place = f"step {survey.step + 1}, {segments[survey.segment].kind}, s = {survey.s:.4f}"
    lines = [f"the run {endings[survey.ending]} in {place}"]
    for weld in survey.welds:
        process = segments[weld.segment].process
        how = "complete" if weld.complete else "cut" if weld.known else "cut, perhaps a little further"
        name = process.seam if process else ""
        did = "laid" if found.lays_beads else "welded"
        lines.append(f"{did:<7} {name} from {weld.start * 1e3:.1f} to {weld.end * 1e3:.1f} mm, {how}")
    grip = last_grip(found)
    if grip is not None:
        told = {"close": "close about", "open": "open and leave"}[grip.command]
        lines.append(f"gripper was told to {told} {grip.part}{'' if grip.known else ', and did not say that it has'}")
    lines += [f"screw   {line}" for line in screw_lines(survey)]
    begun = unfinished_screw(survey)
    if survey.struck is not None:
        asked = "the valve was opened and no bead begun yet" if found.lays_beads else _ASKED
        lines.append(f"{asked}; look at the start of the seam")
    lines += [f"note    {survey.notice.message}"] if survey.notice is not None else []
    if survey.cut is not None:
        on, source = ("lay on", "bead") if found.lays_beads else ("weld on", "arc")
        command = f"cellctl resume {found.folder} --arc"
        lines += [
            f"{command} restart --overlap 5mm   {on} from 5 mm before the cut",
            f"{command} dry                     finish {found.seam} without {source}, then go on",
        ]
    elif begun is not None:
        lines += [
            f"cellctl resume {found.folder} --arc restart --screw again   drive it anew; the old one is out",
            f"cellctl resume {found.folder} --arc restart --screw done    go on; it was driven by hand",
        ]
    elif grip is not None:
        lines += [
            f"cellctl resume {found.folder} --arc restart --gripper closed   go on; it holds the part",
            f"cellctl resume {found.folder} --arc restart --gripper open     go on; it is open",
        ]
    else:
        lines.append(f"cellctl resume {found.folder} --arc restart                 go on")
    if survey.arm not in ("", "sim"):
        lines.append(f"this run was on '{survey.arm}': add the --driver it had, with its port, and --yes")
    return (*lines, "or move the arm by hand and do the rest by hand; nothing moves by itself")


def survey_data(found: Interrupted) -> dict[str, object]:
    """The same as JSON values."""
    from dataclasses import asdict

    survey = found.survey
    welds = [asdict(weld) for weld in survey.welds]
    return {
        "record": str(found.folder),
        "ending": survey.ending,
        "step": survey.step,
        "segment": survey.segment,
        "s": survey.s,
        "welds": welds,
        "grips": [asdict(grip) for grip in survey.grips],
        "screws": [asdict(screw) for screw in survey.screws],
        "cut": None if survey.cut is None else {"segment": survey.cut[0], "s": survey.cut[1], "seam": found.seam},
        "plan_sha256": survey.plan_sha256,
    }


def _length(text: str) -> float:
    from cellctl.files.quantities import read_scalar

    try:
        return read_scalar(text, "length")
    except ValueError as error:
        raise UsageError(Finding("U674", f"the overlap is a length: {error}", suggestion="such as 5mm")) from None
