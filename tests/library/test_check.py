"""`cellctl robots check`: passes for the whole library, and finds what is put wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cellctl.cli.main import call
from cellctl.files import load_robot
from cellctl.jobs import robot_check, robot_cover
from cellctl.jobs.robot_check import check_robot, suspicions
from cellctl.model.robot import Inertia, Robot
from cellctl.model.shapes import Box

pytest.importorskip("pybullet")
pytest.importorskip("roboticstoolbox")


def codes(robot: Robot) -> list[str]:
    return [finding.code for finding in check_robot(robot, poses=20).findings]


def test_every_robot_of_the_library_passes(robot: Robot) -> None:
    done = check_robot(robot, poses=30)
    assert done.passed
    assert set(done.agreement) == {"pybullet", "roboticstoolbox"}
    assert sum(done.branches.values()) == (30 if robot.kind == "arm" else 0)
    assert 0 not in done.branches
    assert {finding.code for finding in done.findings} <= {"F172"}
    assert bool(done.findings) is (robot.name == "franka_panda_fer")


@pytest.fixture
def irb() -> Robot:
    return load_robot("abb_irb2400_12_155")


def test_a_closed_form_that_does_not_fit_is_found(irb: Robot) -> None:
    assert irb.opw is not None
    assert codes(replace(irb, opw=replace(irb.opw, c2=0.706))) == ["F174"]
    assert codes(replace(irb, opw=replace(irb.opw, c2=0.9))) == ["P291"]


def test_links_that_are_always_near_are_found(irb: Robot) -> None:
    assert codes(replace(irb, touching=())) == ["F175"]


def test_an_oracle_that_disagrees_is_told(irb: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    shifted = robot_check.flange_matrices
    monkeypatch.setattr(robot_check, "flange_matrices", lambda *given: shifted(*given) + 1e-5)
    assert codes(irb)[:2] == ["F173", "F173"]


def test_suspicious_figures_are_warned_of(irb: Robot) -> None:
    light = replace(irb.links[2], inertia=Inertia(0.0, (0.0, 0.0, 0.0), (0.0,) * 6))
    odd = replace(irb.links[3], inertia=Inertia(5.0, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 1.0, 0.0, 2.1)), solids=())
    limits = irb.joints[0].limits
    assert limits is not None
    fast = replace(irb.joints[0], limits=replace(limits, velocity=150.0, effort=20_000.0))
    far = replace(irb.joints[1], origin=type(irb.joints[1].origin).of((100.0, 0.0, 615.0)))
    wrong = replace(
        irb, links=(*irb.links[:2], light, odd, *irb.links[4:]), joints=(fast, far, *irb.joints[2:]), touching=()
    )
    said = [finding.message for finding in suspicions(wrong)]
    assert said == [
        "'abb_irb2400_12_155': link 'link_2' moves and has no mass",
        "'abb_irb2400_12_155': link 'link_3': one moment of inertia is larger than the other two together, which no "
        "body has",
        "'abb_irb2400_12_155': link 'link_3' moves and has no solid: it is never checked",
        "'abb_irb2400_12_155': joint 'joint_1' turns at 150 rad/s",
        "'abb_irb2400_12_155': joint 'joint_1' holds 2e+04 N*m",
        "'abb_irb2400_12_155': its joints are 625 m apart in all: are lengths in the right unit?",
    ]


def test_the_command_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["robots", "check", "ur5e", "--poses", "10", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] is True
    assert max(data["agreement"].values()) < 1e-6
    assert call(["robots", "check", "ur5", "--poses", "10"]) == 2
    assert "did you mean 'ur5e'?" in capsys.readouterr().err


def test_a_robot_outside_the_library_is_checked_too(tmp_path: Path, checkout: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    text = (checkout / "robots" / "abb_irb2400_12_155" / "robot.yaml").read_text("utf-8")
    (folder / "robot.yaml").write_text(text.replace("c1: 615 mm", "c1: 616 mm"))
    assert call(["robots", "check", str(folder), "--poses", "5"]) == 1


def test_a_picture_outside_its_solids_is_told() -> None:
    arm = load_robot("kuka_kr16_2")
    link = arm.link("link_2")
    short = replace(link.solids[0], shape=Box((0.2, 0.2, 0.2)))
    cut = replace(arm, links=tuple(replace(k, solids=(short,)) if k is link else k for k in arm.links))
    covers = {cover.link: cover for cover in robot_cover.link_covers(cut)}
    assert covers["link_1"].stands_out < 1e-3
    assert covers["link_2"].stands_out > 0.3
    (finding,) = robot_cover.cover_findings(cut, tuple(covers.values()))
    assert (finding.code, finding.severity) == ("F176", "warning")
    large = tuple(replace(v, scale=100.0) for v in link.visuals)
    wrong = replace(arm, links=tuple(replace(k, visuals=large) if k is link else k for k in arm.links))
    said = [f.code for f in robot_cover.cover_findings(wrong, robot_cover.link_covers(wrong))]
    assert said == ["F176", "F196"]
