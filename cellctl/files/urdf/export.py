"""A cell as URDF and SRDF with hulls as STL, for other tools to load what is checked here. Says nothing of seams.

Every link of an arm, every tool, fixture and body of a part is one URDF link under its full name; the root is `world`.
Joint limits of acceleration and jerk have no place in URDF and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from cellctl.errors import FileError, Finding, Place
from cellctl.files.mesh.stl_writing import cut_hull, stl_of
from cellctl.model.cell import Cell, Mechanism
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Inertia, Joint
from cellctl.model.shapes import Box, Colour, Cylinder, Hull, Shape, Solid, Sphere

LONGEST = 0.3
"""Hulls with a longer edge of their box (m) are written in pieces. PyBullet's reader moves the corners of a hull to a
grid of 1/10216 of its extent, which for a link of 1 m is up to 0.1 mm for each of the two links of a pair.
"""
WORLD = "world"
MESHES = "meshes"
LinkPair = frozenset[str]
"""The names of two links."""


@dataclass(frozen=True, slots=True)
class UrdfCell:
    """A cell in other tools' words: two XML documents, and the mesh files that the first names, by relative path."""

    urdf: str
    srdf: str
    meshes: Mapping[str, bytes]


def urdf_cell(cell: Cell, checked: Iterable[LinkPair]) -> UrdfCell:
    """`cell` as URDF and SRDF; every pair of links that is not among `checked` is listed as not to be asked about."""
    robot = Element("robot", name=cell.name)
    SubElement(robot, "link", name=WORLD)
    meshes: dict[str, bytes] = {}
    for mechanism in cell.mechanisms:
        _add_mechanism(robot, mechanism, meshes)
    for fixture in cell.fixtures:
        _add_link(robot, fixture.name, fixture.body.solids, fixture.body.colour, meshes)
        _add_fixed(robot, *_parent(cell, fixture.moves_with, fixture.name, fixture.pose_world))
    for placement in cell.parts:
        for body in placement.part.bodies:
            name = f"{placement.name}.{body.name}"
            _add_link(robot, name, body.solids, body.colour, meshes)
            _add_fixed(robot, *_parent(cell, placement.moves_with, name, placement.pose_world_part @ body.pose))
    return UrdfCell(_text(robot), _text(_srdf(cell, robot, frozenset(checked))), meshes)


def _parent(cell: Cell, moves_with: str, child: str, pose_world: Pose) -> tuple[str, str, Pose]:
    """Parent link, child link and the pose there: in the world, or on the flange of the mechanism that carries it."""
    if not moves_with:
        return WORLD, child, pose_world
    mechanism = cell.mechanism(moves_with)
    flange = mechanism.pose_world_base @ mechanism.robot.pose_base_flange
    return f"{moves_with}.{mechanism.robot.flange}", child, flange.inverse() @ pose_world


def write_urdf_cell(exported: UrdfCell, name: str, folder: Path) -> tuple[Path, ...]:
    """Write `name.urdf`, `name.srdf` and the meshes into `folder`; raises FileError F180."""
    contents = {f"{name}.urdf": exported.urdf.encode(), f"{name}.srdf": exported.srdf.encode(), **exported.meshes}
    written = []
    for relative, content in contents.items():
        path = folder / relative
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            finding = Finding("F180", f"cannot be written: {error.strerror or error}", Place(str(path)))
            raise FileError(finding) from None
        written.append(path)
    return tuple(written)


def _add_mechanism(robot: Element, mechanism: Mechanism, meshes: dict[str, bytes]) -> None:
    model = mechanism.robot
    for link in model.links:
        colour = link.visuals[0].colour if link.visuals else (0.7, 0.7, 0.7)
        element = _add_link(robot, f"{mechanism.name}.{link.name}", link.solids, colour, meshes)
        _add_inertia(element, link.inertia)
    _add_fixed(robot, WORLD, f"{mechanism.name}.{model.base}", mechanism.pose_world_base)
    for joint in model.joints:
        _add_joint(robot, mechanism.name, joint)
    if mechanism.tool is None:
        return
    tool, name = mechanism.tool, f"{mechanism.name}.{mechanism.tool.name}"
    colour = tool.visuals[0].colour if tool.visuals else (0.7, 0.7, 0.7)
    _add_inertia(_add_link(robot, name, tool.solids, colour, meshes), tool.inertia)
    _add_fixed(robot, f"{mechanism.name}.{model.flange}", name, Pose.identity())
    if tool.torch is not None:
        SubElement(robot, "link", name=f"{name}.contact_tip")
        _add_fixed(robot, name, f"{name}.contact_tip", tool.torch.contact_tip)
    if tool.dispenser is not None:
        SubElement(robot, "link", name=f"{name}.nozzle_tip")
        _add_fixed(robot, name, f"{name}.nozzle_tip", tool.dispenser.nozzle_tip)


def _add_link(
    robot: Element, name: str, solids: tuple[Solid, ...], colour: Colour, meshes: dict[str, bytes]
) -> Element:
    link = SubElement(robot, "link", name=name)
    for solid in solids:
        element = _add_solid(link, "visual", f"{name}.{solid.name}", solid.shape, solid.pose, meshes)
        material = SubElement(element, "material", name=f"{name}.{solid.name}.colour")
        SubElement(material, "color", rgba=_numbers((*colour, 1.0)))
    for solid in solids:
        pieces = cut_hull(solid.shape, LONGEST) if isinstance(solid.shape, Hull) else (solid.shape,)
        for number, piece in enumerate(pieces, 1):
            own = f"{name}.{solid.name}" if len(pieces) == 1 else f"{name}.{solid.name}.{number}"
            _add_solid(link, "collision", own, piece, solid.pose, meshes)
    return link


