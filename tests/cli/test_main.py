"""What every command line does, whatever the command: exit codes, findings, JSON, usage errors, bugs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import cellctl.jobs
from cellctl import errors
from cellctl.cli.app import COMMANDS, SUBCOMMANDS
from cellctl.cli.main import call
from cellctl.errors import FileError, Finding, Place

FINDING = Finding("F110", "unknown key 'stepz'", Place("a.yaml", 3, 5), "did you mean 'steps'?")


def raising(error: BaseException):
    def check(task: str, *, engine: object, progress: object) -> None:
        raise error

    return check


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Make `cellctl verify` fail in a chosen way."""

    def fail_with(error: BaseException) -> None:
        monkeypatch.setitem(vars(cellctl.jobs), "verify", raising(error))

    return fail_with


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.FileError, 2),
        (errors.CheckFailed, 1),
        (errors.PlanningFailed, 1),
        (errors.NotCertified, 1),
        (errors.EnvironmentMissing, 3),
        (errors.LimitReached, 4),
        (errors.Stopped, 5),
        (errors.Faulted, 5),
        (errors.CellctlError, 70),
    ],
)
def test_every_error_has_its_exit_code(say, failing, kind: type[errors.CellctlError], code: int) -> None:
    failing(kind(FINDING))
    said = say("verify", "a.plan.zip")
    assert (said.code, said.out) == (code, "")
    assert said.err == "a.yaml:3:5: unknown key 'stepz' - did you mean 'steps'? [F110]\n"


def test_all_findings_are_said_in_order(say, failing) -> None:
    failing(FileError([FINDING, Finding("F111", "missing key 'cell'", severity="warning")]))
    assert say("verify", "a").err.splitlines() == [str(FINDING), "warning: missing key 'cell' [F111]"]


def test_findings_as_json_go_to_stdout(say, failing) -> None:
    failing(FileError(FINDING))
    said = say("verify", "a", "--json")
    assert said.err == ""
    assert json.loads(said.out) == {
        "exit_code": 2,
        "findings": [
            {
                "code": "F110",
                "message": "unknown key 'stepz'",
                "place": {"file": "a.yaml", "line": 3, "column": 5},
                "suggestion": "did you mean 'steps'?",
                "severity": "error",
                "data": {},
            }
        ],
    }


def test_a_bug_is_owned_up_to_and_its_traceback_goes_into_a_file(say, failing) -> None:
    failing(ZeroDivisionError("division by zero"))
    said = say("verify", "a", "--json")
    (finding,) = json.loads(said.out)["findings"]
    assert said.code == 70
    assert finding["code"] == "U670"
    assert finding["message"] == "this is a bug of ours, not of your files: ZeroDivisionError: division by zero"
    file = Path(finding["data"]["traceback"])
    assert "in check\n    raise error" in file.read_text("utf-8")
    file.unlink()


def test_debug_shows_the_traceback_of_a_bug(say, failing) -> None:
    failing(ZeroDivisionError("division by zero"))
    said = say("verify", "a", "--debug")
    assert said.code == 70
    assert said.err.startswith("Traceback (most recent call last):")
    assert said.err.endswith("ZeroDivisionError: division by zero [U670]\n")


def test_ctrl_c_exits_with_5(say, failing) -> None:
    failing(KeyboardInterrupt())
    said = say("verify", "a")
    assert (said.code, said.err) == (5, "interrupted by Ctrl-C while nothing moved [U613]\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rum", "x.yaml"), 'Unknown command "rum". Did you mean "run"?'),
        (("sim", "strat"), 'Unknown command "strat". Did you mean "start"?'),
        (("run", "x.yaml", "--drivr", "sim"), "Unknown option: --drivr. Did you mean --driver?"),
        (("run", "x.yaml", "--override", "0"), "Must be >= 1"),
        (("run", "x.yaml", "--override", "-5"), "Must be >= 1"),
        (("run", "x.yaml", "--override", "130"), "Must be <= 100"),
        (("run",), "requires an argument"),
        (("check",), "requires"),
    ],
)
def test_a_misused_command_line_exits_with_2(say, words: tuple[str, ...], said: str) -> None:
    result = say(*words)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    helped = "cellctl" if words[0] == "rum" else f"cellctl {words[0]}"
    assert result.err.endswith(f"see `{helped} --help` [U610]\n")
    assert result.err.count("\n") == 1


