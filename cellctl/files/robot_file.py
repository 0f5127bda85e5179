"""Robot files: what an arm's file says, and the `Robot` that it becomes. Any arm comes by adding a folder."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from cellctl.errors import Place
from cellctl.files.body_values import body_solids, body_visuals
from cellctl.files.configurations import JointValues, configuration
from cellctl.files.fields import Direction, Length, LocalAt, Mass, Name, PositiveLength, Quantity, SourceField
from cellctl.files.quantities import FieldError, Kind, did_you_mean, read_scalar
from cellctl.files.reading import File, Reading
from cellctl.files.shape_fields import BodyField, InertiaField
from cellctl.files.strict_model import FileModel
from cellctl.model.robot import Adapter, Inertia, Joint, JointLimits, Link, OpwParameters, Robot

_LIMITS: dict[str, dict[str, Kind]] = {
    "revolute": {
        "lower": "angle",
        "upper": "angle",
        "velocity": "angular speed",
        "acceleration": "angular acceleration",
        "jerk": "angular jerk",
        "effort": "torque",
    },
    "prismatic": {
        "lower": "length",
        "upper": "length",
        "velocity": "speed",
        "acceleration": "acceleration",
        "jerk": "jerk",
        "effort": "force",
    },
}


class JointField(FileModel):
    """One joint; limits in degrees or metres after its type, a fixed joint has none."""

    type: Literal["revolute", "prismatic", "fixed"]
    parent: Name
    child: Name
    at: LocalAt = LocalAt()
    axis: Direction = (0.0, 0.0, 1.0)
    lower: str | None = None
    upper: str | None = None
    velocity: str | None = None
    acceleration: str | None = None
    jerk: str | None = None
    effort: str | None = None


class LinkField(BodyField):
    """One rigid link: mass, convex solids, pictures."""

    inertia: InertiaField | None = None


SixAngles = Annotated[tuple[float, float, float, float, float, float], Quantity("angle", size=6)]
SixSigns = Annotated[list[Literal[-1, 1]], Field(min_length=6, max_length=6)]


class OpwField(FileModel):
    """Ortho-parallel arm with spherical wrist (Brandstoetter, Angerer, Hofbaur 2014)."""

    a1: Length
    a2: Length
    b: Length
    c1: Length
    c2: Length
    c3: Length
    c4: Length
    offsets: SixAngles
    signs: SixSigns
    tip_fix: LocalAt = LocalAt()


class ClosedFormField(FileModel):
    """Which closed form solves the arm's inverse kinematics."""

    opw: OpwField


class AdapterField(FileModel):
    """A round plate between the flange and every tool, no wider than the flange."""

    length: PositiveLength
    radius: PositiveLength
    mass: Mass


class TouchingField(FileModel):
    """Two links whose solids are never asked about, and why."""

    links: Annotated[list[Name], Field(min_length=2, max_length=2)]
    reason: str


class RobotFile(FileModel):
    """A serial arm: joints in chain order, links, limits, closed form, and where each figure comes from."""

    title: str
    kind: Literal["arm", "positioner"] = "arm"
    base: Name
    flange: Name
    payload: Mass
    joints: dict[Name, JointField]
    links: dict[Name, LinkField]
    closed_form: ClosedFormField | None = None
    configurations: dict[Name, JointValues] = Field(default_factory=dict)
    adapter: AdapterField | None = None
    touching: list[TouchingField] = Field(default_factory=list)
    sources: dict[str, SourceField] = Field(default_factory=dict)


def read_robot(reading: Reading, reference: str, asked: Place | None = None) -> Robot | None:
    """The arm described at `reference`; None when what is wrong leaves nothing to work with."""
    file = reading.open(RobotFile, "robot", reference, asked)
    if file is None:
        return None
    before = len(reading.findings)
    robot = file.model
    built = {name: _joint(file, name, field) for name, field in robot.joints.items()}
    joints = tuple(built[name] for name in _chain(file))
    links = tuple(_link(file, name) for name in (robot.base, *(joint.child for joint in joints)))
    touching = tuple((field.links[0], field.links[1]) for field in robot.touching)
    for index, pair in enumerate(touching):
        for link in set(pair) - set(robot.links):
            file.unknown("link", link, robot.links, ("touching", index, "links"))
    if len(reading.findings) > before or len(file.names("joints")) != len(joints):
        return None
    name = posixpath.basename(posixpath.dirname(reference.partition(":")[2])) or "robot"
    sources = {figure: str(source) for figure, source in robot.sources.items()}
    adapter = None if robot.adapter is None else Adapter(robot.adapter.length, robot.adapter.radius, robot.adapter.mass)
    value = Robot(
        name,
        robot.title,
        joints,
        links,
        robot.base,
        robot.flange,
        robot.payload,
        _opw(robot),
        touching,
        sources,
        robot.kind,
        adapter=adapter,
    )
    own = {key: configuration(file, value, at, ("configurations", key)) for key, at in robot.configurations.items()}
    return replace(value, configurations={key: joints for key, joints in own.items() if joints is not None})


