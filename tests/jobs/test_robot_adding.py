"""Arms from URDFs: kinematics against the readers of PyBullet and roboticstoolbox, covers, and what is told."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cellctl.cli.main import call
from cellctl.errors import CellctlError, FileError, UsageError
from cellctl.files import load_cell, load_robot
from cellctl.files.mesh.reading import read_mesh
from cellctl.files.solid_geometry import distance_to_shape
from cellctl.jobs.robot_adding import AddedRobot, add_robot
from cellctl.jobs.robot_check import check_robot
from cellctl.kinematics.chain import chain_of, link_places
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.shapes import Hull, Sphere
from cellctl.scene.bullet.client import Client, quiet

pytest.importorskip("pybullet_data")


def folder_of(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    return Path(next(iter(spec.submodule_search_locations or ())))


BULLET, XACRO = folder_of("pybullet_data"), folder_of("rtbdata") / "xacro"
KUKA = XACRO / "kuka_description"
SHIPPED = {
    "iiwa": (BULLET / "kuka_iiwa/model.urdf", None, ""),
    "panda": (BULLET / "franka_panda/panda.urdf", "panda_hand", ""),
    "xarm6": (BULLET / "xarm/xarm6_robot.urdf", None, ""),
    "puma560": (XACRO / "unimation_puma560_description/urdf/puma560_robot.urdf", None, ""),
    "al5d": (XACRO / "lynxmotion_al5d_description/urdf/al5d_robot.urdf", None, ""),
    "kr16_2": (KUKA / "kuka_kr16/urdf/kr16_2.urdf", None, f"kuka_kr16_support={KUKA / 'kuka_kr16'}"),
}
"""URDFs that others ship: file, tip, package."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "cellctl.yaml").write_text("project: {name: arms}\n")
    return tmp_path


def packages(text: str) -> dict[str, Path]:
    name, mark, folder = text.partition("=")
    return {name: Path(folder)} if mark else {}


def added(name: str, project: Path) -> AddedRobot:
    file, tip, package = SHIPPED[name]
    return add_robot(file, name=name, tip=tip, packages=packages(package), project=project)


def bullet_tips(file: Path, base: str, tip: str, names: list[str], joints: np.ndarray) -> np.ndarray:
    """The tip in the base (n, 4, 4), as PyBullet reads the file itself."""
    with Client() as client, quiet():
        body = client.loadURDF(str(file), useFixedBase=True)
        info = [client.getJointInfo(body, k) for k in range(client.getNumJoints(body))]
        number = {i[1].decode(): i[0] for i in info}
        link = {i[12].decode(): i[0] for i in info}
        found = []
        for q in joints:
            for name, value in zip(names, q, strict=True):
                client.resetJointState(body, number[name], float(value))
            poses = []
            for end in (base, tip):
                at, turn = (np.zeros(3), (0.0, 0.0, 0.0, 1.0))
                if end in link:
                    at, turn = client.getLinkState(body, link[end], computeForwardKinematics=True)[4:6]
                else:
                    centre, turned = client.getBasePositionAndOrientation(body)
                    offset = client.getDynamicsInfo(body, -1)[3:5]
                    back = client.bullet.invertTransform(*offset)
                    at, turn = client.bullet.multiplyTransforms(centre, turned, *back)
                matrix = np.eye(4)
                matrix[:3, :3] = np.reshape(client.bullet.getMatrixFromQuaternion(turn), (3, 3))
                matrix[:3, 3] = at
                poses.append(matrix)
            found.append(np.linalg.inv(poses[0]) @ poses[1])
    return np.array(found)


@pytest.mark.parametrize("name", ["iiwa", "panda", "xarm6", "kr16_2"])
def test_pybullet_reads_the_same_kinematics(name: str, project: Path) -> None:
    done = added(name, project)
    robot = done.robot
    joints = np.random.default_rng(3).uniform(robot.limit_array("lower"), robot.limit_array("upper"), (40, robot.dof))
    file, _, package = SHIPPED[name]
    if package:  # PyBullet looks for packages in the working folder
        text = file.read_text("utf-8").replace("package://kuka_kr16_support", str(KUKA / "kuka_kr16"))
        file = project / "read.urdf"
        file.write_text(text)
    theirs = bullet_tips(file, robot.base, robot.flange, [axis.name for axis in robot.axes], joints)
    assert np.abs(flange_matrices(chain_of(robot), joints) - theirs).max() < 1e-6


