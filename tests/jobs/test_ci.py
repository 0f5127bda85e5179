"""`cellctl check` for build servers: JUnit, SARIF and GitHub's own lines, from a job that really fails."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, validators
from junitparser import Error, Failure, JUnitXml, Properties, Skipped, TestCase, TestSuite
from ruamel.yaml import YAML

from cellctl.cli.app import application
from cellctl.cli.main import call
from cellctl.errors import Finding, Place
from cellctl.jobs.checking import Checked
from cellctl.reports.github import summary, workflow_commands
from cellctl.reports.junit import junit_xml
from cellctl.reports.sarif import sarif_text, uri_of
from tests.jobs.conftest import Spoil

TASK = "task.yaml"
CORNER = "seam: tray.corner, wps: mig131_al_t3, from: 8 mm, to: -30 mm"
BUDGET = "budget: {cycle_time: 60 s, clearance: 12 mm}\nsteps:"


@dataclass(frozen=True)
class Answers:
    """What one check of three tasks left: its exit code, what it printed, and its reports."""

    code: int
    out: str
    err: str
    junit: Path
    sarif: Path
    json: Path
    summary: str


@pytest.fixture
def answers(
    spoiled: Spoil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Answers:
    """One task over its budgets, one with a seam into the corner of three plates, and one that is not YAML."""
    text = spoiled().read_text()
    (tmp_path / "over.yaml").write_text(text.replace("steps:", BUDGET))
    (tmp_path / "blocked.yaml").write_text(text.replace(CORNER, CORNER.replace("-30 mm", "-4 mm")))
    (tmp_path / "broken.yaml").write_text("steps: [\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    reports = [tmp_path / name for name in ("junit.xml", "cellctl.sarif", "cellctl.json")]
    asked = [word for report in reports for word in ("--report", report.name)]
    code = call(["check", "over.yaml", "blocked.yaml", "broken.yaml", "--format", "github", *asked])
    said = capsys.readouterr()
    return Answers(code, said.out, said.err, *reports, (tmp_path / "summary.md").read_text())


def case(suite: TestSuite, name: str) -> TestCase:
    (found,) = [case for case in suite if case.name == name]
    return found


def figures(item: TestCase | TestSuite) -> dict[str, str]:
    return {found.name: found.value for found in item.child(Properties)}


def test_one_failing_job_in_every_format(answers: Answers) -> None:
    """All of it from one check, which takes a few seconds."""
    assert answers.code == 2
    assert answers.err == ""
    check_junit(answers.junit)
    check_sarif(answers.sarif)
    check_github(answers.out)
    check_summary(answers.summary)
    check_json(answers.json)


def check_junit(path: Path) -> None:
    over, blocked, broken = JUnitXml.fromfile(str(path))
    assert [suite.name for suite in (over, blocked, broken)] == ["over.yaml", "blocked.yaml", "broken.yaml"]
    assert float(figures(over)["cycle_time_s"]) > 60.0
    assert figures(over)["budget_cycle_time_s"] == "60.000"
    (cycle,) = case(over, "task").result
    assert isinstance(cycle, Failure)
    assert cycle.type == "C326"
    amount = float(re.search(r"([\d.]+) s over the budget of 60 s", cycle.message)[1])
    assert amount == pytest.approx(float(figures(over)["cycle_time_s"]) - 60.0, abs=0.01)
    steps = [found for found in over if found.name != "task"]
    for step in steps:
        clearance = float(figures(step).get("clearance_mm", "inf"))
        assert bool(step.result) == (clearance < 12.0)
        if step.result:
            assert "mm under the budget of 12 mm" in step.result[0].message
    failed = [step for step in steps if step.result]
    assert 0 < len(failed) < len(steps)
    assert (over.tests, over.failures, over.errors, over.skipped) == (7, len(failed) + 1, 0, 0)
    boss = case(over, "step 5: weld tray.boss")
    throat, area = (float(figures(boss)[name]) for name in ("fillet_throat_mm", "deposited_area_mm2"))
    assert throat**2 == pytest.approx(area, rel=1e-2)
    assert (boss._elem.get("file"), boss._elem.get("line")) == ("over.yaml", "11")

    assert (blocked.tests, blocked.failures, blocked.errors, blocked.skipped) == (7, 1, 0, 5)
    (corner,) = case(blocked, "step 4: weld tray.corner").result
    assert isinstance(corner, Failure)
    assert corner.type == "P203"
    assert isinstance(case(blocked, "step 2: weld tray.left").result[0], Skipped)

    assert (broken.tests, broken.failures, broken.errors) == (1, 0, 1)
    assert isinstance(case(broken, "task").result[0], Error)


def check_sarif(path: Path) -> None:
    log = json.loads(path.read_text())
    subset = json.loads((Path(__file__).parent / "sarif_subset.json").read_text())
    Draft202012Validator(subset).validate(log)
    if schema := os.environ.get("SARIF_SCHEMA"):  # the file that OASIS publishes; it is not ours to hand on
        whole = json.loads(Path(schema).read_text())
        validators.validator_for(whole)(whole).validate(log)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert {"C326", "P203"} <= set(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    place = next(r for r in run["results"] if r["ruleId"] == "P203")["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "blocked.yaml"}, "region": {"startLine": 9, "startColumn": 5}}


def check_github(out: str) -> None:
    lines = [line for line in out.splitlines() if line.startswith("::")]
    assert any(line.startswith("::error file=blocked.yaml,line=9,col=5,title=P203::step 4, tray") for line in lines)
    assert any(line.startswith("::error file=over.yaml,line=5,col=9,title=C326::cycle time is ") for line in lines)
    assert "over.yaml: " in out


def check_summary(text: str) -> None:
    assert re.search(r"\| over.yaml \| \d+ errors \| \d+\.\d s \| \d+\.\d mm \|", text)
    assert "| step 4: weld tray.corner | failed |" in text
    assert "- `P203` blocked.yaml:9:5: step 4" in text


def check_json(path: Path) -> None:
    data = json.loads(path.read_text())
    assert data["exit_code"] == 2
    over, blocked, broken = data["files"]
    assert [file["ok"] for file in (over, blocked, broken)] == [False, False, False]
    for step in over["steps"]:
        assert (step["outcome"] == "failed") == (step["clearance"] is not None and step["clearance"] < 0.012)
    assert [step["outcome"] for step in blocked["steps"]].count("not proved") == 5
    assert broken["steps"] == []


# The writers on findings as bad as they can be ------------------------------------------------------------------------

NASTY = Finding("C301", '50 % of <a|b> & "c"\nnext\x00', Place("a,b: c.yaml", 3, 0), "write 'x'")
NOTE = Finding("F199", "something to know", severity="note")


def test_junit_holds_any_text_and_notes_fail_nothing() -> None:
    (suite,) = JUnitXml.fromstring(junit_xml([Checked("a.yaml", findings=(NASTY, NOTE), exit_code=1)]).encode())
    (task,) = suite
    (failure,) = task.result
    assert failure.message == '50 % of <a|b> & "c"\nnext?'
    assert "something to know" in task.system_out
    (clean,) = JUnitXml.fromstring(junit_xml([Checked("a.yaml", findings=(NOTE,))]).encode())
    assert (clean.tests, clean.failures, clean.errors) == (1, 0, 0)


def test_workflow_commands_are_one_line_each() -> None:
    first, second = workflow_commands([Checked("a.yaml", findings=(NOTE, NASTY))])
    assert first.startswith("::error file=a%2Cb%3A c.yaml,line=3,col=1,title=C301::50 %25 of <a|b>")
    assert "%0Anext" in first
    assert second == "::notice file=a.yaml,title=F199::something to know"


def test_more_errors_than_are_shown_are_said() -> None:
    lines = workflow_commands([Checked("a.yaml", findings=(NASTY,) * 11)])
    assert len(lines) == 12
    assert lines[-1].startswith("::notice title=cellctl::11 errors")


def test_the_summary_keeps_its_tables() -> None:
    text = summary([Checked("a|b.yaml", findings=(NASTY,), exit_code=1)])
    assert "| a\\|b.yaml | 1 error |" in text
    assert "&lt;a\\|b> &amp;" in text


def test_places_become_references() -> None:
    assert uri_of("a b/c.yaml") == "a%20b/c.yaml"
    assert uri_of("/a b.yaml") == "file:///a%20b.yaml"
    assert uri_of("lib:robots/x/robot.yaml") == "lib:robots/x/robot.yaml"
    (result,) = json.loads(sarif_text([Checked("t.yaml", findings=(NOTE,))]))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "t.yaml"}}


# Where reports go -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--report", "report.txt"], ["--report", "report"]])
def test_a_report_of_no_kind_is_refused_before_the_work(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["check", "none.yaml", *words]) == 2
    assert "[U650]" in capsys.readouterr().err


def test_no_report_is_written_over_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("package.json").write_text('{"name": "mine"}')
    assert call(["check", "none.yaml", "--report", "package.json"]) == 2
    assert "[U651]" in capsys.readouterr().err
    assert Path("package.json").read_text() == '{"name": "mine"}'
    for _ in range(2):
        assert call(["check", "none.yaml", "--report", "own.json", "--report", "own.xml", "--report", "own.sarif"]) == 2
        assert "[F101]" in capsys.readouterr().err
    assert json.loads(Path("own.json").read_text())["exit_code"] == 2


def test_a_report_in_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["check", "none.yaml", "--report", str(tmp_path / "no" / "x.xml")]) == 2
    assert "[U652]" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["junit", "sarif"])
def test_a_document_on_stdout_is_nothing_else(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["check", "none.yaml", "--format", format]) == 2
    said = capsys.readouterr()
    assert "[F101]" in said.err
    if format == "junit":
        assert len(list(JUnitXml.fromstring(said.out.encode()))) == 1
    else:
        assert json.loads(said.out)["version"] == "2.1.0"


def test_the_sample_workflow_asks_for_what_there_is(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = YAML(typ="safe").load((checkout / "docs" / "samples" / "cell-checks.yml").read_text())
    lines = [step.get("run", "") for step in workflow["jobs"]["check"]["steps"]]
    (line,) = [line for line in lines if line.startswith("cellctl")]
    words = [word.replace("tasks/*.yaml", "tasks/weld/tray_corner.yaml") for word in line.split()[1:]]
    _, bound, _ = application().parse_args(words, exit_on_error=False, print_error=False)
    assert bound.arguments["format"] == "github"
    assert [path.name for path in bound.arguments["report"]] == ["junit.xml", "cellctl.sarif"]
