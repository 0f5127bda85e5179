"""What every folder of the library must have: sane figures, told sources, a README, solids that let it move."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from cellctl.cli.main import call
from cellctl.files import library_robots
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import frames
from cellctl.model.cell import Cell, Group, Mechanism
from cellctl.model.pose import Pose
from cellctl.model.robot import Robot
from cellctl.scene.bodies import collision_model
from tests.library.conftest import robot_called

FIGURES = {"chain", "position_limits", "velocity_limits", "acceleration_limits", "jerk_limits", "effort_limits"}
FIGURES |= {"masses", "inertias", "payload", "colours"}
LISTING = [name for name in library_robots() if robot_called(name).touching]
"""Robots with pairs that are never asked about."""
NO_BODY = {("franka_panda_fer", "fer_link4")}
"""Links whose inertia, as their maker has it, is that of no body; their files say so."""


def test_the_library_has_what_it_promises() -> None:
    assert len(library_robots()) == 22


def test_limits_are_sane(robot: Robot) -> None:
    for joint in robot.axes:
        assert joint.limits is not None
        limits = joint.limits
        assert -4.0 * np.pi <= limits.lower < limits.upper <= 4.0 * np.pi
        assert 0.5 < limits.velocity < 20.0
        assert 0.4 * limits.velocity < limits.acceleration < 100.0
        assert 10.0 * limits.acceleration == pytest.approx(limits.jerk) or robot.name == "franka_panda_fer"
        assert 0.5 <= limits.effort < 5000.0
    assert 0.0 < robot.payload <= 500.0


def test_masses_and_inertias_can_be_those_of_bodies(robot: Robot) -> None:
    """Positive, and no moment larger than the other two together, which no body has."""
    for link in robot.links:
        if link.inertia.mass == 0.0:
            assert not link.solids
            continue
        xx, xy, xz, yy, yz, zz = link.inertia.moments
        moments = np.linalg.eigvalsh(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
        assert moments[0] > 0.0
        possible = moments[2] <= (moments[0] + moments[1]) * (1.0 + 1e-6)
        assert bool(possible) is not ((robot.name, link.name) in NO_BODY)
    assert sum(link.inertia.mass for link in robot.links) > 0.5


def test_every_group_of_figures_has_its_source(robot: Robot, folder: Path) -> None:
    sources = YAML(typ="safe").load(folder / "robot.yaml")["sources"]
    assert set(sources) >= FIGURES
    assert ("meshes" in sources) is not ("shapes" in sources)
    assert ("closed_form" in sources) is (robot.opw is not None)
    assert sources["chain"]["licence"]
    assert sources.get("meshes", sources.get("shapes"))["licence"]
    inertias = {link.inertia.basis for link in robot.links if link.inertia.mass}
    assert inertias == {"source" if sources["inertias"]["basis"] == "source" else "estimate"}


def test_the_readme_tells_of_the_robot(robot: Robot, folder: Path) -> None:
    lines = (folder / "README.md").read_text("utf-8").splitlines()
    assert lines[0] == f"# {robot.title}"
    assert "## Licences" in lines


def test_tools_have_a_readme_and_licences(checkout: Path) -> None:
    tools = sorted((checkout / "robots" / "tools").iterdir())
    assert len(tools) == 7
    for folder in tools:
        assert (folder / "README.md").read_text("utf-8").startswith("# ")
        assert YAML(typ="safe").load(folder / "tool.yaml")["sources"]["shape"]["basis"] == "estimate"


def test_tools_can_be_mounted(checkout: Path, tmp_path: Path) -> None:
    from cellctl.files import load_cell

    for folder in sorted((checkout / "robots" / "tools").iterdir()):
        (tmp_path / "cell.yaml").write_text(
            f"name: c\ntools:\n  t: lib:robots/tools/{folder.name}\n"
            "mechanisms:\n  r1:\n    model: lib:robots/ur5e\n    tool: t\n"
        )
        tool = load_cell(tmp_path / "cell.yaml").mechanisms[0].tool
        assert tool is not None
        assert tool.solids


def test_no_pair_of_links_touches_everywhere(robot: Robot) -> None:
    pytest.importorskip("pybullet")
    from cellctl.scene.bullet.exact import ExactScene

    mechanism = Mechanism("r1", replace(robot, touching=()), Pose.identity(), None, {})
    model = collision_model(Cell("c", (mechanism,), (Group("r1", ("r1",)),), (), ()), "r1")
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    joints = np.random.default_rng(0).uniform(lower, upper, (60, robot.dof))
    with ExactScene(model) as scene:
        touching = [
            {tuple(name.split(".")[1] for name in contact[1:3]) for contact in scene.all_within(q, 0.0)} for q in joints
        ]
    listed = {frozenset(pair) for pair in robot.touching}
    assert {frozenset(pair) for pair in set.intersection(*touching)} <= listed
    assert any(not pairs for pairs in touching)


@pytest.mark.parametrize("robot", LISTING, indirect=True)
def test_only_gaps_that_never_change_are_not_asked_about(robot: Robot) -> None:
    """What is listed as touching is as near at any joint values as at any others, so nothing is hidden."""
    pytest.importorskip("pybullet")
    from cellctl.scene.bullet.exact import ExactScene

    mechanism = Mechanism("r1", replace(robot, touching=()), Pose.identity(), None, {})
    model = collision_model(Cell("c", (mechanism,), (Group("r1", ("r1",)),), (), ()), "r1")
    names = [model.pair_names(pair) for pair in range(len(model.pairs))]
    places = {frozenset(pair): index for index, pair in enumerate(names)}
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    joints = np.random.default_rng(3).uniform(lower, upper, (100, robot.dof))
    listed = [places[frozenset(f"r1.{name}" for name in pair)] for pair in robot.touching]
    with ExactScene(model) as scene:
        gaps = []
        for q in joints:
            scene.move(q)
            contacts = [scene.query(pair, 0.010) for pair in listed]
            assert all(contact is not None for contact in contacts)
            gaps.append([contact.distance for contact in contacts if contact is not None])
    assert np.ptp(gaps, axis=0).max() < 0.2e-3
    assert np.min(gaps) > 0.0


def test_every_link_that_moves_has_a_body(robot: Robot) -> None:
    bare = {link.name for link in robot.links if not link.solids}
    moving = {joint.child for joint in robot.axes}
    assert not moving & bare
    assert np.isfinite(frames(chain_of(robot), np.zeros(robot.dof))).all()


def test_info_knows_every_robot(robot: Robot, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["robots", "info", robot.name, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["title"], data["kind"]) == (robot.title, robot.kind)
    assert len(data["joints"]) == robot.dof


def test_list_shows_every_robot(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["robots", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(library_robots())
    assert [line.split()[0] for line in lines if "positioner" in line.split()] == ["yaskawa_motopos_d500"]
