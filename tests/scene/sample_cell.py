"""A weld cell as values: a KR 16-2 on a pedestal, a MIG torch, a table with four toggle clamps and a tray corner.

Geometry of the arm after ros-industrial/kuka_experimental; its masses and torques are estimates.
"""

from __future__ import annotations

import numpy as np

from cellctl.files.mesh.reading import convex_hull, read_stl, resolve_package_reference
from cellctl.kinematics.chain import Chain
from cellctl.model.cell import Camera, Cell, Fixture, Group, Mechanism, PartPlacement
from cellctl.model.curve import Arc, Polyline
from cellctl.model.part import Body, Part, Seam
from cellctl.model.pose import Pose, rotation_about
from cellctl.model.robot import Inertia, Joint, JointLimits, Link, Robot, Tool, Torch
from cellctl.model.shapes import Box, Cylinder, Solid, Sphere, Visual, frustum

ORANGE = (0.93, 0.36, 0.06)
GRAPHITE = (0.13, 0.13, 0.14)
STEEL = (0.55, 0.57, 0.60)
COPPER = (0.78, 0.44, 0.22)
YELLOW = (0.92, 0.72, 0.08)
ALUMINIUM = (0.78, 0.80, 0.83)
RED = (0.78, 0.09, 0.09)
HOME = (0.0, -1.6, 1.6, 0.0, 1.2, 0.0)

_MESHES = "pkg:rtbdata/xacro/kuka_description/kuka_kr16/meshes/kr16_2"
_JOINTS = (
    ("joint_a1", "base_link", "link_1", (0.0, 0.0, 0.675), (0.0, 0.0, -1.0), 3.228859, 2.722714, 6.81, 2200.0),
    ("joint_a2", "link_1", "link_2", (0.26, 0.0, 0.0), (0.0, 1.0, 0.0), 2.70526, 2.722714, 6.81, 2200.0),
    ("joint_a3", "link_2", "link_3", (0.68, 0.0, 0.0), (0.0, 1.0, 0.0), 2.687807, 2.722714, 6.81, 1200.0),
    ("joint_a4", "link_3", "link_4", (0.67, 0.0, -0.035), (-1.0, 0.0, 0.0), 6.108652, 5.759587, 23.04, 140.0),
    ("joint_a5", "link_4", "link_5", (0.0, 0.0, 0.0), (0.0, 1.0, 0.0), 2.268928, 5.759587, 23.04, 140.0),
    ("joint_a6", "link_5", "link_6", (0.0, 0.0, 0.0), (-1.0, 0.0, 0.0), 6.108652, 10.733775, 42.94, 80.0),
)
_LINKS = {
    "base_link": (60.0, (-0.06, 0.0, 0.17), (1.6, 0.0, 0.0, 2.2, 0.0, 2.4)),
    "link_1": (75.0, (0.10, 0.0, -0.08), (2.4, 0.0, 0.0, 3.0, 0.0, 3.0)),
    "link_2": (40.0, (0.33, -0.17, 0.0), (0.35, 0.0, 0.0, 2.6, 0.0, 2.6)),
    "link_3": (38.0, (0.08, 0.03, 0.0), (0.40, 0.0, 0.0, 1.6, 0.0, 1.6)),
    "link_4": (14.0, (-0.12, 0.0, 0.0), (0.04, 0.0, 0.0, 0.12, 0.0, 0.12)),
    "link_5": (6.5, (0.03, 0.0, 0.0), (0.015, 0.0, 0.0, 0.03, 0.0, 0.03)),
    "link_6": (1.0, (0.15, 0.0, 0.0), (0.001, 0.0, 0.0, 0.001, 0.0, 0.001)),
}


def kr16_2() -> Robot:
    joints = [
        Joint(name, "revolute", parent, child, Pose.of(xyz), axis, JointLimits(-reach, reach, v, a, 10.0 * a, effort))
        for name, parent, child, xyz, axis, reach, v, a, effort in _JOINTS
    ]
    joints.append(Joint("joint_a6-flange", "fixed", "link_6", "flange", Pose.of((0.158, 0.0, 0.0))))
    joints.append(Joint("flange-tool0", "fixed", "flange", "tool0", Pose.of(rpy=(0.0, np.pi / 2.0, 0.0))))
    nothing = Inertia(0.0, (0.0, 0.0, 0.0), (0.0,) * 6)
    links = [_link(name) for name in _LINKS] + [Link("flange", nothing), Link("tool0", nothing)]
    return Robot("kuka_kr16_2", "KUKA KR 16-2", tuple(joints), tuple(links), "base_link", "tool0", 16.0)


