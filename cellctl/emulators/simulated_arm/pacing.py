"""When a controller in real time ticks: once a period of the monotonic clock, in the time in which it was let run.

A controller of its own hardware is never late. This one is a process of a machine that also does other things, so time
in which it was not let run is no time of its arm: its clock stands meanwhile, and says for how long.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_SLACK = 0.25
"""Of a period: a tick that is later than that was not let run."""


class Pacing:
    """The next tick of a clock with so many seconds to a period. `stalled` is how long it has stood, s."""

    def __init__(self, period: float, now: Callable[[], float] = time.monotonic) -> None:
        self.stalled = 0.0
        self._period, self._now = period, now
        self._next = now() + period
        self._waited = False

    @property
    def left(self) -> float:
        """How long it is to the next tick, s; negative once it is due."""
        return self._next - self._now()

    def due(self) -> bool:
        """Whether the controller shall tick now. After time that was lost a whole period is waited first, once, so that
        who sends to it has the time that a period gives.
        """
        late = -self.left
        if late < 0.0:
            return False
        if late > _SLACK * self._period:
            self._waited = not self._waited
            self._shift(late + self._period if self._waited else late)
            if self._waited:
                return False
        self._waited = False
        self._next += self._period
        return True

    def _shift(self, seconds: float) -> None:
        """Nothing is caught up with."""
        self._next += seconds
        self.stalled += seconds
