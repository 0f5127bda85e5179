"""Runs on an arm whose controller plans by itself: it is asked what it would make of a plan, and that is proved first.

It plans nothing but a way to where a plan starts.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cellctl.drivers.waypoint_arm import Reference
from cellctl.errors import Finding, NotCertified, UsageError
from cellctl.files import read_plan, write_plan
from cellctl.jobs.proving import certify
from cellctl.jobs.repositioning import reposition
from cellctl.model.event import Event
from cellctl.model.inputs import Input
from cellctl.model.plan import CertifiedPlan
from cellctl.model.pose import FloatArray

if TYPE_CHECKING:
    from cellctl.execution.records.outcome import Outcome
    from cellctl.execution.service.session import CellLink

WAY_TO_START = "way_to_start"
"""Folder in a run's that holds the record of the move from the reference to where the plan starts."""
NEAR_START = np.radians(0.4)
"""rad within which an arm stands where its plan starts."""
SLOW = 0.3
"""Share of the speed at which an arm is brought to where a plan starts, or goes on."""


def as_followed(link: CellLink, certified: CertifiedPlan) -> CertifiedPlan:
    """What the arm's controller makes of a plan, certified; the plan itself for an arm that takes setpoints.

    Raises NotCertified, C350 first, where that does not hold.
    """
    if not link.plans:
        return certified
    asked, made = link.scratch / "asked.zip", link.scratch / "followed.zip"
    write_plan(certified.plan, asked)
    link.follow(asked, made)
    try:
        return certify(read_plan(made))
    except NotCertified as error:
        text = "the plan holds, but not what the arm's own controller would make of it"
        hint = "look below for what; lower its speed with --override, or take an arm that follows setpoints"
        raise NotCertified((Finding("C350", text, suggestion=hint), *error.findings)) from None


def referenced(
    link: CellLink, how: Reference | None, certified: CertifiedPlan, folder: Path
) -> Generator[Event, None, Outcome | None]:
    """Let the controller get to know where the arm is; from its reference the arm goes to where the plan starts, by a
    certified move. How that ended, None where there was none. Raises UsageError X494 for an arm that takes setpoints.
    """
    if how is None:
        return None
    if not link.plans:
        raise UsageError(Finding("X494", "this arm takes setpoints and has no reference to find", None, "leave it out"))
    yield from finding_reference(link, how)
    ((group, start),) = certified.plan.start.items()
    here = link.joints()
    if how == "assume" or np.abs(here - start).max() <= NEAR_START:
        return None
    return (yield from moved(link, certified.plan.inputs, group, here, start, folder=folder / WAY_TO_START))


def finding_reference(link: CellLink, how: Reference) -> Iterator[Event]:
    """Let the controller get to know where the arm is; `progress` as long as it takes. Closing it stops the arm."""
    with closing(link.reference(how)) as steps:
        for _ in steps:
            yield Event(0.0, "progress", {"reference": how})


def moved(
    link: CellLink, inputs: Iterable[Input], group: str, here: FloatArray, there: FloatArray, *, folder: Path
) -> Generator[Event, None, Outcome]:
    """Bring an arm slowly from joints `here` (dof,) to `there` (dof,) by a certified move, recorded in `folder`."""
    link.override(SLOW)
    move = as_followed(link, reposition(inputs, group, here, there))
    move_file = link.scratch / "move.zip"
    write_plan(move.plan, move_file)
    outcome = yield from link.run(move_file, folder)
    link.override(1.0)
    return outcome
