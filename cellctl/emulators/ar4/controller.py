"""An emulated controller of an Annin AR4: lines in, replies out, with the defects that its firmware is known for. It
knows neither line nor port.

A move without a joint goes to 0 deg there, a range is checked on one side alone, and a complaint is followed by a reply
that nobody asked for. How the steppers are ramped is not modelled: a joint goes at its top speed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from cellctl.emulators.link.line import Said
from cellctl.model.link_faults import Fault
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Robot
from cellctl.model.wires import ar4

_LARGEST = 380.0
_TIME_STEP = 0.002
_LONGEST_LINE = 256
_WORDS = re.compile(r"([A-F])(-?\d+(?:\.\d+)?)")


class Ar4Controller:
    """A `Controller` of six joints at `joints` (6,), deg, that turn no faster than `top` (6,), deg/s.

    `stop_pressed` is the switch of the emergency stop; `stopped` stays until it is cleared.
    """

    def __init__(self, joints: FloatArray, top: FloatArray) -> None:
        self.joints = np.array(joints, dtype=np.float64)
        self.stop_pressed = self.stopped = False
        self._goal = self.joints.copy()
        self._top = top
        self._received = bytearray()
        self._silent = False
        self._now = 0.0

    @property
    def busy(self) -> bool:
        """True while a joint turns."""
        return bool((self.joints != self._goal).any())

    def hear(self, data: bytes, now: float) -> list[Said]:
        """Obey the lines that are whole with `data`."""
        del now
        self._received += data
        *lines, rest = self._received.split(b"\n")
        self._received = rest[-_LONGEST_LINE:]
        said = [reply for line in lines for reply in self._answer(line.decode("ascii", "replace").strip())]
        return [] if self._silent else [Said(0.0, f"{reply}\r\n".encode("ascii", "replace")) for reply in said]

    def advance(self, now: float) -> Sequence[Said]:
        """Turn on to `now`, s."""
        while self._now + _TIME_STEP <= now:
            self._now += _TIME_STEP
            if not self.stopped:
                way = self._goal - self.joints
                self.joints += np.clip(way, -self._top * _TIME_STEP, self._top * _TIME_STEP)
        return ()

    def suffer(self, faults: Sequence[Fault]) -> None:
        """`silent` says nothing, `overload` is the emergency stop being pressed."""
        kinds = {fault.kind for fault in faults}
        self._silent = "silent" in kinds
        self.stop_pressed = "overload" in kinds
        self.stopped = self.stopped or self.stop_pressed

    def _answer(self, line: str) -> list[str]:
        match line[:2]:
            case "ST":
                agrees = line == ar4.ask_who()
                return [f"STA{agrees:d}B{ar4.FIRMWARE}C{agrees:d}D{ar4.MODEL}"]
            case "JP":
                words = zip(ar4.LETTERS, self.joints.tolist(), strict=True)
                return ["JP" + "".join(f"{letter}{value:.6f}" for letter, value in words)]
            case "MT":
                return self._move(line[2:])
            case "RE":
                self.stopped = self.stop_pressed
                return [f"ES{self.stopped:d}"]
            case _:
                return [f"ER: unknown command {line[:2]}"]

    def _move(self, text: str) -> list[str]:
        """A move, whole or not: a joint that is missing goes to 0, and the move is answered after a complaint too."""
        said = {letter: float(value) for letter, value in _WORDS.findall(text)}
        goal = np.array([said.get(letter, 0.0) for letter in ar4.LETTERS])
        if (goal > _LARGEST).any():
            return ["ER: target out of range"]
        if not self.stopped:
            self._goal = goal
        complaint = ["ER: a joint is missing"] if len(said) < ar4.JOINTS else []
        return [*complaint, f"ES{self.stopped:d}"]


def ar4_of(robot: Robot, joints: Sequence[float]) -> Ar4Controller:
    """A controller with the speeds of `robot`, standing at joint values (dof,), rad."""
    return Ar4Controller(np.degrees(joints), np.degrees(robot.limit_array("velocity")))
