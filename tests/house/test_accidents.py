"""Accidents that other people's drivers had in public, and that ours must not have: each has a test that names it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ACCIDENTS = {
    "UniversalRobots/Universal_Robots_ROS2_Driver": (520, 279, 1813),
    "UniversalRobots/Universal_Robots_ROS_Driver": (638, 709),
    "ros-controls/ros2_control": (674, 2318),
    "ros-controls/ros_controllers": (48, 461),
    "ros-controls/ros2_controllers": (514, 580),
    "Yaskawa-Global/motoros2": (39, 138),
    "kroshu/kuka_drivers": (257,),
    "frankarobotics/franka_ros2": (212,),
    "LinuxCNC/linuxcnc": (865,),
    "huggingface/lerobot": (1252, 1389, 4282, 2621, 4609, 1010, 441, 2519),
    "almond-bot/axol": (247,),
    "wuphilipp/gello_software": (19,),
    "ROBOTIS-GIT/DynamixelSDK": (156, 515, 288, 330, 80, 316, 302),
    "ROBOTIS-GIT/emanual": (1759,),
    "ROBOTIS-GIT/dynamixel_hardware_interface": (79,),
    "Interbotix/interbotix_ros_manipulators": (13, 10),
    "TheRobotStudio/SO-ARM100": (66, 132, 174),
    "open-edge-platform/physical-ai-studio": (955,),
    "iotdesignshop/Feetech-tuna": (2,),
    "elephantrobotics/pymycobot": (39, 28, 72, 93),
    "ycheng517/ar4_ros_driver": (66, 15, 3, 27),
    "gnea/grbl": (1238, 1016, 573),
    "grbl/grbl": (1504,),
    "pyserial/pyserial": (341, 86, 484, 326),
    "pymodbus-dev/pymodbus": (1331, 333, 385),
    "Klipper3d/klipper": (2312, 3910),
}
"""Issues of other projects by their place."""
MENTION = re.compile(r"([\w.-]+/[\w.-]+)((?:#\d+(?:, )?)+)")


def mentions(text: str) -> Iterator[str]:
    """Every accident in a sentence; `a/b#1, #2` are two of one place."""
    for place, numbers in MENTION.findall(text):
        yield from (f"{place}#{number}" for number in re.findall(r"#(\d+)", numbers))


def named_in(folder: Path) -> set[str]:
    """The accidents that docstrings of tests name."""
    found: set[str] = set()
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.update(mentions(" ".join((ast.get_docstring(node) or "").split())))
    return found


@pytest.fixture(scope="module")
def named(checkout: Path) -> set[str]:
    return named_in(checkout / "tests")


@pytest.mark.parametrize("accident", [f"{place}#{number}" for place, all in ACCIDENTS.items() for number in all])
def test_an_accident_has_a_test_that_names_it(named: set[str], accident: str) -> None:
    assert accident in named


def test_several_accidents_of_one_place_are_told_apart() -> None:
    assert list(mentions("a/b#1, #22: what it was; c/d#3")) == ["a/b#1", "a/b#22", "c/d#3"]
    assert list(mentions("#7 alone, and a/b without a number")) == []
