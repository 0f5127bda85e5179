"""The controller's own log of setpoints: when each was taken, and how many periods passed without one before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Arrival = Callable[[float, int], None]
"""Takes the controller's time (s) of a setpoint, and the periods without one since the last."""


class SetpointLog:
    """A log of lines `time,missed`, each handed to the operating system at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def write(self, time: float, missed: int) -> None:
        """Write one line."""
        self._file.write(b"%.6f,%d\n" % (time, missed))
