"""Small cells in which a short fillet cannot be welded, drawn from a few families, and a brute-force search of them.

The search shares the planner's grid (stations, spins, tilts, configurations, turns, joint steps) and its inverse, and
nothing else: obstacles are asked of the exact engine, pair by pair, and ways are followed in plain Python.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from cellctl.files import load_task
from cellctl.kinematics.inverse import branches, opw_arrays
from cellctl.model.task import Task, Weld
from cellctl.planning.arm import RESERVE
from cellctl.planning.seams.reach import SPINS, window_tilts
from cellctl.planning.seams.stations import stations_of
from cellctl.planning.seams.way import GATE
from cellctl.processes.contacts import tip_contacts
from cellctl.processes.procedure import seam_settings
from cellctl.processes.seam import seam_path
from cellctl.scene.bodies import collision_model
from cellctl.scene.bullet.exact import ExactScene
from cellctl.scene.engine import BoundingSpheres

ROOT = Path(__file__).resolve().parents[2]

CELL = """\
tools: {{torch: lib:robots/tools/mig_torch_22deg}}
mechanisms:
  r1:
    model: {robot}
    at: {{xyz: 0 0 300 mm}}
    tool: torch
    configurations: {{home: 0 -90 90 0 45 0 deg}}
fixtures:
{fixtures}
parts:
  part: {{file: part.yaml, at: {{xyz: {xyz} mm, rpy: 0 0 {yaw} deg}}}}
procedures: {{mig: wps.yaml}}
signals: {{arc_on: {{output: 1}}, arc_ok: {{input: 1}}}}
margins: {{clearance: {clearance} mm, nozzle_to_plates: 1 mm}}
"""
PART = """\
material_group: "22"
thickness: 4 mm
bodies:
  base: {box: 160 120 4 mm, at: {xyz: 0 0 -2 mm}}
  wall: {box: 160 4 60 mm, at: {xyz: 0 -2 30 mm}}
seams:
  fillet:
    line: [-20 0 0 mm, 20 0 0 mm]
    bodies: [base, wall]
    faces: [0 0 1, 0 1 0]
    joint: t
"""
TASK = """\
cell: cell.yaml
steps:
  - weld: {{seam: part.fillet, wps: mig, work_angle: 0 deg, travel_angle: {travel} deg{more}}}
