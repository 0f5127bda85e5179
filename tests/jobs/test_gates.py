"""The gates of a sound weld path, computed again from the plan file alone: zip, JSON, scipy and nothing of ours."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import BSpline

from cellctl.model.plan import Plan

UNITS = {"mm": 1e-3, "m": 1.0, "deg": np.pi / 180.0, "rad": 1.0, "deg/s": np.pi / 180.0, "mm/s": 1e-3, "": 1.0}
SEAMS = ("tray.left", "tray.right", "tray.corner", "tray.boss")
LENGTHS = {"tray.left": 0.356, "tray.right": 0.356, "tray.corner": 0.062, "tray.boss": 2.0 * np.pi * 0.030 + 0.008}
ENDS = 5e-3


def si(text: str) -> np.ndarray:
    """`1 2 3 mm` as metres, `-90 deg` as radians."""
    numbers, unit = re.fullmatch(r"([-+.\d\se]*?)\s*([a-z/]*)", text.strip()).groups()
    return np.array([float(n) for n in numbers.split()]) * UNITS[unit]


def turn(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3) about a unit axis, by Rodrigues' formula."""
    x, y, z = axis
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.asarray(angle)[..., None, None]
    return np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * (k @ k)


def pose(at: dict[str, str] | None) -> np.ndarray:
    """`xyz` and `rpy` (fixed axes) as a matrix."""
    result = np.eye(4)
    if at and "xyz" in at:
        result[:3, 3] = si(at["xyz"])
    if at and "rpy" in at:
        r, p, y = si(at["rpy"])
        result[:3, :3] = turn(np.eye(3)[2], y) @ turn(np.eye(3)[1], p) @ turn(np.eye(3)[0], r)
    return result


@dataclass(frozen=True)
class Line:
    """A straight seam from `start` along `tangent`, with its normal: world, m."""

    start: np.ndarray
    tangent: np.ndarray
    normal: np.ndarray
    length: float

    def frames(self, points: np.ndarray) -> tuple[np.ndarray, ...]:
        """Arc length, nearest point, t and n for each of `points`."""
        s = (points - self.start) @ self.tangent
        ones = np.ones((len(points), 1))
        return s, self.start + s[:, None] * self.tangent, ones * self.tangent, ones * self.normal


@dataclass(frozen=True)
class Circle:
    """A circle with an overlap, from `start` (unit) about `axis`: world, m."""

    centre: np.ndarray
    axis: np.ndarray
    start: np.ndarray
    radius: float
    length: float

    def frames(self, points: np.ndarray) -> tuple[np.ndarray, ...]:
        y = np.cross(self.axis, self.start)
        offset = points - self.centre
        angle = np.unwrap(np.arctan2(offset @ y, offset @ self.start))
        radial = np.cos(angle)[:, None] * self.start + np.sin(angle)[:, None] * y
        normal = (radial + self.axis) / np.sqrt(2.0)
        return self.radius * angle, self.centre + self.radius * radial, np.cross(self.axis, radial), normal


@dataclass(frozen=True)
class Weld:
    """One weld as the plan file has it, and what its joints do every millisecond."""

    file: Any
    segment: dict[str, Any]
    seam: Line | Circle

    @cached_property
    def path(self) -> BSpline:
        return spline(self.segment["path"])

    @cached_property
    def t(self) -> np.ndarray:
        return np.arange(0.0, self.segment["law"]["knots"][-1], 1e-3)

    @cached_property
    def q(self) -> np.ndarray:
        return self.path(np.clip(spline(self.segment["law"])(self.t)[:, 0], 0.0, self.path.t[-1]))

    @cached_property
    def tcp(self) -> np.ndarray:
        return self.file.tcp(self.q)

    @cached_property
    def frames(self) -> tuple[np.ndarray, ...]:
        return self.seam.frames(self.tcp[:, :3, 3])

    @cached_property
    def angles(self) -> tuple[np.ndarray, np.ndarray]:
        """Work and travel angle, from a = cos p (-(cos w n + sin w b)) + sin p t with b = n x t."""
        _, _, t, n = self.frames
        a, b = self.tcp[:, :3, 2], np.cross(n, t)
        return np.arctan2(-dot(a, b), -dot(a, n)), np.arcsin(dot(a, t))

    @cached_property
    def inner(self) -> np.ndarray:
        s = self.frames[0]
        return (s >= ENDS) & (s <= self.seam.length - ENDS)


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", a, b)


def spline(tree: dict[str, Any]) -> BSpline:
    return BSpline(np.array(tree["knots"]), np.array(tree["control"]), tree["degree"])