def _link(name: str) -> Link:
    reference = f"{_MESHES}/collision/{name}.stl"
    hull = convex_hull(read_stl(resolve_package_reference(reference)).vertices)
    colour = GRAPHITE if name in ("base_link", "link_6") else ORANGE
    visual = Visual(mesh=f"{_MESHES}/visual/{name}.dae", colour=colour)
    return Link(name, Inertia(*_LINKS[name]), (Solid("hull", hull),), (visual,))


def torch() -> Tool:
    """A MIG torch with a straight body and a neck bent by 22 deg; the wire leaves it along +Z of the contact tip."""
    bend = np.radians(22.0)
    knee = np.array([0.0, 0.0, 0.20])
    tilted = rotation_about((0.0, 1.0, 0.0), bend)
    along = tilted @ (0.0, 0.0, 1.0)
    neck = Pose.from_rotation(tilted, knee + 0.035 * along)
    nozzle = Pose.from_rotation(tilted, knee + 0.06 * along)
    tip = Pose.from_rotation(tilted, knee + 0.125 * along)
    wire = Pose.from_rotation(tilted, knee + (0.125 + 0.0075) * along)
    cone = frustum(0.0135, 0.0095, 0.063)
    solids = (
        Solid("mount", Cylinder(0.045, 0.03), Pose.of((0.0, 0.0, 0.015))),
        Solid("body", Cylinder(0.028, 0.13), Pose.of((0.0, 0.0, 0.09))),
        Solid("neck", Cylinder(0.012, 0.1), Pose.from_rotation(tilted, knee + 0.01 * along)),
        Solid("nozzle", cone, nozzle),
        Solid("wire", Cylinder(0.0006, 0.015), wire),
    )
    visuals = (
        Visual(Cylinder(0.045, 0.03), pose=Pose.of((0.0, 0.0, 0.015)), colour=STEEL),
        Visual(Cylinder(0.028, 0.13), pose=Pose.of((0.0, 0.0, 0.09)), colour=GRAPHITE),
        Visual(Cylinder(0.015, 0.05), pose=Pose.of((0.0, 0.0, 0.175)), colour=STEEL),
        Visual(Sphere(0.015), pose=Pose.of(tuple(knee)), colour=STEEL),
        Visual(Cylinder(0.012, 0.07), pose=neck, colour=STEEL),
        Visual(cone, pose=nozzle, colour=COPPER),
        Visual(Cylinder(0.003, 0.008), pose=Pose.from_rotation(tilted, knee + 0.121 * along), colour=COPPER),
        Visual(Cylinder(0.0006, 0.015), pose=wire, colour=STEEL),
    )
    inertia = Inertia(2.8, (0.01, 0.0, 0.12), (0.03, 0.0, 0.0, 0.03, 0.0, 0.005))
    return Tool("torch", inertia, solids, visuals, Torch(tip, 0.0012, ("nozzle",), ("wire",)))


def tray() -> Part:
    """A 400 x 400 x 4 mm plate with two walls that meet in a corner, and a tube standing on it."""
    plate = Box((0.4, 0.4, 0.004))
    wall_x = Box((0.4, 0.004, 0.1))
    wall_y = Box((0.004, 0.396, 0.1))
    bodies = (
        Body("plate", (Solid("solid", plate, Pose.of((0.2, 0.2, -0.002))),), colour=ALUMINIUM),
        Body("wall_left", (Solid("solid", wall_x, Pose.of((0.2, 0.002, 0.05))),), colour=ALUMINIUM),
        Body("wall_right", (Solid("solid", wall_y, Pose.of((0.002, 0.202, 0.05))),), colour=ALUMINIUM),
        Body("boss", (Solid("solid", Cylinder(0.03, 0.04), Pose.of((0.24, 0.24, 0.02))),), colour=ALUMINIUM),
    )
    up, x, y = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    seams = (
        Seam("left", Polyline([(0.02, 0.004, 0.0), (0.39, 0.004, 0.0)]), (y, up), ("wall_left", "plate")),
        Seam("right", Polyline([(0.004, 0.02, 0.0), (0.004, 0.39, 0.0)]), (x, up), ("wall_right", "plate")),
        Seam("corner", Polyline([(0.004, 0.004, 0.02), (0.004, 0.004, 0.095)]), (x, y), ("wall_left", "wall_right")),
        Seam("boss", Arc((0.24, 0.24, 0.0), up, x, 0.03), ("radial", "axis"), ("boss", "plate")),
    )
    return Part("tray", bodies, seams, "22", 0.003)


