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
import time

from cellctl.drivers import simulated
from cellctl.drivers.driver import ArmState, Setpoint
from cellctl.execution.records import journal


def doom(text: str) -> None:
    """Doom this very process."""
    what, number, when, *disk = text.split(":")
    journal.os = Disk(int(number) if what == "record" else 0, when, sum(map(float, disk)))
    if what == "setpoint":
        simulated.SimulatedArm.exchange = exchange_up_to(int(number), when)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Disk:
    """`os` as the journal sees it: the `last` write is the last one, and every fsync takes `pause` s."""

    def __init__(self, last: int, when: str, pause: float) -> None:
        self.last, self.when, self.pause, self.count = last, when, pause, 0

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def pwrite(self, descriptor: int, line: bytes, at: int) -> int:
        self.count += 1
        if self.count != self.last:
            return os.pwrite(descriptor, line, at)
        if self.when == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
            return os.pwrite(descriptor, line, at)
        if self.when != "before":
            os.pwrite(descriptor, line[: len(line) // 2] if self.when == "torn" else line, at)
        die()
        return 0

    def fsync(self, descriptor: int) -> None:
        time.sleep(self.pause)
        os.fsync(descriptor)


def exchange_up_to(number: int, when: str) -> object:
    """`exchange` of the driver, up to the last one."""
    count, whole = itertools.count(1), simulated.SimulatedArm.exchange

    def exchange(arm: simulated.SimulatedArm, setpoint: Setpoint) -> ArmState:
        last = next(count) == number
        if last and when == "before":
            die()
        state = whole(arm, setpoint)
        if last:
            die()
        return state

    return exchange
