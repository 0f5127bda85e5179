"""What happened during a run, as frozen values with their time. Nothing is decided from them here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

EventKind = Literal[
    "state",
    "step",
    "segment",
    "arc_on",
    "arc_established",
    "arc_off",
    "bead_on",
    "bead_established",
    "bead_off",
    "gripper",
    "gripper_done",
    "screw",
    "screw_done",
    "progress",
    "fault",
    "stopped",
    "done",
]
"""`state` carries the execution state in its data, by its ISA-TR88.00.02 name in lower case (`execute`, `holding`,
`held` ...).
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened at `time`, s of the arm's clock since the start of the run.

    `data` holds JSON values: `step`, `segment`, `kind` and `s` (m or path parameter) say where, `findings` of a fault
    what.
    """

    time: float
    kind: EventKind
    data: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """The event as a JSON object; `event_from_json` reads it."""
        return {"time": self.time, "kind": self.kind, "data": dict(self.data)}


def event_from_json(value: Mapping[str, object]) -> Event:
    """The event of an object that `Event.as_json` wrote; raises KeyError, TypeError or ValueError for another one."""
    time, kind, data = value["time"], value["kind"], value["data"]
    if not isinstance(time, int | float) or not isinstance(data, Mapping):
        raise TypeError("an event has a number `time` and an object `data`")
    if kind not in get_args(EventKind):
        raise ValueError(f"no such kind of event: {kind}")
    return Event(float(time), cast(EventKind, kind), dict(data))
