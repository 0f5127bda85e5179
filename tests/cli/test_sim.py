"""`cellctl sim` over the standing cells of `execution`, which are stood in for."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import cellctl.files
from cellctl.errors import EnvironmentMissing, Finding
from cellctl.execution.service import standing
from cellctl.execution.service.standing import StandingCell, StandingStatus


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the cells that are up."""
    up: set[str] = set()

    def start(cell) -> StandingCell:
        up.add(cell.name)
        return StandingCell(cell.name, "/tmp/cell", "1")

    def stop(cell) -> None:
        if cell.name not in up:
            raise EnvironmentMissing(Finding("E534", f"no cell '{cell.name}' is up"))
        up.remove(cell.name)

    def status(cell) -> StandingStatus | None:
        return StandingStatus(cell.name, "kuka_kr16_2", "lock_step", "idle", None) if cell.name in up else None

    for function in (start, stop, status):
        monkeypatch.setattr(standing, function.__name__, function)
    monkeypatch.setitem(vars(cellctl.files), "load_cell", lambda path: SimpleNamespace(name=Path(path).stem))
    return up


def test_a_cell_goes_up_and_down(say, cells: set[str]) -> None:
    down = say("sim", "status", "a.yaml")
    assert (down.code, down.out) == (3, "a.yaml: down\n")
    assert say("sim", "start", "a.yaml").out == "a.yaml: up\n"
    assert cells == {"a"}
    up = say("sim", "status", "a.yaml")
    assert (up.code, up.out) == (0, "a.yaml: kuka_kr16_2, lock_step, idle\n")
    assert say("sim", "stop", "a.yaml").out == "a.yaml: down\n"
    assert cells == set()


def test_what_is_not_up_cannot_be_stopped(say, cells: set[str]) -> None:
    said = say("sim", "stop", "a.yaml")
    assert (said.code, said.err) == (3, "no cell 'a' is up [E534]\n")


def test_status_as_json(say, cells: set[str]) -> None:
    assert json.loads(say("sim", "status", "a.yaml", "--json").out)["up"] is False
    say("sim", "start", "a.yaml")
    data = json.loads(say("sim", "status", "a.yaml", "--json").out)
    assert (data["up"], data["state"], data["lease"]) == (True, "idle", None)
