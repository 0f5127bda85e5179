"""Draws the pictures of the robots' pages: `python docs/robot_pictures.py [NAME ...]`. Look at what it drew."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from cellctl.files import library_robots, load_robot
from cellctl.model.cell import Cell, Group, Mechanism
from cellctl.model.pose import Pose
from cellctl.reports.picture import picture
from cellctl.units import deg

FOLDER = Path(__file__).parent / "images" / "robots"
SIZE = (640, 480)
COLOURS = 128
POSES = {
    "abb": (25, 10, 5, 0, 45, 0),
    "annin": (-115, 20, -10, 0, 40, 0),
    "fanuc": (25, 15, -10, 0, -45, 0),
    "franka": (25, -30, 0, -130, 0, 110, 45),
    "generic": (25, 15, 5, 0, 45, 0),
    "interbotix": (25, -20, 20, 0, 40, 0),
    "kuka": (-25, -75, 75, 0, 45, 0),
    "open": (25, -20, 10, 50),
    "so101": (-50, -30, 30, 40, 0),
    "ur10e": (25, -70, 80, -100, -90, 0),
    "ur5e": (25, -70, 80, -100, -90, 0),
    "yaskawa": (25, 15, -10, 0, -45, 0),
    "yaskawa_motopos_d500": (30, 0),
}
"""Joint values in degrees, by a robot's name or the first word of it."""


def draw(name: str) -> None:
    """Draw one robot on the floor, in few colours, so that the picture is small."""
    robot = load_robot(name)
    cell = Cell(name, (Mechanism(name, robot, Pose.identity(), None, {}),), (Group(name, (name,)),), (), ())
    pose = POSES.get(name) or POSES[name.partition("_")[0]]
    shot = picture(cell, {name: np.array(pose) * deg}, size=SIZE)
    shot.quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or library_robots():
        draw(name)
