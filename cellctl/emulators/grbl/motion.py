"""The moves that an emulated controller has in its planner, and how it passes them. It reads no text."""

from __future__ import annotations

from math import sqrt

import numpy as np

from cellctl.kinematics.lookahead import FirmwareLimits, Line, entry_speeds, line_of
from cellctl.model.pose import FloatArray

_TIME_STEP = 0.001
_FAST = 1e9


class MotionQueue:
    """Straight moves in controller units. `position` (n,) and `speed` are what they are now.

    `holding` slows the motion down to standstill on its path, and keeps it there.
    """

    def __init__(self, position: FloatArray, limits: FirmwareLimits, *, size: int) -> None:
        self.position = np.array(position, dtype=np.float64)
        self.speed = 0.0
        self.holding = False
        self.size = size
        self._limits = limits
        self._steps: list[FloatArray] = []
        self._lines: list[Line] = []
        self._end = self.position.copy()
        self._way = self._leave = self._now = 0.0

    @property
    def free(self) -> int:
        """Blocks that are free."""
        return self.size - len(self._lines)

    @property
    def moves(self) -> bool:
        """True while there is something to move, or speed left."""
        return bool(self._lines)

    def add(self, target: FloatArray, duration: float) -> None:
        """Put a move at the end."""
        step = target - self._end
        if not np.linalg.norm(step) > 0.0:
            return
        before = self._steps[-1] if self._steps else None
        speed = self._lines[-1].speed if self._lines else 0.0
        self._lines.append(line_of(step, duration, self._limits, before, speed))
        self._steps.append(step)
        self._end = np.array(target)
        self._leave = self._leaving_speed()

    def clear(self) -> None:
        """Forget all moves; the machine stands where it is."""
        self._steps.clear()
        self._lines.clear()
        self._end = self.position.copy()
        self._way = self.speed = 0.0
        self.holding = False

    def put(self, position: FloatArray) -> None:
        """Say that the machine stands somewhere else."""
        self.position = np.array(position, dtype=np.float64)
        self.clear()

    def advance(self, now: float) -> None:
        """Move on to `now`, s."""
        while self._now + _TIME_STEP <= now:
            self._now += _TIME_STEP
            if self._lines:
                self._step(_TIME_STEP)

    def _step(self, dt: float) -> None:
        """Faster where what is ahead allows it, slower where it must."""
        line = self._lines[0]
        before = self.speed
        brake = sqrt(max(self._leave * self._leave + 2.0 * line.acceleration * (line.length - self._way), 0.0))
        wanted = 0.0 if self.holding else min(line.speed, brake)
        change = line.acceleration * dt
        self.speed = max(min(wanted, before + change), before - change, 0.0)
        if not self.holding:
            self.speed = max(self.speed, min(change, line.speed))
        self._way += 0.5 * (before + self.speed) * dt
        while self._lines and self._way >= self._lines[0].length - 1e-12:
            self._way -= self._lines.pop(0).length
            self._steps.pop(0)
            self._leave = self._leaving_speed()
        if self._lines:
            start = self._end - np.sum(self._steps, axis=0)
            self.position = start + self._steps[0] * (self._way / self._lines[0].length)
        else:
            self.position, self._way, self.speed = self._end.copy(), 0.0, 0.0

    def _leaving_speed(self) -> float:
        """With which the line of now may be left, so that everything ahead is kept."""
        return entry_speeds(self._lines, first=_FAST)[1] if len(self._lines) > 1 else 0.0
