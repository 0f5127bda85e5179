"""Whether a screw is driven as it has to be: along the axis of its hole, from where its thread bites to where its head
sits, with the feed of its thread. Read back from joint values.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cellctl.errors import Finding
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.plan import Segment
from cellctl.model.pose import FloatArray
from cellctl.model.task import Screw, Task
from cellctl.processes.screwing import hole_place, screwdriver_of

OFF_AXIS = 0.2e-3
"""Largest distance (m) of the tip of the bit from the axis of the hole."""
LEAN = np.radians(0.5)
"""Largest angle between the bit and that axis."""
DEPTH = 0.2e-3
"""How far (m) the way in may begin or end from where it has to."""
FEED = 0.03
"""Largest deviation of the feed, as a share of it, over the middle of the way."""
_LOOKS = 201
_MIDDLE = 0.5


def check_axis(task: Task, step: Screw, segment: Segment, where: str) -> Iterator[Finding]:
    """The bit stays on the axis of its hole, no further out than the step says (C370)."""
    hole = hole_place(task.cell, step)
    q = segment.path(np.linspace(segment.path.start, segment.path.end, _LOOKS))
    heights, aside, lean = _along_axis(task, step, segment, q)
    furthest = {"approach": hole.program.length + step.approach, "retract": step.retract}
    reach = furthest.get(segment.kind, hole.program.length)
    if aside.max() > OFF_AXIS or lean.max() > LEAN:
        text = f"the bit is up to {aside.max() * 1e3:.2f} mm off the axis of '{step.hole}' and leans by"
        yield Finding("C370", f"{where}: {text} {np.degrees(lean.max()):.2f} deg")
    if heights.min() < -DEPTH or heights.max() > reach + DEPTH:
        text = f"the bit goes from {heights.min() * 1e3:.2f} to {heights.max() * 1e3:.2f} mm over where the screw sits"
        yield Finding("C370", f"{where}: {text}, 0 to {reach * 1e3:.2f} mm is allowed")


def check_screw(task: Task, step: Screw, segment: Segment, where: str) -> Iterator[Finding]:
    """The way in lies on the axis (C370), begins and ends where it has to (C371), fed as the thread is (C372)."""
    yield from check_axis(task, step, segment, where)
    program = hole_place(task.cell, step).program
    t = np.linspace(0.0, segment.duration, _LOOKS)
    heights, _, _ = _along_axis(task, step, segment, segment.joints_at(t))
    off = max(abs(heights[0] - program.length), abs(heights[-1]))
    if off > DEPTH or np.diff(heights).max() > DEPTH / _LOOKS:
        text = f"the screw goes from {heights[0] * 1e3:.2f} to {heights[-1] * 1e3:.2f} mm over its seat"
        yield Finding("C371", f"{where}: {text}, it has to go from {program.length * 1e3:.2f} to 0 mm, and never back")
    feed = -np.gradient(heights, t)
    middle = np.abs(heights / program.length - 0.5) < 0.5 * _MIDDLE
    worst = float(np.abs(feed[middle] / program.feed - 1.0).max()) if middle.any() else np.inf
    if worst > FEED or feed.max() > (1.0 + FEED) * program.feed:
        text = f"the feed is up to {feed.max() * 1e3:.3g} mm/s, the thread takes {program.feed * 1e3:.3g} mm/s"
        yield Finding("C372", f"{where}: {text} at the speed of its program")


def _along_axis(task: Task, step: Screw, segment: Segment, q: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """How far the screw still has to go, how far the tip is off the axis (n,) m, and how much it leans (n,) rad, at
    joints `q` (n, dof).
    """
    hole = hole_place(task.cell, step)
    mechanism = task.cell.mechanism(task.cell.group(segment.group).mechanisms[0])
    _, screwdriver = screwdriver_of(mechanism)
    flanges = flange_matrices(chain_of(mechanism.robot), q)
    tips = mechanism.pose_world_base.matrix @ flanges @ screwdriver.bit_tip.matrix
    offset = tips[:, :3, 3] - hole.tip(0.0)
    heights = offset @ hole.axis
    aside = np.linalg.norm(offset - heights[:, None] * hole.axis, axis=1)
    lean = np.arccos(np.clip(-tips[:, :3, 2] @ hole.axis, -1.0, 1.0))
    return heights, aside, lean
