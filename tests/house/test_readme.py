"""The README's first screen is two commands, and `.ci/run` runs the second one as it stands there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

FIRST_SCREEN = 24
"""Lines of the smallest terminal in use."""


def first_commands(readme: str) -> list[str]:
    screen = "\n".join(readme.splitlines()[:FIRST_SCREEN])
    return re.findall(r"^```bash\n(.*?)\n```$", screen, re.MULTILINE | re.DOTALL)


def ci(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([checkout / ".ci/run", *arguments], capture_output=True, text=True, check=False)


def put_ci(folder: Path, checkout: Path, command: str) -> None:
    """Write a project whose README has that test command, or none, with our `.ci/run`."""
    (folder / ".ci").mkdir()
    (folder / ".ci/run").write_bytes((checkout / ".ci/run").read_bytes())
    (folder / ".ci/run").chmod(0o755)
    body = f"<!-- the test command: x -->\n```bash\n{command}\n```\n" if command else "nothing here\n"
    (folder / "README.md").write_text(f"# x\n\n```bash\necho first\n```\n\n{body}", "utf-8")


def test_first_screen_is_two_commands_of_one_line(checkout: Path) -> None:
    commands = first_commands((checkout / "README.md").read_text("utf-8"))
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    assert all(command.startswith("python3 -m venv .venv && .venv/bin/pip install ") for command in commands)
    assert commands[0].endswith("&& .venv/bin/cellctl run tasks/weld/tray_corner.yaml")


def test_ci_runs_the_second_command(checkout: Path) -> None:
    done = ci(checkout, "--show")
    assert done.returncode == 0
    assert done.stdout.splitlines() == first_commands((checkout / "README.md").read_text("utf-8"))[1:]


@pytest.mark.parametrize(
    ("command", "code", "last"),
    [
        ("sh -c 'echo 3 passed in 1.00s'", 0, "3 passed in 1.00s"),
        ("sh -c 'echo 1 failed in 1.00s; exit 1'", 1, "1 failed in 1.00s"),
        ("", 2, ""),
    ],
)
def test_ci_gives_the_commands_own_code_and_lines(
    tmp_path: Path, checkout: Path, command: str, code: int, last: str
) -> None:
    put_ci(tmp_path, checkout, command)
    done = ci(tmp_path)
    assert done.returncode == code, done.stderr
    assert (done.stdout.splitlines() or [""])[-1] == last


@pytest.mark.parametrize("code", [0, 1])
def test_ci_installs_the_peer_that_no_extra_can_bring(tmp_path: Path, checkout: Path, code: int) -> None:
    """`printrun` without what it asks for, after all else and before the tests, which run without it too."""
    pip = f'echo "$@" >> said; case $* in *printrun*) exit {code}; esac'
    command = "true && .venv/bin/pip install -q -e '.[test]' && sh -c 'cat said; echo 3 passed'"
    put_ci(tmp_path, checkout, command)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/pip").write_text(f"#!/bin/sh\n{pip}\n", "utf-8")
    (tmp_path / ".venv/bin/pip").chmod(0o755)
    done = ci(tmp_path)
    assert done.returncode == 0, done.stderr
    installs = ["install -q -e .[test]", "install -q --no-deps printrun>=2.2,<3"]
    assert done.stdout.splitlines()[1:] == [*installs, "3 passed"]
    assert ("printrun was not installed" in done.stderr) is bool(code)


def test_ci_refuses_another_python(tmp_path: Path, checkout: Path) -> None:
    """With nothing but an old interpreter on the path it says what it needs, and runs nothing."""
    for name in ("python3", "python3.11"):
        (tmp_path / name).write_text("#!/bin/sh\ncase $1 in --version) echo Python 3.9.2;; *) exit 1;; esac\n", "utf-8")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [checkout / ".ci/run"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stdout == ""
    assert "python3 is Python 3.9.2; the tests need Python 3.11" in done.stderr
