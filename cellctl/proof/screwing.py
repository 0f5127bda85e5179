"""Whether a screw is driven as it has to be: along the axis of its hole, from where its thread bites to where its head
sits, with the feed of its thread. Read back from joint values, planned or measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cellctl.errors import Finding
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.cell import Cell
from cellctl.model.plan import Segment
from cellctl.model.pose import FloatArray
from cellctl.model.task import Screw, Task
from cellctl.processes.screwing import HolePlace, hole_place, screwdriver_of


@dataclass(frozen=True, slots=True)
class ScrewGates:
    """Largest distance (m) of the tip of the bit from the axis of its hole and angle (rad) between them; how far (m)
    the way in may begin or end from where it has to; deviation of the feed, as a share of it, over the middle of the
    way; and of the depth from what the driver has turned, as a share of the pitch.
    """

    off_axis: float = 0.2e-3
    lean: float = np.radians(0.5)
    depth: float = 0.2e-3
    feed: float = 0.03
    turned: float = 0.5


PLANNED_SCREW = ScrewGates()
EXECUTED_SCREW = ScrewGates(off_axis=0.5e-3, lean=np.radians(1.0), depth=0.5e-3)
_LOOKS = 201
_MIDDLE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ScrewReadback:
    """What joint samples say of a screw: how far it still has to go (`left`), how far the tip of the bit is `aside` of
    the axis (n,) m, and how much it leans (n,) rad.
    """

    left: FloatArray
    aside: FloatArray
    lean: FloatArray


def check_axis(task: Task, step: Screw, segment: Segment, where: str) -> Iterator[Finding]:
    """The bit stays on the axis of its hole, no further out than the step says (C370)."""
    hole = hole_place(task.cell, step)
    q = segment.path(np.linspace(segment.path.start, segment.path.end, _LOOKS))
    back = screw_read_back(task.cell, segment.group, hole, q)
    furthest = {"approach": hole.program.length + step.approach, "retract": step.retract}
    reach, depth = furthest.get(segment.kind, hole.program.length), PLANNED_SCREW.depth
    yield from _axis_findings(back, step, PLANNED_SCREW, where)
    if back.left.min() < -depth or back.left.max() > reach + depth:
        text = (
            f"the bit goes from {back.left.min() * 1e3:.2f} to {back.left.max() * 1e3:.2f} mm over where the screw sits"
        )
        yield Finding("C370", f"{where}: {text}, 0 to {reach * 1e3:.2f} mm is allowed")


def check_screw(task: Task, step: Screw, segment: Segment, where: str) -> Iterator[Finding]:
    """The way in lies on the axis (C370), begins and ends where it has to (C371), fed as the thread is (C372)."""
    yield from check_axis(task, step, segment, where)
    hole = hole_place(task.cell, step)
    program = hole.program
    t = np.linspace(0.0, segment.duration, _LOOKS)
    left = screw_read_back(task.cell, segment.group, hole, segment.joints_at(t)).left
    yield from _depth_findings(left, hole, PLANNED_SCREW, where, slack=PLANNED_SCREW.depth / _LOOKS)
    feed = -np.gradient(left, t)
    middle = np.abs(left / program.length - 0.5) < 0.5 * _MIDDLE
    worst = float(np.abs(feed[middle] / program.feed - 1.0).max()) if middle.any() else np.inf
    if worst > PLANNED_SCREW.feed or feed.max() > (1.0 + PLANNED_SCREW.feed) * program.feed:
        text = f"the feed is up to {feed.max() * 1e3:.3g} mm/s, the thread takes {program.feed * 1e3:.3g} mm/s"
        yield Finding("C372", f"{where}: {text} at the speed of its program")


def check_driven(
    cell: Cell, group: str, step: Screw, q: FloatArray, turned: FloatArray, where: str
) -> tuple[ScrewReadback, tuple[Finding, ...]]:
    """A screw as measured while its driver was on: joints `q` (n, dof), and the angle (n,) rad that the driver showed
    to have turned, NaN where it shows none. It was held on the axis (C370), went from thread to seat (C371), and as
    deep as it was turned (C372) until its head sat.
    """
    hole, gates = hole_place(cell, step), EXECUTED_SCREW
    back = screw_read_back(cell, group, hole, q)
    findings = [*_axis_findings(back, step, gates, where)]
    findings += _depth_findings(back.left, hole, gates, where, slack=gates.depth)
    going = back.left > gates.depth
    deep = (turned - turned[0]) * hole.program.pitch / (2.0 * np.pi) - (back.left[0] - back.left)
    off = float(np.nanmax(np.abs(deep[going]))) if np.isfinite(deep[going]).any() else 0.0
    if off > gates.turned * hole.program.pitch:
        text = f"the bit is up to {off * 1e3:.2f} mm from where the turns of the driver put the screw"
        allowed = f"{gates.turned * hole.program.pitch * 1e3:.2f} mm is allowed"
        findings.append(Finding("C372", f"{where}: {text}, {allowed}"))
    return back, tuple(findings)


def screw_read_back(cell: Cell, group: str, hole: HolePlace, q: FloatArray) -> ScrewReadback:
    """Read a screw back from joints `q` (n, dof) of a group."""
    mechanism = cell.mechanism(cell.group(group).mechanisms[0])
    _, screwdriver = screwdriver_of(mechanism)
    flanges = flange_matrices(chain_of(mechanism.robot), q)
    tips = mechanism.pose_world_base.matrix @ flanges @ screwdriver.bit_tip.matrix
    offset = tips[:, :3, 3] - hole.tip(0.0)
    left = offset @ hole.axis
    aside = np.linalg.norm(offset - left[:, None] * hole.axis, axis=1)
    lean = np.arccos(np.clip(-tips[:, :3, 2] @ hole.axis, -1.0, 1.0))
    return ScrewReadback(left, aside, lean)


def _axis_findings(back: ScrewReadback, step: Screw, gates: ScrewGates, where: str) -> Iterator[Finding]:
    if back.aside.max() > gates.off_axis or back.lean.max() > gates.lean:
        text = f"the bit is up to {back.aside.max() * 1e3:.2f} mm off the axis of '{step.hole}' and leans by"
        yield Finding("C370", f"{where}: {text} {np.degrees(back.lean.max()):.2f} deg")


def _depth_findings(
    left: FloatArray, hole: HolePlace, gates: ScrewGates, where: str, *, slack: float
) -> Iterator[Finding]:
    """From where the thread bites to where the head sits; never back by more than `slack` (m)."""
    length = hole.program.length
    back = float((left - np.minimum.accumulate(left)).max())
    if max(abs(left[0] - length), abs(left[-1])) > gates.depth or back > slack:
        text = f"the screw goes from {left[0] * 1e3:.2f} to {left[-1] * 1e3:.2f} mm over its seat"
        yield Finding("C371", f"{where}: {text}, it has to go from {length * 1e3:.2f} to 0 mm, and never back")