"""
TABLE = "  table: {box: 300 300 40 mm, at: {frame: part, xyz: 0 0 -80 mm}}\n"


@dataclass(frozen=True)
class Case:
    """One impossible cell: its family, the change that is looked for, and what it is made of."""

    family: str
    relaxation: str
    xyz: str = "950 0 700"
    yaw: float = 0.0
    clearance: float = 5.0
    fixtures: str = TABLE
    travel: float = 10.0
    more: str = ""
    robot: str = "lib:robots/kuka_kr16_2"
    limit: tuple[str, str] | None = None
    part: str = PART

    def write(self, folder: Path) -> Path:
        (folder / "cellctl.yaml").write_text("project: {name: impossible}\n")
        robot = self.robot
        if self.limit is not None:
            shutil.copytree(ROOT / "robots" / "kuka_kr16_2", folder / "robot")
            text = (folder / "robot" / "robot.yaml").read_text()
            assert text.count(self.limit[0]) == 1, self.limit
            (folder / "robot" / "robot.yaml").write_text(text.replace(*self.limit))
            robot = "robot/robot.yaml"
        fields = {
            "robot": robot,
            "fixtures": self.fixtures,
            "xyz": self.xyz,
            "yaw": f"{self.yaw:g}",
        }
        (folder / "cell.yaml").write_text(CELL.format(clearance=f"{self.clearance:g}", **fields))
        (folder / "part.yaml").write_text(self.part)
        shutil.copy(ROOT / "sim" / "tray_cell" / "mig131_al_t3.yaml", folder / "wps.yaml")
        task = folder / "task.yaml"
        task.write_text(TASK.format(travel=f"{self.travel:g}", more=self.more))
        return task

    def load(self, folder: Path) -> Task:
        return load_task(self.write(folder))


def box(name: str, size: str, xyz: str) -> str:
    return f"  {name}: {{box: {size} mm, at: {{frame: part, xyz: {xyz} mm}}}}\n"


def end_blocked(rng: np.random.Generator) -> Case:
    """A block stands on the last few millimetres of the seam."""
    x = rng.uniform(12.0, 26.0)
    fixtures = TABLE + box("block", "30 60 60", f"{x + 15.0:.1f} 32 32")
    return Case("end blocked", "trim at the end", yaw=rng.uniform(-60.0, 60.0), fixtures=fixtures, clearance=4.0)


def out_of_reach(rng: np.random.Generator) -> Case:
    """The part lies some centimetres too far out."""
    angle, distance = rng.uniform(-0.3, 0.3), rng.uniform(1620.0, 1740.0)
    xyz = f"{distance * np.cos(angle):.1f} {distance * np.sin(angle):.1f} {rng.uniform(500.0, 700.0):.1f}"
    return Case("out of reach", "move part -x", xyz=xyz, yaw=rng.uniform(-60.0, 60.0))


def narrow_gap(rng: np.random.Generator) -> Case:
    """A plate stands opposite to the wall, too near for the torch to lean over it with its clearance."""
    gap, clearance = rng.uniform(84.0, 96.0), rng.uniform(12.0, 20.0)
    height = gap - rng.uniform(24.0, 34.0)
    fixtures = TABLE + box("plate", f"200 4 {height:.1f}", f"0 {gap:.1f} {4.0 + 0.5 * height:.1f}")
    return Case("narrow gap", "margin clearance", yaw=rng.uniform(-60.0, 60.0), fixtures=fixtures, clearance=clearance)


def tight_spin(rng: np.random.Generator) -> Case:
    """The spin is held where the arm has no room for it."""
    spin = rng.choice([60.0, 90.0, 120.0, -90.0])
    more = f", spin: {spin:g} +-{rng.uniform(2.0, 8.0):.1f} deg"
    fixtures = TABLE + box("post", "60 60 500", f"{rng.uniform(90.0, 130.0):.1f} {rng.uniform(60.0, 110.0):.1f} 200")
    fixtures += box("post_2", "60 60 500", f"{-rng.uniform(90.0, 130.0):.1f} {rng.uniform(60.0, 110.0):.1f} 200")
    return Case("tight spin", "spin", yaw=rng.uniform(-40.0, 40.0), fixtures=fixtures, more=more)


def joint_limit(rng: np.random.Generator) -> Case:
    """Axis 2 is stopped before it leans as far forward as this seam wants."""
    limit = ("lower: -155 deg\n    upper: 35 deg", f"lower: -155 deg\n    upper: -{rng.uniform(72.0, 85.0):.1f} deg")
    return Case("joint limit", "move part -x", xyz="1150 0 600", yaw=rng.uniform(-30.0, 30.0), limit=limit)


def large_margin(rng: np.random.Generator) -> Case:
    """A clearance that the arm cannot keep from the table under the part."""
    return Case("large margin", "margin clearance", yaw=rng.uniform(-60.0, 60.0), clearance=rng.uniform(44.0, 50.0))


def near_bar(rng: np.random.Generator) -> Case:
    """A bar stands nearer to the neck of the torch than the clearance, and to nothing else."""
    bar = box("bar", "200 6 6", f"0 {rng.uniform(99.0, 106.0):.1f} {rng.uniform(64.0, 70.0):.1f}")
    margin = "margin of r1.torch.neck_upper and bar"
    more, clearance = ", spin: 90 +-20 deg, approach: 20 mm, retract: 15 mm", rng.uniform(9.0, 11.0)
    return Case("near bar", margin, yaw=rng.uniform(-30.0, 30.0), fixtures=TABLE + bar, clearance=clearance, more=more)


FAMILIES: tuple[Callable[[np.random.Generator], Case], ...] = (
    end_blocked,
    out_of_reach,
    narrow_gap,
    tight_spin,
    joint_limit,
    large_margin,
    near_bar,
)


# Brute force ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What brute force says of one weld: whether the grid has a way, and per station what its nodes come to."""

    way: bool
    reached: list[bool]
    inside: list[bool]


