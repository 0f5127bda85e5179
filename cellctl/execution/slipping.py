"""Whether a joint stops following from one moment to the next: stuck, or trailing more. It stops nothing."""

from __future__ import annotations

from collections import deque
from math import ceil, degrees

import numpy as np

from cellctl.drivers.driver import ArmIdentity
from cellctl.errors import Finding
from cellctl.model.pose import FloatArray

CYCLES = 3
"""In how many cycles an arm may slip no further than it is known to."""
_LAGS = 5


class SlipWatch:
    """The following errors of the last cycles of one arm, held against what its driver says is in order.

    After a cycle that came late the arm's own controller has bridged the gap in its own way, so a few cycles are not
    judged.
    """

    def __init__(self, arm: ArmIdentity, names: tuple[str, ...]) -> None:
        self._limit, self._names = arm.slip, names
        self._errors: deque[FloatArray] = deque(maxlen=CYCLES + 1)
        self._bridging = ceil(_LAGS * arm.lag / arm.period)
        self._blind = 0

    def look(self, error: FloatArray, *, on_time: bool, where: str) -> Finding | None:
        """The finding (X402) of the joint whose `error` (dof,) grew too much within the last cycles, or None."""
        if not on_time:
            self._errors.clear()
            self._blind = self._bridging
        if self._blind:
            self._blind -= 1
            return None
        self._errors.append(error)
        slips = np.abs(error - np.array(self._errors)).max(axis=0)
        worst = int(slips.argmax())
        if slips[worst] <= self._limit:
            return None
        return Finding(
            "X402",
            f"{self._names[worst]} is stuck or lags: within {CYCLES} cycles it came {degrees(slips[worst]):.2f} deg "
            f"away from where its commands lead it ({degrees(self._limit):.2f} deg is in order), {where}",
            data={"joint": self._names[worst], "error": float(slips[worst]), "tolerance": self._limit},
        )
