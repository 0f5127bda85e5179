"""Living processes: found by their command line, waited for, listened to."""

from __future__ import annotations

import time
from pathlib import Path


def processes_of(text):
    """Processes whose command line holds `text`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(text).encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


def process_of(text, which):
    (number,) = [n for n in processes_of(text) if which in Path(f"/proc/{n}/cmdline").read_text()]
    return number


def eventually(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def followed(run, act=None):
    """All events of a run and its outcome; `act` is called with every event."""
    events = []
    while True:
        try:
            events.append(next(run))
        except StopIteration as end:
            return events, end.value
        if act is not None:
            act(events[-1])
