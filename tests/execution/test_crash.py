"""A run that dies at any record of its journal: the survey tells the truth, and going on welds every place once.

One run is recorded with the number of setpoints at every record. A crash is then a journal cut behind a record and an
arm that has had any number of setpoints up to the next one. What was welded is taken from the arm, not the journal.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.drivers.memory import MemoryArm
from cellctl.errors import FileError
from cellctl.execution.arc_notes import ARC_NOTED_EVERY
from cellctl.execution.clock import ManualClock
from cellctl.execution.control import Command, Switch
from cellctl.execution.executor import execute
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.record import RunFolder
from cellctl.execution.records.survey import surveyed
from cellctl.jobs.resuming import Interrupted, entry_at_boundary, entry_on_path
from cellctl.model.plan import CertifiedPlan

BIN = 1e-4
BINS = 200
OVERLAP = 4e-3
UNKNOWN = ARC_NOTED_EVERY + 0.5e-3


class Witness(MemoryArm):
    """An arm that remembers in which cycles its arc stood."""

    def __init__(self, setup):
        super().__init__(setup)
        self.burnt = []

    def exchange(self, setpoint):
        state = super().exchange(setpoint)
        self.burnt.append(state.inputs != 0)
        return state


class Counting(RunFolder):
    """A run folder that remembers how many setpoints had been sent at each record of the journal."""

    def __init__(self, folder, joints, arm):
        super().__init__(folder, joints)
        self.arm, self.sent = arm, []

    def intent(self, kind, **data):
        self.sent.append(len(self.arm.setpoints))
        return super().intent(kind, **data)

    def note(self, kind, **data):
        self.sent.append(len(self.arm.setpoints))
        super().note(kind, **data)


def followed(job, arm, folder, control=None):
    with Counting(folder, job.envelope.names, arm) as record:
        list(execute(job, arm, clock=ManualClock(), control=control or Switch(), record=record))
    return record.sent


def welded(job, setpoints, burnt):
    """How often each bin of the seam was passed with a standing arc, by the joints that the arm was given."""
    seam = job.certified.plan.segments[2].path
    grid = np.linspace(seam.start, seam.end, 8001)
    joints = seam(grid)
    counts = np.zeros(BINS, dtype=int)
    before = None
    for q, on in zip(setpoints, burnt, strict=False):
        s = grid[np.abs(joints - q).sum(axis=1).argmin()] if on else None
        if s is not None and before is not None and s > before:
            counts[round(before / BIN) : round(s / BIN)] += 1
        before = s
    return counts


@pytest.fixture(scope="module")
def one_run(tmp_path_factory, small):
    """The job, its arm, the setpoints at every record, and the folder."""
    job, setup = small
    folder = tmp_path_factory.mktemp("crash") / "run"
    arm = Witness(setup)
    return job, arm, followed(job, arm, folder), folder


def crashed(folder: Path, target: Path, records: int, torn: int = 0) -> Path:
    """A copy of a run folder whose journal ends behind `records` records, `torn` bytes of the next, and zeros."""
    target.mkdir()
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    rest = lines[records][:torn] if records < len(lines) else b""
    (target / "journal.jsonl").write_bytes(b"".join(lines[:records]) + rest + bytes(300))
    return target


def crashes(sent, total):
    """Every record with the fewest, the most, and an amount between of setpoints that go with it."""
    for number, (least, most) in enumerate(zip(sent, [*sent[1:], total], strict=True), start=1):
        yield from ((number, setpoints) for setpoints in sorted({least, (least + most) // 2, most}))


def interruption(job, folder):
    return Interrupted(folder, CertifiedPlan(job.certified.plan, job.certified.certificate), surveyed(folder))


def test_a_crash_at_any_record_is_gone_on_from_without_gap_or_second_weld(one_run, tmp_path):
    job, arm, sent, folder = one_run
    tried = 0
    for number, setpoints in crashes(sent, len(arm.setpoints)):
        tried += 1
        dead = crashed(folder, tmp_path / f"dead{tried}", number, torn=17 * (tried % 3))
        found = interruption(job, dead)
        if found.survey.ending == "done":
            continue
        standing = arm.setpoints[setpoints - 1] if setpoints else job.certified.plan.start["r1"]
        entry = entry_on_path(found, standing, "restart", OVERLAP)
        assert entry is not None, (number, setpoints)
        again = Witness(arm._setup)
        again.place(standing)
        followed(replace(job, entry=entry), again, tmp_path / f"again{tried}")
        first = welded(job, arm.setpoints[:setpoints], arm.burnt[:setpoints])
        second = welded(job, again.setpoints, again.burnt)
        counts, at = first + second, (np.arange(BINS) + 0.5) * BIN
        assert (counts >= 1).all(), f"a gap after record {number}, {setpoints} setpoints"
        cut = found.survey.cut
        overlap = (at > cut[1] - OVERLAP - BIN) & (at < cut[1] + UNKNOWN) if cut else np.zeros(BINS, dtype=bool)
        assert (counts[~overlap] == 1).all(), f"welded twice after record {number}, {setpoints} setpoints"
        assert counts.max() <= 2
    assert tried >= 60


def test_the_survey_never_claims_more_than_was_welded(one_run, tmp_path):
    job, arm, sent, folder = one_run
    for number, setpoints in crashes(sent, len(arm.setpoints)):
        survey = surveyed(crashed(folder, tmp_path / f"dead{number}-{setpoints}", number))
        truth = welded(job, arm.setpoints[:setpoints], arm.burnt[:setpoints])
        claimed = sum(weld.end - weld.start for weld in survey.welds)
        assert claimed <= truth.sum() * BIN + 2 * BIN
        assert truth.sum() * BIN - claimed < UNKNOWN


def test_a_dry_finish_strikes_no_arc_in_the_cut_seam(one_run, tmp_path):
    job, arm, sent, folder = one_run
    records = read_journal(folder / "journal.jsonl").records
    number = next(k for k, r in enumerate(records) if r.kind == "arc_at" and r.data["s"] > 0.01) + 1
    found = interruption(job, crashed(folder, tmp_path / "dead", number))
    entry = entry_on_path(found, arm.setpoints[sent[number - 1] - 1], "dry", 0.0)
    again = Witness(arm._setup)
    again.place(arm.setpoints[sent[number - 1] - 1])
    followed(replace(job, entry=entry), again, tmp_path / "again")
    assert not any(again.burnt)
    assert not any(again.outputs)
    np.testing.assert_allclose(again.setpoints[-1], arm.setpoints[-1], atol=1e-12)


def test_a_crash_of_the_second_run_is_gone_on_from_too(one_run, tmp_path):
    """Cut at 5 mm, gone on with; that run is cut at 12 mm; the third finishes: no gap in all three."""
    job, arm, sent, folder = one_run
    records = read_journal(folder / "journal.jsonl").records
    number = next(k for k, r in enumerate(records) if r.kind == "arc_at" and r.data["s"] > 0.005) + 1
    counts = welded(job, arm.setpoints[: sent[number - 1]], arm.burnt)
    found = interruption(job, crashed(folder, tmp_path / "first", number))
    standing = arm.setpoints[sent[number - 1] - 1]
    for k, reach in enumerate((0.012, 1.0)):
        entry = entry_on_path(found, standing, "restart", OVERLAP)
        again = Witness(arm._setup)
        again.place(standing)
        sent_again = followed(replace(job, entry=entry), again, tmp_path / f"run{k}")
        records = read_journal(tmp_path / f"run{k}" / "journal.jsonl").records
        ends = [i for i, r in enumerate(records) if r.kind == "arc_at" and r.data["s"] > reach]
        stop = sent_again[ends[0]] if ends else len(again.setpoints)
        counts += welded(job, again.setpoints[:stop], again.burnt)
        if ends:
            found = interruption(job, crashed(tmp_path / f"run{k}", tmp_path / f"dead{k}", ends[0] + 1))
            standing = again.setpoints[stop - 1]
    assert (counts >= 1).all()
    assert counts.max() == 2


def test_a_stop_in_the_seam_can_be_gone_on_from_with_no_overlap(one_run, tmp_path):
    job, arm, *_ = one_run

    class StopAt:
        polls = 0

        def poll(self, *, patience):
            self.polls += 1
            return Command("stop" if self.polls > 800 else "run")

    first = Witness(arm._setup)
    followed(job, first, tmp_path / "first", StopAt())
    found = interruption(job, tmp_path / "first")
    assert found.survey.ending == "stopped"
    assert not found.survey.doubtful
    entry = entry_on_path(found, first.setpoints[-1], "restart", 0.0)
    second = Witness(arm._setup)
    second.place(first.setpoints[-1])
    followed(replace(job, entry=entry), second, tmp_path / "second")
    counts = welded(job, first.setpoints, first.burnt) + welded(job, second.setpoints, second.burnt)
    assert ((counts == 1) | (counts == 2)).all()
    assert (counts == 2).sum() <= 2, "but for the bin of the cut itself"


def test_an_arm_off_the_path_goes_to_where_the_seam_is_approached(one_run, tmp_path):
    job, arm, sent, folder = one_run
    records = read_journal(folder / "journal.jsonl").records
    number = next(k for k, r in enumerate(records) if r.kind == "arc_at") + 1
    found = interruption(job, crashed(folder, tmp_path / "dead", number))
    away = arm.setpoints[sent[number - 1] - 1] + 0.05
    assert entry_on_path(found, away, "restart", OVERLAP) is None
    entry = entry_at_boundary(found, "restart", OVERLAP)
    assert entry.segment <= 2
    assert entry.cut.strike == pytest.approx(max(found.survey.cut[1] - OVERLAP, 0.0))


def test_a_journal_damaged_in_the_middle_is_refused(one_run, tmp_path):
    _, _, _, folder = one_run
    dead = crashed(folder, tmp_path / "dead", 30)
    data = bytearray((dead / "journal.jsonl").read_bytes())
    data[len(data) // 3] ^= 1
    (dead / "journal.jsonl").write_bytes(bytes(data))
    with pytest.raises(FileError) as caught:
        surveyed(dead)
    assert caught.value.findings[0].code == "X450"


def test_a_run_that_never_began_is_told_from_one_that_broke_off(one_run, tmp_path):
    _, _, _, folder = one_run
    with pytest.raises(FileError) as caught:
        surveyed(crashed(folder, tmp_path / "dead", 0, torn=30))
    assert caught.value.findings[0].code == "X440"


def test_an_emptied_journal_is_no_run_that_never_began(tmp_path) -> None:
    """A trace of what was sent contradicts it."""
    (tmp_path / "journal.jsonl").write_bytes(b"")
    (tmp_path / "trace.csv").write_text("t,segment\n")
    with pytest.raises(FileError, match="never began"):
        surveyed(tmp_path)
    (tmp_path / "trace.csv").write_text("t,segment\n0.0,0\n")
    with pytest.raises(FileError, match="X450"):
        surveyed(tmp_path)
