"""How much memory a call needs at its peak, as the system counts it. Linux only; elsewhere there is no figure."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")


def peak_of(call: Callable[[], object]) -> float | None:
    """Bytes by which the process grows at the peak of `call`, after one that is not counted; None where unknown."""
    call()
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what earlier calls freed shall not be reused unseen
    try:
        RESET.write_text("5", "ascii")
        before = _resident("VmRSS")
        call()
        return max(0.0, _resident("VmHWM") - before)
    except (OSError, StopIteration):
        return None


def _resident(key: str) -> float:
    lines = STATUS.read_text("ascii").splitlines()
    return 1024.0 * float(next(line for line in lines if line.startswith(key)).split()[1])
