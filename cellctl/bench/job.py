"""The suite `job`: the first job from task to certified plan: warm, again with its tray shifted, in a new process, and
with nothing compiled yet.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial

from cellctl.bench.clock import Times, times
from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.suites import Progress
from cellctl.files.edits import edited_task, read_shift, shifted
from cellctl.jobs import certify, plan
from cellctl.jobs.replanning import replan
from cellctl.model.task import Task

TASK = "lib:tasks/weld/tray_corner.yaml"
SHIFT = "tray=1.5 0 -0.4 mm, 0 0 0.3 deg"
SCRIPT = f"import cellctl; cellctl.certify(cellctl.plan(cellctl.Task.load({TASK!r})))"


def job(repeats: int, say: Progress) -> SuiteResult:
    """Plan and certify `tray_corner`: planning and proof apart, together, from an earlier plan with the tray shifted,
    and from the start of a process on.
    """
    say("tray_corner, warm", None)
    task = Task.load(TASK)
    made = plan(task)
    moved = edited_task(task, shifted(task, *read_shift(SHIFT)))
    first, again = times(partial(plan, task), repeats), times(partial(replan, moved, made), repeats)
    elapsed, processor = (min(mine) / min(theirs) for mine, theirs in zip(again, first, strict=True))
    figures = [
        _figure("plan, warm", first),
        _figure("certify, warm", times(partial(certify, made), repeats)),
        _figure("plan and certify, warm", times(lambda: certify(plan(task)), repeats), 1.0),
        _figure("plan again, tray shifted, warm", again),
        Figure("plan again over plan", "of the time", (elapsed,), goal=Goal(0.5), processor=(processor,)),
        _figure("plan again and certify, tray shifted, warm", times(lambda: certify(replan(moved, made)[0]), repeats)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        say("tray_corner, new process, nothing compiled", None)
        cold = _in_new_process(folder)
        say("tray_corner, new process, compiled", None)
        kept = [_in_new_process(folder) for _ in range(repeats)]
    figures += [
        _figure("new process, nothing compiled", Times(*zip(cold, strict=True)), 45.0),
        _figure("new process, compiled before", Times(*zip(*kept, strict=True)), 3.0),
        Figure("cycle time of the plan", "s (of motion)", (made.cycle_time,)),
    ]
    return SuiteResult("job", tuple(figures))


def _figure(name: str, taken: Times, goal: float | None = None) -> Figure:
    return Figure(name, "s", taken.elapsed, goal=None if goal is None else Goal(goal), processor=taken.processor)


def _in_new_process(compiled: str) -> tuple[float, float]:
    """Elapsed and processor seconds of the job in a process of its own that keeps compiled code in `compiled`."""
    began, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "NUMBA_CACHE_DIR": compiled},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = os.times()
    processor = sum(after[2:4]) - sum(before[2:4])
    return time.perf_counter() - began, processor
