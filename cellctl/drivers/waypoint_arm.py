"""Arms whose controller plans by itself: waypoints in, but first the motion that comes of them.

A streaming arm follows setpoints; this one passes waypoints in its own way. So it is asked first what it will really
do, and that answer, not the waypoints, is what has to be proved before anything moves.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import inf
from typing import Literal, TypeVar

import numpy as np

from cellctl.drivers.driver import ArmIdentity, ArmSetup, ArmState, Setpoint
from cellctl.drivers.port import OpenPort, Port, PortLost
from cellctl.drivers.stopped_at_exit import StoppedAtExit
from cellctl.errors import CellctlError, Faulted, Finding, UsageError
from cellctl.model.polyline_motion import PolylineMotion
from cellctl.model.pose import FloatArray, frozen_array

BoolArray = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

Result = TypeVar("Result")

Reference = Literal["home", "assume"]
"""How a controller gets to know where its arm is: it finds its switches, or somebody vouches for what it counts."""
_LONGEST_PAUSE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class FollowedMotion:
    """What a controller will do with waypoints: the `motion` (joint values over time), and what it will be sent."""

    motion: PolylineMotion
    commands: tuple[str, ...]


def demand_awake(paused: float) -> None:
    """Raise Faulted X464 where this program was `paused` (s) for so long that the arm moved on unwatched."""
    if paused > _LONGEST_PAUSE:
        text = f"this program was paused for {paused:.1f} s, and the controller went on by itself"
        raise Faulted(Finding("X464", text, suggestion="take load off the machine, clear the fault, start again"))


class WaypointArm(StoppedAtExit):
    """The controller behind the port that `open_port` opens, and opens again when a fault is cleared. A fault stays
    until `clear`; until then nothing moves.
    """

    protocol: str
    period: float
    """s between two states while the arm moves."""

    def __init__(self, open_port: OpenPort, setup: ArmSetup) -> None:
        self._open_port, self._setup = open_port, setup
        self._fault: Faulted | None = None
        self._last: ArmState | None = None
        self._looked = -inf
        self._connect()

    # What each protocol does in its own way --------------------------------------------------------------------------

    @property
    @abstractmethod
    def port(self) -> Port:
        """The port that is open."""

    @abstractmethod
    def _attach(self, port: Port) -> None:
        """Take up a port and look who is there; raises EnvironmentMissing."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether the controller says something."""

    @abstractmethod
    def _lost(self, why: str) -> Faulted:
        """The fault that a link which is gone is."""

    @abstractmethod
    def _impossible(self, what: str) -> Finding:
        """Waypoints that the controller cannot be given."""

    @abstractmethod
    def _read(self) -> ArmState:
        """The measured state now."""

    @abstractmethod
    def _stop(self) -> ArmState:
        """Stop, and wait until the arm stands."""

    @abstractmethod
    def _clear(self) -> None:
        """Let the controller forget a fault whose cause is gone; moves nothing."""

    @abstractmethod
    def _cut(self) -> None:
        """Take the drive away at once, wherever the arm is."""

    @property
    @abstractmethod
    def referenced(self) -> bool:
        """Whether the controller is known to know where the arm is."""

    @abstractmethod
    def homing(self) -> Generator[None, None, None]:
        """Let the controller find its reference, which moves the arm; gives nothing, again and again, until it has.
        Closing the generator ends it at once. Raises UsageError or Faulted where there is none to be found.
        """

    @abstractmethod
    def assume_position(self) -> None:
        """Vouch for the position that the controller counts; moves nothing."""

    @abstractmethod
    def hold(self) -> None:
        """Decelerate on the path and stand; outputs go off."""

    @abstractmethod
    def resume(self) -> None:
        """Go on from a hold; raises Faulted where that must not be."""

    @abstractmethod
    def sayable(self, joints: FloatArray) -> FloatArray:
        """Joint values (..., dof), rad, as they can be said on the wire."""

    @abstractmethod
    def follow(self, waypoints: FloatArray, durations: FloatArray) -> FollowedMotion:
        """What the arm will do with `waypoints` (n + 1, dof), rad, whose lines shall take `durations` (n,), s.

        The first waypoint is where it stands. Moves nothing.
        """

    @abstractmethod
    def run(self, followed: FollowedMotion) -> Generator[ArmState, None, None]:
        """Do it, giving the measured state as it comes; ends when the arm stands at the end. Closing the generator
        stops the arm.
        """

    @abstractmethod
    def switch(self, outputs: int) -> None:
        """Set the digital outputs, as bits, while the arm stands."""

    # What all have in common -----------------------------------------------------------------------------------------

    def identify(self) -> ArmIdentity:
        """What the cell says; that the controller fits was checked when the port was opened."""
        setup = self._setup
        return ArmIdentity(self.protocol, setup.robot, setup.joints, self.period, "arm", falls=True, plans=True)

    def demand_reference(self) -> None:
        """Raise Faulted X477 where nobody knows where the arm is."""
        if not self.referenced:
            text = "nobody has told the controller where the arm is since the port was opened"
            hint = "--reference home lets it find its switches, which moves it; --reference assume vouches for it"
            raise Faulted(Finding("X477", text, suggestion=hint))

    def look(self) -> ArmState:
        """The measured state a period after the last look; raises Faulted when it cannot be had."""
        self._looked = max(self._looked + self.period, self.port.now())
        self.port.wait_until(self._looked)
        return self.read()

    def read(self) -> ArmState:
        """The measured state now; raises Faulted when it cannot be had."""
        return self._guarded(self._read)

    def stop(self) -> ArmState:
        """Decelerate to standstill on the path, outputs off, forget what is left; returns when the arm stands."""
        return self._guarded(self._stop)

    def exchange(self, setpoint: Setpoint) -> ArmState:
        """There is no such thing here: raises UsageError X491."""
        del setpoint
        text = f"the controller of a {self._setup.robot} plans by itself ({self.protocol}): it takes no setpoints"
        raise UsageError(Finding("X491", text, suggestion="give it whole motions"))

    def power(self, state: Literal["off", "on"]) -> None:
        """`off`: take the drive away at once; `on`: see that the arm is there and without a fault. Moves nothing."""
        if state == "off":
            self._guarded(self._cut)
        else:
            self._demand_no_fault()
            self.read()

    def clear(self) -> None:
        """Open the port again where it was lost, let the controller forget its fault; moves nothing."""
        if self._port_is_gone():
            self.port.close()
            self._connect()
        self._guarded(self._clear)
        self._fault = None

    def close(self) -> None:
        """Close the port; the controller keeps its motors as they are."""
        self.port.close()

    def _connect(self) -> None:
        port = self._open_port()
        self._last = None
        try:
            self._attach(port)
        except PortLost as lost:
            port.close()
            raise self._lost(str(lost)) from None
        except CellctlError:
            port.close()
            raise

    def _port_is_gone(self) -> bool:
        """True when the port no longer takes or gives anything."""
        try:
            return not self._answers()
        except PortLost:
            return True

    def _guarded(self, deed: Callable[[], Result]) -> Result:
        """Do something on the link; a lost port becomes a fault with the last pose."""
        try:
            return deed()
        except PortLost as lost:
            self._fault = self._lost(str(lost))
            raise self._fault from None

    def _demand_no_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _demand_possible(self, points: FloatArray, durations: FloatArray, outside: BoolArray, what: str) -> None:
        """Raise UsageError for waypoints that are none, and for those that are `outside` (n + 1, dof) of `what`."""
        if points.ndim != 2 or len(points) != len(durations) + 1 or len(points) < 2:
            raise UsageError(self._impossible("a motion needs a start and at least one more waypoint"))
        if not np.isfinite(points).all() or not (np.asarray(durations) > 0.0).all():
            raise UsageError(self._impossible("waypoints must be finite and times above 0"))
        if not np.abs(np.diff(points, axis=0)).max(axis=1).all():
            raise UsageError(self._impossible("two waypoints in a row are the same"))
        if outside.any():
            joint = self._setup.joints[int(np.argmax(outside.any(axis=0)))]
            raise UsageError(self._impossible(f"a waypoint is outside {what} {joint}"))

    def _measured(self, now: float, joints: FloatArray, before: tuple[float, FloatArray] | None) -> ArmState:
        """A state with the velocities since `before`; it is the last one now."""
        still = np.zeros(len(joints))
        elapsed = 0.0 if before is None else now - before[0]
        velocities = (joints - before[1]) / elapsed if before is not None and elapsed > 0.0 else still
        self._last = ArmState(now, frozen_array(joints), frozen_array(velocities), frozen_array(still), inputs=0)
        return self._last
