"""What links to arms that rest at every waypoint share: their counters, and a line that was quiet before a question."""

from __future__ import annotations

from dataclasses import dataclass

from cellctl.drivers.port import Port

ANSWER_TIME = 0.1
"""s that an answer may take."""
TRIES = 3
_LONGEST_NOISE = 0.05
_QUIET = 0.002


@dataclass(slots=True)
class LinkCounters:
    """What happened on a link since it was opened; `strange` answers were of the wrong kind or cannot be true."""

    requests: int = 0
    retries: int = 0
    timeouts: int = 0
    strange: int = 0


def wait_for_quiet(port: Port) -> None:
    """Throw away what comes until nothing does; raises PortLost."""
    until = port.now() + _LONGEST_NOISE
    while port.read(port.now() + _QUIET) and port.now() < until:
        pass
