"""URDF to values: links, joints and shapes with their places. Builds no robot of them and opens no mesh.

What is wrong goes to a list of findings, so that one reading reports everything; wrong elements are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Final, Literal

import numpy as np

from cellctl.errors import Finding, Place
from cellctl.files.quantities import did_you_mean
from cellctl.files.xml_tree import XmlElement
from cellctl.model.pose import Pose
from cellctl.model.robot import Inertia
from cellctl.model.shapes import Box, Colour, Cylinder, Sphere

JointKind = Literal["revolute", "continuous", "prismatic", "fixed", "floating", "planar"]
KINDS: Final[tuple[JointKind, ...]] = ("revolute", "continuous", "prismatic", "fixed", "floating", "planar")
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class UrdfShape:
    """One geometry at `pose` in its link: a primitive, or a mesh by its reference as written, times `scale`."""

    place: Place
    pose: Pose
    shape: Box | Cylinder | Sphere | None = None
    mesh: str = ""
    scale: Triple = (1.0, 1.0, 1.0)
    colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class UrdfLink:
    """One link; `inertia` is None where the file gives none."""

    name: str
    place: Place
    inertia: Inertia | None
    collisions: tuple[UrdfShape, ...]
    visuals: tuple[UrdfShape, ...]


@dataclass(frozen=True, slots=True)
class UrdfJoint:
    """One joint: `origin` of the child in the parent at zero, `axis` (3,) of unit length in the child, `limits` by
    name as far as they are written (rad or m, /s, Nm or N), and the joint that it mimics.
    """

    name: str
    place: Place
    kind: JointKind
    parent: str
    child: str
    origin: Pose
    axis: Triple
    limits: dict[str, float] = field(default_factory=dict)
    mimics: str = ""

    @property
    def moves(self) -> bool:
        """Whether it is anything but fixed."""
        return self.kind != "fixed"


@dataclass(frozen=True, slots=True)
class UrdfModel:
    """A robot description: its links and joints by name, in the order of the file."""

    name: str
    place: Place
    links: dict[str, UrdfLink]
    joints: dict[str, UrdfJoint]


def urdf_model(root: XmlElement, findings: list[Finding]) -> UrdfModel:
    """The description under `root`; what is wrong is added to `findings`."""
    reader = _Reader(findings)
    if root.tag != "robot":
        hint = "a URDF begins with <robot name=...>"
        reader.report("F186", f"the first element is <{root.tag}>, not <robot>", root.place, hint)
    colours = {
        material.get("name"): colour
        for material in root.all("material")
        if (colour := reader.colour(material)) is not None
    }
    links = [reader.link(element, colours) for element in root.all("link")]
    joints = [joint for element in root.all("joint") if (joint := reader.joint(element)) is not None]
    model = UrdfModel(root.get("name"), root.place, reader.unique(links), reader.unique(joints))
    _check_tree(model, reader)
    return model


class _Reader:
    """Elements to values; where findings go."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings

    def report(self, code: str, message: str, place: Place, suggestion: str = "", *, warning: bool = False) -> None:
        self.findings.append(Finding(code, message, place, suggestion, "warning" if warning else "error"))

    def unique(self, items: Iterable[UrdfLink] | Iterable[UrdfJoint]) -> dict:  # type: ignore[type-arg]
        """Items by name; a name that comes twice is reported."""
        named: dict[str, UrdfLink | UrdfJoint] = {}
        for item in items:
            what = "link" if isinstance(item, UrdfLink) else "joint"
            if not item.name:
                self.report("F186", f"a {what} has no name", item.place)
            elif item.name in named:
                hint = f"the first one is on line {named[item.name].place.line}"
                self.report("F186", f"{what} '{item.name}' is there twice", item.place, hint)
            else:
                named[item.name] = item
        return named

    def link(self, element: XmlElement, colours: dict[str, Colour]) -> UrdfLink:
        """A link with what is right in it."""
        inertial = element.first("inertial")
        return UrdfLink(
            element.get("name"),
            element.place,
            None if inertial is None else self._inertia(element.get("name"), inertial),
            self._shapes(element.all("collision"), colours),
            self._shapes(element.all("visual"), colours),
        )

    def _inertia(self, link: str, element: XmlElement) -> Inertia | None:
        mass = self._child_number(element, "mass", "value")
        tensor = element.first("inertia")
        if mass is None or tensor is None:
            self.report("F195", f"link '{link}' has a mass or an inertia, and not both", element.place, warning=True)
            return None
        names = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
        xx, xy, xz, yy, yz, zz = (self._number(tensor, name, 0.0) for name in names)
        if mass < 0.0:
            self.report("F186", f"link '{link}' has a mass of {mass:g} kg", element.place, "a mass is more than 0")
            return None
        if mass > 0.0 and not any((xx, yy, zz)):
            message = f"link '{link}' has a mass of {mass:g} kg and no inertia"
            self.report("F195", message, tensor.place, "put in the figures of the CAD model", warning=True)
        pose = self._origin(element)
        turned = pose.rotation @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ pose.rotation.T
        (a, b, c), (_, d, e), (_, _, f) = turned.tolist()
        x, y, z = pose.position.tolist()
        return Inertia(mass, (x, y, z), (a, b, c, d, e, f), "source")

    def _shapes(self, elements: list[XmlElement], colours: dict[str, Colour]) -> tuple[UrdfShape, ...]:
        return tuple(shape for element in elements if (shape := self._shape(element, colours)) is not None)

    def _shape(self, element: XmlElement, colours: dict[str, Colour]) -> UrdfShape | None:
        geometry = element.first("geometry")
        if geometry is None or len(geometry.children) != 1:
            self.report("F186", f"a <{element.tag}> needs one <geometry> with one shape", element.place)
            return None
        shape, pose = geometry.children[0], self._origin(element)
        material = element.first("material")
        colour = None if material is None else self.colour(material) or colours.get(material.get("name"))
        if shape.tag == "mesh":
            scale = self._triple(shape, "scale", (1.0, 1.0, 1.0))
            if not shape.get("filename"):
                self.report("F186", "a <mesh> names no file", shape.place)
                return None
            if 0.0 in scale:
                self.report("F186", f"a scale of '{shape.get('scale')}' flattens the mesh", shape.place)
                return None
            return UrdfShape(shape.place, pose, None, shape.get("filename"), scale, colour)
        primitive = self._primitive(shape)
        return None if primitive is None else UrdfShape(shape.place, pose, primitive, colour=colour)

    def _primitive(self, shape: XmlElement) -> Box | Cylinder | Sphere | None:
        sizes: Triple
        if shape.tag == "box":
            sizes = self._triple(shape, "size", (0.0, 0.0, 0.0))
        elif shape.tag == "cylinder":
            sizes = (self._number(shape, "radius"), self._number(shape, "length"), 1.0)
        elif shape.tag == "sphere":
            sizes = (self._number(shape, "radius"), 1.0, 1.0)
        else:
            known = ("box", "cylinder", "sphere", "mesh")
            self.report("F186", f"<{shape.tag}> is no shape of a URDF", shape.place, did_you_mean(shape.tag, known))
            return None
        if min(sizes) <= 0.0:
            self.report("F186", f"a <{shape.tag}> must have sizes above 0", shape.place)
            return None
        return Box(sizes) if shape.tag == "box" else _round(shape.tag, sizes)

    def joint(self, element: XmlElement) -> UrdfJoint | None:
        """A joint, or None when too little of it is right."""
        name = element.get("name")
        kind: JointKind | None = next((kind for kind in KINDS if kind == element.get("type")), None)
        if kind is None:
            hint = did_you_mean(element.get("type"), KINDS)
            self.report("F186", f"joint '{name}' is of type '{element.get('type')}'", element.place, hint)
            return None
        parent, child = (self._end(element, name, end) for end in ("parent", "child"))
        if not parent or not child:
            return None
        limit, mimic = element.first("limit"), element.first("mimic")
        limits = {} if limit is None else self._limits(limit)
        axis = self._axis(element, name) if kind not in ("fixed", "floating") else (1.0, 0.0, 0.0)
        mimics = "" if mimic is None else mimic.get("joint") or "?"
        return UrdfJoint(name, element.place, kind, parent, child, self._origin(element), axis, limits, mimics)

    def _end(self, element: XmlElement, name: str, end: str) -> str:
        child = element.first(end)
        link = "" if child is None else child.get("link")
        if not link:
            self.report("F186", f"joint '{name}' has no {end} link", element.place)
        return link

    def _limits(self, limit: XmlElement) -> dict[str, float]:
        names = [name for name in ("lower", "upper", "velocity", "effort") if limit.get(name)]
        return {name: self._number(limit, name) for name in names}

    def _axis(self, element: XmlElement, name: str) -> Triple:
        child = element.first("axis")
        axis = (1.0, 0.0, 0.0) if child is None else self._triple(child, "xyz", (1.0, 0.0, 0.0))
        length = float(np.linalg.norm(axis))
        place = element.place if child is None else child.place
        if length < 1e-9:
            self.report("F186", f"the axis of joint '{name}' is zero", place, 'write xyz="0 0 1"')
            return (1.0, 0.0, 0.0)
        if abs(length - 1.0) > 1e-6:
            message = f"the axis of joint '{name}' is {length:.6g} long"
            self.report("F195", message, place, "it is taken as a direction of length 1", warning=True)
        x, y, z = (value / length for value in axis)
        return (x, y, z)

    def _origin(self, element: XmlElement) -> Pose:
        origin = element.first("origin")
        if origin is None:
            return Pose.identity()
        zero = (0.0, 0.0, 0.0)
        return Pose.of(self._triple(origin, "xyz", zero), self._triple(origin, "rpy", zero))

    def colour(self, material: XmlElement) -> Colour | None:
        """The colour of a material, without its transparency; None where it has none."""
        element = material.first("color")
        words = "" if element is None else element.get("rgba")
        try:
            red, green, blue = (min(1.0, max(0.0, float(word))) for word in words.split()[:3])
        except ValueError:
            return None
        return (red, green, blue)

    def _child_number(self, element: XmlElement, tag: str, name: str) -> float | None:
        child = element.first(tag)
        return None if child is None else self._number(child, name)

    def _number(self, element: XmlElement, name: str, default: float | None = None) -> float:
        if default is not None and not element.get(name):
            return default
        (number,) = self._numbers(element, name, 1, (0.0,))
        return number

    def _triple(self, element: XmlElement, name: str, default: Triple) -> Triple:
        if not element.get(name):
            return default
        x, y, z = self._numbers(element, name, 3, default)
        return (x, y, z)

    def _numbers(self, element: XmlElement, name: str, size: int, default: tuple[float, ...]) -> tuple[float, ...]:
        text = element.get(name)
        try:
            numbers = tuple(float(word) for word in text.split())
        except ValueError:
            numbers = ()
        if len(numbers) == size and all(isfinite(number) for number in numbers):
            return numbers
        wanted = "a finite number" if size == 1 else f"{size} finite numbers"
        self.report("F186", f"'{name}' of <{element.tag}> is '{text}', not {wanted}", element.place)
        return default


def _round(kind: str, sizes: Triple) -> Cylinder | Sphere:
    return Sphere(sizes[0]) if kind == "sphere" else Cylinder(sizes[0], sizes[1])


def _check_tree(model: UrdfModel, reader: _Reader) -> None:
    """Every joint names links that are there, and no link hangs on two joints."""
    parents: dict[str, str] = {}
    for joint in model.joints.values():
        for end, link in (("parent", joint.parent), ("child", joint.child)):
            if link not in model.links:
                hint = did_you_mean(link, model.links)
                reader.report(
                    "F186", f"joint '{joint.name}' has the {end} '{link}', which is no link", joint.place, hint
                )
        if joint.child in parents:
            message = f"link '{joint.child}' hangs on two joints, '{parents[joint.child]}' and '{joint.name}'"
            reader.report("F186", message, joint.place, "a URDF is a tree")
        parents.setdefault(joint.child, joint.name)
    if not model.links:
        reader.report("F186", "the file describes no link", model.place)
    elif all(link in parents for link in model.links):
        reader.report("F186", "the joints go round in a circle: no link is the first", model.place, "a URDF is a tree")
