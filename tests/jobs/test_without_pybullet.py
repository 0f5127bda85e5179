"""Where PyBullet cannot be had, as on Python 3.12 and later: plans are made and proved with coal, no arm moves."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cellctl.jobs import verify

TASK = "tasks/weld/tray_corner.yaml"
BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pybullet", "pybullet_data"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Blocker())
"""
SAID = (
    "PyBullet is not installed for this Python 3.11; the simulated arm and pictures need it - it has wheels for "
    "Python 3.11 on Linux x86-64; elsewhere plans are proved with coal [E501]\n"
).replace("this Python 3.11", f"this Python {sys.version_info.major}.{sys.version_info.minor}")


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("without")


@pytest.fixture(scope="module")
def cellctl(checkout: Path, folder: Path):
    """Call the command line in an interpreter that has no PyBullet, in a folder of its own."""

    def call(*words: str) -> Done:
        code = f"{BLOCKED}\nsys.path.insert(0, {str(checkout)!r})\nfrom cellctl.cli.main import main\nmain()"
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="module")
def planned(cellctl, checkout: Path) -> Done:
    """What `plan` said, which wrote `a.plan.zip`."""
    return cellctl("plan", str(checkout / TASK), "-o", "a.plan.zip", "--json")


def test_a_task_is_checked_planned_and_verified(cellctl, planned: Done, checkout: Path, folder: Path) -> None:
    checked = cellctl("check", str(checkout / TASK), "--json")
    verified = cellctl("verify", "a.plan.zip", "--engine", "coal", "--json")
    assert [(done.code, done.err) for done in (checked, planned, verified)] == [(0, "")] * 3
    (file,) = json.loads(checked.out)["files"]
    made, proved = json.loads(planned.out), json.loads(verified.out)
    assert file["engine"] == made["engine"] == proved["engine"] == "coal"
    again = verify(folder / "a.plan.zip", engine="bullet")
    assert again.certificate.engine == "bullet"
    assert again.certificate.plan_sha256 == proved["plan_sha256"] == made["plan_sha256"] == file["plan_sha256"]
    observed = {(gap.first, gap.second): gap.observed for record in again.certificate.segments for gap in record.gaps}
    tightest = proved["smallest_gap"]
    assert observed[tightest["first"], tightest["second"]] == pytest.approx(tightest["observed"], abs=0.2e-3)


def test_the_other_engine_is_missed(cellctl, checkout: Path) -> None:
    done = cellctl("check", str(checkout / TASK), "--engine", "bullet")
    assert (done.code, done.err) == (3, SAID)


@pytest.mark.parametrize("words", [("run", TASK), ("sim", "start", "sim/tray_cell/cell.yaml")])
def test_nothing_is_simulated(cellctl, checkout: Path, words: tuple[str, ...]) -> None:
    done = cellctl(*words[:-1], str(checkout / words[-1]))
    assert (done.code, done.err) == (3, SAID)


@pytest.mark.usefixtures("planned")
def test_nothing_is_drawn(cellctl, folder: Path) -> None:
    done = cellctl("report", "a.plan.zip", "--png", "a.png")
    assert (done.code, done.err) == (3, SAID)
    assert [path.name for path in folder.iterdir()] == ["a.plan.zip"]
