"""A run stride by stride: after each one the operator says on standard input how to go on. It moves nothing itself."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cellctl.errors import Finding, UsageError

if TYPE_CHECKING:
    from cellctl.jobs import Running
    from cellctl.model.event import Event

PROMPT = "Enter goes on, b goes back by one, s stops: "


@dataclass(frozen=True, slots=True)
class Step:
    """The stride that `--step` asks for; `distance` in m."""

    unit: Literal["segment", "step", "distance"]
    distance: float = 0.0


def step_of(text: str | None) -> Step | None:
    """What `--step` says: `segment`, `step`, or a length such as `10mm`; raises UsageError (U673)."""
    from cellctl.files.quantities import read_scalar

    if text is None:
        return None
    if text in ("segment", "step"):
        return Step("segment" if text == "segment" else "step")
    try:
        distance = read_scalar(text, "length")
    except ValueError:
        distance = 0.0
    if not 0.0 < distance <= 10.0:
        hint = "write --step segment, --step step, or a length such as --step 10mm"
        raise UsageError(Finding("U673", f"'{text}' is no way to step", suggestion=hint))
    return Step("distance", distance)


def stands_after_a_stride(event: Event) -> bool:
    """Whether the run now holds by itself, at the end of a stride."""
    return event.kind == "state" and event.data.get("state") == "held"


def ask_how_to_go_on(running: Running, step: Step) -> None:
    """Ask the operator and pass it on; the end of standard input is a stop."""
    print(PROMPT, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    word = answer.strip().lower()
    if not answer or word.startswith("s"):
        running.link.stop()
    elif word.startswith("b"):
        running.link.back(step.unit, distance=step.distance)
    else:
        running.link.resume()
