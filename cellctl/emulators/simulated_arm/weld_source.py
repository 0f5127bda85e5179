"""A simulated weld source: `arc_on`, `gas` and its power in, `arc_ok`, `gas_ok`, `wire_stuck` and what it measures out,
faults on demand, and its own log. It moves nothing.

The log is the weld source's own truth: JSON lines with the controller's time, what happened and the measured joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from cellctl.model.inputs import canonical_json


@dataclass(frozen=True, slots=True)
class WeldSourceSettings:
    """Lines and behaviour: output `arc_on`, input `arc_ok`, `ignition_delay` s; with `ignites` False the arc never
    stands, and `lost_after` s of a standing arc it is gone until switched off and on. The first `misses` times that
    the arc is asked for it does not come.

    Output `gas` and input `gas_ok`, which never comes where `gas_flows` is False; input `wire_stuck`, which comes and
    stays when an arc has ended and the wire `sticks`.

    Analogue outputs `wire_feed` (m/s) and `voltage` (V), analogue inputs `current` (A) and `arc_voltage` (V). The
    current that a wire feed draws is read off the line through `currents` (m/s, A), times `strength`.
    """

    arc_on: int | None
    arc_ok: int | None
    ignition_delay: float = 0.15
    ignites: bool = True
    lost_after: float | None = None
    misses: int = 0
    gas: int | None = None
    gas_ok: int | None = None
    wire_stuck: int | None = None
    gas_flows: bool = True
    sticks: bool = False
    wire_feed: int | None = None
    voltage: int | None = None
    current: int | None = None
    arc_voltage: int | None = None
    currents: tuple[tuple[float, float], ...] = ((0.0, 0.0),)
    strength: float = 1.0


class Log(Protocol):
    """Where a device says what happened at a time (s), with the measured joints, and figures where it has some."""

    def __call__(self, time: float, event: str, joints: Sequence[float], /, **figures: float) -> None: ...


_NOTED_CHANGE = 0.02
"""By which share the wire feed changes between two lines of the log."""


class WeldSource:
    """One weld source; `tick` it once a period of the controller."""

    def __init__(self, settings: WeldSourceSettings, log: Log) -> None:
        self._settings = settings
        self._log = log
        self._on_since: float | None = None
        self._stands_since: float | None = None
        self._lost = self._stuck = False
        self._misses = settings.misses
        self._power = (0.0, 0.0)
        self._noted = 0.0

    def tick(self, time: float, outputs: int, joints: Sequence[float], analog: Sequence[float] = ()) -> int:
        """The inputs at `time` s for the controller's `outputs`, both as bits."""
        arc = self._arc(time, outputs, joints)
        self._burn(time, joints, analog)
        return arc | self._gas(outputs) | bit_of(self._settings.wire_stuck, on=self._stuck)

    @property
    def values(self) -> dict[int, float]:
        """The analogue inputs by channel: current and voltage of the arc, 0 without one."""
        channels = (self._settings.current, self._settings.arc_voltage)
        return {channel: value for channel, value in zip(channels, self._power, strict=True) if channel is not None}

    def _burn(self, time: float, joints: Sequence[float], analog: Sequence[float]) -> None:
        """Take up the power that is asked for, and note it where it changes."""
        settings = self._settings
        if self._stands_since is None or settings.wire_feed is None or settings.voltage is None:
            self._power, self._noted = (0.0, 0.0), 0.0
            return
        feed, voltage = (analog[k] if k < len(analog) else 0.0 for k in (settings.wire_feed, settings.voltage))
        current = settings.strength * float(np.interp(feed, *np.transpose(settings.currents)))
        self._power = (current, voltage)
        if abs(feed - self._noted) > _NOTED_CHANGE * max(feed, self._noted):
            self._noted = feed
            self._log(time, "power", joints, wire_feed=feed, voltage=voltage, current=current)

    def _gas(self, outputs: int) -> int:
        settings = self._settings
        asked = settings.gas is None or bool(outputs >> settings.gas & 1)
        return bit_of(settings.gas_ok, on=asked and settings.gas_flows)

    def _arc(self, time: float, outputs: int, joints: Sequence[float]) -> int:
        settings = self._settings
        asked = settings.arc_on is not None and bool(outputs >> settings.arc_on & 1)
        if not asked:
            self._switch_off(time, joints)
            return 0
        if self._on_since is None:
            self._on_since = time
            self._log(time, "arc_on", joints)
        if self._stands_since is None and not self._lost and settings.ignites and not self._misses:
            self._ignite(time, joints)
        elif self._stands_since is not None and settings.lost_after is not None:
            self._lose(time, settings.lost_after, joints)
        return bit_of(settings.arc_ok, on=self._stands_since is not None)

    def _ignite(self, time: float, joints: Sequence[float]) -> None:
        if self._on_since is not None and time - self._on_since >= self._settings.ignition_delay - 1e-9:
            self._stands_since = time
            self._log(time, "arc_established", joints)

    def _lose(self, time: float, lost_after: float, joints: Sequence[float]) -> None:
        if self._stands_since is not None and time - self._stands_since >= lost_after - 1e-9:
            self._stands_since, self._lost = None, True
            self._log(time, "arc_lost", joints)

    def _switch_off(self, time: float, joints: Sequence[float]) -> None:
        if self._on_since is not None:
            self._log(time, "arc_off", joints)
            self._misses = max(self._misses - 1, 0)
            if self._stands_since is not None and self._settings.sticks:
                self._stuck = True
                self._log(time, "wire_stuck", joints)
        self._on_since = self._stands_since = None
        self._lost = False


def bit_of(line: int | None, *, on: bool) -> int:
    """A line as a bit where it is `on`, 0 where it is not or there is none."""
    return 1 << line if line is not None and on else 0


class LogFile:
    """A log of JSON lines `{"time", "event", "joints"}`; every line is handed to the operating system at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def write(self, time: float, event: str, joints: Sequence[float], /, **figures: float) -> None:
        """Write one line."""
        said = {"time": time, "event": event, "joints": [float(q) for q in joints], **figures}
        self._file.write(canonical_json(said))
