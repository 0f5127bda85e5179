"""A copy of the tray cell that a test may spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

Spoil = Callable[..., Path]


@pytest.fixture
def spoiled(tmp_path: Path) -> Spoil:
    """A project with a copy of the tray cell and task, where `file` has `old` replaced by `new`; returns the task
    file.
    """

    def make(*changes: tuple[str, str, str]) -> Path:
        (tmp_path / "cellctl.yaml").write_text("project: {name: spoiled}\n")
        shutil.copytree(ROOT / "sim" / "tray_cell", tmp_path / "cell", dirs_exist_ok=True)
        shutil.copytree(ROOT / "robots" / "kuka_kr16_2", tmp_path / "robot", dirs_exist_ok=True)
        task = tmp_path / "task.yaml"
        text = (ROOT / "tasks" / "weld" / "tray_corner.yaml").read_text()
        task.write_text(text.replace("lib:sim/tray_cell/cell.yaml", "cell/cell.yaml"))
        for file, old, new in changes:
            path = tmp_path / file
            before = path.read_text()
            assert before.count(old) == 1, f"{file} holds {before.count(old)} times {old!r}"
            path.write_text(before.replace(old, new))
        return task

    return make
