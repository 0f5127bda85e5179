"""The executor's clock: monotonic seconds, never the wall clock. It knows no motion."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic time that can be waited for."""

    def now(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...

    def wait_until(self, deadline: float) -> None:
        """Return at `deadline`, at once when it has passed."""
        ...


class MonotonicClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def wait_until(self, deadline: float) -> None:
        """Sleep to the absolute deadline, so that errors do not add up."""
        time.sleep(max(0.0, deadline - time.monotonic()))


class ManualClock:
    """A clock that only moves when it is waited for or pushed."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Where the clock was put."""
        return self._now

    def wait_until(self, deadline: float) -> None:
        """Jump to the deadline."""
        self._now = max(self._now, deadline)

    def push(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
