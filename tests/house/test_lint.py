"""ruff finds nothing and would format nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def ruff(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_ruff_finds_nothing(checkout: Path) -> None:
    done = ruff(checkout, "check", "--output-format", "concise", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_would_format_nothing(checkout: Path) -> None:
    done = ruff(checkout, "format", "--check", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_runs_with_our_rules(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text((checkout / "pyproject.toml").read_text("utf-8"), "utf-8")
    (tmp_path / "planted.py").write_text(
        '"""A."""\n\n\ndef badName() -> None:\n    """B."""\n    print( 1 )\n', "utf-8"
    )
    done = ruff(tmp_path, "check", "--output-format", "concise", ".")
    assert {"N802", "T201"} <= set(done.stdout.replace(":", " ").split())
    assert ruff(tmp_path, "format", "--check", ".").returncode == 1