class BruteForce:
    """All nodes of the planner's grid for the weld of `task`, asked one by one."""

    def __init__(self, task: Task, ignored: frozenset[str] = frozenset()) -> None:
        weld = task.steps[0]
        assert isinstance(weld, Weld)
        self.cell = task.cell
        mechanism = task.cell.mechanisms[0]
        self.robot = mechanism.robot
        settings = seam_settings(weld, task.cell.procedures[weld.wps])
        tool = mechanism.tool.torch.tcp(settings.ctwd)
        path = seam_path(task.cell, weld)
        self.stations = stations_of(
            path, mechanism.pose_world_base, tool, settings.work.nominal, settings.travel.nominal
        )
        self.tilts = window_tilts(settings)
        self.spin = settings.spin
        first = 0.0 if self.spin is None else self.spin.nominal - self.stations.offsets[0]
        self.turns = [first + k * 2.0 * np.pi / SPINS for k in range(SPINS)]
        self.inverses = {
            (k, t): branches(opw_arrays(self.robot), self.stations.flange_poses(*self.filled(turn, *tilt)))
            for (k, turn), (t, tilt) in product(enumerate(self.turns), enumerate(self.tilts))
        }
        self.model = collision_model(task.cell, task.cell.groups[0].name)
        margins = np.array(self.model.margins_with(tip_contacts(task.cell, weld)))
        self.margins = np.where(np.isfinite(margins), margins + RESERVE, margins)
        for pair in range(len(margins)):
            if self.model.pair_names(pair)[1] in ignored:
                self.margins[pair] = -np.inf
        self.spheres = BoundingSpheres(self.model)
        self.answers: dict[bytes, bool] = {}

    def filled(self, *values: float) -> list[np.ndarray]:
        return [np.full(len(self.stations), value) for value in values]

    def nodes(self, station: int, configuration: int) -> tuple[list[tuple[int, np.ndarray]], bool, bool]:
        """`(spin, joints)` inside the limits, and whether any inverse exists with and without the limits."""
        lower, upper = self.robot.limit_array("lower"), self.robot.limit_array("upper")
        found, exists = [], False
        for (spin, _), (joints, valid) in self.inverses.items():
            if not self.allowed(self.turns[spin] + self.stations.offsets[station]):
                continue
            q = joints[station, configuration]
            if not valid[station, configuration]:
                continue
            exists = True
            choices = [
                [v for k in (-1, 0, 1) if lower[j] <= (v := q[j] + 2.0 * np.pi * k) <= upper[j]] for j in range(6)
            ]
            found += [(spin, np.array(values)) for values in product(*choices)]
        return found, exists, bool(found)

    def allowed(self, spin: float) -> bool:
        if self.spin is None:
            return True
        away = float(np.angle(np.exp(1j * (spin - self.spin.nominal))))
        return self.spin.minimum - self.spin.nominal <= away <= self.spin.maximum - self.spin.nominal

    def free(self, scene: ExactScene, q: np.ndarray) -> bool:
        key = np.angle(np.exp(1j * q)).round(9).tobytes()
        if key not in self.answers:
            self.answers[key] = self._free(scene, q)
        return self.answers[key]

    def _free(self, scene: ExactScene, q: np.ndarray) -> bool:
        from cellctl.kinematics.forward import frames

        chain_frames = frames(self.model.chain, q)
        self.spheres.move(self.model.pose_world_base.matrix @ chain_frames)
        near = np.flatnonzero((self.spheres.lower_bounds() < self.margins) & (self.margins > -np.inf))
        scene.move(q)
        for pair in near:
            contact = scene.query(int(pair), float(self.margins[pair]))
            if contact is not None and contact.distance < self.margins[pair]:
                return False
        return True

    def search(self) -> Found:
        """Follow every configuration from the start of the seam; stop at the first that gets to its end."""
        n = len(self.stations)
        reached, inside = [False] * n, [False] * n
        table = {}
        for configuration, station in product(range(8), range(n)):
            nodes, exists, within = self.nodes(station, configuration)
            reached[station] |= exists
            inside[station] |= within
            table[configuration, station] = nodes
        with ExactScene(self.model) as scene:
            way = any(self.leads_through(scene, [table[c, i] for i in range(n)]) for c in range(8))
        return Found(way, reached, inside)

    def leads_through(self, scene: ExactScene, ladder: list[list[tuple[int, np.ndarray]]]) -> bool:
        if not all(ladder):
            return False
        standing = [node for node in ladder[0] if self.free(scene, node[1])]
        for nodes in ladder[1:]:
            following = [
                node
                for node in nodes
                if any(
                    (node[0] - spin) % SPINS in (0, 1, SPINS - 1) and np.abs(node[1] - q).max() <= GATE
                    for spin, q in standing
                )
            ]
            standing = [node for node in following if self.free(scene, node[1])]
            if not standing:
                return False
        return True

    def blocked_stations(self) -> list[int]:
        """Stations where no node at all is free."""
        with ExactScene(self.model) as scene:
            return [
                station
                for station in range(len(self.stations))
                if not any(self.free(scene, q) for c in range(8) for _, q in self.nodes(station, c)[0])
            ]
