"""How one kind of screw is driven: thread, speed, and the windows of torque and angle that it is judged by. It drives
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

from cellctl.model.wps import Range


@dataclass(frozen=True, slots=True)
class TighteningProgram:
    """A tightening to torque with its angle watched, SI.

    `pitch` is the thread's (m), `length` how far the screw goes in from where its thread begins to bite to where its
    head sits, `head` how far the tip of the bit is from the face of the hole then (m). `speed` is that of the run-down
    (rad/s). From the torque `snug` (Nm) on the angle counts; `torque` is the window of the final torque, its nominal
    value the one at which the driver shuts off (Nm), `angle` that of the angle since `snug` (rad). After `timeout` (s)
    at its end a screw that is not tight has failed.
    """

    name: str
    pitch: float
    length: float
    speed: float
    snug: float
    torque: Range
    angle: Range
    timeout: float
    head: float = 0.0

    @property
    def feed(self) -> float:
        """How fast the screw goes in while it is run down, m/s."""
        return self.pitch * self.speed / (2.0 * pi)

    @property
    def turns(self) -> float:
        """The angle by which the screw is run down, rad."""
        return 2.0 * pi * self.length / self.pitch