def clamp(name: str, pose: Pose) -> Fixture:
    """A toggle clamp: foot, upright, arm over the work and a handle."""
    solids = (
        Solid("foot", Box((0.06, 0.05, 0.012)), Pose.of((0.0, 0.0, 0.006))),
        Solid("upright", Box((0.03, 0.034, 0.055)), Pose.of((0.0, 0.0, 0.0395))),
        Solid("arm", Box((0.09, 0.018, 0.014)), Pose.of((0.055, 0.0, 0.062))),
        Solid("pad", Cylinder(0.009, 0.051), Pose.of((0.09, 0.0, 0.0295))),
        Solid("handle", Cylinder(0.009, 0.09), Pose.of((-0.035, 0.0, 0.095), (0.0, np.radians(-35.0), 0.0))),
    )
    colours = (GRAPHITE, GRAPHITE, STEEL, GRAPHITE, RED)
    visuals = tuple(Visual(s.shape, pose=s.pose, colour=c) for s, c in zip(solids, colours, strict=True))
    return Fixture(name, Body(name, solids, visuals), "world", pose)


def sample_cell() -> Cell:
    corner = Pose.of((0.9, -0.2, 0.524))
    at = ((0.10, 0.43, -90.0), (0.30, 0.43, -90.0), (0.43, 0.10, 180.0), (0.43, 0.32, 180.0))
    clamps = [
        clamp(f"clamp_{i + 1}", corner @ Pose.of((x, y, -0.004), (0.0, 0.0, np.radians(turn))))
        for i, (x, y, turn) in enumerate(at)
    ]
    base = (
        Solid("foot", Box((0.7, 0.7, 0.03)), Pose.of((0.0, 0.0, 0.015))),
        Solid("column", Cylinder(0.26, 0.44), Pose.of((0.0, 0.0, 0.25))),
        Solid("head", Box((0.62, 0.62, 0.03)), Pose.of((0.0, 0.0, 0.485))),
    )
    shown = tuple(Visual(s.shape, pose=s.pose, colour=YELLOW) for s in base)
    pedestal = Fixture("pedestal", Body("pedestal", base, shown, colour=YELLOW), "world", Pose.identity(), carries="r1")
    top = Solid("top", Box((1.0, 1.2, 0.04)), Pose.of((0.0, 0.0, 0.48)))
    legs = [
        Solid(f"leg_{i}", Box((0.08, 0.08, 0.46)), Pose.of((x, y, 0.23)))
        for i, (x, y) in enumerate(((-0.44, -0.54), (0.44, -0.54), (0.44, 0.54), (-0.44, 0.54)))
    ]
    seen = tuple(Visual(s.shape, pose=s.pose, colour=(0.30, 0.33, 0.37)) for s in (top, *legs))
    table = Fixture("table", Body("table", (top, *legs), seen), "world", Pose.of((1.1, 0.0, 0.0)))
    riser = Solid("riser", Box((0.36, 0.36, 0.02)), Pose.of((0.2, 0.2, -0.014)))
    jig = Fixture("jig", Body("jig", (riser,), colour=(0.2, 0.22, 0.25)), "world", corner)
    arm = Mechanism("r1", kr16_2(), Pose.of((0.0, 0.0, 0.5)), torch(), {"home": HOME})
    part = PartPlacement("tray", tray(), "table.top", corner)
    return Cell(
        "sample",
        (arm,),
        (Group("r1", ("r1",)),),
        (pedestal, table, jig, *clamps),
        (part,),
        camera=Camera((2.7, -1.9, 1.75), (0.62, 0.0, 0.78)),
    )


def frames_of(chain: Chain, q: np.ndarray) -> np.ndarray:
    """Chain frames (dof + 2, 4, 4) in plain numpy: the oracle of these tests."""
    out = [np.eye(4)]
    for before, axis, prismatic, value in zip(chain.before, chain.axes, chain.prismatic, q, strict=True):
        assert not prismatic
        turn = np.eye(4)
        turn[:3, :3] = rotation_about(axis, value)
        out.append(out[-1] @ before @ turn)
    out.append(out[-1] @ chain.after)
    return np.array(out)
