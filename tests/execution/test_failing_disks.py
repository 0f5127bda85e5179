"""Runs on disks that are full, fill up, refuse to write or are read-only: the arm stands, the arc is off, what was
welded is known, and the rest is welded from another disk.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cellctl.errors import UsageError
from cellctl.execution.records.journal import read_journal
from cellctl.execution.records.record import JOURNAL
from cellctl.execution.records.survey import surveyed
from tests.execution.killing import Bench, go_on, two_seams_bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return two_seams_bench(tmp_path)


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[object]:
    """Makes disks of so many kilobytes, real ones: memory that the kernel mounts. That needs a privileged user."""
    with ExitStack() as stack:

        def mount(name: str, kilobytes: int, *options: str) -> Path:
            folder = tmp_path / name
            folder.mkdir()
            what = ",".join([f"size={kilobytes}k", *options])
            made = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", what, "none", folder], capture_output=True, check=False
            )
            if made.returncode:
                pytest.skip(f"a small disk can be mounted by a privileged user only: {made.stderr.decode().strip()}")
            stack.callback(subprocess.run, ["umount", folder], check=True)
            return folder

        yield mount


@pytest.mark.parametrize("kilobytes", [1400, 1500, 1560, 1640])
def test_a_disk_that_fills_up_ends_the_run_and_its_record_says_so(bench: Bench, disk_of, kilobytes: int) -> None:
    """Wherever the trace meets the end of the disk: before, in, between or behind the seams."""
    disk = disk_of("disk", kilobytes)
    ended = bench.ran("disk/run")
    assert ended.status == "faulted"
    assert [f.code for f in ended.findings] == ["X411"]
    assert read_journal(disk / "run" / JOURNAL).records[-1].kind == "end"
    assert not surveyed(disk / "run").doubtful
    go_on(bench, "disk/run", ending="faulted", rest="rest")


@pytest.mark.parametrize("number", [3, 9, 14, 20, 33])
def test_a_disk_that_refuses_every_write_ends_the_run(bench: Bench, number: int) -> None:
    """The journal ends where it stood; nothing is claimed that was not welded, and less only by what may be unknown."""
    ended = bench.ran("run", doom=f"record:{number}:full")
    assert ended.status == "faulted"
    assert {f.code for f in ended.findings} == {"X411"}
    go_on(bench, "run")


@pytest.mark.parametrize("kilobytes", [4, 600, 1040])
def test_a_disk_without_room_for_a_record_is_refused_before_anything_moves(bench, disk_of, kilobytes) -> None:
    disk = disk_of("disk", kilobytes)
    with pytest.raises(UsageError, match=r"No space left.*make room on the disk \[X411\]"):
        bench.ran("disk/run")
    assert list((disk / "run").iterdir()) == []


def test_a_read_only_folder_is_refused_before_anything_moves(bench: Bench, disk_of) -> None:
    if os.geteuid() == 0:
        disk_of("disk", 4096, "ro")
    else:
        (bench.folder / "disk").mkdir(mode=0o555)
    with pytest.raises(UsageError, match=r"cannot be recorded in .*disk/run: .*can be written \[X411\]"):
        bench.ran("disk/run")
    assert list((bench.folder / "disk").iterdir()) == []
