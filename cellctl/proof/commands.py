"""What a plan says about its seams, against its task and its part: seam, commanded values, windows and events.

The motion itself is judged elsewhere, from joint values.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cellctl.errors import Finding
from cellctl.model.cell import Cell
from cellctl.model.plan import SeamSection, Segment
from cellctl.model.task import SeamStep
from cellctl.processes.procedure import SeamSettings, seam_events, seam_settings
from cellctl.processes.seam import SeamPath, seam_path
from cellctl.processes.weave import swing, woven_points
from cellctl.proof.readback import seen_from_part

SAME = 1e-9
ALONG = 1e-3
"""How far (m) the working point may be from the arc length that the path's parameter claims."""


def check_commands(
    cell: Cell, step: SeamStep, segment: Segment, section: SeamSection, where: str
) -> tuple[Finding, ...]:
    """Where the words of one process differ from its step, its procedure and its seam (C322, C327, C328)."""
    if (section.seam, section.wps) != (step.seam, step.procedure):
        said, meant = f"'{section.seam}' by '{section.wps}'", f"'{step.seam}' by '{step.procedure}'"
        return (Finding("C327", f"{where}: the plan goes along {said}, the step {meant}"),)
    path = seam_path(cell, step)
    settings = seam_settings(step, cell.procedures[step.procedure])
    findings = [*_setting_findings(section, settings, where), *_event_findings(step, section, path, where)]
    if not _is_seam(section, path):
        return (*findings, Finding("C322", f"{where}: the plan goes along another seam than the part's '{step.seam}'"))
    return (*findings, *_parameter_findings(cell, settings, segment, path, section, where))


def _setting_findings(section: SeamSection, settings: SeamSettings, where: str) -> Iterator[Finding]:
    pairs = (
        ("travel speed", section.travel_speed, settings.travel_speed),
        ("ctwd", section.ctwd, settings.ctwd),
        ("window of the work angle", section.work_window, settings.work),
        ("window of the travel angle", section.travel_window, settings.travel),
        ("weave", section.weave, settings.weave),
    )
    for name, said, meant in pairs:
        if said != meant:
            yield Finding("C327", f"{where}: the {name} in the plan is not the step's")


def _event_findings(step: SeamStep, section: SeamSection, path: SeamPath, where: str) -> Iterator[Finding]:
    """The process begins at the start of the seam and ends at its end, once."""
    meant = seam_events(step, path.length)
    same = len(section.events) == len(meant) and all(
        said.name == event.name and abs(said.at - event.at) <= SAME
        for said, event in zip(section.events, meant, strict=True)
    )
    if not same:
        yield Finding("C327", f"{where}: the process does not begin at the start of the seam and end at its end")


def _is_seam(section: SeamSection, path: SeamPath) -> bool:
    """True when length, stations and frames are those of the seam of the part."""
    s = section.stations
    ends = abs(section.length - path.length), abs(s[0]), abs(s[-1] - path.length)
    if not max(ends) <= SAME or np.any(np.diff(s) <= 0.0):
        return False
    frames = path.frames(s)
    pairs = (section.points, frames.points), (section.tangents, frames.tangents), (section.normals, frames.normals)
    return all(np.abs(said - meant).max() <= SAME for said, meant in pairs)


def _parameter_findings(
    cell: Cell, settings: SeamSettings, segment: Segment, path: SeamPath, section: SeamSection, where: str
) -> Iterator[Finding]:
    """The parameter of the path is arc length: what a record calls 120 mm is 120 mm along the seam."""
    if abs(segment.path.start) > SAME or abs(segment.path.end - path.length) > SAME:
        yield Finding("C328", f"{where}: the path does not run from 0 to the length of the seam")
        return
    joints = segment.path(section.stations)
    points = seen_from_part(cell, segment.group, section.seam, settings.ctwd, joints)[:, :3, 3]
    frames = path.frames(section.stations)
    meant = frames.points
    if settings.weave is not None:
        meant = woven_points(frames, swing(settings.weave, section.stations))
    away = np.linalg.norm(points - meant, axis=1)
    worst = int(np.argmax(away))
    if away[worst] > ALONG:
        at, off = section.stations[worst] * 1e3, away[worst] * 1e3
        yield Finding("C328", f"{where}: at {at:.1f} mm of the path the wire is {off:.2f} mm from there on the seam")
