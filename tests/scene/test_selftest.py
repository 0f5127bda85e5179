"""The known traps: each is avoided, and the table says what raw PyBullet does."""

from __future__ import annotations

import subprocess
import sys

from cellctl.scene.bullet.selftest import run_selftest
from cellctl.scene.coal.selftest import run_selftest as run_coal_selftest


def test_every_trap_is_avoided() -> None:
    results = run_selftest()
    assert [result.name for result in results if not result.passed] == []
    assert len(results) == len({result.name for result in results}) == 12


def test_raw_pybullet_still_falls_into_every_trap() -> None:
    assert [result.name for result in run_selftest() if not result.shown] == []


def test_every_trap_of_coal_is_avoided_and_still_there() -> None:
    results = run_coal_selftest()
    assert [result.name for result in results if not result.passed] == []
    assert [result.name for result in results if not result.shown] == []
    assert len(results) == len({result.name for result in results}) == 4


def test_the_selftest_prints_nothing_of_its_own() -> None:
    code = "from cellctl.scene.bullet.selftest import run_selftest as r; print(len(r()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("12\n", "")
