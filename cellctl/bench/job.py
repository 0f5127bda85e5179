"""The suite `job`: the first job from task to certified plan: warm, in a new process, and with nothing compiled yet."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial

from cellctl.bench.clock import seconds
from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.suites import Progress
from cellctl.jobs import certify, plan
from cellctl.model.task import Task

TASK = "lib:tasks/weld/tray_corner.yaml"
SCRIPT = f"import cellctl; cellctl.certify(cellctl.plan(cellctl.Task.load({TASK!r})))"


def job(repeats: int, say: Progress) -> SuiteResult:
    """Plan and certify `tray_corner`: planning and proof apart, together, and from the start of a process on."""
    say("tray_corner, warm", None)
    task = Task.load(TASK)
    made = plan(task)
    figures = [
        Figure("plan, warm", "s", seconds(partial(plan, task), repeats)),
        Figure("certify, warm", "s", seconds(partial(certify, made), repeats)),
        Figure("plan and certify, warm", "s", seconds(lambda: certify(plan(task)), repeats), goal=Goal(1.0)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        say("tray_corner, new process, nothing compiled", None)
        cold = _in_new_process(folder)
        say("tray_corner, new process, compiled", None)
        kept = tuple(_in_new_process(folder) for _ in range(repeats))
    figures += [
        Figure("new process, nothing compiled", "s", (cold,), goal=Goal(45.0)),
        Figure("new process, compiled before", "s", kept, goal=Goal(3.0)),
        Figure("cycle time of the plan", "s (of motion)", (made.cycle_time,)),
    ]
    return SuiteResult("job", tuple(figures))


def _in_new_process(compiled: str) -> float:
    """Seconds of the job in a process of its own that keeps compiled code in the folder `compiled`."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "NUMBA_CACHE_DIR": compiled},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - began
