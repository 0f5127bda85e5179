"""How long a call takes. It judges nothing, and no test asks it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import NamedTuple

LEAST_TIME = 2e-3
"""A call shorter than this (s) is repeated within one measurement, so that the clock's own grain does not show."""


class Times(NamedTuple):
    """Seconds of each repeat of a call: elapsed, and of processor time in all threads of the process.

    On a quiet machine both are the same for a call of one thread; on a busy one the second is disturbed less.
    """

    elapsed: tuple[float, ...]
    processor: tuple[float, ...]


def seconds(call: Callable[[], object], repeats: int) -> tuple[float, ...]:
    """Elapsed seconds of one `call`, as `times` has them."""
    return times(call, repeats).elapsed


def times(call: Callable[[], object], repeats: int) -> Times:
    """Seconds of one `call`, `repeats` times over, after one that is not counted; garbage is collected before, not in
    between.
    """
    call()
    began = time.perf_counter()
    call()
    once = time.perf_counter() - began
    inner = max(1, int(LEAST_TIME / max(once, 1e-9)))
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        rows = [_times_of(call, inner) for _ in range(repeats)]
    finally:
        if was_on:
            gc.enable()
    elapsed, processor = zip(*rows, strict=True)
    return Times(elapsed, processor)


def _times_of(call: Callable[[], object], inner: int) -> tuple[float, float]:
    began, began_processor = time.perf_counter(), time.process_time()
    for _ in range(inner):
        call()
    return (time.perf_counter() - began) / inner, (time.process_time() - began_processor) / inner
