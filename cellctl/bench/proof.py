"""The suite `proof`: what it costs to prove a plan of a minute among 64 pairs, and to prove a stored plan again."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from math import cos, pi, sin
from pathlib import Path

from cellctl.bench.clock import Times, times
from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.suites import Progress
from cellctl.files import load_task
from cellctl.jobs import certify, check, plan
from cellctl.model.plan import Plan
from cellctl.model.task import Task
from cellctl.scene.bodies import collision_model

STORED = "lib:tasks/weld/tray_corner.yaml"
LONG = 60.0
"""How long the plan at least is (s)."""
POSTS = 9
ROUND = ("left", "low", "right", "home")
CELL = """\
mechanisms:
  r1:
    model: lib:robots/kuka_kr16_2
    at: {{xyz: 0 0 500 mm}}
    configurations:
      home: 0 -90 90 0 45 0 deg
      left: 80 -70 80 40 60 -90 deg
      low: 20 -40 95 -60 50 120 deg
      right: -85 -75 70 -30 -50 60 deg
margins: {{clearance: 10 mm}}
fixtures:
{fixtures}"""


def proof(repeats: int, say: Progress) -> SuiteResult:
    """Certify a plan of a minute, warm, and verify a stored plan from the start of a process on."""
    with tempfile.TemporaryDirectory() as folder:
        say("planning a minute of moves", None)
        made, pairs = minute_plan(Path(folder))
        say("proving it", None)
        name = f"certify {made.cycle_time:.0f} s among {pairs} pairs, warm"
        figures = [_figure(name, times(partial(certify, made), repeats), 1.0)]
        say("verifying a stored plan, new process", None)
        stored = Path(folder) / "stored.plan.zip"
        check(STORED).plan.save(stored)
        taken = [_verified(stored) for _ in range(repeats + 1)][1:]
        figures.append(_figure("verify tray_corner, new process", Times(*zip(*taken, strict=True)), 2.0))
    return SuiteResult("proof", tuple(figures))


def minute_plan(folder: Path) -> tuple[Plan, int]:
    """A plan of at least LONG seconds of free moves among posts, made in `folder`, and its count of pairs."""
    (folder / "cellctl.yaml").write_text("project: {name: bench}\n", encoding="utf-8")
    fixtures = "".join(_post(k) for k in range(POSTS))
    (folder / "cell.yaml").write_text(CELL.format(fixtures=fixtures), encoding="utf-8")
    once = _rounds(folder, 1)
    rounds = int(LONG / plan(once).cycle_time) + 1
    return plan(_rounds(folder, rounds)), len(collision_model(once.cell, once.cell.groups[0].name).pairs)


def _post(number: int) -> str:
    """A post of its own height in a ring round the arm, as it stands in a cell file."""
    angle, height = 2.0 * pi * (number + 0.5) / POSTS, 300 + 100 * (number % 3)
    x, y = 1500.0 * cos(angle), 1500.0 * sin(angle)
    return f"  post_{number}: {{box: 80 80 {height} mm, at: {{xyz: {x:.1f} {y:.1f} {height / 2:g} mm}}}}\n"


def _rounds(folder: Path, count: int) -> Task:
    steps = "".join(f"  - move_j: {name}\n" for name in ROUND * count)
    (folder / "task.yaml").write_text(f"cell: cell.yaml\nsteps:\n{steps}", encoding="utf-8")
    return load_task(folder / "task.yaml")


def _figure(name: str, taken: Times, goal: float) -> Figure:
    return Figure(name, "s", taken.elapsed, goal=Goal(goal), processor=taken.processor)


def _verified(path: Path) -> tuple[float, float]:
    """Elapsed and processor seconds of `cellctl verify` in a process of its own."""
    began, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-m", "cellctl", "verify", str(path)], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return time.perf_counter() - began, sum(after[2:4]) - sum(before[2:4])
