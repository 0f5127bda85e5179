"""A simulated gripper: `gripper` in, `gripped` and `gripper_open` out after its stroke, faults on demand, and the log.

It knows no part: whatever it closes on is one. It moves nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellctl.emulators.simulated_arm.weld_source import Log


@dataclass(frozen=True, slots=True)
class GripperSettings:
    """Lines and behaviour: output `gripper`, inputs `gripped` and `gripper_open`, `stroke_time` s; with `closes` False
    the fingers never meet a part, and `lost_after` s of holding one it is gone until the gripper has opened.
    """

    gripper: int | None = None
    gripped: int | None = None
    gripper_open: int | None = None
    stroke_time: float = 0.6
    closes: bool = True
    lost_after: float | None = None

    @property
    def keeps(self) -> int:
        """The outputs, as bits, that a stop leaves as they are."""
        return 0 if self.gripper is None else 1 << self.gripper


class Gripper:
    """One gripper, open at first; `tick` it once a period of the controller."""

    def __init__(self, settings: GripperSettings, log: Log) -> None:
        self._settings, self._log = settings, log
        self._told_to_close = False
        self._since = -settings.stroke_time
        self._state = "opened"

    def tick(self, time: float, outputs: int, joints: Sequence[float]) -> int:
        """The inputs at `time` s for the controller's `outputs`, both as bits."""
        settings = self._settings
        if settings.gripper is None:
            return 0
        told = bool(outputs >> settings.gripper & 1)
        if told != self._told_to_close:
            self._told_to_close, self._since = told, time
            self._go("closing" if told else "opening", time, joints)
        elapsed = time - self._since
        if elapsed >= settings.stroke_time - 1e-9:
            if self._state == "opening":
                self._go("opened", time, joints)
            elif self._state == "closing" and settings.closes:
                self._go("gripped", time, joints)
            elif self._state == "gripped" and self._is_lost(elapsed - settings.stroke_time):
                self._go("part_lost", time, joints)
        return self._bit(settings.gripped, "gripped") | self._bit(settings.gripper_open, "opened")

    def _is_lost(self, held_for: float) -> bool:
        lost_after = self._settings.lost_after
        return lost_after is not None and held_for >= lost_after - 1e-9

    def _go(self, state: str, time: float, joints: Sequence[float]) -> None:
        self._state = state
        self._log(time, f"gripper_{state}" if state != "part_lost" else state, joints)

    def _bit(self, line: int | None, state: str) -> int:
        return 1 << line if line is not None and self._state == state else 0