class PlanFile:
    """A plan file: its segments, its arm and its seams."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            self.tree = json.loads(archive.read("plan.json"))
            inputs = [(i["kind"], json.loads(archive.read(f"inputs/{i['sha256']}"))) for i in self.tree["inputs"]]
        self.of_kind = {kind: [content for k, content in inputs if k == kind] for kind, _ in inputs}
        (self.robot,), (self.tool,), (self.cell,) = (self.of_kind[k] for k in ("robot", "tool", "cell"))
        (self.wps,) = self.of_kind["wps"]
        (self.part,) = (p for p in self.of_kind["part"] if "seams" in p)
        self.chain = self._chain()

    def _chain(self) -> list[tuple[np.ndarray, np.ndarray | None, dict[str, Any]]]:
        """Origin, axis (None for a fixed joint) and the words of every joint, from base to flange."""
        joints = {j["parent"]: j for j in self.robot["joints"].values()}
        link, chain = self.robot["base"], []
        while link != self.robot["flange"]:
            joint = joints[link]
            axis = None if joint["type"] == "fixed" else si(joint["axis"])
            chain.append((pose(joint.get("at")), axis, joint))
            link = joint["child"]
        return chain

    @property
    def axes(self) -> list[dict[str, Any]]:
        return [joint for _, axis, joint in self.chain if axis is not None]

    def frames(self, q: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Origin and axis (n, 3) in the world of every moving joint, and at the end the flange as (n, 4, 4)."""
        at = np.tile(pose(self.cell["mechanisms"]["r1"]["at"]), (len(q), 1, 1))
        found: list[Any] = []
        k = 0
        for origin, axis, _ in self.chain:
            at = at @ origin
            if axis is not None:
                motion = np.tile(np.eye(4), (len(q), 1, 1))
                motion[:, :3, :3] = turn(axis, q[:, k])
                at = at @ motion
                found.append((at[:, :3, 3], at[:, :3, :3] @ axis))
                k += 1
        return [*found, at]

    def tcp(self, q: np.ndarray) -> np.ndarray:
        tip = pose(self.tool["torch"]["contact_tip"])
        wire = np.eye(4)
        wire[2, 3] = nominal(self.wps["ctwd"])[1]
        return self.frames(q)[-1] @ tip @ wire

    def welds(self) -> Iterator[Weld]:
        for block in self.tree["blocks"]:
            for segment in block["segments"]:
                if segment["process"] is not None:
                    yield Weld(self, segment, self.seam(segment["step"]))

    def seam(self, step: int) -> Line | Circle:
        (task,) = self.of_kind["task"]
        weld = task["steps"][step]["weld"]
        name = weld["seam"].removeprefix("tray.")
        words = self.part["seams"][name]
        at = self._world(self.cell["parts"]["tray"]["at"])
        if "circle" in words:
            radius = si(words["circle"]["radius"])[0]
            centre = at[:3, :3] @ si(words["circle"]["centre"]) + at[:3, 3]
            axis, start = (at[:3, :3] @ si(words["circle"][k]) for k in ("axis", "start"))
            assert words["faces"] == ["axis", "radial"]
            start = turn(axis, si(weld.get("start", "0 deg"))[0]) @ start
            return Circle(centre, axis, start, radius, 2.0 * np.pi * radius + si(weld["overlap"])[0])
        start, end, faces = self._edge(words)
        tangent = (end - start) / np.linalg.norm(end - start)
        start, end = start + si(weld["from"]) * tangent, end + si(weld["to"]) * tangent
        normal = sum(faces) / np.linalg.norm(sum(faces))
        turned = at[:3, :3]
        return Line(turned @ start + at[:3, 3], turned @ tangent, turned @ normal, float(np.linalg.norm(end - start)))

    def _edge(self, words: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        if "line" in words:
            start, end = (si(p) for p in words["line"])
            return start, end, [si(f) for f in words["faces"]]
        # the inner faces of the walls: y of the left one, x of the right one; they share their height
        left, right = (self.part["bodies"][name] for name in words["intersection"])
        (cl, sl), (cr, sr) = ((si(b["at"]["xyz"]), si(b["box"])) for b in (left, right))
        x, y, low, high = cr[0] + sr[0] / 2, cl[1] + sl[1] / 2, cl[2] - sl[2] / 2, cl[2] + sl[2] / 2
        assert words["travel"] == "0 0 -1"
        return np.array([x, y, high]), np.array([x, y, low]), [np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])]

    def _world(self, at: dict[str, str]) -> np.ndarray:
        if "frame" not in at:
            return pose(at)
        return self._world(self.cell["fixtures"][at["frame"]]["at"]) @ pose(at)


def nominal(window: str) -> tuple[float, float, float]:
    """`8 .. 10 .. 12 mm/s` or `10 +-10 deg` as minimum, nominal, maximum."""
    *_, unit = window.split()
    numbers = [float(n) * UNITS[unit] for n in re.findall(r"(?<![\d.])-?\d+(?:\.\d+)?", window.replace("+-", " "))]
    return (numbers[0] - numbers[1], numbers[0], numbers[0] + numbers[1]) if "+-" in window else tuple(numbers)


@pytest.fixture(scope="module")
def welds(tray_corner: Plan, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Weld]:
    path = tmp_path_factory.mktemp("gates") / "tray_corner.plan.zip"
    tray_corner.save(path)
    return {weld.segment["process"]["seam"]: weld for weld in PlanFile(path).welds()}