@pytest.mark.parametrize("name", ["puma560", "al5d", "iiwa"])
def test_roboticstoolbox_reads_the_same_kinematics(name: str, project: Path) -> None:
    toolbox = pytest.importorskip("roboticstoolbox")
    robot = added(name, project).robot
    text = SHIPPED[name][0].read_text("utf-8")
    bare = project / "bare.urdf"
    bare.write_text(without_shapes(text))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = toolbox.Robot.URDF(str(bare))
    sequence = theirs.ets(start=robot.base, end=robot.flange)
    joints = np.random.default_rng(4).uniform(robot.limit_array("lower"), robot.limit_array("upper"), (20, robot.dof))
    ours = flange_matrices(chain_of(robot), joints)
    assert max(np.abs(sequence.eval(q) - pose).max() for q, pose in zip(joints, ours, strict=True)) < 1e-6


def without_shapes(text: str) -> str:
    return re.sub(r"<(visual|collision)\b.*?</\1>", "", re.sub(r"<!--.*?-->", "", text, flags=re.S), flags=re.S)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_what_others_ship_loads_and_passes(name: str, project: Path) -> None:
    done = added(name, project)
    assert {finding.severity for finding in done.findings} <= {"warning"}
    assert load_robot(project / "robots" / name) == done.robot
    checked = check_robot(done.robot, poses=100)
    errors = [finding.code for finding in checked.findings if finding.severity == "error"]
    assert errors == (["F175"] if name == "puma560" else [])  # its wrist's hulls are 3 to 5 mm apart at every angle
    assert max(checked.agreement.values()) < 1e-6


def test_the_hulls_cover_the_meshes(project: Path) -> None:
    done = added("kr16_2", project)
    for link in done.robot.links:
        for solid in link.solids:
            assert isinstance(solid.shape, Hull)
            mesh = read_mesh(KUKA / f"kuka_kr16/meshes/kr16_2/collision/{link.name}.stl")
            away = distance_to_shape(solid.shape, solid.pose.inverse().apply(mesh.vertices))
            assert away.max() < 1e-6


def test_the_project_can_use_it(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    file, _, package = SHIPPED["kr16_2"]
    words = ["robots", "add", str(file), "--package", package, "--payload", "16kg", "--json"]
    assert call(words) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["name"], data["axes"], data["base"], data["flange"]) == ("kr16_2", 6, "base_link", "tool0")
    (project / "cell.yaml").write_text(
        "mechanisms: {r1: {model: robots/kr16_2, configurations: {home: 0 -90 90 0 45 0 deg}}}\n"
    )
    assert load_cell(project / "cell.yaml").mechanism("r1").robot.payload == 16.0
    assert "MIT" not in (project / "robots/kr16_2/README.md").read_text("utf-8")
    assert call(["robots", "check", "kr16_2", "--poses", "5"]) == 0
    assert call(words) == 2
    assert "[F138]" not in (capsys.readouterr().err)


SPHERIZED = """<robot name="three spheres">
  <link name="base"><inertial><mass value="4"/><inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial>
    <collision><geometry><sphere radius="0.08"/></geometry></collision></link>
  {links}
  <joint name="lift" type="prismatic"><parent link="base"/><child link="l1"/><origin xyz="0 0 0.2"/>
    <axis xyz="0 0 2"/><limit lower="-0.1" upper="0.3" velocity="0.5" effort="80"/></joint>
  <joint name="turn" type="revolute"><parent link="l1"/><child link="l2"/><origin xyz="0.3 0 0" rpy="0.1 0.2 0.3"/>
    <axis xyz="0 1 0"/><limit lower="-2" upper="2" velocity="1" effort="80"/></joint>
  <joint name="spin" type="continuous"><parent link="l2"/><child link="l3"/><origin xyz="0.3 0 0"/>
    <axis xyz="1 0 0"/><limit velocity="1" effort="80"/></joint>
  <joint name="grip" type="prismatic"><parent link="l3"/><child link="finger"/><origin xyz="0.1 0 0"/>
    <axis xyz="0 1 0"/><limit lower="0.02" upper="0.05" velocity="1" effort="80"/></joint>
</robot>"""


