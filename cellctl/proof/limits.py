"""Joint limits and joins: what would be streamed at SAMPLE_RATE, and what the curve itself does between the samples.

Positions hold on the whole curve. Of the tool only its speed is computed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellctl.errors import Finding
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.jacobian import point_speeds
from cellctl.model.cell import Axes, Mechanism
from cellctl.model.certificate import LimitUse
from cellctl.model.line_motion import breaks, corners, end_rates, lines_of_phases
from cellctl.model.plan import Plan, Segment
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.spline import BSpline

SAMPLE_RATE = 1000.0
TOLERANCE = 1.001
"""What a use may be of velocity, acceleration and jerk, for rounding in the differences; positions have none."""
CONTINUITY = 1e-9
CORNER_TIME = 0.05
"""s over which jumps of velocity at the corners between lines have to be within the limit of acceleration."""
BRIEF = 1e-6
"""s below which a phase of constant acceleration is no more than a jump."""
CODES = {"position": "C303", "velocity": "C304", "acceleration": "C305", "jerk": "C306"}
_PER_SPAN = 8

_Quantity = Literal["position", "velocity", "acceleration", "jerk"]


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


def check_limits(segment: Segment, axes: Axes, where: str) -> LimitResult:
    """Position, velocity, acceleration and jerk of a segment against the limits of the joints it moves.

    Velocity, acceleration and jerk are differences of the samples that would be streamed, those before its start and
    after its end, where it stands still, included. Velocity and acceleration are also taken from the curve itself at
    eight places in every span of law and path, positions from its extremes. Of lines, which have corners and no bound
    on jerk, both are taken from the curve alone.
    """
    if segment.form == "lines":
        uses_of_lines = (_position_use(segment, axes), *_line_uses(segment, axes))
        return LimitResult(uses_of_lines, _limit_findings(uses_of_lines, where))
    t, inside = segment_samples(segment)
    values = np.vstack([np.repeat(inside[:1], 3, axis=0), inside, np.repeat(inside[-1:], 3, axis=0)])
    t = np.concatenate([np.zeros(3), t, np.full(3, t[-1])])
    between = _times_between(segment)
    uses = [_position_use(segment, axes)]
    for quantity, of_curve in zip(_DIFFERENCES, (*_curve_derivatives(segment, between), None), strict=True):
        values = np.diff(values, axis=0) * SAMPLE_RATE
        use = _worst(quantity, np.abs(values) / axes.limit_array(quantity), t, axes)
        if of_curve is not None:
            inner = _worst(quantity, np.abs(of_curve) / axes.limit_array(quantity), between, axes)
            use = max(use, inner, key=lambda u: u.ratio)
        uses.append(use)
    return LimitResult(tuple(uses), _limit_findings(uses, where))


def tool_speed(segment: Segment, mechanism: Mechanism, tip: Pose) -> tuple[float, float]:
    """The largest speed (m/s) of the tool's working point `tip` over a segment, at the samples and at eight places in
    every span of law and path, and the time (s) where it is.
    """
    t = _times_between(segment)
    own = slice(mechanism.robot.dof)
    joints, rates = segment.joints_at(t)[:, own], _curve_derivatives(segment, t)[0][:, own]
    speeds = point_speeds(chain_of(mechanism.robot), joints, rates, tip)
    at = int(np.argmax(speeds))
    return float(speeds[at]), float(t[at])


_DIFFERENCES: tuple[Literal["velocity", "acceleration", "jerk"], ...] = ("velocity", "acceleration", "jerk")


def _allowed(use: LimitUse) -> float:
    return 1.0 + 1e-9 if use.quantity == "position" else TOLERANCE


def _times_between(segment: Segment) -> FloatArray:
    """Times (n,), eight in every span of law and path, its ends included: what happens between samples shows here."""
    knots = np.unique(segment.law.knots)
    grid = np.union1d(_within_spans(knots), np.arange(0.0, segment.duration, 1.0 / SAMPLE_RATE))
    passed = np.interp(np.unique(segment.path.knots), segment.law(grid)[:, 0], grid)
    return _within_spans(np.union1d(knots, passed))


def _within_spans(knots: FloatArray) -> FloatArray:
    count = len(knots) - 1
    return np.interp(np.linspace(0.0, count, _PER_SPAN * count + 1), np.arange(count + 1), knots)


def _curve_derivatives(segment: Segment, t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Velocity and acceleration (n, dof) of q(s(t)) at `t` (n,) by the chain rule."""
    s, rate, bend = segment.law(t)[:, 0], segment.law(t, 1), segment.law(t, 2)
    first, second = segment.path(s, 1), segment.path(s, 2)
    return first * rate, second * rate**2 + first * bend