@pytest.fixture(params=SEAMS)
def weld(request: pytest.FixtureRequest, welds: dict[str, Weld]) -> Weld:
    return welds[request.param]


def test_the_seams_are_those_of_the_task(welds: dict[str, Weld]) -> None:
    assert tuple(welds) == SEAMS
    for name, weld in welds.items():
        assert weld.seam.length == pytest.approx(LENGTHS[name], abs=1e-12)


def test_the_wire_covers_the_seam(weld: Weld) -> None:
    s = weld.frames[0]
    assert abs(s[0]) < 1e-3
    assert abs(s[-1] - weld.seam.length) < 1e-3
    assert np.diff(s).min() > -1e-6


def test_the_wire_is_on_the_seam(weld: Weld) -> None:
    _, points, t, n = weld.frames
    away = weld.tcp[:, :3, 3] - points
    assert np.abs(dot(away, np.cross(n, t))).max() <= 0.3e-3
    assert np.abs(dot(away, n)).max() <= 0.5e-3


def test_angles_are_in_the_box_and_as_commanded(weld: Weld) -> None:
    process = weld.segment["process"]
    for angle, window, said in zip(
        weld.angles, ("work_angle", "travel_angle"), ("work_angles", "travel_angles"), strict=True
    ):
        low, _, high = nominal(weld.file.wps[window])
        assert angle.min() >= low - 1e-6
        assert angle.max() <= high + 1e-6
        commanded = np.interp(weld.frames[0], process["stations"], process[said])
        assert np.abs(angle - commanded).max() <= np.radians(1.0)


def test_travel_speed_is_held(weld: Weld) -> None:
    low, wanted, high = nominal(weld.file.wps["travel_speed"])
    steps = np.linalg.norm(np.diff(weld.tcp[:, :3, 3], axis=0), axis=1)
    speed = steps / 1e-3
    inner = weld.inner[1:]
    held = np.abs(speed - wanted) <= 0.03 * wanted
    assert steps[held & inner].sum() >= 0.95 * steps[inner].sum()
    assert speed[inner].min() >= 0.995 * low
    assert speed[inner].max() <= 1.005 * high


def test_the_torch_turns_slowly_about_its_wire(weld: Weld) -> None:
    x, y = weld.tcp[:, :3, 0], weld.tcp[:, :3, 1]
    rate = dot(np.diff(x, axis=0), 0.5 * (y[1:] + y[:-1])) / 1e-3
    assert np.abs(rate).max() <= np.radians(45.0)


def test_joints_keep_a_reserve_of_speed(weld: Weld) -> None:
    limits = np.array([si(axis["velocity"])[0] for axis in weld.file.axes])
    assert (np.abs(np.diff(weld.q, axis=0)) / 1e-3 / limits).max() <= 0.70


def test_joints_move_little_from_sample_to_sample(weld: Weld) -> None:
    stations = np.append(np.arange(0.0, weld.seam.length, 0.5e-3), weld.seam.length)
    assert np.degrees(np.abs(np.diff(weld.path(stations), axis=0)).max()) <= 5.0


def test_the_arm_stays_in_its_branch(weld: Weld) -> None:
    """Shoulder, elbow and wrist never go through zero."""
    frames = weld.file.frames(weld.q)
    first, second, third, wrist = (frames[k][0] for k in (0, 1, 2, 4))
    outward = np.cross(frames[1][1], frames[0][1])
    shoulder = dot(wrist - first, outward * np.sign(dot(second - first, outward))[:, None])
    elbow = dot(np.cross(third - second, wrist - third), frames[1][1])
    for value in (shoulder, elbow, weld.q[:, 4]):
        assert np.abs(value).min() > 1e-3
        assert np.unique(np.sign(value)).size == 1


def test_the_arm_is_not_near_a_singularity(weld: Weld) -> None:
    q = weld.q[::10]
    frames = weld.file.frames(q)
    point = weld.file.tcp(q)[:, :3, 3]
    columns = [np.hstack([np.cross(axis, point - origin) / 0.5, axis]) for origin, axis in frames[:-1]]
    smallest = np.linalg.svd(np.stack(columns, axis=2), compute_uv=False)[:, -1]
    assert smallest.min() >= 0.02


def test_chords_between_commands_are_near_the_seam(weld: Weld) -> None:
    """At 125 Hz, the slowest rate a driver may have, the middle of a chord is within 0.05 mm of the seam's curve."""
    points = weld.tcp[::8, :3, 3]
    middles = 0.5 * (points[1:] + points[:-1])
    at, inner = weld.seam.frames(middles)[1], weld.tcp[4::8, :3, 3][: len(middles)]
    assert np.linalg.norm(middles - inner, axis=1).max() <= 0.05e-3
    assert np.linalg.norm(middles - at, axis=1).max() <= 0.35e-3


def test_the_computation_sees_a_millimetre(weld: Weld) -> None:
    _, points, _, n = weld.frames
    longer = weld.tcp[:, :3, 3] + 1e-3 * weld.tcp[:, :3, 2]
    assert np.abs(dot(longer - points, n)).min() > 0.5e-3
