"""Joint limits on the output: the positions that would be streamed at SAMPLE_RATE, and their differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.errors import Finding
from cellctl.model.certificate import LimitUse
from cellctl.model.plan import Plan, Segment
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Robot

SAMPLE_RATE = 1000.0
TOLERANCE = 1.001
CONTINUITY = 1e-9
CODES = {"position": "C303", "velocity": "C304", "acceleration": "C305", "jerk": "C306"}


@dataclass(frozen=True, slots=True)
class LimitResult:
    """Largest use of every limit over a segment, and what was found wrong."""

    uses: tuple[LimitUse, ...]
    findings: tuple[Finding, ...]


def segment_samples(segment: Segment) -> tuple[FloatArray, FloatArray]:
    """Times (n,) at SAMPLE_RATE from 0 to past the segment's end, and joint values (n, dof) there."""
    count = int(np.ceil(segment.duration * SAMPLE_RATE)) + 1
    t = np.arange(count + 2) / SAMPLE_RATE
    return t, segment.joints_at(t)


def check_limits(segment: Segment, robot: Robot, where: str) -> LimitResult:
    """Position, velocity, acceleration and jerk of the sampled output against the robot's limits.

    Before its start and after its end a segment stands still, and those samples count as well.
    """
    t, inside = segment_samples(segment)
    q = np.vstack([np.repeat(inside[:1], 3, axis=0), inside, np.repeat(inside[-1:], 3, axis=0)])
    t = np.concatenate([np.zeros(3), t, np.full(3, t[-1])])
    dt = 1.0 / SAMPLE_RATE
    uses = [_position_use(q, t, robot)]
    values = q
    for quantity in ("velocity", "acceleration", "jerk"):
        values = np.diff(values, axis=0) / dt
        ratios = np.abs(values) / robot.limit_array(quantity)
        uses.append(_worst(quantity, ratios, t, robot))
    findings = tuple(_limit_finding(use, where) for use in uses if use.ratio > TOLERANCE)
    return LimitResult(tuple(uses), findings)


def _position_use(q: FloatArray, t: FloatArray, robot: Robot) -> LimitUse:
    """Distance from the middle of the range over half the range: 1 is at the limit."""
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    return _worst("position", np.abs(q - 0.5 * (lower + upper)) / (0.5 * (upper - lower)), t, robot)


def _worst(quantity: str, ratios: FloatArray, t: FloatArray, robot: Robot) -> LimitUse:
    row, joint = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
    return LimitUse(quantity, robot.axes[joint].name, float(ratios[row, joint]), float(t[row]))  # type: ignore[arg-type]


def _limit_finding(use: LimitUse, where: str) -> Finding:
    over = (use.ratio - 1.0) * 100.0
    return Finding(
        CODES[use.quantity],
        f"{where}: {use.quantity} of {use.joint} is {over:.2f} % over its limit at {use.at:.3f} s",
        data={"joint": use.joint, "ratio": use.ratio},
    )


def check_continuity(plan: Plan) -> tuple[Finding, ...]:
    """Every segment starts where the one before ended (the first at the plan's start), at rest, inside its path."""
    findings = []
    standing = {group: np.asarray(q) for group, q in plan.start.items()}
    for index, segment in enumerate(plan.segments):
        law, path = segment.law, segment.path
        ends = segment.joints_at(np.array([0.0, law.end]))
        jump = float(np.abs(ends[0] - standing[segment.group]).max())
        if jump > CONTINUITY:
            away = f"{np.degrees(jump):.4f} deg away from where the arm stands"
            findings.append(Finding("C323", f"segment {index} ({segment.kind}) starts {away}"))
        rate = law(np.array([0.0, law.end]), 1)
        if np.abs(rate).max() > 1e-9:
            findings.append(Finding("C323", f"segment {index} ({segment.kind}) does not start and end at rest"))
        covers = abs(law.control[0, 0] - path.start) < 1e-12 and abs(law.control[-1, 0] - path.end) < 1e-12
        if not covers or np.any(np.diff(law.control[:, 0]) < 0.0):
            findings.append(
                Finding("C323", f"segment {index} ({segment.kind}) does not run its path once from end to end")
            )
        if path.degree < 3 or len(np.unique(path.knots)) != len(path.knots) - 2 * path.degree:
            findings.append(Finding("C323", f"segment {index} ({segment.kind}) has a path that is not C2"))
        standing[segment.group] = ends[1]
    return tuple(findings)