def _position_use(segment: Segment, axes: Axes) -> LimitUse:
    """Distance from the middle of the range over half the range, at the extremes of the path: 1 is at the limit."""
    lower, upper = axes.limit_array("lower"), axes.limit_array("upper")
    u = extremes(segment.path)
    t = np.linspace(0.0, segment.duration, max(2, int(segment.duration * SAMPLE_RATE)))
    ratios = np.abs(segment.path(u) - 0.5 * (lower + upper)) / (0.5 * (upper - lower))
    return _worst("position", ratios, np.interp(u, segment.law(t)[:, 0], t), axes)


def extremes(path: BSpline) -> FloatArray:
    """Parameters (n,) of a cubic `path` among which each of its values has its largest and its smallest.

    They are the knots and the zeros of the derivative, which is a quadratic a x^2 + b x + c on every span, 0 <= x <= 1.
    """
    knots = np.unique(path.knots)
    low, width = knots[:-1, None], np.diff(knots)[:, None]
    at_start, at_middle, at_end = (path((low + x * width)[:, 0], 1) for x in (0.0, 0.5, 1.0))
    a = 2.0 * (at_start + at_end) - 4.0 * at_middle
    b = 4.0 * at_middle - 3.0 * at_start - at_end
    half = -0.5 * (b + np.copysign(np.sqrt(np.maximum(b * b - 4.0 * a * at_start, 0.0)), b))
    with np.errstate(divide="ignore", invalid="ignore"):
        zeros = np.stack([half / a, at_start / half])
    return np.union1d(knots, low + np.clip(np.nan_to_num(zeros, posinf=0.0, neginf=0.0), 0.0, 1.0) * width)


def _worst(quantity: _Quantity, ratios: FloatArray, t: FloatArray, axes: Axes) -> LimitUse:
    row, joint = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
    return LimitUse(quantity, axes.axes[int(joint)].name, float(ratios[row, joint]), float(t[row]))


def _line_uses(segment: Segment, axes: Axes) -> tuple[LimitUse, LimitUse]:
    """Velocity at the ends of all phases, acceleration in them, and what the jumps at corners come to: each of them
    together with those within CORNER_TIME after it.
    """
    path, law, t = segment.path, segment.law, breaks(segment.law)
    slopes = (np.diff(corners(path), axis=0) / np.diff(breaks(path))[:, None])[lines_of_phases(path, law)]
    begun, ended = (slopes * rates[:, None] for rates in end_rates(law))
    elapsed, change = np.diff(t), np.abs(ended - begun)
    brief = elapsed < BRIEF
    steady = change[~brief] / elapsed[~brief, None]
    at = np.concatenate([t[1:-1], t[:-1][brief]])
    order = np.argsort(at, kind="stable")
    at, jumps = at[order], np.vstack([np.abs(begun[1:] - ended[:-1]), change[brief]])[order]
    upto = np.vstack([np.zeros((1, jumps.shape[1])), np.cumsum(jumps, axis=0)])
    corner = (upto[np.searchsorted(at, at + CORNER_TIME)] - upto[:-1]) / CORNER_TIME
    velocity = np.maximum(np.abs(begun), np.abs(ended)) / axes.limit_array("velocity")
    acceleration = np.vstack([steady, corner]) / axes.limit_array("acceleration")
    return (
        _worst("velocity", velocity, t[:-1], axes),
        _worst("acceleration", acceleration, np.concatenate([t[:-1][~brief], at]), axes),
    )


def _limit_findings(uses: Iterable[LimitUse], where: str) -> tuple[Finding, ...]:
    return tuple(_limit_finding(use, where) for use in uses if use.ratio > _allowed(use))


def _limit_finding(use: LimitUse, where: str) -> Finding:
    over = (use.ratio - 1.0) * 100.0
    return Finding(
        CODES[use.quantity],
        f"{where}: {use.quantity} of {use.joint} is {over:.2f} % over its limit at {use.at:.3f} s",
        data={"joint": use.joint, "ratio": use.ratio},
    )


def check_continuity(plan: Plan) -> tuple[Finding, ...]:
    """Every segment starts where the one before ended (the first at the plan's start), at rest, and runs its path once
    (C323).
    """
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
        if np.abs(rate).max() > CONTINUITY:
            findings.append(Finding("C323", f"segment {index} ({segment.kind}) does not start and end at rest"))
        covers = abs(law.control[0, 0] - path.start) < 1e-12 and abs(law.control[-1, 0] - path.end) < 1e-12
        if not covers or np.any(np.diff(law.control[:, 0]) < 0.0):
            findings.append(
                Finding("C323", f"segment {index} ({segment.kind}) does not run its path once from end to end")
            )
        standing[segment.group] = ends[1]
    return tuple(findings)
