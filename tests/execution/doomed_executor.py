"""An executor that is killed with SIGKILL at an instant that it was born with: `record:17:torn`, `setpoint:300:after`.

`record:N` is the N-th write to the journal (before it, with half of it written, after it), `setpoint:N` the N-th
exchange with the arm (before or after it). `record:17:full` kills nothing: from that write on the kernel refuses to let
any file grow beyond a kilobyte. A fourth word is how many seconds the disk takes for every fsync. The kill
is real: no handler, no flush, no last word.
"""

from __future__ import annotations

import itertools
import os
import resource
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from executor_process import main

from cellctl.drivers import simulated
from cellctl.drivers.driver import ArmState, Setpoint
from cellctl.execution.records import journal

WHAT, NUMBER, WHEN, *DISK = sys.argv.pop(1).split(":")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Disk:
    """`os` as the journal sees it."""

    count = 0

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def pwrite(self, descriptor: int, line: bytes, at: int) -> int:
        self.count += 1
        if WHAT != "record" or self.count != int(NUMBER):
            return os.pwrite(descriptor, line, at)
        if WHEN == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
            return os.pwrite(descriptor, line, at)
        if WHEN != "before":
            os.pwrite(descriptor, line[: len(line) // 2] if WHEN == "torn" else line, at)
        die()
        return 0

    def fsync(self, descriptor: int) -> None:
        time.sleep(sum(map(float, DISK)))
        os.fsync(descriptor)


def last_exchange(arm: simulated.SimulatedArm, setpoint: Setpoint) -> ArmState:
    """`exchange` of the driver, up to the last one."""
    counted = next(COUNT)
    if counted == int(NUMBER) and WHEN == "before":
        die()
    state = EXCHANGE(arm, setpoint)
    if counted == int(NUMBER):
        die()
    return state


COUNT, EXCHANGE = itertools.count(1), simulated.SimulatedArm.exchange
journal.os = Disk()
if WHAT == "setpoint":
    simulated.SimulatedArm.exchange = last_exchange

if __name__ == "__main__":
    main()