def spherized(project: Path) -> Path:
    """A description with spheres as collision shapes, the way planners' benchmarks have them."""
    ball = '<collision><origin xyz="{x} 0 0"/><geometry><sphere radius="0.05"/></geometry></collision>'
    mass = '<inertial><mass value="2"/><inertia ixx="0.1" ixy="0" ixz="0" iyy="0.1" iyz="0" izz="0.1"/></inertial>'
    links = "".join(
        f'<link name="{name}">{mass}{"".join(ball.format(x=x) for x in (0.0, 0.1, 0.2))}</link>\n'
        for name in ("l1", "l2", "l3", "finger")
    )
    file = project / "three.urdf"
    file.write_text(SPHERIZED.format(links=links))
    (project / "three.srdf").write_text(
        '<robot name="three"><group name="arm"><chain base_link="base" tip_link="l3"/></group>'
        '<group_state name="home" group="arm"><joint name="lift" value="0"/><joint name="turn" value="0.5"/>'
        '<joint name="spin" value="0"/></group_state>'
        '<disable_collisions link1="base" link2="l2" reason="Never"/></robot>'
    )
    return file


def test_a_spherized_arm_with_a_gripper(project: Path) -> None:
    done = add_robot(spherized(project), srdf=project / "three.srdf", project=project)
    robot = done.robot
    assert [axis.kind for axis in robot.axes] == ["prismatic", "revolute", "revolute"]
    assert robot.axes[0].axis == (0.0, 0.0, 1.0)
    assert [len(link.solids) for link in robot.links] == [1, 3, 3, 6]
    assert all(isinstance(solid.shape, Sphere) for link in robot.links for solid in link.solids)
    finger = next(solid for solid in robot.link("l3").solids if solid.name == "finger_1")
    assert finger.pose.position == pytest.approx((0.1, 0.02, 0.0))
    assert robot.link("l3").inertia.mass == 4.0
    # two equal masses, 0.1 and 0.02 apart: the tensor of the pair by Steiner
    assert robot.link("l3").inertia.com == pytest.approx((0.05, 0.01, 0.0))
    assert robot.link("l3").inertia.moments[3] == pytest.approx(0.2 + 2.0 * 2.0 * 0.05**2)
    said = [finding.code for finding in done.findings]
    assert said.count("F197") == 1  # the finger stands still
    assert "F195" in said  # an axis of length 2, and inertias that look like placeholders
    assert robot.touching == ()  # what is near only sometimes is asked about, whatever the SRDF says
    assert robot.configurations == {"home": (0.0, 0.5, 0.0)}
    assert max(check_robot(robot, poses=20).agreement.values()) < 1e-6
    assert link_places(robot)["l3"].frame == 3


def test_the_same_file_gives_the_same_folder(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    first = add_robot(spherized(project), project=project, tip="l3").folder
    second = add_robot(spherized(other), project=other, tip="l3").folder
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in second.iterdir()}


def test_pairs_that_are_always_near_are_listed(project: Path) -> None:
    file = spherized(project)
    near = file.read_text("utf-8").replace('<child link="l3"/><origin xyz="0.3 0 0"/>', '<child link="l3"/>')
    near = near.replace('rpy="0.1 0.2 0.3"', 'rpy="0 0 0"').replace(
        '<origin xyz="0.3 0 0" ', '<origin xyz="0.3 0.02 0" '
    )
    file.write_text(near)
    done = add_robot(file, tip="l3", project=project)
    # the first ball of l3 stays where axis 2 is, the others swing past l1
    assert done.robot.touching == (("l1.l1_3", "l3.l3_1"),)
    assert "mm apart at all of 200" in (done.folder / "robot.yaml").read_text("utf-8")
    assert "F175" not in {finding.code for finding in done.findings}


