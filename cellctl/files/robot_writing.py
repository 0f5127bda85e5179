"""A robot folder from a URDF: `robot.yaml`, hulls as STL, and a README of what came from where. Reads nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from unicodedata import combining, normalize

import numpy as np

from cellctl.files.mesh.stl_writing import stl_of
from cellctl.files.urdf.bodies import DraftPicture, DraftSolid, MeshSource
from cellctl.files.urdf.export import rpy_of
from cellctl.files.urdf.reading import UrdfJoint
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Inertia
from cellctl.model.shapes import Box, Colour, Cylinder, Sphere

_RAMP, _JERK = 0.4, 10.0
"""Heuristics: seconds to full speed, and the jerk per acceleration (1/s)."""
_VELOCITY = {"revolute": 1.0, "prismatic": 0.1}
_EFFORT = {"revolute": 100.0, "prismatic": 500.0}


@dataclass(frozen=True, slots=True)
class DraftLink:
    """One link of the chain with everything that it carries."""

    name: str
    inertia: Inertia | None
    solids: tuple[tuple[str, DraftSolid], ...]
    pictures: tuple[DraftPicture, ...]
    colour: Colour | None


@dataclass(frozen=True, slots=True)
class RobotDraft:
    """What a robot folder is written from; names are as the URDF has them.

    `touching` are pairs of links or solids, as the folder names them, with their reason; `configurations` the values of
    all axes by name; `origin` and `licence` where the figures come from.
    """

    name: str
    title: str
    base: str
    tip: str
    payload: float | None
    joints: tuple[UrdfJoint, ...]
    links: tuple[DraftLink, ...]
    origin: str
    sha256: str
    licence: str
    configurations: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    touching: tuple[tuple[str, str, str], ...] = ()


def robot_folder(draft: RobotDraft) -> dict[str, bytes]:
    """The files of the folder by relative path; the same bytes for the same draft."""
    meshes: dict[str, bytes] = {}
    text = "\n".join(_robot_lines(draft, meshes))
    return {"robot.yaml": f"{text}\n".encode(), "README.md": _readme(draft).encode(), **meshes}


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """A name that a file may use for each of `names`, as near to it as can be; no two are the same."""
    plain: dict[str, str] = {}
    for name in names:
        near = "".join(letter for letter in normalize("NFKD", name) if not combining(letter))
        near = re.sub(r"[^A-Za-z0-9_-]+", "_", near)
        near = re.sub(r"-+(?=-|$)", "_", near).lstrip("_-")
        near = near if re.match(r"[A-Za-z]", near) else f"n{near}"
        number = 1
        while (near if number == 1 else f"{near}_{number}") in plain.values():
            number += 1
        plain[name] = near if number == 1 else f"{near}_{number}"
    return plain


def _robot_lines(draft: RobotDraft, meshes: dict[str, bytes]) -> Iterator[str]:
    links = plain_names([draft.base, *(joint.child for joint in draft.joints)])
    joints = plain_names(joint.name for joint in draft.joints)
    yield f"title: {_text(draft.title)}"
    yield f"base: {links[draft.base]}"
    yield f"flange: {links[draft.tip]}"
    yield f"payload: {_number(draft.payload or 1.0)} kg"
    yield from ("", "joints:")
    for joint in draft.joints:
        yield from _joint_lines(joint, joints[joint.name], links)
    yield from ("", "links:")
    for link in draft.links:
        yield from _link_lines(link, links[link.name], meshes)
    if draft.configurations:
        yield from ("", "# as the SRDF names them; a cell may write its own", "configurations:")
        yield from _configuration_lines(draft)
    if draft.touching:
        yield from ("", "# only what has the same gap at all joint values", "touching:")
        for first, second, reason in draft.touching:
            yield f"  - {{links: [{first}, {second}], reason: {_text(reason)}}}"
    yield from ("", "sources:", *_source_lines(draft))


def _joint_lines(joint: UrdfJoint, name: str, links: Mapping[str, str]) -> Iterator[str]:
    kind = "revolute" if joint.kind == "continuous" else joint.kind
    yield f"  {name}:"
    yield f"    type: {kind}"
    yield f"    parent: {links[joint.parent]}"
    yield f"    child: {links[joint.child]}"
    if joint.origin != Pose.identity():
        yield f"    at: {_at(joint.origin)}"
    if kind != "fixed":
        yield f"    axis: {_numbers(joint.axis)}"
        yield from (f"    {key}: {value}" for key, value in _limits(joint, kind))


def _limits(joint: UrdfJoint, kind: str) -> Iterator[tuple[str, str]]:
    """Limits as they are written; what a URDF has no place for is a heuristic."""
    unit, force = ("rad", "N*m") if kind == "revolute" else ("m", "N")
    lower, upper = limits_of(joint)
    velocity = velocity_of(joint, kind)
    yield "lower", f"{_number(lower)} {unit}"
    yield "upper", f"{_number(upper)} {unit}"
    yield "velocity", f"{_number(velocity)} {unit}/s"
    yield "acceleration", f"{_number(velocity / _RAMP)} {unit}/s^2"
    yield "jerk", f"{_number(velocity / _RAMP * _JERK)} {unit}/s^3"
    yield "effort", f"{_number(joint.limits.get('effort', 0.0) or _EFFORT[kind])} {force}"


def limits_of(joint: UrdfJoint) -> tuple[float, float]:
    """Position limits: those of the file, or one turn either way where it turns without end."""
    if joint.kind == "continuous":
        return -2.0 * np.pi, 2.0 * np.pi
    return joint.limits.get("lower", 0.0), joint.limits.get("upper", 0.0)


def velocity_of(joint: UrdfJoint, kind: str) -> float:
    """The velocity limit of the file, or a slow one where it has none."""
    return joint.limits.get("velocity", 0.0) or _VELOCITY[kind]


def _link_lines(link: DraftLink, name: str, meshes: dict[str, bytes]) -> Iterator[str]:
    yield f"  {name}:{'' if link.inertia or link.solids else ' {}'}"
    if link.inertia is not None and link.inertia.mass > 0.0:
        i = link.inertia
        figures = f"com: {_numbers(i.com)} m, inertia: {_numbers(i.moments)} kg*m^2, basis: source"
        yield f"    inertia: {{mass: {_number(i.mass)} kg, {figures}}}"
    if link.solids:
        yield "    solids:"
        for solid, shape in link.solids:
            yield f"      {solid}: {{{_shape(shape, name, solid, meshes)}{_placed(shape.pose)}}}"
    if link.pictures:
        yield "    visuals:"
        for picture in link.pictures:
            mesh = f"{{file: {_text(picture.reference)}, unit: {picture.unit}}}"
            yield f"      - {{mesh: {mesh}{_placed(picture.pose)}{_coloured(picture.colour or link.colour)}}}"
    elif link.colour is not None and link.solids:
        yield f'    colour: "{_hex(link.colour)}"'


def _shape(solid: DraftSolid, link: str, name: str, meshes: dict[str, bytes]) -> str:
    shape = solid.shape
    if isinstance(shape, Box):
        return f"box: {_numbers(shape.size)} m"
    if isinstance(shape, Cylinder):
        return f"cylinder: {{radius: {_number(shape.radius)} m, length: {_number(shape.length)} m}}"
    if isinstance(shape, Sphere):
        return f"sphere: {{radius: {_number(shape.radius)} m}}"
    content = stl_of(shape)
    path = next((known for known, other in meshes.items() if other == content), _mesh_name(link, name))
    meshes[path] = content
    return f"hull_of: {{file: {path}, unit: m}}"


def _mesh_name(link: str, solid: str) -> str:
    return f"meshes/{solid}.stl" if solid.startswith(link) else f"meshes/{link}.{solid}.stl"


def _placed(pose: Pose) -> str:
    return "" if pose == Pose.identity() else f", at: {_at(pose)}"


def _coloured(colour: Colour | None) -> str:
    return "" if colour is None else f', colour: "{_hex(colour)}"'


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


def _at(pose: Pose) -> str:
    said = []
    if np.any(pose.position != 0.0):
        said.append(f"xyz: {_numbers(pose.position)} m")
    if np.any(pose.rotation != np.eye(3)):
        said.append(f"rpy: {_numbers(rpy_of(pose.rotation))} rad")
    return "{" + ", ".join(said) + "}"


def _source_lines(draft: RobotDraft) -> Iterator[str]:
    licence = draft.licence or "not stated beside the file"
    origin = f"{draft.origin}, SHA-256 {draft.sha256[:16]}"
    yield f"  chain: {{basis: source, origin: {_text(origin)}, licence: {_text(licence)}}}"
    yield "  position_limits: {basis: source, origin: the same file}"
    yield "  velocity_limits: {basis: source, origin: the same file; a slow one where it has none}"
    yield "  acceleration_limits: {basis: heuristic, origin: velocity / 0.4 s; a URDF has no place for it}"
    yield "  jerk_limits: {basis: heuristic, origin: ten times the acceleration per second; a URDF has no place for it}"
    yield "  effort_limits: {basis: source, origin: the same file; 100 N*m or 500 N where it has none}"
    yield "  inertias: {basis: source, origin: the same file; nobody has checked that they are not placeholders}"
    basis = (
        "heuristic, origin: no figure was given" if draft.payload is None else "own, origin: given when it was added"
    )
    yield f"  payload: {{basis: {basis}}}"
    yield "  meshes: {basis: source, origin: convex hulls of the meshes that README.md lists}"


def _readme(draft: RobotDraft) -> str:
    lines = [f"# {draft.title}", ""]
    lines += ["Made by `cellctl robots add`; `robot.yaml` says under `sources` how far to trust each figure.", ""]
    lines += [f"* File: `{draft.origin}`, SHA-256 `{draft.sha256}`"]
    lines += [f"* Chain: `{draft.base}` to `{draft.tip}`, {sum(j.moves for j in draft.joints)} axes"]
    lines += [
        f"* Licence stated beside it: {draft.licence or 'none was found'}. Look it up before you pass this on.",
        "",
    ]
    sources = _mesh_sources(draft)
    if sources:
        lines += ["## Meshes", "", "The files in `meshes/` are convex hulls of these:", ""]
        lines += [f"* `{source.reference}`, SHA-256 `{source.sha256}`" for source in sources]
        lines.append("")
    return "\n".join(lines)


def _mesh_sources(draft: RobotDraft) -> list[MeshSource]:
    found = {solid.source for link in draft.links for _, solid in link.solids if solid.source is not None}
    return sorted(found, key=lambda source: source.reference)


def _configuration_lines(draft: RobotDraft) -> Iterator[str]:
    units = ["m" if joint.kind == "prismatic" else "rad" for joint in draft.joints if joint.moves]
    plain = plain_names(draft.configurations)
    for name, values in draft.configurations.items():
        numbers = [f"{_number(value)} {unit}" for value, unit in zip(values, units, strict=True)]
        yield f"  {plain[name]}: [{', '.join(numbers)}]"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _numbers(values: Iterable[float] | FloatArray) -> str:
    return " ".join(_number(value) for value in np.asarray(values, dtype=np.float64).tolist())


def _number(value: float) -> str:
    """The shortest decimal that reads back as the same number."""
    text = repr(float(value) + 0.0)
    return text.removesuffix(".0")
