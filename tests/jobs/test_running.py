"""A run as a value: checked when it is asked for, begun when it is iterated over, steered over its link."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cellctl.errors import EnvironmentMissing, UsageError
from cellctl.files import load_cell
from cellctl.jobs.running import Running, connect, new_run_folder, run
from cellctl.model.event import Event


def events(running: Running) -> Generator[Event, None, Any]:
    with running.attached("the link"):  # type: ignore[arg-type]
        yield Event(0.0, "state", {"state": "execute"})
        yield Event(1.0, "done")
    return "outcome"


def test_a_run_is_begun_by_iterating_and_has_an_outcome() -> None:
    running = Running(events)
    assert [event.kind for event in running] == ["state", "done"]
    assert running.outcome == "outcome"
    assert Running(events).finish() == "outcome"


def test_a_run_is_steered_only_while_it_goes() -> None:
    running = Running(events)
    with pytest.raises(UsageError) as caught:
        _ = running.link
    assert caught.value.findings[0].code == "U671"
    next(running)
    assert running.link == "the link"
    running.close()
    with pytest.raises(UsageError):
        _ = running.link
    with pytest.raises(UsageError):
        running.finish()


def test_a_run_that_nobody_iterates_over_says_so() -> None:
    running = Running(events)
    with pytest.warns(RuntimeWarning, match="never begun"):
        running.__del__()
    running.close()


@pytest.mark.parametrize("what", [None, 3, "plan.zip"])
def test_only_a_certified_plan_is_run(what: object) -> None:
    with pytest.raises(UsageError) as caught:
        run(what)  # type: ignore[arg-type]
    assert caught.value.findings[0].code == "U672"


def test_no_two_callers_get_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: new_run_folder("a task"), range(40)))
    assert len(set(folders)) == 40
    assert all(folder.is_dir() for folder in folders)


def test_what_keeps_a_process_from_starting_is_told_in_its_own_words() -> None:
    with (
        pytest.raises(EnvironmentMissing, match="there is no port '/nowhere'") as caught,
        connect(load_cell("lib:sim/paper_cell/cell.yaml"), driver="feetech:/nowhere"),
    ):
        pass
    assert [finding.code for finding in caught.value.findings] == ["E550"]


def test_an_arm_that_is_not_wired_is_asked_about() -> None:
    with (
        pytest.raises(UsageError, match=r"a kuka_kr16_2, and nothing says how feetech servos would drive it") as caught,
        connect(load_cell("lib:sim/tray_cell/cell.yaml"), driver="feetech:/nowhere"),
    ):
        pass
    assert [finding.code for finding in caught.value.findings] == ["U654"]
