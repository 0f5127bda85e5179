"""The commands over the library, the schemas and the catalogue, as they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cellctl.cli.schema import KINDS
from cellctl.files import library_robots


def test_the_library_has_the_kr_16(say) -> None:
    arms = json.loads(say("robots", "list", "--json").out)["robots"]
    assert {"kuka_kr16_2"} <= {arm["name"] for arm in arms}
    said = say("robots", "list")
    assert said.code == 0
    assert all(arm["title"] in said.out for arm in arms)


def test_the_arms_of_the_project_are_listed_and_a_bad_one_is_told(
    say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: Path
) -> None:
    (tmp_path / "cellctl.yaml").write_text("project: {name: here}\n")
    shutil.copytree(checkout / "robots" / "so101", tmp_path / "robots" / "my_arm")
    monkeypatch.chdir(tmp_path)
    listed = say("robots", "list", "--json")
    names = [arm["name"] for arm in json.loads(listed.out)["robots"]]
    assert (listed.code, len(names)) == (0, len(library_robots()) + 1)
    (tmp_path / "robots" / "my_arm" / "robot.yaml").write_text("title: nothing else\n")
    said = say("robots", "list")
    assert said.code == 2
    assert "kuka_kr16_2" in said.out
    assert "robots/my_arm/robot.yaml" in said.err


def test_an_arm_has_its_limits_and_its_sources(say) -> None:
    data = json.loads(say("robots", "info", "kuka_kr16_2", "--json").out)
    assert [joint["kind"] for joint in data["joints"]] == ["revolute"] * 6
    assert all(joint["lower"] < joint["upper"] for joint in data["joints"])
    assert data["sources"]
    said = say("robots", "info", "kuka_kr16_2").out
    assert "-185 deg" in said
    assert "185 deg" in said


def test_an_unknown_arm_is_answered_with_the_nearest(say) -> None:
    said = say("robots", "info", "kuka_kr16")
    assert (said.code, said.out) == (2, "")
    assert said.err == "no arm is called 'kuka_kr16' - did you mean 'kuka_kr16_2'? [U618]\n"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_schema(say, kind: str) -> None:
    said = say("schema", kind)
    assert said.code == 0
    assert json.loads(said.out)["type"] == "object"
    assert json.loads(say("schema", kind, "--json").out)["schema"] == json.loads(said.out)


def test_schemas_are_listed_and_written(say, tmp_path: Path) -> None:
    assert say("schema").out.split() == list(KINDS)
    assert say("schema", "-o", str(tmp_path / "all")).code == 0
    assert sorted(path.stem for path in (tmp_path / "all").iterdir()) == sorted(KINDS)
    assert say("schema", "task", "-o", str(tmp_path / "one.json")).code == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "all/task.json").read_bytes()


def test_an_unknown_kind_is_a_usage_error(say) -> None:
    said = say("schema", "tusk")
    assert said.code == 2
    assert "task" in said.err


def test_explain_says_what_a_code_means(say) -> None:
    said = say("explain", "u610")
    assert said.code == 0
    assert said.out.startswith("U610: ")
    assert json.loads(say("explain", "U610", "--json").out)["code"] == "U610"


def test_explain_knows_its_limits(say) -> None:
    said = say("explain", "U6100")
    assert (said.code, said.out) == (2, "")
    assert said.err == "no finding has the code 'U6100' - did you mean U610? [U616]\n"


def test_doctor_finds_everything_here(say) -> None:
    data = json.loads(say("doctor", "--json").out)
    assert data["exit_code"] == 0
    assert data["findings"] == []
    assert {row["engine"] for row in data["selftest"]} == {"bullet", "coal"}
    assert len(data["selftest"]) >= 16
    assert all(row["passed"] for row in data["selftest"])


def test_doctor_names_what_is_missing(say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellctl.cli.doctor.PACKAGES", ("numpy", "no-such-package"))
    said = say("doctor")
    assert (said.code, said.err) == (3, "package no-such-package is missing - install it again [E510]\n")


def test_doctor_is_content_without_pybullet_where_coal_is(say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellctl.cli.doctor._version", lambda name: None if name == "pybullet" else "1")
    said = say("doctor", "--json")
    data = json.loads(said.out)
    assert data["exit_code"] == 0
    assert [(found["code"], found["severity"]) for found in data["findings"]] == [("E501", "warning")]
    assert {row["engine"] for row in data["selftest"]} == {"coal"}


def test_doctor_wants_one_engine(say, monkeypatch: pytest.MonkeyPatch) -> None:
    engines = ("pybullet", "coal")
    monkeypatch.setattr("cellctl.cli.doctor._version", lambda name: None if name in engines else "1")
    said = say("doctor")
    assert said.code == 3
    assert said.err == "neither PyBullet nor coal is installed - pip install 'cellctl[coal]' [E506]\n"


def test_doctor_fails_when_the_engine_answers_wrongly(say, monkeypatch: pytest.MonkeyPatch) -> None:
    from cellctl.scene.traps import SelfTestResult

    wrong = SelfTestResult("two boxes", "10.000 mm", "10.730 mm", "10.700 mm", shown=True, passed=False)
    monkeypatch.setattr("cellctl.cli.doctor._selftest", lambda engine: (wrong,))
    said = say("doctor")
    assert said.code == 1
    assert "coal, self-test 'two boxes': the truth is 10.000 mm, cellctl answers 10.700 mm" in said.err


@pytest.mark.parametrize("kind", ["mcap", "parquet"])
def test_a_plan_is_no_run(say, tmp_path: Path, kind: str) -> None:
    plan = tmp_path / "tee.plan.zip"
    plan.write_bytes(b"")
    said = say("export", kind, str(plan))
    assert said.code == 2
    assert said.err.startswith(f"'{plan}' is a file, not the folder of a run - name the folder of a run, ")
    assert said.err.endswith("[U692]\n")


def test_a_word_too_many_is_named(say) -> None:
    assert say("robots", "list", "x", "y").err == (
        "the command takes no more words: 'x' 'y' - see `cellctl robots list --help` [U610]\n"
    )
