"""What a line of G-code asks for, or the number of the error in it. It moves nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.wires.gcode import AXES, number_of

_WORDS = re.compile(r"([A-Z])([-+.\d]*)")
_MOTIONS = {0.0: "rapid", 1.0: "straight"}
_MODES = {20.0, 21.0, 90.0, 91.0, 93.0, 94.0, 17.0, 54.0}
_SWITCHES = {3.0, 4.0, 5.0, 7.0, 8.0, 9.0}
_GROUPS = (
    ("G", (20.0, 21.0)),
    ("G", (90.0, 91.0)),
    ("G", (93.0, 94.0)),
    ("M", (3.0, 4.0, 5.0)),
    ("M", (7.0, 8.0, 9.0)),
)
"""Words of which a line has one at most."""
_EXPECTED, _NUMBER, _NEGATIVE, _UNSUPPORTED, _GROUP = 1, 2, 4, 20, 21
_NO_FEED, _CONFLICT, _TWICE, _NO_AXES = 22, 24, 25, 26
_PLAIN = "FSPNT"
"""Letters whose numbers are never negative."""
_RAPID_TIME = 1e-9


class Objection(Exception):
    """The line is not taken; `number` is that of GRBL's `error:N`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """A straight move to `target` (n,), controller units, in `duration` s, which no machine may do in 0 s."""

    target: FloatArray
    duration: float


@dataclass(frozen=True, slots=True)
class Dwell:
    """Wait, s."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Switch:
    """An M word that switches something: 3, 4, 5 the spindle, 7, 8, 9 the coolant."""

    word: int


Order = Move | Dwell | Switch


@dataclass(slots=True)
class Interpreter:
    """The modal state of the parser: what a line means without saying so. `position` (n,) is where the last move
    ends.
    """

    position: FloatArray
    motion: str = "rapid"
    absolute: bool = True
    inverse_time: bool = False
    scale: float = 1.0
    feed: float = 0.0

    def orders(self, line: str) -> list[Order]:
        """What a line asks for, in order; raises Objection, and then nothing of it is taken."""
        words = _split(line)
        axes = {letter: value for letter, value in words if letter in AXES[: len(self.position)]}
        numbers = [(letter, value) for letter, value in words if letter in "GM"]
        self._demand_known(words, numbers)
        before = (self.motion, self.absolute, self.inverse_time, self.scale, self.feed)
        try:
            return self._orders(words, numbers, axes)
        except Objection:
            self.motion, self.absolute, self.inverse_time, self.scale, self.feed = before
            raise

    def jog(self, line: str) -> Move:
        """The move of a `$J=` line; the modal state stays."""
        modal = Interpreter(self.position.copy(), "straight", self.absolute, False, self.scale, 0.0)
        found = [order for order in modal.orders(line) if isinstance(order, Move)]
        if len(found) != 1:
            raise Objection(16)
        return found[0]

    def _orders(
        self, words: Sequence[tuple[str, float]], numbers: Sequence[tuple[str, float]], axes: dict[str, float]
    ) -> list[Order]:
        gs = [value for letter, value in numbers if letter == "G"]
        self._set_modes(gs)
        orders: list[Order] = [Switch(int(value)) for letter, value in numbers if letter == "M" and value in _SWITCHES]
        said = dict(words)
        if 4.0 in gs:
            if "P" not in said:
                raise Objection(28)
            return [*orders, Dwell(said["P"])]
        if self.inverse_time and axes and self.motion == "straight" and "F" not in said:
            raise Objection(_NO_FEED)
        self.feed = said.get("F", 0.0 if self.inverse_time else self.feed)
        if axes:
            orders.append(self._move(axes))
        elif any(value in _MOTIONS for value in gs) and 1.0 in gs:
            raise Objection(_NO_AXES)
        return orders

    def _demand_known(self, words: Sequence[tuple[str, float]], numbers: Sequence[tuple[str, float]]) -> None:
        for letter, value in numbers:
            known = _MODES | set(_MOTIONS) | {4.0} if letter == "G" else _SWITCHES
            if value not in known:
                raise Objection(_UNSUPPORTED)
        if any(sum(one == letter and value in group for one, value in numbers) > 1 for letter, group in _GROUPS):
            raise Objection(_GROUP)
        letters = [letter for letter, _ in words if letter not in "GM"]
        if len(set(letters)) < len(letters):
            raise Objection(_TWICE)
        if len([value for letter, value in numbers if letter == "G" and value in _MOTIONS]) > 1:
            raise Objection(_CONFLICT)
        if any(letter not in AXES + _PLAIN for letter in letters):
            raise Objection(_UNSUPPORTED)
        if any(letter in _PLAIN and value < 0.0 for letter, value in words):
            raise Objection(_NEGATIVE)

    def _set_modes(self, gs: Sequence[float]) -> None:
        for value in gs:
            if value in _MOTIONS:
                self.motion = _MOTIONS[value]
            elif value in (90.0, 91.0):
                self.absolute = value == 90.0
            elif value in (93.0, 94.0):
                self.inverse_time = value == 93.0
            elif value in (20.0, 21.0):
                self.scale = 25.4 if value == 20.0 else 1.0

    def _move(self, axes: dict[str, float]) -> Move:
        target = self.position.copy()
        for letter, value in axes.items():
            index = AXES.index(letter)
            target[index] = value * self.scale + (0.0 if self.absolute else self.position[index])
        length = float(np.linalg.norm(target - self.position))
        self.position = target
        if self.motion == "rapid":
            return Move(target, _RAPID_TIME)
        if self.feed <= 0.0:
            raise Objection(_NO_FEED)
        return Move(target, 60.0 / self.feed if self.inverse_time else 60.0 * length / (self.feed * self.scale))


def _split(line: str) -> list[tuple[str, float]]:
    """Letters with their numbers; raises Objection."""
    text = re.sub(r"\(.*?\)|;.*", "", line).replace(" ", "").upper()
    words, at = [], 0
    while at < len(text):
        found = _WORDS.match(text, at)
        if found is None:
            raise Objection(_EXPECTED)
        value = number_of(found[2])
        if value is None:
            raise Objection(_NUMBER)
        words.append((found[1], value))
        at = found.end()
    return words
