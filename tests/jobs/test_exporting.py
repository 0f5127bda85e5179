"""What is exported, read anew by others: PyBullet's own URDF reader and coal's own mesh reader, and the csv module."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import coal
import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from cellctl.errors import FileError, UsageError
from cellctl.files import load_cell, load_task
from cellctl.files.mesh.stl_writing import cut_hull, hull_faces, stl_of
from cellctl.files.urdf.export import rpy_of
from cellctl.jobs import plan
from cellctl.jobs.exporting import checked_links, export_csv, export_urdf
from cellctl.model.cell import Cell
from cellctl.model.plan import Plan
from cellctl.model.pose import Pose, rotation_rpy
from cellctl.model.shapes import Hull
from cellctl.scene.bodies import CollisionModel, collision_model
from cellctl.scene.bullet.client import Client, quiet
from cellctl.scene.coal.exact import CoalScene
from cellctl.scene.engine import PAD

CONFIGURATIONS = 40
WITHIN = 0.2


@pytest.fixture(scope="module")
def cell(checkout: Path) -> Cell:
    return load_cell(checkout / "sim/tray_cell/cell.yaml")


@pytest.fixture(scope="module")
def folder(cell: Cell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("exported")
    written = export_urdf(cell, target)
    assert sorted(written) == sorted(path for path in target.rglob("*") if path.is_file())
    return target


@dataclass
class Loaded:
    """The URDF as PyBullet reads it: `solids` are link, frame in the link's centre of mass, raw body, coal geometry."""

    client: Client
    body: int
    links: dict[str, int]
    joints: list[int]
    solids: dict[str, list[tuple[Pose, int, Any]]]

    def place(self, q: np.ndarray) -> dict[str, Pose]:
        for joint, value in zip(self.joints, q, strict=True):
            self.client.resetJointState(self.body, joint, value)
        poses = {}
        for link, joint in self.links.items():
            at, turn = self.client.getLinkState(self.body, joint, computeForwardKinematics=1)[:2]
            poses[link] = Pose.from_rotation(Rotation.from_quat(turn).as_matrix(), at)
            for local, raw, _ in self.solids.get(link, ()):
                pose = poses[link] @ local
                self.client.resetBasePositionAndOrientation(raw, pose.position.tolist(), pose.quat_xyzw.tolist())
        return poses


@pytest.fixture(scope="module")
def loaded(folder: Path):
    with Client() as client:
        flags = client.bullet.URDF_USE_IMPLICIT_CYLINDER
        with quiet():
            body = client.loadURDF(str(folder / "tray_cell.urdf"), useFixedBase=True, flags=flags)
        links, joints, solids = {}, [], {}
        for joint in range(client.getNumJoints(body)):
            info = client.getJointInfo(body, joint)
            links[info[12].decode()] = joint
            if info[2] == client.bullet.JOINT_REVOLUTE:
                joints.append(joint)
        for link, joint in links.items():
            for data in client.getCollisionShapeData(body, joint):
                place = Pose.from_rotation(Rotation.from_quat(data[6]).as_matrix(), data[5])
                solids.setdefault(link, []).append((place, *_shapes(client, *data[2:5])))
        yield Loaded(client, body, links, joints, solids)


def _shapes(client: Client, kind: int, size: tuple[float, ...], file: bytes) -> tuple[int, Any]:
    """A body of raw PyBullet with margin 0, and a geometry of coal, from what PyBullet has read."""
    bullet = client.bullet
    if kind == bullet.GEOM_BOX:
        handle = client.createCollisionShape(kind, halfExtents=[edge / 2.0 for edge in size])
        geometry = coal.Box(*size)
    elif kind == bullet.GEOM_CYLINDER:
        handle = client.createCollisionShape(kind, radius=size[1], height=size[0])
        geometry = coal.Cylinder(size[1], size[0])
    else:
        assert kind == bullet.GEOM_MESH
        handle = client.createCollisionShape(kind, fileName=file.decode(), meshScale=size)
        geometry = coal.MeshLoader(coal.BV_OBBRSS).load(file.decode(), np.array(size))
    raw = client.createMultiBody(0.0, handle)
    client.changeDynamics(raw, -1, collisionMargin=0.0)
    return raw, geometry


def distances_of_links(scene: CoalScene, model: CollisionModel, q: np.ndarray) -> dict[tuple[str, str], float]:
    """The smallest distance of each pair of links that the cell finds at `q`."""
    found: dict[tuple[str, str], float] = {}
    for contact in scene.all_within(q, WITHIN):
        link = tuple(_link(model, solid) for solid in model.pairs[contact.pair])
        found[link] = min(found.get(link, np.inf), contact.distance + PAD)
    return found


