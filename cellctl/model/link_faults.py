"""What a serial line and the servos on it can do wrong, as a script of frozen values. Nothing is broken here."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Final, Literal, get_args

FaultKind = Literal[
    "lose",
    "drop_byte",
    "flip_bit",
    "swap_bytes",
    "split",
    "glue",
    "noise",
    "echo",
    "late",
    "stall",
    "silent",
    "stuck",
    "reboot",
    "overheating",
    "overload",
    "brown_out",
    "wrap",
    "hang_up",
]
"""What goes wrong.

With bytes: a whole message is lost, a byte is dropped, a bit flips, two neighbours change places, a message comes byte
by byte, two come as one, noise comes first, the adapter echoes, a message comes `by` later, nothing comes until the
fault is over. With servos: one does not answer, does not move, starts anew, reports an error and lets go, is without
power until the fault is over, counts a turn too many. With the port: the cable is pulled, and plugged in again when the
fault is over.
"""

LINE_FAULTS: Final = get_args(FaultKind)[:10]
SERVO_FAULTS: Final = get_args(FaultKind)[10:17]

Way = Literal["commands", "replies"]
Replug = Literal["same", "renamed", "other_device"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong between `start` and `end` (s after the first byte of the host), at most `times` times,
    to a `share` of the messages that go that `way`.

    `by` (s) is how late or how far apart bytes come. `servo` is whom it happens to, 0 for all. `replug` says what is
    found when a cable is plugged in again.
    """

    kind: FaultKind
    start: float = 0.0
    end: float = inf
    way: Way = "replies"
    share: float = 1.0
    times: int | None = None
    by: float = 0.0
    servo: int = 0
    replug: Replug = "same"

    def holds_at(self, time: float) -> bool:
        """True while the fault may happen."""
        return self.start <= time < self.end


@dataclass(frozen=True, slots=True)
class FaultScript:
    """Faults that happen in the same way for the same `seed` and traffic."""

    faults: tuple[Fault, ...] = ()
    seed: int = field(default=0)
