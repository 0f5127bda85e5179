"""The shipped controller process with the mechanics of PyBullet, on the arm of the shipped cell."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from cellctl.drivers.driver import Setpoint
from cellctl.drivers.simulated import SimulatedArm
from cellctl.execution.service.processes import (
    CellOptions,
    Programs,
    controller_command,
    new_folder,
    packed_cell,
    spawn,
    wait_for,
)

pytest.importorskip("pybullet")
files = pytest.importorskip("cellctl.files")


@pytest.fixture
def cell():
    return files.load_cell(Path(__file__).resolve().parents[2] / "sim" / "tray_cell" / "cell.yaml")


@pytest.fixture
def folder(cell):
    folder = new_folder(packed_cell(cell))
    complaints = folder.complaints("controller")
    command = controller_command(folder, CellOptions(), Programs())
    process = spawn(command, complaints=complaints, stdin=subprocess.PIPE)
    try:
        wait_for(folder.controller, process, who="controller", complaints=complaints)
        yield folder
    finally:
        process.stdin.close()
        assert process.wait(60) == 0
        shutil.rmtree(folder.path)


def test_it_is_the_arm_of_the_cell_at_home(folder, cell):
    with SimulatedArm(str(folder.controller)) as arm:
        identity = arm.identify()
        mechanism = cell.mechanisms[0]
        assert identity.robot == mechanism.robot.name
        assert identity.joints == tuple(joint.name for joint in mechanism.robot.axes)
        np.testing.assert_allclose(arm.read().joints, mechanism.configurations["home"], atol=1e-9)


def test_it_follows_with_its_stated_lag_and_stands_where_it_is_sent(folder, cell):
    home = np.array(cell.mechanisms[0].configurations["home"])

    def at(k):
        return home + 0.15 * (1.0 - np.cos(np.pi * min(k, 250) / 250)) * np.array([1, -1, 1, 1, 1, -1])

    with SimulatedArm(str(folder.controller)) as arm:
        lag = arm.identify().lag
        worst = 0.0
        for k in range(1, 400):
            state = arm.exchange(Setpoint(at(k)))
            expected = at(k) - (at(k) - at(k - 1)) / 0.004 * lag
            worst = max(worst, np.abs(state.joints - expected).max())
        assert worst < np.radians(0.2)
        assert np.abs(state.joints - at(400)).max() < np.radians(0.05)
        assert np.abs(state.velocities).max() < 0.01
        assert np.abs(state.torques).max() > 20.0, "it carries its own weight"


def test_its_weld_source_logs_where_the_arm_was(folder, cell):
    arc = 1 << next(signal.output for signal in cell.signals if signal.name == "arc_on")
    home = np.array(cell.mechanisms[0].configurations["home"])
    with SimulatedArm(str(folder.controller)) as arm:
        for _ in range(60):
            state = arm.exchange(Setpoint(home, arc))
        assert state.inputs != 0
        arm.stop()
    deadline = time.monotonic() + 30
    while folder.weld_source.read_text().count("\n") < 3:
        assert time.monotonic() < deadline
    log = [json.loads(line) for line in folder.weld_source.read_text().splitlines()]
    assert [entry["event"] for entry in log] == ["arc_on", "arc_established", "arc_off"]
    np.testing.assert_allclose(log[1]["joints"], home, atol=np.radians(0.05))