def _link(model: CollisionModel, solid: int) -> str:
    """The tool and the fixtures are one link each, whatever number of solids they have."""
    name = model.solids[solid].name
    if name.startswith("r1.torch."):
        return "r1.torch"
    owner = name.split(".")[0]
    return owner if owner in ("clamp_1", "clamp_2", "clamp_3", "clamp_4", "table", "pads") else name


def test_others_measure_the_same_distances(cell: Cell, loaded: Loaded) -> None:
    model = collision_model(cell, "r1")
    robot = cell.mechanism("r1").robot
    rng = np.random.default_rng(2)
    raw_errors, coal_errors = [], []
    request = coal.DistanceRequest()
    request.gjk_tolerance = 1e-9
    with CoalScene(model) as scene:
        for q in rng.uniform(robot.limit_array("lower"), robot.limit_array("upper"), (CONFIGURATIONS, robot.dof)):
            poses = loaded.place(q)
            for (first, second), truth in distances_of_links(scene, model, q).items():
                if truth < 0.0:
                    continue
                raw, exact = [], []
                for place, body, geometry in loaded.solids[first]:
                    for other_place, other, other_geometry in loaded.solids[second]:
                        raw += [point[8] for point in loaded.client.getClosestPoints(body, other, WITHIN + 0.01)]
                        there = [
                            coal.Transform3s(np.array(pose.rotation), np.array(pose.position))
                            for pose in (poses[first] @ place, poses[second] @ other_place)
                        ]
                        result = coal.DistanceResult()
                        exact.append(coal.distance(geometry, there[0], other_geometry, there[1], request, result))
                raw_errors.append(min(raw) - truth)
                coal_errors.append(min(exact) - truth)
    assert len(coal_errors) > 4 * CONFIGURATIONS
    assert np.abs(coal_errors).max() < 1e-6
    # PyBullet moves the corners of a hull to a grid of 1/10216 of its extent, so large hulls are written in pieces.
    assert np.abs(raw_errors).max() < 0.07e-3


def test_the_srdf_disables_exactly_what_is_not_asked_about(cell: Cell, folder: Path) -> None:
    urdf = ElementTree.parse(folder / "tray_cell.urdf")
    solid = [link.attrib["name"] for link in urdf.iter("link") if link.find("collision") is not None]
    srdf = ElementTree.parse(folder / "tray_cell.srdf")
    disabled = {frozenset((e.attrib["link1"], e.attrib["link2"])) for e in srdf.iter("disable_collisions")}
    every = {frozenset((a, b)) for i, a in enumerate(solid) for b in solid[i + 1 :]}
    assert disabled | checked_links(cell) == every
    assert not disabled & checked_links(cell)
    assert frozenset(("r1.torch", "tray.boss")) in checked_links(cell)
    assert frozenset(("clamp_1", "table")) in disabled
    model = collision_model(cell, "r1")
    pairs = {frozenset((_link(model, i), _link(model, j))) for i, j in model.pairs.tolist()}
    assert pairs == checked_links(cell)


def test_limits_masses_and_configurations_are_written(cell: Cell, folder: Path) -> None:
    robot = cell.mechanism("r1").robot
    urdf = ElementTree.parse(folder / "tray_cell.urdf")
    limits = {joint.attrib["name"]: joint.find("limit") for joint in urdf.iter("joint")}
    for axis in robot.axes:
        found = limits[f"r1.{axis.name}"]
        assert found is not None
        assert axis.limits is not None
        for quantity in ("lower", "upper", "velocity", "effort"):
            assert float(found.attrib[quantity]) == pytest.approx(getattr(axis.limits, quantity), abs=1e-11)
    masses = {link.attrib["name"]: link.find("inertial/mass") for link in urdf.iter("link")}
    assert masses["r1.tool0"] is None
    assert float(masses["r1.link_2"].attrib["value"]) == robot.link("link_2").inertia.mass
    srdf = ElementTree.parse(folder / "tray_cell.srdf")
    home = [float(joint.attrib["value"]) for joint in srdf.iterfind("group_state[@name='home']/joint")]
    assert home == pytest.approx(cell.mechanism("r1").configurations["home"], abs=1e-11)


