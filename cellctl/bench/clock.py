"""How long a call takes. It judges nothing, and no test asks it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

LEAST_TIME = 2e-3
"""A call shorter than this (s) is repeated within one measurement, so that the clock's own grain does not show."""


def seconds(call: Callable[[], object], repeats: int) -> tuple[float, ...]:
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
        return tuple(_seconds_of(call, inner) for _ in range(repeats))
    finally:
        if was_on:
            gc.enable()


def _seconds_of(call: Callable[[], object], inner: int) -> float:
    began = time.perf_counter()
    for _ in range(inner):
        call()
    return (time.perf_counter() - began) / inner
