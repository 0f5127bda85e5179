"""Ways to spoil a good plan, each in one respect."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cellctl.model.inputs import Input, canonical_json
from cellctl.model.plan import ContactAllowance, Plan
from cellctl.model.pose import rotation_about
from cellctl.model.spline import BSpline, clamped_knots, interpolated
from tests.proof.conftest import Proving, with_section, with_segment, with_segments

TRANSIT, APPROACH, LEFT, RETRACT, CORNER, BOSS, LAST = 0, 1, 2, 3, 10, 14, 16

Spoil = Callable[[Proving, Plan], Plan]


def bump(s: np.ndarray, begin: float, end: float) -> np.ndarray:
    """A smooth hill of height 1 over the stretch."""
    x = np.clip((s - begin) / (end - begin), 0.0, 1.0)
    return np.sin(np.pi * x) ** 2


def shifted(axis: str, size: float, begin: float = 0.02, end: float = 0.05, index: int = CORNER) -> Spoil:
    """The working point of a weld moved along t, b or n on a stretch."""

    def spoil(proving: Proving, plan: Plan) -> Plan:
        section = plan.segments[index].process
        assert section is not None
        vectors = {"t": section.tangents[0], "n": section.normals[0]}
        vectors["b"] = np.cross(vectors["n"], vectors["t"])

        def change(s: np.ndarray, poses: np.ndarray) -> np.ndarray:
            poses = poses.copy()
            poses[:, :3, 3] += size * bump(s, begin, end)[:, None] * vectors[axis]
            return poses

        return proving.moved(plan, index, change)

    return spoil


def turned(axis: str, angle: float, begin: float = 0.02, end: float = 0.05, index: int = CORNER) -> Spoil:
    """The torch of a weld turned about t, b or its own wire (z) on a stretch, its working point kept."""

    def spoil(proving: Proving, plan: Plan) -> Plan:
        section = plan.segments[index].process
        assert section is not None
        t, n = section.tangents[0], section.normals[0]

        def change(s: np.ndarray, poses: np.ndarray) -> np.ndarray:
            poses = poses.copy()
            for k, share in enumerate(bump(s, begin, end)):
                about = {"t": t, "b": np.cross(n, t), "z": poses[k, :3, 2]}[axis]
                poses[k, :3, :3] = rotation_about(about, np.radians(angle) * share) @ poses[k, :3, :3]
            return poses

        return proving.moved(plan, index, change)

    return spoil


def wire_longer(by: float = 1e-3, index: int = CORNER) -> Spoil:
    """The contact tip stands further off by a length, all along a weld."""

    def spoil(proving: Proving, plan: Plan) -> Plan:
        def change(s: np.ndarray, poses: np.ndarray) -> np.ndarray:
            poses = poses.copy()
            poses[:, :3, 3] -= by * poses[:, :3, 2]
            return poses

        return proving.moved(plan, index, change)

    return spoil


def law(index: int, change: Callable[[BSpline], BSpline]) -> Spoil:
    return lambda _, plan: with_segment(plan, index, law=change(plan.segments[index].law))


def path(index: int, change: Callable[[BSpline], BSpline]) -> Spoil:
    return lambda _, plan: with_segment(plan, index, path=change(plan.segments[index].path))


def quicker(factor: float) -> Callable[[BSpline], BSpline]:
    return lambda spline: BSpline(spline.degree, spline.knots / factor, spline.control)


def faster(share: float, begin: float, end: float, index: int = CORNER) -> Spoil:
    """More speed on a stretch of a weld."""

    def spoil(_: Proving, plan: Plan) -> Plan:
        old = plan.segments[index].law
        t = np.linspace(0.0, old.end, 400)
        s = old(t)[:, 0]
        rate = 1.0 + share * ((s > begin) & (s < end))
        warped = np.concatenate([[0.0], np.cumsum(np.diff(t) / rate[1:])])
        knots = clamped_knots(warped)
        centres = np.array([knots[i + 1 : i + 4].mean() for i in range(len(knots) - 4)])
        control = np.interp(centres, warped, s)
        control[[1, -2]] = control[[0, -1]]
        return with_segment(plan, index, law=BSpline(3, knots, control[:, None]))

    return spoil


def point(index: int, row: int, joint: int, by: float) -> Spoil:
    def change(spline: BSpline) -> BSpline:
        control = spline.control.copy()
        control[row, joint] += by
        return BSpline(spline.degree, spline.knots, control)

    return path(index, change)


def slowly(index: int, joint: int, by: float) -> Spoil:
    """A hill of one joint over a whole transit, taken ten times as slowly: within limits, but elsewhere."""

    def spoil(_: Proving, plan: Plan) -> Plan:
        old = plan.segments[index]
        control = old.path.control.copy()
        control[:, joint] += by * np.sin(np.pi * np.linspace(0.0, 1.0, len(control))) ** 2
        slow = BSpline(3, old.law.knots * 10.0, old.law.control)
        return with_segment(plan, index, path=BSpline(3, old.path.knots, control), law=slow)

    return spoil


def jolt(share: float = 0.5, joint: int = 5, index: int = TRANSIT) -> Spoil:
    """A wiggle of a twentieth of a degree that is over within a third of a millisecond, between two samples."""
    return lambda _, plan: _jolted(plan, share, joint, index)


def _jolted(plan: Plan, share: float, joint: int, index: int) -> Plan:
    old = plan.segments[index]
    middle = np.floor(share * old.duration * 1e3 + 0.5) * 1e-3 + 5e-4
    u = old.law(np.array([middle - 1.5e-4, middle + 1.5e-4]))[:, 0]
    inner = np.linspace(u[0], u[1], 9)
    breaks = np.union1d(np.unique(old.path.knots), inner)
    knots = clamped_knots(breaks)
    fine = np.linspace(old.path.start, old.path.end, len(breaks) + 2)
    centres = np.array([knots[i + 1 : i + 4].mean() for i in range(len(knots) - 4)])
    control = old.path(centres)
    control[0], control[-1] = old.path(fine[[0, -1]])
    control[np.argmin(np.abs(centres - u.mean())), joint] += np.radians(0.05)
    return with_segment(plan, index, path=BSpline(3, knots, control))


def half_welded(_: Proving, plan: Plan) -> Plan:
    """The second half of the corner is left out; what is there is slow enough to look right."""
    old = plan.segments[CORNER]
    u = np.linspace(0.0, 0.5 * old.path.end, 60)
    first = interpolated(u, old.path(u))
    return with_segment(plan, CORNER, path=first, law=BSpline(3, 0.5 * old.law.knots, 0.5 * old.law.control))


def mirrored(spline: BSpline) -> BSpline:
    return BSpline(spline.degree, spline.end - spline.knots[::-1] + spline.start, spline.control[::-1])


def stations_off(proving: Proving, plan: Plan) -> Plan:
    """The path runs 2 mm ahead of its own parameter in the middle."""
    old = plan.segments[CORNER].path
    u = np.linspace(old.start, old.end, 200)
    return with_segment(plan, CORNER, path=interpolated(u, old(u + 2e-3 * bump(u, 0.0, old.end))))


def double_knot(spline: BSpline) -> BSpline:
    """The same count of knots with two inner ones laid together."""
    knots = spline.knots.copy()
    knots[6] = knots[7]
    return BSpline(3, knots, spline.control)


def bent_approach(proving: Proving, plan: Plan) -> Plan:
    def change(s: np.ndarray, poses: np.ndarray) -> np.ndarray:
        poses = poses.copy()
        poses[:, :3, 3] += 5e-3 * bump(s, s[0], s[-1])[:, None] * poses[:, :3, 0]
        return poses

    return proving.moved(plan, APPROACH, change)


def order(*indices: int) -> Spoil:
    return lambda _, plan: with_segments(plan, tuple(plan.segments[i] for i in indices))


def section(index: int, **changes: object) -> Spoil:
    return lambda _, plan: with_section(plan, index, **changes)


def of_section(index: int, name: str, change: Callable[[np.ndarray], object]) -> Spoil:
    def spoil(_: Proving, plan: Plan) -> Plan:
        old = plan.segments[index].process
        assert old is not None
        return with_section(plan, index, **{name: change(getattr(old, name))})

    return spoil


def segment(index: int, **changes: object) -> Spoil:
    return lambda _, plan: with_segment(plan, index, **changes)


def contacts_too(index: int, *more: ContactAllowance) -> Spoil:
    return lambda _, plan: with_segment(plan, index, contacts=(*plan.segments[index].contacts, *more))


def as_approach(_: Proving, plan: Plan) -> Plan:
    """A whole transit that claims to be an approach, with the allowances of one."""
    return with_segment(plan, TRANSIT, kind="approach", contacts=plan.segments[APPROACH].contacts)


def start_at(group: str, by: float) -> Spoil:
    return lambda _, plan: replace(plan, start={group: np.array(plan.start["r1"]) + by})


def process_of(index: int, source: int) -> Spoil:
    return lambda _, plan: with_segment(plan, index, process=plan.segments[source].process)


def with_input(plan: Plan, kind: str, *changes: tuple[str, str]) -> Plan:
    """`plan` with the only input of its kind that holds every `old` text rewritten."""
    inputs = []
    hits = 0
    for item in plan.inputs:
        text = item.content.decode()
        if item.kind == kind and all(old in text for old, _ in changes):
            hits += 1
            for old, new in changes:
                text = text.replace(old, new, 1)
            canonical_json(json.loads(text))
            item = Input(item.reference, kind, text.encode())
        inputs.append(item)
    assert hits == 1
    return replace(plan, inputs=tuple(inputs))
