"""The pytest plugin: the example of the manual passes, and what does not hold fails with its findings."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from junitparser import JUnitXml, Properties

pytest_plugins = ["pytester"]

INSTALLED = any(point.value == "cellctl.pytest_plugin" for point in entry_points(group="pytest11"))
PLUGIN = (*(() if INSTALLED else ("-p", "cellctl.pytest_plugin")), "-p", "no:cacheprovider")
"""Where cellctl is installed, pytest finds the plugin by itself, and would not take it twice."""


@pytest.fixture(autouse=True)
def _this_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run in a process of their own, which shall find this cellctl."""
    monkeypatch.setenv("PYTHONPATH", str(checkout))


def test_the_example_of_the_manual_passes(pytester: pytest.Pytester, checkout: Path) -> None:
    page = (checkout / "docs" / "cell-tests.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    pytester.makepyfile(example)
    pytester.runpytest_subprocess(*PLUGIN, "--junitxml=out.xml").assert_outcomes(passed=3)
    (suite,) = JUnitXml.fromfile("out.xml")
    first = {found.name: found.value for found in next(iter(suite)).child(Properties)}
    assert float(first["clearance_mm"]) >= 10.0
    assert float(first["cycle_time_s"]) < 120.0


def test_what_is_not_proved_fails_with_its_findings(pytester: pytest.Pytester) -> None:
    pytester.mkdir("tasks")
    Path("tasks/bad.yaml").write_text("cell: nowhere.yaml\nsteps: [{move_j: home}]\n")
    pytester.makepyfile(
        """
        import pytest

        def test_checked(cell):
            cell.check("tasks/bad.yaml")

        def test_refused(cell):
            assert {finding.code for finding in cell.refused("tasks/bad.yaml")} == {"F101"}

        def test_loaded(cell):
            cell.load("tasks/bad.yaml")

        def test_proved_and_should_not_be(cell):
            cell.refused("lib:tasks/weld/tray_corner.yaml")

        def test_no_such_step(cell):
            with pytest.raises(KeyError, match="2 steps are called 'home'"):
                cell.check("lib:tasks/weld/tray_corner.yaml").step("home")
        """
    )
    done = pytester.runpytest_subprocess(*PLUGIN)
    done.assert_outcomes(failed=3, passed=2)
    done.stdout.fnmatch_lines(["tasks/bad.yaml is not proved:", "*nowhere.yaml*[[]F101[]]"])
    done.stdout.fnmatch_lines(["*should not be*"])


def test_the_entry_point_names_the_plugin(checkout: Path) -> None:
    project = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"cellctl": "cellctl.pytest_plugin"}


def test_the_plugin_itself_loads_nothing_heavy(checkout: Path) -> None:
    code = "import cellctl.pytest_plugin, sys; print(*{'numpy', 'numba', 'pybullet', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
