"""Weld conformance read back from joint values: where the wire tip was, how the torch stood, how fast it went.

Works on joint samples, planned or measured alike; the seam comes from the part, not from the plan. Gates are those of a
sound robot weld path: see `Gates`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import Finding
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.jacobian import CHARACTERISTIC_LENGTH, jacobians, normalised_sigma_min
from cellctl.model.cell import Cell, Mechanism
from cellctl.model.certificate import SeamRecord
from cellctl.model.plan import SeamSection
from cellctl.model.pose import FloatArray
from cellctl.model.task import Weld
from cellctl.model.wps import Wps
from cellctl.processes.position import weld_position
from cellctl.processes.procedure import heat_input, weld_settings
from cellctl.processes.seam import SeamPath, seam_path
from cellctl.processes.torch import torch_angles

DECIMATION = 20


@dataclass(frozen=True, slots=True)
class Gates:
    """Largest deviations of a planned weld, SI: from the seam across (b) and along the normal (n), from commanded
    angles, of the speed over all but `speed_share` of the length; spin rate; share of joint speed with the arc on;
    smallest normalised singular value. The first and last `ends` of the seam are excepted from the speed gate.
    """

    lateral: float = 0.3e-3
    height: float = 0.5e-3
    angle: float = np.radians(1.0)
    speed: float = 0.03
    speed_share: float = 0.95
    ends: float = 5e-3
    spin_rate: float = np.radians(45.0)
    joint_speed: float = 0.70
    singularity: float = 0.02
    window_slack: float = 1e-6


PLANNED = Gates()
EXECUTED = Gates(lateral=0.5e-3, height=1.0e-3, speed=0.05, angle=np.radians(2.0), window_slack=np.radians(0.5))


@dataclass(frozen=True, slots=True, eq=False)
class Readback:
    """What joint samples say, per sample: arc length `s`, deviations along b and n (m), work and travel angle, tool
    rotation about the wire per second, speed along the seam (m/s), all (n,); `excepted` (n,) marks the ends.
    """

    s: FloatArray
    lateral: FloatArray
    height: FloatArray
    work: FloatArray
    travel: FloatArray
    spin_rate: FloatArray
    speed: FloatArray
    sigma: FloatArray
    excepted: NDArray[np.bool_]


def read_back(mechanism: Mechanism, ctwd: float, path: SeamPath, t: FloatArray, q: FloatArray, ends: float) -> Readback:
    """Read a weld back from joint values `q` (n, dof) at increasing times `t` (n,), TCP at `ctwd` from the contact
    tip.
    """
    assert mechanism.tool is not None and mechanism.tool.torch is not None
    pose_flange_tcp = mechanism.tool.torch.tcp(ctwd)
    chain = chain_of(mechanism.robot)
    tcp = mechanism.pose_world_base.matrix @ flange_matrices(chain, q) @ pose_flange_tcp.matrix
    points, wires = tcp[:, :3, 3], tcp[:, :3, 2]
    s = nearest_arc_lengths(path, points)
    frames = path.frames(s)
    offset = points - frames.points
    b = np.cross(frames.normals, frames.tangents)
    work, travel = torch_angles(frames.tangents, frames.normals, wires)
    dt = np.gradient(t)
    speed = np.einsum("ij,ij->i", np.gradient(points, axis=0), frames.tangents) / dt
    turn = np.einsum("ij,ij->i", tcp[:, :3, 1], np.gradient(tcp[:, :3, 0], axis=0)) / dt
    sigma = normalised_sigma_min(jacobians(chain, q[::20], pose_flange_tcp), CHARACTERISTIC_LENGTH)
    excepted = (s < ends) | (s > path.length - ends)
    for corner in path.corners():
        excepted |= np.abs(s - corner) < ends
    return Readback(
        s,
        np.einsum("ij,ij->i", offset, b),
        np.einsum("ij,ij->i", offset, frames.normals),
        work,
        travel,
        turn,
        speed,
        sigma,
        excepted,
    )


def nearest_arc_lengths(path: SeamPath, points: FloatArray) -> FloatArray:
    """Arc length (n,) of the seam point nearest to each of `points` (n, 3), which follow the seam in order.

    Every DECIMATION-th point is looked up on a grid, not far from the one before (a closed seam passes a place twice);
    the others lie between and all are projected on the tangent.
    """
    grid = np.linspace(0.0, path.length, max(16, int(path.length / 1e-3)) + 1)
    on_seam = path.frames(grid).points
    picked = np.unique(np.append(np.arange(0, len(points), DECIMATION), len(points) - 1))
    coarse = np.empty(len(picked))
    low = 0
    for i in range(0, len(picked), 8):
        window = slice(max(0, low - 20), min(len(grid), low + 160))
        block = points[picked[i : i + 8]]
        nearest = np.argmin(((block[:, None] - on_seam[window]) ** 2).sum(axis=2), axis=1) + window.start
        coarse[i : i + 8] = grid[nearest]
        low = int(nearest[-1])
    s = np.interp(np.arange(len(points)), picked, coarse)
    step = 2.0 * (grid[1] - grid[0])
    for _ in range(3):
        f = path.frames(s)
        s = np.clip(s + np.clip(np.einsum("ij,ij->i", points - f.points, f.tangents), -step, step), 0.0, path.length)
    return s


def check_weld(
    cell: Cell, group: str, weld: Weld, section: SeamSection, t: FloatArray, q: FloatArray, gates: Gates, where: str
) -> tuple[SeamRecord, tuple[Finding, ...]]:
    """The record of one weld from joint values `q` (n, dof) at times `t` (n,), and every gate it breaks."""
    mechanism = cell.mechanism(cell.group(group).mechanisms[0])
    wps = cell.procedures[weld.wps]
    settings = weld_settings(weld, wps)
    path = seam_path(cell, weld)
    back = read_back(mechanism, settings.ctwd, path, t, q, gates.ends)
    commanded = [np.interp(back.s, section.stations, values) for values in (section.work_angles, section.travel_angles)]
    angle_error = float(max(np.abs(back.work - commanded[0]).max(), np.abs(back.travel - commanded[1]).max()))
    inner = ~back.excepted
    held = np.abs(back.speed / settings.travel_speed - 1.0) <= gates.speed
    share = _share_of_length(back.s, held & inner, inner)
    middle = path.frames(np.array([0.5 * path.length]))
    velocity = np.abs(np.gradient(q, t, axis=0)) / mechanism.robot.limit_array("velocity")
    record = SeamRecord(
        seam=weld.seam,
        wps=weld.wps,
        length=path.length,
        arc_time=float(t[-1] - t[0]),
        travel_speed=float(np.median(back.speed[inner])) if inner.any() else 0.0,
        speed_share=share,
        lateral=float(np.abs(back.lateral).max()),
        height=float(np.abs(back.height).max()),
        work_angle=(float(back.work.min()), float(back.work.max())),
        travel_angle=(float(back.travel.min()), float(back.travel.max())),
        angle_error=angle_error,
        spin_rate=float(np.abs(back.spin_rate).max()),
        joint_speed_use=float(velocity.max()),
        singularity=float(back.sigma.min()),
        heat_input=heat_input(wps.voltage.nominal, wps.current.nominal, settings.travel_speed, wps.heat_factor),
        position=weld_position(middle.tangents[0], middle.normals[0]).name,
    )
    checks = _Checks(where, path.length, back.s)
    checks.deviation("C310", "the wire is off the seam across", back.lateral, gates.lateral)
    checks.deviation("C311", "the wire is off the seam in height", back.height, gates.height)
    slack = gates.window_slack
    checks.window("C312", "work angle", back.work, settings.work.minimum - slack, settings.work.maximum + slack)
    checks.window("C313", "travel angle", back.travel, settings.travel.minimum - slack, settings.travel.maximum + slack)
    checks.whole("C314", "angle against the commanded one, deg", np.degrees(angle_error), np.degrees(gates.angle))
    checks.window("C316", "travel speed against the WPS", *_speed_window(back.speed, inner, wps))
    if share < gates.speed_share:
        checks.say(
            "C315", f"travel speed is within {gates.speed * 100:g} % over {share * 100:.1f} % of the length only"
        )
    checks.whole("C317", "spin rate, deg/s", np.degrees(record.spin_rate), np.degrees(gates.spin_rate))
    checks.whole("C318", "joint speed share with the arc on", record.joint_speed_use, gates.joint_speed)
    if record.singularity < gates.singularity:
        checks.say(
            "C319", f"normalised sigma_min is {record.singularity:.4f}, at least {gates.singularity:g} is wanted"
        )
    if not wps.ctwd.holds(settings.ctwd, 1e-9):
        checks.say("C325", f"ctwd of {settings.ctwd * 1e3:g} mm is outside the WPS")
    return record, tuple(checks.findings)


def _share_of_length(s: FloatArray, held: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float:
    ds = np.abs(np.gradient(s))
    total = float(ds[counted].sum())
    return float(ds[held].sum()) / total if total > 0.0 else 1.0


def _speed_window(speed: FloatArray, inner: NDArray[np.bool_], wps: Wps) -> tuple[FloatArray, float, float]:
    """Speeds with the excepted ends put to nominal, and the window of the WPS (half a percent for rounding)."""
    window = wps.travel_speed
    return np.where(inner, speed, window.nominal), window.minimum * 0.995, window.maximum * 1.005


class _Checks:
    """Collects findings of one weld, each with the intervals of arc length where it holds."""

    def __init__(self, where: str, length: float, s: FloatArray) -> None:
        self.findings: list[Finding] = []
        self._where = where
        self._length = length
        self._s = s

    def say(self, code: str, text: str) -> None:
        self.findings.append(Finding(code, f"{self._where}: {text}"))

    def whole(self, code: str, text: str, value: float, limit: float) -> None:
        if value > limit:
            self.say(code, f"{text}: {value:.3g}, at most {limit:.3g} is allowed")

    def deviation(self, code: str, text: str, values: FloatArray, limit: float) -> None:
        bad = np.abs(values) > limit
        if bad.any():
            worst = float(np.abs(values).max()) * 1e3
            self.say(code, f"{text} by up to {worst:.3f} mm ({limit * 1e3:g} allowed) at {self._stretches(bad)}")

    def window(self, code: str, text: str, values: FloatArray, lower: float, upper: float) -> None:
        bad = (values < lower) | (values > upper)
        if not bad.any():
            return
        unit, scale = ("mm/s", 1e3) if "speed" in text else ("deg", 180.0 / np.pi)
        worst = float(values[np.argmax(np.maximum(lower - values, values - upper))])
        window = f"{lower * scale:.4g} to {upper * scale:.4g} {unit}"
        self.say(code, f"{text} is {worst * scale:.2f} {unit}, the window is {window}, at {self._stretches(bad)}")

    def _stretches(self, bad: NDArray[np.bool_]) -> str:
        """`12.0-14.5 mm, 80.0-81.0 mm of the seam`: at most three stretches, then how many more."""
        order = np.argsort(self._s, kind="stable")
        marked = np.concatenate([[False], bad[order], [False]])
        starts, ends = np.flatnonzero(~marked[:-1] & marked[1:]), np.flatnonzero(marked[:-1] & ~marked[1:]) - 1
        s = self._s[order] * 1e3
        texts = [f"{s[a]:.1f}-{s[b]:.1f} mm" for a, b in zip(starts, ends, strict=True)]
        more = f" and {len(texts) - 3} more stretches" if len(texts) > 3 else ""
        return f"{', '.join(texts[:3])} of {self._length * 1e3:.1f} mm{more}"
