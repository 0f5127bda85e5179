"""A run that another one went on with is not resumed a second time: its finished seams would be welded twice."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from cellctl import jobs
from cellctl.errors import FileError, Finding, UsageError
from cellctl.execution.records import survey
from cellctl.jobs.resuming import interrupted


def test_the_later_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("broken", "first", "other", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "journal.jsonl").touch()
        (tmp_path / name / "plan.zip").touch()

    def surveyed(folder: Path) -> SimpleNamespace:
        if folder.name == "broken":
            raise FileError(Finding("X452", "damaged"))
        earlier = {"second": "../first", "other": "../elsewhere"}.get(folder.name, "")
        return SimpleNamespace(ending="stopped", resumes=earlier)

    monkeypatch.setattr(survey, "surveyed", surveyed)
    with pytest.raises(UsageError) as caught:
        interrupted(tmp_path / "first")
    (finding,) = caught.value.findings
    assert (finding.code, "'second'" in finding.message) == ("X446", True)
    assert str(tmp_path / "second") in finding.suggestion
    for name in ("second", "other"):  # nobody went on with these: the plan is what is looked at next
        with pytest.raises(FileError):
            jobs.interrupted(tmp_path / name)
