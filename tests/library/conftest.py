"""Every arm of the library, each read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from cellctl.files import library_robots, load_robot
from cellctl.model.robot import Robot


@cache
def robot_called(name: str) -> Robot:
    return load_robot(f"lib:robots/{name}")


@pytest.fixture(params=library_robots())
def robot(request: pytest.FixtureRequest) -> Robot:
    """Each robot of the library."""
    return robot_called(request.param)


@pytest.fixture
def folder(robot: Robot, checkout: Path) -> Path:
    """The robot's folder."""
    return checkout / "robots" / robot.name


@pytest.fixture
def random_joints(robot: Robot) -> np.ndarray:
    """Seeded joint values (100, dof) inside the limits."""
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    return np.random.default_rng(11).uniform(lower, upper, (100, robot.dof))
