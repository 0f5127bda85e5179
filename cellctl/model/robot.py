"""A robot arm as figures: chain, limits, links, closed-form parameters. No kinematics is computed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Final, Literal

from cellctl.model.pose import FloatArray, Pose, frozen_array
from cellctl.model.shapes import Cylinder, Solid, Visual

ADAPTER: Final = "adapter"
"""Name of the link that an adapter is, and of the joint that bolts it on."""
JointLimit = Literal["lower", "upper", "velocity", "acceleration", "jerk", "effort"]


@dataclass(frozen=True, slots=True)
class JointLimits:
    """Limits of one joint: rad or m, /s, /s^2, /s^3, and Nm or N."""

    lower: float
    upper: float
    velocity: float
    acceleration: float
    jerk: float
    effort: float


@dataclass(frozen=True, slots=True)
class Joint:
    """One joint: `origin` is the child frame in the parent frame at zero, `axis` (3,) a unit vector in the child
    frame.
    """

    name: str
    kind: Literal["revolute", "prismatic", "fixed"]
    parent: str
    child: str
    origin: Pose
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    limits: JointLimits | None = None


@dataclass(frozen=True, slots=True)
class Inertia:
    """Mass (kg), centre of mass (3,) m in the link frame, and the inertia (ixx, ixy, ixz, iyy, iyz, izz) about it, kg
    m^2.
    """

    mass: float
    com: tuple[float, float, float]
    moments: tuple[float, float, float, float, float, float]
    basis: Literal["source", "estimate"] = "estimate"


@dataclass(frozen=True, slots=True)
class Link:
    """One rigid link: its convex collision parts and what a picture shows, both in the link frame."""

    name: str
    inertia: Inertia
    solids: tuple[Solid, ...] = ()
    visuals: tuple[Visual, ...] = ()


@dataclass(frozen=True, slots=True)
class OpwParameters:
    """Ortho-parallel arm with spherical wrist (Brandstoetter, Angerer, Hofbaur 2014); m and rad, q_opw = sign * q -
    offset.

    `tip_fix` turns the OPW tip frame into the chain's tip frame.
    """

    a1: float
    a2: float
    b: float
    c1: float
    c2: float
    c3: float
    c4: float
    offsets: tuple[float, float, float, float, float, float]
    signs: tuple[int, int, int, int, int, int]
    tip_fix: Pose = field(default_factory=Pose.identity)


@dataclass(frozen=True, slots=True)
class Adapter:
    """A round plate that goes between the flange and every tool: length and radius m, mass kg."""

    length: float
    radius: float
    mass: float


@dataclass(frozen=True, slots=True)
class Robot:
    """A serial arm from `base` to `flange`; joints in chain order, fixed ones included. A positioner is one too: its
    flange carries the part.

    `touching` lists the pairs of links, or of single solids as `LINK.SOLID`, that are never asked about: those whose
    gap is the same at all joint values.
    `configurations` are the robot's own, which a cell may replace: joint values (dof,), rad or m, by name.
    """

    name: str
    title: str
    joints: tuple[Joint, ...]
    links: tuple[Link, ...]
    base: str
    flange: str
    payload: float
    opw: OpwParameters | None = None
    touching: tuple[tuple[str, str], ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    kind: Literal["arm", "positioner"] = "arm"
    configurations: Mapping[str, tuple[float, ...]] = field(default_factory=dict, hash=False)
    adapter: Adapter | None = None

    @property
    def axes(self) -> tuple[Joint, ...]:
        """The joints that move, in chain order."""
        return tuple(j for j in self.joints if j.kind != "fixed")

    @property
    def dof(self) -> int:
        """Number of joints that move."""
        return len(self.axes)

    @property
    def axis_limits(self) -> tuple[JointLimits, ...]:
        """Limits of the moving joints, in chain order."""
        limits = tuple(j.limits for j in self.axes if j.limits is not None)
        if len(limits) != self.dof:
            raise ValueError(f"robot '{self.name}' has a moving joint without limits")
        return limits

    @property
    def pose_base_flange(self) -> Pose:
        """The flange in the base frame with all joints at zero."""
        return reduce(Pose.__matmul__, (joint.origin for joint in self.joints), Pose.identity())

    def limit_array(self, quantity: JointLimit) -> FloatArray:
        """One limit of every moving joint, (dof,), read-only."""
        return frozen_array([getattr(limit, quantity) for limit in self.axis_limits])

    def link(self, name: str) -> Link:
        """The link called `name`; raises KeyError."""
        for link in self.links:
            if link.name == name:
                return link
        raise KeyError(name)


def with_adapter(robot: Robot) -> Robot:
    """`robot` as it carries a tool: with its adapter bolted to the flange, if it has one, and its flange beyond it.

    The adapter is no wider than the flange, and next to whatever the link that carries the flange is next to.
    """
    if robot.adapter is None:
        return robot
    plate = robot.adapter
    shift = Pose.of((0.0, 0.0, plate.length))
    shape, middle = Cylinder(plate.radius, plate.length), Pose.of((0.0, 0.0, -0.5 * plate.length))
    across = plate.mass * (3.0 * plate.radius**2 + plate.length**2) / 12.0
    moments = (across, 0.0, 0.0, across, 0.0, 0.5 * plate.mass * plate.radius**2)
    link = Link(
        ADAPTER,
        Inertia(plate.mass, (0.0, 0.0, -0.5 * plate.length), moments),
        (Solid("plate", shape, middle),),
        (Visual(shape, pose=middle),),
    )
    carrier = robot.axes[-1].child
    own = (carrier, *(f"{carrier}.{solid.name}" for solid in robot.link(carrier).solids))
    beside = tuple((ADAPTER if a in own else a, ADAPTER if b in own else b) for a, b in robot.touching)
    return replace(
        robot,
        joints=(*robot.joints, Joint(ADAPTER, "fixed", robot.flange, ADAPTER, shift)),
        links=(*robot.links, link),
        flange=ADAPTER,
        opw=None if robot.opw is None else replace(robot.opw, tip_fix=robot.opw.tip_fix @ shift),
        touching=tuple(dict.fromkeys((*robot.touching, *beside))),
        adapter=None,
    )


@dataclass(frozen=True, slots=True)
class Torch:
    """What makes a tool a welding torch.

    `contact_tip` is in the flange frame, its +Z points out of the tool along the wire towards the work. The working
    TCP is `contact_tip + ctwd` along +Z. `nozzle` and `wire` name the tool's solids that may come near the seam's
    plates.
    """

    contact_tip: Pose
    wire_diameter: float
    nozzle: tuple[str, ...]
    wire: tuple[str, ...]

    def tcp(self, ctwd: float) -> Pose:
        """Working TCP in the flange frame for a contact-tip-to-work distance `ctwd` (m)."""
        return self.contact_tip @ Pose.of((0.0, 0.0, ctwd))


@dataclass(frozen=True, slots=True)
class Dispenser:
    """What makes a tool a dispenser: the tip of its nozzle in the flange frame, +Z out of it towards the work, its
    `bore` (m), and the tool's solids that may come near the work beside a bead.
    """

    nozzle_tip: Pose
    bore: float
    nozzle: tuple[str, ...]

    @property
    def wire(self) -> tuple[str, ...]:
        """The solids that may touch the work: none."""
        return ()

    def tcp(self, stand_off: float) -> Pose:
        """Working TCP in the flange frame, `stand_off` (m) in front of the nozzle."""
        return self.nozzle_tip @ Pose.of((0.0, 0.0, stand_off))


@dataclass(frozen=True, slots=True)
class Finger:
    """A finger of a gripper: which of the tool's solids it is, and how far it moves from open to closed (m, in the
    flange frame) where nothing is between the fingers.
    """

    solid: str
    closing: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Gripper:
    """What makes a tool a gripper: its fingers, which the tool's solids show open, and the time of a whole stroke (s).

    `timeout` (s) is how long a confirmation of being closed or open is waited for.
    """

    fingers: tuple[Finger, ...]
    stroke_time: float
    timeout: float


@dataclass(frozen=True, slots=True)
class Screwdriver:
    """What makes a tool a screwdriver: the tip of its bit in the flange frame, +Z along the bit towards the work, and
    the solids that may come near the work around a hole.
    """

    bit_tip: Pose
    bit: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """What is mounted on the flange: mass, convex solids and pictures in the flange frame, and a torch, a gripper, a
    screwdriver or a dispenser if it is one. `carried` names the solids that are a part in the gripper.
    """

    name: str
    inertia: Inertia
    solids: tuple[Solid, ...]
    visuals: tuple[Visual, ...] = ()
    torch: Torch | None = None
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    gripper: Gripper | None = None
    carried: frozenset[str] = frozenset()
    screwdriver: Screwdriver | None = None
    dispenser: Dispenser | None = None

    @property
    def seam_tool(self) -> Torch | Dispenser | None:
        """What goes along seams, where it is such a tool."""
        return self.torch or self.dispenser
