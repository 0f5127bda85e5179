"""The straight ways along the wire to a seam and away from it, and what stands against them. Plans no weld."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellctl.errors import Finding
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.plan import ContactAllowance, SegmentKind
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline
from cellctl.model.task import SeamStep
from cellctl.planning.arm import RESERVE, Arm
from cellctl.planning.explain_state import explain_state
from cellctl.planning.free.motion import free_at
from cellctl.planning.laws.timing import time_optimal_law
from cellctl.planning.seams.lines import reversed_path, wire_line
from cellctl.planning.seams.reach import SeamProblem
from cellctl.scene.screen import states_free

APPROACH_SPEED = 0.05
RETRACT_SPEED = 0.20


def lines_at(
    arm: Arm,
    problem: SeamProblem,
    q: FloatArray,
    step: SeamStep,
    contacts: tuple[ContactAllowance, ...],
    where: str,
    *,
    goes_on: bool,
) -> tuple[BSpline, BSpline] | Finding:
    """The paths to the start of a way along the seam with joints `q` (n, dof) and from its end, or what stands against
    one of them (P207), or against a free motion to or from its far end (P281). `goes_on` says that one starts there.
    """
    to_seam = _line_at(arm, problem, q[0], step.approach)
    if to_seam is None:
        return _no_line(arm, problem, q[0], step.approach, f"{where}: the approach")
    from_seam = _line_at(arm, problem, q[-1], step.retract)
    if from_seam is None:
        return _no_line(arm, problem, q[-1], step.retract, f"{where}: the retract")
    for kind, line in _both(to_seam, from_seam):
        margins = arm.margins(contacts, kind)
        blocked = first_blocked(arm, line, margins)
        if blocked is not None:
            what = f"{where}: {blocked * 1e3:.0f} mm from the seam on the {kind}"
            there = line(blocked)[0]
            found = explain_state(arm.model, there, margins, "P207", what, reserve=RESERVE, engine=arm.engine)
            return found[0] if found else Finding("P207", f"{what}: the torch comes too near to something")
    for kind, line in _both(to_seam, from_seam)[: 2 if goes_on else 1]:
        too_near = shut_in(arm, line(line.end)[0], kind, f"{where}, {line.end * 1e3:g} mm from the seam")
        if too_near is not None:
            return too_near
    return reversed_path(to_seam), from_seam


def _both(to_seam: BSpline, from_seam: BSpline) -> tuple[tuple[SegmentKind, BSpline], ...]:
    return ("approach", to_seam), ("retract", from_seam)


def shut_in(arm: Arm, q: FloatArray, kind: SegmentKind, where: str) -> Finding | None:
    """P281: what is too near for free motion at the far end `q` (dof,) of an approach or retract, where its allowances
    end; None where nothing is.
    """
    margins = arm.margins()
    if free_at(arm.screen, q, margins):
        return None
    what = f"{where}, where the {kind} {'begins' if kind == 'approach' else 'ends'}"
    found = explain_state(arm.model, q, margins, "P281", what, reserve=RESERVE, engine=arm.engine)
    nearest = found[0] if found else Finding("P281", f"{what}: the tool is too near to something to move freely")
    hint = f"a longer {kind}, or a smaller margin: what may come near during the {kind} may not before or after"
    return replace(nearest, suggestion=hint, data={**nearest.data, "line": kind})


def approach_law(arm: Arm, path: BSpline) -> BSpline:
    """The time law of the way to the seam."""
    return time_optimal_law(path, arm.limits, speed_cap=APPROACH_SPEED)


def retract_law(arm: Arm, path: BSpline) -> BSpline:
    """The time law of the way from the seam."""
    return time_optimal_law(path, arm.limits, speed_cap=RETRACT_SPEED)


def _line_at(arm: Arm, problem: SeamProblem, joints: FloatArray, length: float) -> BSpline | None:
    robot = arm.mechanism.robot
    q, others = np.split(joints, [robot.dof])
    flange = flange_matrices(chain_of(robot), q[None])[0]
    tcp = flange @ np.linalg.inv(problem.stations.pose_tcp_flange)
    line = wire_line(problem.inverse, flange, tcp[:3, 2], q, length)
    if line is None or not len(others):
        return line
    return BSpline(line.degree, line.knots, np.column_stack([line.control, np.tile(others, (len(line.control), 1))]))


def _no_line(arm: Arm, problem: SeamProblem, joints: FloatArray, length: float, what: str) -> Finding:
    """P207: how far the torch gets along its wire before a joint would leave its limits or jump."""
    shares = np.linspace(0.95, 0.05, 19)
    possible = next((s * length for s in shares if _line_at(arm, problem, joints, s * length) is not None), 0.0)
    text = f"{what} of {length * 1e3:g} mm along the wire ends after {possible * 1e3:.0f} mm"
    hint = f"write a length of {possible * 1e3:.0f} mm, or move the part" if possible else "move the part"
    return Finding("P207", f"{text}, where a joint would leave its limits or jump", suggestion=hint)


def first_blocked(arm: Arm, path: BSpline, margins: FloatArray) -> float | None:
    """The first distance (m) along a line where the tool is too near to something; None where the line is free."""
    u = np.linspace(path.start, path.end, 2 * len(path.control))
    free = np.empty(len(u), dtype=np.bool_)
    states_free(arm.screen, path(u), margins, free)
    return None if free.all() else float(u[np.argmin(free)])
