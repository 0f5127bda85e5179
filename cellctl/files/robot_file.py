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
    """How it moves: it turns, it slides, or not at all."""
    parent: Name
    """The link it stands on."""
    child: Name
    """The link it carries."""
    at: LocalAt = LocalAt()
    """The child's frame in the parent's, where the joint is at zero."""
    axis: Direction = (0.0, 0.0, 1.0)
    """The axis that it turns about or slides along, in the child's frame."""
    lower: str | None = None
    """The lower limit of its position: an angle, or a length where it slides."""
    upper: str | None = None
    """The upper limit of its position."""
    velocity: str | None = None
    """The limit of its velocity."""
    acceleration: str | None = None
    """The limit of its acceleration."""
    jerk: str | None = None
    """The limit of its jerk."""
    effort: str | None = None
    """The limit of its torque, or of its force where it slides."""


class LinkField(BodyField):
    """One rigid link: mass, convex solids, pictures."""

    inertia: InertiaField | None = None
    """Mass and inertia; a link without them is a massless frame."""


SixAngles = Annotated[tuple[float, float, float, float, float, float], Quantity("angle", size=6)]
SixSigns = Annotated[list[Literal[-1, 1]], Field(min_length=6, max_length=6)]


class OpwField(FileModel):
    """Ortho-parallel arm with spherical wrist (Brandstoetter, Angerer, Hofbaur 2014)."""

    a1: Length
    """From axis 1 to axis 2, forwards."""
    a2: Length
    """From axis 3 to the axis of the forearm, down."""
    b: Length
    """From the plane of axis 1 to the plane of the arm, sideways."""
    c1: Length
    """From the base to axis 2, up."""
    c2: Length
    """From axis 2 to axis 3."""
    c3: Length
    """From axis 3 to the wrist's centre."""
    c4: Length
    """From the wrist's centre to the tip."""
    offsets: SixAngles
    """What is taken from the joint values, after their signs."""
    signs: SixSigns
    """1 where a joint turns as in the paper, -1 where it turns against it."""
    tip_fix: LocalAt = LocalAt()
    """The chain's tip in the tip frame of the paper."""


class ClosedFormField(FileModel):
    """Which closed form solves the arm's inverse kinematics."""

    opw: OpwField
    """The figures of an ortho-parallel arm with a spherical wrist."""


class AdapterField(FileModel):
    """A round plate between the flange and every tool, no wider than the flange."""

    length: PositiveLength
    """Its thickness: how far every tool stands off the flange."""
    radius: PositiveLength
    """Its radius."""
    mass: Mass
    """Its mass."""


class TouchingField(FileModel):
    """Two links, or two solids of links, that are never asked about, and why."""

    links: Annotated[list[str], Field(min_length=2, max_length=2)]
    """The two links, or single solids of them as `LINK.SOLID`."""
    reason: str
    """Why nobody needs to ask about them: their gap is the same at all joint values."""


class RobotFile(FileModel):
    """A serial arm: joints in chain order, links, limits, closed form, and where each figure comes from."""

    title: str
    """The vendor's name of the machine."""
    kind: Literal["arm", "positioner"] = "arm"
    """An arm, or a positioner, which carries a part in place of a tool."""
    base: Name
    """The link that stands still."""
    flange: Name
    """The link that carries the tool; its frame is the flange's."""
    payload: Mass
    """What it may carry with its tool."""
    joints: dict[Name, JointField]
    """Its joints by name; together they are one chain from base to flange."""
    links: dict[Name, LinkField]
    """Its links by name: masses, solids, pictures."""
    closed_form: ClosedFormField | None = None
    """The figures of a closed form of its inverse kinematics."""
    configurations: dict[Name, JointValues] = Field(default_factory=dict)
    """Named joint values that a cell may use without writing them down, such as `home`."""
    adapter: AdapterField | None = None
    """A plate that stands between the flange and every tool."""
    touching: list[TouchingField] = Field(default_factory=list)
    """Pairs of links that are never asked about."""
    sources: dict[str, SourceField] = Field(default_factory=dict)
    """Where each group of figures comes from."""


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
        for name in sorted(set(pair) - _solid_names(links)):
            file.unknown("link", name, robot.links, ("touching", index, "links"))
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


def _solid_names(links: tuple[Link, ...]) -> set[str]:
    """Every name by which a link or one of its solids can be listed."""
    return {name for link in links for name in (link.name, *(f"{link.name}.{solid.name}" for solid in link.solids))}


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
