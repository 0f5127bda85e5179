"""What a process that has to keep a period asks of its operating system: to go first and to keep its memory.

What is not permitted is left out without a word, for how late the cycles come says it. Nothing of it is handed on to
children.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PRIORITY = 10
"""From 1 to 99: ahead of everything ordinary, behind most of what is not."""
_CURRENT, _ON_FAULT = 1, 4
"""Arguments of mlockall(2)."""


@contextmanager
def going_first() -> Iterator[None]:
    """Have this thread run ahead of all ordinary ones for as long as the block lasts, with no garbage collected.

    The memory that it has is kept from then on. Threads and processes that it starts are ordinary ones.
    """
    collects = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    _keep_memory()
    with _ahead():
        try:
            yield
        finally:
            gc.unfreeze()
            if collects:
                gc.enable()


@contextmanager
def _ahead() -> Iterator[None]:
    """First come, first served (SCHED_FIFO) for this thread, where that may be asked for."""
    if sys.platform != "linux":
        yield
        return
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, before, parameters)


def _keep_memory() -> None:
    """Have no page that this process has now taken away again, where so much may be kept."""
    if sys.platform == "linux":
        ctypes.CDLL(None).mlockall(_CURRENT | _ON_FAULT)
