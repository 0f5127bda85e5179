"""Whether a weld conforms: what joint values say of it against the gates of a sound robot weld path.

Holds for planned and measured joint values alike; the seam comes from the part, not from the plan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import Finding
from cellctl.kinematics.groups import part_motions
from cellctl.model.cell import Cell
from cellctl.model.certificate import SeamRecord
from cellctl.model.plan import SeamSection
from cellctl.model.pose import FloatArray
from cellctl.model.task import Weld
from cellctl.model.weave import Weave
from cellctl.model.wps import Range, Wps
from cellctl.processes.position import weld_position
from cellctl.processes.procedure import heat_input, weld_settings
from cellctl.processes.seam import SeamPath, seam_path
from cellctl.processes.weave import allows_weave
from cellctl.proof.readback import Readback, arm_joints, read_back
from cellctl.proof.weaving import WeaveReadback, weave_read_back


@dataclass(frozen=True, slots=True)
class Gates:
    """Largest deviations of a planned weld, SI: from the seam across (b) and along the normal (n), of its start and end
    along it, from commanded angles, of the speed over all but `speed_share` of the length; spin rate; share of joint
    speed with the arc on; turn of a joint over `step` of the seam; smallest normalised singular value; of a weave from
    the line that it is to follow, with its middle and its amplitude held period by period. The first and last `ends`
    of the seam are excepted from the speed gate.
    """

    lateral: float = 0.3e-3
    height: float = 0.5e-3
    along: float = 1e-3
    angle: float = np.radians(1.0)
    speed: float = 0.03
    speed_share: float = 0.95
    ends: float = 5e-3
    spin_rate: float = np.radians(45.0)
    joint_speed: float = 0.70
    step: float = 0.5e-3
    joint_step: float = np.radians(5.0)
    singularity: float = 0.02
    window_slack: float = 1e-6
    spin_slack: float = np.radians(1.0)
    weave_middle: float = 0.1e-3
    weave_amplitude: float = 0.05


POSITION_STEP = 2e-3
_STANDS = 1e-6
SHORT_ENDS = 0.15
"""On a short seam the excepted ends are this share of its length."""

PLANNED = Gates()
EXECUTED = Gates(
    lateral=0.5e-3,
    height=1.0e-3,
    speed=0.05,
    angle=np.radians(2.0),
    window_slack=np.radians(0.5),
    spin_slack=np.radians(2.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class Executed:
    """How a weld was executed: the `rate` (n,) of path time that was commanded, and the `power` (n,) of the arc, W."""

    rate: FloatArray
    power: FloatArray


def check_weld(
    cell: Cell,
    group: str,
    weld: Weld,
    section: SeamSection,
    t: FloatArray,
    q: FloatArray,
    gates: Gates,
    where: str,
    executed: Executed | None = None,
) -> tuple[SeamRecord, tuple[Finding, ...]]:
    """The record of one weld from joint values `q` (n, dof) at times `t` (n,), and every gate it breaks.

    A weld that was `executed` is held against the speed that was commanded and the power that was measured, a planned
    one against the nominal values of its procedure.
    """
    mechanism, own = arm_joints(cell, group, q)
    motions = part_motions(cell, group, weld.seam.partition(".")[0], q)
    wps = cell.procedures[weld.wps]
    settings = weld_settings(weld, wps)
    path = seam_path(cell, weld)
    back = read_back(mechanism, settings.ctwd, path, t, own, min(gates.ends, SHORT_ENDS * path.length), motions)
    weaving = None if settings.weave is None else weave_read_back(settings.weave, back.s, back.lateral)
    if weaving is not None:
        back = replace(back, lateral=weaving.off_line, speed=np.gradient(back.s, t))
    commanded = [np.interp(back.s, section.stations, values) for values in (section.work_angles, section.travel_angles)]
    angle_error = float(max(np.abs(back.work - commanded[0]).max(), np.abs(back.travel - commanded[1]).max()))
    inner = ~back.excepted
    nominal = wps.voltage.nominal * wps.current.nominal
    rate, power = (1.0, nominal) if executed is None else (np.maximum(executed.rate, _STANDS), executed.power)
    held = np.abs(back.speed / (settings.travel_speed * rate) - 1.0) <= gates.speed
    heat = wps.heat_factor * power / np.maximum(back.speed, _STANDS)
    planned_heat = heat_input(wps.voltage.nominal, wps.current.nominal, settings.travel_speed, wps.heat_factor)
    share = _share_of_length(back.s, held & inner, inner)
    positions = _positions(path, back.s, motions)
    velocity = np.abs(np.gradient(q, t, axis=0)) / cell.axes(group).limit_array("velocity")
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
        singularity=back.sigma,
        heat_input=planned_heat if executed is None or not inner.any() else float(np.median(heat[inner])),
        position=" ".join(positions),
        weave=None if weaving is None else weaving.range,
    )
    checks = _Checks(where, path.length, back.s)
    checks.deviation("C310", "the wire is off the seam across", back.lateral, gates.lateral)
    checks.deviation("C311", "the wire is off the seam in height", back.height, gates.height)
    slack = gates.window_slack
    checks.window("C312", "work angle", back.work, settings.work.minimum - slack, settings.work.maximum + slack)
    checks.window("C313", "travel angle", back.travel, settings.travel.minimum - slack, settings.travel.maximum + slack)
    _check_spin(checks, back, settings.spin, gates)
    _check_course(checks, back, q, path.length, gates)
    checks.whole("C314", "angle against the commanded one, deg", np.degrees(angle_error), np.degrees(gates.angle))
    checks.window("C316", "travel speed against the WPS", *_speed_window(back.speed, inner, wps))
    if wps.heat_input is not None:
        low, high = wps.heat_input.minimum * (1.0 - gates.speed), wps.heat_input.maximum * (1.0 + gates.speed)
        near = (heat >= low) & (heat <= high)
        _check_heat(checks, wps.heat_input, record.heat_input, _share_of_length(back.s, near, inner), gates)
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
    outside = [name for name in positions if wps.positions and name not in wps.positions]
    if outside:
        allowed = ", ".join(wps.positions)
        checks.say("C334", f"part of the seam lies in position {', '.join(outside)}, the procedure is for {allowed}")
    if settings.weave is not None and weaving is not None:
        if len(weaving.at):
            _check_weave(checks, settings.weave, weaving, gates)
        if not allows_weave(wps, settings.weave, settings.travel_speed):
            checks.say("C325", "the weave is outside the WPS")
    if not wps.ctwd.holds(settings.ctwd, 1e-9):
        checks.say("C325", f"ctwd of {settings.ctwd * 1e3:g} mm is outside the WPS")
    return record, tuple(checks.findings)


def _check_heat(checks: _Checks, window: Range, typical: float, near: float, gates: Gates) -> None:
    """The typical heat input (J/m) lies in its window, and over as much of the length as the speed has to be held it is
    `near` to that: as near as the speed is to its own.
    """
    if not window.holds(typical, 0.005 * typical) or near < gates.speed_share:
        text = f"heat input is {typical * 1e-6:.3f} kJ/mm, the WPS says {window.minimum * 1e-6:.3g} to"
        checks.say("C340", f"{text} {window.maximum * 1e-6:.3g}, which is kept over {near * 100:.1f} % of the length")


def _positions(path: SeamPath, s: FloatArray, motions: FloatArray) -> list[str]:
    """Names of the weld positions that the seam passes, looked at every POSITION_STEP, in order of the alphabet.

    `motions` (n, 4, 4) are those of its part while the weld is at `s` (n,); one where the part stands.
    """
    count = max(3, int(path.length / POSITION_STEP) + 1)
    stations = np.linspace(0.0, path.length, count)
    frames = path.frames(stations)
    nearest = np.minimum(np.searchsorted(np.maximum.accumulate(s), stations), len(motions) - 1)
    turns = motions[nearest, :3, :3]
    tangents, normals = (np.einsum("nij,nj->ni", turns, axes) for axes in (frames.tangents, frames.normals))
    return sorted({weld_position(t, n).name for t, n in zip(tangents, normals, strict=True)})


def _check_weave(checks: _Checks, weave: Weave, weaving: WeaveReadback, gates: Gates) -> None:
    """The middle of every period lies on the seam, and it swings as far as it is to."""
    middle = float(np.abs(weaving.middles).max()) * 1e3
    if middle > gates.weave_middle * 1e3:
        at = weaving.at[np.argmax(np.abs(weaving.middles))] * 1e3
        text = f"the middle of the weave is up to {middle:.3f} mm off the seam, at {at:.1f} mm"
        checks.say("C338", f"{text}; {gates.weave_middle * 1e3:g} mm is allowed")
    off = np.abs(weaving.amplitudes / weave.amplitude - 1.0)
    if off.max() > gates.weave_amplitude:
        worst = int(np.argmax(off))
        swings = f"swings {weaving.amplitudes[worst] * 1e3:.3f} mm to either side at {weaving.at[worst] * 1e3:.1f} mm"
        allowed = f"{weave.amplitude * 1e3:g} mm within {gates.weave_amplitude * 100:g} % is allowed"
        checks.say("C339", f"the weave {swings}, {allowed}")


def _check_spin(checks: _Checks, back: Readback, window: Range | None, gates: Gates) -> None:
    if window is None:
        return
    spin = window.nominal + np.angle(np.exp(1j * (back.spin - window.nominal)))
    checks.window("C329", "spin", spin, window.minimum - gates.spin_slack, window.maximum + gates.spin_slack)


def _check_course(checks: _Checks, back: Readback, q: FloatArray, length: float, gates: Gates) -> None:
    """From the start of the seam to its end, never back, and no joint far over a short stretch of it."""
    furthest = np.maximum.accumulate(back.s)
    gaps = {
        "starts": back.s[0] + abs(back.beyond[0]),
        "ends": length - back.s[-1] + abs(back.beyond[-1]),
        "goes back": float((furthest - back.s).max()),
    }
    for what, gap in gaps.items():
        if gap > gates.along:
            place = " on its way" if what == "goes back" else f" from where the seam {what}"
            checks.say("C328", f"the wire {what} {gap * 1e3:.2f} mm{place}, {gates.along * 1e3:g} mm is allowed")
    stations = np.arange(back.s[0], back.s[-1], gates.step)
    if len(stations) > 1:
        at = np.stack([np.interp(stations, furthest, q[:, k]) for k in range(q.shape[1])], axis=1)
        step = float(np.abs(np.diff(at, axis=0)).max())
        text = f"turn of a joint over {gates.step * 1e3:g} mm of the seam, deg"
        checks.whole("C333", text, np.degrees(step), np.degrees(gates.joint_step))


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