def _add_solid(link: Element, kind: str, name: str, shape: Shape, pose: Pose, meshes: dict[str, bytes]) -> Element:
    element = SubElement(link, kind, name=name)
    _add_origin(element, pose)
    _add_shape(SubElement(element, "geometry"), shape, name, meshes)
    return element


def _add_shape(geometry: Element, shape: Shape, name: str, meshes: dict[str, bytes]) -> None:
    if isinstance(shape, Box):
        SubElement(geometry, "box", size=_numbers(shape.size))
    elif isinstance(shape, Cylinder):
        SubElement(geometry, "cylinder", radius=_number(shape.radius), length=_number(shape.length))
    elif isinstance(shape, Sphere):
        SubElement(geometry, "sphere", radius=_number(shape.radius))
    else:
        _add_mesh(geometry, shape, f"{MESHES}/{name}.stl", meshes)


def _add_mesh(geometry: Element, hull: Hull, path: str, meshes: dict[str, bytes]) -> None:
    if path not in meshes:
        meshes[path] = stl_of(hull)
    SubElement(geometry, "mesh", filename=path)


def _add_inertia(link: Element, inertia: Inertia) -> None:
    if not inertia.mass:
        return
    element = Element("inertial")
    _add_origin(element, Pose.of(inertia.com))
    SubElement(element, "mass", value=_number(inertia.mass))
    names = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
    SubElement(element, "inertia", dict(zip(names, map(_number, inertia.moments), strict=True)))
    link.insert(0, element)


def _add_joint(robot: Element, owner: str, joint: Joint) -> None:
    element = SubElement(robot, "joint", name=f"{owner}.{joint.name}", type=joint.kind)
    _add_origin(element, joint.origin)
    SubElement(element, "parent", link=f"{owner}.{joint.parent}")
    SubElement(element, "child", link=f"{owner}.{joint.child}")
    if joint.kind == "fixed":
        return
    SubElement(element, "axis", xyz=_numbers(joint.axis))
    if joint.limits is not None:
        names = ("lower", "upper", "velocity", "effort")
        SubElement(element, "limit", {name: _number(getattr(joint.limits, name)) for name in names})


def _add_fixed(robot: Element, parent: str, child: str, pose: Pose) -> None:
    element = SubElement(robot, "joint", name=f"{parent}-{child}", type="fixed")
    _add_origin(element, pose)
    SubElement(element, "parent", link=parent)
    SubElement(element, "child", link=child)


def _srdf(cell: Cell, robot: Element, checked: frozenset[LinkPair]) -> Element:
    """Groups, named configurations, and every pair of links with solids that is not among `checked`."""
    srdf = Element("robot", name=cell.name)
    for mechanism in cell.mechanisms:
        group = SubElement(srdf, "group", name=mechanism.name)
        model = mechanism.robot
        SubElement(
            group, "chain", base_link=f"{mechanism.name}.{model.base}", tip_link=f"{mechanism.name}.{model.flange}"
        )
        for name, values in mechanism.configurations.items():
            state = SubElement(srdf, "group_state", name=name, group=mechanism.name)
            for joint, value in zip(model.axes, values, strict=True):
                SubElement(state, "joint", name=f"{mechanism.name}.{joint.name}", value=_number(value))
    solid = [link.get("name", "") for link in robot.iter("link") if link.find("collision") is not None]
    joined = {frozenset(end.get("link", "") for end in joint if end.get("link")) for joint in robot.iter("joint")}
    for first, second in combinations(solid, 2):
        pair = frozenset((first, second))
        if pair not in checked:
            reason = "Adjacent" if pair in joined else "User"
            SubElement(srdf, "disable_collisions", link1=first, link2=second, reason=reason)
    return srdf


def _add_origin(element: Element, pose: Pose) -> None:
    SubElement(element, "origin", xyz=_numbers(pose.position), rpy=_numbers(rpy_of(pose.rotation)))


def rpy_of(rotation: FloatArray) -> tuple[float, float, float]:
    """Fixed-axis roll, pitch, yaw (rad) of a rotation matrix (3, 3); roll is 0 where the pitch is a right angle."""
    r = rotation
    flat = float(np.hypot(r[0, 0], r[1, 0]))
    pitch = float(np.arctan2(-r[2, 0], flat))
    if flat < 1e-9:
        return 0.0, pitch, float(np.arctan2(-r[0, 1], r[1, 1]))
    return float(np.arctan2(r[2, 1], r[2, 2])), pitch, float(np.arctan2(r[1, 0], r[0, 0]))


def _numbers(values: Iterable[float]) -> str:
    return " ".join(_number(value) for value in values)


def _number(value: float) -> str:
    """To a billionth of a millimetre; the shortest decimal that says it."""
    return repr(round(float(value), 12) + 0.0)


def _text(root: Element) -> str:
    ElementTree.indent(root)
    return f'<?xml version="1.0"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'
