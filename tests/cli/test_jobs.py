"""The commands over `jobs`: what they ask for, and what a person and a machine are told. The jobs are stood in for."""

from __future__ import annotations

import json
import os
import signal
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest

import cellctl.files
import cellctl.jobs
import cellctl.jobs.measuring  # before anything is stood in for: what it takes from `files` it takes once
import cellctl.jobs.running
import cellctl.reports
from cellctl.errors import CellctlError, FileError, Finding, NotCertified, Stopped
from cellctl.jobs.checking import Checked
from cellctl.model.event import Event
from cellctl.model.plan import CertifiedPlan

TABLE = """\
seam         length  arc time  travel speed  angle use  smallest gap  between
tray.left  100.0 mm    12.5 s     8.00 mm/s        50%        3.4 mm  r1.torch.nozzle - tray.base
cycle time 15.0 s, tightest gap 12.1 mm met, 11.8 mm proved of 10 mm asked for: r1.torch.neck - clamp_2.arm
"""
UNPROVED = "as its certificate says; `cellctl verify` proves it again\n"


class Ran:
    """A run of a plan as it is: no controller has made another motion of it."""

    certified = None

    def __init__(self, events: Iterator[Event]) -> None:
        self.events = events

    def __iter__(self) -> Iterator[Event]:
        return self.events

    def __next__(self) -> Event:
        return next(self.events)

    def close(self) -> None:
        self.events.close()


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, certified: CertifiedPlan, tmp_path: Path) -> SimpleNamespace:
    """Stand-ins for what the commands call; `calls` holds what was asked of them."""
    monkeypatch.chdir(tmp_path)
    calls: list[tuple[object, ...]] = []
    stand = SimpleNamespace(calls=calls, events=lambda: iter(EVENTS))

    def check(task, *, seed, engine, progress):
        progress("planning step 1/2", 0.5)
        calls.append(("check", task, seed))
        if "bad" in task:
            raise FileError(Finding("F110", f"unknown key in {task}"))
        if "hit" in task:
            raise NotCertified([Finding("C301", "too near"), Finding("C302", "too fast")])
        return certified

    def check_file(task, *, engine, progress, relax):
        try:
            return Checked(task, certified=check(task, seed=0, engine=engine, progress=progress))
        except CellctlError as error:
            return Checked(task, findings=error.findings, exit_code=error.exit_code)

    def verify(path, *, engine, progress):
        progress("proving segment 1 of 2", 0.0)
        calls.append(("verify", str(path)))
        return certified

    def run(certified, *, driver, real_time, override, folder, **stride) -> Ran:
        calls.append(("run", driver, real_time, override, folder))
        folder.mkdir(parents=True, exist_ok=True)
        return Ran(stand.events())

    def measured_welds(folder):
        calls.append(("measured", folder))
        return ()

    def write(kind):
        def write_it(plan, path):
            calls.append((kind, Path(path)))
            Path(path).write_bytes(kind.encode())

        return write_it

    def write_run_png(plan, folder, path):
        write("png")(plan, path)

    stands = {
        "check": check,
        "check_file": check_file,
        "measured_screws": lambda folder: (),
        "measured_welds": measured_welds,
        "run": run,
        "verify": verify,
    }
    for name, function in stands.items():
        monkeypatch.setitem(vars(cellctl.jobs), name, function)
    monkeypatch.setitem(vars(cellctl.files), "read_plan", lambda path: certified.plan)
    monkeypatch.setitem(vars(cellctl.files), "write_plan", write("plan"))
    picture = SimpleNamespace(write_png=write("png"), write_run_png=write_run_png, animation=write("gif"), MARK=b"")
    monkeypatch.setitem(sys.modules, "cellctl.reports.picture", picture)
    monkeypatch.setitem(vars(cellctl.reports), "picture", picture)
    return stand


EVENTS = (
    Event(0.0, "state", {"state": "execute"}),
    Event(0.1, "segment", {"segment": 0}),
    Event(2.1, "segment", {"segment": 1}),
    Event(15.1, "done", {}),
)


def test_plan_writes_a_proved_plan_and_says_where(say, jobs) -> None:
    said = say("plan", "tray.yaml", "--seed", "7", "-o", "out.plan.zip")
    assert (said.code, said.err, said.out) == (0, "", TABLE + "plan out.plan.zip\n")
    assert jobs.calls == [("check", "tray.yaml", 7), ("plan", Path("out.plan.zip"))]


def test_plan_names_its_file_after_the_task(say, jobs) -> None:
    assert json.loads(say("plan", "tray.yaml", "--json").out)["plan"] == "tray_corner.plan.zip"


def test_a_plan_that_is_refuted_is_not_written(say, jobs, tmp_path: Path) -> None:
    said = say("plan", "hit.yaml", "-o", "out.plan.zip")
    assert (said.code, said.err) == (1, "too near [C301]\ntoo fast [C302]\n")
    assert list(tmp_path.iterdir()) == []


def test_verify_says_what_was_proved(say, jobs) -> None:
    said = say("verify", "a.plan.zip")
    assert (said.code, said.out) == (0, "a.plan.zip: proved again, 2 segments, with bullet\n" + TABLE)


def test_json_has_the_figures_in_si(say, jobs) -> None:
    data = json.loads(say("verify", "a.plan.zip", "--json").out)
    assert data["exit_code"] == 0
    assert data["cycle_time"] == 15.0
    assert data["smallest_gap"]["second"] == "clamp_2.arm"
    (seam,) = data["seams"]
    assert (seam["length"], seam["travel_speed"], seam["smallest_gap"]) == (0.1, 0.008, 0.0034)
    assert seam["angle_use"] == pytest.approx(0.5)


