"""An arm from a URDF: read, checked, and written as a robot folder of the user's project. Changes no other file."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cellctl.errors import FileError, Finding, Place, UsageError
from cellctl.files import load_robot
from cellctl.files.library import project_root
from cellctl.files.robot_writing import RobotDraft, limits_of, plain_names, robot_folder
from cellctl.files.urdf.chain import UrdfChain, chain_of_urdf
from cellctl.files.urdf.packages import PackageRules
from cellctl.files.urdf.reading import UrdfJoint, urdf_model
from cellctl.files.urdf.srdf import EMPTY, SrdfModel, srdf_model
from cellctl.files.urdf.xacro import expanded_xacro, is_xacro
from cellctl.files.xml_tree import parse_xml
from cellctl.files.yaml_tree import read_bytes
from cellctl.jobs.robot_drafting import robot_draft
from cellctl.jobs.robot_touching import LastingNearness, lasting_nearness
from cellctl.model.robot import Robot
from cellctl.units import mm

TRIED = 200
"""Joint values at which pairs of links are measured; those with the same gap at every one are listed as touching."""

NAMELESS = ("arm", "description", "main", "model", "robot", "urdf")
"""Names of files that say nothing about what is in them."""

SAME = 4
"""So many links with one and the same inertia are not measured ones."""


@dataclass(frozen=True, slots=True, eq=False)
class AddedRobot:
    """A robot that was written into `folder`, and what is odd about its file, as warnings."""

    robot: Robot
    folder: Path
    findings: tuple[Finding, ...]


def add_robot(
    file: str | Path,
    *,
    name: str = "",
    srdf: str | Path | None = None,
    base: str | None = None,
    tip: str | None = None,
    packages: Mapping[str, Path] | None = None,
    arguments: Mapping[str, str] | None = None,
    payload: float | None = None,
    project: str | Path = ".",
) -> AddedRobot:
    """Write the arm that a URDF or xacro file describes as `robots/NAME` of a project, ready for a cell file to name.

    Without `base` and `tip` they are those of the SRDF's only chain, else what the tree leaves no choice about.
    `packages` are the folders of `package://` references, `arguments` those of a xacro file, `payload` (kg) what the
    arm carries. Raises FileError with everything that is wrong with the file, UsageError F138 where the name cannot be
    used, EnvironmentMissing E540.
    """
    path = Path(file)
    findings: list[Finding] = []
    rules = PackageRules(path.parent, dict(packages or {}))
    data, shown = _urdf_bytes(path, rules, arguments or {})
    model = urdf_model(parse_xml(data, shown), findings)
    folder = _target(name or plain_name(path, model.name), Path(project))
    extra = EMPTY if srdf is None else srdf_model(parse_xml(read_bytes(Path(srdf), str(srdf)), str(srdf)), findings)
    _raise_errors(findings)
    chain = chain_of_urdf(model, extra, base, tip, findings)
    draft = None if chain is None else robot_draft(model, chain, path, rules, folder.name, findings)
    _raise_errors(findings)
    assert chain is not None  # without a chain there is an error
    assert draft is not None
    _warn_of_figures(draft, chain, payload, findings)
    configurations = _configurations(chain, extra, findings)
    robot = _write(replace(draft, payload=payload, configurations=configurations), folder, extra, findings)
    return AddedRobot(robot, folder, tuple(findings))


def plain_name(path: Path, own: str = "") -> str:
    """The name that a robot gets from its file: `kr16_2.urdf.xacro` gives `kr16_2`; its `own`, where the file's says
    nothing, as that of `model.urdf`.
    """
    stem = path.name.partition(".")[0]
    name = own if own and stem.lower() in NAMELESS else stem
    return plain_names([name])[name]


def _target(name: str, project: Path) -> Path:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*", name):
        raise UsageError(Finding("F138", f"'{name}' is not a name", suggestion="a letter, then letters, digits and _"))
    folder = project_root(project.absolute()) / "robots" / name
    if folder.exists():
        message = f"there is '{folder.relative_to(folder.parents[1])}' already"
        raise UsageError(Finding("F138", message, suggestion="choose another --name, or remove the folder"))
    return folder


def _urdf_bytes(path: Path, rules: PackageRules, arguments: Mapping[str, str]) -> tuple[bytes, str]:
    """The text of the URDF, and how findings call it."""
    data = read_bytes(path, str(path))
    if not is_xacro(path):
        return data, str(path)
    return expanded_xacro(path, str(path), rules.named, arguments), f"{path} (expanded)"


def _raise_errors(findings: list[Finding]) -> None:
    if any(finding.severity == "error" for finding in findings):
        raise FileError(sorted(findings, key=_order))


def _order(finding: Finding) -> tuple[str, int, int]:
    return ("", 0, 0) if finding.place is None else (finding.place.file, finding.place.line, finding.place.column)


def _warn_of_figures(draft: RobotDraft, chain: UrdfChain, payload: float | None, findings: list[Finding]) -> None:
    """Warn of every figure that the file lacks and that something else stands in for."""
    for joint in (joint for joint in chain.joints if joint.moves):
        if joint.kind == "continuous":
            message = f"joint '{joint.name}' turns without end"
            findings.append(Finding("F188", message, joint.place, "it is kept to one turn either way", "warning"))
        for figure in ("velocity", "effort"):
            if not joint.limits.get(figure, 0.0) > 0.0:
                message = f"joint '{joint.name}' has no limit of {figure}"
                hint = "a low one is written; put in that of the data sheet"
                findings.append(Finding("F188", message, joint.place, hint, "warning"))
    masses = {link.name: link.inertia for link in draft.links}
    for joint in (joint for joint in chain.joints if joint.moves):
        if masses[joint.child] is None:
            message = f"link '{joint.child}' moves and has no mass"
            findings.append(Finding("F195", message, joint.place, "no torque of it can be known", "warning"))
    alike = Counter(inertia.moments for inertia in masses.values() if inertia is not None and any(inertia.moments))
    if alike and (most := alike.most_common(1)[0][1]) >= SAME:
        message = f"{most} links have the same inertia: these look like placeholders"
        findings.append(Finding("F195", message, Place(draft.origin), "put in those of the CAD model", "warning"))
    if payload is None:
        place = Place(draft.origin)
        hint = "1 kg is written; give --payload"
        findings.append(Finding("F188", "a URDF has no payload", place, hint, "warning"))


def _write(draft: RobotDraft, folder: Path, extra: SrdfModel, findings: list[Finding]) -> Robot:
    """Write the folder beside its place, read it anew, measure what touches, and put it there whole."""
    beside = folder.parent / f"_{folder.name}"
    try:
        shutil.rmtree(beside, ignore_errors=True)
        _put(robot_folder(draft), beside)
        robot = load_robot(beside / "robot.yaml")
        touching = _touching(robot, draft, extra, findings)
        if touching:
            _put(robot_folder(replace(draft, touching=touching)), beside)
        beside.rename(folder)
    except OSError as error:
        finding = Finding("F180", f"cannot be written: {error.strerror or error}", Place(str(folder)))
        raise FileError(finding) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return load_robot(folder / "robot.yaml")


def _put(files: Mapping[str, bytes], folder: Path) -> None:
    for relative, content in files.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _touching(
    robot: Robot, draft: RobotDraft, extra: SrdfModel, findings: list[Finding]
) -> tuple[tuple[str, str, str], ...]:
    """Pairs whose gap is the same at all joint values tried; those that are always near at changing gaps are told."""
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    joints = np.random.default_rng(0).uniform(lower, upper, (TRIED, robot.dof))
    written = {plain: link for link, plain in plain_names(link.name for link in draft.links).items()}
    found = []
    for pair in lasting_nearness(robot, joints):
        if not pair.steady:
            message = f"'{pair.first}' and '{pair.second}' are always near each other: {_gap(pair)}"
            hint = "no plan can be had: give them smaller solids, or list them under 'touching' with your reason"
            findings.append(Finding("F175", message, Place(draft.origin), hint, "warning"))
            continue
        said = extra.unchecked.get(frozenset(written[name.partition(".")[0]] for name in (pair.first, pair.second)))
        reason = f"{_gap(pair)} at all of {TRIED} random joint values"
        found.append((pair.first, pair.second, f"{reason}; the SRDF disables the pair ({said})" if said else reason))
    return tuple(found)


def _gap(pair: LastingNearness) -> str:
    least, most = pair.least / mm, pair.most / mm
    return f"{least:.1f} mm apart" if pair.steady else f"{least:.1f} to {most:.1f} mm apart"


def _configurations(chain: UrdfChain, extra: SrdfModel, findings: list[Finding]) -> dict[str, tuple[float, ...]]:
    """The states of the SRDF that a robot file can have: those that give all axes values within their limits."""
    axes = [joint for joint in chain.joints if joint.moves]
    found: dict[str, tuple[float, ...]] = {}
    for name, values in extra.states.items():
        outside = [joint.name for joint in axes if joint.name in values and not _within(values[joint.name], joint)]
        if all(joint.name in values for joint in axes) and not outside:
            found[name] = tuple(values[joint.name] for joint in axes)
        elif any(joint.name in values for joint in axes):
            why = f"puts '{outside[0]}' outside its limits" if outside else "does not give every axis a value"
            message = f"state '{name}' of the SRDF {why}"
            findings.append(Finding("F197", message, chain.joints[0].place, "it is left out", "warning"))
    return found


def _within(value: float, joint: UrdfJoint) -> bool:
    lower, upper = limits_of(joint)
    return lower <= value <= upper
