"""Whether a weld or a bead conforms: what joint values say of it against the gates of a sound path along a seam.

Holds for planned and measured joint values alike; the seam comes from the part, not from the plan.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import Finding
from cellctl.kinematics.groups import part_motions
from cellctl.model.bead import BeadProcedure
from cellctl.model.cell import Cell
from cellctl.model.certificate import SeamRecord
from cellctl.model.plan import SeamSection
from cellctl.model.pose import FloatArray
from cellctl.model.task import SeamStep
from cellctl.model.wps import Range, SeamProcedure, Wps, arc_of
from cellctl.processes.position import weld_position
from cellctl.processes.procedure import seam_settings
from cellctl.processes.seam import SeamPath, seam_path
from cellctl.proof.deposits import (
    STANDS,
    Executed,
    check_cross_section,
    check_heat,
    cross_sections,
    heat_inputs,
    share_of_length,
    typical_heat,
)
from cellctl.proof.gates import Gates, SeamFindings
from cellctl.proof.readback import Readback, arm_joints, read_back
from cellctl.proof.weaving import check_weave, weave_read_back

POSITION_STEP = 2e-3
SHORT_ENDS = 0.15
"""On a short seam the excepted ends are this share of its length."""


def check_seam(
    cell: Cell,
    group: str,
    step: SeamStep,
    section: SeamSection,
    t: FloatArray,
    q: FloatArray,
    gates: Gates,
    where: str,
    executed: Executed | None = None,
) -> tuple[SeamRecord, tuple[Finding, ...]]:
    """The record of one weld or bead from joint values `q` (n, dof) at times `t` (n,), and every gate it breaks.

    One that was `executed` is held against the speed that was commanded and the power or flow that was measured, a
    planned one against the nominal values of its procedure.
    """
    mechanism, own = arm_joints(cell, group, q)
    motions = part_motions(cell, group, step.seam.partition(".")[0], q)
    procedure = cell.procedures[step.procedure]
    settings = seam_settings(step, procedure)
    path = seam_path(cell, step)
    back = read_back(mechanism, settings.ctwd, path, t, own, min(gates.ends, SHORT_ENDS * path.length), motions)
    weaving = None if settings.weave is None else weave_read_back(settings.weave, back.s, back.lateral)
    if weaving is not None:
        back = replace(back, lateral=weaving.off_line, speed=np.gradient(back.s, t))
    commanded = [np.interp(back.s, section.stations, values) for values in (section.work_angles, section.travel_angles)]
    angle_error = float(max(np.abs(back.work - commanded[0]).max(), np.abs(back.travel - commanded[1]).max()))
    inner = ~back.excepted
    rate = 1.0 if executed is None else np.maximum(executed.rate, STANDS)
    held = np.abs(back.speed / (settings.travel_speed * rate) - 1.0) <= gates.speed
    share = share_of_length(back.s, held & inner, inner)
    arc, bead = arc_of(procedure), procedure if isinstance(procedure, BeadProcedure) else None
    heat = None if arc is None else heat_inputs(arc, back.speed, executed)
    sections = None if bead is None or executed is None else cross_sections(t, back.s, executed.flow, inner)
    positions = _positions(path, back.s, motions)
    velocity = np.abs(np.gradient(q, t, axis=0)) / cell.axes(group).limit_array("velocity")
    record = SeamRecord(
        seam=step.seam,
        wps=step.procedure,
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
        heat_input=0.0 if arc is None else typical_heat(arc, settings.travel_speed, heat, inner, executed),
        position=" ".join(positions),
        weave=None if weaving is None else weaving.range,
        cross_section=None if sections is None else (float(sections.min()), float(sections.max())),
    )
    checks = SeamFindings(where, path.length, back.s)
    what = "wire" if bead is None else "nozzle"
    checks.deviation("C310", f"the {what} is off the seam across", back.lateral, gates.lateral)
    height = gates.height if bead is None else gates.stand_off
    checks.deviation("C311", f"the {what} is off the seam in height", back.height, height)
    slack = gates.window_slack
    checks.window("C312", "work angle", back.work, settings.work.minimum - slack, settings.work.maximum + slack)
    checks.window("C313", "travel angle", back.travel, settings.travel.minimum - slack, settings.travel.maximum + slack)
    _check_spin(checks, back, settings.spin, gates)
    _check_course(checks, back, q, path.length, gates)
    checks.whole("C314", "angle against the commanded one, deg", np.degrees(angle_error), np.degrees(gates.angle))
    checks.window("C316", "travel speed against the procedure", *_speed_window(back.speed, inner, procedure))
    if arc is not None and heat is not None and arc.heat_input is not None:
        low, high = arc.heat_input.minimum * (1.0 - gates.speed), arc.heat_input.maximum * (1.0 + gates.speed)
        near = (heat >= low) & (heat <= high)
        check_heat(checks, arc.heat_input, record.heat_input, share_of_length(back.s, near, inner), gates)
    if bead is not None and record.cross_section is not None:
        check_cross_section(checks, bead.cross_section, record.cross_section)
    if share < gates.speed_share:
        checks.say(
            "C315", f"travel speed is within {gates.speed * 100:g} % over {share * 100:.1f} % of the length only"
        )
    checks.whole("C317", "spin rate, deg/s", np.degrees(record.spin_rate), np.degrees(gates.spin_rate))
    checks.whole("C318", "joint speed share along the seam", record.joint_speed_use, gates.joint_speed)
    if record.singularity < gates.singularity:
        checks.say(
            "C319", f"normalised sigma_min is {record.singularity:.4f}, at least {gates.singularity:g} is wanted"
        )
    if isinstance(procedure, Wps):
        _check_position(checks, positions, procedure)
        check_weave(checks, settings, weaving, procedure, gates)
    if not procedure.ctwd.holds(settings.ctwd, 1e-9):
        checks.say("C325", f"ctwd of {settings.ctwd * 1e3:g} mm is outside the procedure")
    return record, tuple(checks.findings)


def _check_position(checks: SeamFindings, positions: list[str], wps: Wps) -> None:
    outside = [name for name in positions if wps.positions and name not in wps.positions]
    if outside:
        allowed = ", ".join(wps.positions)
        checks.say("C334", f"part of the seam lies in position {', '.join(outside)}, the procedure is for {allowed}")


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


def _check_spin(checks: SeamFindings, back: Readback, window: Range | None, gates: Gates) -> None:
    if window is None:
        return
    spin = window.nominal + np.angle(np.exp(1j * (back.spin - window.nominal)))
    checks.window("C329", "spin", spin, window.minimum - gates.spin_slack, window.maximum + gates.spin_slack)


def _check_course(checks: SeamFindings, back: Readback, q: FloatArray, length: float, gates: Gates) -> None:
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


def _speed_window(
    speed: FloatArray, inner: NDArray[np.bool_], procedure: SeamProcedure
) -> tuple[FloatArray, float, float]:
    """Speeds with the excepted ends put to nominal, and the window of the procedure (half a percent for rounding)."""
    window = procedure.travel_speed
    return np.where(inner, speed, window.nominal), window.minimum * 0.995, window.maximum * 1.005
