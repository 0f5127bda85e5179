"""A simulated dispenser: valve and flow in, `ready` and its meter out, faults on demand, the log. It moves nothing.

Material comes `open_delay` after the valve was told to open and stops `close_delay` after it was told to shut; the flow
follows what it is set to `open_delay` later. The log has the bead as it was laid: one line for each millimetre or so
that the nozzle went with material coming, and its volume.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cellctl.emulators.simulated_arm.weld_source import Log, bit_of
from cellctl.model.pose import FloatArray

Tip = Callable[[Sequence[float]], FloatArray]
"""Where the bead is laid (3,) m at joints (dof,)."""
_STEP = 1e-3
"""m of the bead for which the log has one line."""


@dataclass(frozen=True, slots=True)
class DispenserSettings:
    """Lines and behaviour: output `valve`, input `ready`, analogue output `flow` and analogue input `meter` (m^3/s);
    the delays (s), and the `own_flow` where no flow can be set.

    With `builds_up` False it is never ready; `lost_after` s of material its pressure is gone until the valve is shut.
    What comes is `strength` times what it is set to.
    """

    valve: int | None = None
    ready: int | None = None
    flow: int | None = None
    meter: int | None = None
    open_delay: float = 0.0
    close_delay: float = 0.0
    own_flow: float = 0.0
    builds_up: bool = True
    lost_after: float | None = None
    strength: float = 1.0


class Dispenser:
    """One dispenser; `tick` it once a period of the controller. `tip` says where the nozzle is, None where nobody
    knows: then there is no bead in the log.
    """

    def __init__(self, settings: DispenserSettings, log: Log, tip: Tip | None = None) -> None:
        self._settings, self._log, self._tip = settings, log, tip
        self._time, self._shut, self._told_loss = 0.0, True, False
        self._comes_at = self._stops_at = np.inf
        self._set: deque[tuple[float, float]] = deque()
        self._coming: float = 0.0
        self._flow, self._came_for = 0.0, 0.0
        self._at: FloatArray | None = None
        self._gone = self._volume = self._total = 0.0

    def tick(self, time: float, outputs: int, joints: Sequence[float], analog: Sequence[float] = ()) -> int:
        """The inputs at `time` s for the controller's `outputs`, both as bits."""
        settings = self._settings
        dt, self._time = time - self._time, time
        if settings.valve is None:
            return 0
        self._turn_valve(bool(outputs >> settings.valve & 1), joints)
        self._flow = self._flow_now(analog)
        if self._flow or self._came_for:
            self._lay(dt, joints)
        return bit_of(settings.ready, on=settings.builds_up and not self._lost)

    @property
    def values(self) -> dict[int, float]:
        """The analogue input by channel: the flow that comes now, m^3/s."""
        return {} if self._settings.meter is None else {self._settings.meter: self._flow}

    @property
    def _lost(self) -> bool:
        lost_after = self._settings.lost_after
        return not self._shut and lost_after is not None and self._came_for >= lost_after - 1e-9

    def _turn_valve(self, opened: bool, joints: Sequence[float]) -> None:
        """Note what the valve is told, and from when on it shows."""
        if opened == self._shut:
            self._shut = not opened
            self._log(self._time, "bead_opened" if opened else "bead_shut", joints)
            if opened:
                self._comes_at, self._stops_at = self._time + self._settings.open_delay, np.inf
            else:
                self._stops_at = self._time + self._settings.close_delay

    def _flow_now(self, analog: Sequence[float]) -> float:
        """What comes out of the nozzle now, m^3/s; what it is set to counts after its delay."""
        settings, now = self._settings, self._time + 1e-9
        told = analog[settings.flow] if settings.flow is not None and settings.flow < len(analog) else None
        self._set.append((self._time + settings.open_delay, settings.own_flow if told is None else told))
        while self._set and self._set[0][0] <= now:
            self._coming = self._set.popleft()[1]
        comes = self._comes_at <= now and self._stops_at > now and settings.builds_up and not self._lost
        return max(self._coming, 0.0) * settings.strength if comes else 0.0

    def _lay(self, dt: float, joints: Sequence[float]) -> None:
        """Add what came in this period to the bead, which begins and ends with the material."""
        if not self._came_for:
            self._at, self._gone, self._volume, self._total, self._told_loss = None, 0.0, 0.0, 0.0, False
            self._log(self._time, "bead_begins", joints)
        if self._stops_at <= self._time + 1e-9:
            self._end(joints)
            return
        self._came_for += dt
        self._volume += self._flow * dt
        self._total += self._flow * dt
        if self._lost and not self._told_loss:
            self._told_loss = True
            self._log(self._time, "pressure_lost", joints, volume=self._total)
        if self._tip is None:
            return
        tip = self._tip(joints)
        self._gone += 0.0 if self._at is None else float(np.linalg.norm(tip - self._at))
        self._at = tip
        if self._gone >= _STEP - 1e-9:
            self._say_bead(joints)

    def _say_bead(self, joints: Sequence[float]) -> None:
        self._log(self._time, "bead", joints, length=self._gone, volume=self._volume)
        self._gone = self._volume = 0.0

    def _end(self, joints: Sequence[float]) -> None:
        if self._gone:
            self._say_bead(joints)
        self._log(self._time, "bead_ends", joints, volume=self._total)
        self._came_for = 0.0
