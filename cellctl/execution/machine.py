"""The executor's state machine as data: one table of transitions, and where one arm stands in it. It moves nothing.

Three variables that change on their own: `power` (estop, off, on), `mode` (who may start, and how fast) and `state`,
the execution state by its ISA-TR88.00.02 name. SUSPENDED and its neighbours are left out: nothing upstream can be
missing. All of it is software; none of it replaces a hardware emergency stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cellctl.errors import Finding, UsageError

Power = Literal["estop", "off", "on"]
Mode = Literal["t1", "t2", "auto", "remote"]
State = Literal[
    "idle",
    "starting",
    "execute",
    "holding",
    "held",
    "unholding",
    "stopping",
    "stopped",
    "aborting",
    "aborted",
    "clearing",
    "resetting",
    "completing",
    "complete",
]
Trigger = Literal[
    "start",
    "begin",
    "hold",
    "protect",
    "resume",
    "stop",
    "fault",
    "estop",
    "still",
    "finish",
    "clear",
    "reset",
]
Asker = Literal["lease holder", "anybody", "executor"]


@dataclass(frozen=True, slots=True)
class Transition:
    """From any of `sources` to `target` on `trigger`; `asked_by` says who may ask for it."""

    trigger: Trigger
    sources: tuple[State, ...]
    target: State
    asked_by: Asker


@dataclass(frozen=True, slots=True)
class StopEffect:
    """What a way to stop does: its stop category (IEC 60204-1 wording), and to motion, power and process."""

    trigger: Trigger
    category: Literal[0, 1, 2]
    motion: str
    power: str
    process: str


MOVING: tuple[State, ...] = ("starting", "execute", "holding", "unholding", "stopping", "aborting", "completing")
"""States in which the arm may move."""
RUNNING: tuple[State, ...] = (*MOVING, "held")
"""States in which a run is in progress."""
RESTING: tuple[State, ...] = ("idle", "stopped", "aborted", "complete")
"""States in which nothing runs."""

_STOPPABLE: tuple[State, ...] = ("starting", "execute", "holding", "held", "unholding", "completing")
_ANY_RUN: tuple[State, ...] = (*_STOPPABLE, "stopping")

TRANSITIONS: tuple[Transition, ...] = (
    Transition("start", ("idle",), "starting", "lease holder"),
    Transition("begin", ("starting", "unholding"), "execute", "executor"),
    Transition("hold", ("starting", "execute", "unholding"), "holding", "anybody"),
    Transition("protect", ("starting", "execute", "unholding"), "holding", "executor"),
    Transition("still", ("holding",), "held", "executor"),
    Transition("resume", ("held",), "unholding", "lease holder"),
    Transition("stop", _STOPPABLE, "stopping", "anybody"),
    Transition("still", ("stopping",), "stopped", "executor"),
    Transition("fault", _ANY_RUN, "aborting", "executor"),
    Transition("estop", (*_ANY_RUN, "aborting", "idle", "stopped", "complete", "aborted"), "aborting", "anybody"),
    Transition("still", ("aborting",), "aborted", "executor"),
    Transition("finish", ("execute",), "completing", "executor"),
    Transition("still", ("completing",), "complete", "executor"),
    Transition("clear", ("aborted",), "clearing", "lease holder"),
    Transition("still", ("clearing",), "stopped", "executor"),
    Transition("reset", ("stopped", "complete"), "resetting", "lease holder"),
    Transition("still", ("resetting",), "idle", "executor"),
)

STOPS: tuple[StopEffect, ...] = (
    StopEffect("hold", 2, "slows down on the path and stands", "stays on", "off in the same cycle"),
    StopEffect("protect", 2, "slows down on the path and stands", "stays on", "off in the same cycle"),
    StopEffect("stop", 2, "slows down on the path; the run ends", "stays on", "off in the same cycle"),
    StopEffect(
        "fault",
        1,
        "slows down, on the path where the arm still follows",
        "off at standstill, on for an arm that would fall",
        "off at once",
    ),
    StopEffect("estop", 0, "brakes close at once, off the path", "off at once, latched", "off at once"),
)

_TABLE: dict[tuple[Trigger, State], State] = {
    (t.trigger, source): t.target for t in TRANSITIONS for source in t.sources
}
_SAY_FIRST: dict[State, str] = {
    "aborted": "clear it first",
    "stopped": "reset it first",
    "complete": "reset it first",
}


class Machine:
    """Where one arm stands in the table. Who asks for what the table does not hold is refused, and nothing changes."""

    def __init__(self, *, power: Power = "off", mode: Mode = "auto") -> None:
        self.power: Power = power
        self.mode: Mode = mode
        self.state: State = "idle"

    def may(self, trigger: Trigger) -> bool:
        """Whether the table holds `trigger` for the state now."""
        return (trigger, self.state) in _TABLE

    def demand(self, trigger: Trigger) -> None:
        """Raise UsageError where `take` would: X431 where `trigger` leads nowhere, X432 for a start or resume without
        power.
        """
        if not self.may(trigger):
            text = f"'{trigger}' means nothing while the arm is {self.state}"
            raise UsageError(Finding("X431", text, suggestion=_SAY_FIRST.get(self.state, "ask for the status")))
        if trigger in ("start", "resume") and self.power != "on":
            raise UsageError(_without_power(self.power))

    def take(self, trigger: Trigger) -> State:
        """Go where `trigger` leads; raises UsageError as `demand` does, and nothing is changed then."""
        self.demand(trigger)
        if trigger == "estop":
            self.power = "estop"
        self.state = _TABLE[trigger, self.state]
        return self.state

    def abort(self, *, keeps_power: bool) -> None:
        """A fault: whatever runs is aborting, and the power is gone, but for an arm that would fall without."""
        if self.may("fault"):
            self.take("fault")
        if self.power == "on" and not keeps_power:
            self.power = "off"

    def switch(self, power: Literal["off", "on"]) -> None:
        """Switch the power. `off` also takes back a software emergency stop, and never leads to `on` by itself.

        Raises UsageError: X432 for `on` while an emergency stop is latched, X433 while a run is in progress.
        """
        if self.state in RUNNING:
            raise UsageError(Finding("X433", f"the power is not switched while the arm is {self.state}"))
        if power == "on" and self.power == "estop":
            raise UsageError(_without_power("estop"))
        self.power = power

    def choose(self, mode: Mode) -> None:
        """Choose the mode, at rest alone (X433); a change takes the power away. T2 is not offered (X434)."""
        if self.state not in RESTING:
            raise UsageError(Finding("X433", f"the mode is not changed while the arm is {self.state}"))
        if mode == "t2":
            text = "mode t2 is manual motion at full speed, which is not offered"
            raise UsageError(Finding("X434", text, suggestion="use t1, or auto"))
        if mode != self.mode and self.power == "on":
            self.power = "off"
        self.mode = mode


def stop_effect(trigger: Trigger) -> StopEffect:
    """What `trigger`, a way to stop, does; raises KeyError for another one."""
    return {effect.trigger: effect for effect in STOPS}[trigger]


def diagram() -> str:
    """The table as a Mermaid state diagram, for the manual."""
    lines = ["stateDiagram-v2", "    [*] --> idle"]
    for transition in TRANSITIONS:
        lines += [f"    {source} --> {transition.target}: {transition.trigger}" for source in transition.sources]
    return "\n".join(lines)


def tables() -> str:
    """The table as two Markdown tables, for the manual: who may ask for what, and what each way to stop does."""
    asked = [f"| `{t.trigger}` | {', '.join(t.sources)} | {t.target} | {t.asked_by} |" for t in TRANSITIONS]
    stops = [f"| `{s.trigger}` | {s.category} | {s.motion} | {s.power} | {s.process} |" for s in STOPS]
    return "\n".join(
        [
            *("| trigger | from | to | asked for by |", "|---|---|---|---|", *asked, ""),
            *("| trigger | category | motion | power | process |", "|---|---|---|---|---|", *stops),
        ]
    )


def _without_power(power: Power) -> Finding:
    if power == "estop":
        text = "a software emergency stop is latched"
        return Finding("X432", text, suggestion="take it back with power 'off' once its cause is gone, then power 'on'")
    return Finding("X432", "the arm has no power", suggestion="switch it on: power 'on'")
