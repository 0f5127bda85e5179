"""An arm from a URDF: read, checked, and written as a robot folder of the user's project. Changes no other file."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cellctl.errors import FileError, Finding, Place, UsageError
from cellctl.files import load_robot
from cellctl.files.library import project_root
from cellctl.files.robot_writing import DraftLink, RobotDraft, plain_names, robot_folder
from cellctl.files.urdf.bodies import BodyReader, DraftPicture, DraftSolid
from cellctl.files.urdf.chain import UrdfChain, chain_of_urdf
from cellctl.files.urdf.packages import PackageRules, package_licence
from cellctl.files.urdf.reading import UrdfModel, urdf_model
from cellctl.files.urdf.srdf import EMPTY, SrdfModel, srdf_model
from cellctl.files.urdf.xacro import expanded_xacro, is_xacro
from cellctl.files.xml_tree import parse_xml
from cellctl.files.yaml_tree import read_bytes
from cellctl.jobs.robot_check import near_links
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Inertia, Robot

TRIED = 200
"""Joint values at which pairs of links are measured; those near at every one of them are listed as touching."""

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
    payload: float | None = None,
    project: str | Path = ".",
) -> AddedRobot:
    """Write the arm that a URDF or xacro file describes as `robots/NAME` of a project, ready for a cell file to name.

    Without `base` and `tip` they are those of the SRDF's only chain, else what the tree leaves no choice about.
    `packages` are the folders of `package://` references, `payload` (kg) what the arm carries. Raises FileError with
    everything that is wrong with the file, UsageError F138 where the name cannot be used, EnvironmentMissing E540.
    """
    path = Path(file)
    folder = _target(name or plain_name(path), Path(project))
    findings: list[Finding] = []
    rules = PackageRules(path.parent, dict(packages or {}))
    data, shown = _urdf_bytes(path, rules)
    model = urdf_model(parse_xml(data, shown), findings)
    extra = EMPTY if srdf is None else srdf_model(parse_xml(read_bytes(Path(srdf), str(srdf)), str(srdf)), findings)
    _raise_errors(findings)
    chain = chain_of_urdf(model, extra, base, tip, findings)
    draft = None if chain is None else _draft(model, chain, extra, path, rules, folder.name, findings)
    _raise_errors(findings)
    assert chain is not None  # without a chain there is an error
    assert draft is not None
    _warn_of_figures(draft, chain, payload, findings)
    robot = _write(replace(draft, payload=payload), folder, extra)
    return AddedRobot(robot, folder, tuple(findings))


def plain_name(path: Path) -> str:
    """The name that a robot gets from its file: `kr16_2.urdf.xacro` gives `kr16_2`."""
    return plain_names([path.name.partition(".")[0]])[path.name.partition(".")[0]]


def _target(name: str, project: Path) -> Path:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*", name):
        raise UsageError(Finding("F138", f"'{name}' is not a name", suggestion="a letter, then letters, digits and _"))
    folder = project_root(project.absolute() / "robots") / "robots" / name
    if folder.exists():
        message = f"there is '{folder.relative_to(folder.parents[1])}' already"
        raise UsageError(Finding("F138", message, suggestion="choose another --name, or remove the folder"))
    return folder


def _urdf_bytes(path: Path, rules: PackageRules) -> tuple[bytes, str]:
    """The text of the URDF, and how findings call it."""
    data = read_bytes(path, str(path))
    if not is_xacro(path):
        return data, str(path)
    return expanded_xacro(path, str(path), rules.named), f"{path} (expanded)"


def _raise_errors(findings: list[Finding]) -> None:
    if any(finding.severity == "error" for finding in findings):
        raise FileError(sorted(findings, key=_order))


def _order(finding: Finding) -> tuple[str, int, int]:
    return ("", 0, 0) if finding.place is None else (finding.place.file, finding.place.line, finding.place.column)


def _draft(
    model: UrdfModel,
    chain: UrdfChain,
    extra: SrdfModel,
    path: Path,
    rules: PackageRules,
    name: str,
    findings: list[Finding],
) -> RobotDraft:
    reader = BodyReader(rules, findings)
    moving = {joint.child for joint in chain.joints if joint.moves}
    return RobotDraft(
        name=name,
        title=model.name or name,
        base=chain.base,
        tip=chain.tip,
        payload=None,
        joints=chain.joints,
        links=tuple(_link(model, chain, link, reader, moves=link in moving) for link in chain.links),
        origin=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence=package_licence(path),
        states=extra.states,
    )


def _link(model: UrdfModel, chain: UrdfChain, name: str, reader: BodyReader, *, moves: bool) -> DraftLink:
    """A link of the chain with the solids, pictures and masses of all that it carries."""
    solids: list[tuple[str, DraftSolid]] = []
    pictures: list[DraftPicture] = []
    colour = None
    owners = plain_names(item.link for item in chain.carried[name])
    for item in chain.carried[name]:
        link = model.links[item.link]
        found = list(reader.solids(link, item.pose, moves=moves and item.link == name))
        plain = owners[item.link]
        solids += [(plain if len(found) == 1 else f"{plain}_{k + 1}", solid) for k, solid in enumerate(found)]
        pictures += reader.pictures(link, item.pose)
        colour = colour or next((v.colour for v in link.visuals if v.colour is not None), None)
    shown = {item.link for item in chain.carried[name] if model.links[item.link].visuals}
    complete = len(pictures) == sum(len(model.links[link].visuals) for link in shown)
    named = tuple(zip(_unlike(plain for plain, _ in solids), (solid for _, solid in solids), strict=True))
    return DraftLink(name, _mass(model, chain, name), named, tuple(pictures) if complete else (), colour)


def _unlike(names: Iterable[str]) -> list[str]:
    """The names in their order, with a number where one has been there before."""
    found: list[str] = []
    for name in names:
        number = 1
        while (name if number == 1 else f"{name}_{number}") in found:
            number += 1
        found.append(name if number == 1 else f"{name}_{number}")
    return found


def _mass(model: UrdfModel, chain: UrdfChain, name: str) -> Inertia | None:
    """The inertias of all that a link carries as one, about their common centre of mass."""
    bodies = [
        (item.pose, inertia)
        for item in chain.carried[name]
        if (inertia := model.links[item.link].inertia) is not None and inertia.mass > 0.0
    ]
    if not bodies:
        return None
    if len(bodies) == 1 and bodies[0][0] == Pose.identity():
        return bodies[0][1]
    mass = sum(inertia.mass for _, inertia in bodies)
    centres = [pose.apply(inertia.com) for pose, inertia in bodies]
    com = sum((i.mass * centre for (_, i), centre in zip(bodies, centres, strict=True)), np.zeros(3)) / mass
    tensor = np.zeros((3, 3))
    for (pose, inertia), centre in zip(bodies, centres, strict=True):
        away = centre - com
        tensor += pose.rotation @ _tensor(inertia) @ pose.rotation.T
        tensor += inertia.mass * ((away @ away) * np.eye(3) - np.outer(away, away))
    (xx, xy, xz), (_, yy, yz), (_, _, zz) = tensor.tolist()
    x, y, z = com.tolist()
    return Inertia(mass, (x, y, z), (xx, xy, xz, yy, yz, zz), "source")


def _tensor(inertia: Inertia) -> FloatArray:
    xx, xy, xz, yy, yz, zz = inertia.moments
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


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


def _write(draft: RobotDraft, folder: Path, extra: SrdfModel) -> Robot:
    """Write the folder beside its place, read it anew, measure what touches, and put it there whole."""
    beside = folder.parent / f"_{folder.name}"
    try:
        shutil.rmtree(beside, ignore_errors=True)
        _put(robot_folder(draft), beside)
        robot = load_robot(beside / "robot.yaml")
        touching = _touching(robot, draft, extra)
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


def _touching(robot: Robot, draft: RobotDraft, extra: SrdfModel) -> tuple[tuple[str, str, str], ...]:
    """Pairs of links that were near at all joint values tried: a pair that is near only sometimes stays asked about."""
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    joints = np.random.default_rng(0).uniform(lower, upper, (TRIED, robot.dof))
    written = {plain: link.name for plain, link in zip(_link_names(draft), draft.links, strict=True)}
    found = []
    for pair in near_links(robot, joints):
        if pair.share == 1.0:
            first, second = written[pair.first], written[pair.second]
            reason = f"within the margin at {TRIED} of {TRIED} random joint values"
            said = extra.unchecked.get(frozenset((first, second)))
            found.append((first, second, f"{reason}; the SRDF disables the pair ({said})" if said else reason))
    return tuple(found)


def _link_names(draft: RobotDraft) -> tuple[str, ...]:
    return tuple(plain_names(link.name for link in draft.links).values())
