"""The one protocol of arms whose controller plans by itself: waypoints in, but first the motion that comes of them.

A streaming arm follows setpoints; this one passes waypoints in its own way. So it is asked first what it will really
do, and that answer, not the waypoints, is what has to be proved before anything moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from cellctl.drivers.driver import ArmIdentity, ArmState
from cellctl.model.polyline_motion import PolylineMotion
from cellctl.model.pose import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FollowedMotion:
    """What a controller will do with waypoints: the `motion` (joint values over time), and what it will be sent."""

    motion: PolylineMotion
    commands: tuple[str, ...]


class WaypointDriver(Protocol):
    """One arm with a planner of its own. A context manager: leaving it stops and closes."""

    def identify(self) -> ArmIdentity:
        """Which arm this is; moves nothing."""
        ...

    def read(self) -> ArmState:
        """The measured state now; moves nothing."""
        ...

    def follow(self, waypoints: FloatArray, durations: FloatArray) -> FollowedMotion:
        """What the arm will do with `waypoints` (n + 1, dof), rad, whose lines shall take `durations` (n,), s.

        The first waypoint is where it stands. Moves nothing.
        """
        ...

    def run(self, followed: FollowedMotion) -> Iterator[ArmState]:
        """Do it, giving the measured state as it comes; ends when the arm stands at the end. Closing the iterator
        stops the arm.
        """
        ...

    def switch(self, outputs: int) -> None:
        """Set the digital outputs, as bits, while the arm stands."""
        ...

    def stop(self) -> ArmState:
        """Decelerate to standstill on the path, outputs off, forget what is left; returns when the arm stands."""
        ...

    def clear(self) -> None:
        """Acknowledge latched faults whose cause is gone; moves nothing."""
        ...

    def close(self) -> None:
        """Let go of the arm."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
