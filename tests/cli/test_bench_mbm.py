"""The suite `mbm` on a folder of its own: figures, paths as JSON, and a second checker that finds planted touches."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from cellctl.bench.mbm import obstacles_in
from cellctl.bench.mbm_check import PathCheck, sampled
from cellctl.bench.mbm_engines import refuted_by
from cellctl.bench.mbm_folder import MbmArm, read_folder
from cellctl.kinematics.forward import frames
from cellctl.scene.engine import EngineName
from cellctl.scene.spheres.contacts import nearest_at, sphere_centres
from cellctl.scene.spheres.tables import arm_tables

LINKS = {"base": (0.0, 0.1), "upper": (0.15, 0.05), "fore": (0.15, 0.05), "hand": (0.05, 0.04)}
JOINTS = (
    ("turn", "base", "upper", "0 0 0.3", "0 0 1"),
    ("lift", "upper", "fore", "0.3 0 0", "0 1 0"),
    ("roll", "fore", "hand", "0.3 0 0", "1 0 0"),
)
TURNED = [0.0, 0.0, 0.3826834323650898, 0.9238795325112867]
SCENE = {
    "box": [{"position": [0.35, 0.3, 0.3], "quat_xyzw": TURNED, "half_extents": [0.05, 0.05, 0.2]}],
    "cylinder": [{"position": [0.0, 0.5, 0.1], "quat_xyzw": [0.0, 0.6, 0.0, 0.8], "radius": 0.05, "length": 0.3}],
    "sphere": [{"position": [-0.4, -0.4, 0.3], "radius": 0.1}],
}


def _urdf() -> str:
    links = "".join(
        f'<link name="{name}"><collision><geometry><sphere radius="{radius}"/></geometry>'
        f'<origin xyz="{at} 0 0"/></collision></link>'
        for name, (at, radius) in LINKS.items()
    )
    joints = "".join(
        f'<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/><origin xyz="{xyz}" '
        f'rpy="0 0 0.2"/><axis xyz="{axis}"/><limit lower="-3" upper="3"/></joint>'
        for name, parent, child, xyz, axis in JOINTS
    )
    return f'<robot name="small">{links}{joints}</robot>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("problems")
    (folder / "small_spherized.urdf").write_text(_urdf(), "utf-8")
    touching = '<robot><disable_collisions link1="base" link2="upper"/></robot>'
    (folder / "small.srdf").write_text(touching, "utf-8")
    problem = {"start": [-1.0, 0.0, 0.0], "goals": [[1.6, -0.4, 0.1]], "valid": True, **SCENE}
    problems = [{**problem, "index": 1}, {**problem, "index": 2, "valid": False}, {**problem, "index": 3}]
    data = {"robot": "small", "joints": [name for name, *_ in JOINTS], "problems": {"shelf": problems}}
    with gzip.open(folder / "small_dev.json.gz", "wt") as file:
        json.dump(data, file)
    return folder


@pytest.fixture(scope="module")
def small(folder: Path) -> MbmArm:
    (arm,) = read_folder(folder)
    return arm


def test_the_suite_plans_every_valid_problem_and_writes_the_paths(say, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "paths.json"
    said = say(
        "bench", "mbm", str(folder), "--seeds", "2", "--repeats", "1", "--paths", str(file), "--check", "coal", "--json"
    )
    assert said.code == 0, said.err
    (suite,) = json.loads(said.out)["suites"]
    figures = {figure["name"]: figure for figure in suite["figures"]}
    assert figures["small: solved"]["values"] == [100.0]
    assert len(figures["small: plan + simplify"]["values"]) == 4
    assert figures["small: paths refuted at 0.002 rad"]["values"] == [0.0]
    assert figures["small: paths refuted by coal at 0.002 rad"]["values"] == [0.0]
    paths = json.loads(file.read_text("utf-8"))
    assert [entry["index"] for entry in paths["small"]["shelf"]] == [1, 1, 3, 3]
    assert all(set(entry) == {"index", "seconds", "path"} for entry in paths["small"]["shelf"])
    assert paths["small"]["shelf"][0]["path"][0] == [-1.0, 0.0, 0.0]
    assert paths["small"]["shelf"][0]["path"][-1] == [1.6, -0.4, 0.1]


def test_the_second_checker_places_spheres_as_the_chain_does(small: MbmArm) -> None:
    check = PathCheck(small)
    for q in np.random.default_rng(0).uniform(-3.0, 3.0, (20, 3)):
        assert np.abs(check.centres(q[None])[0] - sphere_centres(small.arm, q)).max() < 1e-12
    assert frames(small.arm.chain, np.zeros(3)).shape == (5, 4, 4)


def test_the_second_checker_measures_what_the_nearest_two_are_apart(small: MbmArm) -> None:
    check, tables, scene = PathCheck(small), arm_tables(small.arm, mixed=True), small.problems[0].scene
    for q in np.random.default_rng(1).uniform(-3.0, 3.0, (60, 3)):
        gap = nearest_at(small.arm, tables, obstacles_in(scene), q)[2]
        depth = check.depth(scene, np.stack([q, q]))
        assert (depth > 0.0) == (gap < 0.0)
        if abs(gap) < 0.005 and depth < 0.0:
            assert -depth == pytest.approx(gap, abs=2e-6)


@pytest.mark.parametrize("engine", ["coal", "bullet"])
def test_a_path_through_an_obstacle_is_refuted_by_all(small: MbmArm, engine: EngineName) -> None:
    pytest.importorskip("pybullet" if engine == "bullet" else "coal")
    scene = small.problems[0].scene
    through = np.array([[-1.0, 0.0, 0.0], [1.6, -0.4, 0.1]])
    assert PathCheck(small).depth(scene, through) > 0.01
    assert refuted_by(engine, small, scene, through)
    assert not refuted_by(engine, small, scene, through[:1] + np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]]))


def test_samples_are_never_further_apart_than_the_step() -> None:
    way = np.array([[0.0, 0.0], [1.0, 0.5], [1.0, 0.5001]])
    q = sampled(way, 0.002)
    assert np.linalg.norm(np.diff(q, axis=0), axis=1).max() <= 0.002 + 1e-12
    assert np.array_equal(q[-1], way[-1])


def test_a_folder_without_problems_is_a_usage_error(say, tmp_path: Path) -> None:
    said = say("bench", "mbm", str(tmp_path))
    assert said.code == 2
    assert "[U660]" in said.err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("small_spherized.urdf", "<robot"),
        ("small_spherized.urdf", '<!DOCTYPE x [<!ENTITY a "b">]><robot/>'),
        ("small.srdf", "<robot><disable_collisions/></robot>"),
        ("small_dev.json.gz", "{}"),
    ],
)
def test_a_broken_file_is_named(say, folder: Path, tmp_path: Path, name: str, text: str) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text(text, "utf-8")
    said = say("bench", "mbm", str(tmp_path))
    assert said.code == 2
    assert f"{name}: {name} is not what it should be" in said.err
    assert "[U661]" in said.err


def test_paths_that_cannot_be_written_are_a_usage_error(say, folder: Path, tmp_path: Path) -> None:
    said = say("bench", "mbm", str(folder), "--seeds", "1", "--repeats", "1", "--paths", str(tmp_path / "no" / "file"))
    assert said.code == 2
    assert "[U662]" in said.err


def test_mbm_without_a_folder_is_a_usage_error(say) -> None:
    said = say("bench", "mbm")
    assert said.code == 2
    assert "[U610]" in said.err


def test_mbm_without_a_seed_is_a_usage_error(say, tmp_path) -> None:
    said = say("bench", "mbm", str(tmp_path), "--seeds", "0")
    assert said.code == 2
    assert said.err == "a problem cannot be planned with 0 seeds - write cellctl bench mbm FOLDER --seeds 5 [U663]\n"
