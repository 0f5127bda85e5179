"""What a weld source is set to when a weld goes slower than planned, and how slow a procedure lets it go. It sets
nothing.

The wire feed goes with the travel speed, so that every millimetre gets the same metal. Current and voltage follow it
along a line through the windows of the procedure: minimum, nominal, maximum, as the synergic line of a source does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.model.wps import Range, Wps
from cellctl.processes.procedure import heat_input

SPARE = 0.01
"""The share of the slowest travel speed that is kept over it, for an arm that follows closely and not exactly."""
_SHARES = 201


@dataclass(frozen=True, slots=True)
class Power:
    """What a source is set to: `wire_feed` m/s, `voltage` V; and the `current` that is expected of it, A."""

    wire_feed: float
    voltage: float
    current: float


@dataclass(frozen=True, slots=True)
class PowerLine:
    """Power of one weld over the share of its commanded travel speed, from `slowest` to 1."""

    wps: Wps
    travel_speed: float
    slowest: float

    def share(self, wanted: float) -> float:
        """The share of the travel speed that the procedure allows nearest to the one that is `wanted`."""
        return min(max(wanted, self.slowest), 1.0)

    def at(self, share: float) -> Power:
        """The power at a share of the travel speed that the procedure allows."""
        return _power(self.wps, share)


def power_line(wps: Wps, travel_speed: float) -> PowerLine:
    """The power of a weld at `travel_speed` (m/s) under `wps`, and the slowest share of that speed.

    Where the override is blocked that is 1. Else it is the smallest share from which on, up to 1, travel speed, wire
    feed and heat input stay inside their windows.
    """
    slowest = 1.0
    if wps.override == "scaled":
        for share in np.linspace(1.0, 0.0, _SHARES)[:-1]:
            if not _allowed(wps, travel_speed, float(share)):
                break
            slowest = float(share)
    return PowerLine(wps, travel_speed, slowest)


def _allowed(wps: Wps, travel_speed: float, share: float) -> bool:
    power, speed = _power(wps, share), share * travel_speed
    if speed < wps.travel_speed.minimum * (1.0 + SPARE) or not wps.wire_feed_speed.holds(power.wire_feed):
        return False
    heat = heat_input(power.voltage, power.current, speed, wps.heat_factor)
    return wps.heat_input is None or wps.heat_input.holds(heat)


def _power(wps: Wps, share: float) -> Power:
    feed = wps.wire_feed_speed.nominal * share
    return Power(feed, _along(feed, wps.wire_feed_speed, wps.voltage), _along(feed, wps.wire_feed_speed, wps.current))


def _along(value: float, window: Range, other: Range) -> float:
    """Where `other` is when its partner is at `value` in `window`."""
    ends = [window.minimum, window.nominal, window.maximum]
    return float(np.interp(value, ends, [other.minimum, other.nominal, other.maximum]))