def test_a_driver_that_is_none_is_told(say) -> None:
    result = say("run", "x.yaml", "--driver", "simm")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("no driver is called 'simm' - known drivers: ")


def test_help_and_version_are_not_errors(say) -> None:
    assert say("--version").out == "0.1.0\n"
    shown = say("--help")
    assert (shown.code, shown.err) == (0, "")
    assert all(name in shown.out for name in (*COMMANDS, *SUBCOMMANDS))
    assert say().out == shown.out


def every_command() -> list[tuple[str, str, str]]:
    alone = [(name, *entry) for name, entry in COMMANDS.items()]
    return alone + [
        (f"{group} {name}", *entry) for group, (_, sub) in SUBCOMMANDS.items() for name, entry in sub.items()
    ]


@pytest.mark.parametrize(("name", "target", "summary"), every_command())
def test_every_command_is_there_and_says_what_the_table_says(say, name: str, target: str, summary: str) -> None:
    module, _, function = target.partition(":")
    command = getattr(import_module(module), function)
    assert command.__doc__.splitlines()[0] == summary
    shown = say(*name.split(), "--help")
    assert shown.code == 0
    assert "--json" in shown.out


def test_python_dash_m_is_the_command(checkout: Path) -> None:
    command = [sys.executable, "-m", "cellctl", "rum"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'Did you mean "run"?' in done.stderr


def test_a_reader_that_goes_away_is_no_error(checkout: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "cellctl", "rum", "--json"]
    done = subprocess.run(command, cwd=checkout, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (2, "")


@pytest.mark.parametrize("words", ["--help", "--version", "sim --help", "explain F101", "explain F101 --json"])
def test_no_room_for_the_answer_is_said(checkout: Path, words: str) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "cellctl", *words.split()]
        done = subprocess.run(command, cwd=checkout, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "standard output cannot be written: No space left on device [U619]\n"


@pytest.mark.parametrize(("words", "code"), [("--help", 0), ("explain F101", 0), ("explain F999", 2), ("rum", 2)])
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_stream_that_is_closed_or_full_changes_no_exit_code(
    checkout: Path, words: str, code: int, closed: str
) -> None:
    line = f'exec "$0" -m cellctl {words} {closed}'
    done = subprocess.run(["sh", "-c", line, sys.executable], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("asked", "taken"), [(None, "1"), ("3", "3")])
def test_linear_algebra_has_one_thread_unless_asked_for_more(asked: str | None, taken: str) -> None:
    """It is read when numpy is loaded, which must not be before."""
    code = (
        "import os, sys\nfrom cellctl.cli.main import main\nassert 'numpy' not in sys.modules\n"
        "sys.argv = ['cellctl', '--version']\ntry:\n    main()\nfinally:\n"
        "    print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    environment |= {"OPENBLAS_NUM_THREADS": asked} if asked else {}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == taken


def test_nothing_is_left_for_the_collector_at_the_end() -> None:
    code = (
        "import atexit, gc, sys\nfrom cellctl.cli.main import main\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 0, gc.get_count()[0] < 1000))\n"
        "sys.argv = ['cellctl', '--version']\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "True True"


@pytest.mark.parametrize(
    "words", [["check", "LONG.yaml"], ["verify", "LONG"], ["run", "LONG"], ["init", "LONG"], ["resume", "LONG"]]
)
def test_a_path_that_is_too_long_is_no_bug(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call([word.replace("LONG", "x" * 300) for word in words]) == 2
    said = capsys.readouterr().err
    assert "too long" in said
    assert "[F101]" in said
    assert len(said) < 200


def test_schemas_that_cannot_be_written_are_no_bug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cell.yaml").write_text("mine")
    assert call(["schema", "-o", str(tmp_path / "cell.yaml")]) == 2
    assert "[F180]" in capsys.readouterr().err
    assert (tmp_path / "cell.yaml").read_text() == "mine"