def _joint(file: File[RobotFile], name: str, field: JointField) -> Joint:
    limits = None if field.type == "fixed" else _limits(file, name, field)
    return Joint(name, field.type, field.parent, field.child, field.at.pose, field.axis, limits)


def _limits(file: File[RobotFile], name: str, field: JointField) -> JointLimits | None:
    values: dict[str, float] = {}
    for key, kind in _LIMITS[field.type].items():
        text = getattr(field, key)
        try:
            if text is None:
                raise FieldError(
                    "F111", f"missing key '{key}' in 'joints.{name}'", f"a {field.type} joint needs its limits"
                )
            values[key] = read_scalar(text, kind)
            if key not in ("lower", "upper") and values[key] <= 0.0:
                raise FieldError("F123", f"'{text}' must be more than 0")
        except FieldError as error:
            file.report(error.code, error.message, ("joints", name, key), error.suggestion)
    if len(values) < len(_LIMITS[field.type]):
        return None
    if values["lower"] >= values["upper"]:
        file.report("F171", f"the lower limit of '{name}' is not below its upper limit", ("joints", name, "lower"))
        return None
    return JointLimits(**values)


def _chain(file: File[RobotFile]) -> list[str]:
    """The joints in order from base to flange, whatever order the file has; each link carries one joint at most."""
    robot = file.model
    next_joint: dict[str, str] = {}
    for name, joint in robot.joints.items():
        if joint.parent in next_joint:
            message = f"joints '{next_joint[joint.parent]}' and '{name}' both start at '{joint.parent}'"
            file.report("F170", message, ("joints", name, "parent"), "an arm is one chain from base to flange")
        next_joint.setdefault(joint.parent, name)
    order: list[str] = []
    at = robot.base
    while at in next_joint and len(order) < len(next_joint):
        order.append(next_joint[at])
        at = robot.joints[order[-1]].child
    for name in [name for name in robot.joints if name not in order and name in next_joint.values()]:
        message = f"joint '{name}' does not follow from the base '{robot.base}'"
        file.report("F170", message, ("joints", name, "parent"), did_you_mean(robot.joints[name].parent, _links(robot)))
    if at != robot.flange:
        file.report("F170", f"the joints lead to '{at}', not to the flange '{robot.flange}'", ("flange",))
    if not any(robot.joints[name].type != "fixed" for name in order):
        file.report("F170", "no joint moves", ("joints",))
    for link in sorted(set(robot.links) - set(_links(robot))):
        file.report("F170", f"no joint leads to link '{link}'", ("links", link), did_you_mean(link, _links(robot)))
    return order


def _links(robot: RobotFile) -> list[str]:
    return [robot.base, *(joint.child for joint in robot.joints.values())]


def _link(file: File[RobotFile], name: str) -> Link:
    field = file.model.links.get(name)
    if field is None:
        return Link(name, inertia_of(None))
    path = ("links", name)
    return Link(name, inertia_of(field.inertia), body_solids(file, field, path), body_visuals(file, field, path))


def inertia_of(field: InertiaField | None) -> Inertia:
    """The inertia that a file states; none at all is a massless frame."""
    if field is None:
        return Inertia(0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    return Inertia(field.mass, field.com, field.inertia, field.basis)


def _opw(robot: RobotFile) -> OpwParameters | None:
    if robot.closed_form is None:
        return None
    opw = robot.closed_form.opw
    s = opw.signs
    signs = (int(s[0]), int(s[1]), int(s[2]), int(s[3]), int(s[4]), int(s[5]))
    return OpwParameters(opw.a1, opw.a2, opw.b, opw.c1, opw.c2, opw.c3, opw.c4, opw.offsets, signs, opw.tip_fix.pose)
