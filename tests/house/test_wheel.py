"""The wheel installs `cellctl` and nothing else, with the content folders inside it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CONTENT = ("robots", "tasks", "sim")


def git(checkout: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names of the files in a wheel built from the checkout as it stands."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_top_level_is_the_package_alone(wheel: list[str]) -> None:
    top = {name.split("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == {"cellctl"}
    assert len(top) == 2


def test_library_is_what_git_holds(wheel: list[str], checkout: Path) -> None:
    listed = git(checkout, "ls-files", "--cached", "--others", "--exclude-standard", *CONTENT)
    held = {f"cellctl/_library/{name}" for name in listed if (checkout / name).is_file()}
    assert held, "the content folders are empty"
    assert {name for name in wheel if name.startswith("cellctl/_library/")} == held


def test_content_folders_hold_no_package(checkout: Path) -> None:
    assert [name for name in git(checkout, "ls-files", *CONTENT) if name.endswith("__init__.py")] == []


def test_types_and_licence_ship(wheel: list[str]) -> None:
    assert "cellctl/py.typed" in wheel
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)
