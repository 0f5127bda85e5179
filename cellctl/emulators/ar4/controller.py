"""An emulated controller of an Annin AR4: lines in, replies out, with the defects that were read in its firmware. It
knows neither line nor port.

Each joint goes its own way to its goal, by the ramps of the firmware, and waits for no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from cellctl.emulators.link.line import Said
from cellctl.model.link_faults import Fault
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Robot
from cellctl.model.wires import ar4

_LARGEST = 380.0
_TIME_STEP = 0.001
_LONGEST_LINE = 256
_NUMBER = re.compile(r"\s*-?\d+(?:\.\d*)?")
_DEAD = "ER: Unrecoverable error state entered. Please reset."
_DEAD_PERIOD = 1.0


class Ar4Controller:
    """A `Controller` of six joints whose shafts stand at `joints` (6,), deg as it counts them at first.

    `stop_pressed` is the switch of the emergency stop; `stopped` stays until it is cleared. `started` is False until a
    host has said who it is, and `dead` is what it is once it was asked for anything else before that.
    """

    def __init__(self, joints: FloatArray) -> None:
        self.shafts = np.array(joints, dtype=np.float64)
        self.speeds = np.zeros(len(joints))
        self.stop_pressed = self.stopped = self.started = self.dead = self.stuck = False
        self._goal, self._counted_from = self.shafts.copy(), np.zeros(len(joints))
        self._received = bytearray()
        self._silent = self._asleep = False
        self._now = self._complained = 0.0

    @property
    def joints(self) -> FloatArray:
        """What it counts (6,), deg."""
        return self.shafts - self._counted_from

    @property
    def busy(self) -> bool:
        """True while a joint turns, or it complains by itself."""
        return self.dead or bool((self.shafts != self._goal).any())

    def hear(self, data: bytes, now: float) -> list[Said]:
        """Obey the lines that are whole with `data`."""
        del now
        if self._asleep or self.dead:
            return []
        self._received += data
        *lines, rest = self._received.split(b"\n")
        self._received = rest[-_LONGEST_LINE:]
        return self._said(reply for line in lines for reply in self._answer(line.decode("ascii", "replace")))

    def advance(self, now: float) -> Sequence[Said]:
        """Turn on to `now`, s."""
        while self._now + _TIME_STEP <= now:
            self._now += _TIME_STEP
            if not (self.stopped or self.stuck):
                self._turn(_TIME_STEP)
        if not self.dead or now < self._complained + _DEAD_PERIOD:
            return ()
        self._complained = now
        return self._said([_DEAD])

    def suffer(self, faults: Sequence[Fault]) -> None:
        """`silent` says nothing, `stuck` does not turn, `overload` is the emergency stop being pressed; after `reboot`
        and `brown_out` it counts from 0 where it stands, and has forgotten who asked.
        """
        kinds = {fault.kind for fault in faults}
        self._silent, self.stuck, self.stop_pressed = "silent" in kinds, "stuck" in kinds, "overload" in kinds
        if self.stop_pressed:
            self.speeds[:] = 0.0
            self.stopped = True
        asleep = bool(kinds & {"reboot", "brown_out"})
        if asleep and not self._asleep:
            self._counted_from = self.shafts.copy()
            self._forget()
            self._received.clear()
            self.started = self.dead = self.stopped = False
        self._asleep = asleep

    def _said(self, replies: Iterable[str]) -> list[Said]:
        said = [Said(0.0, f"{reply}\r\n".encode("ascii", "replace")) for reply in replies]
        return [] if self._silent or self._asleep else said

    def _answer(self, line: str) -> list[str]:
        """What one line, without its end, makes it do and say; a line that it does not know it does not mention."""
        if line[:2] == "ST":
            return [self._start(line)]
        if not self.started:
            self.dead = True
            return []
        match line[:2]:
            case "JP":
                words = zip(ar4.LETTERS, self.joints.tolist(), strict=True)
                return ["JP" + "".join(f"{letter}{value:.6f}" for letter, value in words)]
            case "MT":
                complaint = self._move(line[2:])
                return [*complaint, f"ES{self.stopped:d}"]
            case "RE":
                if not self.stop_pressed:
                    self._forget()
                    self.stopped = False
                return [f"ES{self.stopped:d}"]
            case _:
                return []

    def _start(self, line: str) -> str:
        version, _, model = line[3:].partition("B")
        agrees = version == ar4.FIRMWARE, model in ("mk1", "mk2", "mk3")
        self.started, self.dead = all(agrees), not all(agrees)
        self._forget()
        return f"STA{agrees[0]:d}B{ar4.FIRMWARE}C{agrees[1]:d}D{model if agrees[1] else ''}"

    def _move(self, text: str) -> list[str]:
        """A move, whole or not: from the first joint that is missing on, all go to 0; it is answered after a complaint
        too.
        """
        goal, complaint = np.zeros(ar4.JOINTS), list[str]()
        for index, letter in enumerate(ar4.LETTERS):
            if letter not in text:
                complaint = [f"ER: panic, missing joint {letter}"]
                break
            goal[index] = _leading_number(text[text.index(letter) + 1 :])
        for letter, value in zip(ar4.LETTERS, goal, strict=True):
            if value > _LARGEST:
                return [*complaint, f"ER: panic, joint {letter} value {value:f} out of range"]
        told = np.abs(goal - self.joints) > ar4.UNMOVED
        self._goal = np.where(told, goal + self._counted_from, self._goal)
        return complaint

    def _forget(self) -> None:
        """Have no goal but where it is, at once."""
        self._goal, self.speeds = self.shafts.copy(), np.zeros(ar4.JOINTS)

    def _turn(self, dt: float) -> None:
        """Every joint towards its goal, no faster than it can be stopped there."""
        way = self._goal - self.shafts
        wanted = np.sign(way) * np.minimum(ar4.TOP_SPEED, np.sqrt(2.0 * ar4.ACCELERATION * np.abs(way)))
        self.speeds += np.clip(wanted - self.speeds, -ar4.ACCELERATION * dt, ar4.ACCELERATION * dt)
        there = (np.abs(way) <= 2.0 * ar4.ACCELERATION * dt * dt) & (np.abs(self.speeds) <= 3.0 * ar4.ACCELERATION * dt)
        self.speeds[there] = 0.0
        self.shafts = np.where(there, self._goal, self.shafts + self.speeds * dt)


def _leading_number(text: str) -> float:
    """The number that a text begins with, 0 where it begins with none."""
    found = _NUMBER.match(text)
    return float(found[0]) if found else 0.0


def ar4_of(robot: Robot, joints: Sequence[float]) -> Ar4Controller:
    """A controller whose arm stands at joint values (dof,), rad, and was calibrated."""
    del robot
    return Ar4Controller(np.degrees(joints) + ar4.ZEROS)