def test_check_goes_on_after_a_bad_file_and_exits_with_the_highest_code(say, jobs) -> None:
    said = say("check", "good.yaml", "hit.yaml", "bad.yaml", "also_good.yaml")
    assert said.code == 2
    assert [call[1] for call in jobs.calls] == ["good.yaml", "hit.yaml", "bad.yaml", "also_good.yaml"]
    assert said.err == "too near [C301]\ntoo fast [C302]\nunknown key in bad.yaml [F110]\n"
    heads = [line for line in said.out.splitlines() if ".yaml:" in line]
    assert heads == ["good.yaml: ok", "hit.yaml: 2 errors", "bad.yaml: 1 error", "also_good.yaml: ok"]
    assert say("check", "hit.yaml").code == 1


def test_check_in_its_own_json_format(say, jobs) -> None:
    data = json.loads(say("check", "good.yaml", "hit.yaml", "--format", "json").out)
    assert data["exit_code"] == 1
    assert [(file["file"], file["ok"]) for file in data["files"]] == [("good.yaml", True), ("hit.yaml", False)]
    assert data["files"][1]["codes"] == ["C301", "C302"]


def test_run_of_a_task_ends_with_the_table_and_the_places(say, jobs) -> None:
    said = say("run", "tray.yaml", "--folder", "here", "--override", "30", "--real-time")
    assert (said.code, said.err) == (0, "")
    ran = TABLE.replace("cycle time 15.0 s", "cycle time 15.1 s, 15.0 s of it planned motion")
    assert said.out == ran + "record  here\npicture here/cell.png\n"
    assert jobs.calls[1:] == [
        ("run", "sim", True, 0.3, Path("here")),
        ("measured", Path("here")),
        ("png", Path("here/cell.png")),
    ]


def test_run_of_a_plan_file_proves_it_again(say, jobs) -> None:
    with zipfile.ZipFile("a.plan.zip", "w"):
        pass
    assert say("run", "a.plan.zip", "--driver", "memory").code == 0
    assert [call[0] for call in jobs.calls] == ["verify", "run", "measured", "png"]


def test_every_run_has_a_folder_of_its_own(say, jobs) -> None:
    folders = {json.loads(say("run", "tray.yaml", "--json").out)["record"] for _ in range(3)}
    assert len(folders) == 3
    assert all(folder.startswith("runs/tray_corner-") for folder in folders)


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")]
)
def test_a_signal_closes_the_run_and_says_where_the_record_is(say, jobs, number: int, name: str) -> None:
    closed = []

    def interrupted() -> Iterator[Event]:
        try:
            yield EVENTS[0]
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            yield EVENTS[1]
            yield EVENTS[2]
        finally:
            os.kill(os.getpid(), number)
            closed.append(True)

    jobs.events = interrupted
    said = say("run", "tray.yaml", "--folder", "here", "--json")
    data = json.loads(said.out)
    assert (said.code, closed, data["completed"], data["record"]) == (5, [True], False, "here")
    (finding,) = data["findings"]
    assert finding["code"] == "U614"
    assert finding["message"].startswith(f"stopped by {name} at running step")


def test_a_stop_keeps_its_findings_and_the_record(say, jobs) -> None:
    def stopped() -> Iterator[Event]:
        yield EVENTS[0]
        raise Stopped(Finding("X401", "the arm stands"))

    jobs.events = stopped
    said = say("run", "tray.yaml", "--folder", "here")
    assert (said.code, said.err) == (5, "the arm stands [X401]\n")
    assert said.out == "record  here\npicture here/cell.png\n"


@pytest.mark.parametrize("kind", ["stopped", "fault"])
def test_a_run_that_does_not_end_done_is_no_success(say, jobs, kind: Literal["stopped", "fault"]) -> None:
    jobs.events = lambda: iter((EVENTS[0], Event(1.0, kind, {})))
    assert say("run", "tray.yaml", "--folder", "here").code == 5


@pytest.mark.parametrize("words", [(), ("--arc", "dry")])
def test_an_overlap_without_an_arc_that_is_struck_again_is_refused(say, jobs, words: tuple[str, ...]) -> None:
    said = say("resume", "runs/one", "--overlap", "9mm", *words)
    assert said.code == 2
    text = "an overlap belongs to an arc that is struck again - write --arc restart --overlap 5mm [U674]\n"
    assert said.err == text


def test_report_writes_what_was_asked_for(say, jobs) -> None:
    said = say("report", "a.plan.zip", "--png", "a.png", "--gif", "a.gif")
    assert (said.code, said.out) == (0, "a.png\na.gif\n")
    assert jobs.calls == [("png", Path("a.png")), ("gif", Path("a.gif"))]


def test_report_without_outputs_shows_the_table(say, jobs, certified: CertifiedPlan, monkeypatch) -> None:
    monkeypatch.setattr("cellctl.proof.binding.certified", lambda plan: certified)
    monkeypatch.setattr("cellctl.proof.certified", lambda plan: certified, raising=False)
    said = say("report", "a.plan.zip")
    assert (said.code, said.out) == (0, TABLE + UNPROVED)
    assert jobs.calls == []


def test_report_of_a_changed_plan_is_refused(say, jobs) -> None:
    said = say("report", "a.plan.zip")
    assert said.code == 1
    assert "[C320]" in said.err


def test_report_of_a_folder_without_a_plan_is_a_file_error(say, jobs, tmp_path: Path) -> None:
    said = say("report", str(tmp_path), "--png", "a.png")
    assert (said.code, said.err) == (2, f"{tmp_path}: this folder holds no plan.zip, so it is no run [U612]\n")
