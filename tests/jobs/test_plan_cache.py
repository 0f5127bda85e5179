"""Plans that `check` keeps: the same answer from them, and never one that was not proved again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cellctl.errors import NotCertified
from cellctl.files import load_task, plan_content
from cellctl.files.plan_cache import store_plan, stored_plan
from cellctl.jobs import check, proving
from cellctl.model.plan import Plan


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_a_second_check_plans_nothing_and_says_the_same(
    cache: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = checkout / "tasks" / "weld" / "tray_corner.yaml"
    first = check(task)
    monkeypatch.setattr(proving, "plan", None)
    second = check(task)
    assert plan_content(second.plan) == plan_content(first.plan)
    assert second.certificate == first.certificate


def test_a_kept_plan_that_was_spoilt_is_refused(cache: Path, checkout: Path, tray_corner: Plan) -> None:
    task = load_task(checkout / "tasks" / "weld" / "tray_corner.yaml")
    (block,) = tray_corner.blocks
    short = replace(tray_corner, blocks=(replace(block, segments=block.segments[:-1]),))
    store_plan(proving._plan_key(task, 0), short)
    with pytest.raises(NotCertified):
        check(task)


def test_a_cache_that_cannot_be_used_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere))
    assert stored_plan("0" * 64) is None


def test_another_seed_or_task_is_another_key(checkout: Path) -> None:
    task = load_task(checkout / "tasks" / "weld" / "tray_corner.yaml")
    keys = {proving._plan_key(task, 0), proving._plan_key(task, 1), proving._plan_key(replace(task, name="x"), 0)}
    assert len(keys) == 3