def test_pairs_that_are_always_near_at_changing_gaps_stay_asked_about(project: Path) -> None:
    """What always overlaps by more or less cannot be told from a collision: that is for a person to say."""
    file = spherized(project)
    text = file.read_text("utf-8").replace('<child link="l3"/><origin xyz="0.3 0 0"/>', '<child link="l3"/>')
    file.write_text(text.replace('<sphere radius="0.05"/>', '<sphere radius="0.3"/>'))
    done = add_robot(file, tip="l3", project=project)
    assert ("l1.l1_2", "l3.l3_3") not in done.robot.touching
    told = [finding.message for finding in done.findings if finding.code == "F175"]
    assert any(message.startswith("'l1.l1_2' and 'l3.l3_3' are always near each other: -") for message in told)


def test_states_that_do_not_fit_are_told(project: Path) -> None:
    file = spherized(project)
    srdf = project / "three.srdf"
    state = '<group_state name="{}" group="{}">{}</group_state>'
    joint = '<joint name="{}" value="{}"/>'
    far = "".join(joint.format(*pair) for pair in (("lift", 9), ("turn", 0), ("spin", 0)))
    arm = "".join(joint.format(*pair) for pair in (("lift", 0.1), ("turn", 0), ("spin", 6)))
    states = [
        state.format("far", "arm", far),
        state.format("half", "arm", joint.format("lift", 0)),
        state.format("home", "arm", arm),
        state.format("home", "hand", joint.format("grip", 0.03)),
    ]
    srdf.write_text(f'<robot name="three"><group name="arm"/>{"".join(states)}</robot>')
    done = add_robot(file, srdf=srdf, tip="l3", project=project)
    assert done.robot.configurations == {"home": (0.1, 0.0, 6.0)}
    said = {finding.message for finding in done.findings}
    assert "state 'far' of the SRDF puts 'lift' outside its limits" in said
    assert "state 'half' of the SRDF does not give every axis a value" in said


def test_a_file_whose_name_says_nothing_gives_the_name_of_the_robot(project: Path) -> None:
    file = spherized(project).rename(project / "Model.urdf")
    assert add_robot(file, tip="l3", project=project).folder.name == "three_spheres"


def test_a_xacro_file_is_expanded(project: Path) -> None:
    pytest.importorskip("xacrodoc")
    text = (
        spherized(project).read_text("utf-8").replace("<robot ", '<robot xmlns:xacro="http://www.ros.org/wiki/xacro" ')
    )
    file = project / "three.urdf.xacro"
    file.write_text(text.replace('upper="0.3"', 'upper="${0.1 * 3}"'))
    done = add_robot(file, tip="l3", project=project)
    assert done.robot.axes[0].limits is not None
    assert done.robot.axes[0].limits.upper == pytest.approx(0.3)
    file.write_text(text.replace('upper="0.3"', 'upper="${1 / 0}"'))
    with pytest.raises(FileError) as caught:
        add_robot(file, name="again", tip="l3", project=project)
    assert caught.value.findings[0].code == "F189"


