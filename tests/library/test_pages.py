"""Every robot has a page in the manual that is filled from its file, and a picture that is not large."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from cellctl.model.robot import Robot

LARGEST = 60_000


@pytest.fixture
def pages(checkout: Path) -> ModuleType:
    """The module that writes the pages."""
    spec = importlib.util.spec_from_file_location("robot_pages_under_test", checkout / "docs" / "robot_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_has_the_robots_figures(robot: Robot, checkout: Path, pages: ModuleType) -> None:
    stub = (checkout / "docs" / "robots" / f"{robot.name}.md").read_text("utf-8")
    assert stub.startswith(f"# {robot.title}\n")
    assert f"../images/robots/{robot.name}.png" in stub
    text = pages.robot_page(robot.name)
    assert all(f"| `{joint.name}` |" in text for joint in robot.axes)
    assert all(source in text for source in robot.sources.values())
    assert ("## Closed form" in text) is (robot.opw is not None)


def test_the_list_leads_to_every_page(robot: Robot, pages: ModuleType) -> None:
    assert f"| [{robot.title}]({robot.name}.md) |" in pages.robot_list()


def test_the_picture_is_small_and_shows_something(robot: Robot, checkout: Path) -> None:
    file = checkout / "docs" / "images" / "robots" / f"{robot.name}.png"
    assert file.stat().st_size <= LARGEST
    with Image.open(file) as image:
        assert image.size == (640, 480)
        assert len(image.convert("RGB").getcolors(10**6) or ()) > 30


def test_nothing_is_left_over(checkout: Path) -> None:
    robots = {file.parent.name for file in (checkout / "robots").glob("*/robot.yaml")}
    assert {file.stem for file in (checkout / "docs" / "robots").glob("*.md")} == {*robots, "index"}
    assert {file.stem for file in (checkout / "docs" / "images" / "robots").glob("*.png")} == robots