def test_the_same_cell_gives_the_same_files(cell: Cell, folder: Path, tmp_path: Path) -> None:
    again = export_urdf(cell, tmp_path)
    assert {path.relative_to(tmp_path): path.read_bytes() for path in again} == {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_hull_as_stl_is_closed_and_turned_outward() -> None:
    points = np.random.default_rng(1).normal(size=(60, 3))
    faces = hull_faces(points)
    edges = {(int(face[k]), int(face[(k + 1) % 3])) for face in faces for k in range(3)}
    assert len(edges) == 3 * len(faces)
    assert {(b, a) for a, b in edges} == edges
    volume = sum(np.linalg.det(points[face]) for face in faces) / 6.0
    assert volume > 0.0
    assert len(stl_of(Hull(points))) == 84 + 50 * len(faces)


def test_rotations_survive_roll_pitch_and_yaw() -> None:
    turns = Rotation.concatenate([Rotation.random(50, random_state=1), Rotation.create_group("O")]).as_matrix()
    for turn in turns:
        assert np.abs(rotation_rpy(*rpy_of(turn)) - turn).max() < 1e-8


def test_a_place_that_cannot_be_written_is_a_finding(cell: Cell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError) as caught:
        export_urdf(cell, tmp_path / "file")
    assert caught.value.findings[0].code == "F180"


@pytest.fixture(scope="module")
def planned(checkout: Path) -> Plan:
    return plan(load_task(checkout / "tasks/weld/tray_corner.yaml"))


def test_a_table_follows_the_plan(planned: Plan, loaded: Loaded, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    count = export_csv(planned, path, rate=20.0)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == count == int(planned.cycle_time * 20.0) + 2
    assert float(rows[-1]["t_s"]) == pytest.approx(planned.cycle_time, abs=1e-6)
    assert [row["segment"] for row in rows] == sorted((row["segment"] for row in rows), key=int)
    assert {int(row["segment"]) for row in rows} == set(range(len(planned.segments)))
    tip = loaded.links["r1.torch.contact_tip"]
    starts = np.cumsum([0.0, *(segment.duration for segment in planned.segments)])
    for row in rows[::41]:
        segment = planned.segments[int(row["segment"])]
        q = np.array([float(row[f"joint_a{k}_rad"]) for k in range(1, 7)])
        assert q == pytest.approx(segment.joints_at(float(row["t_s"]) - starts[int(row["segment"])])[0], abs=1e-6)
        loaded.place(q)
        at, turn = loaded.client.getLinkState(loaded.body, tip, computeForwardKinematics=1)[4:6]
        pose = Pose.from_rotation(Rotation.from_quat(turn).as_matrix(), at)
        tcp = pose.apply((0.0, 0.0, float(row["ctwd_m"])))
        assert [float(row[f"tcp_{axis}_m"]) for axis in "xyz"] == pytest.approx(tcp, abs=1e-5)
        quat = np.array([float(row[f"tcp_q{axis}"]) for axis in "xyzw"])
        assert abs(quat @ np.array(turn)) == pytest.approx(1.0, abs=1e-6)


def test_the_arc_is_on_where_it_welds_and_nowhere_else(planned: Plan, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    export_csv(planned, path, rate=50.0)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    burning = [row for row in rows if row["arc"] == "1"]
    assert {row["kind"] for row in burning} == {"process"}
    length = sum(segment.process.length for segment in planned.segments if segment.process is not None)
    assert len(burning) / 50.0 == pytest.approx(length / 0.010, rel=0.02)
    for index, segment in enumerate(planned.segments):
        if segment.process is None:
            continue
        on = [
            np.array([float(row[f"tcp_{axis}_m"]) for axis in "xyz"]) for row in burning if row["segment"] == f"{index}"
        ]
        s = np.array([float(row["s"]) for row in burning if row["segment"] == f"{index}"])
        seam = np.stack(
            [np.interp(s, segment.process.stations, segment.process.points[:, k]) for k in range(3)], axis=1
        )
        assert np.abs(np.array(on) - seam).max() < 0.5e-3


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), 1e5])
def test_a_rate_that_cannot_be_is_refused(planned: Plan, tmp_path: Path, rate: float) -> None:
    with pytest.raises(UsageError) as caught:
        export_csv(planned, tmp_path / "plan.csv", rate=rate)
    assert caught.value.findings[0].code == "U620"
    assert not (tmp_path / "plan.csv").exists()


def test_pieces_of_a_hull_are_the_hull() -> None:
    hull = Hull(np.random.default_rng(5).normal(size=(80, 3)) * (0.4, 0.2, 0.1))
    pieces = cut_hull(hull, 0.3)
    assert len(pieces) > 4
    assert max(np.ptp(piece.vertices, axis=0).max() for piece in pieces) <= 0.3 + 1e-12
    volumes = [ConvexHull(piece.vertices).volume for piece in pieces]
    assert sum(volumes) == pytest.approx(ConvexHull(hull.vertices).volume, rel=1e-9)
    planes = ConvexHull(hull.vertices).equations
    assert max((piece.vertices @ planes[:, :3].T + planes[:, 3]).max() for piece in pieces) < 1e-12
    assert cut_hull(pieces[0], 0.3) == (pieces[0],)