def test_a_xacro_file_takes_arguments(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("xacrodoc")
    monkeypatch.chdir(project)
    text = spherized(project).read_text("utf-8")
    text = text.replace("<robot ", '<robot xmlns:xacro="http://www.ros.org/wiki/xacro" ', 1)
    (project / "three.urdf.xacro").write_text(text.replace('upper="0.3"', 'upper="$(arg top)"'))
    words = ["robots", "add", "three.urdf.xacro", "--tip", "l3"]
    assert call(words) == 2
    assert "give it: --arg NAME=VALUE [F189]" in capsys.readouterr().err
    assert call([*words, "--arg", "top"]) == 2
    assert "'top' is not NAME=VALUE" in capsys.readouterr().err
    assert call([*words, "--arg", "top=0.25"]) == 0
    assert load_robot(project / "robots/three").axis_limits[0].upper == 0.25


def test_names_keep_their_letters_without_their_marks(project: Path) -> None:
    text = spherized(project).read_text("utf-8").replace("three spheres", "Ödland").replace('"l3"', '"glied ü"')
    file = project / "robot.urdf"
    file.write_text(text, "utf-8")
    robot = add_robot(file, tip="glied ü", project=project).robot
    assert (robot.name, robot.flange) == ("Odland", "glied_u")


def test_a_hull_of_too_many_corners_is_refused(project: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    trimesh.creation.icosphere(subdivisions=5, radius=0.05).export(project / "ball.stl")
    file = spherized(project)
    ball = '<sphere radius="0.08"/>'
    file.write_text(file.read_text("utf-8").replace(ball, '<mesh filename="ball.stl"/>', 1))
    with pytest.raises(FileError, match=r"the hull of 'ball\.stl' has 10242 corners, more than 5000"):
        add_robot(file, tip="l3", project=project)


def test_a_name_that_cannot_be_used(project: Path) -> None:
    file = spherized(project)
    for name in ("../x", "a b", "3"):
        with pytest.raises(UsageError) as caught:
            add_robot(file, name=name, tip="l3", project=project)
        assert caught.value.findings[0].code == "F138"
    add_robot(file, tip="l3", project=project)
    with pytest.raises(UsageError, match="already"):
        add_robot(file, tip="l3", project=project)


def test_nothing_is_left_behind_by_a_file_that_is_refused(project: Path) -> None:
    file = spherized(project)
    file.write_text(file.read_text("utf-8").replace('radius="0.08"', 'radius="80"'))
    with pytest.raises(CellctlError) as caught:
        add_robot(file, tip="l3", project=project)
    assert [finding.code for finding in caught.value.findings if finding.severity == "error"] == ["F196"]
    assert not (project / "robots").exists()


def test_odd_meshes_are_told(project: Path) -> None:
    """A box without its lid, one inside out, one mirrored, one in mm."""
    trimesh = pytest.importorskip("trimesh")
    box = trimesh.creation.box((0.1, 0.1, 0.1))
    lid = trimesh.Trimesh(box.vertices, box.faces[:-2], process=False)
    inside_out = trimesh.Trimesh(box.vertices, box.faces[:, ::-1], process=False)
    for name, mesh in (("open", lid), ("turned", inside_out), ("good", box)):
        mesh.export(project / f"{name}.stl")
    text = spherized(project).read_text("utf-8")
    old = '<origin xyz="{} 0 0"/><geometry><sphere radius="0.05"/></geometry>'
    for k, mesh in enumerate(
        (
            '<mesh filename="open.stl"/>',
            '<mesh filename="turned.stl"/>',
            '<mesh filename="good.stl" scale="-1 1 1"/>',
        )
    ):
        text = text.replace(old.format((0.0, 0.1, 0.2)[k]), f"<geometry>{mesh}</geometry>", 1)
    file = project / "odd.urdf"
    file.write_text(text)
    done = add_robot(file, tip="l3", project=project)
    said = [finding.message for finding in done.findings if finding.code == "F196"]
    assert said == [
        "a mesh of link 'l1' is not watertight: 4 edges have not exactly two triangles",
        "a mesh of link 'l1' is inside out: its triangles are wound clockwise seen from outside",
        "a mesh of link 'l1' is mirrored by its scale",
    ]
    assert len(done.robot.link("l1").solids) == 3
    shutil.rmtree(done.folder)
    file.write_text(text.replace('scale="-1 1 1"', 'scale="1000 1000 1000"'))
    with pytest.raises(FileError, match="100 m long"):
        add_robot(file, tip="l3", project=project)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--package", "nowhere"), "'nowhere' is not NAME=FOLDER with a folder that is there"),
        (("--package", "a=/none/there"), "'a=/none/there' is not NAME=FOLDER with a folder that is there"),
        (("--payload", "12"), "'12' has no unit, a quantity of mass needs one - write '12 kg'"),
        (("--payload", "0kg"), "a payload is more than 0 kg"),
        (("--payload", "-3kg"), "a payload is more than 0 kg"),
        (("--tip", "l33"), "there is no link 'l33' to be the tip - did you mean 'l3'"),
        (("--tip", "base"), "no joints lead from 'base' to 'base'"),
        (("--srdf", "none.srdf"), "none.srdf: cannot be read: No such file or directory"),
    ],
)
def test_what_is_asked_for_wrongly_is_told(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, str],
    said: str,
) -> None:
    monkeypatch.chdir(project)
    assert call(["robots", "add", str(spherized(project)), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (project / "robots").exists()


def test_arms_lie_beside_each_other_where_no_project_is_yet(tmp_path: Path) -> None:
    assert [added(name, tmp_path).folder for name in ("puma560", "al5d")] == [
        tmp_path / "robots" / "puma560",
        tmp_path / "robots" / "al5d",
    ]
