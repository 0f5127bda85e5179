"""What a driver asks of a serial port: bytes and monotonic time. No protocol and no library is known here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class PortLost(Exception):
    """The port is gone: pulled out, hung up, or no longer writable."""


class Port(Protocol):
    """A port that is open. All times are s of one monotonic clock."""

    @property
    def name(self) -> str:
        """What was opened, for sentences."""
        ...

    def now(self) -> float:
        """The time; never goes back."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of `data`; raises PortLost."""
        ...

    def read(self, deadline: float) -> bytes:
        """What has come, waiting for something until `deadline`; empty when nothing came. Raises PortLost."""
        ...

    def wait_until(self, time: float) -> None:
        """Return at `time`."""
        ...

    def close(self) -> None:
        """Give the port back; closing twice does nothing."""
        ...


OpenPort = Callable[[], Port]
"""Opens the port, now or again; raises EnvironmentMissing."""
