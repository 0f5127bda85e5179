"""mypy and pyright find nothing in cellctl, and both refuse to run a plan that nobody certified."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CALLER = '''"""Two calls, one of which is wrong."""

import cellctl


def refused(plan: cellctl.Plan) -> None:
    for _ in cellctl.run(plan):  # the wrong one
        pass


def accepted(certified: cellctl.CertifiedPlan) -> None:
    for _ in cellctl.run(certified):
        pass
'''
WRONG_LINE = 1 + CALLER[: CALLER.index("# the wrong one")].count("\n")


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("caller") / f"caller_{os.getpid()}.py"
    path.write_text(CALLER, "utf-8")
    return path


def checker(checkout: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"the wrong call was let through\n{done.stdout}{done.stderr}"
    return done.stdout


def test_mypy_refuses_only_the_uncertified_plan(checkout: Path, caller: Path) -> None:
    output = checker(checkout, "mypy", "--strict", "--no-error-summary", "--show-absolute-path", "cellctl", str(caller))
    errors = [line for line in output.splitlines() if ": error: " in line]
    assert len(errors) == 1, output
    assert re.fullmatch(rf"{re.escape(str(caller))}:{WRONG_LINE}: error: .*CertifiedPlan.*\[arg-type\]", errors[0])


def test_pyright_refuses_only_the_uncertified_plan(checkout: Path, caller: Path) -> None:
    output = checker(checkout, "pyright", "--outputjson", "--pythonpath", sys.executable, "cellctl", str(caller))
    found = [
        (item["file"], item["range"]["start"]["line"] + 1, item.get("rule"), item["message"])
        for item in json.loads(output)["generalDiagnostics"]
    ]
    assert [item[:3] for item in found] == [(str(caller), WRONG_LINE, "reportArgumentType")], found
