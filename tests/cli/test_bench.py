"""`cellctl bench` through the command line."""

from __future__ import annotations

import json

import pytest

from cellctl.bench.figures import SuiteResult
from cellctl.bench.suites import SUITES, Progress, Suite, suite
from cellctl.cli.app import SUBCOMMANDS


def test_every_suite_can_be_asked_for_and_is_there() -> None:
    _, commands = SUBCOMMANDS["bench"]
    assert set(SUITES) <= set(commands)
    assert all(callable(suite(name)) for name in SUITES)


def test_without_a_suite_all_of_the_table_are_measured(say, monkeypatch) -> None:
    asked = []

    def named(name: str) -> Suite:
        def measure(repeats: int, _: Progress) -> SuiteResult:
            asked.append((name, repeats))
            return SuiteResult(name, ())

        return measure

    monkeypatch.setattr("cellctl.bench.suites.suite", named)
    said = say("bench", "--repeats", "2", "--json")
    assert said.code == 0
    assert asked == [(name, 2) for name in SUITES]
    assert [one["suite"] for one in json.loads(said.out)["suites"]] == list(SUITES)


def test_an_option_of_another_suite_is_a_usage_error(say) -> None:
    said = say("bench", "timing", "--seeds", "3")
    assert said.code == 2
    assert "--seeds" in said.err


def test_a_suite_prints_figures_with_the_machine_beside(say) -> None:
    said = say("bench", "timing", "--repeats", "1", "--json")
    assert said.code == 0
    data = json.loads(said.out)
    assert data["machine"]["cores"] >= 1
    assert data["calibration"]["fastest"] > 0.0
    (timing,) = data["suites"]
    assert timing["suite"] == "timing"
    assert all(figure["values"] and figure["fastest"] > 0.0 for figure in timing["figures"])


@pytest.mark.slow
def test_streaming_keeps_its_records(say, tmp_path, monkeypatch) -> None:
    """A few seconds beside company, judged by nobody: every cycle is counted, in the figures and in the records."""
    monkeypatch.chdir(tmp_path)
    said = say("bench", "stream", "--minutes", "0.1", "--beside", "--json")
    assert said.code == 0
    (suite,) = json.loads(said.out)["suites"]
    (folder,) = tmp_path.glob("runs/stream-*")
    outcomes = [json.loads(path.read_text()) for path in folder.glob("*/outcome.json")]
    assert outcomes
    came = sum(len((path / "setpoints.csv").read_text().splitlines()) for path in folder.glob("0*"))
    assert suite["figures"][0]["values"] == [came]
    assert came == sum(outcome["cycles"] for outcome in outcomes) > 0


def test_no_time_to_stream_is_a_usage_error(say) -> None:
    said = say("bench", "stream", "--minutes", "0")
    assert said.code == 2
    assert said.err == "setpoints cannot be streamed for 0 minutes - write --minutes 10 [U665]\n"


def test_no_repeats_is_a_usage_error(say) -> None:
    said = say("bench", "timing", "--repeats", "0")
    assert said.code == 2
    assert said.err == "a call cannot be measured 0 times - write --repeats 5 [U665]\n"


def test_the_command_counts_how_runs_end(say) -> None:
    from cellctl.bench.serial.faults import BROKEN, RUNS

    said = say("bench", "faults", "--runs", "1", "--json")
    assert said.code == 0
    (suite,) = json.loads(said.out)["suites"]
    counted = {figure["name"]: figure["values"] for figure in suite["figures"]}
    assert {f"{protocol}: {BROKEN}" for protocol in RUNS} <= set(counted)
    assert sum(value for values in counted.values() for value in values) == len(RUNS)
    assert counted[f"grbl: {BROKEN}"] == [0]


@pytest.mark.slow
def test_throughput_is_measured_for_every_protocol(say, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = say("bench", "serial", "--minutes", "0.02", "--json")
    assert said.code == 0
    (suite,) = json.loads(said.out)["suites"]
    names = {figure["name"].partition(":")[0] for figure in suite["figures"]}
    servos = {"dynamixel, 7 servos, 100 Hz", "feetech, 6 servos, 50 Hz"}
    assert names == servos | {"grbl, 20 lines/s", "modbus, 2 devices"}
    ceilings = [figure["values"][0] for figure in suite["figures"] if figure["name"].endswith("ceiling")]
    assert all(ceiling > 0.0 for ceiling in ceilings)
    (folder,) = tmp_path.glob("runs/serial-*")
    assert len((folder / "dynamixel.csv").read_text().splitlines()) == 1 + round(0.02 * 60.0 * 100.0)
    assert json.loads((folder / "figures.json").read_text())["figures"] == suite["figures"]
